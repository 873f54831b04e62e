"""The mismatch measures the distance between expected curves, not between noisy means."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from soret.inference.bootstrap import expanded_percentile, resampling_weights
from soret.inference.curves import read_curves
from soret.inference.mismatch import Mismatch


def mismatch_of(curves):
    data = read_curves(curves, "learning_rate")
    return Mismatch(data), data


def equal(replicas):
    return np.full((1, replicas), 1 / replicas)


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 1.0, 2.0, 3.0])
def test_agrees_with_quadrature_of_the_exact_curves(trajectories, exponent):
    curves = trajectories(0, noise=0, offset=0, replicas=8)
    mismatch, data = mismatch_of(curves)
    square, floor = mismatch([exponent], equal(8))

    h = np.array([0.1, 0.05, 0.025])
    rates, c = 0.08 * (h / 0.1) ** 2, (h / 0.1) ** exponent

    def gap(s, k, m):
        return 1 / (1 + rates[k] * s / c[k]) - 1 / (1 + rates[m] * s / c[m])

    expected = 0.0
    for k, m in [(0, 1), (0, 2), (1, 2)]:
        end = 100 * min(c[k], c[m])
        expected += quad(lambda s, k=k, m=m: gap(s, k, m) ** 2, 0, end, limit=200)[0] / end / 3
    assert square[0, 0] * data.extent**2 == pytest.approx(expected, rel=2e-3, abs=1e-9)
    assert floor[0] == pytest.approx(0, abs=1e-25)


@pytest.mark.parametrize("white", [0.0, 0.5])
@pytest.mark.parametrize("shared_start", [True, False])
def test_noise_is_subtracted_without_bias(trajectories, shared_start, white):
    exponents = [0.0, 1.0, 2.0, 3.0]
    clean, data = mismatch_of(trajectories(0, noise=0, offset=0, replicas=8))
    truth = clean(exponents, equal(8))[0][:, 0] * data.extent**2
    excess, raw = [], []
    for seed in range(300):
        curves = trajectories(
            seed, noise=1.0, offset=1.0, replicas=16, white=white, shared_start=shared_start
        )
        # Measure in the observable's units: the range of noisy means is no fixed unit.
        mismatch, data = mismatch_of(curves)
        square, floor = mismatch(exponents, equal(16))
        raw.append(square[:, 0] * data.extent**2)
        excess.append((square[:, 0] - floor) * data.extent**2)
    error = np.std(excess, axis=0, ddof=1) / np.sqrt(len(excess))
    assert np.all(np.abs(np.mean(excess, axis=0) - truth) < 5 * error)
    # And there was something to subtract.
    assert np.all(np.mean(raw, axis=0) - truth > 10 * error)


def test_both_ways_to_contract_agree(trajectories):
    # Two curves of 96 replicas have more replicas than nodes; five curves of 16 have fewer.
    for scales, replicas in [((0.1, 0.05), 96), ((0.1, 0.08, 0.06, 0.04, 0.02), 16)]:
        mismatch, _ = mismatch_of(trajectories(0, scales=scales, replicas=replicas))
        weights = resampling_weights(replicas, 50, np.random.default_rng(0))
        square, _ = mismatch([1.5], weights)
        direct = np.square(weights @ mismatch.differences(1.5)).sum(axis=1)
        assert square[0] == pytest.approx(direct, rel=1e-10)


def test_weights_are_resampled_data(trajectories):
    curves = trajectories(0, replicas=16)
    weights = resampling_weights(16, 1, np.random.default_rng(1))
    chosen = np.repeat(np.arange(16), np.rint(16 * weights[0]).astype(int))
    mismatch, data = mismatch_of(curves)
    resampled, data_resampled = mismatch_of(curves.isel(replica=chosen))
    by_weight = mismatch([1.0], weights)[0] * data.extent**2
    by_copy = resampled([1.0], equal(16))[0] * data_resampled.extent**2
    assert by_weight == pytest.approx(by_copy, rel=1e-10)


def test_shrinking_the_overlap_gains_nothing(trajectories):
    # At extreme exponents one curve is squeezed against the start of another: its whole change
    # then faces a curve that has not moved yet, and the mismatch is at its largest.
    mismatch, _ = mismatch_of(trajectories(0, noise=0, offset=0, replicas=8))
    square, _ = mismatch([-12.0, -4.0, 2.0, 8.0, 16.0], equal(8))
    assert square[:, 0].argmin() == 2
    assert np.all(square[[0, 1, 3, 4], 0] > 0.02)


@pytest.mark.parametrize("overlap", [0.1, 0.25, 0.9])
def test_the_widest_exponent_leaves_just_the_overlap_asked_for(trajectories, overlap):
    mismatch, _ = mismatch_of(trajectories(0, first=5))
    for exponent in np.array([-1, 1]) * mismatch.widest_exponent(overlap):
        c = np.exp(exponent * np.log([0.1, 0.05, 0.025]) - exponent * np.log(0.1))
        shortest = 95 * np.minimum.outer(c, c)[np.triu_indices(3, 1)]
        shared = np.diff(mismatch.shared_range(exponent))[:, 0]
        assert (shared / shortest).min() == pytest.approx(overlap)


def test_the_expanded_percentile_interval_of_a_mean_is_the_t_interval():
    x = np.random.default_rng(0).normal(size=10)
    weights = resampling_weights(10, 400_000, np.random.default_rng(1))
    low, high = expanded_percentile(weights @ x, 0.9, 10)
    expected = stats.t.interval(0.9, 9, loc=x.mean(), scale=stats.sem(x))
    # The resampled mean of ten values is not quite normal.
    assert high - low == pytest.approx(expected[1] - expected[0], rel=0.05)
    assert (low, high) == pytest.approx(expected, abs=0.06)


def test_resampling_weights_are_multinomial():
    weights = resampling_weights(20, 50_000, np.random.default_rng(0))
    assert weights.sum(axis=1) == pytest.approx(np.ones(50_000))
    assert weights.mean(axis=0) == pytest.approx(np.full(20, 0.05), abs=1e-3)
    assert (20 * weights).var(axis=0) == pytest.approx(np.full(20, 0.95), rel=0.05)
