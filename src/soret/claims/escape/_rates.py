"""Rates out of a double well, by every theory and by quadrature, eigenvalue and passages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import soret

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ALONG, SADDLE = 8.0, -4.0
"""h_e and h_s of V = L* + (x² − 1)²."""

WEAK = (0.1, 0.05, 0.025)
"""ηh_e/B where the limit of weak noise is taken: Eq. 15's error is of first order in it."""

PLANE_RATIO = 1.5
"""Lˢ/L* of what is computed in the plane: at 2 rates are lost to rounding before their limit."""

SHARED_RATIO = 2.0
"""Lˢ/L* of what is simulated in all dimensions."""

FEWEST_PASSAGES = 8
"""For an interval of a rate: one of fewer replicas has none either."""

FLATTER = 0.75
"""h_e of the flatter well over that of the other, whose x is stretched for it."""

LOWEST = (100.0, 1e3, 1e4)
"""Lˢ/L* with which L* goes to 0 beside a barrier of 1."""


def line(points: int, cells: int) -> xr.Dataset:
    """Return exact rates in one dimension over barriers and noises."""
    import xarray as xr

    ratios = np.geomspace(1.2, 8.0, points)
    heats = np.geomspace(0.04, 0.8, points)
    exact = np.array([[quadrature(r, heat) for heat in heats] for r in ratios])
    some = np.array([0.4, 0.2, 0.1])
    eigen = np.array([[eigenvalue(r, heat, cells) for heat in some] for r in ratios[::4]])
    weak = [(r, heat) for r in (2.0, 4.0) for heat in WEAK]
    found = {
        f"weak_{name}": (("weak_ratio", "weak_heat"), np.reshape(values, (2, len(WEAK))))
        for name, values in (
            ("exact", [quadrature(*point) for point in weak]),
            ("formula", [formula(*point, 1) for point in weak]),
            ("kramers", [kramers(*point) for point in weak]),
        )
    }
    return xr.Dataset(
        found
        | {
            "exact": (("ratio", "heat"), exact),
            "eigenvalue": (("some_ratio", "some_heat"), eigen),
        },
        {
            "ratio": ratios,
            "heat": heats,
            "some_ratio": ratios[::4],
            "some_heat": some,
            "weak_ratio": [2.0, 4.0],
            "weak_heat": list(WEAK),
        },
    )


def well_of(ratio: float, across: tuple[float, ...] = ()) -> Any:
    """The double well with barrier 1 and Lˢ/L* = ratio."""
    return soret.problems.DoubleWell(1.0, 1 / (ratio - 1), across)


def formula(ratio: float, heat: float, n: int) -> float:
    """Eq. 15 at Lˢ/L* = ratio and ηh_e/B = heat."""
    low = 1 / (ratio - 1)
    rate = soret.theory.escape.escape_rate(low, low + 1, ALONG, SADDLE, heat / ALONG, 1, n)
    return float(rate)


def kramers(ratio: float, heat: float) -> float:
    """Kramers' rate with the noise of the minimum."""
    escape = soret.theory.escape
    noise = escape.frozen_diffusion(1 / (ratio - 1), ALONG, heat / ALONG, 1)
    return float(escape.kramers_rate(1.0, ALONG, SADDLE, noise))


def quadrature(ratio: float, heat: float) -> float:
    """One over the mean time from one minimum to the other, in one dimension."""
    well = well_of(ratio)
    # Left of −2.6 the wall is 30 times as high as the barrier.
    time = soret.theory.escape.mean_first_passage_time(
        lambda x: -well.slope(x), lambda x: heat * well.along(x), -1.0, -2.6, 1.0
    )
    return 1 / time


def eigenvalue(ratio: float, heat: float, cells: int) -> float:
    """The slowest rate of decay with absorption at the other minimum, in one dimension."""
    from soret.theory.fokker_planck import FokkerPlanck, Grid

    well = well_of(ratio)
    return FokkerPlanck(
        lambda p: -well.gradient(p),
        lambda p: 2 * heat * well.potential(p)[..., None, None],
        Grid(-2.6, 1.0, 4 * cells),
        ("reflecting", "absorbing"),
    ).slowest_eigenvalue()


def plane(across: tuple[float, ...], cells: int) -> xr.Dataset:
    """Return exact rates in the plane at Lˢ = 1.5L*, the formulas, and the factor."""
    import xarray as xr

    from soret.theory.fokker_planck import FokkerPlanck, Grid

    escape, path = soret.theory.escape, well_of(PLANE_RATIO)
    shape = (len(across), len(WEAK))
    rate = np.zeros(shape)
    for i, share in enumerate(across):
        well = well_of(PLANE_RATIO, (share * ALONG,))
        hessian = np.diag([ALONG, share * ALONG])
        for j, heat in enumerate(WEAK):
            # Nine standard deviations of y at the saddle.
            width = 9 * np.sqrt(heat / ALONG * float(path.along(0.0)))

            def drift(p: Floats, well: Any = well) -> Floats:
                return np.asarray(-well.gradient(p))

            def diffusion(p: Floats, well: Any = well, matrix: Floats = hessian * heat) -> Floats:
                return np.asarray(2 / ALONG * well.potential(p)[..., None, None] * matrix)

            rate[i, j] = FokkerPlanck(
                drift,
                diffusion,
                Grid([-2.0, -width], [1.0, width], [cells, cells // 2]),
                [("reflecting", "absorbing"), "reflecting"],
            ).slowest_eigenvalue()
    factors = [
        escape.anisotropy_factor(path.along, path.slope, -1.0, 0.0, ALONG, share * ALONG)
        for share in across
    ]
    printed = [formula(PLANE_RATIO, heat, 2) for heat in WEAK]
    frozen = [kramers(PLANE_RATIO, heat) for heat in WEAK]
    return xr.Dataset(
        {
            "rate": (("across", "heat"), rate),
            "formula": ("heat", printed),
            "kramers": (("across", "heat"), np.broadcast_to(frozen, shape).copy()),
            "factor": ("across", factors),
        },
        {"across": list(across), "heat": list(WEAK)},
    )


def lowest(heat: float) -> xr.Dataset:
    """Return exact rates in one dimension as L* goes to 0, the barrier as it was."""
    import xarray as xr

    return xr.Dataset(
        {"exact": ("ratio", [quadrature(ratio, heat) for ratio in LOWEST])},
        {"ratio": list(LOWEST)},
    )


def lowest_powers(line: xr.Dataset) -> Floats:
    """Return d log rate/d log L* between neighbouring L*, falling."""
    floors = 1 / (line.ratio.values - 1)
    return np.diff(np.log(line.exact.values)) / np.diff(np.log(floors))


@dataclass(frozen=True)
class PassageRate:
    """A rate of escape that was counted.

    Attributes
    ----------
    rate : float
        Passages per unit of t watched.
    interval : (float, float)
        95 %; NaN where fewer than eight replicas passed.
    passed : int
    """

    rate: float
    interval: tuple[float, float]
    passed: int


def passage_rate(run: xr.Dataset) -> PassageRate:
    """Return passages per unit of t watched.

    The likelihood of exponential times, censored at the last step watched; its interval is over
    replicas, of the logarithm.
    """
    counted = passages(run)
    passed, rate = int(counted[:, 0].sum()), float(counted[:, 0].sum() / counted[:, 1].sum())
    if passed < FEWEST_PASSAGES:
        return PassageRate(rate, (np.nan, np.nan), passed)
    _, (low, high) = soret.inference.function_of_means(_log_rate, counted)
    return PassageRate(rate, (float(np.exp(low)), float(np.exp(high))), passed)


def passage_power(ratios: Floats, runs: list[xr.Dataset]) -> tuple[float, tuple[float, float]]:
    """Return d log rate/d log ratio through several runs, and its 95 % interval over replicas.

    By least squares, weighted by passages. Replicas of one number have the same random numbers in
    every run, and are left out together. NaN where fewer than eight passed in some run.

    Parameters
    ----------
    ratios : (n,) array
    runs : list of Dataset
    """
    x = np.log(ratios)
    counted = np.stack([passages(run) for run in runs], axis=1)
    if (counted[..., 0].sum(0) < FEWEST_PASSAGES).any():
        return np.nan, (np.nan, np.nan)

    def slope(means: Floats) -> Floats:
        passed, watched = np.moveaxis(means.reshape(*means.shape[:-1], x.size, 2), -1, 0)
        share = passed / passed.sum(-1, keepdims=True)
        away = x - (share * x).sum(-1, keepdims=True)
        logs = np.log(passed / watched)
        return np.asarray((share * away * logs).sum(-1) / (share * away**2).sum(-1))

    return soret.inference.function_of_means(slope, counted.reshape(len(counted), -1))


def passages(run: xr.Dataset) -> Floats:
    """Return whether each replica passed, and how much t it was watched; (R, 2)."""
    eta = float(run.attrs["algorithm_learning_rate"])
    passed = run.first_passage.notnull().values.reshape(-1)
    return np.stack([passed.astype(float), run.watched_until.values * eta], axis=1)


def _log_rate(means: Floats) -> Floats:
    return np.asarray(np.log(means[..., 0] / means[..., 1]))


RANGE = "range of local powers"
"""What the interval of a limit is that is read off neighbouring values."""

LAST_ORDER = "change by the last order"
"""What the interval of a `limit` is."""


def limit(heats: Floats, values: Floats) -> tuple[float, tuple[float, float]]:
    """Return a quadratic's value at 0, and an interval as wide as the quadratic's last term."""
    whole = float(np.polyfit(heats, values, 2)[-1])
    order = np.argsort(heats)[:2]
    line = float(np.polyfit(heats[order], values[order], 1)[-1])
    return whole, (whole - abs(whole - line), whole + abs(whole - line))
