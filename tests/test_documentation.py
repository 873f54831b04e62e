"""What the documentation shows, runs."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def examples():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for i, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.S)):
            yield pytest.param(code, id=f"{page.name}-{i}")


@pytest.mark.parametrize("code", list(examples()))
def test_python_examples_run(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "example.py"
    script.write_text(code)
    runpy.run_path(str(script))


def test_every_command_in_the_errata_names_a_claim():
    from soret.claims import find

    commands = re.findall(r"soret run ([a-z*/-]+)", (ROOT / "docs" / "errata.md").read_text())
    assert commands
    for pattern in commands:
        assert find(pattern)


def test_every_entry_of_the_errata_has_a_command():
    """A disagreement that a reader has to believe."""
    entries = (ROOT / "docs" / "errata.md").read_text().split("\n### ")[1:]
    assert len(entries) > 8
    for entry in entries:
        assert re.search(r"```console\n\$ ", entry), entry.partition("\n")[0]


def test_links_between_pages_lead_somewhere():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
