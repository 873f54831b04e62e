"""Mean and covariance of (θ, v) follow the Langevin equation, and the recursion exactly."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret.claims import Result, Runs, Simulate, Source, claim
from soret.claims.limiting_dynamics import _regressions as r
from soret.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# So many stationary standard deviations (of the paper's, at the first point) away.
_FAR = 8.0
_MODES = 3


@claim(
    "limiting-dynamics/phase-space",
    statement="Mean and covariance of (θ, v) follow the underdamped Langevin equation of mass "
    "η(1 + β)/2 and friction 1 − β from any start to stationarity.",
    source=Source("limiting-dynamics", "linear regression: solution of the Langevin equation"),
    quick={"steps": 160, "records": 20, "replicas": 96},
)
class PhaseSpace:
    """Linear regression from a start far from the minimum, over a grid of η, S, β and λ (ours).

    Three stiff to soft modes. At the smallest η the ensemble is compared with the closed form:
    the mean path, as the share of inertia in it (1 for the Langevin equation, 0 for its
    overdamped limit, which the rival follows), and variances of θ and v over the whole run.
    SGD's v_k belongs to the middle of a step, so that a start with v = 0 lags behind by β/(1 − β)
    steps where the Langevin equation does by (1 + β)/(2(1 − β)), half a step more: the share is
    2β/(1 + β), and is judged at the largest β alone, for at small β nothing is left to judge. At
    every η, up to near the stability limit ηk = 2(1 + β), variances are compared with the exact
    moments of the recursion. The closed form's stationary variances are too small by
    1 − ηk/(2(1 + β)), and by what noise grows with the distance from the minimum: the map. On the
    digits the noise is not σ²H, and variances of single modes are up to twice the closed form's.
    """

    data: Annotated[tuple[str, ...], "gaussian, power-law, digits"] = r.KINDS
    learning_rates: Annotated[tuple[float, ...], "η; largest eigenvalue: 1"] = (0.05, 0.5, 2.4)
    batch_sizes: Annotated[tuple[int, ...], "S"] = (256, 512)
    momenta: Annotated[tuple[float, ...], "β, above 0"] = (0.5, 0.9)
    weight_decays: Annotated[tuple[float, ...], "λ, above 0"] = (1e-3, 0.05)
    steps: Annotated[int, "steps"] = 2000
    records: Annotated[int, "records"] = 30
    replicas: Annotated[int, "replicas"] = 1024

    def simulate(self, simulate: Simulate) -> Runs:
        """Run from a start far away."""
        if self.steps % self.records or min(self.momenta) <= 0 or min(self.weight_decays) <= 0:
            raise SettingsError("records must divide steps; momenta and decays must be above 0.")
        o = soret.observables
        runs = {}
        for kind in self.data:
            for point in self._points():
                r.exact(kind, *point).modes  # noqa: B018  (refuses points without moments)
            theory = r.exact(kind, *self._points()[0])
            rows = theory.vectors.T[self._modes(theory)]
            runs[kind] = simulate(
                kind,
                r.problem_of(kind, start=theory.vectors @ self._start(theory)),
                soret.SGD(
                    list(self.learning_rates),
                    list(self.batch_sizes),
                    list(self.momenta),
                    list(self.weight_decays),
                ),
                observe=[
                    o.position_along(rows, theory.vectors @ theory.frozen.centre),
                    o.velocity_along(rows),
                ],
                steps=self.steps,
                record_every=self.steps // self.records,
                replicas=self.replicas,
            )
        return runs

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: the moments. Rival: overdamped Langevin, without inertia or memory."""
        from soret.claims.ratio import judge_number

        results = []
        for kind, run in runs.items():
            shares, closed = [], []
            by_rate: dict[float, list[Floats]] = {rate: [] for rate in self.learning_rates}
            for point in self._points():
                z, v = self._states(kind, run, point)
                exact = self._exact(kind, point)
                off = (np.stack([z, v], 2) - exact.mean) ** 2
                spread = np.einsum("taai->tai", exact.covariance)
                by_rate[point[0]].append((off / spread).mean((1, 2, 3)))
                if point[0] != min(self.learning_rates):
                    continue
                paths = self._paths(kind, point)
                paper = np.einsum("taai->tai", paths["paper"].covariance)
                closed.append((off / paper).mean((1, 2, 3)))
                if point[2] == max(self.momenta):
                    inertia = paths["paper"].mean[:, 0] - paths["rival"].mean[:, 0]
                    along = ((z - paths["rival"].mean[:, 0]) * inertia).sum((1, 2))
                    shares.append(along / (inertia**2).sum())
            results += [
                judge_number(
                    f"share of inertia in the mean path (η = {min(self.learning_rates):g}, "
                    f"β = {max(self.momenta):g}, {kind})",
                    np.mean(shares, 0),
                    predicted=1.0,
                    rival=0.0,
                    tolerance=r.TOLERANCE,
                    note=f"the recursion's own is near {_own_share(max(self.momenta)):.3f}",
                ),
                judge_number(
                    f"variances over the closed form (η = {min(self.learning_rates):g}, {kind})",
                    np.mean(closed, 0),
                    predicted=1.0,
                    rival="1 − β",
                    tolerance=r.TOLERANCE,
                ),
                *(
                    judge_number(
                        f"variances over the exact recursion's (η = {rate:g}, {kind})",
                        np.mean(found, 0),
                        predicted=1.0,
                        rival="1 − β",
                        tolerance=r.EXACT,
                    )
                    for rate, found in by_rate.items()
                ),
            ]
        return results

    def control(self, runs: Runs) -> Runs:
        """Return paths without inertia, whose fluctuations know nothing of momentum."""
        made = {}
        for kind, run in runs.items():
            copy = run.copy(deep=True)
            for point in self._points():
                paths = self._paths(kind, point)
                shift = paths["rival"].mean[:, 0] - paths["paper"].mean[:, 0]
                exact = self._exact(kind, point)
                for i, name in enumerate(("position", "velocity")):
                    values = copy[name].sel(self._where(point))
                    values = values.transpose("replica", "step", ...).isel(step=slice(1, None))
                    mean = exact.mean[:, i] + (shift if i == 0 else 0.0)
                    off = (values - exact.mean[:, i]) * np.sqrt(1 - point[2])
                    place = {**self._where(point), "step": copy.step.values[1:]}
                    copy[name].loc[place] = (off + mean).transpose(*copy[name].sel(place).dims)
            made[kind] = copy
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Mean paths, and the map of where the closed form holds."""
        from soret.figures.phase import MomentRow, moments_figure

        rows = []
        per = len(results) // len(runs)
        shown = (
            min(self.learning_rates),
            max(self.batch_sizes),
            max(self.momenta),
            min(self.weight_decays),
        )
        for number, (kind, run) in enumerate(runs.items()):
            z, v = self._states(kind, run, shown)
            start, stiff = self._far(kind, shown)[0], r.exact(kind, *shown).frozen.stiffness[0]
            grid = np.arange(0, self.steps + 1)
            drawn = self._paths(kind, shown, grid)
            paths = {
                name: (
                    grid.astype(float),
                    found.mean[:, 0, 0] / start,
                    found.mean[:, 1, 0] / start / stiff,
                )
                for name, found in (
                    ("closed form", drawn["paper"]),
                    ("overdamped (rival)", drawn["rival"]),
                )
            }
            strain, ratios, noisy = self._map(kind, run)
            rows.append(
                MomentRow(
                    f"{kind}, stiffest mode, η = {shown[0]:g}, β = {shown[2]:g}",
                    run.step.values[1:].astype(float),
                    z[:, :, 0].mean(0) / start,
                    v[:, :, 0].mean(0) / start / stiff,
                    paths,
                    strain,
                    ratios,
                    noisy,
                    [str(found.verdict) for found in results[number * per : (number + 1) * per]],
                )
            )
        title = "Do mean and covariance of (θ, v) follow the Langevin equation?"
        return {"phase-space": moments_figure(rows, title=title, near=r.TOLERANCE)}

    def _points(self) -> list[tuple[float, int, float, float]]:
        return list(
            itertools.product(
                self.learning_rates, self.batch_sizes, self.momenta, self.weight_decays
            )
        )

    def _where(self, point: tuple[float, int, float, float]) -> dict[str, float]:
        names = ("learning_rate", "batch_size", "momentum", "weight_decay")
        return dict(zip(names, point, strict=True))

    def _modes(self, theory: Any) -> list[int]:
        """The stiffest mode, the softest above a fiftieth of it, and one between."""
        modes = r.chosen(theory, 0.02)
        return [int(modes[i * (modes.size - 1) // (_MODES - 1)]) for i in range(_MODES)]

    def _start(self, theory: Any) -> Floats:
        """θ of the start in the eigenbasis: as far away in every mode looked at."""
        wide = soret.theory.phase_space.Continuous(r.paper(theory)).stationary[0, 0, 0]
        start = theory.frozen.centre.copy()
        start[self._modes(theory)] += _FAR * np.sqrt(wide)
        return np.asarray(start)

    def _far(self, kind: str, point: tuple[float, int, float, float]) -> Floats:
        """z of the start for the modes looked at; positions are recorded from the first centre."""
        first = r.exact(kind, *self._points()[0])
        modes = self._modes(first)
        return np.asarray((self._start(first) - r.exact(kind, *point).frozen.centre)[modes])

    def _states(
        self, kind: str, run: Any, point: tuple[float, int, float, float]
    ) -> tuple[Floats, Floats]:
        """Positions about the centre of the point, and velocities, (R, T, n), after the start."""
        here = run.sel(self._where(point)).isel(step=slice(1, None))
        z, v = (
            here[name].transpose("replica", "step", ...).values.astype(float, order="C")
            for name in ("position", "velocity")
        )
        first, theory = r.exact(kind, *self._points()[0]), r.exact(kind, *point)
        modes = self._modes(first)
        return z + (first.frozen.centre - theory.frozen.centre)[modes], v

    def _steps(self) -> NDArray[np.int64]:
        return np.arange(1, self.records + 1) * (self.steps // self.records)

    def _exact(self, kind: str, point: tuple[float, int, float, float]) -> Any:
        """Exact moments about the point's centre, of the modes looked at."""
        return _exact_moments(kind, point, self._points()[0], tuple(self._steps()), self)

    def _paths(
        self, kind: str, point: tuple[float, int, float, float], steps: Any = None
    ) -> dict[str, Any]:
        """Moments by the closed form, and means by the overdamped equation, of those modes."""
        theory = r.exact(kind, *point)
        modes = self._modes(r.exact(kind, *self._points()[0]))
        phase = soret.theory.phase_space
        m = phase.Modes(
            theory.frozen.h[modes], r.paper(theory).c[modes], *point[:3], weight_decay=point[3]
        )
        at = self._steps() if steps is None else steps
        start = np.stack([self._far(kind, point), np.zeros(_MODES)])
        paper = phase.Continuous(m).moments(at, start, np.zeros((2, 2)))
        falls = np.exp(-np.multiply.outer(at, point[0] * m.stiffness / (1 - point[2])))
        slow = falls * start[0]
        rival = phase.Moments(
            paper.steps,
            np.stack([slow, slow * m.stiffness / (1 - point[2])], 1),
            paper.covariance,
        )
        return {"paper": paper, "rival": rival}

    def _map(self, kind: str, run: Any) -> tuple[Floats, Floats, Floats]:
        """Strain, measured Var v and exact Var v over the closed form, of points and modes."""
        strain, ratios, noisy = [], [], []
        for point in self._points():
            theory = r.exact(kind, *point)
            modes = self._modes(r.exact(kind, *self._points()[0]))
            _, v = self._states(kind, run, point)
            late = v[:, v.shape[1] // 2 :]
            damping = soret.theory.phase_space.Discrete(theory.frozen).damping[modes]
            settled = damping * self.steps / 2 > 4
            closed = soret.theory.phase_space.Continuous(r.paper(theory)).velocity_variance[modes]
            law = soret.theory.phase_space.Discrete(theory.modes).velocity_variance[modes]
            strain.append((point[0] * theory.frozen.stiffness[modes] / 2 / (1 + point[2]))[settled])
            ratios.append(((late**2).mean((0, 1)) / closed)[settled])
            noisy.append((law / closed)[settled])
        return np.concatenate(strain), np.concatenate(ratios), np.concatenate(noisy)


def _own_share(momentum: float) -> float:
    return 2 * momentum / (1 + momentum)


_KEPT: dict[Any, Any] = {}


def _exact_moments(
    kind: str,
    point: tuple[float, int, float, float],
    first: tuple[float, int, float, float],
    steps: tuple[int, ...],
    claim: PhaseSpace,
) -> Any:
    """Exact moments of the modes looked at, kept: they cost seconds and are asked for thrice."""
    key = (kind, point, first, steps)
    if key not in _KEPT:
        theory = r.exact(kind, *point)
        base = r.exact(kind, *first)
        modes = claim._modes(base)
        found = theory.moments(steps, claim._start(base))
        centre = np.stack([theory.frozen.centre, np.zeros(theory.frozen.size)])
        _KEPT[key] = soret.theory.phase_space.Moments(
            found.steps, (found.mean - centre)[:, :, modes], found.covariance[:, :, :, modes]
        )
    return _KEPT[key]
