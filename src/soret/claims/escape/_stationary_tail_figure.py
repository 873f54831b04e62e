"""The figure of `stationary_tail`: densities against the loss, and what was made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.inference import RadialFit
from soret.plotting.forest import draw_forest
from soret.plotting.style import COLOURS, GREY, heading, style
from soret.verdict import Result

Floats = NDArray[np.float64]

_BINS = 30
_MARKERS = "osD^vP*<>"
# The paper, the exact covariance, the exact recursion, and the rival.
_THEORY_LINES = ("--", "-.", "-", ":")
_THEORY_COLOURS = (COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[3])


@dataclass(frozen=True)
class StationaryCurve:
    """One setting: samples, and the logarithm of two densities of x = z/√(2L*/h).

    Attributes
    ----------
    rate, batch : float, int
        η and B.
    samples : (R, T) array
        |x|.
    grid, paper, exact : (m,) array
    """

    rate: float
    batch: int
    samples: Floats
    grid: Floats
    paper: Floats
    exact: Floats


@dataclass(frozen=True)
class LocalExponents:
    """−d log P/d log L at one setting.

    Attributes
    ----------
    grid : (m,) array
        x, with L/L* = 1 + x².
    theories : mapping of str to (m,) array
    kesten : float
        Where the exact one ends.
    fits : sequence of RadialFit
        On narrow shells of x.
    boundary : float
        x between body and tail.
    name : str
        The setting.
    """

    grid: Floats
    theories: Mapping[str, Floats]
    kesten: float
    fits: Sequence[RadialFit]
    boundary: float
    name: str


def stationary_figure(
    curves: Sequence[StationaryCurve], local: LocalExponents, results: Sequence[Result], title: str
) -> Figure:
    """Draw densities as in Fig. 3a, the three theories' local exponents, and fitted exponents.

    Parameters
    ----------
    curves : sequence of StationaryCurve
    local : LocalExponents
    results : sequence of Result
        Those on exponents are drawn, over what was predicted.
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(14.5, 5.6), layout="constrained")
        heading(figure, title)
        left, middle, right = figure.subplots(1, 3, width_ratios=(1.15, 1.15, 1))
        _draw_densities(left, curves)
        _draw_local(middle, local)
        _draw_exponents(right, results)
    return figure


def _draw_densities(ax: Axes, curves: Sequence[StationaryCurve]) -> None:
    rates = sorted({curve.rate for curve in curves}, reverse=True)
    batches = sorted({curve.batch for curve in curves})
    floor, far = np.inf, 1.0
    for curve in curves:
        colour = COLOURS[rates.index(curve.rate) % len(COLOURS)]
        loss, density = _histogram(curve.samples)
        peak = np.exp(curve.exact[0])
        marker = _MARKERS[batches.index(curve.batch) % len(_MARKERS)]
        ax.plot(loss, density / peak, marker, color=colour, ms=3.5, mfc="none", mew=0.9)
        ratio = 1 + curve.grid**2
        ax.plot(ratio, np.exp(curve.paper - curve.paper[0]), "--", color=colour, lw=0.9)
        ax.plot(ratio, np.exp(curve.exact - curve.exact[0]), "-", color=colour, lw=0.9)
        floor, far = min(floor, (density / peak).min()), max(far, loss.max())
    for rate in rates:
        ax.plot([], [], "s", color=COLOURS[rates.index(rate) % len(COLOURS)], label=f"η = {rate:g}")
    for batch in batches:
        marker = _MARKERS[batches.index(batch) % len(_MARKERS)]
        ax.plot([], [], marker, color=GREY, mfc="none", label=f"B = {batch}")
    ax.plot([], [], "--", color=GREY, lw=0.9, label="Eq. 17: φ = 1 + B/(ηh)")
    ax.plot([], [], "-", color=GREY, lw=0.9, label="exact recursion")
    ax.set(xscale="log", yscale="log", xlim=(0.99, far * 1.1), ylim=(floor / 3, 2))
    ticks = [t for t in (1, 1.2, 1.5, 2, 3, 4, 5, 7) if t < far * 1.1]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.set_xlabel("loss L/L* (dimensionless)")
    ax.set_ylabel("density P(θ)/P(θ*) (dimensionless)")
    ax.set_title("stationary density (Fig. 3a)", loc="left")
    ax.legend(fontsize=7, ncols=2, loc="upper right")


def _histogram(samples: Floats) -> tuple[Floats, Floats]:
    """Density of z/s of both signs in bins equal in log L, of 10 samples or more."""
    x = samples[np.isfinite(samples)]
    edges = np.sqrt(np.expm1(np.linspace(0, np.log1p(x.max() ** 2), _BINS + 1)))
    found, _ = np.histogram(x, edges)
    density = found / x.size / np.diff(edges) / 2
    middle = 1 + ((edges[1:] + edges[:-1]) / 2) ** 2
    enough = found >= 10
    return middle[enough], density[enough]


def _draw_local(ax: Axes, local: LocalExponents) -> None:
    ratio = 1 + local.grid**2
    # At the minimum both derivatives vanish.
    shown = local.grid > 0.05
    for i, (name, slope) in enumerate(local.theories.items()):
        ax.plot(ratio[shown], slope[shown], _THEORY_LINES[i], color=_THEORY_COLOURS[i], label=name)
    for fit in local.fits:
        low, high = 1 + fit.shell[0] ** 2, 1 + fit.shell[1] ** 2
        middle = np.sqrt(low * high)
        ax.plot([middle, middle], fit.interval, "-", color="black", lw=1)
        ax.plot([low, high], [fit.exponent] * 2, "-", color="black", lw=1)
    ax.plot([], [], "-+", color="black", lw=1, ms=8, label="measured on shells, 95 % interval")
    ax.axhline(
        local.kesten, color=GREY, ls=":", lw=1, label=f"Kesten, (1 + α)/2 = {local.kesten:.2f}"
    )
    edge = 1 + local.boundary**2
    ax.axvline(edge, color=GREY, lw=0.8)
    # The rival's runs out of the picture.
    top = max(float(np.nanmax(slope[shown])) for slope in list(local.theories.values())[:3])
    ax.set_ylim(0, 1.6 * top)
    ax.annotate("body ", (edge, 0.3), ha="right", fontsize=8, color=GREY)
    ax.annotate(" tail", (edge, 0.3), ha="left", fontsize=8, color=GREY)
    ax.set(xscale="log", xlim=(1, float(ratio[-1])))
    ax.set_xticks([1, 1.5, 2, 3, 4, 5, 7], ["1", "1.5", "2", "3", "4", "5", "7"])
    ax.minorticks_off()
    ax.set_xlabel("loss L/L* (dimensionless)")
    ax.set_ylabel("local exponent −d log P/d log L (dimensionless)")
    ax.set_title(f"three theories told apart, {local.name}", loc="left")
    ax.legend(fontsize=7, loc="upper right")


def _draw_exponents(ax: Axes, results: Sequence[Result]) -> None:
    chosen = [r for r in results if r.quantity.startswith("exponent φ, ")]
    names = [
        r.quantity.removeprefix("exponent φ, ").replace(" (", "\n").rstrip(")") for r in chosen
    ]
    relative = [_over_prediction(r) for r in chosen]
    draw_forest(ax, relative, names, xlabel="exponent φ / (1 + B/(ηh)) (dimensionless)")
    ends = [float(edge) for r in relative for edge in (r.rival, r.measured)]
    ax.set_xlim(min([0.5, *ends]) - 0.05, max([1.3, *ends]) + 0.1)
    for row, r in enumerate(chosen):
        exact = r.evidence["exact recursion"] / r.predicted
        ax.plot(exact, -row, "|", color=COLOURS[2], ms=13, mew=1.8, zorder=1)
    ax.plot([], [], "|", color=COLOURS[2], ms=11, mew=1.8, label="exact recursion")
    handles, labels = ax.get_legend_handles_labels()
    named = {"predicted": "Eq. 17", "rival": "exact covariance"}
    ax.legend(
        handles,
        [named.get(label, label) for label in labels],
        fontsize=7,
        ncols=2,
        loc="upper left",
        bbox_to_anchor=(-0.4, -0.1),
    )
    ax.tick_params(axis="y", labelsize=6)
    ax.axvspan(0.9, 1.1, color=GREY, alpha=0.1, lw=0)
    ax.set_title(
        "fitted exponents over the paper's; red inside the band:\nan exponential of L fits better",
        loc="left",
    )


def _over_prediction(result: Result) -> Result:
    """Return a result in units of what was predicted."""
    p, (low, high) = float(result.predicted), result.interval
    return replace(
        result,
        predicted=1.0,
        measured=result.measured / p,
        interval=(low / p, high / p),
        rival=float(result.rival) / p,
    )
