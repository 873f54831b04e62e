"""Long after convergence the parameters move on at a constant speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import soret
from soret.claims import Result, Runs, Source, Verdict, claim
from soret.claims.limiting_dynamics import _regressions as r

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# A speed that has changed by less between the halves of a run has not decayed.
STEADY = 0.05


@claim(
    "limiting-dynamics/constant-speed",
    statement="After convergence |θ_k − θ_{k−1}|² is constant, η²Σ Var v_i with "
    "Var v_i = σ²ρ_i/(S(1 − β²)).",
    source=Source("limiting-dynamics", "Sec. on instantaneous speed; abstract"),
    quick={"steps": 8000, "records": 400, "replicas": 128},
)
class ConstantSpeed(r.Stationary):
    """Linear regression, from its minimum; settings are ours.

    The sum in closed form is η²σ² tr H/(S(1 − β²)), σ² the mean square residual. It is compared
    with |θ_k − θ_{k−1}|² = η²‖v_k‖² over the run, once that is stationary, as is the exact value
    of the recursion, with noise that depends on θ.
    """

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: the closed form, and no change. Rival: it decays to nothing."""
        from soret.claims.ratio import judge_number

        results = []
        for kind, run in runs.items():
            theory = self.theory(kind)
            squares = self._squares(run, self.burn_in(kind))
            paper = soret.theory.phase_space.Continuous(r.paper(theory)).speed
            exact = soret.theory.phase_space.Discrete(theory.modes).speed
            mean = squares.mean(1)
            results += [
                judge_number(
                    f"squared speed over the closed form ({kind})",
                    mean / paper,
                    predicted=1.0,
                    rival=0.0,
                    tolerance=r.TOLERANCE,
                    note=f"the recursion's own is {exact / paper:.3f} of it",
                ),
                judge_number(
                    f"squared speed over the exact recursion's ({kind})",
                    mean / exact,
                    predicted=1.0,
                    rival=0.0,
                    tolerance=r.EXACT,
                ),
                judge_steady(f"change of the squared speed between halves ({kind})", squares),
            ]
        return results

    def control(self, runs: Runs) -> Runs:
        """Return speeds that decay, as those of a walker that comes to rest."""
        made = {}
        for kind, run in runs.items():
            falls = np.exp(-4 * run.step / run.step.max())
            made[kind] = run.assign(squared_velocity=run.squared_velocity * falls)
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Speed along the run."""
        from soret.figures.motion import SpeedCurve, speed_figure

        curves = []
        for i, (kind, run) in enumerate(runs.items()):
            theory = self.theory(kind)
            curves.append(
                SpeedCurve(
                    kind,
                    run.step.values[1:].astype(float),
                    self._squares(run, 1),
                    soret.theory.phase_space.Continuous(r.paper(theory)).speed,
                    soret.theory.phase_space.Discrete(theory.modes).speed,
                    self.burn_in(kind),
                    [str(found.verdict) for found in results[3 * i : 3 * i + 3]],
                )
            )
        return {"speed": speed_figure(curves, title="Does the speed stay constant?")}

    def _squares(self, run: Any, after: int) -> Floats:
        late = run.squared_velocity.isel(step=run.step.values >= after)
        values = late.transpose("replica", "step").values.astype(float, order="C")
        return np.asarray(self.learning_rate**2 * values)


def judge_steady(quantity: str, squares: Floats, *, note: str = "") -> Result:
    """Test that a positive quantity (R, T) does not change between the halves of a run."""
    found = soret.inference.stationarity(squares, tolerance=STEADY)
    verdict = {
        "stationary": Verdict.SUPPORTED,
        "drifting": Verdict.CONTRADICTED,
        "undecided": Verdict.INCONCLUSIVE,
    }[found.verdict]
    return Result(quantity, 0.0, found.change, found.interval, "below 0", verdict, note)
