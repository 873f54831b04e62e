"""The larger V² and the bias of a hidden unit, the larger the second moments of its gradient."""

from dataclasses import replace
from typing import Annotated, Any

from soret.claims import (
    Experiments,
    Measurement,
    Result,
    Runs,
    Source,
    Statement,
    Verdict,
    claim,
)
from soret.claims.judging import judged
from soret.claims.memory import refuse_beyond
from soret.claims.ranges import COUNT

# A moment is a sum of a few hundred numbers in double precision: differences below this are
# rounding.
ROUNDING = 1e-12
# Fewer pairs without a violation would leave room for one pair in a hundred.
FEWEST_PAIRS = 400
_TOLERANCE = (
    "none but rounding, 10⁻¹² of a moment: a theorem. One violation contradicts; without any, 400 "
    "pairs are needed, which leave no room for one in a hundred."
)
_SETTINGS = ("pairs", "inputs", "hidden", "examples")
_STATEMENTS = {
    "closed form": "gaussian-inputs",
    "sample": "gaussian-inputs",
    "nonnegative": "nonnegative-inputs",
}


@claim(
    "thermophoresis/monotone-variance",
    statement="h_V, h_W, h_b and the activation rate of a ReLU unit do not fall when V² and b "
    "rise, nor, for inputs x ≥ 0, when its weights do.",
    source=Source("thermophoresis", "Sec. 4.2, Prop. 4.1 and 4.2; App. A.1"),
    quick={"pairs": 20_000},
    resolution=_SETTINGS,
    statements=[
        Statement(
            name="gaussian-inputs",
            text="h_V, h_W, h_b and the activation rate of a ReLU unit do not fall when V² and b "
            "rise.",
            where="Prop. 4.1; App. A.1",
            origin="printed",
            tolerance=_TOLERANCE,
            holds="no moment of a unit's gradient falls when V² and b rise",
            fails="moments fall when V² and b rise in a share {measured} of the pairs",
            unclear="there are too few pairs to tell whether moments fall when V² and b rise",
        ),
        Statement(
            name="nonnegative-inputs",
            text="For inputs x ≥ 0 they do not fall either when V², b and the weights w all rise.",
            where="Prop. 4.2, with w₁ and w₂ where it prints w₂ and w",
            origin="printed",
            tolerance=_TOLERANCE,
            holds="for inputs x ≥ 0 no moment falls when the weights rise too",
            fails="for inputs x ≥ 0 moments fall when V², b and the weights rise in a share "
            "{measured} of the pairs",
            unclear="there are too few pairs to tell whether moments fall for inputs x ≥ 0",
        ),
    ],
)
class MonotoneVariance:
    """A theorem: ReLU and its derivative do not fall, so it holds input by input.

    Random units over four orders of magnitude are compared in ordered pairs; one violation would
    contradict it. In Prop. 4.2 the second and third lines are printed with w₂ on the left and w
    on the right; with w₁ left and w₂ right it is true, the other way round false.

    The paper then takes the gradient's variance, (p − y)² times these squares, to be monotone too
    (Sec. 5, Eq. 7). That is no part of the propositions: the note says how often it fails.
    """

    pairs: Annotated[int, "ordered pairs of units in each case", COUNT] = 200_000
    inputs: Annotated[int, "input features", COUNT] = 10
    hidden: Annotated[int, "hidden units of the nets, where (p − y)² is kept", COUNT] = 10
    examples: Annotated[int, "inputs drawn for each two hundred pairs", COUNT] = 256

    def check(self) -> None:
        """Refuse what does not fit into memory."""
        sizes = {name: getattr(self, name) for name in ("inputs", "hidden", "examples")}
        # In float64: of every pair each moment in each case, twice; of 200 pairs their nets.
        refuse_beyond(8 * 32 * self.pairs, "the moments of all pairs", pairs=self.pairs)
        nets = self.hidden * (self.inputs + self.examples) + self.inputs * self.examples / 200
        refuse_beyond(8 * 2 * 200 * nets, "two hundred pairs of nets on their inputs", **sizes)

    def experiments(self) -> Experiments:
        """Draw pairs and measure how moments grow."""
        from soret.claims.thermophoresis._monotone import measure

        return {
            "pairs": Measurement(
                lambda given: measure(
                    given.seed,
                    pairs=self.pairs,
                    inputs=self.inputs,
                    hidden=self.hidden,
                    examples=self.examples,
                )
            )
        }

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: no violation. Rival: some. One of either decides."""
        from scipy import stats

        from soret.claims.thermophoresis._monotone import CASES, named

        growth = named(runs["pairs"])
        fails = growth < -ROUNDING
        kept = float(fails.sel(case="residual").any("moment").mean())
        results = []
        for case, meaning in CASES.items():
            if case == "residual":
                continue
            violated = int(fails.sel(case=case).any("moment").sum())
            pairs = growth.sizes["pair"]
            exact = stats.binomtest(violated, pairs).proportion_ci(method="exact")
            # The count itself decides: of a theorem one violation is a counterexample.
            result = judged(
                f"share of pairs in which a moment falls ({meaning})",
                violated / pairs,
                (violated / pairs, violated / pairs),
                predicted=0.0,
                rival="above 0",
                within=(0.0, 0.0),
                note=f"{violated} of {pairs} pairs; with the factor (p − y)² kept, which is no "
                f"part of the proposition, {100 * kept:.2g} % fall",
                statement=_STATEMENTS[case],
            )
            result = replace(
                result,
                interval=(exact.low, exact.high),
                interval_is="at least 95 %, Clopper and Pearson",
                within=None,
            )
            if result.verdict is Verdict.SUPPORTED and pairs < FEWEST_PAIRS:
                result = replace(result, verdict=Verdict.INCONCLUSIVE)
            results.append(result)
        return results

    def control(self, runs: Runs) -> Runs:
        """Return the pairs in the wrong order."""
        run = runs["pairs"]
        return {"pairs": run.assign(growth=-run.growth)}

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """How much moments grow, case by case, and where a violation would be."""
        from soret.claims.thermophoresis._monotone import CASES, named
        from soret.claims.thermophoresis._monotone_variance_figure import growth_figure

        verdicts = [result.verdict for result in results]
        return {
            "growth": growth_figure(
                named(runs["pairs"]),
                CASES,
                dict(zip(CASES, verdicts, strict=False)),
                rounding=ROUNDING,
                title="Second moments of a unit's gradient, in ordered pairs of units",
            )
        }
