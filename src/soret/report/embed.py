"""Data and scripts inside a page, so that nothing in them can become markup."""

import base64
import functools
import gzip
import hashlib
import json
from typing import Any

from soret.printable import printable


def packed(text: str) -> str:
    """Return text compressed and in base64, whose letters mean nothing to HTML."""
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def packed_json(content: Any) -> str:
    """Return plain data as `packed` JSON, its texts as they may be shown."""
    texts = _shown(content)
    return packed(json.dumps(texts, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def _shown(content: Any) -> Any:
    if isinstance(content, str):
        return printable(content)
    if isinstance(content, dict):
        return {key: _shown(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        # Numbers, of which there are many, have no letters.
        return [v if v is None or type(v) is float else _shown(v) for v in content]
    return content


def source_hash(script: str) -> str:
    """Return what a Content-Security-Policy calls a script by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@functools.cache
def plotly() -> tuple[str, str]:
    """Return Plotly's own script, packed, and its hash."""
    from plotly.offline import get_plotlyjs

    # A script's text as the browser sees it: line ends are one character in HTML.
    script = get_plotlyjs().replace("\r\n", "\n")
    return packed(script), source_hash(script)
