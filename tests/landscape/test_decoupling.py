"""Both sides of the decoupling approximation, against matrices formed in NumPy."""

import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import soret
from soret.errors import SettingsError
from soret.landscape import Decoupling, decoupling, effective_dimension, output_noise

KEY = jax.random.key(7)
TWO = soret.data.even_odd(soret.data.load("digits").first(60))


def net(hidden=(3,), **settings):
    return soret.problems.dense(
        hidden=hidden, data=TWO, **{"loss": "mean_square", "init": "glorot", **settings}
    )


def by_hand(problem, params):
    """Output gradients (n, P) and residuals (n,), float64."""
    rows, residuals = [], []
    # Compiled: one operation at a time takes much longer.
    both = jax.jit(jax.value_and_grad(problem.output))
    for x, y in zip(problem.data.inputs, problem.data.labels, strict=True):
        value, gradient = both(params, x)
        rows.append(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(gradient)]))
        residuals.append(float(value) - (2 * int(y) - 1))
    return np.array(rows, float), np.array(residuals)


@pytest.mark.parametrize("hidden", [(3,), ()])
def test_is_what_its_definition_says(hidden):
    """A factor two, a loss inside the wrong mean, more eigenvalues than there are parameters."""
    problem = net(hidden)
    params = problem.initial(KEY)
    J, r = by_hand(problem, params)
    n, size = J.shape
    exact = (J * r[:, None] ** 2).T @ J / n
    decoupled = np.mean(r**2) * J.T @ J / n
    found = decoupling(problem, params)
    assert found.loss == pytest.approx(np.mean(r**2) / 2, rel=1e-5)
    for mine, matrix in ((found.exact, exact), (found.decoupled, decoupled)):
        assert len(mine) == min(n, size)
        expected = np.linalg.eigvalsh(matrix)[::-1][: len(mine)]
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-6 * expected[0])
    assert found.trace_ratio == pytest.approx(np.trace(exact) / np.trace(decoupled), rel=1e-4)
    assert found.distance == pytest.approx(
        np.linalg.norm(exact - decoupled) / np.linalg.norm(decoupled), rel=1e-3
    )


def test_is_the_second_moment_of_the_gradient():
    """Two matrices that the paper says are one: 2 mean ℓ∇f∇fᵀ and mean ∇ℓ∇ℓᵀ."""
    problem = net()
    params = problem.initial(KEY)
    moment = soret.landscape.gradient_noise(problem, params, centred=False)
    found = decoupling(problem, params)
    expected = moment.spectrum()
    np.testing.assert_allclose(found.exact, expected, rtol=1e-4, atol=1e-6 * expected[0])


def test_random_pairing_is_the_mean_over_all_orders():
    """Catches: weights taken for independent, though they sum to zero; n for n − 1."""
    random = np.random.default_rng(4)
    rows, residuals = random.normal(size=(4, 6)), random.normal(size=4)
    gram = rows @ rows.T / 4
    orders = itertools.permutations(range(4))
    squares = [Decoupling(gram, residuals[list(order)], 6).distance ** 2 for order in orders]
    found = Decoupling(gram, residuals, 6).random_distance
    assert found == pytest.approx(np.sqrt(np.mean(squares)))


def test_equal_losses_are_decoupled():
    """A distance that sampling or rounding makes where there is none."""
    problem = net((), bias=False)
    params = jax.tree.map(np.zeros_like, problem.initial(KEY))
    found = decoupling(problem, params)
    assert found.loss == pytest.approx(0.5)
    assert found.distance < 1e-6
    assert found.trace_ratio == pytest.approx(1.0)
    np.testing.assert_allclose(found.exact, found.decoupled, atol=1e-6 * found.exact[0])


def test_output_noise_is_the_gauss_newton_matrix():
    """Gradients of the loss in place of the output's."""
    problem = net()
    params = problem.initial(KEY)
    curved = soret.landscape.gauss_newton(problem, params)
    found = output_noise(problem, params)
    vector = np.random.default_rng(0).normal(size=found.size)
    np.testing.assert_allclose(found @ vector, curved @ vector, rtol=1e-3, atol=1e-4)


def test_refuses_what_it_is_not_about():
    """A number for a loss, or an output, that the formula does not hold for."""
    problem = net(loss="cross_entropy")
    with pytest.raises(SettingsError, match="mean-square loss"):
        decoupling(problem, problem.initial(KEY))
    many = soret.problems.dense(hidden=(), data="digits", loss="mean_square")
    with pytest.raises(SettingsError, match=r"outputs of shape \(10,\)"):
        decoupling(many, many.initial(KEY))


@given(
    n=st.integers(1, 30),
    zeros=st.integers(0, 30),
    scale=st.floats(1e-6, 1e6),
    form=st.sampled_from(["participation", "entropy"]),
)
def test_equal_eigenvalues_count_one_each(n, zeros, scale, form):
    """Zeros counted, or the scale of the spectrum."""
    found = effective_dimension([scale] * n + [0.0] * zeros, form)
    assert found == pytest.approx(n, rel=1e-9)


@settings(max_examples=50)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=20).filter(lambda v: max(v) > 1e-3))
def test_the_forms_are_in_their_order(values):
    """Rényi's entropies fall with their order: 1 ≤ participation ≤ entropy ≤ number."""
    first, second = (effective_dimension(values, form) for form in ("participation", "entropy"))
    assert 1 - 1e-9 <= first <= second * (1 + 1e-9)
    assert second <= np.count_nonzero(values) * (1 + 1e-9)


def test_by_hand():
    assert effective_dimension([3.0, 1.0]) == pytest.approx(16 / 10)
    assert effective_dimension([3.0, 1.0], "entropy") == pytest.approx(4 / 3**0.75)


@pytest.mark.parametrize(
    ("values", "form", "message"),
    [
        ([1.0, -0.1], "entropy", "is -0.1"),
        ([0.0], "entropy", "not all zero"),
        ([np.nan, 1.0], "entropy", "finite"),
        ([1.0], "median", "form is 'median'"),
    ],
)
def test_spectra_without_a_dimension_are_refused(values, form, message):
    with pytest.raises(SettingsError, match=message):
        effective_dimension(values, form)
