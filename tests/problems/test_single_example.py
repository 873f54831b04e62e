"""A model that normalizes over the single example that it is given."""

import warnings
from collections.abc import Callable
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
from soret.problems import ModelWarning

RNG = np.random.default_rng(5)
VECTORS = soret.Dataset("points", RNG.normal(size=(12, 3)), np.arange(12) % 2, ("no", "yes"))
IMAGES = soret.Dataset("images", RNG.normal(size=(12, 6, 6, 1)), np.arange(12) % 2, ("no", "yes"))


class Flax(nn.Module):
    """A network of Flax with a normalization."""

    norm: Callable[[], Any]
    conv: bool = False
    skip: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        h = nn.Conv(4, (3, 3))(x) if self.conv else nn.Dense(4)(x)
        g = nn.relu(self.norm()(h)) + (h if self.skip else 0.0)
        return nn.Dense(2)(g.mean((1, 2)) if self.conv else g)


def training() -> Any:
    return nn.BatchNorm(use_running_average=False)


def of_flax(norm: Callable[[], Any], **form: Any) -> soret.Problem:
    net = Flax(norm, **form)

    def predict(variables: Any, x: jax.Array) -> jax.Array:
        return net.apply(variables, x[None], mutable=["batch_stats"])[0][0]

    data = IMAGES if form.get("conv") else VECTORS
    return soret.Problem(
        lambda key, x: net.init(key, x[None]), predict, "cross_entropy", data, name="net"
    )


def of_haiku() -> soret.Problem:
    def forward(x: jax.Array) -> jax.Array:
        norm = hk.BatchNorm(create_scale=True, create_offset=True, decay_rate=0.9)
        return hk.Linear(2)(jax.nn.relu(norm(hk.Linear(4)(x), is_training=True)))

    net = hk.without_apply_rng(hk.transform_with_state(forward))
    _, state = net.init(jax.random.key(0), jnp.ones((1, 3)))
    return soret.Problem(
        lambda key, x: net.init(key, x[None])[0],
        lambda params, x: net.apply(params, state, x[None])[0][0],
        "cross_entropy",
        VECTORS,
    )


def of_equinox() -> soret.Problem:
    norm, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(2, "batch", mode="batch")
    leaves, form = jax.tree.flatten(state)

    def predict(w: jax.Array, x: jax.Array) -> jax.Array:
        def one(x: jax.Array) -> jax.Array:
            return norm(w @ x, jax.tree.unflatten(form, leaves))[0]

        return jax.vmap(one, axis_name="batch")(x[None])[0]

    return soret.Problem(
        lambda key: jax.random.normal(key, (2, 3)), predict, "cross_entropy", VECTORS
    )


def by_hand() -> soret.Problem:
    def predict(w: jax.Array, x: jax.Array) -> jax.Array:
        h = x[None] @ w
        return ((h - h.mean(0)) / (h.std(0) + 1e-5))[0]

    return soret.Problem(
        lambda key: jax.random.normal(key, (3, 2)), predict, "cross_entropy", VECTORS
    )


@pytest.mark.parametrize("made", [lambda: of_flax(training), of_haiku, of_equinox, by_hand])
def test_an_output_that_does_not_depend_on_the_input(made: Callable[[], Any]) -> None:
    """Catches: a whole ensemble of networks that give every input the same scores."""
    with pytest.raises(SettingsError, match=r"single example .* same for every input; .*batch="):
        made()


@pytest.mark.parametrize("form", [{"conv": True}, {"skip": True}, {"conv": True, "skip": True}])
def test_what_is_left_beside_the_normalization(form: dict[str, bool]) -> None:
    """Catches: each image normalized over its own pixels, or a layer of which nothing is left."""
    with pytest.warns(ModelWarning, match="'net' normalizes over the single example"):
        of_flax(training, **form)


@pytest.mark.parametrize(
    ("norm", "form"),
    [
        (lambda: nn.BatchNorm(use_running_average=True), {}),
        (lambda: nn.BatchNorm(use_running_average=True), {"conv": True}),
        (nn.LayerNorm, {}),
        (nn.LayerNorm, {"conv": True}),
        (lambda: nn.GroupNorm(num_groups=4), {"conv": True}),
        (nn.InstanceNorm, {"conv": True}),
        (nn.RMSNorm, {}),
    ],
)
def test_normalizations_of_one_example_by_itself(
    norm: Callable[[], Any], form: dict[str, bool]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModelWarning)
        of_flax(norm, **form)


@pytest.mark.parametrize(
    "predict",
    [
        lambda w, x: w * eqx.nn.LayerNorm((1, 6, 6))(x.transpose(2, 0, 1)).mean(),
        lambda w, x: w * eqx.nn.GroupNorm(1, 1)(x.transpose(2, 0, 1))[0, 0, 0],
        lambda w, x: w * ((x - x.mean()) / x.std())[0, 0, 0],
        lambda w, x: w * jnp.linalg.norm(x[:, :, 0].mean(1)),
    ],
)
def test_images_of_one_channel(predict: Callable[..., Any]) -> None:
    """Catches: an axis of length 1 of the example's own taken for a batch of one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModelWarning)
        soret.Problem(lambda key: jax.random.normal(key, (2,)), predict, "cross_entropy", IMAGES)
