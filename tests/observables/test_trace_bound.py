"""Traces of the Hessian against differentiation and by hand, the bound against theory."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import soret
from soret.errors import SettingsError
from soret.observables import (
    State,
    dropped_trace,
    hessian_trace,
    hessian_trace_bound,
    hessian_trace_bound_over_output,
    hessian_trace_over_output,
    tightest_trace_bound,
)
from soret.observables.trace_bound import Traces, trace_of_dropped_term, traces

EXAMPLES = 12


def points(classes: int) -> soret.Dataset:
    inputs = np.random.default_rng(3).normal(size=(EXAMPLES, 5)).astype(np.float32)
    names = tuple(str(i) for i in range(classes))
    return soret.Dataset("points", inputs, np.arange(EXAMPLES) % classes, names)


@functools.cache
def net(kind: str, classes: int, bias: bool) -> tuple[soret.Problem, State]:
    settings = {"data": points(classes), "bias": bias, "scaling": "none", "init": "normal:0.7"}
    if kind == "two_layer":
        problem = soret.problems.two_layer(hidden=4, **settings)
    else:
        problem = soret.problems.dense(hidden=(4, 3), **settings)
    return problem, State(parameters(problem), (), jnp.int32(0))


def parameters(problem: soret.Problem) -> Any:
    """Draw N(0, 0.7²) in NumPy: to compile what a net starts from takes longer than the test.

    The first of the draws at which no unit of any net is at its kink, and all examples are seen.
    """
    rng = np.random.default_rng(161)
    return jax.tree.map(
        lambda leaf: jnp.asarray(0.7 * rng.normal(size=leaf.shape), jnp.float32),
        jax.eval_shape(problem.initial, jax.eval_shape(lambda: jax.random.key(0))),
    )


@functools.cache
def found_in(kind: str, classes: int, bias: bool) -> Traces:
    """Return the traces of a net, compiled: one operation at a time takes much longer."""
    problem, state = net(kind, classes, bias)
    return jax.tree.map(np.asarray, jax.jit(lambda s: traces(problem, s))(state))


NETS = [
    (kind, classes, bias)
    for kind in ("two_layer", "dense")
    for classes in (2, 3)
    for bias in (False, True)
]


@pytest.mark.parametrize(("kind", "classes", "bias"), NETS)
def test_trace_is_that_of_the_hessian(kind: str, classes: int, bias: bool) -> None:
    """A layer, a bias or a class left out; and the claim that the dropped term has no trace.

    Second differences of the loss written once more, in float64 with a step of 1e-4 and an error
    of 1e-7; no unit is so near its kink that a step goes over it.
    """
    problem, state = net(kind, classes, bias)
    params = jax.tree.map(lambda leaf: np.asarray(leaf, float), state.params)
    inputs, labels = problem.evaluation_batch()
    step, here = 1e-4, losses(params, inputs, labels)
    expected = np.zeros(EXAMPLES)
    for leaf in jax.tree.leaves(params):
        for place in np.ndindex(leaf.shape):
            value = leaf[place]
            for moved in (value + step, value - step):
                leaf[place] = moved
                expected += (losses(params, inputs, labels) - here) / step**2
            leaf[place] = value
    assert found_in(kind, classes, bias).hessian == pytest.approx(expected, rel=1e-4, abs=1e-6)


def losses(params: Any, inputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each example in float64."""
    if isinstance(params, dict):
        params = [{k: params[k] for k in ("W", "b") if k in params}, {"W": params["V"]}]
    h = inputs.astype(float)
    for layer in params[:-1]:
        a = h @ layer["W"].T + layer.get("b", 0.0)
        assert np.abs(a).min() > 1e-3
        h = np.maximum(a, 0)
    z = h @ np.atleast_2d(params[-1]["W"]).T + params[-1].get("b", 0.0)
    if z.shape[1] == 1:
        return np.logaddexp(0, z[:, 0]) - labels * z[:, 0]
    return np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), labels]


def test_trace_is_that_of_automatic_differentiation() -> None:
    """A loss written once more with the formula's own mistakes: this is the one that SGD takes."""
    problem, state = net("dense", 3, True)
    theta, unravel = ravel_pytree(state.params)

    def loss(v: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        return problem.example_loss(unravel(v), x, y)

    whole = jax.jit(jax.vmap(jax.hessian(loss), in_axes=(None, 0, 0)))(
        theta, *problem.evaluation_batch()
    )
    expected = np.trace(whole, axis1=1, axis2=2)
    assert found_in("dense", 3, True).hessian == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_dropped_trace_is_zero_for_relu_and_not_for_tanh() -> None:
    """A check that cannot fail: on a smooth net the same function gives what the term gives."""
    problem, state = net("dense", 3, True)
    assert float(jax.jit(lambda s: dropped_trace(4)(problem, s))(state)) < 1e-6
    smooth = soret.problems.dense(
        hidden=(4, 3), activation=jnp.tanh, data=points(3), scaling="none", init="normal:0.7"
    )
    theta, unravel = ravel_pytree(state.params)
    x, y = (jnp.asarray(values[0]) for values in smooth.evaluation_batch())
    z = np.asarray(jax.jit(smooth.output)(state.params, x))
    force = np.exp(z) / np.exp(z).sum() - np.eye(3)[int(y)]
    second = jax.jit(jax.hessian(lambda v: smooth.output(unravel(v), x)))(theta)
    expected = float(force @ np.trace(second, axis1=1, axis2=2))
    found = jax.jit(lambda p: trace_of_dropped_term(smooth, p, x, y))(state.params)
    assert float(found) == pytest.approx(expected, rel=1e-4)
    assert abs(expected) > 0.01


def test_the_dropped_term_is_not_zero() -> None:
    """Without that, its trace would be zero for another reason than the one given."""
    problem, state = net("dense", 3, False)
    theta, unravel = ravel_pytree(state.params)
    outputs = jax.vmap(problem.output, in_axes=(None, 0))
    second = np.asarray(
        jax.jit(jax.hessian(lambda v: outputs(unravel(v), problem.evaluation_batch()[0])))(theta)
    )
    assert np.abs(second).max() > 0.1
    assert np.abs(np.diagonal(second, axis1=2, axis2=3)).max() == 0


@pytest.mark.parametrize(("kind", "classes"), [("two_layer", 2), ("two_layer", 3), ("dense", 3)])
def test_bound_by_hand(kind: str, classes: int) -> None:
    """Eq. 62 as printed, products written out with full matrices of masks."""
    problem, state = net(kind, classes, False)
    if kind == "two_layer":
        weights = [np.asarray(state.params["W"]), np.atleast_2d(state.params["V"])]
    else:
        weights = [np.asarray(layer["W"]) for layer in state.params]
    expected = []
    for x in problem.evaluation_batch()[0]:
        h, on = x, []
        for W in weights[:-1]:
            on.append(np.diag((W @ h > 0).astype(float)))
            h = on[-1] @ W @ h
        z = weights[-1] @ h
        if classes == 2:
            p = 1 / (1 + np.exp(-z))
            trace_p = float((p * (1 - p)).sum())
        else:
            p = np.exp(z) / np.exp(z).sum()
            trace_p = 1 - float((p**2).sum())
        total = 0.0
        for layer in range(len(weights)):
            product = 1.0
            for n in range(layer):
                product *= np.linalg.norm(on[n] @ weights[n]) ** 2
            for n in range(layer + 1, len(weights)):
                product *= np.linalg.norm(weights[n] @ on[n - 1]) ** 2
            total += product
        expected.append(trace_p * float(x @ x) * total)
    assert found_in(kind, classes, False).bound == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("bias", [False, True])
def test_bound_is_that_of_the_theory(bias: bool) -> None:
    """Two formulas of the same name that differ."""
    problem, state = net("dense", 3, bias)
    weights = [np.asarray(layer["W"], float) for layer in state.params]
    biases = [np.asarray(layer["b"], float) for layer in state.params] if bias else None
    inputs = problem.evaluation_batch()[0].astype(float)
    h, masks = inputs, []
    for n, W in enumerate(weights[:-1]):
        a = h @ W.T + (biases[n] if biases else 0)
        masks.append((a > 0).astype(float))
        h = a * masks[-1]
    z = h @ weights[-1].T + (biases[-1] if biases else 0)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    expected = soret.theory.thermophoresis.hessian_trace_bound(
        weights, masks, np.linalg.norm(inputs, axis=1), (p * (1 - p)).sum(axis=1), biases
    )
    assert found_in("dense", 3, bias).bound == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("kind", "classes", "bias"), NETS)
def test_the_bound_holds(kind: str, classes: int, bias: bool) -> None:
    """A bound below what it bounds."""
    found = found_in(kind, classes, bias)
    assert np.all(found.hessian <= found.bound)
    assert found.bound.max() > 0


def test_an_example_that_no_unit_sees() -> None:
    """0/0 for one example is NaN for all: its trace and its bound are both 0."""
    problem, state = net("two_layer", 3, False)
    W = np.zeros(state.params["W"].shape, np.float32)
    W[0] = problem.evaluation_batch()[0][0]
    params = {"W": jnp.asarray(W), "V": state.params["V"]}
    found, tightest = jax.jit(lambda s: (traces(problem, s), tightest_trace_bound(problem, s)))(
        state._replace(params=params)
    )
    assert (np.asarray(found.bound) == 0).any()
    assert 0 < float(tightest) <= 1


def test_traces_of_a_confident_net() -> None:
    """1 − p rounded to zero where p is nearly 1: P is then off by a factor of two.

    Two classes as two outputs 2·logit apart are one output: Tr P = 2p(1 − p) at p = σ(20).
    """
    direction = np.zeros((3, 5), np.float32)
    direction[:, 0] = (20.0, 0.0, -1000.0)
    data = np.zeros((3, 5), np.float32)
    data[:, 0] = 1
    sure = soret.Dataset("sure", data, np.arange(3), ("a", "b", "c"))
    problem = soret.problems.dense(hidden=(), bias=False, data=sure, scaling="none")
    state = State([{"W": jnp.asarray(direction)}], (), jnp.int32(0))
    q = np.exp(-20.0) / (1 + np.exp(-20.0))
    expected = 2 * q * (1 - q)
    found = jax.jit(lambda s: hessian_trace(problem, s))(state)
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_means_are_over_the_evaluation_batch() -> None:
    """A mean of ratios where a ratio of means is meant, or the other way round."""
    problem, state = net("dense", 3, False)
    found = found_in("dense", 3, False)
    expected = {
        hessian_trace: found.hessian.mean(),
        hessian_trace_bound: found.bound.mean(),
        hessian_trace_over_output: (found.hessian / found.output).mean(),
        hessian_trace_bound_over_output: (found.bound / found.output).mean(),
        tightest_trace_bound: (found.hessian / found.bound).max(),
    }
    measured = jax.jit(lambda s: [function(problem, s) for function in expected])(state)
    assert [float(value) for value in measured] == pytest.approx(list(expected.values()))


def test_other_nets_and_losses_are_refused() -> None:
    """A formula for ReLU and cross-entropy, used elsewhere."""
    smooth = soret.problems.dense(hidden=(4,), activation=jnp.tanh, data=points(3))
    square = soret.problems.dense(hidden=(4,), loss="mean_square", data=points(3))
    for problem, message in [(smooth, "not known to be a ReLU net"), (square, "no cross-entropy")]:
        with pytest.raises(SettingsError, match=message):
            hessian_trace(problem, State(parameters(problem), (), jnp.int32(0)))
