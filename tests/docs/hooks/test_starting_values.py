"""The table of where nets begin, as `docs/hooks/starting_values.py` makes it."""

import importlib
from pathlib import Path

import numpy as np
import pytest

HOOKS = Path(__file__).parents[3] / "docs" / "hooks"
PAGE = "Before.\n\n<!-- starting values -->\nold\n<!-- /starting values -->\n\nAfter.\n"


@pytest.fixture
def hook(monkeypatch):
    monkeypatch.syspath_prepend(str(HOOKS))
    return importlib.import_module("starting_values")


def test_the_table_is_between_its_marks_and_what_is_near_the_ticks_is_bold(
    hook, monkeypatch, tmp_path
):
    """A page that is cut or grows; a value called near that is not."""
    made = {"pytorch": [0.5, 0.56, 7e-6], "he": [0.5, 1.06, 1.5e-4]}
    monkeypatch.setattr(hook, "INITIALIZATIONS", {"pytorch": "default", "he": "He"})
    monkeypatch.setattr(hook, "starting_values", made.__getitem__)
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    for _ in range(2):
        assert hook.main(page) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("Before.\n\n<!-- starting values -->\n| |")
    assert text.endswith("<!-- /starting values -->\n\nAfter.\n")
    assert "| default | **0.5** | 0.56 | 7e-06 |" in text
    assert "| He | **0.5** | 1.1 | **0.00015** |" in text


def test_a_page_without_a_place_is_left_alone(hook, tmp_path, capsys):
    (tmp_path / "page.md").write_text("Nothing.\n")
    assert hook.main(tmp_path / "page.md") == 2
    assert "no place" in capsys.readouterr().err
    assert (tmp_path / "page.md").read_text() == "Nothing.\n"


@pytest.mark.slow
def test_values_are_those_of_the_distribution(hook, monkeypatch):
    """‖V‖ of ten standard normal weights is √2 Γ(5.5)/Γ(5); half of the units are active."""
    monkeypatch.setattr(hook, "DEEP", 1)
    rate, norm, _ = hook.starting_values("normal")
    # Of 1,024 replicas; ‖V‖ has a standard deviation of 0.70, a rate of some 0.1.
    assert abs(norm - 3.0843) < 6 * 0.70 / np.sqrt(1024)
    assert abs(rate - 0.5) < 6 * 0.1 / np.sqrt(1024)
