"""Displacement, speed and projections, measured along runs; and the exact moments against them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import drawn

import soret
from soret.errors import SettingsError
from soret.observables import (
    State,
    displacement_from,
    parameters,
    position_along,
    random_directions,
    squared_velocity,
    velocity_along,
)
from soret.theory.phase_space import Discrete, Regression

RNG = np.random.default_rng(3)
INPUTS = RNG.normal(size=(400, 3)) * [1.0, 0.6, 0.3]
LABELS = INPUTS.sum(1) + RNG.normal(size=400)


def test_projections_and_norms_are_of_the_whole_vector():
    """A leaf left out, the origin not taken off, or rows for columns."""
    problem = soret.problems.two_layer(inputs=2, hidden=2)
    params, velocity = drawn(problem), drawn(problem, seed=1)
    theta, v = (
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])
        for tree in (params, velocity)
    )
    rows, origin = RNG.normal(size=(4, theta.size)), RNG.normal(size=theta.size)
    # Compiled: one operation at a time takes much longer.
    position, speeds, square, displacement, flat = jax.jit(
        lambda state: [
            observable(problem, state)
            for observable in (
                position_along(rows, origin),
                velocity_along(rows),
                squared_velocity,
                displacement_from(origin),
                parameters,
            )
        ]
    )(State(params, velocity, jnp.int32(0)))
    np.testing.assert_array_equal(flat, theta)
    np.testing.assert_allclose(position, rows @ (theta - origin), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(speeds, rows @ v, rtol=1e-4, atol=1e-5)
    assert float(square) == pytest.approx((v**2).sum(), rel=1e-5)
    assert float(displacement) == pytest.approx(((theta - origin) ** 2).sum(), rel=1e-5)


def test_random_directions_keep_distances():
    """A scale that is off by √count: 400 directions are right to 7 %, five of which are allowed."""
    vector = RNG.normal(size=1000)
    seen = random_directions(1000, 400, seed=1) @ vector
    assert (seen**2).sum() == pytest.approx((vector**2).sum(), rel=5 * np.sqrt(2 / 400))


def test_what_does_not_fit_is_refused():
    """A projection on the directions of another net, or the velocity of an SGD that has none."""
    problem = soret.problems.linear_regression(dimensions=3, examples=20)
    for observable, message in [
        (position_along(np.eye(4)), "3 parameters"),
        (displacement_from(np.zeros(2)), "3 parameters"),
        (velocity_along(np.eye(3)), "momentum above 0"),
        (squared_velocity, "momentum above 0"),
    ]:
        with pytest.raises(SettingsError, match=message):
            soret.simulate(problem, soret.SGD(0.1), observe=observable, steps=1, replicas=1)
    for wrong in (np.zeros(3), [[np.nan]]):
        with pytest.raises(SettingsError, match="directions"):
            position_along(wrong)
    with pytest.raises(SettingsError, match="origin"):
        position_along(np.eye(3), np.zeros(2))


@pytest.mark.parametrize("sampling", ["with_replacement", "without_replacement"])
@pytest.mark.slow
def test_exact_moments_are_those_of_the_ensemble(sampling):
    """Theory of another algorithm: a grid up to the stability limit, from a start far away.

    512 replicas; each of the squares and means is within 6 standard errors, which 2 · 10⁻⁹ of
    right ones are not. Means of 100 examples are near enough to Gaussian for that; of 3, second
    moments would grow without bound at the larger η, and no ensemble would show them.
    """
    batch, decay, start = 100, 0.05, np.array([2.0, -1.0, 0.5])
    rates, momenta = [0.05, 2.0], [0.3, 0.8]
    limit = 2.0 * (np.linalg.eigvalsh(INPUTS.T @ INPUTS / 400)[-1] + decay) / (2 * (1 + 0.3))
    assert 0.75 < limit < 1, limit
    first = Regression(INPUTS, LABELS, 0.05, batch, 0.3, decay)
    problem = soret.problems.linear_regression(data=(INPUTS, LABELS), start=start)
    run = soret.simulate(
        problem,
        soret.SGD(rates, batch, momenta, decay, sampling=sampling),
        observe=[position_along(first.vectors.T), velocity_along(first.vectors.T)],
        steps=20,
        record_every=10,
        replicas=512,
        seed=2,
    )
    for rate in rates:
        for momentum in momenta:
            exact = Regression(
                INPUTS,
                LABELS,
                rate,
                batch,
                momentum,
                decay,
                replacement=sampling == "with_replacement",
            )
            law = exact.moments(run.step.values, exact.vectors.T @ start)
            point = run.sel(learning_rate=rate, momentum=momentum).isel(step=slice(1, None))
            state = np.stack([point.position.values, point.velocity.values], -2).astype(float)
            error = np.sqrt(np.einsum("taai->tai", law.covariance[1:]) / len(state))
            mean = abs(state.mean(0) - law.mean[1:])
            assert (mean <= 6 * error + 1e-5).all()
            off = state - law.mean[1:]
            for a, b in [(0, 0), (0, 1), (1, 1)]:
                products = off[:, :, a] * off[:, :, b]
                error = products.std(0) / np.sqrt(len(state))
                assert (abs(products.mean(0) - law.covariance[1:, a, b]) <= 6 * error).all()


def test_exact_speed_is_what_one_step_of_a_run_covers():
    """η²‖v‖² for |θ_k − θ_{k−1}|², noise that depends on θ included: both within 6 errors."""
    exact = Regression(INPUTS, LABELS, 0.2, 2, 0.5)
    problem = soret.problems.linear_regression(data=(INPUTS, LABELS))
    run = soret.simulate(
        problem,
        soret.SGD(0.2, 2, 0.5),
        observe=[parameters, squared_velocity],
        steps=402,
        record_every=1,
        replicas=256,
        seed=5,
    )
    theta = run.parameters.isel(step=slice(100, None)).values.astype(float)
    moved = (np.diff(theta, axis=1) ** 2).sum(-1).mean(1)
    kept = 0.2**2 * run.squared_velocity.isel(step=slice(101, None)).values.mean(1)
    np.testing.assert_allclose(moved, kept, rtol=1e-3)
    error = moved.std() / np.sqrt(len(moved))
    assert abs(moved.mean() - Discrete(exact.modes).speed) <= 6 * error
