"""A trained network moves on as its Hessian and gradient noise say: speed, diffusion, turning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
from soret.claims.counts import check_multiple
from soret.claims.images import Networks
from soret.claims.judging import judge_factor, judge_number, judged, mean_interval, near
from soret.claims.limiting_dynamics import _networks as nets
from soret.claims.limiting_dynamics._regressions import weighted_slope
from soret.claims.limiting_dynamics.constant_speed import judge_steady
from soret.claims.ranges import COUNT, NOISY, POSITIVE, In
from soret.claims.settings import refuse_unused, show
from soret.errors import SettingsError
from soret.wording import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# A quadratic surface and constant noise stand for a net: to be of use, predictions must be within
# a quarter. Chosen before any run.
TOLERANCE = 0.25
# Of an exponent; Brownian motion has 1.
EXPONENT = 0.1
_WHY = (
    "25 %: a quadratic surface and constant noise stand for a net, and a prediction further off "
    "would be of no use."
)
_WHY_EXPONENT = "0.1 in the exponent; Brownian motion has 1, and a net at rest 0."
_DIFFERS = (
    "small dense and convolutional nets on digits and Fashion-MNIST in place of ResNet-18 on "
    "ImageNet"
)
_RECORDS = 1000
_TRAINING_RECORDS = 100
_PORTRAIT = 1000


@claim(
    "limiting-dynamics/deep-network",
    statement="A trained network keeps moving at constant speed by anomalous diffusion, and turns "
    "in phase space, as the Hessian and the gradient noise at the end of training predict.",
    source=Source("limiting-dynamics", "experiments on ResNet-18; abstract"),
    quick={
        "networks": ("dense-digits",),
        "hidden": 6,
        "training_steps": 20_000,
        "points": 10,
        "trained": 5,
        "replicas": 16,
    },
    statements=[
        Statement(
            name="constant",
            text="A trained network moves on at a constant speed.",
            where="abstract, one-sentence summary",
            origin="printed",
            tolerance="5 % between the halves of a run: what decays changes by most of itself.",
            holds="trained nets move on at a constant speed (the square changes by {measured} of "
            "itself between the halves of a run)",
            fails="the squared speed of trained nets changes by {measured} ({low} to {high}) of "
            "itself between the halves of a run",
            unclear="whether trained nets move on at a constant speed is undecided (the square "
            "changes by {low} to {high} of itself between the halves of a run)",
            at="other",
            differs=_DIFFERS,
        ),
        Statement(
            name="anomalous",
            text="Long after performance has converged a network moves on by anomalous diffusion.",
            where="abstract",
            origin="printed",
            tolerance=_WHY_EXPONENT,
            holds="trained nets diffuse anomalously ({quantity}: {measured})",
            fails="trained nets do not diffuse anomalously: {quantity} is {measured} ({low} to "
            "{high})",
            unclear="whether trained nets diffuse anomalously is undecided ({quantity}: {low} to "
            "{high})",
            at="other",
            differs=_DIFFERS,
        ),
        Statement(
            name="speed",
            text="The speed is the one that Hessian and gradient noise at the end of training "
            "predict.",
            where="experiments on ResNet-18; instantaneous speed",
            origin="restored",
            tolerance=_WHY,
            holds="the squared speed is predicted from the spectra within a quarter ({measured} of "
            "the prediction where furthest off)",
            fails="the squared speed is {measured} ({low} to {high}) of the prediction",
            unclear="whether the squared speed is predicted is undecided ({low} to {high} of the "
            "prediction)",
            at="other",
            differs=_DIFFERS,
        ),
        Statement(
            name="displacement",
            text="Hessian and gradient noise at the end of training predict the squared "
            "displacement "
            "after many steps.",
            where="experiments on ResNet-18; anomalous diffusion",
            origin="restored",
            tolerance=_WHY,
            holds="the squared displacement is predicted within a quarter ({measured} of the "
            "prediction where furthest off)",
            fails="the squared displacement is {measured} ({low} to {high}) of the prediction",
            unclear="whether the squared displacement is predicted is undecided ({low} to {high} "
            "of "
            "the prediction)",
            at="other",
            differs=_DIFFERS,
        ),
        Statement(
            name="exponent",
            text="Hessian and gradient noise at the end of training predict the exponent of the "
            "squared displacement.",
            where="experiments on ResNet-18; anomalous diffusion",
            origin="restored",
            tolerance=_WHY_EXPONENT,
            holds="the exponent is predicted (off by {measured} where furthest)",
            fails="the exponent is off by {measured} ({low} to {high})",
            unclear="whether the exponent is predicted is undecided (off by {low} to {high})",
            at="other",
            differs=_DIFFERS,
        ),
        Statement(
            name="turning",
            text="Along the stiffest eigenvector positions and velocities turn at the frequency "
            "that its eigenvalue predicts.",
            where="experiments on ResNet-18; phase space oscillations",
            origin="restored",
            tolerance=_WHY,
            holds="the stiffest mode turns at the predicted frequency ({measured} of it where "
            "furthest off)",
            fails="the stiffest mode turns at {measured} ({low} to {high}) of the predicted "
            "frequency",
            unclear="whether the stiffest mode turns as predicted is undecided ({low} to {high} of "
            "the predicted frequency)",
            at="other",
            differs=_DIFFERS,
        ),
    ],
)
class DeepNetwork:
    """Small networks with cross-entropy and weight decay, trained, then run on; settings are ours.

    Over the last fifth of training, at `points` equally far apart, the Hessian and the gradient
    noise are measured; their means give eigenpairs and the noise along each. From these spectra
    alone come the predictions for the next `steps` steps: speed, squared displacement and its
    exponent, as for a quadratic surface with constant noise; eigenvalues below a millionth of the
    largest, negative ones too, count as flat. The runs start at the last point with v = 0 and go
    different ways. "With the gradient" is the same theory told also where the net stands: the
    mean gradient along each eigenvector. Phase portraits are of the stiffest mode and of one a
    fiftieth as stiff. A net still learning moves much further: the conv net needs all its training.

    Nets of a kind are trained from initial parameters and on batches of their own. What a forecast
    from one of them is worth is told by others, so that a net is one sample: replicas that run on
    from its end are averaged, and intervals are Student's over nets, of ratios on a log scale.

    Changed after a look at results: spectra were of the last point alone (`points=1`), where a few
    badly fitted examples make most of the noise, and the speed was off by factors; exponents were
    fitted from a twentieth of the steps to the last, where all is saturated, now from a hundredth
    to half the time in which weight decay alone confines, (1 − β)/(2ηλ). There are 1,000 records,
    formerly 100. Intervals were over replicas of one trained net, and verdicts flipped from seed to
    seed. All nets of a kind then ran on with the same mini-batches, those of their training.
    """

    networks: Annotated[
        tuple[Literal["dense-digits", "conv-digits", "dense-fashion-mnist"], ...],
        "dense-digits, conv-digits, dense-fashion-mnist",
        Networks(),
    ] = nets.NETS
    hidden: Annotated[int, "units of the dense nets", COUNT] = 16
    channels: Annotated[int, "channels of the conv net", COUNT] = 4
    images: Annotated[int, "training images, the first so many", NOISY] = 2000
    learning_rate: Annotated[float, "η", POSITIVE] = 0.05
    batch_size: Annotated[int, "S", COUNT] = 32
    momentum: Annotated[float, "β, above 0", In(above=0, below=1)] = 0.9
    weight_decay: Annotated[float, "λ", POSITIVE] = 1e-3
    top: Annotated[int, "eigenpairs, where a net is too large for all", In(at_least=2)] = 200
    points: Annotated[
        int, "points of the end of training measured at, up to 20", In(at_least=1, at_most=20)
    ] = 20
    training_steps: Annotated[int, "steps of the training", COUNT] = 100_000
    trained: Annotated[
        int, "nets of each kind, trained independently", In(at_least=3, why="intervals over nets")
    ] = 10
    steps: Annotated[int, "steps predicted", COUNT] = 10_000
    replicas: Annotated[
        int, "replicas run on from the end of each training", In(at_least=8, why="frequencies")
    ] = 16

    def check(self) -> None:
        """Refuse steps that records do not divide, and confinement before diffusion is seen."""
        check_multiple("steps", self.steps, _RECORDS)
        for kind, name in (("dense", "hidden"), ("conv", "channels")):
            if not any(net.startswith(kind) for net in self.networks):
                refuse_unused(self, [name], f"networks are {show(self.networks)}")
        check_multiple("training_steps", self.training_steps, _TRAINING_RECORDS)
        if not self._diffusing(self._lags()).sum() >= 5:
            raise SettingsError(
                "weight_decay must confine so late that five records lie before, got "
                f"weight_decay={self.weight_decay:g} with learning_rate={self.learning_rate:g}, "
                f"momentum={self.momentum:g} and steps={self.steps}."
            )

    def experiments(self) -> Experiments:
        """Train, measure, run on."""
        o = soret.observables
        made: dict[str, Declared] = {}
        sgd = soret.SGD(self.learning_rate, self.batch_size, self.momentum, self.weight_decay)
        for net in self.networks:
            problem = nets.problem_of(self, net)
            made[f"{net}/training"] = soret.Experiment(
                problem=problem,
                algorithm=sgd,
                observe=[o.parameters, o.accuracy, o.full_loss],
                steps=self.training_steps,
                record_every=self.training_steps // _TRAINING_RECORDS,
                replicas=self.trained,
            )
            on = soret.Experiment(
                problem=problem,
                algorithm=sgd,
                observe=o.squared_velocity,
                steps=self.steps,
                record_every=self.steps // _RECORDS,
                replicas=self.replicas,
            )
            portrait = replace(on, steps=_PORTRAIT, record_every=1)
            for number, one in enumerate(self._names(net)):
                made[f"{one}/spectra"] = self._spectra(net, number, problem)
                made[f"{one}/running on"] = self._going_on(
                    one,
                    on,
                    lambda theta, rows: [o.squared_velocity, o.displacement_from(theta)],
                )
                made[f"{one}/portrait"] = self._going_on(
                    one,
                    portrait,
                    lambda theta, rows: [o.position_along(rows, theta), o.velocity_along(rows)],
                )
        return made

    def _names(self, net: str) -> list[str]:
        """Return the names of the trained nets of a kind."""
        return [f"{net}/{number}" for number in range(self.trained)]

    def _spectra(self, net: str, number: int, problem: Any) -> Measurement:
        """Curvature and noise at the end of one net's training."""
        training = f"{net}/training"
        return Measurement(
            lambda given: self._measure(problem, given[training].isel(replica=number)),
            after=(training,),
        )

    @staticmethod
    def _going_on(one: str, like: soret.Experiment, observe: Callable[..., Any]) -> Continuation:
        """Return replicas that go on from where spectra were measured."""

        def parts(given: Given) -> dict[str, Any]:
            found = given[f"{one}/spectra"]
            theta = found.theta.values
            return {
                "problem": soret.problems.starting_from(like.problem, theta),
                "observe": observe(theta, found.vectors.values),
            }

        return Continuation(like, parts, after=(f"{one}/spectra",))

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: from the spectra alone. Rivals: rest, Brownian motion, no turning."""
        results = []
        for net in self.networks:
            of_each = [self._compare(runs, one) for one in self._names(net)]
            each = {name: np.array([one[name] for one in of_each]) for name in of_each[0]}
            results += [
                judge_factor(
                    f"squared speed over the prediction ({net})",
                    each["speed"],
                    rival=0.0,
                    tolerance=TOLERANCE,
                    note=f"{listed(each['speed'])} net by net; {self._about(runs, net)}",
                    statement="speed",
                ),
                judge_steady(
                    f"change of the squared speed between halves ({net})",
                    np.stack([self._squares(runs, one).mean(0) for one in self._names(net)]),
                    statement="constant",
                ),
                judge_factor(
                    f"squared displacement after {self.steps:,} steps over the prediction ({net})",
                    each["displacement"],
                    rival=float(f"{np.median(each['walk']):.3g}"),
                    tolerance=TOLERANCE,
                    note=f"{listed(each['displacement'])} net by net, and with the gradient "
                    f"{listed(each['with the gradient'])}; the rival is a walk of independent "
                    "steps at this speed",
                    statement="displacement",
                ),
                judge_number(
                    f"exponent of the squared displacement less the predicted one ({net})",
                    each["exponent"] - each["predicted exponent"],
                    predicted=0.0,
                    rival=float(f"{np.median(1 - each['predicted exponent']):.3g}"),
                    tolerance=EXPONENT,
                    note=f"{listed(each['exponent'])} where {listed(each['predicted exponent'])} "
                    "is predicted, net by net; the rival is Brownian motion",
                    statement="exponent",
                ),
                judged(
                    f"exponent less 1 ({net})",
                    *mean_interval(each["exponent"] - 1),
                    predicted=f"further from 0 than {EXPONENT:g}",
                    rival=0.0,
                    outside=near(0.0, EXPONENT),
                    statement="anomalous",
                ),
                judge_factor(
                    f"frequency of the stiffest mode over the prediction ({net})",
                    each["frequency"],
                    rival=0.0,
                    tolerance=TOLERANCE,
                    note=f"{listed(each['frequency'])} net by net",
                    statement="turning",
                ),
            ]
        return results

    def control(self, runs: Runs) -> Runs:
        """Return Brownian motion that slows down, and phase portraits without turning."""
        made = dict(runs)
        for one in (one for net in self.networks for one in self._names(net)):
            run, seen = runs[f"{one}/running on"], runs[f"{one}/portrait"]
            modes = self._modes(runs[f"{one}/spectra"])
            speed = soret.theory.phase_space.Discrete(modes).speed
            falls = np.exp(-4 * run.step / run.step.max())
            random = np.random.default_rng(0xB0)
            walk = random.gamma(50, 1 / 50, run.squared_displacement.shape)
            axis = run.squared_displacement.get_axis_num("step")
            walk = (walk.cumsum(axis) - walk.take([0], axis)) * speed * self.steps / _RECORDS
            made[f"{one}/running on"] = run.assign(
                squared_velocity=run.squared_velocity * falls,
                squared_displacement=run.squared_displacement.copy(data=walk),
            )
            noise = random.standard_normal(seen.velocity.shape, np.float32)
            place = seen.position.get_axis_num("step")
            rough = np.moveaxis(random.standard_normal(seen.position.shape, np.float32), place, 0)
            for step in range(1, len(rough)):
                # No inertia: what is left of the past is 0.9 of the place, nothing of the speed.
                rough[step] += np.float32(0.9) * rough[step - 1]
            made[f"{one}/portrait"] = seen.assign(
                position=seen.position.copy(data=np.moveaxis(rough, 0, place)),
                velocity=seen.velocity.copy(data=noise * seen.velocity.std().item()),
            )
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Speed, displacement and portraits with the theory through them."""
        from soret.claims.limiting_dynamics._deep_network_figure import NetworkRow, network_figure

        rows = []
        per = len(results) // len(self.networks)
        for number, net in enumerate(self.networks):
            measured = runs[f"{net}/0/spectra"]
            modes = self._modes(measured)
            motions = [self._motion(runs[f"{one}/running on"]) for one in self._names(net)]
            lags = motions[0][2]
            speeds = [
                soret.theory.phase_space.Discrete(self._modes(runs[f"{one}/spectra"])).speed
                for one in self._names(net)
            ]
            z, v = self._portrait(runs[f"{net}/0/portrait"])
            rows.append(
                NetworkRow(
                    net,
                    lags.astype(float),
                    np.stack([m[0].mean(0) / s for m, s in zip(motions, speeds, strict=True)]),
                    speeds[0],
                    np.stack([moved.mean(0) for _, moved, _ in motions]),
                    {
                        "from the spectra alone": nets.stationary_displacement(modes, lags),
                        "with the gradient": nets.started_displacement(measured, modes, lags),
                    },
                    z,
                    v,
                    measured.curvature.values[measured.shown.values],
                    measured.curvature.values,
                    measured.noise.values,
                    results[number * per : (number + 1) * per],
                )
            )
        title = "Do trained networks move on as their Hessian and gradient noise say?"
        return {"deep-network": network_figure(rows, title=title)}

    def _compare(self, runs: Runs, one: str) -> dict[str, float]:
        """Return what one net did over what was predicted of it, averaged over its replicas."""
        run, measured = runs[f"{one}/running on"], runs[f"{one}/spectra"]
        modes = self._modes(measured)
        squares, moved, lags = self._motion(run)
        theory = soret.theory.phase_space.Discrete(modes)
        told = nets.stationary_displacement(modes, lags)
        started = nets.started_displacement(measured, modes, lags)
        kept = self._diffusing(lags)
        mean = moved.mean(0)
        exponent, predicted = (
            weighted_slope(lags[kept], curve[kept], moved[:, kept]) for curve in (mean, told)
        )
        return {
            "speed": float(squares.mean() / theory.speed),
            "displacement": float(mean[-1] / told[-1]),
            "with the gradient": float(mean[-1] / started[-1]),
            "walk": float(theory.speed * self.steps / told[-1]),
            "exponent": exponent,
            "predicted exponent": predicted,
            "frequency": self._frequency(runs[f"{one}/portrait"]) / float(theory.frequency[0]),
        }

    def _squares(self, runs: Runs, one: str) -> Floats:
        """Return squared speeds (R, T) of one net over the prediction."""
        modes = self._modes(runs[f"{one}/spectra"])
        squares, _, _ = self._motion(runs[f"{one}/running on"])
        return np.asarray(squares / soret.theory.phase_space.Discrete(modes).speed)

    def _diffusing(self, lags: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which lags are fitted: below half the time in which weight decay alone confines.

        Beyond it every displacement saturates, whatever the spectrum.
        """
        confined = (1 - self.momentum) / (2 * self.learning_rate * self.weight_decay)
        return np.asarray((lags >= self.steps // 100) & (lags <= confined))

    def _lags(self) -> NDArray[np.int64]:
        return np.arange(1, _RECORDS + 1) * (self.steps // _RECORDS)

    def _measure(self, problem: Any, trained: Any) -> Any:
        last = -1 - np.arange(self.points)[::-1] * (_TRAINING_RECORDS // 5) // self.points
        thetas = trained.parameters.isel(step=last).values
        top = None if thetas.shape[1] <= 2500 else self.top
        return nets.measure(problem, thetas, self.weight_decay, top)

    def _modes(self, measured: Any) -> Any:
        return nets.modes_of(
            measured, self.learning_rate, self.batch_size, self.momentum, self.weight_decay
        )

    def _motion(self, run: Any) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Squared speeds and displacements (R, T) after the start, and their steps."""
        later = run.isel(step=slice(1, None))
        squares, moved = (
            later[name].transpose("replica", "step").values.astype(float, order="C")
            for name in ("squared_velocity", "squared_displacement")
        )
        return self.learning_rate**2 * squares, moved, later.step.values.astype(np.int64)

    def _portrait(self, run: Any) -> tuple[Floats, Floats]:
        """Positions and velocities (R, T, 2), the start from rest left out."""
        late = run.isel(step=slice(_PORTRAIT // 5, None))
        z, v = (
            late[name].transpose("replica", "step", ...).values.astype(float, order="C")
            for name in ("position", "velocity")
        )
        return z, v

    def _frequency(self, portrait: Any) -> float:
        """Return the frequency of the stiffest mode, radians a step."""
        z, _ = self._portrait(portrait)
        # About each replica's own mean: where soft modes have taken it bends the stiff one's place.
        return soret.inference.oscillation(z[..., 0] - z[..., 0].mean(1, keepdims=True)).frequency

    def _about(self, runs: Runs, net: str) -> str:
        """What was trained, in words."""
        ends = runs[f"{net}/training"].isel(step=-1)
        measured = [runs[f"{one}/spectra"] for one in self._names(net)]
        negative = [int((one.curvature.values < 0).sum()) for one in measured]
        return (
            f"{measured[0].sizes['parameter']:,} parameters, accuracy {_range(ends.accuracy)}, "
            f"loss {_range(ends.full_loss)}; {measured[0].sizes['mode']:,} eigenvalues, "
            f"{min(negative)} to {max(negative)} of them negative"
        )


def _range(values: Any) -> str:
    return f"{float(values.min()):.3g} to {float(values.max()):.3g}"
