"""Long after convergence the parameters move on at a constant speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import soret
from soret.claims import Result, Runs, Source, Statement, claim
from soret.claims.judging import judge_number, judged
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
    resolution=["steps"],
    statements=[
        Statement(
            name="constant",
            text="Long after convergence the squared speed |θ_k − θ_{k−1}|² is constant.",
            where="abstract, one-sentence summary",
            origin="printed",
            tolerance="5 % between the halves of a run: what decays changes by most of itself.",
            holds="the squared speed stays constant ({held} of {count} data sets)",
            fails="the squared speed changes by {measured} ({low} to {high}) of itself between "
            "the halves of a run",
            unclear="whether the squared speed stays constant is undecided (it changes by {low} "
            "to {high} of itself)",
            at="other",
            differs="linear regression in place of a trained network",
        ),
        Statement(
            name="size",
            text="The squared speed is η²Σ Var v_i with Var v_i = σ²ρ_i/(S(1 − β²)).",
            where="section on instantaneous speed",
            origin="restored",
            tolerance=r.TOLERANCE_WHY,
            holds="its size is the closed form's ({measured} of it where furthest off)",
            fails="its size is not the closed form's but {measured} ({low} to {high}) of it",
            unclear="whether its size is the closed form's is undecided ({low} to {high} of it)",
        ),
        Statement(
            name="recursion",
            text="The squared speed is that of the exact recursion, whose noise depends on θ.",
            where="not in the paper",
            origin="ours",
            tolerance="3 %, the error of the ensembles: an exact theory leaves nothing else.",
            holds="the exact recursion gives it within 3 %",
            fails="the exact recursion misses it, which is {measured} ({low} to {high}) of that",
            unclear="the exact recursion is not tested sharply enough ({low} to {high} of it)",
        ),
    ],
)
class ConstantSpeed(r.Stationary):
    """Linear regression, from its minimum; settings are ours.

    The sum in closed form is η²σ² tr H/(S(1 − β²)), σ² the mean square residual. It is compared
    with |θ_k − θ_{k−1}|² = η²‖v_k‖² over the run, once that is stationary, as is the exact value
    of the recursion, with noise that depends on θ.
    """

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: the closed form, and no change. Rival: it decays to nothing."""
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
                    statement="size",
                ),
                judge_number(
                    f"squared speed over the exact recursion's ({kind})",
                    mean / exact,
                    predicted=1.0,
                    rival=0.0,
                    tolerance=r.EXACT,
                    statement="recursion",
                ),
                judge_steady(
                    f"change of the squared speed between halves ({kind})",
                    squares,
                    statement="constant",
                ),
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
        from soret.claims.limiting_dynamics._constant_speed_figure import SpeedCurve, speed_figure

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
                    [found.verdict for found in results[3 * i : 3 * i + 3]],
                )
            )
        return {"speed": speed_figure(curves, title="Does the speed stay constant?")}

    def _squares(self, run: Any, after: int) -> Floats:
        late = run.squared_velocity.isel(step=run.step.values >= after)
        values = late.transpose("replica", "step").values.astype(float, order="C")
        return np.asarray(self.learning_rate**2 * values)


def judge_steady(quantity: str, squares: Floats, *, statement: str) -> Result:
    """Test that a positive quantity (R, T) does not change between the halves of a run."""
    found = soret.inference.stationarity(squares, tolerance=STEADY)
    return judged(
        quantity,
        found.change,
        found.interval,
        predicted=0.0,
        rival="below 0",
        within=(-STEADY, STEADY),
        statement=statement,
    )
