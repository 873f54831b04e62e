"""Figures of the limiting dynamics: speed, diffusion, isotropy, spectra, phase portraits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.style import COLOURS, GREY, VERDICT_COLOURS, heading, style, worst

Floats = NDArray[np.float64]


def entitle(ax: Axes, title: str, verdicts: Sequence[str]) -> None:
    """Set a title with a verdict, in its colour."""
    told = worst(verdicts)
    ax.set_title(
        f"{title}: {told.upper()}", loc="left", color=VERDICT_COLOURS.get(told, GREY), fontsize=8.5
    )


def sheet(
    title: str, rows: int, columns: int, size: tuple[float, float], **layout: Any
) -> tuple[Figure, Any]:
    """Return a figure with a title and its panels, (rows, columns). Use within `style`.

    Parameters
    ----------
    title : str
    rows, columns : int
    size : (float, float)
        Inches.
    **layout
        As `Figure.subplots` takes it.
    """
    figure = Figure(figsize=size, layout="constrained")
    heading(figure, title)
    return figure, figure.subplots(rows, columns, squeeze=False, **layout)


def side_by_side(title: str, count: int) -> tuple[Figure, Any]:
    """Return a figure of so many panels side by side, and the panels. Use within `style`."""
    figure, axes = sheet(title, 1, count, (max(7.0, 3.6 * count), 3.7))
    return figure, axes[0]


def band(ax: Axes, x: Floats, values: Floats, colour: str, label: str, marker: str = "o") -> None:
    """Draw the mean over replicas (R, T) with its 95 % interval."""
    mean = values.mean(0)
    half = 1.96 * values.std(0, ddof=1) / np.sqrt(len(values))
    ax.fill_between(x, mean - half, mean + half, color=colour, alpha=0.25, lw=0)
    ax.plot(x, mean, marker, ms=3, color=colour, label=label, lw=1)


@dataclass(frozen=True)
class SpeedCurve:
    """Squared speeds (R, T) of one experiment, and what theory says of them.

    Attributes
    ----------
    name : str
    steps : (T,) array
    squares : (R, T) array
    paper, exact : float
        Closed form, and exact recursion (NaN where there is none).
    burn_in : int
        Step from which they were judged.
    verdicts : sequence of str
    """

    name: str
    steps: Floats
    squares: Floats
    paper: float
    exact: float
    burn_in: int
    verdicts: Sequence[str]


def speed_figure(curves: Sequence[SpeedCurve], *, title: str) -> Figure:
    """Draw squared speeds along runs, a panel each."""
    with matplotlib.rc_context(style()):
        figure, axes = side_by_side(title, len(curves))
        for ax, curve in zip(axes, curves, strict=True):
            band(ax, curve.steps, curve.squares, COLOURS[0], "mean over replicas, 95 %", "-")
            ax.axhline(curve.paper, color="black", ls="--", lw=1.2, label="closed form")
            if np.isfinite(curve.exact):
                ax.axhline(curve.exact, color=COLOURS[1], lw=1.2, label="exact recursion")
            ax.axvspan(0, curve.burn_in, color=GREY, alpha=0.15, lw=0)
            ax.set_ylim(0, 1.6 * max(curve.paper, float(curve.squares.mean())))
            ax.set_xlabel("step k (updates)")
            entitle(ax, curve.name, curve.verdicts)
        axes[0].set_ylabel("|θ$_k$ − θ$_{k−1}$|² (dimensionless)")
        axes[0].legend(fontsize=7, loc="lower right")
    return figure


@dataclass(frozen=True)
class DiffusionCurve:
    """Squared displacements by lag.

    Attributes
    ----------
    name : str
    lags : (L,) array
        Steps.
    moved : (R, L) array
    theories : mapping of str to (L,) array
    """

    name: str
    lags: Floats
    moved: Floats
    theories: dict[str, Floats]


def diffusion_figure(
    curves: Sequence[DiffusionCurve],
    results: Sequence[Any],
    *,
    within: tuple[float, float],
    title: str,
) -> Figure:
    """Draw displacement against lag, local exponents, and exponents against prediction.

    Parameters
    ----------
    curves : sequence of DiffusionCurve
    results : sequence of Result
        Exponents, one a curve, to stand in the last panel.
    within : (float, float)
        Lags that exponents were fitted on.
    title : str
    """
    from soret.plotting.forest import draw_forest

    with matplotlib.rc_context(style()):
        figure, axes = sheet(title, 1, 3, (13.5, 4.3), width_ratios=(1, 1, 0.9))
        left, middle, right = axes[0]
        colours = (*COLOURS, GREY)
        for i, curve in enumerate(curves):
            colour = colours[i % len(colours)]
            band(left, curve.lags, curve.moved, colour, curve.name)
            log_lags = np.log(curve.lags)
            centre = np.exp((log_lags[1:] + log_lags[:-1]) / 2)
            local = np.diff(np.log(curve.moved.mean(0))) / np.diff(log_lags)
            middle.plot(centre, local, "o", ms=3, color=colour)
            for j, (theory, values) in enumerate(curve.theories.items()):
                name = theory if i == 0 else None
                line = ("-", "--", ":")[j]
                left.plot(curve.lags, values, line, color=colour, lw=1)
                middle.plot(
                    centre,
                    np.diff(np.log(values)) / np.diff(log_lags),
                    line,
                    color=colour,
                    lw=1,
                    label=name,
                )
        left.set(xscale="log", yscale="log")
        left.set_xlabel("lag k (updates)")
        left.set_ylabel("mean |θ$_{j+k}$ − θ$_j$|² (dimensionless)")
        # The legend stands below the curves, not on them.
        left.set_ylim(bottom=left.get_ylim()[0] / 6)
        left.legend(fontsize=6.5, ncols=3, loc="lower right")
        left.set_title("squared displacement; lines: theory", loc="left")
        middle.set(xscale="log", xlim=left.get_xlim())
        middle.axhline(1, color=GREY, lw=1.2, ls="-.", label="Brownian")
        middle.set_xlabel("lag k (updates)")
        middle.set_ylabel("local exponent d log|Δθ|²/d log k")
        middle.legend(fontsize=7)
        middle.set_title("local exponent", loc="left")
        for ax in (left, middle):
            ax.axvspan(*within, color=GREY, alpha=0.1, lw=0)
        names = [curve.name for curve in curves]
        draw_forest(right, results, names, xlabel="exponent on the shaded lags")
        right.axvline(1, color=GREY, lw=1.2, ls="-.")
        right.set_title("measured against prediction; × Brownian", loc="left")
        right.legend(fontsize=6.5, loc="lower center", ncols=3, bbox_to_anchor=(0.4, -0.33))
    return figure


@dataclass(frozen=True)
class VarianceCurve:
    """Variances of positions along eigenvectors.

    Attributes
    ----------
    name : str
    curvature : (n,) array
    variances : (R, n) array
        By replica.
    exact : (n,) array
    paper : float
        The isotropic one.
    verdicts : sequence of str
    note : str
    """

    name: str
    curvature: Floats
    variances: Floats
    exact: Floats
    paper: float
    verdicts: Sequence[str]
    note: str


def isotropy_figure(curves: Sequence[VarianceCurve], *, title: str) -> Figure:
    """Draw Var θ against curvature, in units of the paper's isotropic value."""
    with matplotlib.rc_context(style()):
        figure, axes = side_by_side(title, len(curves))
        for ax, curve in zip(axes, curves, strict=True):
            h = curve.curvature
            values = curve.variances / curve.paper
            mean, half = values.mean(0), 1.96 * values.std(0, ddof=1) / np.sqrt(len(values))
            ax.errorbar(h, mean, half, fmt="o", ms=3, color=COLOURS[0], label="measured, 95 %")
            order = np.argsort(h)
            ax.plot(
                h[order],
                curve.exact[order] / curve.paper,
                "-",
                color=COLOURS[1],
                lw=1,
                label="exact recursion",
            )
            ax.axhline(1, color="black", ls="--", lw=1.2, label="isotropic, closed form")
            rival = np.exp(np.log(mean).mean() + np.log(h).mean()) / h
            ax.plot(h[order], rival[order], ":", color=GREY, label="rival: 1/curvature")
            ax.set(xscale="log", yscale="log")
            low, high = mean.min(), mean.max()
            bottom, top = min(low / 2, 0.3), max(high * 2, 4)
            ax.set_ylim(bottom, top)
            ax.minorticks_off()
            ticks = [y for y in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if bottom <= y <= top]
            ax.set_yticks(ticks, [f"{y:g}" for y in ticks])
            ax.set_xlabel(f"eigenvalue of H (largest: 1)\n{curve.note}")
            entitle(ax, curve.name, curve.verdicts)
        axes[0].set_ylabel("Var θ$_i$ over ησ²/(2S(1 − β))")
        axes[0].legend(fontsize=7)
    return figure
