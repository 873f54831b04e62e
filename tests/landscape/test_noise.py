"""Gradient noise against covariances by NumPy in float64, closed forms, and its own laws.

Tolerances as for curvature: 1e-5 of the norm, ten to a hundred roundings of float32.
"""

import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from drawn import drawn
from hypothesis import given, settings
from hypothesis import strategies as st

import soret
from soret.data import random_subset
from soret.errors import ConvergenceError, SettingsError
from soret.landscape import gradient_noise

TOLERANCE = 1e-5
RNG = np.random.default_rng(37)


def close(measured: Any, expected: Any, tolerance: float = TOLERANCE) -> None:
    measured, expected = np.asarray(measured), np.asarray(expected)
    assert np.linalg.norm(measured - expected) <= tolerance * np.linalg.norm(expected)


def covariance(g: np.ndarray, centred: bool, whole: bool) -> np.ndarray:
    n = len(g)
    g = g - g.mean(axis=0) if centred else g
    return g.T @ g / (n - (centred and not whole))


@pytest.mark.parametrize(
    ("centred", "n", "batch_size"),
    [
        (True, 20, 6),
        (False, 37, None),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [(True, 37, 6), (True, 20, None), (False, 20, 6)]
        ),
    ],
)
def test_against_dense(net: Any, centred: bool, n: int, batch_size: int | None) -> None:
    """A wrong mean, divisor, batch or fill in any of the ways to the same matrix."""
    C = gradient_noise(net.problem, net.params, n, centred, batch_size)
    g = net.gradients()[random_subset(37, n)]
    expected = covariance(g, centred, n == 37)
    close(C.dense(), expected)
    close(C.diagonal, np.diag(expected))
    assert C.trace == pytest.approx(np.trace(expected), rel=TOLERANCE)
    assert C.noise_strength == pytest.approx(np.trace(covariance(g, True, n == 37)), rel=TOLERANCE)
    close(C.gradient, g.mean(axis=0))
    # Fewer examples than the 73 parameters: by Gram's matrix.
    close(C.spectrum(), np.linalg.eigvalsh(expected)[::-1][:n])
    close(C.top(3).values, np.linalg.eigvalsh(expected)[::-1][:3])


def test_spectrum_of_fewer_parameters_than_examples(regression: Any) -> None:
    """Eigenvalues of the P×P matrix, in the other order or with another divisor."""
    C = gradient_noise(regression.problem, regression.params, batch_size=7)
    expected = np.linalg.eigvalsh(covariance(regression.gradients(), True, True))[::-1]
    close(C.spectrum(), expected)


def test_linear_regression_in_closed_form(regression: Any) -> None:
    """C = 1/n Σ r² x xᵀ − ∇L ∇Lᵀ with the residual r = w·x − y."""
    data, w = regression.problem.data, np.asarray(regression.params, float)
    X = data.inputs.astype(float)
    r = X @ w - data.labels
    mean = X.T @ r / 40
    C = gradient_noise(regression.problem, regression.params)
    close(C.dense(), (X * r[:, None] ** 2).T @ X / 40 - np.outer(mean, mean))
    assert C.signal_to_noise == pytest.approx(mean @ mean / C.trace, rel=TOLERANCE)
    assert C.simple_critical_batch_size == pytest.approx(C.trace / (mean @ mean), rel=TOLERANCE)


def test_signal_of_a_sample_without_bias(regression: Any) -> None:
    """|ḡ|² taken for |∇L|².

    That |ḡ|² − tr C/n is without bias is checked over all samples that can be drawn from three
    gradients with replacement; that it is what is computed, on one sample.
    """
    g = RNG.normal(size=(3, 2))

    def estimate(sample: np.ndarray) -> float:
        mean = sample.mean(axis=0)
        return float(mean @ mean - np.trace(covariance(sample, True, False)) / len(sample))

    samples = [g[list(i)] for i in itertools.product(range(3), repeat=4)]
    mean = g.mean(axis=0)
    assert np.mean([estimate(s) for s in samples]) == pytest.approx(mean @ mean, rel=1e-12)
    C = gradient_noise(regression.problem, regression.params, examples=30)
    g = regression.gradients()[random_subset(40, 30)]
    expected = estimate(g)
    # The difference keeps the rounding of its terms.
    rounding = TOLERANCE * (g.mean(axis=0) ** 2).sum()
    assert C.gradient_squared == pytest.approx(expected, abs=rounding)
    assert C.simple_critical_batch_size == pytest.approx(
        C.trace / expected, rel=rounding / abs(expected)
    )


def fixed(inputs: Any, labels: Any, w: float = 0.0) -> tuple[soret.Problem, Any]:
    """Return the regression f = w x on the given points."""
    data = soret.Dataset("few", np.reshape(inputs, (-1, 1)), np.asarray(labels, float))
    problem = soret.Problem(
        lambda key: jnp.zeros(1), lambda w, x: w @ x, "mean_square", data
    )  # fmt: skip
    return problem, np.full(1, w, np.float32)


def test_no_signal_is_an_error() -> None:
    """A critical batch size made of noise: gradients −xy of +1 and −1 have mean zero."""
    problem, w = fixed([1.0, -1.0, 1.0], [1, 1, 1])
    seed = next(s for s in range(9) if 1 in random_subset(3, 2, s))  # one of each sign
    C = gradient_noise(problem, w, examples=2, seed=seed)
    assert C.gradient_squared == pytest.approx(-1.0)
    with pytest.raises(ConvergenceError, match="cannot be told from zero"):
        _ = C.simple_critical_batch_size


def test_no_noise_is_an_error() -> None:
    """A division by zero where all examples are the same."""
    problem, w = fixed([1.0, 1.0, 1.0], [1, 1, 1])
    C = gradient_noise(problem, w)
    assert C.trace == 0
    assert C.simple_critical_batch_size == 0
    with pytest.raises(ConvergenceError, match="the same, so signal over noise has no value"):
        _ = C.signal_to_noise


@settings(max_examples=4, deadline=None, derandomize=True)
@given(
    n=st.integers(2, 12),
    batch_size=st.integers(1, 12),
    shift=st.floats(0, 1000),
    seed=st.integers(0, 2**32 - 1),
)
@pytest.mark.slow
def test_laws_of_covariances(n: int, batch_size: int, shift: float, seed: int) -> None:
    """Not symmetric, not positive, or not the second moment less the mean's square.

    `shift` makes the mean gradient up to a thousand times the noise; what float32 rounds off
    the gradients themselves is then 1e-4 of the noise.
    """
    rng = np.random.default_rng(seed)
    inputs = 1 + 0.1 * rng.normal(size=(n, 3))
    data = soret.Dataset("few", inputs, rng.integers(0, 2, n), ("0", "1"))
    problem = soret.Problem(
        lambda key: jnp.zeros(3), lambda w, x: w @ x, "mean_square", data
    )  # fmt: skip
    w = np.full(3, shift, np.float32)
    C = gradient_noise(problem, w, batch_size=batch_size)
    raw = gradient_noise(problem, w, batch_size=batch_size, centred=False)
    dense, second = C.dense(), raw.dense()
    scale = np.trace(second)
    X = data.inputs.astype(float)
    g = X * (X @ w.astype(float) - data.labels)[:, None]
    close(dense, covariance(g, True, True), 1e-3)
    assert np.abs(second - np.outer(C.gradient, C.gradient) - dense).max() <= TOLERANCE * scale
    assert np.linalg.eigvalsh(dense).min() >= -1e-3 * np.trace(dense)
    assert C.trace == pytest.approx(np.trace(dense), rel=1e-3)


def test_a_sample_of_one_has_no_covariance(net: Any) -> None:
    """A division by zero."""
    with pytest.raises(SettingsError, match="use at least 2 examples"):
        gradient_noise(net.problem, net.params, examples=1)


def test_spectrum_in_groups(net: Any, monkeypatch: Any) -> None:
    """Blocks of Gram's matrix left empty or in the wrong place: groups of 12 in blocks of 6."""
    expected = gradient_noise(net.problem, net.params).spectrum()
    monkeypatch.setattr("soret.landscape.noise._GROUP", 8 * 73 * 12)
    C = gradient_noise(net.problem, net.params, batch_size=6)
    # Eigenvalues by different sums; the smallest of 37 is zero.
    np.testing.assert_allclose(C.spectrum(), expected, atol=TOLERANCE * expected[0])


def test_spectrum_of_too_many(net: Any, monkeypatch: Any) -> None:
    """A matrix of any size attempted."""
    monkeypatch.setattr("soret.landscape.noise._SPECTRUM", 30)
    C = gradient_noise(net.problem, net.params)
    with pytest.raises(SettingsError, match=r"use top\(k\) or spectral_density"):
        C.spectrum()


@pytest.mark.slow
def test_many_parameters_in_batches() -> None:
    """Another result in batches than at once: 10⁵ parameters, 10³ examples."""
    n = 1000
    data = soret.Dataset("many", RNG.normal(size=(n, 300)), np.arange(n) % 3, ("0", "1", "2"))
    problem = soret.problems.two_layer(hidden=330, data=data)
    params = drawn(problem)
    whole = gradient_noise(problem, params, batch_size=n)
    parts = gradient_noise(problem, params, batch_size=90)
    assert whole.size > 100_000
    v = RNG.normal(size=whole.size)
    close(parts.matvec(v), whole.matvec(v))
    close(parts.diagonal, whole.diagonal)
    assert parts.trace == pytest.approx(whole.trace, rel=TOLERANCE)
