"""What an observable has no value for is said, and only that."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.dynamics.undefined import UndefinedWarning

X = np.random.default_rng(0).normal(size=(8, 3))
DATA = soret.Dataset("points", X, X[:, 0])
o = soret.observables


def problem(predict):
    return soret.Problem(
        lambda key: {"w": jax.random.normal(key, (3,))}, predict, "mean_square", DATA
    )


def root_of_first(problem, state):
    return jnp.sqrt(state.params["w"][0])


def ratio(problem, state):
    return jnp.stack([state.params["w"][1], 0 * state.params["w"][0] / (state.step - 2)])


def huge(problem, state):
    return jnp.exp(100 + jnp.abs(state.params["w"][0]))


@pytest.mark.parametrize(
    ("observable", "where"),
    [(root_of_first, "'root_of_first' at "), (ratio, "'ratio' at 6 "), (huge, "'huge' at 30")],
)
def test_of_ones_own_is_said(observable, where) -> None:
    """Catches: a mean over the replicas that have a value, which passes for one over all."""
    with pytest.warns(UndefinedWarning, match=where.strip()):
        simulate(problem(lambda p, x: p["w"] @ x), observable)


def test_noise_beyond_float32_is_said() -> None:
    """Catches: a mean noise strength of infinity, or of the few that are not."""
    steep = soret.Problem(
        lambda key: {"w": jax.random.normal(key, (3,))},
        lambda p, x: jnp.float32(1e22) * (p["w"] @ x),
        lambda output, label: output,
        DATA,
    )
    with pytest.warns(UndefinedWarning, match="'noise_strength' at 30, 'gradient_variance' at 30"):
        simulate(steep, o.noise_strength, o.gradient_variance, rate=1e-25)


def test_finite_and_diverged_replicas_are_not() -> None:
    """Catches: a warning of every replica that diverged, or of none that is there."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UndefinedWarning)
        simulate(problem(lambda p, x: p["w"] @ x), o.loss, o.noise_strength)
        with pytest.warns(soret.DivergenceWarning):
            simulate(problem(lambda p, x: p["w"] @ x), o.loss, rate=1e30)


@pytest.mark.parametrize("hold", [True, False])
def test_what_is_not_recorded_after_a_passage_is_not(hold: bool) -> None:
    """Catches: a warning that a replica was held, or that a block stopped."""
    watch = soret.FirstPassage(o.parameter_norm, [1e-3, 1e-2], hold=hold)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UndefinedWarning)
        simulate(problem(lambda p, x: p["w"] @ x), o.loss, watch=watch)


def simulate(of, *observables, rate=1e-3, watch=None):
    return soret.simulate(
        of,
        soret.SGD(rate),
        observe=observables,
        steps=4,
        record_every=1,
        replicas=6,
        watch=watch,
        progress=False,
    )
