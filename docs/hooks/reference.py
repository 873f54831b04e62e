"""The reference: a page that says ``::: soret.room`` gets every public name of that room.

A function is often named as the file it is in, so that ``soret.dynamics.simulate`` is both. What is
meant is the function, but its name leads a static reading of the sources to the file; such names
are given in full.
"""

import importlib
import importlib.util
import pkgutil
import re
import zlib
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.pages import Page

_ROOM = re.compile(r"^::: (?P<room>soret[\w.]*)$", re.M)
_LINK = re.compile(r"\]\[(?P<room>soret[\w.]*)\.(?P<name>\w+)\]")


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Write out the names of each room on a page of the reference; let links lead there."""
    markdown = _LINK.sub(lambda found: f"][{_path(found['room'], found['name'])}]", markdown)
    if not page.file.src_uri.startswith("reference/"):
        return markdown
    level = 3 if len(_ROOM.findall(markdown)) > 1 else 2
    return _ROOM.sub(lambda found: _names(found["room"], level), markdown)


def on_post_build(config: Any) -> None:
    """Refuse a site that leaves public names out."""
    documented = _documented(Path(config.site_dir) / "objects.inv")
    missing = sorted(
        f"{room}.{name}"
        for room in rooms()
        for name in _public(room)
        if _path(room, name) not in documented
    )
    if missing:
        raise PluginError("the reference lacks " + ", ".join(missing))


def rooms() -> list[str]:
    """Return the packages of soret that say what they export, the package itself left out."""
    import soret

    return [
        found.name
        for found in pkgutil.walk_packages(soret.__path__, "soret.")
        if found.ispkg and getattr(importlib.import_module(found.name), "__all__", None)
    ]


def _names(room: str, level: int) -> str:
    """Return mkdocstrings' directives for a room: its docstring, then each name."""
    parts = [f"::: {room}\n    options: {{members: false}}\n"]
    for name in _public(room):
        parts.append(
            f"::: {_path(room, name)}\n"
            f"    options: {{show_root_heading: true, show_root_toc_entry: true,"
            f" heading_level: {level}}}\n"
        )
    return "\n".join(parts)


def _public(room: str) -> list[str]:
    """Return what a room exports, rooms within it left out."""
    module = importlib.import_module(room)
    names = getattr(module, "__all__", None) or [
        name for name, value in vars(module).items() if getattr(value, "__module__", "") == room
    ]
    return [name for name in names if not _is_module(getattr(module, name))]


def _path(room: str, name: str) -> str:
    """Return where a name is found in the sources."""
    full = f"{room}.{name}"
    package = hasattr(importlib.import_module(room), "__path__")
    return f"{full}.{name}" if package and importlib.util.find_spec(full) else full


def _is_module(value: Any) -> bool:
    return type(value) is type(importlib)


def _documented(inventory: Path) -> set[str]:
    """Return the names in a Sphinx inventory: four lines of text, then compressed lines."""
    compressed = inventory.read_bytes().split(b"\n", 4)[4]
    return {line.split(" ", 1)[0] for line in zlib.decompress(compressed).decode().splitlines()}
