"""The figure of `deep_network`: trained nets run on, beside theory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.panels import band, entitle, sheet
from soret.plotting.style import COLOURS, GREY, LINES, style
from soret.verdict import Result

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NetworkRow:
    """Nets of one kind, trained independently; what is of one is of the first.

    Attributes
    ----------
    name : str
    steps : (T,) array
    squares : (K, T) array
        Squared speed of each net over the prediction.
    speed : float
        Squared speed predicted of the first.
    moved : (K, T) array
        Squared displacement of each net from where its training ended.
    theories : mapping of str to (T,) array
        Of the first.
    position, velocity : (R, T', 2) array
        Along a stiff and a soft eigenvector.
    shown : (2,) array
        Their eigenvalues.
    curvature, noise : (k,) array
        The spectra measured.
    results : sequence of Result
        Speed, its change, displacement, exponent, exponent less 1, frequency.
    """

    name: str
    steps: Floats
    squares: Floats
    speed: float
    moved: Floats
    theories: Mapping[str, Floats]
    position: Floats
    velocity: Floats
    shown: Floats
    curvature: Floats
    noise: Floats
    results: Sequence[Result]


def network_figure(rows: Sequence[NetworkRow], *, title: str) -> Figure:
    """Draw a row of panels for each kind: spectra, speed, displacement, two phase portraits."""
    with matplotlib.rc_context(style()):
        figure, axes = sheet(title, len(rows), 5, (16.5, 0.6 + 3.5 * len(rows)))
        for panels, row in zip(axes, rows, strict=True):
            _row(panels, row)
        axes[0, 1].legend(fontsize=7, loc="lower right")
        axes[0, 2].legend(fontsize=7)
    return figure


def _row(panels: Any, row: NetworkRow) -> None:
    spectra, speed, moved, stiff, soft = panels
    told = [result.verdict for result in row.results]
    # Along some directions (of units that weight decay has switched off) there is no noise at all.
    silent = row.noise <= 1e-13 * row.noise.max()
    up = (row.curvature > 1e-9 * row.curvature.max()) & ~silent
    spectra.plot(row.curvature[up], row.noise[up], "o", ms=2.5, color=COLOURS[0])
    grid = np.array([row.curvature[up].min(), row.curvature.max()])
    scale = row.noise[up].sum() / row.curvature[up].sum()
    spectra.plot(grid, scale * grid, "--", color="black", lw=1, label="σ²H")
    spectra.set(xscale="log", yscale="log")
    spectra.set_xlabel("eigenvalue of H")
    spectra.set_ylabel("noise along it, vᵀCv")
    spectra.set_title(f"{row.name}: measured, end of training", loc="left", fontsize=8.5)
    spectra.legend(fontsize=7)

    for squares in row.squares:
        speed.plot(row.steps, squares, color=GREY, lw=0.5, alpha=0.6)
    band(speed, row.steps, row.squares, COLOURS[0], "mean of nets, 95 %", "-")
    speed.axhline(1, color="black", ls="--", lw=1.2, label="predicted")
    speed.set_ylim(0, max(1.5, 1.2 * float(np.nanmax(row.squares.mean(0), initial=1.0))))
    speed.set_xlabel("steps after training")
    speed.set_ylabel("|θ$_k$ − θ$_{k−1}$|² over the prediction")
    entitle(speed, f"speed, {len(row.squares)} nets: {row.results[0].measured:.2f}", told[:2])

    for number, each in enumerate(row.moved[::-1], 1):
        first = number == len(row.moved)
        colour, width = (COLOURS[0], 1.6) if first else (GREY, 0.6)
        label = "first net" if first else "other nets" if number == 1 else None
        moved.plot(row.steps, each, color=colour, lw=width, label=label)
    for (name, values), line in zip(row.theories.items(), LINES[1:], strict=False):
        moved.plot(row.steps, values, line, color="black", lw=1.2, label=name)
    moved.plot(row.steps, row.speed * row.steps, ":", color=GREY, label="rival: steps independent")
    moved.set(xscale="log", yscale="log")
    moved.set_xlabel("steps after training")
    moved.set_ylabel("|θ$_k$ − θ$_0$|²")
    exponent = row.results[3]
    entitle(
        moved,
        f"exponent off by {exponent.measured:.2f}: {told[3]}\n"
        f"at the end {row.results[2].measured:.2f} × predicted",
        told[2:5],
    )
    for ax, i, name in ((stiff, 0, "stiffest mode"), (soft, 1, "soft mode")):
        paths = min(2, len(row.position))
        for r in range(paths):
            z = row.position[r, :300, i] - row.position[..., i].mean()
            ax.plot(z, row.velocity[r, :300, i], lw=0.6, color=COLOURS[r], alpha=0.8)
        ax.set_xlabel("θ$_i$ − mean")
        ax.set_ylabel("v$_i$")
        text = f"{name}, eigenvalue {row.shown[i]:.2g}"
        if i == 0:
            turned = row.results[5]
            entitle(
                ax,
                f"{text}\nfrequency {turned.measured:.3f} × predicted",
                told[5:6],
            )
        else:
            ax.set_title(f"{text}\ntwo replicas, 300 steps", loc="left", fontsize=8.5)
