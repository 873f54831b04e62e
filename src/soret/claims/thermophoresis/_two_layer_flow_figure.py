"""The figure of `two_layer_flow`: how hidden units move, in training and with noise alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret import missing
from soret.plotting.forest import draw_forest
from soret.plotting.style import COLOURS, GREY, LINES, VERDICT_COLOURS, heading, style
from soret.verdict import Result

_NAMES = {"mean_bias": "mean b", "mean_output_weight": "mean |V|"}


@dataclass(frozen=True)
class NoisePanel:
    """What noise alone does, and what it should.

    Attributes
    ----------
    steps : (T,) array
    share, bias : (R, T) array
        Changes since the start: of the share of units above the surfaces, and of mean b.
    paper_flow, ito_flow, paper_drift : (T,) array
        Predicted changes: of the share, twice, and of mean b.
    """

    steps: NDArray[np.int_]
    share: NDArray[np.float64]
    bias: NDArray[np.float64]
    paper_flow: NDArray[np.float64]
    ito_flow: NDArray[np.float64]
    paper_drift: NDArray[np.float64]


def unit_flow_figure(
    training: Mapping[str, xr.Dataset], noise: NoisePanel, results: Sequence[Result], *, title: str
) -> Figure:
    """Draw training against rescaled time, noise alone, and the numbers.

    Parameters
    ----------
    training : mapping of str to Dataset
        Runs by a name that ends in the hyperparameter scanned.
    noise : NoisePanel
    results : sequence of Result
        Exponents, and ratios "over" a formula; the others have no number to compare with.
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(13, 8), layout="constrained")
        heading(figure, title)
        parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.1))
        top, bottom = parts
        axes: Any = top.subplots(1, 4)
        for ax, (name, variable) in zip(axes[:2], _NAMES.items(), strict=True):
            _draw_training(ax, training, name, variable, results)
        _draw_noise(axes[2], noise.steps, noise.share, "share of units above b = const")
        axes[2].plot(noise.steps, noise.paper_flow, "--", color=COLOURS[1])
        axes[2].plot(noise.steps, noise.ito_flow, "-.", color=COLOURS[2])
        axes[2].set_title("noise alone: mass in the midst flows down", loc="left")
        _draw_noise(axes[3], noise.steps, noise.bias, "mean b")
        axes[3].plot(noise.steps, noise.paper_drift, "--", color=COLOURS[1])
        axes[3].plot(noise.steps, 0 * noise.steps, "-.", color=COLOURS[2])
        axes[3].set_title("noise alone: the mean stays", loc="left")
        axes[2].plot([], [], "--", color=COLOURS[1], label="the paper's Eq. 27")
        axes[2].plot([], [], "-.", color=COLOURS[2], label="exact (Itô)")
        axes[2].legend(fontsize=7)

        left, right = bottom.subplots(1, 2)
        powers = [r for r in results if r.quantity.startswith("exponent")]
        ratios = [r for r in results if " over " in r.quantity]
        draw_forest(left, powers, [_short(r) for r in powers], xlabel="exponent (dimensionless)")
        left.set_title("powers of η and B", loc="left")
        draw_forest(
            right, ratios, [_short(r) for r in ratios], xlabel="measured / formula (dimensionless)"
        )
        right.axvline(1, color="black", lw=0.6, zorder=0)
        right.set_title("sizes", loc="left")
        for ax in (left, right):
            ax.tick_params(axis="y", labelsize=7)
            ax.legend(ncols=3, fontsize=7, loc="upper left", bbox_to_anchor=(-0.1, -0.12))
    return figure


def _draw_training(
    ax: Axes,
    training: Mapping[str, xr.Dataset],
    variable: str,
    name: str,
    results: Sequence[Result],
) -> None:
    drawn: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for key, run in training.items():
        over = key.rpartition("/")[2]
        curves = run[variable]
        for value in curves[over].values:
            at = curves.sel({over: value})
            rate = value if over == "learning_rate" else float(run.attrs["algorithm_learning_rate"])
            batch = value if over == "batch_size" else 1
            if over == "batch_size" and batch == 1:
                continue
            mean = at.mean("replica").values
            error = missing.reach(at.values, axis=at.get_axis_num("replica"))
            time = at.step.values * rate**2 / batch
            label = f"η = {rate:g}, B = {batch:g}"
            number = len(drawn)
            colour, line = COLOURS[number % len(COLOURS)], LINES[number % len(LINES)]
            ax.fill_between(time, mean - error, mean + error, color=colour, alpha=0.15, lw=0)
            ax.plot(time, mean, line, color=colour, label=label)
            drawn.append((time, mean))
    # To where more than one curve is left, and no lower than they go.
    limit = 2 * min(float(time[-1]) for time, _ in drawn)
    ax.set_xlim(0, limit)
    seen = np.concatenate([mean[time <= limit] for time, mean in drawn])
    ax.set_ylim(seen.min() - 0.12 * np.ptp(seen), seen.max() + 0.12 * np.ptp(seen))
    falls = [r for r in results if r.quantity.startswith("change of " + name)]
    told = [r.verdict for r in falls]
    ax.set_title(
        f"training: {name} falls, fastest early?\n{' | '.join(told).upper()}",
        loc="left",
        color=VERDICT_COLOURS[told[0]] if len(set(told)) == 1 else GREY,
    )
    ax.set_xlabel("η²/B × step (updates)")
    ax.set_ylabel(f"{name}; mean over replicas, 95 %")
    ax.legend(fontsize=7)


def _draw_noise(ax: Axes, steps: NDArray[np.int_], values: NDArray[np.float64], name: str) -> None:
    mean = values.mean(0)
    error = missing.reach(values)
    ax.errorbar(steps, mean, error, fmt="o", color="black", ms=4, label="measured, 95 %")
    ax.set_xlabel("step (updates)")
    ax.set_ylabel(f"change of {name}")


def _short(result: Result) -> str:
    text = result.quantity
    for long, short in (
        ("exponent of ", ""),
        ("exponent a in the collapse of ", ""),
        (" under step·learning_rate^a", "\ncollapse under η"),
        (" under step·batch_size^a", "\ncollapse under B"),
        (" in the drift of ", " in drift of "),
        (" from one start", ",\nfrom one start"),
        (" with noise alone", ",\nnoise alone,"),
        (" through training", " in training,"),
        (" in the midst", ""),
    ):
        text = text.replace(long, short)
    return text
