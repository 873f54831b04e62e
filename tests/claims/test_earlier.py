"""A run that was saved before its claim measured what it measures now is not judged."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import xarray as xr

import soret
from soret.claims.claim import all_of_them
from soret.claims.earlier import refuse_earlier
from soret.errors import RunError

EXPERIMENTS = {
    "walk": soret.Experiment(
        problem=soret.problems.surface(lambda x: 0.5 * x @ x, start=[0.0]),
        algorithm=soret.SGD(0.1),
        observe=[soret.observables.parameters, soret.observables.parameter_norm],
        steps=4,
        replicas=2,
    )
}
WHOLE = xr.Dataset({"parameters": 0.0, "parameter_norm": 0.0})


def claim(saved=all_of_them):
    return type("Claim", (SimpleNamespace,), {"saved": saved})()


def test_what_has_all_is_judged():
    refuse_earlier(Path("runs/a"), claim(), EXPERIMENTS, {"walk": WHOLE})


@pytest.mark.parametrize(
    ("runs", "lacks"),
    [
        ({}, "no 'walk'"),
        ({"walk": WHOLE.drop_vars("parameter_norm")}, "no parameter_norm in 'walk'"),
    ],
)
def test_what_lacks_something_is_refused(runs, lacks):
    """Catches: a KeyError, and the advice to test again what lacks a variable."""
    with pytest.raises(RunError, match=rf"runs/a was saved .* {lacks}; .* choose another folder"):
        refuse_earlier(Path("runs/a"), claim(), EXPERIMENTS, runs)


def test_a_claim_that_chooses_what_is_saved_is_not_asked():
    refuse_earlier(Path("runs/a"), claim(lambda self, runs: {}), EXPERIMENTS, {})
