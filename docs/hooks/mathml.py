"""Formulas become MathML while the site is built, so that no script is needed to read them."""

import html
import re

from latex2mathml.converter import convert

_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.S
)


def on_page_content(content: str, **_: object) -> str:
    """Put MathML where arithmatex left LaTeX."""
    return _FORMULA.sub(_as_mathml, content)


def _as_mathml(found: re.Match[str]) -> str:
    display = "block" if found["tag"] == "div" else "inline"
    formula = convert(html.unescape(found["latex"]), display=display)
    return f'<div class="formula">{formula}</div>' if display == "block" else formula
