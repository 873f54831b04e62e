"""The activation rate: the closed form against sampling, and a batch for all other data.

Bounds are five deviations wide: 6e-7 is the probability to refuse a correct rate.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import soret
from soret.data import Gaussian
from soret.errors import SettingsError
from soret.observables import State, activation_rate, gaussian_activation_rate

RNG = np.random.default_rng(17)


def state(params: object) -> State:
    return State(jax.tree.map(jnp.asarray, params), (), jnp.int32(0))


def measured(problem: soret.Problem, params: object) -> float:
    """Return the rate, compiled: one operation at a time takes much longer."""
    return float(jax.jit(lambda s: activation_rate(problem, s))(state(params)))


closed_form = jax.jit(gaussian_activation_rate)


def sampled_rate(params: dict[str, np.ndarray], X: np.ndarray) -> tuple[float, float]:
    """Return the fraction of active units over examples, and its standard error."""
    active = (X @ params["W"].T + params.get("b", 0.0) > 0).mean(axis=1)
    return float(active.mean()), float(active.std() / np.sqrt(len(X)))


def random_net(inputs: int, hidden: int, bias: float) -> dict[str, np.ndarray]:
    W = RNG.normal(size=(hidden, inputs)).astype(np.float32)
    return {"W": W, "b": (bias * RNG.normal(size=hidden)).astype(np.float32), "V": W[:, 0]}


@pytest.mark.parametrize("bias", [0.1, 3.0])
def test_closed_form_against_sampling(bias: float) -> None:
    """Φ(b/‖W‖) with a wrong norm, sign or argument."""
    problem = soret.problems.two_layer(6, 5)
    params = random_net(6, 5, bias)
    rate, error = sampled_rate(params, RNG.normal(size=(400_000, 6)))
    assert abs(measured(problem, params) - rate) < 5 * error
    assert error < 1e-3


def test_closed_form_of_one_unit() -> None:
    """Φ(1) = 0.8413447 for b = ‖W‖ = 5."""
    W, b = jnp.array([[3.0, 4.0]]), jnp.array([5.0])
    assert float(closed_form(W, b)) == pytest.approx(0.8413447, rel=1e-6)
    assert float(closed_form(W, -b)) == pytest.approx(1 - 0.8413447, rel=1e-5)


def test_half_without_bias() -> None:
    """Without bias the Gaussian's symmetry gives exactly one half, not nearly."""
    problem = soret.problems.two_layer(6, 5, bias=False)
    params = random_net(6, 5, 0.0)
    del params["b"]
    assert measured(problem, params) == 0.5


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 100))
def test_closed_form_does_not_see_the_scale(scale: float, seed: int) -> None:
    """A rate that changes where W and b grow together, or leaves [0, 1]."""
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(4, 3)), rng.normal(size=4)
    one = float(closed_form(jnp.array(W, jnp.float32), jnp.array(b, jnp.float32)))
    other = closed_form(jnp.array(scale * W, jnp.float32), jnp.array(scale * b, jnp.float32))
    assert 0 <= one <= 1
    assert float(other) == pytest.approx(one, rel=1e-4)


def test_batch_of_uniform_inputs() -> None:
    """The Gaussian's closed form where inputs are uniform: the rates are far apart."""
    problem = soret.problems.two_layer(6, 5, data="uniform")
    params = random_net(6, 5, 1.0)
    rate, error = sampled_rate(params, RNG.uniform(size=(400_000, 6)))
    found = measured(problem, params)
    # The batch is a sample too, of as many examples as it has.
    batch_error = error * np.sqrt(400_000 / len(problem.evaluation_batch()[0]))
    assert abs(found - rate) < 5 * np.hypot(error, batch_error)
    closed = float(closed_form(jnp.array(params["W"]), jnp.array(params["b"])))
    assert abs(closed - rate) > 10 * batch_error


def test_batch_of_a_data_set_is_exact() -> None:
    """Examples left out, or counted twice."""
    data = soret.Dataset("points", RNG.normal(size=(50, 6)), np.arange(50) % 2, ("a", "b"))
    problem = soret.problems.two_layer(hidden=5, data=data)
    assert isinstance(problem.data, soret.Dataset)
    params = random_net(6, 5, 1.0)
    rate, _ = sampled_rate(params, problem.data.inputs)
    assert measured(problem, params) == pytest.approx(rate, rel=1e-6)


def test_batch_and_closed_form_agree_on_gaussian_inputs() -> None:
    """A batch that does not stand for its stream: the user's own net on Gaussian inputs."""
    known = soret.problems.two_layer(6, 5)
    own = soret.Problem(
        init=known.init,
        predict=known.predict,
        loss="binary_cross_entropy",
        data=Gaussian(6),
        preactivations=lambda params, x: params["W"] @ x + params["b"],
    )
    params = random_net(6, 5, 1.0)
    inputs, _ = own.evaluation_batch()
    _, error = sampled_rate(params, inputs)
    found, exact = (measured(p, params) for p in (own, known))
    assert found != exact
    assert abs(found - exact) < 5 * error


def test_module_with_hidden_units_of_its_own() -> None:
    """Pre-activations that see only the part of the model that moves."""

    def init(key: jax.Array) -> dict[str, object]:
        return {"w": jnp.array([1.0, -1.0]), "activation": jnp.tanh}

    data = soret.Dataset("numbers", [[1.0], [2.0], [-3.0]], [0, 1, 0], ("a", "b"))
    problem = soret.Problem(
        init=init,
        predict=lambda model, x: model["activation"](model["w"] * x[0]).sum(),
        loss="mean_square",
        data=data,
        preactivations=lambda model, x: model["activation"](model["w"] * x[0] - 1.5),
    )
    # w x exceeds 1.5 for (1, x = 2) and (−1, x = −3): two of six.
    params = problem.initial(jax.random.key(0))
    assert measured(problem, params) == pytest.approx(1 / 3)


def test_problem_without_hidden_units_is_refused() -> None:
    """An activation rate of something that has none."""
    problem = soret.Problem(
        init=lambda key: jnp.ones(2),
        fixed_start=True,
        predict=lambda params, x: params @ x,
        loss="binary_cross_entropy",
        data=Gaussian(2),
    )
    with pytest.raises(SettingsError, match="no hidden units to watch; give it preactivations="):
        activation_rate(problem, state(jnp.ones(2)))
