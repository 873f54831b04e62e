"""The bound on the Hessian's trace holds along training, and falls and rises with the trace."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

import soret
from soret import missing
from soret.claims import Experiments, Result, Runs, Source, Statement, Verdict, claim, images
from soret.claims.counts import check_divides
from soret.claims.images import Images
from soret.claims.judging import judged, unmeasured
from soret.claims.ranges import COUNT, POSITIVE, REPLICAS, In, Initialization, Several

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

# Float32 adds up some hundred positive terms: a bound that holds may seem violated by so much.
ROUNDING = 1e-4
# Zero but for rounding, if z is linear in each single weight.
DROPPED_TOLERANCE = 1e-3
_ALLOWED = (0.0, 1 + ROUNDING)

PAIRS = {
    "": ("hessian_trace", "hessian_trace_bound"),
    ", both divided by Tr P,": ("hessian_trace_over_output", "hessian_trace_bound_over_output"),
}
"""Trace and bound: as they are, and without the factor that training itself brings down."""

# The paper speaks of any such net on any data, and makes no experiment.
_SETTINGS = (
    "data",
    "labels",
    "hidden",
    "depths",
    "learning_rate",
    "batch_size",
    "steps",
    "dropped_examples",
    "init",
)


@claim(
    "thermophoresis/hessian-trace-bound",
    statement="The trace of one example's Hessian stays below the bound made of the norms of the "
    "active weights, and along training a smaller bound goes with a smaller trace.",
    source=Source("thermophoresis", "App. A.5, Eq. 37 to 62"),
    quick={"hidden": 16, "steps": 2000, "records": 25, "replicas": 8},
    statements=[
        Statement(
            name="bound",
            text="The trace of one example's Hessian is at most Tr(P)‖x‖² Σ_l Π‖σWⁿ‖² Π‖Wⁿσ′‖².",
            where="App. A.5, Eq. 62",
            origin="printed",
            tolerance="none but rounding in float32, 10⁻⁴ of the bound: an inequality. One "
            "example contradicts; nothing is said where the term that Eq. 45 drops is more than "
            "10⁻³ of the trace.",
            holds="the trace of the Hessian stays below its bound ({measured} of it at most)",
            fails="the trace of an example's Hessian is {measured} of its bound",
            unclear="whether the bound holds is undecided",
            regardless=_SETTINGS,
        ),
        Statement(
            name="tells-the-trace",
            text="A smaller bound, as smaller activation rate and norms make it, indicates a "
            "smaller trace.",
            where="App. A.5, last paragraph",
            origin="printed",
            tolerance="the sign: along training the rank correlation, with and without Tr P, is "
            "above 0.",
            holds="along training a smaller bound goes with a smaller trace (rank correlations "
            "above 0: {held} of {count})",
            fails="along training a smaller bound goes with a larger trace in {failed} of {count} "
            "comparisons (rank correlation {measured}, {low} to {high}, in the first)",
            unclear="along training a smaller bound is seen to go with a smaller trace in {held} "
            "of {count} comparisons",
            regardless=_SETTINGS,
        ),
    ],
)
class HessianTraceBound:
    """ReLU nets without biases, trained on classes with cross-entropy.

    Traces are exact: Tr H = Σ_l Tr(P M_l M_lᵀ)‖h^{l−1}‖² (`soret.observables.hessian_trace`). That
    Eq. 45 drops ∇_zL·∇²z costs nothing, z being linear in each single weight; its trace is computed
    for a few examples to see that. The paper gives no experiment.

    To be supported the bound must hold for every example, replica and record, and the rank
    correlation of bound and trace along training be above zero, with and without Tr P: both have
    that factor, which falls as the net learns, and activation rate and norms are in the rest.
    """

    data: Annotated[Literal["digits", "mnist", "fashion-mnist", "cifar-10"], "images", Images()] = (
        "digits"
    )
    labels: Annotated[Literal["real", "random"], "labels: the images' own, or random"] = "real"
    hidden: Annotated[int, "units of every hidden layer", COUNT] = 64
    depths: Annotated[
        tuple[int, ...], "hidden layers, a net for each", Several(In(at_least=1, at_most=100))
    ] = (1, 3)
    learning_rate: Annotated[float, "learning rate η", POSITIVE] = 0.1
    batch_size: Annotated[int, "batch size B", COUNT] = 16
    steps: Annotated[int, "updates per replica", COUNT] = 10_000
    records: Annotated[int, "records of a run", In(at_least=3, why="a rank correlation")] = 50
    replicas: Annotated[int, "replicas", REPLICAS] = 32
    dropped_examples: Annotated[int, "examples of which the dropped term is computed", COUNT] = 2
    init: Annotated[str, "pytorch, glorot, lecun, he, normal, normal:<scale>", Initialization()] = (
        "pytorch"
    )

    def check(self) -> None:
        """Refuse records that do not divide the steps."""
        check_divides("records", self.records, "steps", self.steps)

    def experiments(self) -> Experiments:
        """Train a net of each depth."""
        o = soret.observables
        pictures = images.load(self)
        images.at_most(self, "dropped_examples", pictures)
        return {
            f"depth-{depth}": soret.Experiment(
                problem=soret.problems.dense(
                    hidden=[self.hidden] * depth,
                    bias=False,
                    data=pictures,
                    labels=self.labels,
                    scaling="symmetric",
                    init=self.init,
                ),
                algorithm=soret.SGD(
                    self.learning_rate, batch_size=self.batch_size, sampling="epochs"
                ),
                observe=[
                    o.hessian_trace,
                    o.hessian_trace_bound,
                    o.hessian_trace_over_output,
                    o.hessian_trace_bound_over_output,
                    o.tightest_trace_bound,
                    o.dropped_trace(self.dropped_examples),
                    o.activation_rate,
                    o.parameter_norm,
                    o.accuracy,
                ],
                steps=self.steps,
                record_every=self.steps // self.records,
                replicas=self.replicas,
            )
            for depth in self.depths
        }

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: it holds, and goes with the trace. Rival: violated, or uninformative."""
        results = []
        for name, run in runs.items():
            net = _net(name)
            results.append(_judge_bound(run, net))
            results += [_judge_order(run, *pair, f"{net}{how}") for how, pair in PAIRS.items()]
        return results

    def control(self, runs: Runs) -> Runs:
        """Return bounds that are violated, and that go with the trace as often as against it."""
        made = {}
        for name, run in runs.items():
            made[name] = run.copy(deep=True)
            ratio = run.tightest_trace_bound
            made[name]["tightest_trace_bound"] = 1.5 * ratio / ratio.max()
            against = (run.replica % 2).astype(bool)
            for trace, bound in PAIRS.values():
                made[name][bound] = run[trace].where(~against, 1 / run[trace])
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Trace and bound along training, and against each other."""
        from soret.claims.thermophoresis._hessian_trace_bound_figure import BoundRow, bound_figure

        rows = []
        for (name, run), told in zip(
            runs.items(), zip(*[iter(results)] * 3, strict=True), strict=True
        ):
            rows.append(
                BoundRow(
                    _net(name),
                    np.asarray(run.step),
                    {
                        "trace of the Hessian (nats)": _pair(run, ""),
                        "trace over Tr P": _pair(run, ", both divided by Tr P,"),
                    },
                    [result.verdict for result in told],
                    f"largest Tr H/bound {told[0].measured:.2g}; rank correlation "
                    f"{told[1].measured:.2f}, without Tr P {told[2].measured:.2f}",
                )
            )
        about = next(iter(runs.values())).attrs["problem_data"]
        title = f"Does the bound hold, does it tell the trace? {about}, layers of {self.hidden}"
        return {"hessian-trace-bound": bound_figure(rows, title=title)}


def _net(name: str) -> str:
    depth = int(name.rpartition("-")[2])
    return f"{depth} hidden layer" + ("s" if depth > 1 else "")


def _pair(run: xr.Dataset, how: str) -> tuple[Values, Values]:
    trace, bound = PAIRS[how]
    return run[trace].values.astype(float), run[bound].values.astype(float)


def _judge_bound(run: xr.Dataset, net: str) -> Result:
    """Test that no example's trace is above its bound."""
    largest = run.tightest_trace_bound.max("step").values.astype(float)
    largest = largest[np.isfinite(largest)]
    quantity = f"largest Tr H/bound of an example, at any record of any replica ({net})"
    if not largest.size:
        return unmeasured(
            quantity,
            "no replica stayed finite",
            predicted="at most 1",
            rival="above 1",
            within=_ALLOWED,
            statement="bound",
        )
    dropped = float(run.dropped_trace.max())
    trace, bound = _pair(run, "")
    ratios = bound / trace
    # The largest of all decides: of an inequality one violation is a counterexample.
    result = judged(
        quantity,
        float(largest.max()),
        (largest.max(), largest.max()),
        predicted="at most 1",
        rival="above 1",
        within=_ALLOWED,
        note="the mean bound is "
        f"{missing.smallest(ratios):.3g} to {missing.largest(ratios):.3g} times the mean trace; "
        f"the dropped term's trace is at most {dropped:.1g} of Tr H",
        statement="bound",
    )
    result = replace(
        result,
        interval=(float(largest.min()), float(largest.max())),
        interval_is="lowest to highest replica",
    )
    if dropped <= DROPPED_TOLERANCE:
        return result
    return replace(result, verdict=Verdict.INCONCLUSIVE)


def _judge_order(run: xr.Dataset, trace: str, bound: str, net: str) -> Result:
    """Test that bound and trace are ranked alike along training."""
    found = _rank_correlations(run[trace].values, run[bound].values)
    found = found[np.isfinite(found)]
    mean, interval = np.nan, (np.nan, np.nan)
    if found.size > 1:
        mean, interval = soret.inference.student_interval(found)
    rate = _rank_correlations(run[bound].values, run.activation_rate.values)
    norm = _rank_correlations(run[bound].values, run.parameter_norm.values)
    return judged(
        f"rank correlation of trace and bound along training ({net})".replace(",)", ")"),
        mean,
        interval,
        predicted="above 0",
        rival="0",
        within=(0.0, np.inf),
        note=f"{found.size} replicas; the bound's own rank correlation is {missing.mean(rate):.2f} "
        f"with the activation rate, {missing.mean(norm):.2f} with the norm of all weights",
        statement="tells-the-trace",
    )


def _rank_correlations(first: Values, second: Values) -> Values:
    """Return Spearman's correlation along the last axis; NaN where there is none."""
    from scipy import stats

    found = np.full(len(first), np.nan)
    for i, (a, b) in enumerate(zip(first, second, strict=True)):
        both = np.isfinite(a) & np.isfinite(b)
        ranks = stats.rankdata(a[both]), stats.rankdata(b[both])
        if both.sum() > 2 and all(np.ptp(rank) > 0 for rank in ranks):
            found[i] = np.corrcoef(*ranks)[0, 1]
    return found
