"""The experiment that most claims of the paper share: curves over one hyperparameter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import soret
from soret.claims import counts
from soret.claims.claim import Runs
from soret.claims.collapse import judge_collapse, judge_fall, made_by_rival
from soret.claims.statement import Statement
from soret.verdict import Result, together

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {
    "activation_rate": "the activation rate",
    "gradient_variance": "the mean gradient variance",
    "mean_hidden_weight": "the mean of W",
    "weight_norm": "the norm of V",
}

# Curves compared with their time rescaled sixteenfold need records enough in their first
# sixteenth; more than these change nothing in the fit.
RECORDS = 200


@dataclass(frozen=True)
class Scan:
    """A prediction of how curves collapse when one hyperparameter is scanned.

    Attributes
    ----------
    over : str
        The hyperparameter.
    predicted, rival : float
        Exponents.
    observables : sequence of str
        The variables of the run that the claim is about.
    """

    over: str
    predicted: float
    rival: float
    observables: Sequence[str]

    def of(self, runs: Runs) -> Runs:
        """Return the runs that scan this hyperparameter."""
        return {name: run for name, run in runs.items() if self.over in run.dims}


# Thermophoresis, Eq. 28: the force scales as η²/B. Without the paper's mechanism, drift along
# the mean gradient would make η the only clock; and B would not matter.
LEARNING_RATE = ("learning_rate", 2.0, 1.0)
BATCH_SIZE = ("batch_size", -1.0, 0.0)


def record_every(steps: int, records: int = RECORDS) -> int:
    """Return the spacing of records: about `records` of them, dividing `steps`."""
    return counts.record_every(steps, records)


def observables(names: Sequence[str]) -> list[Any]:
    """Return observables by name."""
    return [getattr(soret.observables, name) for name in names]


_CURVES = {
    "activation_rate": "activation-rate",
    "gradient_variance": "gradient-variance",
    "mean_hidden_weight": "mean-W",
    "weight_norm": "‖V‖",
}
_LAWS = {
    "learning_rate": ("learning rates", "steps × η²", "η²"),
    "batch_size": ("batch sizes", "steps / B", "1/B"),
}


def name_of_fall(observable: str) -> str:
    """Name the statement that an observable falls."""
    return f"{_kebab(observable)}-falls"


def name_of_collapse(observable: str, over: str) -> str:
    """Name the statement that an observable's curves collapse."""
    return f"{_kebab(observable)}-by-{_kebab(over)}"


def falls(observable: str, net: str, where: str, **circumstances: Any) -> Statement:
    """Return the statement that an observable falls.

    Parameters
    ----------
    observable : str
    net : str
        Which net, on what, as it follows the observable in a sentence.
    where : str
        In the paper.
    **circumstances
        As of `Statement`.
    """
    name = NAMES[observable]
    return Statement(
        name=name_of_fall(observable),
        text=f"{name[:1].upper()}{name[1:]} {net} falls in training.",
        where=where,
        origin="printed",
        tolerance="the sign: the whole interval of the mean change lies below 0.",
        holds=f"{name} falls",
        fails=f"{name} rises in {{failed}} of {{count}} ensembles",
        unclear=f"{name} is seen to fall in {{held}} of {{count}} ensembles",
        **circumstances,
    )


def collapses(observable: str, over: str, net: str, where: str, **circumstances: Any) -> Statement:
    """Return the statement that an observable's curves collapse.

    Parameters
    ----------
    observable, over : str
        The curves, and the hyperparameter that is scanned.
    net, where : str
    **circumstances
        As of `falls`.
    """
    (scanned, against, law), curves = _LAWS[over], f"{_CURVES[observable]} curves"
    return Statement(
        name=name_of_collapse(observable, over),
        text=f"For different {scanned}, curves of {NAMES[observable]} {net} collapse against "
        f"{against}.",
        where=where,
        origin="printed",
        tolerance="an exponent within a quarter of the way to the rival's, three times nearer to "
        "the prediction; and curves at most a tenth of their range apart, the widest gap that "
        "still passes for overlap on the paper's figures.",
        holds=f"{curves} collapse under {law} (exponent {{measured}} where furthest off)",
        fails=f"{curves} do not collapse under {law} from {{failed}} of {{count}} initializations "
        "(best exponent {measured}, {low} to {high})",
        unclear=f"whether {curves} collapse under {law} is undecided (exponent {{low}} to "
        "{high})",
        **circumstances,
    )


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class Scanned(ABC):
    """The test of claims that curves collapse, its control, and the figures.

    A claim of this kind says what it predicts of which scan, runs the scans, and names the figures.
    """

    predictions: ClassVar[Sequence[Scan]]

    @abstractmethod
    def title(self, runs: Runs) -> str:
        """Name net and data, for the figures."""

    def judge(self, runs: Runs) -> list[Result]:
        """Judge every scan, observable and experiment: that it falls, and that it collapses."""
        results = []
        for scan in self.predictions:
            for name, run in scan.of(runs).items():
                for observable in scan.observables:
                    what = f"{NAMES[observable]} ({circumstances(name)})"
                    curves = run[observable]
                    results += [
                        judge_fall(
                            curves, scan.over, what=what, statement=name_of_fall(observable)
                        ),
                        judge_collapse(
                            curves,
                            scan.over,
                            predicted=scan.predicted,
                            rival=scan.rival,
                            what=what,
                            statement=name_of_collapse(observable, scan.over),
                        ),
                    ]
        return results

    def control(self, runs: Runs) -> Runs:
        """Return curves that collapse under the rival's power, and rise."""
        return {
            name: made_by_rival(run, scan.over, scan.rival)
            for scan in self.predictions
            for name, run in scan.of(runs).items()
        }

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Figure]:
        """Draw a figure for every scan and observable; for every experiment the paper's panels."""
        from soret.plotting import Row, collapse_figure

        pairs = iter(zip(results[::2], results[1::2], strict=True))
        rows: dict[tuple[int, str], list[Row]] = {}
        for number, scan in enumerate(self.predictions):
            for name, run in scan.of(runs).items():
                for observable in scan.observables:
                    pair = next(pairs)
                    verdict = together(result.verdict for result in pair)
                    row = Row(circumstances(name), run[observable], pair[1].evidence, verdict)
                    rows.setdefault((number, observable), []).append(row)
        return {
            f"{observable}-{self.predictions[number].over}": collapse_figure(
                found,
                over=self.predictions[number].over,
                predicted=self.predictions[number].predicted,
                rival=self.predictions[number].rival,
                title=self.title(runs),
            )
            for (number, observable), found in rows.items()
        }


def circumstances(name: str) -> str:
    """Say in words what an experiment's name stands for."""
    init = name.rpartition("/")[2]
    words = {
        "pytorch": "PyTorch's default initialization",
        "glorot": "Glorot initialization",
        "lecun": "LeCun initialization",
        "he": "He initialization",
        "normal": "standard normal initialization",
    }
    kind, _, scale = init.partition(":")
    return f"normal initialization of scale {scale}" if scale else words.get(kind, init)
