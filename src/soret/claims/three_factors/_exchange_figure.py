"""The figure of `exchange`: learning curves where η and S are scaled together, or one alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from soret import missing
from soret.inference import CurveDistance
from soret.plotting.style import COLOURS, GREY, LINES, style, verdict_colour
from soret.verdict import Verdict

# Where an axis of factors has its numbers: it seldom spans more than one power of 2.
_FACTORS = (0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 4, 6, 8, 12, 16, 32)


@dataclass(frozen=True)
class ExchangeArm:
    """One pair of learning rate and batch size.

    Attributes
    ----------
    kind : str
        "ratio" or "rate": what it has in common with the first arm.
    factor : int
        k.
    name : str
        η and S.
    curves : (replicas, epochs) array
        Logarithm of the training loss.
    norms : (replicas,) array
        ‖H‖ at the end.
    distance : CurveDistance, optional
        From the first arm; None for that arm itself, and where curves are not finite.
    """

    kind: str
    factor: int
    name: str
    curves: NDArray[np.float64]
    norms: NDArray[np.float64]
    distance: CurveDistance | None


def exchange_figure(
    arms: Sequence[ExchangeArm],
    *,
    kinds: Mapping[str, str],
    factor: float,
    verdicts: Sequence[Verdict],
    title: str,
) -> Figure:
    """Draw curves at equal ratio and at equal rate, how far they are apart, and the ends.

    Parameters
    ----------
    arms : sequence of ExchangeArm
        The first belongs to both kinds.
    kinds : mapping of str to str
        What to call them.
    factor : float
        Typical factor up to which curves count as equal.
    verdicts : sequence of Verdict
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(13, 3.9), layout="constrained")
        figure.suptitle(
            f"{title}\n{' | '.join(verdict.upper() for verdict in verdicts)}",
            x=0.01,
            ha="left",
            fontsize=10,
            fontweight="bold",
            color=verdict_colour(verdicts),
        )
        axes = figure.subplots(1, 4)
        axes[1].sharey(axes[0])
        for ax, (kind, name) in zip(axes, kinds.items(), strict=False):
            chosen = [arms[0], *[arm for arm in arms[1:] if arm.kind == kind]]
            _curves(ax, chosen)
            ax.set_title(name, loc="left")
        _distances(axes[2], arms, kinds, factor)
        _norms(axes[3], arms, kinds, factor)
    return figure


def _curves(ax: Axes, arms: Sequence[ExchangeArm]) -> None:
    for i, arm in enumerate(arms):
        epochs = np.arange(1, arm.curves.shape[1] + 1)
        mean = arm.curves.mean(axis=0)
        half = missing.reach(arm.curves)
        colour = COLOURS[i % len(COLOURS)]
        low, high = np.exp(mean - half), np.exp(mean + half)
        ax.fill_between(epochs, low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(epochs, np.exp(mean), LINES[i % len(LINES)], color=colour, label=arm.name)
    ax.set_yscale("log")
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel("training loss (nats)")
    ax.legend(title="η, S; mean over replicas, 95 %", fontsize=7, title_fontsize=7)


def _distances(
    ax: Axes, arms: Sequence[ExchangeArm], kinds: Mapping[str, str], factor: float
) -> None:
    for i, (kind, name) in enumerate(kinds.items()):
        chosen = [arm for arm in arms if arm.kind == kind and arm.distance is not None]
        x = [arm.factor for arm in chosen]
        found = [arm.distance for arm in chosen if arm.distance is not None]
        middle = np.exp([one.distance for one in found])
        for place, one in zip(x, found, strict=True):
            ax.plot([place, place], np.exp(one.interval), "-", color=COLOURS[i], linewidth=2)
        ax.plot(x, middle, "os"[i % 2], linestyle=LINES[i], color=COLOURS[i], ms=5, label=name)
        gone = [a.factor for a in arms[1:] if a.kind == kind and a.distance is None]
        for place in gone:
            ax.annotate("diverged", (place, factor), rotation=90, fontsize=7, color=COLOURS[i])
    ax.axhline(factor, color=GREY, linestyle=":", label=f"counts as equal: {factor:g}")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set_xlabel("k")
    ax.set_ylabel("typical factor (95 %)")
    ax.set_title("between curves and that of k = 1", loc="left")
    _plain(ax)
    ax.legend(fontsize=7)


def _norms(ax: Axes, arms: Sequence[ExchangeArm], kinds: Mapping[str, str], factor: float) -> None:
    base = np.log(arms[0].norms)
    for i, (kind, name) in enumerate(kinds.items()):
        chosen = [arm for arm in arms[1:] if arm.kind == kind and np.isfinite(arm.norms).all()]
        x = [arm.factor for arm in chosen]
        apart = [np.log(arm.norms) - base for arm in chosen]
        for place, values in zip(x, apart, strict=True):
            ax.plot(np.full(len(values), place), np.exp(values), ".", color=COLOURS[i], alpha=0.5)
        means = [np.exp(values.mean()) for values in apart]
        ax.plot(x, means, "os"[i % 2], linestyle=LINES[i], color=COLOURS[i], ms=5, label=name)
    ax.axhspan(1 / factor, factor, color=GREY, alpha=0.12, linewidth=0)
    ax.axhline(1, color=GREY, linestyle=":")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set_xlabel("k")
    ax.set_ylabel("‖H‖ over that of k = 1")
    ax.set_title("at the end; dots: replicas; band: equal", loc="left")
    ax.legend(fontsize=7)
    _plain(ax)


def _plain(ax: Axes) -> None:
    """Write numbers as such, not as powers of 2."""
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_major_locator(FixedLocator(_FACTORS))
