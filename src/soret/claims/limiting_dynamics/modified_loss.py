"""The stationary density is exp(−modified loss): the training loss has gone from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import soret
from soret.claims import Result, Runs, Source, Statement, claim
from soret.claims.judging import judge_number, judged, mean_interval, near
from soret.claims.limiting_dynamics import _regressions as r

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# A quarter of the way from the penalty, power 1, to equal temperatures, power 0.
POWER_TOLERANCE = 0.25


@claim(
    "limiting-dynamics/modified-loss",
    statement="The stationary density of (θ, v) is exp(−modified loss): an isotropic quadratic of "
    "θ in place of the training loss, and a penalty on v weighted by the inverse Hessian.",
    source=Source("limiting-dynamics", "modified loss; abstract"),
    quick={"steps": 6000, "records": 150, "replicas": 64},
    resolution=["steps"],
    statements=[
        Statement(
            name="not-the-loss",
            text="What drives the stationary motion is not the training loss but a modified loss, "
            "which is isotropic in θ.",
            where="abstract; modified loss",
            origin="printed",
            tolerance="none: the likelihood of either density is fitted by one parameter, and "
            "the sign of their difference decides.",
            holds="stationary positions follow an isotropic quadratic and not the loss "
            "({measured} in log-likelihood a sample)",
            fails="stationary positions follow the loss and not an isotropic quadratic "
            "({measured} in log-likelihood a sample)",
            unclear="whether stationary positions follow the loss is undecided",
        ),
        Statement(
            name="size",
            text="The modified loss is S(1 − β)/(ησ²)·|θ − θ*|² + S(1 − β²)/(2σ²)·Σ v_i²/ρ_i.",
            where="modified loss",
            origin="restored",
            tolerance=r.TOLERANCE_WHY,
            holds="the modified loss has the closed form's size ({measured} of it where furthest "
            "off)",
            fails="the modified loss has {measured} ({low} to {high}) of the closed form's size",
            unclear="the size of the modified loss is undecided ({low} to {high} of the closed "
            "form's)",
        ),
        Statement(
            name="velocity",
            text="The modified loss penalizes velocities by the inverse Hessian: Var v_i ∝ ρ_i.",
            where="abstract; modified loss",
            origin="restored",
            tolerance="0.25 in the power of the eigenvalue: a quarter of the way from the "
            "penalty's, 1, to velocities of equal temperature, 0.",
            holds="the variance of velocities goes as the eigenvalue (power {measured} where "
            "furthest from 1)",
            fails="the variance of velocities goes as the eigenvalue to the power {measured} "
            "({low} to {high}) and not 1",
            unclear="the power of the eigenvalue in the variance of velocities is undecided "
            "({low} to {high})",
        ),
    ],
)
class ModifiedLoss(r.Stationary):
    """Linear regression, from its minimum; settings are ours.

    U(θ, v) = S(1 − β)/(ησ²)·|θ − θ*|² + S(1 − β²)/(2σ²)·Σ v_i²/ρ_i. Three tests on the modes
    with an eigenvalue of at least `softest`: by the likelihood of the samples, whether θ follows
    the isotropic density rather than exp(−L/T), with T chosen in favour of the latter; whether
    2U, a sum of 2n squares, is 2n on average; and whether v follows its penalty, by the power of
    the curvature in Var v, which is 1 for it and 0 for velocities of equal temperature.
    """

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: the modified loss. Rival: exp(−L/T), equipartition."""
        results = []
        for kind, run in runs.items():
            theory, h, z, v = self._states(kind, run)
            modified = self._modified(kind, theory, z, v)
            results += [
                judged(
                    f"log-likelihood per sample of the isotropic quadratic over the loss ({kind})",
                    *mean_interval(isotropic_gain(z, h)),
                    predicted="above 0",
                    rival="below 0",
                    within=(0.0, np.inf),
                    note=f"{h.size} modes; both densities have one parameter, fitted",
                    statement="not-the-loss",
                ),
                judge_number(
                    f"mean of twice the modified loss over its degrees of freedom ({kind})",
                    2 * modified.mean(1) / (2 * h.size),
                    predicted=1.0,
                    rival="by the loss",
                    tolerance=r.TOLERANCE,
                    note=f"exact: {self._exact(kind, theory):.3f}",
                    statement="size",
                ),
                r.judge_isotropy(
                    f"power of the curvature in the variance of velocities ({kind})",
                    h,
                    v,
                    predicted=1.0,
                    rival=0.0,
                    within=near(1.0, POWER_TOLERANCE),
                    note=f"exact: {self._velocity_power(theory, v):.3f}",
                    statement="velocity",
                ),
            ]
        return results

    def control(self, runs: Runs) -> Runs:
        """Return samples of exp(−L/T − v²/2T): equal temperatures, geometric means kept."""
        made = {}
        for kind, run in runs.items():
            theory, h, _, _ = self._states(kind, run)
            mean = np.exp(np.log(h).mean())
            found = soret.theory.phase_space.Discrete(theory.modes).stationary
            modes = r.chosen(theory, self.softest)
            wide = np.sqrt(mean / h / found[0, 0, modes] * found[0, 0, modes].mean())
            level = np.sqrt(found[1, 1, modes].mean() / found[1, 1, modes])
            made[kind] = run.assign(
                position=run.position * wide.astype(np.float32),
                velocity=run.velocity * level.astype(np.float32),
            )
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Densities along a stiff and a soft eigenvector, positions and velocities."""
        from soret.claims.limiting_dynamics._modified_loss_figure import DensityRow, density_figure

        rows = []
        for i, (kind, run) in enumerate(runs.items()):
            theory, h, z, v = self._states(kind, run)
            sigma = r.residual(theory)
            paper = self.learning_rate * sigma / (2 * self.batch_size * (1 - self.momentum))
            rows.append(
                DensityRow(
                    kind,
                    h,
                    z,
                    v,
                    np.full(h.size, paper),
                    sigma * h / (self.batch_size * (1 - self.momentum**2)),
                    [found.verdict for found in results[3 * i : 3 * i + 3]],
                )
            )
        title = "Does the stationary density follow the modified loss, or the loss?"
        return {"modified-loss": density_figure(rows, title=title)}

    def _states(self, kind: str, run: Any) -> tuple[Any, Floats, Floats, Floats]:
        theory = self.theory(kind)
        z, v = r.states(run, self.burn_in(kind))
        return theory, theory.frozen.h[r.chosen(theory, self.softest)], z, v

    def _modified(self, kind: str, theory: Any, z: Floats, v: Floats) -> Floats:
        """U of samples (R, T, n) over the modes chosen, (R, T)."""
        modes = r.chosen(theory, self.softest)
        paper = soret.theory.phase_space.Continuous(r.paper(theory)).stationary
        return np.asarray((z**2 / paper[0, 0, modes] + v**2 / paper[1, 1, modes]).sum(-1) / 2)

    def _exact(self, kind: str, theory: Any) -> float:
        """Mean of 2U over 2n by the exact recursion."""
        modes = r.chosen(theory, self.softest)
        paper = soret.theory.phase_space.Continuous(r.paper(theory)).stationary
        exact = soret.theory.phase_space.Discrete(theory.modes).stationary
        ratios = [exact[i, i, modes] / paper[i, i, modes] for i in (0, 1)]
        return float(np.mean(ratios))

    def _velocity_power(self, theory: Any, v: Floats) -> float:
        modes = r.chosen(theory, self.softest)
        law = soret.theory.phase_space.Discrete(theory.modes).velocity_variance[modes]
        return r.weighted_slope(theory.frozen.h[modes], law, (v**2).mean(1))


def isotropic_gain(z: Floats, h: Floats) -> Floats:
    """Return the mean log-likelihood of exp(−a|z|²) less that of exp(−b zᵀHz), per replica (R,).

    Each with the most likely a or b, over all samples (R, T, n).
    """
    n = h.size
    isotropic, by_loss = (z**2).sum(-1), (h * z**2).sum(-1)
    a, b = n / 2 / isotropic.mean(), n / 2 / by_loss.mean()
    gain = (n * np.log(a) - n * np.log(b) - np.log(h).sum()) / 2
    return np.asarray((gain - a * isotropic + b * by_loss).mean(1))
