"""Simulations where nobody listens: a daemon without standard error, warnings that are errors."""

import sys
import warnings

import numpy as np
import pytest

import soret
from soret.runs import progress

SETTINGS = {"steps": 40, "replicas": 2, "record_every": 20, "seed": 1}


class Closed:
    """A stream that is there, and refuses everything."""

    encoding = "ascii"

    def isatty(self):
        return True

    def write(self, _text):
        raise OSError(5, "Input/output error")

    def flush(self):
        raise OSError(5, "Input/output error")


def simulated(problem, **settings):
    return soret.simulate(
        problem,
        soret.SGD(learning_rate=0.01),
        observe=soret.observables.parameter_norm,
        **SETTINGS | settings,
    )


@pytest.fixture(scope="module")
def expected(regression):
    return simulated(regression)


@pytest.mark.parametrize("stream", [None, Closed(), "closed"], ids=["none", "refusing", "closed"])
@pytest.mark.parametrize("shown", [None, True])
def test_a_simulation_needs_no_standard_error(
    stream, shown, regression, expected, monkeypatch, tmp_path
):
    """Catches: AttributeError or OSError of the progress bar, in a daemon or under pythonw."""
    if stream == "closed":
        stream = (tmp_path / "err").open("w")
        stream.close()
    monkeypatch.setattr(progress, "_QUIET_SECONDS", -1.0)
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, stream)
    found = simulated(regression, progress=shown, out=tmp_path / "run")
    monkeypatch.undo()
    np.testing.assert_array_equal(found.parameter_norm, expected.parameter_norm)


def test_a_warning_that_is_an_error_loses_nothing(regression, tmp_path):
    """Catches: hours of work thrown away by ``-W error`` when one replica diverged."""
    diverging = {"replicas": 2, "steps": 400, "record_every": 100, "seed": 1}

    def run():
        return soret.simulate(
            regression,
            soret.SGD(learning_rate=50.0),
            observe=soret.observables.parameter_norm,
            out=tmp_path / "run",
            **diverging,
        )

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(soret.DivergenceWarning, match="diverged"):
            run()
    with pytest.warns(soret.DivergenceWarning):
        found = run()
    assert (found.diverged_at >= 0).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert soret.load(tmp_path / "run").equals(found)
