"""On the line between them, the small-batch minimum is wider than the large-batch minimum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret import missing
from soret.claims import (
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
from soret.claims.judging import judged, unmeasured
from soret.claims.ranges import COUNT, POSITIVE, REPLICAS, In, Several
from soret.claims.three_factors._training import Network, train

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# How far a line is followed beyond its ends, in its own length.
REACH = 4.0
PARTS = {"training": "loss", "validation": "validation_loss"}


@claim(
    "three-factors/interpolation",
    statement="Along the straight line between a minimum found with small batches and one found "
    "with large batches, the loss is wider about the small-batch end.",
    source=Source("three-factors", "Batch size and flatness, the figure there"),
    quick={
        "data": "digits",
        "hidden": (32,),
        "batch_normalization": False,
        "learning_rate": 0.1,
        "batch_sizes": (8, 32, 128),
        "most_epochs": 300,
        "replicas": 8,
        "positions": 109,
        "side": 17,
    },
    resolution=["positions", "side"],
    statements=[
        Statement(
            name="wider",
            text="Along the straight line between a minimum found with small batches and one found "
            "with large batches, the loss is wider about the small-batch end.",
            where="slides “Batch size and flatness”, the figure there",
            origin="printed",
            tolerance="the sign of the mean logarithm of small-batch over large-batch width, of "
            "training and of validation loss, `rise` above either end and outward.",
            holds="the small-batch end is the wider one, by training and by validation loss "
            "({quantity}: {measured})",
            fails="the small-batch end is the narrower one: {quantity} is {measured} ({low} to "
            "{high})",
            unclear="whether the small-batch end is the wider one is undecided ({quantity}: {low} "
            "to {high})",
            at="other",
            differs="net, rates and batch sizes of ours, stopped at equal training loss: the "
            "slides name none",
        ),
    ],
)
class Interpolation(Network):
    """The same starts, trained with three batch sizes to the same training loss.

    The width of an end is how far one can go from it, away from the other end, along the line
    through both, before the loss is `rise` nats above the loss at the end; both are measured on
    the same line, so that its length cancels. Only outward: where no barrier lies between the two
    ends, as from one start it may not, what lies between belongs to both. To be supported, the
    mean logarithm of small-batch width over large-batch width must be above zero, on training
    images and on the images validated on. An end from which the loss does not rise so far within
    4 lengths of the line is taken to be that wide, and counted.

    The plane goes through the ends of the first replica at all three batch sizes. The slides name
    neither network nor batch sizes; `rise` is ours. That the width is taken outward only was
    settled after a first look at seed 0.
    """

    learning_rate: Annotated[float, "learning rate η", POSITIVE] = 0.02
    batch_sizes: Annotated[
        tuple[int, ...],
        "small, middle and large batch size S",
        Several(COUNT, fewest=3, most=3, order="rising"),
    ] = (
        32,
        256,
        2048,
    )
    target_loss: Annotated[float, "training loss at which runs stop (nats)", POSITIVE] = 0.03
    most_epochs: Annotated[int, "epochs after which runs give up", COUNT] = 1000
    rise: Annotated[
        float, "by how much the loss rises at the edge of a minimum (nats)", POSITIVE
    ] = 0.1
    positions: Annotated[int, "points on a line", In(at_least=21, at_most=100_000)] = 181
    side: Annotated[int, "points on a side of the plane", In(at_least=3, at_most=1000)] = 25
    filter_normalized: Annotated[bool, "whether the plane's directions are filter normalized"] = (
        False
    )
    replicas: Annotated[int, "replicas: pairs of minima", REPLICAS] = 8

    def experiments(self) -> Experiments:
        """Train with every batch size, and measure along lines and in a plane."""
        problem, names = self.problem(self.training_data()), self._trained()
        made: dict[str, Declared] = {
            name: train(
                problem,
                self.learning_rate,
                size,
                rule="loss",
                target=self.target_loss,
                epochs=self.most_epochs,
                replicas=self.replicas,
            )
            for name, size in zip(names, self.batch_sizes, strict=True)
        }
        made["lines"] = Measurement(lambda given: self._lines(given, problem), after=names)
        made["plane"] = Measurement(lambda given: self._plane(given, problem), after=names)
        return made

    def saved(self, runs: Runs) -> Runs:
        """Leave out the trained networks."""
        return {name: runs[name] for name in ("lines", "plane")}

    def _trained(self) -> tuple[str, ...]:
        """Return the names of trained networks, by rising batch size."""
        return tuple(f"S-{size}" for size in self.batch_sizes)

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: wider about the small-batch end. Rival: as wide."""
        return [_judge(runs["lines"], part, self.rise) for part in PARTS]

    def control(self, runs: Runs) -> Runs:
        """Return lines of which every second one is another, seen from its other end."""
        lines = runs["lines"].copy(deep=True)
        for name in ("loss", "validation_loss", "accuracy", "validation_accuracy"):
            values = lines[name].values
            half = len(values) // 2
            values[half : 2 * half] = values[:half, ::-1]
            # One line that is left over has no partner.
            values[2 * half :] = np.nan
        lines["reached"] = ("replica", np.ones(lines.sizes["replica"], bool))
        return {**runs, "lines": lines}

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Loss and accuracy along the lines, widths, and the plane."""
        from soret.claims.three_factors._interpolation_figure import interpolation_figure

        lines, plane = runs["lines"], runs["plane"]
        small, middle, large = self.batch_sizes
        ratios = {
            part: widths(lines.position.values, lines[name].values, self.rise)[0]
            for part, name in PARTS.items()
        }
        kept = lines.reached.values.astype(bool)
        figure = interpolation_figure(
            lines.position.values,
            {part: lines[name].values[kept] for part, name in PARTS.items()},
            {part: 1 - lines[name].values[kept] for part, name in _ACCURACY.items()},
            {part: values[kept] for part, values in ratios.items()},
            plane=(plane.x.values, plane.y.values, plane.loss.values, plane.points.values),
            unit="shares of filters' norms" if self.filter_normalized else "distance in θ",
            ends=(f"S = {small}", f"S = {middle}", f"S = {large}"),
            rise=self.rise,
            verdicts=[result.verdict for result in results],
            title=f"Is the small-batch end wider? {lines.attrs['problem_data']}; "
            f"{self.describe()}, η = {self.learning_rate:g}",
        )
        return {"interpolation": figure}

    def _lines(self, given: Given, problem: Any) -> xr.Dataset:
        import xarray as xr

        runs = [given[name] for name in self._trained()]
        small, _, large = (run.final_parameters.values for run in runs)
        reached = np.all([~np.isnan(run.first_passage.values[:, -1]) for run in runs], axis=0)
        at = np.linspace(-REACH, 1 + REACH, self.positions)
        inside, outside = (
            soret.landscape.line(net, small, large, at, **given.keep(f"{images} loss along lines"))
            for images, net in (
                ("training", problem),
                ("validation", self.validation_problem(problem)),
            )
        )
        dims = ("replica", "position")
        return xr.Dataset(
            {
                "loss": (dims, inside.loss),
                "accuracy": (dims, inside.accuracy),
                "validation_loss": (dims, outside.loss),
                "validation_accuracy": (dims, outside.accuracy),
                "distance": ("replica", inside.distance),
                "reached": ("replica", reached),
            },
            {"position": at},
            {"problem_data": problem.settings["data"]},
        )

    def _plane(self, given: Given, problem: Any) -> xr.Dataset:
        import xarray as xr

        first = [given[name].final_parameters.values[0] for name in self._trained()]
        # Coordinates are along the line from the small-batch end to the large-batch end.
        found = soret.landscape.plane(
            problem,
            first[0],
            first[2],
            first[1],
            size=self.side,
            filter_normalized=self.filter_normalized,
            **given.keep("loss in the plane"),
        )
        return xr.Dataset(
            {
                "loss": (("y", "x"), found.loss),
                "accuracy": (("y", "x"), found.accuracy),
                "points": (("end", "axis"), found.points),
            },
            {"x": found.x, "y": found.y},
        )


_ACCURACY = {"training": "accuracy", "validation": "validation_accuracy"}


def widths(positions: Floats, loss: Floats, rise: float) -> tuple[Floats, Floats, Floats]:
    """Return the logarithm of start's width over end's, both widths, by line; NaN where unknown.

    Parameters
    ----------
    positions : (n,) array
        The start lies at 0, the end at 1.
    loss : (lines, n) array
    rise : float
    """
    both = np.array([[_width(positions, row, at, rise) for at in (0.0, 1.0)] for row in loss])
    return np.log(both[:, 0] / both[:, 1]), both[:, 0], both[:, 1]


def _width(positions: Floats, loss: Floats, at: float, rise: float) -> float:
    """Return how far outward the loss stays below that at an end, plus rise."""
    if not np.isfinite(loss).any():
        return np.nan
    # Beyond the largest float the loss is above every level.
    values = np.where(np.isfinite(loss), loss, np.inf)
    level = float(np.interp(at, positions, values)) + rise
    outward = -1.0 if at == 0 else 1.0
    steps = outward * (positions - at)
    beyond = steps > 1e-9
    order = np.argsort(steps[beyond])
    x = np.concatenate([[0.0], steps[beyond][order]])
    y = np.concatenate([[level - rise], values[beyond][order]])
    above = y > level
    if not above.any():
        return float(x[-1])
    i = int(above.argmax())
    share = (level - y[i - 1]) / (y[i] - y[i - 1]) if np.isfinite(y[i]) else 0.0
    return float(x[i - 1] + share * (x[i] - x[i - 1]))


def _judge(lines: xr.Dataset, part: str, rise: float) -> Result:
    kept = lines.reached.values.astype(bool)
    loss = lines[PARTS[part]].values[kept]
    quantity = f"ln of small-batch over large-batch width, {part} loss"
    test: Any = {"predicted": "above 0", "rival": 0.0, "within": (0.0, np.inf)}
    if len(loss) < 3:
        return unmeasured(quantity, f"{len(loss)} pairs reached the training loss", **test)
    ratio, start, end = widths(lines.position.values, loss, rise)
    reach = np.array([-lines.position.values[0], lines.position.values[-1] - 1])
    edges = int((np.stack([start, end]) >= 0.999 * reach[:, None]).sum())
    note = (
        f"{len(loss)} of {len(kept)} pairs reached the training loss; widths "
        f"{missing.mean(start):.3f} and {missing.mean(end):.3f} of their distance, which is "
        f"{float(lines.distance.values[kept].mean()):.3g}; {edges} ends are wider than the line"
    )
    return judged(quantity, *soret.inference.student_interval(ratio), note=note, **test)
