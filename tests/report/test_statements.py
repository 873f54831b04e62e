"""Statements and the finding, wherever a run is shown; and runs saved before there were any."""

import importlib
import json
from pathlib import Path

import pytest
from hostile import shown
from report_runs import CLAIM, Make, result, statement

from soret.report import collect, table, write
from soret.report.saved import read_run
from soret.runs import manifest

FINDING = "It falls by 1.91; and stays there."
STATEMENTS = [
    statement(),
    statement(
        name="stay", text="It stays.", origin="restored", setting="easier", deciding=1,
        differs="steps 20 (100)", verdict="contradicted", clause="and stays there",
    ),
    statement(name="far", text="It goes far.", origin="ours", verdict=None, deciding=None),
]  # fmt: skip
RESULTS = [
    result(statement="fall", within=[1.75, 2.25], quantity="exponent of the fall"),
    result(statement="stay", verdict="contradicted", measured=11.02, predicted=11, rival=11.5),
    result(statement="stay", quantity="another"),
]


@pytest.fixture
def run(make: Make) -> Path:
    told = {"verdict": "contradicted", "finding": FINDING, "statements": STATEMENTS}
    return make(results=RESULTS, **told)


def test_they_are_read(run: Path) -> None:
    """Catches: a verdict at another statement, or the result of another shown for it."""
    found = read_run(run)
    assert found.found == FINDING
    assert [one.shown for one in found.statements] == [
        "supported",
        "restoration in doubt",
        "not tested at these settings",
    ]
    assert [len(found.of(one)) for one in found.statements] == [1, 2, 0]
    decides = [found.decides(one) for one in found.statements]
    assert [one and one.quantity for one in decides] == [
        "exponent of the fall",
        "exponent a of the collapse",
        None,
    ]
    assert found.marks == "✓ fall, ! stay (restored, easier), – far (ours)"
    assert found.in_words().startswith(f"{CLAIM}: {FINDING} exponent of the fall: measured 1.91")


def test_show_has_all_of_it(run: Path) -> None:
    """Catches: a statement, its origin, its tolerance or what was tested left out."""
    _, said, _ = shown(run)
    flat = " ".join(said.split())
    for part in (
        "supported: It falls.",
        "Fig. 2; printed, at the paper's setting",
        "exponent of the fall: 1.91 (95 %: 1.88 to 1.94), predicted 2, allowed 1.75 to 2.25, rival",
        "restoration in doubt: It stays.",
        "restored, at an easier setting; steps 20 (100)",
        "predicted 11, rival 11.5; contradicted",
        "another: 1.91",
        "not tested at these settings: It goes far.",
        "tolerance: a tenth",
        f"{CLAIM} (quick scale): {FINDING}",
    ):
        assert part in flat


def test_the_page_has_all_of_it(run: Path, tmp_path: Path) -> None:
    """Catches: what fails without what holds; results that nobody can unfold."""
    write([run], tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text()
    for part in (
        f'<p class="finding">{FINDING}</p>',
        "It falls.<small>Fig. 2; printed, at the paper&#39;s setting</small>",
        "restored, at an easier setting: steps 20 (100)",
        "Tolerance: a tenth",
        "All 2 results: 1 supported, 1 contradicted",
        "allowed 1.75 to 2.25",
        "printed, at the paper&#39;s setting: 1 supported; restored: 1 restoration in doubt",
    ):
        assert part in text


def test_the_table_has_a_row_for_each(run: Path) -> None:
    """Catches: a claim's finding without the numbers behind it."""
    rows = table(collect([run]).runs).splitlines()[2:]
    assert rows[0] == f"| {CLAIM} | {FINDING} |  |  |  |  | 7.5 s |"
    assert rows[1].startswith("|  | It falls. (printed, at the paper's setting) | 2 | 1.91 (1.88")
    assert rows[2].endswith("| 11.5 | restoration in doubt |  |")
    assert rows[3].endswith("|  |  |  | not tested at these settings |  |")
    assert all(row.count("|") == 8 for row in rows)


def test_the_readme_has_marks_and_totals(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: a restored formula, or an easier setting, in the count of what a paper says."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "docs" / "hooks"))
    readme = importlib.import_module("readme")
    lines = readme.table({CLAIM: read_run(run)}, {}).splitlines()
    (row,) = [line for line in lines if f"[{CLAIM}]" in line]
    assert row.endswith(f"| {FINDING} | ✓ fall, ! stay (restored, easier), – far (ours) |  |")
    (total,) = [line for line in lines if "Thermophoresis" in line]
    assert total.endswith(
        "| printed, at the paper's setting: 1 supported; restored: 1 restoration in doubt; "
        "ours: 1 not tested at these settings | | |"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("deciding", 1), ("deciding", 7), ("deciding", None), ("verdict", "inconclusive"),
     ("verdict", None), ("name", "stay"), ("name", "other"), ("origin", "guessed"),
     ("setting", "")],
)  # fmt: skip
def test_statements_that_do_not_fit_their_results_are_refused(
    run: Path, name: str, value: object
) -> None:
    """Catches: a verdict beside a number that does not bear it."""
    path = run / "verdict.json"
    content = json.loads(path.read_text())
    content["statements"][0][name] = value
    path.write_text(json.dumps(content))
    manifest.write(run)
    assert shown(run)[0] is False


def test_a_run_of_before_is_shown_by_the_result_that_decides(make: Make, tmp_path: Path) -> None:
    """Catches: a saved run that cannot be read any more, or that lost its verdict."""
    old = make(results=[result(), result(verdict="contradicted")], verdict="contradicted")
    found = read_run(old)
    (one,) = found.statements
    assert (one.shown, one.circumstances, len(found.of(one))) == ("contradicted", "", 2)
    assert "SGD noise lowers the activation rate" in one.text
    assert found.found.endswith("rival 1; 2 results: 1 supported, 1 contradicted")
    assert found.marks == "✗ contradicted"
    _, said, _ = shown(old)
    assert "contradicted: SGD noise lowers" in said
    assert f"{CLAIM} (quick scale): contradicted" in " ".join(said.split())
    write([old], tmp_path / "r.html")
    assert "<h3>Results</h3>" in (tmp_path / "r.html").read_text()
