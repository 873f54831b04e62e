"""Data and scripts inside a page, so that nothing in them can become markup."""

import base64
import functools
import gzip
import hashlib
import json
from typing import Any


def packed(text: str) -> str:
    """Return text compressed and in base64, whose letters mean nothing to HTML."""
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def packed_json(content: Any) -> str:
    """Return plain data as `packed` JSON."""
    return packed(json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


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
