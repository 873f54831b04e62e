"""The bound on the Hessian's trace: what the judge says of runs whose order is known."""

import numpy as np
import pytest
import xarray as xr
from told import told

from soret.claims import configure, find
from soret.claims.thermophoresis.hessian_trace_bound import _rank_correlations
from soret.errors import SettingsError
from soret.verdict import Verdict

CLAIM = "thermophoresis/hessian-trace-bound"


@pytest.fixture(scope="module")
def claim():
    return configure(find(CLAIM)[0], "quick", {"depths": (1,)})


def made(*, sign=1.0, largest=0.1, dropped=0.0, replicas=6, records=20):
    """A run whose trace grows, and whose bound goes as trace^sign, with noise."""
    rng = np.random.default_rng(0)
    dims = ("replica", "step")
    trace = np.exp(np.linspace(0, 2, records) + 0.1 * rng.normal(size=(replicas, records)))
    bound = 10 * trace**sign
    variables = {
        "hessian_trace": trace,
        "hessian_trace_bound": bound,
        "hessian_trace_over_output": trace,
        "hessian_trace_bound_over_output": bound,
        "tightest_trace_bound": largest * rng.uniform(0.5, 1, trace.shape),
        "dropped_trace": np.full(trace.shape, dropped),
        "activation_rate": rng.uniform(size=trace.shape),
        "parameter_norm": bound,
    }
    variables["tightest_trace_bound"][-1, 3] = largest
    coordinates = {"replica": np.arange(replicas), "step": np.arange(records)}
    return {"depth-1": xr.Dataset({k: (dims, v) for k, v in variables.items()}, coordinates)}


def verdicts(claim, runs):
    return [result.verdict for result in claim.judge(runs)]


S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [S, S, S]),
        ({"replicas": 1}, [S, N, N]),
        ({"sign": -1.0}, [S, C, C]),
        ({"largest": 1.01}, [C, S, S]),
        ({"largest": 1.00001}, [S, S, S]),
        ({"dropped": 0.01}, [N, S, S]),
    ],
)
@pytest.mark.known_answer("thermophoresis/hessian-trace-bound", "prediction", "rival", "few")
def test_judged_by_what_was_made(claim, settings, expected):
    """One example above its bound is enough; a bound that goes against the trace is refused."""
    assert verdicts(claim, made(**settings)) == expected
    stated = {"bound": str(expected[0]), "tells-the-trace": str(expected[1])}
    assert told(claim, made(**settings)) == stated


def test_the_control_is_violated_and_tells_nothing(claim):
    """A control that keeps the order, whatever the order was."""
    for sign in (1.0, -1.0):
        assert verdicts(claim, claim.control(made(sign=sign))) == [C, N, N]


def test_the_largest_ratio_is_reported(claim):
    """A mean over examples or replicas, which a violation in one of them does not move."""
    result = claim.judge(made(largest=0.3))[0]
    assert result.measured == pytest.approx(0.3)


def test_rank_correlations_by_hand():
    """Correlation of values instead of ranks; NaN that spreads; a constant."""
    first = np.array([[1, 2, 3, 4.0], [1, 2, np.nan, 3], [1, 2, 3, 4]])
    second = np.array([[1, 10, 100, 50.0], [3, 2, 5, 1], [7, 7, 7, 7]])
    found = _rank_correlations(first, second)
    assert found[:2] == pytest.approx([0.8, -1.0])
    assert np.isnan(found[2])


def test_records_that_do_not_fit_are_refused():
    with pytest.raises(SettingsError, match="divide steps"):
        configure(find(CLAIM)[0], "quick", {"records": 7})
