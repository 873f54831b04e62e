"""What a claim would cost, said before it is run."""

import json

import pytest

from soret import cli
from soret.claims import configure, find
from soret.claims.cost import cost

SMALL = {"replicas": 8, "steps": 400, "initializations": ("normal",)}
ID = "thermophoresis/activation-rate"


@pytest.fixture(scope="module")
def found():
    return cost(configure(find(ID)[0], "quick", SMALL), scale="quick")


def test_every_ensemble_is_estimated(found):
    assert list(found.estimates) == ["normal"]
    assert found.blocks >= 1
    assert 0 < found.seconds(1000) <= found.seconds(1)
    assert found.memory > 0


def test_measurements_are_named_as_not_timed():
    """Catches: half a claim's work left out of its cost without a word."""
    claim = configure(find("escape/time-change")[0], "quick", {})
    assert len(cost(claim, scale="quick").measurements) == 4


def test_more_replicas_cost_more(found):
    more = configure(find(ID)[0], "quick", SMALL | {"replicas": 4096, "steps": 40_000})
    assert cost(more, scale="quick").seconds() > found.seconds()


def test_the_command_says_it_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    told = [f"{name}={value}" for name, value in SMALL.items() if name != "initializations"]
    assert cli.app(
        ["run", ID, "--estimate", "--json", *(w for t in told for w in ("--set", t))],
        standalone_mode=False,
    ) in (None, 0)
    said = json.loads(capsys.readouterr().out)
    assert said["claim"] == ID
    assert set(said["seconds_by_workers"]) == {"1", "4", "16", "64"}
    assert not list(tmp_path.iterdir())
