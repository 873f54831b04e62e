"""Tests lie where their module lies, so that who changes the one finds the other."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
FILES = sorted(str(path.relative_to(TESTS)) for path in TESTS.rglob("test_*.py"))


def names_a_module(words: str, folder: Path) -> bool:
    """Whether words are those of a module or package in a folder, and perhaps an aspect of it."""
    there = {path.stem.lstrip("_") for path in folder.iterdir() if path.suffix in ("", ".py")}
    parts = words.split("_")
    return any("_".join(parts[:count]) in there for count in range(1, len(parts) + 1))


@pytest.mark.parametrize("file", FILES)
def test_lies_where_its_module_lies(file: str) -> None:
    """Catches: tests that stayed behind when their module moved.

    `a/test_b.py`, `a/test_b_and_c.py` and `a/test_b_aspect.py` test `a/b.py`; what is asked of
    everything in a folder is in `a/test_all_aspect.py`.
    """
    path = Path(file)
    base = ROOT if path.parts[0] == "docs" else ROOT / "src" / "soret"
    folder = base / path.parent
    assert folder.is_dir(), f"{file}: {folder} is no folder of the source"
    words = path.stem.removeprefix("test_")
    if not words.startswith("all_"):
        for part in words.split("_and_"):
            assert names_a_module(part, folder), f"{file}: no module {part} in {folder}"
