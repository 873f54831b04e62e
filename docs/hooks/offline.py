"""A built site must open offline: nothing in it is loaded from elsewhere."""

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

_LOADS = re.compile(
    r"""<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=["']?(?:https?:)?//[^>]*>"""
)


def on_post_build(config: Any) -> None:
    """Refuse a site that would load something from the network."""
    site = Path(config.site_dir)
    loading = [
        f"{page.relative_to(site)}: {found[0]}"
        for page in sorted(site.rglob("*.html"))
        for found in _LOADS.finditer(page.read_text())
        if 'rel="canonical"' not in found[0]
    ]
    if loading:
        raise PluginError("the site must open offline, but loads\n" + "\n".join(loading))
