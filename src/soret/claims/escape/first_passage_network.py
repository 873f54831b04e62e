"""First-passage times of a trained network grow as a power of the threshold of the loss."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

import soret
from soret.claims import (
    Continuation,
    Declared,
    Experiments,
    Given,
    Measurement,
    Result,
    Runs,
    Source,
    Statement,
    claim,
)
from soret.claims.counts import check_divides
from soret.claims.escape import _passages as passages
from soret.claims.escape._images import even_odd
from soret.claims.images import Images
from soret.claims.judging import judge_factor, judge_number, judged, mean_interval, unmeasured
from soret.claims.ranges import COUNT, ENOUGH_REPLICAS, POSITIVE, In, Several
from soret.errors import InferenceError, OutsideDomain
from soret.wording import listed

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from soret.inference import PassageGrowth

    Floats = NDArray[np.float64]

# The paper calls its dashed lines an excellent agreement: slopes that differ by a tenth are still
# told apart on its figure. Chosen before any run.
TOLERANCE = 0.1
_TOLERANCE_WHY = "10 %: slopes that differ by a tenth are still told apart on the paper's figure."
# By the rule of `escape/first-passage-linear` Eq. 15's limit cannot be asked for there.
_DIFFERS = (
    "thresholds that replicas reach, from 1.1 L* on, where the slope of the paper's own diffusion "
    "is still more than a tenth off its limit"
)
_LEAST, _MOST = 1.1, 12.0
# Fewest nets that an interval over nets is drawn from.
_FEWEST = 3
# Learning rates of the dry run, before h* is known.
_PLACEHOLDER = 1e-3


@claim(
    "escape/first-passage-network",
    statement="From the minimum that a net was trained into, the mean time until L first reaches "
    "c·L* grows as c^(B/(ηh*) + 1 − n/2), with h* the largest eigenvalue and n the effective "
    "dimension.",
    source=Source("escape", "Fig. 3c, Sec. 5.3.2, App. E, Eq. 15"),
    quick={
        "data": "digits",
        "heats": (0.2, 0.1),
        "steps": 60_000,
        "every": 20,
        "trained": 5,
        "replicas": 16,
    },
    resolution=["thresholds", "every"],
    statements=[
        Statement(
            name="power-law",
            text="From the minimum that a net was trained into, mean first-passage times grow as "
            "a power of the threshold of the loss, not exponentially.",
            where="Sec. 5.3.2, Fig. 3c",
            origin="printed",
            tolerance="the whole interval of the log-likelihoods' difference on the power's side.",
            holds="trained nets' mean first-passage times grow as a power of the threshold at "
            "{held} of {count} noises",
            fails="trained nets' mean first-passage times grow exponentially with the threshold "
            "rather than as a power at {failed} of {count} noises",
            unclear="whether trained nets' mean first-passage times grow as a power of the "
            "threshold or exponentially is undecided",
        ),
        Statement(
            name="exponent",
            text="The power is B/(ηh*) + 1 − n/2, with n the effective dimension.",
            where="Sec. 5.3.2, Fig. 3c, App. E, Eq. 15; n is the participation ratio, for the "
            "formula is lost",
            origin="restored",
            tolerance=_TOLERANCE_WHY,
            holds="the power is Eq. 15's ({measured} of it where furthest off)",
            fails="at the thresholds within reach, too low for Eq. 15's limit, the power is "
            "{measured} ({low} to {high}) times Eq. 15's",
            unclear="whether the power is Eq. 15's is undecided ({low} to {high} times it)",
            at="other",
            differs=_DIFFERS,
        ),
        Statement(
            name="difference",
            text="Powers at two noises differ by the difference of B/(ηh*), whatever n.",
            where="Sec. 5.3.2, Fig. 3c, Eq. 15",
            origin="restored",
            tolerance=_TOLERANCE_WHY,
            holds="powers at two noises differ as Eq. 15 says ({measured} for {predicted})",
            fails="powers at two noises differ by {measured} ({low} to {high}) for {predicted}",
            unclear="whether powers at two noises differ as Eq. 15 says is undecided ({low} to "
            "{high} for {predicted})",
            at="other",
            differs=_DIFFERS,
        ),
    ],
)
class FirstPassageNetwork:
    """One hidden layer of 10 ReLU units, the first images of MNIST, even against odd as ±1.

    Nets are trained with η = 0.01 and B = 100, each from initial parameters of its own. From where
    one ends, replicas run on at other learning rates, given as heats ηh*/B, and L over all images
    is watched. h* and n are taken from ⟨∇f∇fᵀ⟩ at that point; L* is the loss there, not at the
    minimum that it may be near. A net is one sample: what its replicas give is one number, and
    intervals are Student's over nets.

    Three things are asked: whether times follow a power or an exponential of c among thresholds
    that are rarely passed (mean time at least ten relaxation times 1/(ηh*)); whether the power is
    the predicted one, with n the participation ratio; and whether powers at two heats differ by
    the difference of B/(ηh*), in which n does not appear.

    The heats and the batch size of the second stage, the scaling of the pixels (0 to 1) and how
    often the loss is watched are ours. Watching every k steps, passages are seen late and short
    ones not at all.
    """

    data: Annotated[Literal["digits", "mnist", "fashion-mnist"], "images", Images()] = "mnist"
    images: Annotated[int, "training images, the first so many", COUNT] = 10_000
    hidden: Annotated[int, "units of the hidden layer", COUNT] = 10
    pretraining_rate: Annotated[float, "learning rate η of the pre-training", POSITIVE] = 0.01
    pretraining_batch: Annotated[int, "batch size B of the pre-training", COUNT] = 100
    pretraining_steps: Annotated[int, "updates of the pre-training", COUNT] = 100_000
    heats: Annotated[
        tuple[float, ...],
        "ηh*/B of the watched runs",
        Several(In(above=0, below=1, why="a net that stays"), fewest=2),
    ] = (0.2, 0.15, 0.1)
    batch_size: Annotated[int, "batch size B of the watched runs", COUNT] = 1
    trained: Annotated[
        int, "nets trained independently", In(at_least=_FEWEST, why="intervals over nets")
    ] = 10
    thresholds: Annotated[int, "number of thresholds", In(at_least=10, at_most=10_000)] = 40
    steps: Annotated[int, "updates that a replica is watched for at most", COUNT] = 400_000
    every: Annotated[int, "updates between looks at the loss", COUNT] = 100
    replicas: Annotated[int, "replicas of each net at each heat", ENOUGH_REPLICAS] = 100

    def experiments(self) -> Experiments:
        """Train nets, measure the minimum of each, and let replicas leave it."""
        problem = soret.problems.dense(
            hidden=(self.hidden,),
            data=even_odd(self),
            scaling="none",
            loss="mean_square",
            init="glorot",
        )
        training = soret.Experiment(
            problem=problem,
            algorithm=soret.SGD(self.pretraining_rate, batch_size=self.pretraining_batch),
            observe=[soret.observables.parameters, soret.observables.full_loss],
            steps=self.pretraining_steps,
            record_every=passages.record_every(self.pretraining_steps),
            replicas=self.trained,
        )

        def minimum(net: int) -> Measurement:
            def measured(given: Given) -> xr.Dataset:
                return _minimum(problem, given["pretraining"].isel(replica=net))

            return Measurement(measured, after=("pretraining",))

        bars = np.geomspace(_LEAST, _MOST, self.thresholds)

        def watched(lowest: float) -> soret.FirstPassage:
            return soret.FirstPassage(passages.loss_over(lowest), bars, self.every)

        def leaving(net: int, heat: float) -> Continuation:
            def parts(given: Given) -> dict[str, Any]:
                found = given[f"{net}/minimum"]
                ends = given["pretraining"].parameters.isel(step=-1, replica=net)
                rate = heat * self.batch_size / float(found.eigenvalue[0])
                return {
                    "problem": soret.problems.starting_from(problem, ends),
                    "algorithm": soret.SGD(rate, batch_size=self.batch_size),
                    "watch": watched(float(found.loss)),
                }

            like = soret.Experiment(
                problem=problem,
                algorithm=soret.SGD(_PLACEHOLDER, batch_size=self.batch_size),
                observe=soret.observables.full_loss,
                watch=watched(1.0),
                steps=self.steps,
                record_every=self._record_every(),
                replicas=self.replicas,
            )
            return Continuation(like, parts, after=("pretraining", f"{net}/minimum"))

        declared: dict[str, Declared] = {"pretraining": training}
        for net in range(self.trained):
            declared[f"{net}/minimum"] = minimum(net)
            for heat in self.heats:
                declared[f"{net}/heat-{heat:g}"] = leaving(net, heat)
        return declared

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: a power, Eq. 15's. Rivals: an exponential; powers of c alone."""
        results = []
        found = {heat: self._growths(runs, heat) for heat in self.heats}
        for heat in self.heats:
            results += [self._law(runs, heat, found[heat]), self._power(runs, heat, found[heat])]
        return [*results, self._difference(found)]

    def control(self, runs: Runs) -> Runs:
        """Return the times of constant noise, e^((c − 1)B/(ηh*)), with SGD's scatter."""
        made = dict(runs)
        for net in range(self.trained):
            for heat in self.heats:
                name = f"{net}/heat-{heat:g}"
                made[name] = _arrhenius(runs[name], heat)
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Times against thresholds as in Fig. 3c, and their local slopes."""
        from soret.plotting import passage_figure

        minimum = runs["0/minimum"]
        n = soret.landscape.effective_dimension(minimum.eigenvalue.values)
        columns = []
        for number, heat in enumerate(self.heats):
            run = runs[f"0/heat-{heat:g}"]
            power = 1 / heat + 1 - n / 2
            law = _stationary_law(heat, n)
            theories = {}
            if law is not None:
                rate = float(run.attrs["algorithm_learning_rate"])
                times = soret.theory.escape.radial_passage_time(law, run.threshold.values)
                theories[f"the paper's diffusion, n = {law.dimension}"] = np.asarray(times) / rate
            columns.append(
                passages.column(
                    f"ηh*/B = {heat:g}, first of {self.trained} nets",
                    run,
                    theories=theories,
                    exponents={f"Eq. 15, n = {n:.2g}: {power:.3g}": power},
                    least=np.inf,
                    verdicts=[r.verdict for r in results[2 * number : 2 * number + 2]],
                )
            )
        about = runs["pretraining"].attrs["problem_data"]
        title = (
            f"First-passage times of the loss, {about};\n"
            f"one hidden layer of {self.hidden}, B = {self.batch_size}, {self.replicas} replicas"
        )
        return {"first-passage": passage_figure(columns, title=title, level="c = L/L*")}

    def check(self) -> None:
        """Refuse looks that do not divide the steps."""
        check_divides("every", self.every, "steps", self.steps)

    def _record_every(self) -> int:
        """Return a multiple of `every` that divides the steps, a hundredth of them or less."""
        return self.every * passages.record_every(self.steps // self.every)

    def _growths(self, runs: Runs, heat: float) -> dict[int, PassageGrowth]:
        """Return how times grow among rarely passed thresholds, of the nets that passed enough."""
        found = {}
        for net in range(self.trained):
            try:
                found[net] = passages.growth(
                    runs[f"{net}/heat-{heat:g}"], shortest=10 * self.batch_size / heat, least=0.0
                )
            except InferenceError:
                # Too few thresholds were passed by too few: the results say of how many nets.
                continue
        return found

    def _law(self, runs: Runs, heat: float, found: dict[int, PassageGrowth]) -> Result:
        """Test whether mean times are a power of the threshold rather than an exponential."""
        quantity = (
            f"log-likelihood of a power law over an exponential among rare passages at ηh*/B = "
            f"{heat:g}, mean of nets"
        )
        expected: dict[str, Any] = {
            "predicted": "above 0",
            "rival": "below 0",
            "within": (0.0, np.inf),
            "statement": "power-law",
        }
        if len(found) < _FEWEST:
            return unmeasured(quantity, self._too_few(found), **expected)
        values = np.array([one.advantage for one in found.values()])
        note = f"{listed(values)} net by net; {self._about(runs, heat, found)}"
        return judged(quantity, *mean_interval(values), note=note, **expected)

    def _power(self, runs: Runs, heat: float, found: dict[int, PassageGrowth]) -> Result:
        """Test the power against Eq. 15's, net by net."""
        quantity = f"exponent of the mean first-passage time over Eq. 15's at ηh*/B = {heat:g}"
        if len(found) < _FEWEST:
            return unmeasured(
                quantity,
                self._too_few(found),
                predicted=1.0,
                rival="exponential",
                statement="exponent",
            )
        predicted = np.array([1 / heat + 1 - _dimension(runs, net) / 2 for net in found])
        measured = np.array([one.exponent for one in found.values()])
        return judge_factor(
            quantity,
            measured / predicted,
            rival="exponential",
            tolerance=TOLERANCE,
            note=f"{listed(measured)} where {listed(predicted)} is predicted, net by net",
            statement="exponent",
        )

    def _difference(self, found: dict[float, dict[int, PassageGrowth]]) -> Result:
        """Test the difference of the powers at the extreme heats, in which n does not appear."""
        low, high = min(self.heats), max(self.heats)
        predicted = 1 / low - 1 / high
        quantity = f"exponent at ηh*/B = {low:g} minus that at {high:g}"
        both = [net for net in found[low] if net in found[high]]
        expected: dict[str, Any] = {
            "predicted": predicted,
            "rival": 0.0,
            "statement": "difference",
        }
        if len(both) < _FEWEST:
            return unmeasured(quantity, self._too_few(both), **expected)
        values = np.array([found[low][net].exponent - found[high][net].exponent for net in both])
        return judge_number(
            quantity,
            values,
            tolerance=TOLERANCE * predicted,
            note=f"{listed(values)} net by net; n does not enter the prediction",
            **expected,
        )

    def _too_few(self, found: Collection[int]) -> str:
        return (
            f"{len(found)} of {self.trained} nets have passages enough to fit their growth, and an "
            f"interval over nets needs {_FEWEST}: watch for more steps, or more replicas"
        )

    def _about(self, runs: Runs, heat: float, found: Collection[int]) -> str:
        """What was found at the minima and done from there, in words."""
        minima = [runs[f"{net}/minimum"] for net in found]
        entropy = [
            soret.landscape.effective_dimension(one.eigenvalue.values, "entropy") for one in minima
        ]
        shares = []
        for net, minimum in zip(found, minima, strict=True):
            mean = runs[f"{net}/heat-{heat:g}"].full_loss.mean("replica").dropna("step")
            shares.append(float(mean.isel(step=-1) / minimum.loss))
        return (
            f"{len(found)} of {self.trained} nets; h* = "
            f"{listed([float(one.eigenvalue[0]) for one in minima])}; L* = "
            f"{listed([float(one.loss) for one in minima])}; n = "
            f"{listed([_dimension(runs, net) for net in found])} by participation ratio, "
            f"{listed(entropy)} by entropy; in the end L is {listed(shares)} L* on average"
        )


def _dimension(runs: Runs, net: int) -> float:
    """Return the effective dimension n at a net's minimum, by the participation ratio."""
    return soret.landscape.effective_dimension(runs[f"{net}/minimum"].eigenvalue.values)


def _stationary_law(heat: float, n: float) -> Any:
    """Return the paper's stationary density with a whole dimension, where there is one."""
    try:
        return soret.theory.escape.stationary_law(1.0, heat, 1.0, 1.0, max(1, round(n)))
    except OutsideDomain:
        return None


def _minimum(problem: soret.Problem, trained: xr.Dataset) -> xr.Dataset:
    """Return the spectrum of ⟨∇f∇fᵀ⟩ and the loss where the net was trained to."""
    import xarray as xr

    theta = problem.unflatten(trained.parameters.isel(step=-1).values)
    noise = soret.landscape.output_noise(problem, theta)
    found = np.maximum(noise.spectrum(), 0.0)
    return xr.Dataset(
        {
            "eigenvalue": (("rank",), found, {"long_name": "eigenvalue of ⟨∇f∇fᵀ⟩"}),
            "loss": float(trained.full_loss.isel(step=-1).values),
        }
    )


def _arrhenius(run: xr.Dataset, heat: float) -> xr.Dataset:
    """Return a run whose mean times grow as e^(c/heat), where all replicas passed; none beyond."""
    made = run.copy(deep=True)
    times = run.first_passage
    mean = times.mean("replica", skipna=False)
    grown = np.exp((run.threshold - run.threshold[0]) / heat) * float(mean.max())
    made["first_passage"] = (times / mean * grown).transpose(*times.dims)
    made.attrs = {**run.attrs, "steps": float(made.first_passage.max()) + 1}
    return made
