"""The README's table of verdicts, as `make readme` makes it."""

import importlib
import re
from pathlib import Path

import pytest
from report_runs import CLAIM, result

from soret.claims import find
from soret.report import collect

HOOKS = Path(__file__).parents[3] / "docs" / "hooks"
PAGE = "# Before\n\n<!-- verdicts -->\nold\n<!-- /verdicts -->\n\nAfter.\n"
QUICK = {"inputs": 10, "hidden": 10, "steps": 8000, "replicas": 128} | {
    "learning_rates": [0.1, 0.05, 0.025],
    "initializations": ["pytorch", "lecun", "normal"],
}


@pytest.fixture
def readme(monkeypatch):
    monkeypatch.syspath_prepend(str(HOOKS))
    return importlib.import_module("readme")


@pytest.fixture
def page(tmp_path):
    (tmp_path / "README.md").write_text(PAGE)
    return tmp_path / "README.md"


def test_every_claim_has_a_row_and_the_rest_of_the_page_stays(readme, page, make, capsys):
    """A claim that nobody ran left out; a page that is cut, or grows with every call."""
    run = make("runs/a", settings=QUICK)
    for _ in range(2):
        assert readme.main([str(run.parent)], page) == 1  # most claims have no run here
    text = page.read_text()
    assert text.startswith("# Before\n\n<!-- verdicts -->\nA claim makes several")
    assert text.endswith("<!-- /verdicts -->\n\nAfter.\n")
    names = re.findall(r"^\| \[([\w/-]+)\]", text, re.M)
    assert sorted(names) == [claim.about.id for claim in find()]
    assert text.count("not run here") == len(names) - 1
    assert "✓ supported, ✗ contradicted" in text
    assert all(row.count("|") == 5 for row in text.splitlines() if row.startswith("|"))
    said = capsys.readouterr().err
    assert "no run of escape/time-change" in said
    assert CLAIM not in said


def test_a_row_says_what_was_found(readme, make):
    """A verdict without the number behind it, or with that of a result that did not decide."""
    make(
        "runs/a", settings=QUICK, verdict="contradicted",
        results=[result(), result(quantity="norm|V", verdict="contradicted", measured=-0.5)],
    )  # fmt: skip
    runs = readme.chosen(collect([make("runs/b", "unknown/claim").parent]).runs)
    (line,) = [line for line in readme.table(runs, {}).splitlines() if f"[{CLAIM}]" in line]
    assert line.startswith(f'| [{CLAIM}](docs/thermophoresis.md "SGD noise lowers')
    assert line.endswith(
        "| norm&#124;V: −0.5 (1.88 to 1.94), predicted 2, rival 1; 2 results: 1 supported, "
        "1 contradicted | ✗ contradicted |  |"
    )


def test_only_runs_with_their_own_settings_count(readme, make):
    """The verdict of somebody's --set in the place of the claim's."""
    runs = collect([make("runs/a", settings=QUICK | {"replicas": 4}).parent]).runs
    assert readme.chosen(runs) == {}


def test_verdicts_that_change_with_the_seed_are_shown(readme, make):
    """One seed's luck in the place of a verdict; somebody's settings among the seeds."""
    for seed, verdict in enumerate(["supported", "inconclusive", "supported"]):
        make(f"runs/{seed}", settings=QUICK, seed=seed, verdict=verdict,
             results=[result(verdict=verdict)])  # fmt: skip
    folder = make("runs/own", settings=QUICK | {"replicas": 4}, seed=3).parent
    runs = collect([folder]).runs
    seeds = readme.by_seed(runs, readme.chosen(runs))
    assert list(seeds[CLAIM]) == [0, 1, 2]
    assert readme.compared(seeds[CLAIM]).endswith(": ✓?✓ (seeds 0–2)")
    del seeds[CLAIM][1]
    assert readme.compared(seeds[CLAIM]) == "the same at 0, 2"
    del seeds[CLAIM][2]
    assert readme.compared(seeds[CLAIM]) == ""


@pytest.mark.parametrize("text", ["no marks", PAGE * 2, PAGE.replace("<!-- /verdicts -->\n", "")])
def test_a_page_without_its_marks_is_left_alone(readme, page, make, capsys, text):
    """Half of a README gone because a mark was."""
    page.write_text(text)
    assert readme.main([str(make(settings=QUICK))], page) == 2
    assert page.read_text() == text
    assert "once each" in capsys.readouterr().err


def test_no_run_is_one_sentence(readme, page, tmp_path, capsys):
    """A table of nothing in the place of one that was right."""
    assert readme.main([str(tmp_path / "nowhere")], page) == 2
    assert page.read_text() == PAGE
    assert "no run to report" in capsys.readouterr().err
