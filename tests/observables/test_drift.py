"""Drift of an observable: its parts against the steps themselves, by NumPy in double precision.

Statistical bounds are five deviations wide: 6e-7 is the probability to refuse what is right.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

import soret
from soret.errors import SettingsError
from soret.observables import State, activation_rate, balanced_drift, drift, weight_norm
from soret.observables.state import attributes, name

RNG = np.random.default_rng(11)
Params = dict[str, np.ndarray]


def net() -> Params:
    return {
        "W": RNG.normal(size=(4, 3)),
        "b": RNG.normal(size=4),
        "V": RNG.normal(size=4),
    }


def state(params: Params, step: int = 0) -> State:
    single = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params)
    return State(single, (), jnp.int32(step))


def compiled(observable, problem: soret.Problem, state: State) -> jax.Array:
    """Measure, compiled: one operation at a time takes much longer."""
    return jax.jit(lambda s: observable(problem, s))(state)


def gradients(params: Params, X: np.ndarray, y: np.ndarray) -> Params:
    """Return every example's gradient of the binary cross-entropy, written by hand."""
    a = X @ params["W"].T + params["b"]
    h = np.maximum(a, 0)
    u = expit(h @ params["V"]) - y
    b = u[:, None] * params["V"] * (a > 0)
    return {"V": u[:, None] * h, "b": b, "W": b[:, :, None] * X[:, None]}


def norm_of_v(params: Params) -> np.ndarray:
    return np.linalg.norm(params["V"], axis=-1)


def rate(params: Params) -> np.ndarray:
    return norm.cdf(params["b"] / np.linalg.norm(params["W"], axis=-1)).mean(axis=-1)


def parts_from_steps(observable, params: Params, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return (gradient part, noise part) of every example, from steps of ±η.

    The odd and even parts of the change, with an error of order η² relative to them.
    """
    eta, g = 1e-4, gradients(params, X, y)
    up, down = (
        observable({k: params[k] - sign * eta * g[k] for k in params}) - observable(params)
        for sign in (1, -1)
    )
    return np.stack([(up - down) / (2 * eta), (up + down) / (2 * eta**2)])


@pytest.mark.parametrize(("measured", "by_hand"), [(weight_norm, norm_of_v)])
def test_parts_over_a_data_set(measured, by_hand) -> None:
    """A wrong sign, a factor of two, a covariance where the second moment belongs."""
    X, y = RNG.normal(size=(20, 3)).astype(np.float32), RNG.integers(0, 2, 20)
    data = soret.Dataset("points", X, y, ("a", "b"))
    problem = soret.problems.two_layer(hidden=4, data=data, scaling="none")
    params = net()
    expected = parts_from_steps(by_hand, params, X.astype(float), y).mean(axis=1)
    assert compiled(drift(measured), problem, state(params)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("measured", "by_hand"), [(weight_norm, norm_of_v), (activation_rate, rate)]
)
def test_parts_over_a_stream(measured, by_hand) -> None:
    """Inputs of another distribution, or labels with other weights than one half each."""
    problem, params = soret.problems.two_layer(3, 4), net()
    found = np.asarray(compiled(drift(measured, 100_000), problem, state(params)))
    X = RNG.normal(size=(100_000, 3))
    both = [parts_from_steps(by_hand, params, X, np.full(len(X), y)) for y in (0, 1)]
    samples = (both[0] + both[1]) / 2
    # Both sides are samples of 100,000.
    error = np.sqrt(2) * samples.std(axis=1) / np.sqrt(len(X))
    assert np.all(np.abs(found - samples.mean(axis=1)) < 5 * error)
    assert np.all(error < 0.1 * np.abs(samples.mean(axis=1)) + 1e-3)


def test_labels_of_a_stream_are_averaged_exactly() -> None:
    """Drawn labels: at f = 0 the mean gradient is zero for every x, but not with one label."""
    problem, params = soret.problems.two_layer(3, 4), net()
    params["V"] = np.full(4, 1e-6)
    gradient, _ = compiled(drift(weight_norm, 64), problem, state(params))
    assert abs(float(gradient)) < 1e-4


def test_replicas_do_not_share_their_inputs() -> None:
    """Sampling errors common to all replicas, which an interval over replicas cannot see."""
    problem = soret.problems.two_layer(3, 4)
    program = jax.jit(lambda s: drift(weight_norm, 32)(problem, s))
    params = net()
    near = {key: value * (1 + 1e-5) for key, value in params.items()}
    one, other = (float(program(state(p))[1]) for p in (params, near))
    later = float(program(state(params, step=7))[1])
    again = float(program(state(params))[1])
    assert one == again
    assert abs(one - other) > 1e-3 * abs(one)
    assert abs(one - later) > 1e-3 * abs(one)


def test_no_noise_part_lowers_a_norm() -> None:
    """‖V‖ is convex: a negative noise part means a wrong Hessian."""
    problem = soret.problems.two_layer(3, 4)
    program = jax.jit(lambda s: drift(weight_norm, 32)(problem, s))
    assert all(float(program(state(net()))[1]) > 0 for _ in range(20))


def test_a_drift_says_what_it_is_the_drift_of() -> None:
    """Two drifts under one name in a run."""
    assert name(drift(weight_norm)) == "weight_norm_drift"
    assert "activation rate" in attributes(drift(activation_rate))["long_name"]
    assert attributes(drift(activation_rate))["units"] == "fraction per step"


def test_drift_at_balance_is_that_of_the_mean_gradient_left_by_v() -> None:
    """A slip in the derivation: E[h∇h] by quadrature over the unit's own direction, no Stein."""
    params = net()
    nodes = np.linspace(-8, 8, 40_001)
    weights = norm.pdf(nodes) * (nodes[1] - nodes[0])
    fall = []
    for W, b in zip(params["W"], params["b"], strict=True):
        m = np.linalg.norm(W)
        h = np.maximum(m * nodes + b, 0)
        db, dm = -(weights @ h) / 8, -(weights @ (h * nodes)) / 8
        step = 1e-6
        fall.append((norm.cdf((b + step * db) / (m + step * dm)) - norm.cdf(b / m)) / step)
    found = float(balanced_drift(soret.problems.two_layer(3, 4), state(params)))
    assert found == pytest.approx(np.mean(fall), rel=1e-4)


@pytest.mark.parametrize("eta", [0.05])
def test_v_settles_in_balance(eta: float) -> None:
    """E[V Vᵀ] = (η/2) I where W and b are held: what the drift at balance stands on.

    At η = 0.05 corrections are of order η tr E[h hᵀ]/4, some percent; the bound is 15 %.
    """
    fixed = RNG.normal(size=(3, 3)).astype(np.float32)

    def v(problem: soret.Problem, state: State) -> jax.Array:
        return state.params

    problem = soret.Problem(
        init=lambda key: jnp.zeros(3, jnp.float32),
        fixed_start=True,
        predict=lambda V, x: V @ jax.nn.relu(jnp.asarray(fixed) @ x),
        loss="binary_cross_entropy",
        data=soret.data.Gaussian(3),
    )
    run = soret.simulate(
        problem,
        soret.SGD(eta),
        observe=v,
        steps=20_000,
        record_every=200,
        replicas=64,
        progress=False,
    )
    late = run.v.sel(step=slice(4_000, None)).values.reshape(-1, 3).astype(float)
    assert np.abs(late.T @ late / len(late) / (eta / 2) - np.eye(3)).max() < 0.15


@pytest.mark.parametrize("settings", [{"bias": False}, {"data": "uniform"}])
def test_no_drift_at_balance_where_none_is_known(settings) -> None:
    """A formula for Gaussian inputs and a bias, used elsewhere."""
    problem = soret.problems.two_layer(3, 4, **settings)
    params = net()
    if not settings.get("bias", True):
        del params["b"]
    with pytest.raises(SettingsError, match="no two-layer net with bias on Gaussian inputs"):
        balanced_drift(problem, state(params))
