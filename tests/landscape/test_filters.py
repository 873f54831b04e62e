"""Which axis of a weight array counts outputs, as libraries differ."""

from typing import Any

import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.landscape import filter_normalize
from soret.landscape.filters import output_axes

RNG = np.random.default_rng(0)
IMAGES = soret.Dataset("images", RNG.normal(size=(8, 6, 6, 2)), np.arange(8) % 2, ("a", "b"))
POINTS = soret.Dataset("points", RNG.normal(size=(8, 3)), np.arange(8) % 5, tuple("abcde"))


class Flax(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return nn.Dense(4)(nn.relu(nn.Conv(3, (3, 3))(x)).ravel())


class Equinox(eqx.Module):
    conv: eqx.nn.Conv2d
    last: eqx.nn.Linear

    def __init__(self, key: jax.Array) -> None:
        self.conv = eqx.nn.Conv2d(2, 3, 3, key=key)
        self.last = eqx.nn.Linear(48, 4, key=key)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(jax.nn.relu(self.conv(jnp.moveaxis(x, -1, 0))).ravel())


def of_flax() -> tuple[Any, Any]:
    return Flax().init, Flax().apply


def of_haiku() -> tuple[Any, Any]:
    net = hk.without_apply_rng(
        hk.transform(lambda x: hk.Linear(4)(jax.nn.relu(hk.Conv2D(3, 3)(x)).ravel()))
    )
    return net.init, net.apply


@pytest.mark.parametrize(
    ("parts", "outputs"),
    [
        (of_flax, {(3, 3, 2, 3): (3,), (108, 4): (1,)}),
        (of_haiku, {(3, 3, 2, 3): (3,), (108, 4): (1,)}),
        (lambda: (Equinox, lambda net, x: net(x)), {(3, 2, 3, 3): (0,), (4, 48): (0,)}),
    ],
    ids=["Flax", "Haiku", "Equinox"],
)
def test_of_libraries(parts: Any, outputs: dict[tuple[int, ...], tuple[int, ...]]) -> None:
    """Catches: filters of a kernel (inputs, outputs) taken along its inputs."""
    own = soret.Problem(*parts(), lambda output, label: output @ output, IMAGES)
    shapes = [leaf.shape for leaf in jax.tree.leaves(own.initial(jax.random.key(0)))]
    found = dict(zip(shapes, output_axes(own), strict=True))
    assert {shape: axes for shape, axes in found.items() if axes is not None} == outputs


def one_layer(run: Any, shape: tuple[int, ...], name: str = "w") -> soret.Problem:
    return soret.Problem(
        lambda key: {name: jax.random.normal(key, shape)},
        lambda p, x: run(p[name], x),
        "cross_entropy",
        POINTS,
    )


RUNS = {
    "times": (lambda w, x: x @ w, (3, 5), 1),
    "from the left": (lambda w, x: w @ x, (5, 3), 0),
    "transposed": (lambda w, x: w.T @ x, (3, 5), 1),
    "scaled": (lambda w, x: (w / jnp.sqrt(3.0)) @ x, (5, 3), 0),
    "compiled": (jax.jit(lambda w, x: jax.jit(jnp.dot)(x, w)), (3, 5), 1),
    "by indices": (lambda w, x: jnp.einsum("io,i->o", w, x), (3, 5), 1),
    "remembered": (jax.checkpoint(lambda w, x: jnp.tanh(x @ w)), (3, 5), 1),
}


@pytest.mark.parametrize("name", RUNS)
def test_norms_are_those_of_what_makes_one_output(name: str) -> None:
    """Catches: directions scaled along the wrong axis, which no error tells."""
    run, shape, axis = RUNS[name]
    own = one_layer(run, shape)
    direction, like = RNG.normal(size=(2, *shape))
    found = filter_normalize(own, direction.ravel(), like.ravel()).reshape(shape)
    inputs = 1 - axis
    np.testing.assert_allclose(
        np.linalg.norm(found, axis=inputs), np.linalg.norm(like, axis=inputs), rtol=1e-6
    )
    along = found / direction
    np.testing.assert_allclose(along, np.broadcast_to(along.mean(inputs, keepdims=True), shape))


UNCLEAR = {
    "used both ways": (lambda w, x: w @ jnp.tanh(w.T @ jnp.pad(x, (0, 2))), (5, 5), "several ways"),
    "not multiplied": (lambda w, x: jnp.sum(w * x, axis=1), (5, 3), "no product"),
    "looked up": (lambda w, x: w[x[0].astype(int)], (3, 5), "no product"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_what_is_not_clear_is_asked_for(name: str) -> None:
    """Catches: a guess."""
    run, shape, why = UNCLEAR[name]
    own = one_layer(run, shape)
    direction, like = RNG.normal(size=(2, int(np.prod(shape))))
    with pytest.raises(SettingsError, match=rf"\['w'\].*{why}.*outputs='first'"):
        filter_normalize(own, direction, like)
    for outputs, inputs in (("first", 1), ("last", 0)):
        found = filter_normalize(own, direction, like, outputs=outputs).reshape(shape)  # type: ignore[arg-type]
        np.testing.assert_allclose(
            np.linalg.norm(found, axis=inputs),
            np.linalg.norm(like.reshape(shape), axis=inputs),
            rtol=1e-6,
        )
    with pytest.raises(SettingsError, match="outputs is 'rows'"):
        filter_normalize(own, direction, like, outputs="rows")  # type: ignore[arg-type]


@pytest.mark.parametrize(("called", "inputs"), [("kernel", 0), ("weight", 1), ("W", 1)])
def test_a_name_that_one_library_has_decides_where_the_use_does_not(
    called: str, inputs: int
) -> None:
    """Catches: a kernel refused that goes through a sum written out."""
    shape = (5, 5)
    own = one_layer(lambda w, x: jnp.sum(w * jnp.pad(x, (0, 2)), axis=1), shape, called)
    direction, like = RNG.normal(size=(2, 25))
    found = filter_normalize(own, direction, like).reshape(shape)
    np.testing.assert_allclose(
        np.linalg.norm(found, axis=inputs),
        np.linalg.norm(like.reshape(shape), axis=inputs),
        rtol=1e-6,
    )
