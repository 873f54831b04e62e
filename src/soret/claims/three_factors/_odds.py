"""Odds of two minima: of the Fokker–Planck equation, of the recursion, and where formulas hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import soret
from soret.claims import Result
from soret.claims.judging import RATIO_TOLERANCE, judged, near
from soret.claims.three_factors._surfaces import RATIO_WHY, SURFACES, laplace_odds, well_of

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ODDS_WHY = f"{RATIO_WHY}. The interval is 1.96 standard errors of the log-odds."

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


def judge_odds(quantity: str, log_ratio: float, error: float, **told: Any) -> Result:
    """Test that odds are those predicted, by the logarithm of their ratio and its error.

    Of a sum of shares with errors of their own there is no sample for a Student's interval: it is
    the normal one.
    """
    interval = (np.exp(log_ratio - 1.96 * error), np.exp(log_ratio + 1.96 * error))
    return judged(
        quantity,
        float(np.exp(log_ratio)),
        interval,
        predicted=1.0,
        within=near(1.0, RATIO_TOLERANCE),
        **told,
    )


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
