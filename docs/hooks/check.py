"""What a built site must hold: nothing from elsewhere, and every public name in the reference."""

import importlib
import pkgutil
import re
import zlib
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

_LOADS = re.compile(
    r"""<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=["']?(https?:)?//[^>]*>"""
)


def on_post_build(config: Any) -> None:
    """Refuse a site that would load something from the network, or that leaves names out."""
    site = Path(config.site_dir)
    loading = [
        f"{page.relative_to(site)}: {found[0]}"
        for page in sorted(site.rglob("*.html"))
        for found in _LOADS.finditer(page.read_text())
        if 'rel="canonical"' not in found[0]
    ]
    if loading:
        raise PluginError("the site must open offline, but loads\n" + "\n".join(loading))
    missing = sorted(public_names() - _documented(site / "objects.inv"))
    if missing:
        raise PluginError("the reference lacks " + ", ".join(missing))


def public_names() -> set[str]:
    """Return the full names of what the rooms export, rooms themselves left out."""
    return {
        f"{room}.{name}"
        for room in rooms()
        for name in importlib.import_module(room).__all__
        if not _is_module(f"{room}.{name}")
    }


def rooms() -> list[str]:
    """Return the packages of soret that say what they export, the package itself left out."""
    import soret

    return [
        found.name
        for found in pkgutil.walk_packages(soret.__path__, "soret.")
        if found.ispkg and getattr(importlib.import_module(found.name), "__all__", None)
    ]


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the parent is a module, and no package
        return False


def _documented(inventory: Path) -> set[str]:
    """Return the names in a Sphinx inventory: four lines of text, then compressed lines."""
    compressed = inventory.read_bytes().split(b"\n", 4)[4]
    return {line.split(" ", 1)[0] for line in zlib.decompress(compressed).decode().splitlines()}
