"""Eigenpairs, traces, norms and densities of matrices that are known.

Statistical bounds are six standard errors wide: 2e-9 is the probability to refuse a correct
estimate if it were normal, and below 1e-6 with the tails of a hundred samples.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soret.errors import ConvergenceError, SettingsError
from soret.landscape import SymmetricOperator
from soret.landscape.spectra import frobenius_norm, spectral_density, top, trace

RNG = np.random.default_rng(41)


def operator(matrix: np.ndarray) -> SymmetricOperator:
    return SymmetricOperator(len(matrix), lambda V: V @ matrix, "matrix")


def diagonal(values: np.ndarray) -> SymmetricOperator:
    values = np.asarray(values, float)
    return SymmetricOperator(len(values), lambda V: V * values, "diagonal")


def wigner(n: int) -> np.ndarray:
    M = RNG.normal(size=(n, n))
    return (M + M.T) / np.sqrt(2 * n)


BROKEN = SymmetricOperator(300, lambda V: np.full_like(V, np.nan), "broken")


@pytest.mark.parametrize("n", [40, 400])
@pytest.mark.parametrize("which", ["largest", "smallest", "magnitude"])
def test_top_against_dense(n: int, which: Any) -> None:
    """Another end of the spectrum, another order, vectors that do not belong."""
    A = wigner(n) - 0.3 * np.eye(n)
    values, vectors = np.linalg.eigh(A)
    keys = {"largest": -values, "smallest": values, "magnitude": -np.abs(values)}
    order = np.argsort(keys[which])[:4]
    found = top(operator(A), 4, which, tol=1e-6)
    # An eigenvalue lies within the residual.
    assert np.abs(found.values - values[order]).max() <= 1e-6 * np.abs(values).max()
    for v, w in zip(found.vectors, vectors.T[order], strict=True):
        assert abs(v @ w) == pytest.approx(1, abs=1e-6)
    residuals = np.linalg.norm(found.vectors @ A - found.values[:, None] * found.vectors, axis=1)
    np.testing.assert_allclose(found.residuals, residuals, atol=1e-12)
    assert found.products >= 4


def test_top_is_reproducible() -> None:
    """A first vector of chance."""
    A = operator(wigner(300))
    np.testing.assert_array_equal(top(A, 2).vectors, top(A, 2).vectors)


def test_top_that_does_not_converge() -> None:
    """A number in place of an error: ends of an even spectrum need many restarts."""
    crowded = diagonal(np.linspace(0, 1, 5000))
    with pytest.raises(ConvergenceError, match=r"of 3 eigenvalues .* converged within 1 restarts"):
        top(crowded, 3, restarts=1, tol=1e-6)


def test_residuals_are_checked() -> None:
    """ARPACK's own word taken for it, where the products are not those of one matrix."""
    calls = np.random.default_rng(0)
    noisy = SymmetricOperator(
        300, lambda V: V * np.linspace(0, 1, 300) ** 8 + 0.01 * calls.normal(size=V.shape), "noisy"
    )
    with pytest.raises(ConvergenceError):
        top(noisy, 1, tol=1e-4, restarts=20)


@pytest.mark.parametrize("measure", [top, trace, frobenius_norm, spectral_density])
def test_products_that_are_not_finite(measure: Any) -> None:
    """NaN returned as a result."""
    with pytest.raises(ConvergenceError, match="broken"):
        measure(BROKEN)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "`k` must be a whole number between 1 and 300, got 0"),
        ({"k": 301}, "`k` must be .*, got 301"),
        ({"which": "LA"}, "which is 'LA'; use one of 'largest', 'smallest', 'magnitude'"),
        ({"tol": 1e-9}, "tol is 1e-09; it must lie between 1e-06"),
        ({"restarts": 0}, "`restarts` must"),
        ({"seed": -1}, "`seed` must"),
    ],
)
def test_bad_settings_of_top(settings: Any, message: str) -> None:
    """A bad setting that fails deep inside, or not at all."""
    with pytest.raises(SettingsError, match=message):
        top(BROKEN, **settings)


def test_trace_and_norm_are_exact_where_small() -> None:
    """Chance where none is needed."""
    A = wigner(100)
    assert trace(operator(A)).value == pytest.approx(np.trace(A), rel=1e-12)
    assert trace(operator(A)).exact
    assert trace(operator(A)).standard_error == 0
    assert frobenius_norm(operator(A)).value == pytest.approx(np.linalg.norm(A), rel=1e-12)


def test_trace_within_its_error() -> None:
    """A wrong mean; an error that is not the mean's; equal vectors from equal seeds.

    The variance of zᵀAz is 2 Σ_{i≠j} A_ij²; its estimate from 400 samples is within a third
    (six deviations of √(2/400) are 0.42 in the variance).
    """
    A = wigner(400) + np.eye(400)
    exact = np.sqrt(2 * ((A**2).sum() - (np.diag(A) ** 2).sum()) / 400)
    found = trace(operator(A), samples=400)
    assert abs(found.value - np.trace(A)) <= 6 * exact
    assert found.standard_error == pytest.approx(exact, rel=0.33)
    assert found.samples == 400
    assert not found.exact
    assert trace(operator(A), samples=400).value == found.value
    assert trace(operator(A), samples=400, seed=1).value != found.value


def test_trace_does_not_depend_on_memory(monkeypatch: Any) -> None:
    """Groups of vectors that repeat each other."""
    A = operator(wigner(300))
    monkeypatch.setattr("soret.landscape.spectra.estimates._SIGNS", 32 * 300 * 7)
    found = trace(A, samples=50)
    assert found.samples == 50
    assert found.standard_error > 0
    values = {trace(A, samples=7 * (i + 1)).value for i in range(3)}
    assert len(values) == 3


def test_trace_of_a_diagonal_has_no_error() -> None:
    """Vectors other than signs: zᵀDz is tr D for every one of them."""
    d = RNG.normal(size=300)
    found = trace(diagonal(d), samples=5)
    assert found.value == pytest.approx(d.sum(), rel=1e-12, abs=1e-12)
    assert found.standard_error <= 1e-12 * np.abs(d).sum()


def test_frobenius_norm_within_its_error() -> None:
    """The square for the root, or its error for the root's."""
    A = wigner(400)
    found = frobenius_norm(operator(A), samples=200)
    assert abs(found.value - np.linalg.norm(A)) <= 6 * found.standard_error
    # ‖Az‖² has variance 2 Σ_{i≠j} (A²)_ij².
    B = A @ A
    exact = np.sqrt(2 * ((B**2).sum() - (np.diag(B) ** 2).sum()) / 200) / (2 * np.linalg.norm(A))
    assert found.standard_error == pytest.approx(exact, rel=0.45)


@pytest.mark.parametrize("measure", [trace, frobenius_norm])
def test_estimates_that_are_too_coarse(measure: Any) -> None:
    """An estimate returned that is not as good as was asked for."""
    A = operator(wigner(300))
    with pytest.raises(ConvergenceError, match="after 10 samples, where rtol=1e-06 is asked for"):
        measure(A, samples=10, rtol=1e-6)
    assert measure(operator(np.eye(300)), samples=10, rtol=1e-6).value > 0
    with pytest.raises(SettingsError, match="`samples` must be a whole number of at least 2"):
        measure(A, samples=1)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    # Few shapes, for each is compiled.
    n=st.sampled_from([6, 24]),
    distinct=st.integers(1, 24),
    depth=st.sampled_from([4, 10]),
    seed=st.integers(0, 2**32 - 1),
)
def test_quadrature_of_diagonals_is_exact(n: int, distinct: int, depth: int, seed: int) -> None:
    """A quadrature that is not Gauss', or breaks where the Krylov space ends early.

    For signs z and diagonal D, zᵀDᵖz/n = tr Dᵖ/n; a depth of m is exact up to p = 2m − 1. With
    few distinct eigenvalues the space ends after as many steps.
    """
    rng = np.random.default_rng(seed)
    d = rng.normal(size=distinct)[rng.integers(0, distinct, n)]
    found = spectral_density(diagonal(d), depth=depth, vectors=2, width=1.0, tol=2)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-9)
    for p in range(1, 2 * min(depth, n)):
        moments = (found.weights * found.nodes**p).sum(axis=1)
        np.testing.assert_allclose(moments, (d**p).mean(), atol=1e-7 * np.abs(d).max() ** p)


@pytest.mark.slow
def test_density_of_a_wigner_matrix() -> None:
    """A wrong density: here it is the semicircle of radius 2.

    A Gaussian of deviation 0.1 averages over a width of 0.1·√(4π) = 0.35: a share f ≈ 0.09 of
    the 500 eigenvalues. The weight that m random vectors give to it fluctuates by √(2/(500 f m))
    of itself, 2 % for m = 100, so that ∫|Δρ| is 0.017 in the mean, with a deviation of 0.004 for
    some eleven independent widths; the matrix' own eigenvalues keep to the semicircle within
    about one of the 45 in a width, 0.02 at most: 0.06 is six deviations above all together.
    """
    found = spectral_density(operator(wigner(500)), depth=60, vectors=100, width=0.1)
    x = np.linspace(-2, 2, 4001)
    semicircle = np.sqrt(4 - x**2) / (2 * np.pi)
    kernel = np.exp(-(((found.grid[:, None] - x) / 0.1) ** 2) / 2) / (0.1 * np.sqrt(2 * np.pi))
    expected = np.trapezoid(kernel * semicircle, x, axis=1)
    assert np.trapezoid(found.density, found.grid) == pytest.approx(1, abs=1e-4)
    assert np.trapezoid(np.abs(found.density - expected), found.grid) < 0.06
    assert found.change < 0.05
    assert (found.standard_error >= 0).all()


def test_density_that_does_not_converge() -> None:
    """A density finer than the depth resolves: nodes stand apart by 4/10, seen at 0.01."""
    with pytest.raises(ConvergenceError, match=r"still changes by .* raise depth or width"):
        spectral_density(operator(wigner(500)), depth=10, width=0.01)


def test_density_of_one_eigenvalue() -> None:
    """A span of zero, divided by."""
    found = spectral_density(diagonal(np.full(300, 2.0)))
    assert (found.weights * found.nodes).sum(axis=1) == pytest.approx(2.0)
    assert found.grid[np.argmax(found.density)] == pytest.approx(2.0, abs=0.01)


def test_bad_settings_of_density() -> None:
    """A bad setting that fails deep inside, or not at all."""
    A = diagonal(np.arange(10.0))
    with pytest.raises(SettingsError, match="`depth` must be a whole number of at least 4"):
        spectral_density(A, depth=3)
    with pytest.raises(SettingsError, match="`vectors` must"):
        spectral_density(A, vectors=1)
    with pytest.raises(SettingsError, match="`width` must be a positive number, got 0"):
        spectral_density(A, width=0)
