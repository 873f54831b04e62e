"""Functions of one lane on the last axis of many: what vmap gives, whatever they are made of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.dynamics.algorithm import points
from soret.dynamics.lanes import over_last_axis
from soret.dynamics.sampling import sampler
from soret.dynamics.stepper import Stepper

LANES = 5
TABLE = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


@jax.custom_vjp
def own(x):
    return x**3


own.defvjp(lambda x: (x**3, x), lambda x, g: (3 * x**2 * g,))

# Of a vector of three, a matrix of three and four, and a number.
FUNCTIONS = {
    "elementwise": lambda v, m, s: jnp.tanh(v) * s + jnp.where(v > s, v, -1.0),
    "a number for all": lambda v, m, s: jnp.where(s > 0, m, 2 * m),
    "clipped": lambda v, m, s: jnp.clip(m, -0.5, s),
    "product": lambda v, m, s: v @ m,
    "product from the other side": lambda v, m, s: m.T @ v,
    "outer product": lambda v, m, s: jnp.outer(v, v),
    "product of matrices": lambda v, m, s: m @ m.T,
    "of several": lambda v, m, s: jnp.einsum("ij,kj,lj->ikl", m, m, m),
    "batch of products": lambda v, m, s: jax.vmap(jnp.dot)(m, m + s),
    "with a table": lambda v, m, s: (TABLE.T @ v, m @ TABLE.T, TABLE @ TABLE.T),
    "large product": lambda v, m, s: jnp.ones((200, 3)) @ m @ jnp.ones((4, 60)),
    "sums": lambda v, m, s: (m.sum(), m.sum(0), m.mean(1), m.max(), v.prod(), jnp.cumsum(m, 1)),
    "the largest": lambda v, m, s: (jnp.argmax(m, 1), jnp.sort(v)[::-1], jnp.any(v > s)),
    "shapes": lambda v, m, s: (m.reshape(2, 6), m.T, v[None, :, None], m.ravel(), m[0], m[1:, ::2]),
    "put together": lambda v, m, s: jnp.concatenate([v, jnp.ones(2), m[:, 0]]),
    "stacked": lambda v, m, s: jnp.stack([v, TABLE[:, 0]]),
    "padded": lambda v, m, s: (jnp.pad(m, 1), jnp.pad(v, 2, constant_values=s)),
    "split": lambda v, m, s: jnp.split(m, 2, axis=1),
    "an element": lambda v, m, s: v[jnp.int32(jnp.abs(s)) % 3],
    "of a table": lambda v, m, s: jnp.asarray(TABLE)[jnp.int32(jnp.abs(s)) % 3],
    "set": lambda v, m, s: v.at[1].set(s),
    "a loop": lambda v, m, s: jax.lax.fori_loop(0, 3, lambda n, x: x * s + n, v),
    "a scan": lambda v, m, s: jax.lax.scan(lambda c, row: (c + row.sum(), c * row), s, m),
    "a branch": lambda v, m, s: jax.lax.cond(s > 0, lambda: v, lambda: -v),
    "a gradient": lambda v, m, s: jax.grad(lambda v: jnp.sum(jax.nn.relu(v @ m) ** 2) * s)(v),
    "a rule of its own": lambda v, m, s: jax.grad(lambda v: own(v).sum())(v),
    "remembered less": lambda v, m, s: jax.grad(jax.checkpoint(lambda v: jnp.sin(v @ m).sum()))(v),
    "compiled inside": lambda v, m, s: jax.jit(lambda v: v @ m)(v),
    "linear algebra": lambda v, m, s: jnp.linalg.inv(m @ m.T + jnp.eye(3)),
    "whole numbers": lambda v, m, s: jnp.int32(m) // 2 + jnp.arange(4),
    "bits": lambda v, m, s: jax.lax.bitcast_convert_type(v, jnp.uint8),
    "bits of the same width": lambda v, m, s: jax.lax.bitcast_convert_type(m, jnp.int32),
    "the same for all": lambda v, m, s: (jnp.float32(2.0), jnp.zeros(3), TABLE),
    "as it is": lambda v, m, s: {"a": v, "b": (m, s)},
    "random": lambda v, m, s: jax.random.normal(jax.random.key(jnp.int32(s)), (3,)) + v,
    "convolution": lambda v, m, s: jnp.convolve(v, m[0], mode="same"),
    "log of a sum": lambda v, m, s: jax.nn.log_softmax(m, axis=0) - jax.nn.logsumexp(v),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_is_what_vmap_gives(function):
    rng = np.random.default_rng(3)
    args = [rng.normal(size=(*shape, LANES)).astype(np.float32) for shape in ((3,), (3, 4), ())]
    found = jax.jit(lambda *args: over_last_axis(function, *args))(*args)
    expected = jax.vmap(function, in_axes=-1, out_axes=-1)(*args)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


def test_the_options_change_no_number(monkeypatch):
    problem = soret.problems.two_layer(inputs=7, hidden=6)

    def run():
        return soret.simulate(
            problem, soret.SGD(0.1), observe=soret.observables.parameters, steps=64, replicas=37
        )

    with_them = run()
    monkeypatch.setattr("soret.dynamics.stepper.known_options", lambda options: {})
    assert run().parameters.identical(with_them.parameters)


@pytest.mark.parametrize(
    ("inputs", "batch_size", "last"),
    [(10, 1, True), (30, 1, True), (40, 1, False), (10, 8, False)],
)
def test_the_layout_follows_from_the_shapes(inputs, batch_size, last):
    problem = soret.problems.two_layer(inputs=inputs, hidden=inputs)
    rule = soret.SGD(learning_rate=0.1, batch_size=batch_size)
    structure = rule.structure(next(iter(points(rule))))
    stepper = Stepper(problem, rule, sampler(problem, batch_size, None), structure)
    replicas = jax.eval_shape(stepper.begin, jax.ShapeDtypeStruct((7, 2), jnp.uint32), {})
    arranged = jax.eval_shape(stepper.arranged, replicas)
    places = {leaf.shape.index(7) == leaf.ndim - 1 for leaf in jax.tree.leaves(arranged)}
    assert places == {last}
    back = jax.eval_shape(stepper.plain, arranged)
    assert [leaf.shape for leaf in jax.tree.leaves(back)] == [
        leaf.shape for leaf in jax.tree.leaves(replicas)
    ]
