"""The figure of `open_questions`: the slides' four questions on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from soret import missing
from soret.plotting.style import COLOURS, GREY, LINES, VERDICT_COLOURS, heading, style
from soret.verdict import Result, together

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Questions:
    """What is drawn.

    Attributes
    ----------
    momenta : (b,) array
        β.
    heats : (b, R) array
        Temperatures over that predicted without momentum.
    odds : mapping of str to (ln odds, its interval's ends, law)
        Plain and natural gradient.
    curvature, own, boltzmann : (P,) array
        Of a net: curvatures, and variances along them by two laws.
    moment : (R, P) array
        SGD's mean squares.
    rates : (k,) array
    lines : mapping of β to (k,) floats
        Entropy production per unit of t.
    points : mapping of (noise, S) to list of (η, (g,) array)
        Measured.
    net_entropy : float
    """

    momenta: Floats
    heats: Floats
    odds: Mapping[str, tuple[float, float, float, float]]
    curvature: Floats
    own: Floats
    boltzmann: Floats
    moment: Floats
    rates: Floats
    lines: Mapping[float, Sequence[float]]
    points: Mapping[tuple[str, int], Sequence[tuple[float, Floats]]]
    net_entropy: float


def questions_figure(data: Questions, results: Sequence[Result]) -> Figure:
    """Draw a panel for every question.

    Parameters
    ----------
    data : Questions
    results : sequence of Result
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(11.5, 8.6), layout="constrained")
        heading(figure, "Four questions of the slides, answered by computing")
        axes: Any = figure.subplots(2, 2)
        _draw_momentum(axes[0, 0], data, [r for r in results if "(momentum)" in r.quantity])
        _draw_odds(axes[0, 1], data, [r for r in results if "gradient)" in r.quantity])
        _draw_net(axes[1, 0], data, [r for r in results if "(real net)" in r.quantity])
        _draw_entropy(axes[1, 1], data, [r for r in results if r.quantity.startswith("entropy")])
    return figure


def _title(ax: Axes, results: Sequence[Result], question: str, answer: str) -> None:
    told = together(r.verdict for r in results)
    ax.set_title(
        f"{question} {told.upper()}\n{answer}",
        loc="left",
        fontsize=8.5,
        color=VERDICT_COLOURS[told],
    )


def _draw_momentum(ax: Axes, data: Questions, results: Sequence[Result]) -> None:
    left = 1 - data.momenta
    mean = data.heats.mean(1)
    half = missing.reach(data.heats, axis=1)
    ax.errorbar(left, mean, half, fmt="o", color=COLOURS[0], ms=6, label="SGD, 95 % interval")
    grid = np.geomspace(left.min() / 1.2, 1.1, 30)
    ax.plot(grid, 1 / grid, "k-", lw=1.2, label="1/(1 − β), predicted")
    ax.axhline(1, color=GREY, ls=":", label="rival: momentum does not heat")
    ax.set(xscale="log", yscale="log", xlabel="1 − β (dimensionless)")
    ax.set_ylabel("temperature/(ησ²/(2S))")
    ax.set_xticks(left, [f"{value:g}" for value in left])
    ax.set_xticks([], minor=True)
    for formatter in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
        formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    low, high = results[0].interval
    _title(
        ax,
        results,
        "1. Momentum?",
        f"it heats: T ∝ (1 − β)^{results[0].measured:.3f} ({low:.3f} to {high:.3f})",
    )
    ax.legend(fontsize=7)


def _draw_odds(ax: Axes, data: Questions, results: Sequence[Result]) -> None:
    for i, (name, (found, low, high, law)) in enumerate(data.odds.items()):
        ax.errorbar(
            [i],
            [np.exp(found)],
            [
                [np.exp(found) - np.exp(low)],
                [np.exp(high) - np.exp(found)],
            ],
            fmt="o",
            color=COLOURS[i],
            ms=7,
            label=f"SGD, {name} gradient, 95 % interval",
        )
        ax.plot(i, np.exp(law), "D", mfc="none", mec="black", ms=10)
    laws = [law for *_, law in data.odds.values()]
    ax.axhline(np.exp(laws[1]), color="black", lw=1, label="Boltzmann's law")
    ax.axhline(np.exp(laws[0]), color=GREY, ls="--", lw=1, label="Fokker–Planck, anisotropic noise")
    ax.plot([], [], "D", mfc="none", mec="black", ms=8, label="predicted")
    ax.set_xlim(-0.6, 1.6)
    ax.set_yscale("log")
    values = sorted({1.0, *(round(float(np.exp(law)), 1) for law in laws), 4.0, 8.0})
    ax.set_yticks(values, [f"{value:g}" for value in values])
    ax.set_yticks([], minor=True)
    ax.set_xticks([0, 1], ["plain gradient", "natural gradient, P = σ²C⁻¹"])
    ax.set_ylabel("odds of the wide over the narrow well")
    _title(
        ax,
        results,
        "2. Natural gradient?",
        "it restores Boltzmann's law where noise across is 4 times as strong",
    )
    ax.legend(fontsize=7, loc="lower left")


def _draw_net(ax: Axes, data: Questions, results: Sequence[Result]) -> None:
    mean = data.moment.mean(0)
    half = missing.reach(data.moment)
    ax.errorbar(
        data.curvature, mean, half, fmt="o", color=COLOURS[0], ms=4, lw=1, label="SGD on the net"
    )
    ax.plot(data.curvature, data.own, "k-", lw=1.2, label="law of the net's own H and C")
    ax.plot(data.curvature, data.boltzmann, ":", color=GREY, label="rival: Boltzmann, σ² = tr C/P")
    ax.set(xscale="log", yscale="log", xlabel="curvature, eigenvalue of H + λ (nats)")
    ax.set_ylabel("variance of θ along it (dimensionless)")
    _title(
        ax,
        results,
        "3. Realistic noise?",
        f"variance ∝ curvature^{results[1].measured:.2f}, not ^−1; tr Cov θ is "
        f"{results[0].measured:.2f} of the Lyapunov equation's",
    )
    ax.legend(fontsize=7)


def _draw_entropy(ax: Axes, data: Questions, results: Sequence[Result]) -> None:
    for i, (beta, values) in enumerate(data.lines.items()):
        ax.plot(
            data.rates,
            values,
            LINES[i],
            color=COLOURS[3 + i],
            label=f"oblique noise, β = {beta:g}, closed form, any S",
        )
    for i, ((name, batch), points) in enumerate(data.points.items()):
        etas = np.array([eta for eta, _ in points]) * (1 + 0.03 * (i - 1))
        mean = np.array([values.mean() for _, values in points])
        half = [2.06 * values.std(ddof=1) / np.sqrt(values.size) for _, values in points]
        ax.errorbar(
            etas,
            mean,
            half,
            fmt="osD"[i],
            color=COLOURS[i],
            ms=5,
            label=f"SGD, {name}, S = {batch}",
        )
    ax.axhline(0, color="black", lw=0.8)
    ax.set_ylim(-0.25, 20)
    ax.set(xscale="log", xlabel="learning rate η (dimensionless)")
    ax.set_yscale("symlog", linthresh=0.1)
    ticks = [0, 0.1, 0.3, 1, 3, 10]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_ylabel("entropy production (nats per unit of t = ηk)")
    _title(
        ax,
        results,
        "4. Equilibrium, or only stationary?",
        f"only stationary, unless noise is isotropic; the net of 3. makes {data.net_entropy:.3g}",
    )
    ax.legend(fontsize=7, loc="lower left")
