"""Schedules within optax optimizers: looked at over the whole run, before its first step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
import pytest

import soret
from soret.errors import SettingsError


def falling(step: jax.Array) -> jax.Array:
    """Return a rate that is negative from step 31 on."""
    return 0.1 * (1 - step / 30)


def broken(step: jax.Array) -> jax.Array:
    """Return a rate that is NaN from step 51 on."""
    return 0.1 * jnp.sqrt(1 - step / 50)


def turning(step: jax.Array) -> jax.Array:
    return -falling(step)


INJECTED = optax.inject_hyperparams(optax.sgd)
LABELS = {"a": "first", "b": "second"}
WRONG: dict[str, tuple[Callable[[Any], Any], Any, str]] = {
    "sgd": (optax.sgd, falling, "learning_rate .* is -0.00333.* at step 31; .* least 0"),
    "adam": (optax.adam, broken, "learning_rate .* is nan at step 51"),
    "beside others": (
        lambda at: optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(at)),
        falling,
        "at step 31",
    ),
    "a factor": (
        lambda at: optax.chain(optax.scale_by_adam(), optax.scale_by_schedule(at)),
        turning,
        "the schedule .* is 0.00333.* at step 31; it must be finite and of one sign",
    ),
    "injected": (INJECTED, falling, "learning_rate .* is -0.0033.* at step 31"),
    "injected momentum": (
        lambda at: INJECTED(0.1, momentum=at), broken, "momentum .* is nan at step 51",
    ),
    "weight decay": (
        lambda at: optax.adamw(0.1, weight_decay=at), broken, "weight_decay .* is nan at step 51",
    ),
    "masked": (
        lambda at: optax.masked(optax.sgd(at), lambda params: True), falling, "at step 31",
    ),
    "for some parameters": (
        lambda at: optax.partition({"a": optax.sgd(0.1), "b": optax.sgd(at)}, "b"),
        falling,
        "at step 31",
    ),
    "unless not finite": (
        lambda at: optax.apply_if_finite(optax.sgd(at), 3), falling, "at step 31",
    ),
    "accumulated": (
        lambda at: optax.MultiSteps(optax.sgd(at), 2), falling, "at step 31.* of the 50 steps",
    ),
    "schedule-free": (
        lambda at: optax.contrib.schedule_free(optax.sgd(0.1), at), falling, "at step 31",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_every_step_of_a_run_is_looked_at(name: str) -> None:
    """Catches: ascent of the gradient, or NaN taken for a divergence, after a good first step."""
    make, at, message = WRONG[name]
    with pytest.raises(SettingsError, match=message):
        soret.Optax(make(at)).check_steps(100)
    soret.Optax(make(at)).check_steps(20)


def test_before_a_run() -> None:
    with pytest.raises(SettingsError, match=r"learning_rate of the optimizer is -0\.0033"):
        soret.simulate(
            soret.problems.two_layer(inputs=2, hidden=2),
            soret.Optax(optax.sgd(falling)),
            observe=soret.observables.loss,
            steps=100,
        )


@pytest.mark.parametrize(
    "right",
    [
        optax.sgd(optax.linear_schedule(1.0, 0.0, 70)),
        optax.adam(optax.warmup_cosine_decay_schedule(0.0, 1.0, 10, 71)),
        optax.chain(optax.scale_by_adam(), optax.scale_by_schedule(lambda step: -0.1)),
        optax.scale_by_schedule(lambda step: 0.1 * (step > 50)),
        INJECTED(
            optax.polynomial_schedule(1.0, 0.0, 3, 33), momentum=lambda step: 1 - 1 / (1 + step)
        ),
        # Six updates in a hundred steps do not come to where it is negative.
        optax.MultiSteps(optax.sgd(falling), 16),
        optax.sgd(0.1),
    ],
)
def test_right_ones(right: Any) -> None:
    """Catches: a sign that belongs to the update, or a zero from rounding, refused."""
    soret.Optax(right).check_steps(100)


class TestGrids:
    @pytest.mark.parametrize("by_value", [True, False])
    def test_the_point_is_named(self, by_value: bool) -> None:
        """Catches: only the first point of a grid looked at."""

        def make(ends: float) -> optax.GradientTransformation:
            return optax.sgd(lambda step: (float(ends) if by_value else ends) - step)

        soret.Optax(make, ends=[30, 50]).check_steps(20)
        with pytest.raises(SettingsError, match=r"optimizer with {'ends': 30} is -1 at step 31"):
            soret.Optax(make, ends=[50, 30]).check_steps(40)

    def test_many_points_and_steps(self) -> None:
        """Catches: hours before a long run of a large grid."""
        peaks = [0.001 * k for k in range(1, 101)]
        many = soret.Optax(
            lambda peak: optax.sgd(lambda step: peak * (1.5 * 10**8 - step)), peak=peaks
        )
        many.check_steps(10**8)
        with pytest.raises(SettingsError, match="least 0"):
            many.check_steps(2 * 10**8)
