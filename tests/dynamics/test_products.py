"""Products that sum over one axis: the numbers of vmap, and no product that sums over several."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.dynamics.algorithm import points
from soret.dynamics.products import over_first_axis
from soret.dynamics.sampling import sampler
from soret.dynamics.stepper import Stepper

LANES = 3
A = np.linspace(-1, 1, 2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)

# Of an array (2, 3, 4, 5) and another (2, 3, 4, 6).
FUNCTIONS = {
    "over all but the last": lambda a, b: jnp.einsum("xyzi,xyzj->ij", a, b),
    "over two of three": lambda a, b: jnp.einsum("xyzi,xyzj->xij", a, b),
    "over the middle": lambda a, b: jnp.einsum("xyzi,xyzj->xizj", a, b),
    "over axes apart": lambda a, b: jnp.einsum("xyzi,xyzj->yij", a, b),
    "in another order": lambda a, b: jnp.einsum("xyzi,yxzj->ij", a, b.transpose(1, 0, 2, 3)),
    "with what is the same for all": lambda a, b: jnp.einsum("xyzi,xyzj->ij", A, b),
    "over everything": lambda a, b: jnp.einsum("xyzi,xyzi->", a, b[..., :5]),
    "over nothing": lambda a, b: jnp.einsum("xyzi,xyzj->xyzij", a, b),
    "in a program inside": lambda a, b: jax.jit(lambda a: jnp.tensordot(a, b, 3))(a.T.T[..., 0]),
    "in a loop": lambda a, b: jax.lax.scan(
        lambda c, r: (c + jnp.vdot(r, r), r[0].T @ r[0]), 0.0, a
    ),
    "as a gradient": lambda a, b: jax.grad(lambda k: jnp.sum(jnp.tanh(a @ k) ** 2))(A[0, 0].T),
    "remembered less": lambda a, b: jax.grad(
        jax.checkpoint(lambda a: jnp.tanh(a @ A[0, 0].T).sum())
    )(a),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_is_what_vmap_gives(function):
    rng = np.random.default_rng(5)
    args = [rng.normal(size=(LANES, 2, 3, 4, n)).astype(np.float32) for n in (5, 6)]
    found = jax.jit(lambda *args: over_first_axis(function, *args))(*args)
    expected = jax.jit(jax.vmap(function))(*args)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


def test_no_product_of_a_convolution_sums_over_several_axes():
    """Summed over examples, rows and columns apart, the kernel's gradient is twice as slow."""
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(12, 8, 8)).astype(np.float32)
    data = soret.Dataset("noise", images, rng.integers(0, 2, 12), ("a", "b"))
    problem = soret.problems.conv(2, 3, padding=2, data=data)
    rule = soret.SGD(learning_rate=0.1, batch_size=4)
    structure = rule.structure(next(iter(points(rule))))
    stepper = Stepper(problem, rule, sampler(problem, 4, None), structure)
    keys = jnp.zeros((LANES, 2), jnp.uint32)
    values = {name: jnp.full(LANES, value) for name, value in next(iter(points(rule))).items()}
    steps = jnp.arange(1, dtype=jnp.uint32)

    def step(keys):
        _, handles = stepper.draw(stepper.prepare(keys, steps[0]), keys, steps)
        first = jax.tree.map(lambda leaf: leaf[0], handles)
        return stepper.step(stepper.begin(keys, values), first, values)

    def summed(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name == "dot_general":
                yield equation.params["dimension_numbers"][0][0]
            for inner in jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, "eqns")):
                yield from summed(getattr(inner, "jaxpr", inner)) if hasattr(inner, "eqns") else ()

    found = list(summed(jax.make_jaxpr(step)(keys).jaxpr))
    assert len(found) >= 6
    assert max(map(len, found)) == 1
