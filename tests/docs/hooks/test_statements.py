"""The table of printed statements on each paper's page, as `make readme` makes it."""

import importlib
from pathlib import Path

import pytest
from report_runs import result, statement

HOOKS = Path(__file__).parents[3] / "docs" / "hooks"
PAGE = "Before.\n\n<!-- printed statements -->\nold\n<!-- /printed statements -->\n"
QUICK = {"inputs": 10, "hidden": 10, "steps": 8000, "replicas": 128} | {
    "learning_rates": [0.1, 0.05, 0.025],
    "initializations": ["pytorch", "lecun", "normal"],
}


@pytest.fixture
def hook(monkeypatch):
    monkeypatch.syspath_prepend(str(HOOKS))
    return importlib.import_module("statements")


@pytest.fixture
def root(hook, tmp_path):
    for page in hook.PAGES.values():
        (tmp_path / page).parent.mkdir(exist_ok=True)
        (tmp_path / page).write_text(PAGE, encoding="utf-8")
    return tmp_path


def test_a_printed_statement_has_a_row_with_its_verdict_at_every_seed(hook, root, make, capsys):
    """A statement left out, or one that is not the paper's; a page that grows with every call."""
    ours = statement(name="ours", origin="ours", deciding=1)
    for seed, verdict in enumerate(("supported", "contradicted")):
        run = make(
            f"runs/{seed}",
            settings=QUICK,
            seed=seed,
            verdict=verdict,
            statements=[statement(verdict=verdict), ours],
            results=[result(statement="fall", verdict=verdict), result(statement="ours")],
        )
    for _ in range(2):
        assert hook.main([str(run.parent)], root) == 1  # most claims have no run here
    capsys.readouterr()
    text = (root / hook.PAGES["thermophoresis"]).read_text(encoding="utf-8")
    assert text.startswith("Before.\n\n<!-- printed statements -->\n| claim | the paper states |")
    assert text.endswith("<!-- /printed statements -->\n")
    (row,) = text.splitlines()[5:-1]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "activation-rate",
        "It falls.",
        "Fig. 2",
        "paper setting",
        "exponent a of the collapse",
        "2",
        "1",
        "1.91 (1.88 to 1.94)",
        "✓✗",
    ]
    other = (root / hook.PAGES["three-factors"]).read_text(encoding="utf-8")
    assert len(other.splitlines()) == 6


def test_a_page_without_a_place_is_named(hook, root, make, capsys):
    run = make("runs/a", settings=QUICK)
    (root / hook.PAGES["thermophoresis"]).write_text("Nothing.\n")
    assert hook.main([str(run.parent)], root) == 2
    assert "once each" in capsys.readouterr().err
