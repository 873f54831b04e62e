"""What the documentation shows, runs."""

import importlib
import pkgutil
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def examples():
    """Every page's code: its blocks in their order, each going on from those before it."""
    for page in PAGES:
        blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
        if blocks:
            yield pytest.param("\n".join(blocks), id=str(page.relative_to(ROOT)))


@pytest.mark.parametrize("code", list(examples()))
def test_python_examples_run(code, tmp_path, monkeypatch):
    """An example that a reader copies and that fails."""
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "example.py"
    script.write_text(code)
    runpy.run_path(str(script))


def test_every_room_has_its_place_in_the_reference():
    """A package whose public names the reference would leave out."""
    import soret

    shown = {
        name
        for page in (DOCS / "reference").glob("*.md")
        for name in re.findall(r"^::: ([\w.]+)$", page.read_text(), re.M)
    }
    rooms = [room.name for room in pkgutil.walk_packages(soret.__path__, "soret.") if room.ispkg]
    public = [room for room in rooms if getattr(importlib.import_module(room), "__all__", None)]
    assert len(public) > 10
    assert set(public) <= shown


def test_every_command_in_the_errata_names_a_claim():
    from soret.claims import find

    commands = re.findall(r"soret run ([a-z*/-]+)", (DOCS / "errata.md").read_text())
    assert commands
    for pattern in commands:
        assert find(pattern)


def test_every_entry_of_the_errata_has_a_command():
    """A disagreement that a reader has to believe."""
    entries = (DOCS / "errata.md").read_text().split("\n### ")[1:]
    assert len(entries) > 8
    for entry in entries:
        assert re.search(r"```console\n\$ ", entry), entry.partition("\n")[0]


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
