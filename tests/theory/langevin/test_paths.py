"""Paths of SDEs: against closed forms, quadratures and Fokker–Planck solutions.

Statistical tests allow 5.5 standard errors for each number, false alarms below 4e-8.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from soret.errors import OutsideDomain, SettingsError
from soret.theory import escape, langevin
from soret.theory.fokker_planck import FokkerPlanck, Grid

TURNING = np.array([[1.0, 0.8], [-0.4, 0.6]])
SPREAD = np.array([[0.7, 0.0, 0.3], [0.2, 0.5, 0.0]])


def bowl(theta):
    return 0.5 + 0.5 * (theta**2).sum()


def turning():
    return langevin.SDE(lambda x: -TURNING @ x, lambda x: jnp.asarray(SPREAD))


def test_a_linear_sde_has_the_moments_it_must():
    """Noise of the wrong covariance or size, paths that share it, a drift out of order.

    Against the recursion that Euler–Maruyama obeys exactly, whose moments for small steps are
    those of the Ornstein–Uhlenbeck process.
    """
    step, steps, count = 0.05, 60, 40_000
    run = langevin.integrate(
        turning(), [1.0, -2.0], step=step, steps=steps, replicas=count, record_every=20, seed=1
    )
    push, mean, covariance = np.eye(2) - step * TURNING, np.array([1.0, -2.0]), np.zeros((2, 2))
    for k in range(1, steps + 1):
        mean = push @ mean
        covariance = push @ covariance @ push.T + step * SPREAD @ SPREAD.T
        if k % 20 == 0:
            found = run.theta.sel(time=k * step, method="nearest").values
            spread = np.sqrt(np.diag(covariance) / count)
            assert (abs(found.mean(0) - mean) < 5.5 * spread).all()
            size = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2)
            assert (abs(np.cov(found.T) - covariance) < 5.5 * size / np.sqrt(count)).all()


@pytest.mark.slow
def test_the_weak_error_falls_with_the_step():
    """A Stratonovich solver, whose error stays, or noise read at the end of a step.

    E z² = (1 − e^{−(2−T)t})·T/(2−T) for L = ½ + ½z²; Euler–Maruyama at twice the step has twice
    the error, to a quarter of itself and the sampling.
    """
    heat, end, count = 0.8, 1.6, 150_000
    exact = heat / (2 - heat) * -np.expm1(-(2 - heat) * end)
    errors, noise = [], []
    for step in (0.2, 0.1):
        sde = langevin.overdamped(bowl, langevin.loss_noise(bowl, np.eye(1), heat))
        run = langevin.integrate(sde, [0.0], step=step, steps=round(end / step), replicas=count)
        square = run.theta.values[:, -1, 0] ** 2
        errors.append(square.mean() - exact)
        noise.append(square.std() / np.sqrt(count))
    assert errors[0] > 5.5 * noise[0]
    assert abs(errors[0] - 2 * errors[1]) < 0.25 * errors[0] + 5.5 * np.hypot(
        noise[0], 2 * noise[1]
    )


@pytest.mark.slow
def test_loss_noise_settles_to_the_law_of_the_paper():
    """The √L missing, a factor 2 in T, or Stratonovich's drift: the power of the law changes."""
    heat, count = 0.4, 20_000
    sde = langevin.overdamped(bowl, langevin.loss_noise(bowl, np.eye(1), heat))
    run = langevin.integrate(sde, [0.0], step=0.01, steps=800, replicas=count, seed=2)
    law = escape.stationary_law(0.5, heat, 1)
    radius = np.abs(run.theta.values[:, -1, 0])
    for r in (0.3, 0.6, 1.0, 1.6):
        chance = float(law.survival(r))
        # 1 % of a chance for the size of the step.
        slack = 5.5 * np.sqrt(chance / count) + 0.01 * chance
        assert abs((radius > r).mean() - chance) < slack


@pytest.mark.parametrize("kind", ["loss", "hessian"])
@pytest.mark.slow
def test_anisotropic_noise_settles_to_the_fokker_planck_density(kind):
    """A Hessian's root transposed or squared, negative eigenvalues that make NaN."""
    heat, count = 0.5, 20_000
    hessian = np.array([[1.0, 0.4], [0.4, 0.8]])

    def potential(x):
        return 0.4 + 0.5 * x @ hessian @ x

    noise, matrix = {
        "loss": (
            langevin.loss_noise(potential, hessian, heat),
            lambda x: 2 * heat * jax.vmap(potential)(x.reshape(-1, 2))[:, None, None] * hessian,
        ),
        "hessian": (
            langevin.hessian_noise(potential, heat, 0.6),
            lambda x: np.broadcast_to(0.6 * heat * hessian, (x.size // 2, 2, 2)),
        ),
    }[kind]
    grid = Grid([-4, -4], [4, 4], [72, 72])
    diffusion = np.asarray(matrix(grid.points)).reshape(*grid.cells, 2, 2)
    solved = FokkerPlanck(lambda x: -x @ hessian, diffusion, grid)
    mass = solved.stationary() * grid.volume
    run = langevin.integrate(
        langevin.overdamped(potential, noise), [0, 0], step=0.02, steps=500, replicas=count, seed=5
    )
    place = run.theta.values[:, -1]
    for along in ([1.0, 0.0], [1.0, 1.0], [1.0, -1.0]):
        for found, weight in ((np.abs(place @ along), np.abs(grid.points @ along)),):
            expected = (weight * mass).sum()
            slack = 5.5 * found.std() / np.sqrt(count) + 0.02 * expected
            assert abs(found.mean() - expected) < slack


@pytest.mark.slow
def test_constant_noise_passes_a_barrier_in_the_exact_time():
    """Times in steps, a threshold that is missed, passages counted from the wrong start.

    Without the correction the mean is 6 % too long, as much as this test would see.
    """
    spread, step = 0.15, 0.02

    def well(x):
        return ((x**2 - 1) ** 2).sum() / 4

    run = langevin.integrate(
        langevin.overdamped(well, langevin.isotropic_noise(spread)),
        [-1.0],
        step=step,
        steps=20_000,
        replicas=1000,
        seed=3,
        watch=langevin.FirstPassage(lambda x: x[0], [-1.5, 0.6], corrected=True),
    )
    assert (run.first_passage.isel(threshold=0) == 0).all()
    times = run.first_passage.isel(threshold=1)
    assert times.notnull().all()
    np.testing.assert_allclose(run.watched_until, times)
    exact = escape.mean_first_passage_time(
        lambda x: x - x**3, lambda x: np.full_like(x, spread), -1.0, -4.0, 0.6
    )
    slack = 5.5 * float(times.std()) / np.sqrt(times.size) + 0.02 * exact
    assert abs(float(times.mean()) - exact) < slack


def test_watching_does_not_change_a_path():
    """Increments counted by a time that rounding puts below its step: some would be used twice."""
    settings = {"step": 0.1, "steps": 777, "replicas": 3, "record_every": 1}
    sde = langevin.SDE(lambda x: 0 * x, lambda x: jnp.eye(1))
    alone = langevin.integrate(sde, [0.0], **settings).theta.values[..., 0]
    watch = langevin.FirstPassage(lambda x: x[0], [1.0, 2.0])
    run = langevin.integrate(sde, [0.0], watch=watch, **settings)
    seen = run.theta.values[..., 0]
    np.testing.assert_allclose(seen[np.isfinite(seen)], alone[np.isfinite(seen)], atol=1e-9)
    moves = np.diff(alone, axis=1)
    assert len(np.unique(np.round(moves, 9))) == moves.size
    for path, first, until in zip(alone, run.first_passage.values, run.watched_until, strict=True):
        for height, time in zip(watch.thresholds, first, strict=True):
            passed = np.flatnonzero(path >= height)
            if passed.size:
                assert time == pytest.approx(0.1 * passed[0])
            else:
                assert np.isnan(time)
        assert until == pytest.approx(np.nan_to_num(first[-1], nan=77.7))


def test_the_changed_time_is_that_of_the_paper():
    """−∇L/L with the loss of another point, or √L left in the noise of Eq. 14."""
    with jax.enable_x64(True):
        sde = langevin.log_loss(bowl, np.diag([1.0, 4.0]), 0.3)
        point = jnp.array([0.3, -0.5])
        found, noise = np.asarray(sde.drift(point)), np.asarray(sde.noise(point))
        expected = escape.log_loss_drift(float(bowl(point)), np.asarray(point))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(noise @ noise.T, 0.6 * np.diag([1.0, 4.0]), rtol=1e-12)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_paths_whatever_their_number():
    """Random numbers that depend on the ensemble, or a JAX configuration that is left changed."""
    settings = {"step": 0.1, "steps": 20, "record_every": 5}
    few = langevin.integrate(turning(), [0, 0], replicas=3, **settings)
    many = langevin.integrate(turning(), [0, 0], replicas=7, **settings)
    other = langevin.integrate(turning(), [0, 0], replicas=3, seed=1, **settings)
    assert many.isel(replica=slice(3)).theta.identical(few.theta)
    assert not other.theta.equals(few.theta)
    assert len(np.unique(many.theta.values[:, -1, 0])) == 7
    assert few.theta.dtype == np.float64
    assert not jax.config.jax_enable_x64
    assert few.theta.dims == ("replica", "time", "theta_dim_0")
    assert all({"long_name", "units"} <= set(few[v].attrs) for v in (*few.data_vars, "time"))


def test_increments_never_repeat_in_long_runs():
    """A counter in float32: from step 2²⁴ on neighbouring steps would have the same noise."""
    from soret.theory.langevin.paths import _Increments

    with jax.enable_x64(True):
        path = _Increments(jax.random.key(0), 1, 1.0)
        late = [float(path.evaluate(jnp.float64(2**25 + k))["theta"][0]) for k in range(6)]
    assert len(set(late)) == 6


def test_a_path_that_leaves_the_numbers_is_dated():
    """Infinities averaged with the rest."""
    runaway = langevin.SDE(lambda x: x**3, lambda x: 0 * jnp.eye(1))
    run = langevin.integrate(
        runaway, [[3.0], [0.0]], step=0.1, steps=40, replicas=2, record_every=10
    )
    np.testing.assert_allclose(run.diverged_at, [1.0, -1.0])
    assert run.attrs["diverged"] == 1
    assert np.isnan(run.theta.values[0, 1:]).all()
    assert np.isfinite(run.theta.values[1]).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"step": 0.0}, "above 0"),
        ({"steps": 0}, "at least 1"),
        ({"record_every": 3}, "must divide"),
        ({"start": [[0.0, 0.0]]}, "one a replica"),
        ({"start": [0.0]}, "(1,)"),
        ({"start": [np.nan, 0.0]}, "finite"),
        ({"watch": langevin.FirstPassage(lambda x: x, [1.0])}, "scalar"),
    ],
)
def test_what_does_not_fit_is_said(change, said):
    """An error of JAX instead of a sentence."""
    settings = {"start": [0.0, 0.0], "step": 0.1, "steps": 10, "replicas": 4} | change
    sde = langevin.SDE(lambda x: -x[:2], lambda x: jnp.eye(2))
    with pytest.raises(SettingsError) as caught:
        langevin.integrate(sde, settings.pop("start"), **settings)
    assert said in str(caught.value)


def test_noise_that_is_none_is_refused():
    for hessian in ([[1.0, 0.5], [0.4, 1.0]], [[-1.0]], [1.0, 2.0]):
        with pytest.raises(OutsideDomain):
            langevin.frozen_noise(hessian, 1.0, 0.1)
    with pytest.raises(SettingsError):
        langevin.FirstPassage(bowl, [2.0, 1.0])
