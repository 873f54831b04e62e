"""Odds of two minima: of the Fokker–Planck equation, of the recursion, and where formulas hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import soret
from soret.claims import Result
from soret.claims.judging import EXPONENT_TOLERANCE, RATIO_TOLERANCE, judged, near, unmeasured
from soret.claims.three_factors._surfaces import RATIO_WHY, SURFACES, laplace_odds, well_of
from soret.errors import InferenceError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ODDS_WHY = f"{RATIO_WHY}. The interval is over replicas, of the logarithm."

_WHY_NOT = "too few replicas, or all of them in one minimum: {}"

WEAK = (0.2, 0.1, 0.05)
"""T, beside barriers of about 1, where its limit is taken: the formula's error is of order T."""

MAPPED, OBLIQUE = "wide or deep", "funnel"
"""Surfaces of the two maps."""


def laws(surfaces: Sequence[str], heats: Sequence[float], cells: int) -> xr.Dataset:
    """Return ln(p_A/p_B) of the stationary Fokker–Planck equation and of the formula."""
    import xarray as xr

    some = sorted({*heats, *np.geomspace(0.08, 1.0, 9).round(4)})
    found = {
        "fokker_planck": (
            ("surface", "heat"),
            [[log_odds(well_of(s), heat, heat, cells) for heat in some] for s in surfaces],
        ),
        "weak": (
            ("surface", "weak_heat"),
            [[log_odds(well_of(s), heat, heat, cells) for heat in WEAK] for s in surfaces],
        ),
        "formula": (
            ("surface", "heat"),
            [np.log(laplace_odds(well_of(s), np.array(some))) for s in surfaces],
        ),
        "weak_formula": (
            ("surface", "weak_heat"),
            [np.log(laplace_odds(well_of(s), np.array(WEAK))) for s in surfaces],
        ),
    }
    return xr.Dataset(found, {"surface": numbers(surfaces), "heat": some, "weak_heat": list(WEAK)})


def judge_odds(quantity: str, shares: Floats, laws: Floats, **told: Any) -> Result:
    """Test that odds are those predicted, by the logarithm of their ratio over several points.

    The mean over points is weighted by the variances of the log-odds, and its interval is over
    replicas (`soret.inference.function_of_means`).

    Parameters
    ----------
    quantity : str
    shares : (R, m) array
        Of its time that each replica was in the left minimum, at m points.
    laws : (m,) array
        ln(p_A/p_B) predicted there.
    **told
        As for `judged`.
    """

    def shift(means: Floats) -> Floats:
        found, variance = log_odds_and_variance(means)
        weights = 1 / variance
        return np.asarray((weights * (found - laws)).sum(-1) / weights.sum(-1))

    told |= {"predicted": 1.0, "within": near(1.0, RATIO_TOLERANCE)}
    try:
        found, (low, high) = soret.inference.function_of_means(shift, with_squares(shares))
    except InferenceError as error:
        return unmeasured(quantity, _WHY_NOT.format(error), **without_note(told))
    interval = float(np.exp(low)), float(np.exp(high))
    return judged(quantity, float(np.exp(found)), interval, **told)


def judge_depth(
    quantity: str, shares: Floats, values: Floats, width: float, *, predicted: float, **told: Any
) -> Result:
    """Test with which power a factor enters |ln(p_A/p_B) − ½ ln(det H_B/det H_A)|.

    By least squares, weighted by the variances of the logarithms; the interval is over replicas.

    Parameters
    ----------
    quantity : str
    shares : (R, m) array
        As for `judge_odds`.
    values : (m,) array
        Of the factor.
    width : float
        ½ ln(det H_B/det H_A).
    predicted : float
    **told
        As for `judged`.
    """
    x = np.log(values)

    def slope(means: Floats) -> Floats:
        found, variance = log_odds_and_variance(means)
        depth = abs(found - width)
        weights = depth**2 / variance
        away = x - (weights * x).sum(-1, keepdims=True) / weights.sum(-1, keepdims=True)
        return np.asarray((weights * away * np.log(depth)).sum(-1) / (weights * away**2).sum(-1))

    told |= {"predicted": predicted, "within": near(predicted, EXPONENT_TOLERANCE)}
    try:
        found = soret.inference.function_of_means(slope, with_squares(shares))
    except InferenceError as error:
        return unmeasured(quantity, _WHY_NOT.format(error), **without_note(told))
    return judged(quantity, *found, **told)


def log_odds_of(shares: Floats) -> tuple[float, float, float]:
    """Return ln(p_A/p_B) of an ensemble with its interval's ends; NaN where there is none.

    Parameters
    ----------
    shares : (R,) array
        Of its time that each replica was in the left minimum.
    """
    try:
        found, ends = soret.inference.function_of_means(
            lambda means: np.log(means[..., 0] / (1 - means[..., 0])), shares[:, None]
        )
    except InferenceError:
        return np.nan, np.nan, np.nan
    return found, *ends


def with_squares(shares: Floats) -> Floats:
    """Return shares and their squares, of which log-odds and variances are functions; (R, 2m)."""
    return np.concatenate([shares, shares**2], axis=1)


def log_odds_and_variance(means: Floats) -> tuple[Floats, Floats]:
    """Return log-odds and R times their variances from means of shares and squares, (..., 2m)."""
    share, square = np.split(means, 2, axis=-1)
    spread = (square - share**2) / (share * (1 - share)) ** 2
    return np.log(share / (1 - share)), spread


def without_note(told: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of a result that could not be measured: why it was not is its note."""
    return {name: value for name, value in told.items() if name != "note"}


def numbers(surfaces: Sequence[str]) -> list[int]:
    """Return the numbers that stand for surfaces in saved runs."""
    return [SURFACES.index(name) for name in surfaces]


def log_odds(well: Any, heat: float, across: float, cells: int) -> float:
    """Return ln(p_A/p_B) of the stationary Fokker–Planck equation.

    Parameters
    ----------
    well : Well
        In one or two dimensions.
    heat, across : float
        Temperatures of the first and of the second direction.
    cells : int
        Along the first.
    """
    from soret.theory.fokker_planck import FokkerPlanck, Grid

    x = np.linspace(-5, 4, 9001)
    inside = x[well.along(x) < well.floor + 0.3 + 30 * heat]
    border = float(well.saddles[0, 0])
    # The border of the basins is a border of cells, which are equally many on either side.
    reach = max(border - inside[0], inside[-1] - border)
    if well.dimensions == 1:
        count = 8 * cells
        grid = Grid(border - reach, border + reach, 2 * (count // 2))
        noise: Any = 2 * heat
    else:
        width = 6.5 * np.sqrt(across / min(h[1, 1] for h in map(well.hessian, well.minima)))
        grid = Grid((border - reach, -width), (border + reach, width), (2 * (cells // 2), cells))
        noise = np.diag([2 * heat, 2 * across])
    flow = FokkerPlanck(lambda p: -well.gradient(p), noise, grid)
    density = flow.stationary()
    half = len(density) // 2
    return float(np.log(density[:half].sum() / density[half:].sum()))


def recursion_log_odds(well: Any, heat: float, rate: float, points: int) -> float:
    """Return ln(p_A/p_B) of SGD itself in one dimension; NaN where it has no law on the surface."""
    x = np.linspace(-5, 4, 9001)
    inside = x[well.along(x) < well.floor + 0.3 + 25 * heat]
    grid = np.linspace(inside[0] - 0.2, inside[-1] + 0.2, points)
    try:
        density = soret.theory.equilibrium.stationary_density(well.slope, grid, rate, heat)
    except soret.SoretError:
        return np.nan
    left = density[grid < well.saddles[0, 0]].sum()
    return float(np.log(left / (density.sum() - left)))


def maps(points: int, cells: int) -> xr.Dataset:
    """Return odds over those of the formula: against η and T, and against anisotropy and T."""
    import xarray as xr

    well, oblique = well_of(MAPPED), well_of(OBLIQUE)
    sharpest = max(float(h.max()) for h in map(well.hessian, well.minima))
    heats = np.geomspace(0.06, 0.6, points)
    shares = np.geomspace(0.02, 1.2, points)
    ratios = np.geomspace(0.1, 10, points)
    exact = [
        [recursion_log_odds(well, heat, share / sharpest, 600) for heat in heats]
        for share in shares
    ]
    # The formula's odds of these wells do not depend on T, so the noise across may be any.
    turned = [[log_odds(oblique, heat, a * heat, cells) for heat in heats] for a in ratios]
    return xr.Dataset(
        {
            "rate": (
                ("share", "heat"),
                np.exp(np.array(exact) - np.log(laplace_odds(well, heats))),
            ),
            "anisotropy": (
                ("ratio", "heat"),
                np.exp(np.array(turned) - np.log(laplace_odds(oblique, heats))),
            ),
        },
        {"heat": heats, "share": shares, "ratio": ratios},
    )
