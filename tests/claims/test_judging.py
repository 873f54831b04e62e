"""Numbers, powers and signs judged: made by the prediction, by the rival, and by neither."""

import warnings

import numpy as np
import pytest

from soret.claims.judging import (
    judge_number,
    judge_power,
    judge_sign,
    judged,
    mean_interval,
    near,
    unmeasured,
)
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE
RATES = np.array([0.1, 0.05, 0.025])


def drifts(power, *, noise=0.02, replicas=200, sign=-1.0):
    """Replicas around sign·η^power; 200 of them make every verdict below sure beyond 10⁻⁶."""
    rng = np.random.default_rng(0)
    size = RATES[:, None] ** power
    return size * (sign + noise * rng.normal(size=(3, replicas)))


def power(samples):
    return judge_power("q", RATES, samples, predicted=2.0, rival=1.0)


@pytest.mark.parametrize(("exponent", "verdict"), [(2.0, S), (1.0, C), (1.5, C), (3.0, C)])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("replicas", [200, 5000])
def test_a_power_is_told_from_another(exponent, verdict, sign, replicas):
    """A weight or a logarithm gone wrong; groups of replicas that lose some of the noise."""
    result = power(drifts(exponent, sign=sign, replicas=replicas))
    assert result.verdict is verdict
    assert result.measured == pytest.approx(exponent, abs=0.01)
    assert result.interval[0] < result.measured < result.interval[1]


def test_a_power_of_nothing_is_inconclusive():
    """Logarithms of noise around zero, or of means that change sign."""
    assert power(drifts(2.0, sign=0.0, noise=1.0)).verdict is N
    turned = drifts(2.0)
    turned[0] *= -1
    assert power(turned).verdict is N
    assert power(turned).note


def test_the_interval_of_a_power_covers():
    """Too narrow an interval: of 100 experiments, 95 % nominal, fewer than 80 is below 10⁻⁶."""
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(100):
        samples = RATES[:, None] ** 2 * (1 + rng.normal(size=(3, 60)))
        low, high = power(samples).interval
        inside += low <= 2 <= high
    assert inside >= 80


def test_too_little_is_inconclusive():
    """A slope through one point, an interval from one replica: NaN must not become a verdict."""
    one_value = judge_power("q", RATES[:1], drifts(2.0)[:1], predicted=2.0, rival=1.0)
    assert one_value.verdict is N
    assert "two values" in one_value.note
    few = power(drifts(2.0)[:, :7])
    assert few.verdict is N
    assert "at least 8 replicas" in few.note
    assert judge_number("q", np.ones(1), predicted=1.0, rival=0.0).verdict is N
    assert judge_sign("q", -np.ones(1)).verdict is N


@pytest.mark.parametrize(
    ("mean", "noise", "verdict"), [(1.02, 0.1, S), (0.5, 0.1, C), (1.08, 0.4, N), (1.0, 3.0, N)]
)
def test_a_number_is_within_its_tolerance_or_not(mean, noise, verdict):
    """Support where the interval reaches beyond the tolerance."""
    samples = np.random.default_rng(1).normal(size=400)
    samples = mean + noise * (samples - samples.mean()) / samples.std()
    assert judge_number("q", samples, predicted=1.0, rival=0.5).verdict is verdict


def test_a_sign():
    """Below zero, above, and neither."""
    samples = np.random.default_rng(2).normal(size=400)
    assert judge_sign("q", samples - 1).verdict is S
    assert judge_sign("q", samples + 1).verdict is C
    assert judge_sign("q", samples - samples.mean()).verdict is N
    assert judge_sign("q", samples + 1, below=False).verdict is S
    assert judge_sign("q", samples - 1, below=False).verdict is C


@pytest.mark.parametrize("replicas", [0, 1])
def test_no_replica_is_left(replicas):
    """Catches: a division by zero, or "Mean of empty slice", where all replicas diverged."""
    rates, samples = np.array([0.1, 0.2]), np.ones((2, replicas))
    with warnings.catch_warnings(action="error"):
        found = [
            judge_number("x", samples[0], predicted=1.0, rival=0.0),
            judge_power("x", rates, samples, predicted=1.0, rival=0.0),
        ]
    assert {result.verdict for result in found} == {Verdict.INCONCLUSIVE}


@pytest.mark.parametrize(
    ("interval", "within", "outside"),
    [
        ((1.0, 2.0), S, C),
        ((0.9, 2.1), S, C),
        ((0.8, 2.0), N, N),
        ((0.5, 3.0), N, N),
        ((0.0, 0.8), C, S),
        ((2.2, 9.0), C, S),
        ((np.nan, np.nan), N, N),
    ],
)
def test_the_ladder(interval, within, outside):
    """Catches: support or contradiction where the interval reaches over an edge."""
    told = {"predicted": 1.5, "rival": 0.0}
    assert judged("q", 1.5, interval, within=(0.9, 2.1), **told).verdict is within
    assert judged("q", 1.5, interval, outside=(0.9, 2.1), **told).verdict is outside


def test_a_range_with_one_bound_is_open_there():
    """Catches: "above 0" supported by zeros alone."""
    told = {"predicted": "above 0", "rival": 0.0}
    assert judged("q", 0.0, (0.0, 0.0), within=(0, np.inf), **told).verdict is N
    assert judged("q", 0.1, (0.0, 0.2), within=(0, np.inf), **told).verdict is N
    assert judged("q", 0.1, (1e-9, 0.2), within=(0, np.inf), **told).verdict is S
    assert judged("q", -0.1, (-0.2, -1e-9), within=(0, np.inf), **told).verdict is C
    assert judge_sign("q", np.zeros(9)).verdict is N


def test_what_supports_is_kept():
    """Catches: a tolerance that nobody can see."""
    result = judge_number("q", np.ones(3), predicted=1.0, rival=2.0, tolerance=0.25, statement="s")
    assert result.within == near(1.0, 0.25) == (0.75, 1.25)
    assert result.statement == "s"
    assert result.as_json()["within"] == [0.75, 1.25]
    nothing = unmeasured("q", "why", predicted=1.0, rival=2.0, statement="s")
    assert (nothing.verdict, nothing.note, nothing.statement) == (N, "why", "s")
    assert nothing.in_words == "could not be measured"


def test_one_of_within_and_outside():
    """Catches: a result that is held to nothing, or to two things."""
    for bands in ({}, {"within": (0, 1), "outside": (0, 1)}):
        with pytest.raises(TypeError, match="one of"):
            judged("q", 0.0, (0.0, 0.0), predicted=0.0, rival=1.0, **bands)


def test_a_replica_that_diverged_is_not_left_out():
    """Catches: the mean of the survivors called the mean."""
    for lost in (np.nan, np.inf):
        with warnings.catch_warnings(action="error"):
            mean, interval = mean_interval(np.array([1.0, 1.0, lost]))
        assert not np.isfinite(mean)
        assert np.isnan(interval).all()
