"""Reading saved runs: what is told of them is so, and what is damaged is named."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path

import pytest
from report_runs import CLAIM, curves, result

from soret.claims import configure, find
from soret.claims.claim import CLAIMS
from soret.errors import RunError, SettingsError
from soret.report import collect
from soret.report.saved import SavedRun, read_run
from soret.runs import RunFolder, files


def described(claim, settings):
    record = {"claim": claim, "scale": "quick", "seed": 0, "settings": settings}
    return SavedRun(Path("runs/a b"), {"description": record})


def test_the_command_gives_the_same_settings_for_every_claim():
    """A command that leaves out a setting, or writes one as --set cannot read it."""
    for claim in find():
        ready = configure(claim, "paper")  # differs from quick in everything that quick changes
        settings = files.finite(asdict(ready))
        words = shlex.split(described(claim.about.id, settings).command)
        assert words[:3] == ["soret", "run", claim.about.id]
        assert words[-2:] == ["--out", "runs/a b"]
        assignments = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
        again = configure(CLAIMS[claim.about.id], "quick", assignments)
        assert files.finite(asdict(again)) == settings


def test_a_setting_cannot_become_a_command():
    """Quotes that end early in what a reader pastes into a shell."""
    evil = "x'; touch /tmp/pwned; echo '\n$(id)"
    words = shlex.split(described(CLAIM, {"initializations": evil}).command)
    assert f"initializations={evil}" in words


def test_the_result_that_decides_is_shown(make):
    """A contradicted claim represented by the one of its results that agreed."""
    results = [
        result(quantity="good"),
        result(quantity="words", verdict="contradicted", predicted="below 0"),
        result(quantity="bad", verdict="contradicted"),
    ]
    run = read_run(make(results=results, verdict="contradicted"))
    assert run.decisive is not None
    assert run.decisive.quantity == "bad"


def test_words_for_the_figure_have_verdict_and_numbers(make):
    """Alternative text that says that there is a figure, and not what it shows."""
    told = read_run(make(results=[result(quantity=f"q{i}") for i in range(9)])).in_words()
    for part in (CLAIM, "supported", "1.91 (95 %: 1.88 to 1.94)", "predicted 2", "3 more"):
        assert part in told


def test_a_measurement_that_failed_is_said(make):
    """None formatted as a number."""
    run = read_run(make(results=[result(measured=None, interval=[None, None])]))
    assert run.results[0].in_words == "could not be measured"


@pytest.mark.parametrize(
    "damage", ["verdict", "interval", "word", "number", "time", "data", "state"]
)
def test_damage_is_named_and_the_rest_is_read(make, damage):
    """One bad folder among forty that takes the others with it, or is shown as if it were whole."""
    whole, broken = make("whole"), make("broken")
    verdict, record = broken / "verdict.json", broken / "run.json"
    found, run = json.loads(verdict.read_text()), json.loads(record.read_text())
    if damage == "verdict":
        verdict.write_text(verdict.read_text()[:-20])
    elif damage == "interval":
        found["results"][0]["interval"] = [1]
    elif damage == "word":
        found["verdict"] = "proved"
    elif damage == "number":
        found["results"][0]["measured"] = {"a": 1}
    elif damage == "time":
        run["finished"] = "yesterday"
    elif damage == "data":
        next((broken / "data.zarr").rglob("zarr.json")).write_text("{}")
    elif damage == "state":
        run["state"] = "running"
    if damage != "verdict":
        verdict.write_text(json.dumps(found))
    record.write_text(json.dumps(run))
    read = collect([whole, broken])
    assert [one.path for one in read.runs] == [whole]
    (sentence,) = read.unread
    assert str(broken) in sentence
    assert sentence.endswith((".", "--live."))


def test_folders_of_runs_are_opened_and_nothing_is_read_twice(make, tmp_path):
    """A run that is shown twice because it was named in two ways on the command line."""
    make("a"), make("b")
    found = collect([tmp_path, tmp_path / "a"])
    assert [run.path.name for run in found.runs] == ["a", "b"]


def test_no_run_at_all_is_an_error(tmp_path):
    """An empty page for a folder with a misspelt name."""
    with pytest.raises(SettingsError, match=r"no run to report.*nowhere holds no saved run"):
        collect([tmp_path / "nowhere"])


def test_an_ensemble_without_a_claim_is_read(tmp_path):
    """A report that only takes claims."""
    folder = RunFolder(tmp_path / "mine")
    folder.begin({"problem": {"name": "two_layer", "inputs": 10}, "steps": 800, "seed": 4})
    folder.finish(curves(), seconds=2.5)
    (run,) = collect([tmp_path]).runs
    assert (run.title, run.claim, run.verdict, run.command) == ("two_layer", None, None, "")
    assert run.settings["problem inputs"] == "10"
    assert list(run.experiments()) == [""]


def test_experiments_that_are_not_there_are_damage(make):
    """A KeyError from the depths of xarray."""
    path = make()
    record = json.loads((path / "run.json").read_text())
    record["experiments"] = ["pytorch", "elsewhere"]
    (path / "run.json").write_text(json.dumps(record))
    RunFolder(path).seal()
    with pytest.raises(RunError, match="names experiments"):
        read_run(path).experiments()
