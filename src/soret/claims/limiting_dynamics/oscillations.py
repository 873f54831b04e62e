"""Positions and velocities turn round each other, at the frequency of a damped oscillator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret.claims import Result, Runs, Source, Statement, claim
from soret.claims.judging import judge_number, judged, near
from soret.claims.limiting_dynamics import _regressions as r
from soret.claims.ranges import COUNT, In
from soret.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SEED = 0x05C1
_UNITS = {"frequency": "radians a step", "damping": "a step"}


@claim(
    "limiting-dynamics/oscillations",
    statement="Stationary probability currents make (θ_i, v_i) turn along eigenvectors of the "
    "Hessian, at the frequency and with the damping of an oscillator of mass η(1 + β)/2, "
    "friction 1 − β and stiffness ρ_i + λ.",
    source=Source("limiting-dynamics", "probability currents, phase space oscillations; abstract"),
    quick={"steps": 4000, "records": 4000, "replicas": 96},
    resolution=["steps"],
    statements=[
        Statement(
            name="turning",
            text="Stationary probability currents make positions and velocities turn round each "
            "other.",
            where="abstract; probability currents, phase space oscillations",
            origin="printed",
            tolerance="10 % of the current's own area a step, η Var v; without a current it is 0.",
            holds="positions and velocities turn round each other as the current says ({measured} "
            "of its area a step where furthest off)",
            fails="positions and velocities do not turn as the current says, but by {measured} "
            "({low} to {high}) of its area a step",
            unclear="whether positions and velocities turn as the current says is undecided "
            "({low} to {high} of its area a step)",
        ),
        Statement(
            name="oscillator",
            text="Positions and velocities turn at the frequency and with the damping of an "
            "oscillator of mass "
            "η(1 + β)/2, friction 1 − β and stiffness ρ_i + λ.",
            where="phase space oscillations",
            origin="restored",
            tolerance=r.TOLERANCE_WHY,
            holds="frequency and damping are the damped oscillator's ({measured} where it says "
            "{predicted}, furthest off)",
            fails="frequency and damping are not the oscillator's: {quantity} is {measured} "
            "({low} to {high}) where it says {predicted}",
            unclear="whether frequency and damping are the oscillator's is undecided: {quantity} "
            "is {low} to {high} where it says {predicted}",
        ),
    ],
)
class Oscillations(r.Stationary):
    """Linear regression, from its minimum, recorded at every step; settings are ours.

    Along the stiffest mode, and along the softest of those that still oscillate with an
    eigenvalue of at least `softest`: frequency, damping, and the mean area swept in a step,
    ½(θ_k v_{k+1} − v_k θ_{k+1}), over the current's η Var v. Var v is that of the same runs: with
    the closed form's, as was tried first, the ratio tells of the mode's noise too, which is
    other claims' matter. The current is that of an oscillator without friction. Since v changes
    sign under time reversal it is a reversible one: by itself it breaks no detailed balance, and
    the rival is a motion without inertia.
    """

    softest: Annotated[float, "smallest eigenvalue looked at", In(above=0, at_most=1)] = 0.04
    steps: Annotated[int, "steps", COUNT] = 10_000
    records: Annotated[int, "records: one a step", COUNT] = 10_000

    def check(self) -> None:
        """Refuse records that are not the steps."""
        if self.records != self.steps:
            raise SettingsError(
                "records must be steps, for oscillations are recorded at every step, got "
                f"records={self.records} and steps={self.steps}."
            )

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: frequency, damping, area. Rival: no rotation."""
        results = []
        for kind, run in runs.items():
            theory = self.theory(kind)
            paper = soret.theory.phase_space.Continuous(r.paper(theory))
            exact = soret.theory.phase_space.Discrete(theory.modes)
            z, v = r.states(run, self.burn_in(kind))
            for name, i in self.looked_at(kind).items():
                found = soret.inference.oscillation(z[..., i])
                # A soft mode without inertia may well decay at the same rate.
                kinds = ("frequency", "damping") if name == "stiffest" else ("frequency",)
                for what in kinds:
                    predicted = float(getattr(paper, what)[i])
                    interval = getattr(found, f"{what}_interval")
                    results.append(
                        judged(
                            f"{what}, {_UNITS[what]} ({kind}, {name} mode)",
                            getattr(found, what),
                            interval,
                            predicted=predicted,
                            rival=0.0 if what == "frequency" else self._overdamped(theory, i),
                            within=near(predicted, r.TOLERANCE * predicted),
                            note=f"eigenvalue {theory.frozen.h[i]:.3g}; exact recursion "
                            f"{getattr(exact, what)[i]:.5g}",
                            statement="oscillator",
                        )
                    )
                own = exact.rotation[i] / self.learning_rate / exact.velocity_variance[i]
                results.append(
                    judge_number(
                        f"area swept a step over η Var v ({kind}, {name} mode)",
                        area_per_variance(z[..., i], v[..., i]) / self.learning_rate,
                        predicted=1.0,
                        rival=0.0,
                        tolerance=r.TOLERANCE,
                        note=f"exact recursion {own:.3f}",
                        statement="turning",
                    )
                )
        return results

    def control(self, runs: Runs) -> Runs:
        """Return positions without inertia, and velocities that know nothing of them.

        Overdamped Langevin motion with the same variance, z' = (1 − ηk/(1 − β))z + noise.
        """
        made = {}
        for kind, run in runs.items():
            theory = self.theory(kind)
            random = np.random.default_rng(_SEED)
            shape = run.position.transpose("step", "replica", ...).shape
            modes = r.chosen(theory, self.softest)
            keep = np.exp(-np.array([self._overdamped(theory, i) for i in modes]))
            z = np.zeros(shape[1:])
            path = np.empty(shape, np.float32)
            for step in range(shape[0]):
                path[step] = z
                z = keep * z + np.sqrt(1 - keep**2) * random.standard_normal(shape[1:])
            law = soret.theory.phase_space.Discrete(theory.modes).stationary[..., modes]
            spread = np.sqrt(law[0, 0])
            speeds = random.standard_normal(shape, np.float32) * np.sqrt(law[1, 1])
            dims = ("step", "replica", *run.position.transpose("step", "replica", ...).dims[2:])
            other = ("step", "replica", *run.velocity.transpose("step", "replica", ...).dims[2:])
            made[kind] = run.assign(
                position=(dims, (path * spread).astype(np.float32)),
                velocity=(other, speeds.astype(np.float32)),
            )
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Phase portraits of a stiff and a soft mode, and spectra."""
        from soret.claims.limiting_dynamics._oscillations_figure import PhaseRow, phase_figure

        rows = []
        for kind, run in runs.items():
            theory = self.theory(kind)
            z, v = r.states(run, self.burn_in(kind))
            for name, i in self.looked_at(kind).items():
                rows.append(
                    PhaseRow(
                        f"{kind}, {name} mode (eigenvalue {theory.frozen.h[i]:.2g})",
                        z[..., i],
                        v[..., i],
                        soret.theory.phase_space.Continuous(r.paper(theory).some([i])),
                        soret.theory.phase_space.Discrete(theory.modes.some([i])),
                        [
                            found.verdict
                            for found in results
                            if f"({kind}, {name} mode)" in found.quantity
                        ],
                    )
                )
        return {"oscillations": phase_figure(rows, title="Do positions and velocities turn?")}

    def looked_at(self, kind: str) -> dict[str, int]:
        """Return the stiffest mode, and the softest that oscillates (if it is another)."""
        theory = self.theory(kind)
        modes = r.chosen(theory, self.softest)
        turning = modes[soret.theory.phase_space.Continuous(theory.frozen).frequency[modes] > 0]
        if not turning.size:
            raise SettingsError("no mode oscillates: raise momentum or learning_rate.")
        found = {"stiffest": int(turning[0]), "soft": int(turning[-1])}
        return found if turning.size > 1 else {"stiffest": int(turning[0])}

    def _overdamped(self, theory: Any, mode: int) -> float:
        """Rate of a motion without inertia, a step."""
        return float(soret.theory.phase_space.Continuous(theory.frozen).overdamped_rate[mode])


def area_per_variance(z: Floats, v: Floats) -> Floats:
    """Return the mean area swept a step over the variance of v, of series (R, T): one a replica.

    Their mean is the ratio of means; each replica's number is linearized about it.
    """
    area = (z[:, :-1] * v[:, 1:] - v[:, :-1] * z[:, 1:]).mean(1) / 2
    square = (v**2).mean(1)
    ratio = area.mean() / square.mean()
    return np.asarray(ratio + (area - ratio * square) / square.mean())
