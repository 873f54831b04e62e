"""The tables of coverage, as `make calibration` makes them."""

import importlib
from pathlib import Path

import pytest
from calibrations import CASES, REPLICAS

ROOT = Path(__file__).parents[3]


@pytest.fixture
def calibration(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "hooks"))
    return importlib.import_module("calibration")


def test_a_row_says_what_was_measured(calibration):
    """Catches: what was refused as 0 %, or what is outside its bounds not seen."""
    measured = {(i, n): ({}, 0) for i in range(len(CASES)) for n in REPLICAS}
    mine = next(i for i, one in enumerate(CASES) if one.function == "stationarity")
    measured[mine, 8] = ({"interval": 950, "drifting": 50}, 1000)
    measured[mine, 16] = ({"interval": 880, "drifting": 120}, 1000)
    lines = calibration.table(measured).splitlines()
    assert f"| {CASES[mine].data} | interval | – | 95.0 | **88.0** | – | – |" in lines
    assert f"| {CASES[mine].data} | *drifting* | – | 5.0 | **12.0** | – | – |" in lines
    assert {line[4:] for line in lines if line.startswith("### ")} == {c.function for c in CASES}


def test_the_page_has_every_case():
    """Catches: a case that nobody measured for the page."""
    page = (ROOT / "docs" / "calibration.md").read_text(encoding="utf-8")
    assert [one.data for one in CASES if f"| {one.data} |" not in page] == []


def test_a_page_without_marks_is_left_alone(calibration, tmp_path, capsys):
    """Catches: a page that is overwritten by its table."""
    page = tmp_path / "calibration.md"
    page.write_text("# Mine\n")
    assert calibration.main([], page) == 2
    assert page.read_text() == "# Mine\n"
    assert "lacks" in capsys.readouterr().err
