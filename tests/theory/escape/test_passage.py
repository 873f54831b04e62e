"""Mean first-passage times: against simulation, closed forms and each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soret.theory import escape


def passage_times(paths, start, step, passed, rng):
    """Steps until each path has passed; every one of them does."""
    place, alive = np.tile(np.asarray(start, float), (paths, 1)), np.arange(paths)
    steps = np.zeros(paths)
    for k in range(1, 10**6):
        place = step(place, rng)
        done = passed(place)
        steps[alive[done]] = k
        place, alive = place[~done], alive[~done]
        if not alive.size:
            return steps
    raise AssertionError("some path never passed")


@pytest.mark.parametrize("maker", [escape.stationary_law, escape.regression_law])
def test_radial_times_are_those_of_paths_in_three_dimensions(maker):
    """The radial drift (n − 1)D/r with the wrong D, or a time in steps instead of t.

    Euler–Maruyama with the wall moved in by 0.5826 standard deviations of a step (Broadie,
    Glasserman and Kou, 1997), after which 2 % is allowed for the time step, and 5.5 standard
    errors: false alarms below 1e-7.
    """
    heat, dt, n, paths = 0.4, 2e-3, 3, 6000
    law = maker(0.5, heat, 1, 1.0, n)
    wall = law.radius_at(4.0)
    wall_seen = wall - 0.5826 * np.sqrt(2 * law.diffusion_at(wall) * dt)

    def step(z, rng):
        square = (z**2).sum(1, keepdims=True)
        kick = np.sqrt(1 + square) * rng.normal(size=z.shape)
        if maker is escape.regression_law:
            kick += z * rng.normal(size=(len(z), 1))
        return z * (1 - dt) + np.sqrt(heat * dt) * kick

    times = dt * passage_times(
        paths,
        np.zeros(n),
        step,
        lambda z: (z**2).sum(1) >= wall_seen**2,
        np.random.default_rng(3),
    )
    error = times.std() / np.sqrt(paths)
    exact = escape.radial_passage_time(law, 4.0)
    assert abs(times.mean() - exact) < 5.5 * error + 0.02 * exact


@settings(deadline=None, max_examples=20)
@given(st.floats(0.05, 0.5), st.floats(1.2, 8))
def test_two_quadratures_of_one_time_agree(heat, ratio):
    """The general quadrature without its Itô form, or half a line taken for a whole one."""
    law = escape.stationary_law(0.5, heat, 1)
    wall = float(law.radius_at(ratio))

    def drift(x):
        return -x

    def spread(x):
        return heat * (1 + x**2) / 2

    expected = escape.radial_passage_time(law, ratio)
    half = escape.mean_first_passage_time(drift, spread, 0.0, 0.0, wall)
    whole = escape.mean_first_passage_time(drift, spread, 0.0, -wall, wall, at_lower="absorbing")
    assert half == pytest.approx(expected, rel=1e-7)
    assert whole == pytest.approx(expected, rel=1e-7)


@settings(deadline=None, max_examples=20)
@given(st.floats(-0.9, 0.9), st.floats(0.1, 3))
def test_free_diffusion_passes_as_it_must(start, spread):
    """Walls exchanged, or a factor of two in the noise: closed forms without drift."""

    def drift(x):
        return 0 * x

    def diffusion(x):
        return np.full_like(x, spread)

    for walls, expected in (
        (("reflecting", "absorbing"), (4 - (1 + start) ** 2) / 2),
        (("absorbing", "reflecting"), (4 - (1 - start) ** 2) / 2),
        (("absorbing", "absorbing"), (1 - start**2) / 2),
    ):
        found = escape.mean_first_passage_time(drift, diffusion, start, -1.0, 1.0, *walls)
        assert found == pytest.approx(expected / spread, rel=1e-9)


def escape_over_a_barrier(spread):
    """The time from 0 over the saddle at 1 to 1.5 on L = ½ + x²/2 − x³/3."""
    return escape.mean_first_passage_time(lambda x: x**2 - x, spread, 0.0, -0.8, 1.5)


def test_escape_rates_are_the_limit_of_exact_times():
    """Eq. 15 and Kramers' rate: an exponent or a prefactor wrong, in one dimension.

    Their relative error is of first order in the noise: it must halve with it, to a tenth of
    itself, and what a line through the last two leaves at zero noise must be below 1e-3.
    """
    heats = np.array([0.008, 0.004, 0.002])
    power, exponential = [], []
    for heat in heats:
        time = escape_over_a_barrier(lambda x, heat=heat: heat * (0.5 + x**2 / 2 - x**3 / 3))
        power.append(time * escape.escape_rate(0.5, 2 / 3, 1.0, -1.0, heat, 1) - 1)
        frozen = escape.frozen_diffusion(0.5, 1.0, heat, 1)
        time = escape_over_a_barrier(lambda x, frozen=frozen: np.full_like(x, frozen))
        exponential.append(time * escape.kramers_rate(1 / 6, 1.0, -1.0, frozen) - 1)
    for errors in (power, exponential):
        assert abs(errors[-1]) < 0.05
        assert errors[1] / errors[2] == pytest.approx(2, rel=0.1)
        assert abs(2 * errors[2] - errors[1]) < 1e-3


@pytest.mark.parametrize("maker", [escape.stationary_law, escape.regression_law])
@pytest.mark.parametrize("n", [1, 5])
def test_times_grow_by_the_power_of_the_law(maker, n):
    """The asymptotic exponents of both theories: c^{B/η + 1 − n/2} and c^{B/2η + 3/4 − n/4}."""
    law = maker(0.5, 0.25, 1, 1.0, n)
    times = escape.radial_passage_time(law, [1e5, 1e6])
    assert np.log10(times[1] / times[0]) == pytest.approx(law.survival_exponent, rel=1e-3)
