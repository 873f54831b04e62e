"""The figure of `oscillations`: phase portraits, correlations, spectra."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret import missing
from soret.plotting.panels import entitle, sheet
from soret.plotting.style import COLOURS, GREY, style
from soret.theory.phase_space import Continuous, Discrete
from soret.verdict import Verdict

Floats = NDArray[np.float64]

_CELLS = 13


@dataclass(frozen=True)
class PhaseRow:
    """Motion along one eigenvector, and the theory of it.

    Attributes
    ----------
    name : str
    position, velocity : (R, T) array
        At every step.
    paper, exact : Continuous, Discrete
        Theories of this mode alone.
    verdicts : sequence of Verdict
    """

    name: str
    position: Floats
    velocity: Floats
    paper: Continuous
    exact: Discrete
    verdicts: Sequence[Verdict]


def phase_figure(rows: Sequence[PhaseRow], *, title: str) -> Figure:
    """Draw a row of panels a mode: mean change of (θ, v) in a step, correlation, spectrum."""
    with matplotlib.rc_context(style()):
        figure, axes = sheet(title, len(rows), 3, (11, 0.6 + 2.9 * len(rows)))
        for (left, middle, right), row in zip(axes, rows, strict=True):
            _portrait(left, row)
            entitle(left, row.name, row.verdicts)
            _correlation(middle, row)
            _spectrum(right, row)
        axes[0, 1].set_title("autocorrelation of position", loc="left")
        axes[0, 2].set_title("spectrum of position", loc="left")
        axes[0, 1].legend(fontsize=7)
        axes[0, 2].legend(fontsize=7)
    return figure


def _portrait(ax: Axes, row: PhaseRow) -> None:
    """Mean displacement in (θ, v) over a step, by cell, and orbits of the current."""
    z, v = row.position, row.velocity
    wide, fast = z.std(), v.std()
    edges = np.linspace(-2.6, 2.6, _CELLS + 1)
    i = np.digitize(z[:, :-1] / wide, edges) - 1
    j = np.digitize(v[:, :-1] / fast, edges) - 1
    inside = (i >= 0) & (i < _CELLS) & (j >= 0) & (j < _CELLS)
    cell = (i * _CELLS + j)[inside]
    count = np.bincount(cell, minlength=_CELLS**2)
    # The current: the mean step less what friction and noise do, from both ends of the step.
    dz = np.bincount(cell, (np.diff(z, axis=1) / wide)[inside], _CELLS**2)
    dv = np.bincount(cell, (np.diff(v, axis=1) / fast)[inside], _CELLS**2)
    back = (np.digitize(z[:, 1:] / wide, edges) - 1, np.digitize(v[:, 1:] / fast, edges) - 1)
    there = (back[0] >= 0) & (back[0] < _CELLS) & (back[1] >= 0) & (back[1] < _CELLS)
    landed = (back[0] * _CELLS + back[1])[there]
    dz += np.bincount(landed, (np.diff(z, axis=1) / wide)[there], _CELLS**2)
    dv += np.bincount(landed, (np.diff(v, axis=1) / fast)[there], _CELLS**2)
    count = count + np.bincount(landed, minlength=_CELLS**2)
    seen = count > 40
    centre = (edges[1:] + edges[:-1]) / 2
    x, y = (part.ravel() for part in np.meshgrid(centre, centre, indexing="ij"))
    turn = np.linspace(0, 2 * np.pi, 200)
    for radius in (0.8, 1.6, 2.4):
        ax.plot(radius * np.cos(turn), radius * np.sin(turn), "--", color="black", lw=0.8)
    ax.quiver(
        x[seen],
        y[seen],
        (dz / np.maximum(count, 1))[seen],
        (dv / np.maximum(count, 1))[seen],
        count[seen],
        cmap="viridis",
        angles="xy",
        width=0.006,
    )
    ax.set_xlabel("θ$_i$ (standard deviations)")
    ax.set_ylabel("v$_i$ (standard deviations)\narrows: mean current of a step")
    ax.set_aspect("equal")


def _correlation(ax: Axes, row: PhaseRow) -> None:
    reach = _reach(row)
    lags = np.unique(np.linspace(0, reach, 80).astype(int))
    z = row.position - row.position.mean()
    found = [float((z[:, : z.shape[1] - lag] * z[:, lag:]).mean()) for lag in lags]
    ax.plot(lags, np.array(found) / found[0], "o", ms=2.5, color=COLOURS[0], label="measured")
    for law, line, colour, name in (
        (row.paper, "--", "black", "damped oscillator"),
        (row.exact, "-", COLOURS[1], "exact recursion"),
    ):
        ax.plot(lags, law.autocorrelation(lags)[:, 0], line, color=colour, label=name)
    rival = np.exp(-lags * row.paper.overdamped_rate[0])
    ax.plot(lags, rival, ":", color=GREY, label="rival: no inertia")
    ax.set_xlabel("lag (updates)")
    ax.set_ylabel("correlation")


def _reach(row: PhaseRow) -> int:
    steps = 3 / row.exact.damping[0]
    return int(min(steps, row.position.shape[1] // 2))


def _spectrum(ax: Axes, row: PhaseRow) -> None:
    from scipy import signal

    length = min(row.position.shape[1], 512)
    z = row.position - row.position.mean()
    omega, power = signal.welch(z, fs=2 * np.pi, nperseg=length)
    mean = power.mean(0)
    half = missing.reach(power)
    shown = (omega > 0) & (omega < min(np.pi, 6 * row.paper.frequency[0] + 0.1))
    scale = z.var()
    lower = np.maximum(mean - half, 1e-12)
    ax.fill_between(
        omega[shown],
        lower[shown] / scale,
        (mean + half)[shown] / scale,
        color=COLOURS[0],
        alpha=0.3,
        lw=0,
    )
    ax.plot(omega[shown], mean[shown] / scale, color=COLOURS[0], label="measured, 95 %")
    ax.plot(omega[shown], row.paper.spectrum(omega[shown])[:, 0], "--", color="black", lw=1.2)
    ax.plot([], [], "--", color="black", lw=1.2, label="damped oscillator")
    # Where damping is strong the top of the spectrum lies below the frequency of the turning.
    ax.axvline(row.paper.frequency[0], color=GREY, ls=":", lw=1.2, label="its frequency")
    ax.set_yscale("log")
    ax.set_xlabel("frequency (radians per update)")
    ax.set_ylabel("power / variance")
