"""Runs at equal η/S have equal learning curves and ends, until η is too large."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret.claims import (
    Experiments,
    Given,
    Measurement,
    Result,
    Runs,
    Source,
    Statement,
    claim,
    images,
)
from soret.claims.judging import judged, near, unmeasured
from soret.claims.ranges import COUNT, POSITIVE, In, Several
from soret.claims.three_factors._training import Network, measure_ends, train
from soret.errors import SettingsError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# "Equal": curves that lie apart by less than this typical factor are one line in a figure whose
# axis spans the decades that a training loss falls by.
FACTOR = 1.25
_WHY = (
    "a typical factor of 1.25: nearer curves are one line in a figure whose axis spans the decades "
    "that a training loss falls by."
)
ARMS = {"ratio": "(kη, kS): equal η/S", "rate": "(η, kS): equal η"}


@claim(
    "three-factors/exchange",
    statement="Scaling η and S together leaves learning curves and the flatness at the end as they "
    "are, until η is too large; scaling S alone does not.",
    source=Source("three-factors", "n ≡ η/S; the SGD of the continuum limit depends on it alone"),
    quick={
        "data": "digits",
        "hidden": (32,),
        "batch_normalization": False,
        "learning_rate": 0.05,
        "batch_size": 4,
        "factors": (2, 4, 16),
        "epochs": 16,
        "replicas": 16,
        "hessian_examples": 400,
    },
    resolution=["hessian_examples"],
    statements=[
        Statement(
            name="curves",
            text="Scaling η and S by the same factor leaves learning curves as they are.",
            where="slides “SGD dynamics in continuum limit”: in the time ηt its equation depends "
            "on η and S through η/S alone",
            origin="restored",
            tolerance=_WHY,
            holds="learning curves at equal η/S are the same (a factor of {measured} apart)",
            fails="learning curves at equal η/S are a factor of {measured} ({low} to {high}) apart",
            unclear="whether learning curves at equal η/S are the same is undecided (a factor of "
            "{low} to {high} apart)",
        ),
        Statement(
            name="ends",
            text="Scaling η and S by the same factor leaves the flatness at the end as it is.",
            where="slides “Equilibrium distribution”: “Stationary solutions only depend on σ²η/S”",
            origin="printed",
            tolerance="a factor of 1.25 in ‖H‖, as for the curves.",
            holds="flatness at the end is the same at equal η/S (‖H‖ {measured} times as large)",
            fails="flatness at the end is not the same at equal η/S: ‖H‖ is {measured} ({low} to "
            "{high}) times as large",
            unclear="whether flatness at the end is the same at equal η/S is undecided (‖H‖ {low} "
            "to {high} times as large)",
        ),
        Statement(
            name="batch-size-alone",
            text="Scaling S alone changes the learning curves: they go with η/S and not with η.",
            where="slides “SGD dynamics in continuum limit”: its noise goes as √(η/S) in the time "
            "ηt",
            origin="restored",
            tolerance=f"{_WHY[:-1]}; how far apart they are the equation does not say.",
            holds="learning curves at equal η differ (a factor of {measured} apart)",
            fails="learning curves at equal η are near as well (a factor of {measured}, {low} to "
            "{high}, apart), so that near ones at equal η/S say little",
            unclear="whether learning curves at equal η differ is undecided (a factor of {low} to "
            "{high} apart)",
        ),
        Statement(
            name="until-too-large",
            text="At too large an η learning curves at equal η/S come apart.",
            where="not in the slides; a continuum limit is one of small η",
            origin="ours",
            tolerance=_WHY,
            holds="at the largest η tried curves at equal η/S come apart (a factor of {measured})",
            fails="at the largest η tried curves at equal η/S are still the same (a factor of "
            "{measured}, {low} to {high}, apart)",
            unclear="whether curves at equal η/S come apart at the largest η is undecided (a "
            "factor of {low} to {high})",
        ),
    ],
)
class Exchange(Network):
    """Arms (kη, kS) and (η, kS) for several k, from the same starts, for equally many epochs.

    Curves are the logarithm of the training loss, epoch by epoch, after the first one. The
    distance is the root mean square difference of the mean curves, without what chance makes of
    it. To be supported, at the smallest k the typical factor between the curves at equal η/S must
    be below 1.25, and that between those at equal η above; the Hessian's norms at the end must
    be equal within 1.25; and at the largest k the curves at equal η/S must have come apart.

    Pairs and factors are ours; the slides give none.
    """

    learning_rate: Annotated[float, "learning rate η at k = 1", POSITIVE] = 0.01
    batch_size: Annotated[int, "batch size S at k = 1", COUNT] = 25
    factors: Annotated[
        tuple[int, ...], "k beside 1, ascending", Several(In(at_least=2), fewest=2, order="rising")
    ] = (2, 4, 8, 16, 32, 64)
    epochs: Annotated[int, "epochs", In(at_least=4, why="a distance of curves")] = 200
    replicas: Annotated[int, "replicas", In(at_least=8, why="a distance of curves")] = 8
    hessian_examples: Annotated[int, "training images that the Hessian is a mean over", COUNT] = (
        2000
    )

    def experiments(self) -> Experiments:
        """Train every arm, recording the loss once an epoch, and measure the ends."""
        data = self.training_data()
        if self.batch_size * self.factors[-1] > len(data):
            raise SettingsError(
                f"batch_size times the largest of factors must be at most the {len(data):,} "
                f"images, got {self.batch_size} x {self.factors[-1]}."
            )
        problem = self.problem(data)
        images.at_most(self, "hessian_examples", data)
        arms = {
            f"{arm}/k-{k}": train(
                problem,
                [self.learning_rate * (k if arm == "ratio" else 1)],
                self.batch_size * k,
                rule="epochs",
                target=0.0,
                epochs=self.epochs,
                replicas=self.replicas,
                observe=[soret.observables.full_loss],
            )
            for arm, k in self.arms()
        }

        def measured(given: Given) -> xr.Dataset:
            runs = [(self.batch_size * k, given[f"{arm}/k-{k}"]) for arm, k in self.arms()]
            examples = self.hessian_examples
            return measure_ends(
                given.keep, self, problem, runs, rule="epochs", hessian_examples=examples
            )

        return {**arms, "ends": Measurement(measured, after=tuple(arms))}

    def saved(self, runs: Runs) -> Runs:
        """Return the curves of every arm, with what was measured at its end."""
        return {
            name: _together(runs[name], runs["ends"].isel(point=i), self.epochs)
            for i, name in enumerate(f"{arm}/k-{k}" for arm, k in self.arms())
        }

    def arms(self) -> list[tuple[str, int]]:
        """Return the arms: the common one, and both kinds for every k."""
        return [("ratio", 1), *[(arm, k) for k in self.factors for arm in ARMS]]

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: equal at equal η/S for small k. Rival: equal at equal η, or neither."""
        base, first, last = runs["ratio/k-1"], self.factors[0], self.factors[-1]
        quantity = "typical factor between learning curves, (η, S) and"
        own, other, far = (
            _distance(base, runs[f"{arm}/k-{k}"])
            for arm, k in (("ratio", first), ("rate", first), ("ratio", last))
        )
        small, large = f"below {FACTOR}", f"above {FACTOR}"
        judge = partial(_judge, base)
        results = [
            judge(
                f"{quantity} ({first}η, {first}S)",
                own,
                predicted=small,
                rival=large,
                within=_NEAR,
                statement="curves",
            ),
            judge(
                f"{quantity} (η, {first}S)",
                other,
                predicted=large,
                rival="1",
                outside=_NEAR,
                statement="batch-size-alone",
            ),
            judge(
                f"{quantity} ({last}η, {last}S)",
                far,
                predicted=large,
                rival=small,
                outside=_NEAR,
                statement="until-too-large",
            ),
        ]
        return [*results, _ends(base, runs[f"ratio/k-{first}"], first)]

    def control(self, runs: Runs) -> Runs:
        """Return runs that are equal at equal η, and as far apart at equal η/S, whatever k."""
        made = {name: run.copy(deep=True) for name, run in runs.items()}
        base = runs["ratio/k-1"]
        for name, run in made.items():
            if name != "ratio/k-1":
                arm, _, k = name.partition("/k-")
                apart = 0.0 if arm == "rate" else 2.0 if int(k) == self.factors[0] else 0.0
                run["log_loss"] = base.log_loss + apart
                run["frobenius"] = base.frobenius * np.exp(apart)
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Curves of both kinds of arms, their distances, and the ends."""
        from soret.claims.three_factors._exchange_figure import ExchangeArm, exchange_figure

        arms = [
            ExchangeArm(
                arm,
                k,
                f"{self.learning_rate * (k if arm == 'ratio' else 1):g}, {self.batch_size * k}",
                runs[f"{arm}/k-{k}"].log_loss.values,
                runs[f"{arm}/k-{k}"].frobenius.values,
                _distance(runs["ratio/k-1"], runs[f"{arm}/k-{k}"]) if k > 1 else None,
            )
            for arm, k in self.arms()
        ]
        attrs = runs["ratio/k-1"].attrs
        title = f"Does only η/S count? {attrs['problem_data']}; {self.describe()}"
        figure = exchange_figure(
            arms,
            kinds=ARMS,
            factor=FACTOR,
            verdicts=[result.verdict for result in results],
            title=title,
        )
        return {"exchange": figure}


def _together(run: xr.Dataset, ends: xr.Dataset, epochs: int) -> xr.Dataset:
    """Return curves at whole epochs, the first left out, with what was measured at the end."""
    import xarray as xr

    loss = run.full_loss.isel(learning_rate=0).values.astype(float)
    # Records are an epoch apart but for what its steps were rounded by.
    share = run.step.values / run.step.values[-1] * epochs
    at = np.arange(1, epochs + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.array([np.interp(at, share, row) for row in np.log(loss)])
    known = ("frobenius", "trace", "top", "accuracy", "validation_accuracy")
    variables: dict[str, Any] = {"log_loss": (("replica", "epoch"), logs)}
    variables |= {name: ("replica", ends[name].values) for name in known}
    variables["diverged_at"] = ("replica", run.diverged_at.isel(learning_rate=0).values)
    return xr.Dataset(variables, {"epoch": at}, {"problem_data": run.attrs["problem_data"]})


def _distance(base: xr.Dataset, run: xr.Dataset) -> Any:
    """Return the distance of curves; None where one has left the finite numbers."""
    if not (_stayed_finite(base) and _stayed_finite(run)):
        return None
    return soret.inference.curve_distance(base.log_loss.values, run.log_loss.values)


def _stayed_finite(run: xr.Dataset) -> bool:
    return bool(np.isfinite(run.log_loss.values).all())


_NEAR = (-np.inf, FACTOR)
_NOTHING = (
    "runs at (η, S) diverged, so there is nothing to compare with; use a smaller learning_rate"
)


def _judge(base: xr.Dataset, quantity: str, found: Any, **test: Any) -> Result:
    """Judge a typical factor between curves; one that diverged is infinitely far from the others.

    Nothing can be compared with runs at (η, S) that diverged.
    """
    if not _stayed_finite(base):
        known = {name: test[name] for name in ("predicted", "rival", "statement")}
        return unmeasured(quantity, _NOTHING, **known)
    if found is None:
        note = "replicas diverged: the curves are not equal"
        return judged(quantity, np.inf, (np.inf, np.inf), note=note, **test)
    low, high = (float(np.exp(end)) for end in found.interval)
    note = f"{found.points} epochs, {found.replicas} replicas"
    return judged(quantity, float(np.exp(found.distance)), (low, high), note=note, **test)


def _ends(base: xr.Dataset, run: xr.Dataset, k: int) -> Result:
    """Judge ‖H‖'s ratio by its logarithm, about which the tolerance lies evenly."""
    quantity = f"ratio of ‖H‖ at the end, ({k}η, {k}S) over (η, S)"
    about: dict[str, Any] = {"predicted": 1.0, "rival": "not 1", "statement": "ends"}
    if not _stayed_finite(base):
        return unmeasured(quantity, _NOTHING, **about)
    if not _stayed_finite(run):
        return unmeasured(quantity, f"runs at ({k}η, {k}S) diverged", **about)
    apart = np.log(run.frobenius.values) - np.log(base.frobenius.values)
    mean, (low, high) = soret.inference.student_interval(apart)
    decided = judged(
        quantity,
        mean,
        (low, high),
        **about,
        within=near(0.0, float(np.log(FACTOR))),
        note=f"‖H‖ = {base.frobenius.values.mean():.3g} and {run.frobenius.values.mean():.3g}; "
        f"training accuracy {base.accuracy.values.mean():.4f} and {run.accuracy.values.mean():.4f}",
    )
    return replace(
        decided,
        measured=float(np.exp(mean)),
        interval=(float(np.exp(low)), float(np.exp(high))),
        within=(1 / FACTOR, FACTOR),
    )
