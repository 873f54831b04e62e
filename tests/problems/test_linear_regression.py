"""Linear regression: its gradient, its full loss, where it starts, what watching costs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import soret
from soret.data import Gaussian, GaussianRegression
from soret.errors import DataError, SettingsError
from soret.observables import State, full_loss
from soret.problems import linear_regression, regression_statistics

KEY = jax.random.key(3)
RNG = np.random.default_rng(5)
INPUTS = RNG.normal(1.0, 2.0, (50, 3))
LABELS = INPUTS @ [1.0, -2.0, 0.5] + RNG.normal(size=50)


def watched(problem: soret.Problem, theta: Any) -> float:
    params = {"theta": jnp.asarray(theta, jnp.float32)}
    # Compiled: one operation at a time takes much longer.
    return float(jax.jit(lambda p: full_loss(problem, State(p, (), jnp.int32(0))))(params))


def test_gradient_is_that_of_the_loss() -> None:
    """A factor two, or a sign: against finite differences of ½(θ·x − y)² in float64."""
    problem = linear_regression(data=(INPUTS, LABELS))
    theta = np.array([0.3, 1.0, -0.7])
    x, y = jnp.asarray(INPUTS[4], jnp.float32), jnp.asarray(LABELS[4], jnp.float32)
    found = jax.grad(problem.example_loss)({"theta": jnp.asarray(theta, jnp.float32)}, x, y)

    def loss(theta: np.ndarray) -> float:
        return 0.5 * float((theta @ np.asarray(x, float) - float(y)) ** 2)

    expected = [(loss(theta + h) - loss(theta - h)) / 2e-6 for h in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(found["theta"], expected, rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 40),
    d=st.integers(1, 6),
    seed=st.integers(0, 2**16),
    scale=st.floats(0.1, 10.0),
)
def test_full_loss_is_the_mean_over_all_examples(n: int, d: int, seed: int, scale: float) -> None:
    """H, θ* or L* wrong in any way, more parameters than examples included."""
    random = np.random.default_rng(seed)
    x, y = random.normal(0.5, scale, (n, d)), random.normal(size=n)
    problem = linear_regression(data=(x, y))
    assert isinstance(problem.data, soret.Dataset)
    theta = random.normal(0, 3, d)
    x, y = problem.data.inputs.astype(float), problem.data.labels.astype(float)
    direct = 0.5 * np.mean((x @ theta - y) ** 2)
    at_zero = 0.5 * np.mean(y**2)
    assert regression_statistics(problem.data).loss(theta) == pytest.approx(
        direct, rel=1e-7, abs=1e-9 * at_zero
    )


@pytest.mark.parametrize(("n", "d"), [(1, 1), (3, 6), (40, 2)])
def test_what_is_watched_is_the_mean_over_all_examples(n: int, d: int) -> None:
    """The statistics turned into another program than they say; each is one to compile."""
    random = np.random.default_rng(n)
    problem = linear_regression(data=(random.normal(0.5, 2.0, (n, d)), random.normal(size=n)))
    assert isinstance(problem.data, soret.Dataset)
    theta = random.normal(0, 3, d)
    x, y = problem.data.inputs.astype(float), problem.data.labels.astype(float)
    direct, at_zero = 0.5 * np.mean((x @ theta - y) ** 2), 0.5 * np.mean(y**2)
    assert watched(problem, theta) == pytest.approx(direct, rel=1e-4, abs=1e-5 * at_zero)


def test_starts_exactly_at_the_minimum() -> None:
    """A start that only looks like the minimum: the gradient there is zero but for rounding."""
    problem = linear_regression(4, 2000, seed=2)
    params = problem.initial(KEY)
    assert isinstance(problem.data, soret.Dataset)
    found = regression_statistics(problem.data)
    np.testing.assert_array_equal(params["theta"], found.minimum.astype(np.float32))
    assert watched(problem, params["theta"]) == np.float32(found.minimum_loss)
    x, y = problem.data.inputs.astype(float), problem.data.labels.astype(float)
    gradient = x.T @ (x @ found.minimum - y) / len(y)
    assert np.abs(gradient).max() < 1e-14


def test_starts_where_told_and_spreads_around() -> None:
    """A start that is the displacement; a spread about zero; one start for all replicas."""
    given = linear_regression(2, None, start=[1.0, -1.0]).initial(KEY)
    np.testing.assert_array_equal(given["theta"], [1.0, -1.0])
    spread = linear_regression(2000, None, start=np.full(2000, 5.0), spread=0.1)
    theta = np.asarray(spread.initial(KEY)["theta"])
    # 2,000 Gaussian numbers: six standard errors of mean and deviation.
    assert theta.mean() == pytest.approx(5.0, abs=6 * 0.1 / 2000**0.5)
    assert theta.std() == pytest.approx(0.1, rel=6 / 4000**0.5)
    other = spread.initial(jax.random.key(4))["theta"]
    assert not np.array_equal(theta, other)


def _sizes(jaxpr: Any) -> set[int]:
    """Return every length of every axis of every array in a program."""
    found: set[int] = set()
    variables = [*jaxpr.constvars, *jaxpr.invars]
    for equation in jaxpr.eqns:
        variables += [*equation.invars, *equation.outvars]
        for inner in jax.extend.core.jaxprs_in_params(equation.params):
            found |= _sizes(inner)
    for variable in variables:
        found |= set(variable.aval.shape)
    return found


def test_watching_costs_no_pass_over_the_data() -> None:
    """A loss summed over N examples: no array of the program may be that long."""
    import jax.extend.core

    problem = linear_regression(3, 5003)
    program = jax.make_jaxpr(lambda p: full_loss(problem, State(p, (), jnp.int32(0))))(
        problem.initial(KEY)
    )
    assert max(_sizes(program.jaxpr)) <= 9


def test_the_papers_data_are_independent_gaussians() -> None:
    """Labels made from the inputs: L* is ½ and θ* is zero, to six standard errors."""
    problem = linear_regression(3, 20_000)
    assert isinstance(problem.data, soret.Dataset)
    found = regression_statistics(problem.data)
    assert found.minimum_loss == pytest.approx(0.5, abs=6 * (0.5 / 20_000) ** 0.5)
    assert np.abs(found.minimum).max() < 6 / 20_000**0.5
    assert np.abs(found.hessian - np.eye(3)).max() < 6 * (2 / 20_000) ** 0.5
    again = linear_regression(3, 20_000)
    assert isinstance(again.data, soret.Dataset)
    np.testing.assert_array_equal(problem.data.labels, again.data.labels)
    other = linear_regression(3, 20_000, seed=1)
    assert isinstance(other.data, soret.Dataset)
    assert not np.array_equal(problem.data.labels, other.data.labels)


def test_without_end_it_is_the_limit() -> None:
    """A stream whose labels follow its inputs, or that is not what its statistics say."""
    problem = linear_regression(2, None)
    assert isinstance(problem.data, GaussianRegression)
    found = regression_statistics(problem.data)
    assert found.examples is None
    assert found.minimum_loss == 0.5
    n = 40_000
    draw = jax.jit(problem.data.draw, static_argnums=2)
    x, y = (np.asarray(a, float) for a in draw(jnp.array([1, 2], jnp.uint32), 7, n))
    moments = np.concatenate([x.T @ x / n - np.eye(2), (x.T @ y / n)[:, None]], axis=1)
    # Second moments of standard Gaussians have a deviation of at most √(2/n): six of those.
    assert np.abs(moments).max() < 6 * (2 / n) ** 0.5
    assert np.mean(y**2) == pytest.approx(1.0, abs=6 * (2 / n) ** 0.5)
    assert abs(np.mean(y)) < 6 / n**0.5
    assert watched(problem, [3.0, 4.0]) == pytest.approx(0.5 + 12.5)


@pytest.mark.parametrize("examples", [500, None])
def test_an_ensemble_leaves_the_minimum_and_comes_back(examples: int | None) -> None:
    """Data, stream or closed form that `simulate` cannot run; a loss that is not the full one."""
    run = soret.simulate(
        linear_regression(2, examples, start=[3.0, 3.0]),
        soret.SGD(0.05, batch_size=2),
        observe=full_loss,
        steps=400,
        replicas=4,
    )
    assert run.full_loss.isel(step=0).values == pytest.approx(9.5, rel=0.2)
    assert (run.full_loss.isel(step=-1) < 1.5).all()
    assert run.full_loss.attrs["long_name"] == "mean loss over all data"


def test_real_labels_in_pixels_are_flattened() -> None:
    """Images given as they are: a model of one row of pixels."""
    data = soret.Dataset("images", np.ones((4, 2, 3)), np.arange(4.0))
    assert repr(data).endswith("real labels)")
    problem = linear_regression(data=data)
    assert problem.initial(KEY)["theta"].shape == (6,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dimensions": 0}, "features is 0"),
        ({"examples": 0}, "examples is 0"),
        ({"spread": -1.0}, "spread is -1"),
        ({"start": [1.0, 2.0]}, r"start has shape \(2,\)"),
        ({"start": [np.nan]}, "finite"),
        ({"start": "there"}, "one a dimension"),
        ({"data": (INPUTS, LABELS), "dimensions": 2}, "the data have 3"),
        ({"data": (INPUTS,)}, "1 arrays"),
        ({"data": soret.Dataset("a", np.ones((2, 1)), [0, 1], ("n", "y"))}, "2 classes"),
        ({"data": Gaussian(2)}, "GaussianRegression"),
    ],
)
def test_refuses(given: dict[str, Any], message: str) -> None:
    """Nonsense that fails late, or not at all."""
    with pytest.raises(SettingsError, match=message):
        linear_regression(**given)


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0.0, np.inf], "finite"), ([[0.0], [1.0]], r"shape \(2, 1\)"), (["a", "b"], "no array")],
)
def test_refuses_labels_that_are_no_numbers(labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        linear_regression(data=(np.ones((2, 1)), labels))


def test_a_classifier_refuses_real_labels() -> None:
    """A net with no output for no class."""
    data = soret.Dataset("numbers", INPUTS, LABELS)
    with pytest.raises(SettingsError, match="real labels"):
        soret.problems.dense(data=data)
