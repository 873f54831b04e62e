"""SGD on an analytic surface: its noise has the covariance asked for, exactly.

Statistical tests allow 5.5 standard errors for each number, false alarms below 4e-8.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.problems import DoubleWell, surface
from soret.theory import escape

M = np.array([[1.0, 0.3], [0.3, 0.5]])
POINT = np.array([0.8, -0.4])


def potential(theta):
    return 0.3 + 0.5 * theta @ M @ theta + theta[0] ** 4


HESSIAN = M + np.diag([12 * POINT[0] ** 2, 0.0])
CASES = {
    "isotropic": ({"strength": 0.7}, 0.7 * np.eye(2)),
    "anisotropic": ({"strength": 0.7, "matrix": M}, 0.7 * M),
    "hessian": ({"strength": 0.2}, 0.2 * HESSIAN),
    "loss": (
        {"strength": 0.5, "matrix": M},
        0.5 * 2 * (0.3 + 0.5 * POINT @ M @ POINT + POINT[0] ** 4) * M,
    ),
}


@pytest.mark.parametrize("noise", [*CASES, "own"])
def test_a_step_has_the_mean_and_covariance_it_must(noise):
    """A gradient of A itself leaking in, A transposed, a factor of 2 or of B."""
    own = np.array([[0.3, 0.1, 0.0], [0.0, -0.2, 0.4]])
    settings, covariance = CASES.get(noise, ({}, own @ own.T * POINT[0] ** 2))
    kind = noise if noise in CASES else lambda theta: theta[0] * jnp.asarray(own, jnp.float32)
    rate, batch, count = 0.1, 3, 20_000
    run = soret.simulate(
        surface(potential, start=POINT, noise=kind, **settings),
        soret.SGD(rate, batch_size=batch),
        observe=[soret.observables.parameters, soret.observables.full_loss],
        steps=1,
        replicas=count,
        seed=4,
    )
    place = run.parameters.values.astype(float).reshape(count, 2, 2)
    np.testing.assert_allclose(place[:, 0], np.broadcast_to(POINT, (count, 2)), rtol=1e-6)
    gradient = M @ POINT + np.array([4 * POINT[0] ** 3, 0.0])
    moves = (place[:, 1] - place[:, 0]) / -rate
    expected = covariance / batch
    slack = 5.5 * np.sqrt(np.diag(expected) / count)
    assert (abs(moves.mean(0) - gradient) < slack + 1e-4).all()
    size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)) + expected**2)
    assert (abs(np.cov(moves.T) - expected) < 5.5 * size / np.sqrt(count)).all()
    np.testing.assert_allclose(run.full_loss.values[..., 0], float(potential(POINT)), rtol=1e-5)


def test_every_example_has_the_loss_of_the_surface():
    """A loss on a batch that shows the noise's scalar product with θ instead of L."""
    problem = surface(potential, start=POINT)
    losses = [
        problem.example_loss(jnp.float32(POINT), x, 0) for x in problem.evaluation_batch(3)[0]
    ]
    np.testing.assert_allclose(losses, float(potential(POINT)), rtol=1e-6)


def test_the_hessians_negative_eigenvalues_carry_no_noise():
    """NaN at a saddle."""
    well = DoubleWell(across=(2.0,))
    run = soret.simulate(
        surface(well.potential, start=well.saddles[0], noise="hessian"),
        soret.SGD(0.1),
        observe=soret.observables.parameters,
        steps=1,
        replicas=64,
    )
    moved = run.parameters.values[..., -1, :]
    np.testing.assert_allclose(moved[..., 0], 0, atol=1e-6)
    assert np.std(moved[..., 1]) > 0.01


def test_passages_on_a_well_take_the_exact_time():
    """Loss noise of the wrong size: the mean time changes by a factor.

    The wall is moved in by 0.5826 standard deviations of a step (Broadie, Glasserman and Kou,
    1997), after which 3 % is allowed for the size of the step.
    """
    well = DoubleWell(barrier=0.5, floor=0.5)
    rate, batch, count = 0.02, 1, 1500
    curvature = well.curvature(-1.0)
    wall = 0.4

    def diffusion(x):
        return rate / batch * well.along(x) * curvature * 8

    kick = 0.5826 * np.sqrt(2 * diffusion(wall) * rate)

    @soret.observables.label("place")
    def place(problem, state):
        return state.params[0]

    run = soret.simulate(
        surface(well.potential, start=[-1.0], noise="loss", strength=8.0, matrix=[[curvature]]),
        soret.SGD(rate, batch_size=batch),
        watch=soret.FirstPassage(place, [wall - kick]),
        steps=40_000,
        replicas=count,
        seed=2,
    )
    times = rate * run.first_passage.values.ravel()
    assert np.isfinite(times).all()
    exact = escape.mean_first_passage_time(lambda x: -well.slope(x), diffusion, -1.0, -3.5, wall)
    assert abs(times.mean() - exact) < 5.5 * times.std() / np.sqrt(count) + 0.03 * exact


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"noise": "white"}, "isotropic, anisotropic"),
        ({"noise": "loss"}, "needs a matrix"),
        ({"matrix": M}, "has no matrix"),
        ({"noise": "loss", "matrix": np.eye(3)}, "(2, 2)"),
        ({"noise": "anisotropic", "matrix": -M}, "none below 0"),
        ({"strength": -1.0}, "at least 0"),
        ({"start": 1.0}, "(n,)"),
        ({"noise": lambda theta: theta}, "(2, m)"),
    ],
)
def test_what_does_not_fit_is_said(settings, said):
    """An error of JAX, or noise silently of another kind."""
    with pytest.raises(SettingsError) as caught:
        surface(potential, **({"start": POINT} | settings))
    assert said in str(caught.value)


def test_starts_may_be_drawn():
    run = soret.simulate(
        surface(potential, start=lambda key: jax.random.normal(key, (2,))),
        soret.SGD(0.1),
        observe=soret.observables.parameters,
        steps=1,
        replicas=8,
    )
    assert len(np.unique(run.parameters.values[..., 0, 0])) == 8
