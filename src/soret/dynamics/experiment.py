"""All that determines an ensemble's numbers, as one value."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from soret.dynamics.algorithm import Algorithm, Point, axes
from soret.dynamics.arguments import check
from soret.dynamics.block import Block, Group, blocks, groups, usual_size
from soret.dynamics.description import describe
from soret.dynamics.estimate import Estimate, estimate
from soret.dynamics.passage import FirstPassage
from soret.dynamics.programs import Made
from soret.observables.state import Observable, name
from soret.problems import Problem
from soret.runs.checkpoints import digest
from soret.runs.found import identity


@dataclass(frozen=True, kw_only=True, repr=False)
class Experiment:
    """An ensemble of SGD runs as a value: checked when it is made, run by whoever has it.

    Two experiments are equal where all their parts are; functions, problems and data sets are
    equal where they are the same object.

    Parameters
    ----------
    problem : Problem
    algorithm : SGD or Optax
        Its list-valued hyperparameters span the grid.
    observe : function or sequence of functions
        Observables; a tuple of them once it is made.
    watch : FirstPassage, optional
    steps : int
        Updates per replica; with `watch`, the most of them.
    replicas : int
        Independent trajectories at every point of the grid.
    record_every : int, optional
        Steps between records. Default: a hundredth of `steps`, or the nearest below that divides
        it; a number once it is made.
    seed : int

    Raises
    ------
    SettingsError
        If the parts do not fit each other. Nothing is simulated or compiled to find that out.

    Examples
    --------
    >>> experiment = soret.Experiment(
    ...     problem=soret.problems.two_layer(inputs=10, hidden=10),
    ...     algorithm=soret.SGD(learning_rate=[0.1, 0.05, 0.025]),
    ...     observe=soret.observables.activation_rate,
    ...     steps=8000,
    ...     replicas=128,
    ... )
    """

    problem: Problem
    algorithm: Algorithm
    observe: Observable | Sequence[Observable] = ()
    watch: FirstPassage | None = None
    steps: int
    replicas: int = 64
    record_every: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        problem, algorithm = given.pop("problem"), given.pop("algorithm")
        observables, record_every = check(problem, algorithm, **given)
        object.__setattr__(self, "observe", tuple(observables))
        object.__setattr__(self, "record_every", int(record_every))
        for key in ("steps", "replicas", "seed"):  # NumPy's integers are integers too
            object.__setattr__(self, key, int(getattr(self, key)))

    @property
    def observables(self) -> tuple[Observable, ...]:
        """The observables, as a tuple."""
        assert isinstance(self.observe, tuple)
        return self.observe

    @property
    def every(self) -> int:
        """Steps between records, a number whether it was given or not."""
        assert self.record_every is not None
        return self.record_every

    @property
    def records(self) -> int:
        """Records of a replica, that of step 0 among them."""
        return self.steps // self.every + 1

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The points of the grid, by what they share a compiled program for."""
        return groups(self.algorithm)

    @cached_property
    def points(self) -> dict[int, Point]:
        """The points of the grid by their place, row-major."""
        pairs = (zip(group.indices, group.points, strict=True) for group in self.groups)
        return dict(sorted(pair for group in pairs for pair in group))

    def blocks(self, size: int | None = None) -> tuple[Block, ...]:
        """Cut the experiment into blocks.

        Parameters
        ----------
        size : int, optional
            The most lanes (replicas, over the points of the grid) that are computed together.
            Default: what fits a core's cache, by shapes and counts alone.
        """
        return blocks(self, usual_size(self) if size is None else size)

    @cached_property
    def description(self) -> dict[str, Any]:
        """Everything that decides the numbers, as plain data.

        How the experiment is cut into blocks, and where they are computed, is no part of it.
        """
        return describe(self)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the description, in hexadecimal: equal where the numbers are.

        Names and source of functions are left out. The traced programs, with their constants, are
        in it and say what the functions do.
        """
        return digest(identity(self.description))

    def estimate(self, *, workers: int | None = None) -> Estimate:
        """Say what running it would take on this machine, from a short trial of some steps.

        Parameters
        ----------
        workers : int, optional
            Blocks in progress at once. Default: one a core, or one a device.

        Returns
        -------
        Estimate
            Blocks, memory and time.

        Raises
        ------
        SettingsError
            If the parts do not fit each other, or not into memory.
        """
        return estimate(self, workers=workers)

    @cached_property
    def made(self) -> Made:
        """Programs made for it so far (`soret.dynamics.programs`)."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __repr__(self) -> str:
        described = dict(self.algorithm.description)
        rule = described.pop("name")
        rates = ", ".join(f"{k}={_plain(v)}" for k, v in described.items() if v)
        spans = [f"{len(v)} {k}" for k, v in axes(self.algorithm).items()]
        shape = " × ".join([*spans, f"{self.replicas} replicas"])
        seen = [name(function) for function in self.observables]
        watched = "" if self.watch is None else f", watching {name(self.watch.level)}"
        return (
            f"<Experiment {self.problem.name!r}: {rule}({rates}); {shape}, {self.steps:,} steps, "
            f"recording {', '.join(seen) or 'nothing'} every {self.every:,}{watched}, "
            f"seed {self.seed}>"
        )


def _plain(value: object) -> str:
    if isinstance(value, tuple | list):
        shown = ", ".join(map(_plain, value[:4]))
        return f"[{shown}{', …' if len(value) > 4 else ''}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
