"""Comparison at the same training loss: where a level is reached, and what the judge says."""

import numpy as np
import pytest
import xarray as xr
from told import told

from soret.claims import configure, find
from soret.claims.thermophoresis.same_training_error import _at
from soret.errors import InferenceError, SettingsError
from soret.verdict import Verdict

CLAIM = "thermophoresis/same-training-error"
OBSERVABLES = ("activation_rate", "weight_norm")
RATES = (0.2, 0.05)


def dataset(rate, loss, values):
    dims = ("learning_rate", "replica", "step")
    variables = {name: (dims, np.asarray(values, float)[None]) for name in OBSERVABLES}
    variables["loss"] = (dims, np.asarray(loss, float)[None])
    return xr.Dataset(variables, {"learning_rate": [rate], "step": np.arange(np.shape(loss)[1])})


def made(difference, *, replicas=12, records=30):
    """Runs whose observables are a function of the loss, apart by `difference`, with noise."""
    rng = np.random.default_rng(0)
    starts = rng.normal(size=(replicas, 1))
    runs = {}
    for rate in RATES:
        pace = rng.uniform(0.9, 1.1, (replicas, 1))
        loss = np.exp(-np.linspace(0, 4, records) * pace)
        values = 1 - np.log(loss) + starts + 0.05 * rng.normal(size=loss.shape)
        runs[f"real/{rate:g}"] = dataset(rate, loss, values + difference * (rate == max(RATES)))
    return runs


@pytest.fixture(scope="module")
def claim():
    return configure(find(CLAIM)[0], "quick", {"labels": ("real",), "learning_rates": RATES})


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [(-0.3, Verdict.SUPPORTED), (0.0, Verdict.INCONCLUSIVE), (0.3, Verdict.CONTRADICTED)],
)
@pytest.mark.known_answer("thermophoresis/same-training-error", "prediction", "rival")
def test_the_sign_decides(claim, difference, verdict):
    """The difference taken the wrong way round, or replicas not paired: they lie 1 apart."""
    results = claim.judge(made(difference))
    assert len(results) == 6
    both = dict.fromkeys(("activation-rate", "weight-norm"), str(verdict))
    assert told(claim, made(difference)) == both
    assert {result.verdict for result in results} == {verdict}
    assert all(result.measured == pytest.approx(difference, abs=0.1) for result in results)


def test_a_larger_norm_of_v_is_not_held_against_the_activation_rate(claim):
    """Catches: one observable's difference counted for the other's statement."""
    runs, other = made(-0.3), made(0.3)
    for name, run in runs.items():
        run["weight_norm"] = other[name]["weight_norm"]
    assert told(claim, runs) == {"activation-rate": "supported", "weight-norm": "contradicted"}


@pytest.mark.known_answer("thermophoresis/same-training-error", "few")
def test_one_pair_says_nothing(claim):
    """Catches: a difference told from a single pair of runs."""
    assert set(told(claim, made(-0.3, replicas=1)).values()) == {"inconclusive"}


def test_the_control_has_no_difference_left(claim):
    """A control that leaves some of what it should take away, and is supported by it."""
    for result in claim.judge(claim.control(made(-0.3))):
        low, high = result.interval
        assert result.verdict is Verdict.INCONCLUSIVE
        assert abs(result.measured) < 1e-3 * (high - low)
        assert high - low > 0.01


def test_where_a_level_is_reached():
    """By hand: interpolation in log loss, at the first crossing, not a later one."""
    run = dataset(0.1, [[1.0, 0.1, 0.5, 0.01], [1.0, 0.9, 0.8, 0.7]], [[0, 1, 7, 2], [0, 1, 2, 3]])
    found = _at(run, "weight_norm", np.array([1.0, 10**-0.5, 0.1]))
    assert found[0] == pytest.approx([0, 0.5, 1])
    assert found[1, 0] == 0
    assert np.isnan(found[1, 1:]).all()


def test_levels_are_reached_by_every_replica(claim):
    """A level that only the fast replicas reach compares the fast with all."""
    runs = made(0.0)
    _, differences = claim._differences(runs, "real", "weight_norm")
    assert np.isfinite(differences).all()


def test_diverged_replicas_are_left_out(claim):
    """NaN in one replica, NaN in every mean; or a range cut short where that one diverged."""
    runs = made(-0.3)
    before = claim._levels(runs, "real")
    for name in ("loss", *OBSERVABLES):
        runs["real/0.2"][name][0, 0, 3:] = np.nan
    assert claim._levels(runs, "real") == pytest.approx(before, rel=0.5)
    results = claim.judge(runs)
    assert {result.verdict for result in results} == {Verdict.SUPPORTED}
    assert all(result.note.startswith("11 pairs") for result in results)
    runs["real/0.2"]["loss"][0, :, 3:] = np.nan
    with pytest.raises(InferenceError, match="no replica stayed finite"):
        claim.judge(runs)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data": "gaussian"}, "no labels of their own"),
        ({"labels": ("true",)}, "some of real, random"),
        ({"examples": 5000}, "at least 2 and at most 2,048"),
        ({"learning_rates": (0.1, 0.1)}, "no value twice"),
        ({"levels": (0.0, 1.0)}, "above 0 and at most 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(SettingsError, match=message):
        configure(find(CLAIM)[0], "quick", settings)


def test_a_gaussian_sample_has_random_labels_of_its_own():
    """Fresh Gaussian inputs, of which no training error can be told."""
    settings = {"data": "gaussian", "labels": ("random",), "examples": 50, "inputs": 3}
    claim = configure(find(CLAIM)[0], "quick", settings)
    data = claim.experiments()["random/0.2"].problem.data
    assert data.inputs.shape == (50, 3)
    assert set(data.labels.tolist()) == {0, 1}
