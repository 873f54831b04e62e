"""Figures of phase space: portraits, spectra, densities, moments from any start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.motion import entitle, sheet
from soret.plotting.style import COLOURS, GREY, style
from soret.theory.phase_space import Law

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
    paper, exact : Law or None
        Continuous and discrete theory; `mode` is their index of this eigenvector.
    mode : int
    verdicts : sequence of str
    """

    name: str
    position: Floats
    velocity: Floats
    paper: Law
    exact: Law
    mode: int
    verdicts: Sequence[str]


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
    rival = np.exp(-lags * _rate_without_inertia(row))
    for law, line, colour, name in (
        (row.paper, "--", "black", "damped oscillator"),
        (row.exact, "-", COLOURS[1], "exact recursion"),
    ):
        # Correlations decay as the mean of a start at θ = 1, with the velocity that goes with it.
        covariance = law.stationary[..., row.mode]
        start = np.array([1.0, covariance[0, 1] / covariance[0, 0]])
        mean = law.moments(lags, start, np.zeros((2, 2))).mean[:, 0, row.mode]
        drawn = law.moments(lags, [0.0, 0.0], np.zeros((2, 2))).mean[:, 0, row.mode]
        ax.plot(lags, mean - drawn, line, color=colour, label=name)
    ax.plot(lags, rival, ":", color=GREY, label="rival: no inertia")
    ax.set_xlabel("lag (updates)")
    ax.set_ylabel("correlation")


def _rate_without_inertia(row: PhaseRow) -> float:
    root = row.paper.damping[row.mode] ** 2 + row.paper.frequency[row.mode] ** 2
    return float(root / (2 * row.paper.damping[row.mode]))


def _reach(row: PhaseRow) -> int:
    steps = 3 / row.exact.damping[row.mode]
    return int(min(steps, row.position.shape[1] // 2))


def _spectrum(ax: Axes, row: PhaseRow) -> None:
    from scipy import signal

    length = min(row.position.shape[1], 512)
    z = row.position - row.position.mean()
    omega, power = signal.welch(z, fs=2 * np.pi, nperseg=length)
    mean = power.mean(0)
    half = 1.96 * power.std(0, ddof=1) / np.sqrt(len(power))
    shown = (omega > 0) & (omega < min(np.pi, 6 * row.paper.frequency[row.mode] + 0.1))
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
    ax.plot(omega[shown], _oscillator(row, omega[shown]), "--", color="black", lw=1.2)
    ax.plot([], [], "--", color="black", lw=1.2, label="damped oscillator")
    # Where damping is strong the top of the spectrum lies below the frequency of the turning.
    ax.axvline(row.paper.frequency[row.mode], color=GREY, ls=":", lw=1.2, label="its frequency")
    ax.set_yscale("log")
    ax.set_xlabel("frequency (radians per update)")
    ax.set_ylabel("power / variance")


def _oscillator(row: PhaseRow, omega: Floats) -> Floats:
    """Return the spectrum of a position in the closed form, over its variance, per radian a step.

    (2/π)·2γω₀²/((ω₀² − ω²)² + 4γ²ω²), with 2γ = (1 − β)/m and ω₀² = k/m in units of steps.
    """
    rate = row.paper.modes.learning_rate
    mass = rate * (1 + row.paper.modes.momentum) / 2
    friction = rate * (1 - row.paper.modes.momentum) / mass
    own = rate**2 * row.paper.modes.stiffness[row.mode] / mass
    return 2 / np.pi * friction * own / ((own - omega**2) ** 2 + friction**2 * omega**2)


@dataclass(frozen=True)
class DensityRow:
    """Stationary samples along eigenvectors.

    Attributes
    ----------
    name : str
    curvature : (n,) array
        Falling.
    position, velocity : (R, T, n) array
    position_variance, velocity_variance : (n,) array
        The closed form's.
    verdicts : sequence of str
    """

    name: str
    curvature: Floats
    position: Floats
    velocity: Floats
    position_variance: Floats
    velocity_variance: Floats
    verdicts: Sequence[str]


def density_figure(rows: Sequence[DensityRow], *, title: str) -> Figure:
    """Draw densities of positions and velocities of the stiffest and the softest mode."""
    with matplotlib.rc_context(style()):
        figure, axes = sheet(title, len(rows), 2, (9.5, 0.6 + 2.8 * len(rows)))
        for (left, right), row in zip(axes, rows, strict=True):
            h = row.curvature
            temperature = (h * row.position.var((0, 1))).mean()
            _densities(left, row, row.position, row.position_variance, temperature / h, "θ")
            level = np.full(h.size, row.velocity.var((0, 1)).mean())
            _densities(right, row, row.velocity, row.velocity_variance, level, "v")
            entitle(left, row.name, row.verdicts)
        axes[0, 0].legend(fontsize=7)
    return figure


def _densities(
    ax: Axes, row: DensityRow, values: Floats, ours: Floats, rival: Floats, name: str
) -> None:
    top = 1.0
    for mode, colour in ((0, COLOURS[0]), (row.curvature.size - 1, COLOURS[1])):
        x = values[..., mode].ravel()
        scale = np.sqrt(ours.max())
        found, edges = np.histogram(x / scale, 41, density=True)
        centre = (edges[1:] + edges[:-1]) / 2
        kept = found > 0
        top = max(top, float(found.max()))
        told = f"eigenvalue {row.curvature[mode]:.2g}"
        ax.plot(centre[kept], found[kept], "o", ms=2.5, color=colour, label=told)
        grid = np.linspace(-4, 4, 200)
        for variances, line in ((ours, "-"), (rival, ":")):
            width = np.sqrt(variances[mode]) / scale
            ax.plot(
                grid,
                np.exp(-((grid / width) ** 2) / 2) / width / np.sqrt(2 * np.pi),
                line,
                color=colour,
                lw=1,
            )
    ax.plot([], [], "-", color=GREY, label="exp(−modified loss)")
    ax.plot([], [], ":", color=GREY, label="rival: exp(−L/T)")
    ax.set(yscale="log", xlim=(-4, 4), ylim=(1e-3, 3 * top))
    ax.set_xlabel(f"{name}$_i$ over the largest predicted standard deviation")
    ax.set_ylabel("density")


@dataclass(frozen=True)
class MomentRow:
    """Moments of one mode from a start far away, and how large closed forms are over exact ones.

    Attributes
    ----------
    name : str
    steps : (T,) array
    position, velocity : (T,) array
        Means over replicas, in units of the start.
    paths : mapping of str to ((T',) array, (T',) array, (T',) array)
        Steps, positions and velocities by theory.
    strain : (P,) array
        ηk/(2(1 + β)) of modes and points.
    ratios : (P,) array
        Measured variances over the closed form's, means over the run.
    noisy : (P,) array
        The exact ones, with noise that depends on θ, over the closed form's.
    path_verdicts, variance_verdicts : sequence of str
        Of the mean path, and of the closed form's variances at small η.
    """

    name: str
    steps: Floats
    position: Floats
    velocity: Floats
    paths: Mapping[str, tuple[Floats, Floats, Floats]]
    strain: Floats
    ratios: Floats
    noisy: Floats
    path_verdicts: Sequence[str]
    variance_verdicts: Sequence[str]


def moments_figure(rows: Sequence[MomentRow], *, title: str, near: float) -> Figure:
    """Draw a path through phase space from far away, and the map of where the closed form holds.

    Parameters
    ----------
    rows : sequence of MomentRow
    title : str
    near : float
        The tolerance of the closed form.
    """
    with matplotlib.rc_context(style()):
        figure, axes = sheet(title, len(rows), 3, (12, 0.6 + 3.0 * len(rows)))
        lines = ("-", "--", ":")
        for (left, middle, right), row in zip(axes, rows, strict=True):
            for (name, (steps, position, velocity)), line, colour in zip(
                row.paths.items(), lines, (COLOURS[1], "black", GREY), strict=False
            ):
                left.plot(steps, position, line, color=colour, lw=1.2, label=name)
                middle.plot(position, velocity, line, color=colour, lw=1.2)
            left.plot(row.steps, row.position, "o", ms=3, color=COLOURS[0], label="measured mean")
            middle.plot(row.position, row.velocity, "o", ms=3, color=COLOURS[0])
            left.set_xlabel("step (updates)")
            left.set_ylabel("mean θ$_i$ over its start")
            entitle(left, row.name, row.path_verdicts)
            # Later all paths are at rest.
            steps, position, _ = next(iter(row.paths.values()))
            left.set_xlim(0, min(steps[-1], 1.5 * steps[abs(position) > 0.02][-1]))
            middle.set_xlabel("mean θ$_i$ over its start")
            middle.set_ylabel("mean v$_i$ over stiffness × start")
            middle.set_title("phase portrait from the start", loc="left")
            strain = np.geomspace(max(row.strain.min() / 1.5, 1e-4), 0.97, 200)
            right.axhspan(1 - near, 1 + near, color=GREY, alpha=0.2, lw=0)
            right.plot(strain, 1 / (1 - strain), color="black", lw=1, label="1/(1 − strain)")
            right.plot(row.strain, row.noisy, "+", color=COLOURS[1], ms=6, label="exact recursion")
            right.plot(row.strain, row.ratios, "o", mfc="none", color=COLOURS[0], ms=4)
            right.plot([], [], "o", mfc="none", color=COLOURS[0], ms=4, label="measured")
            right.set(xscale="log", yscale="log")
            right.set_xlabel("strain ηk/(2(1 + β)); unstable at 1")
            right.set_ylabel("variance / closed form")
            entitle(right, "closed form at the smallest η (band)", row.variance_verdicts)
        axes[0, 0].legend(fontsize=7)
        axes[0, 2].legend(fontsize=7)
    return figure
