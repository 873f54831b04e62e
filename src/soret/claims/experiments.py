"""What a claim declares: ensembles, measurements, and experiments that go on from others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from soret.errors import SettingsError

if TYPE_CHECKING:
    import xarray as xr

    from soret import Experiment

_PARTS = {"problem", "algorithm", "observe", "watch"}
"""What may be known only after other experiments: none of it changes what a run costs."""


@dataclass(frozen=True)
class Given:
    """What a measurement or a continuation is made from.

    ``given["training"]`` is the Dataset of an experiment that is named in `after`.

    Attributes
    ----------
    seed : int
    datasets : mapping
    keep : callable
        ``keep(name)`` returns `out` and `progress` for a long part of a measurement, as keyword
        arguments: with them `soret.landscape.flatness`, for one, goes on where it was stopped.
    """

    seed: int
    datasets: Mapping[str, xr.Dataset]
    keep: Callable[[str], Mapping[str, Any]]

    def seed_of(self, name: str) -> int:
        """Return a seed of an experiment's own, from the claim's seed and its name."""
        digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
        return int.from_bytes(digest[:8], "big")

    def __getitem__(self, name: str) -> xr.Dataset:
        if name not in self.datasets:
            raise SettingsError(f"the Dataset of {name!r} is read; name it in after.")
        return self.datasets[name]


@dataclass(frozen=True)
class Measurement:
    """What is no ensemble: Hessians at the final iterates, a theory on a grid.

    Parameters
    ----------
    compute : callable
        From a `Given` to the Dataset; called once, and its result is kept.
    after : sequence of str
        The experiments that it reads.
    """

    compute: Callable[[Given], xr.Dataset]
    after: Collection[str] = ()


@dataclass(frozen=True)
class Continuation:
    """An experiment of which a part is known only after others: where these ended, for one.

    It draws mini-batches of its own: its seed is made from the claim's and its name. With the
    claim's seed it would go through those again that led to where it starts.

    Parameters
    ----------
    like : Experiment
        The experiment with stand-ins for what is not known yet, of the same shapes: it is what is
        checked, and what is estimated, before anything runs.
    parts : callable
        From a `Given` to what takes the stand-ins' places, by name: problem, algorithm, observe
        or watch.
    after : sequence of str
        The experiments that these are found from.
    """

    like: Experiment
    parts: Callable[[Given], Mapping[str, Any]]
    after: Collection[str]

    def made(self, given: Given) -> Experiment:
        """Return the experiment.

        Raises
        ------
        SettingsError
            If a part is no stand-in's, or does not fit the others.
        """
        parts = self.parts(given)
        others = sorted(set(parts) - _PARTS)
        if others:
            raise SettingsError(
                f"a continuation gives {', '.join(others)}; say it in its like, for it gives only "
                f"{', '.join(sorted(_PARTS))}."
            )
        return replace(self.like, **parts)


Declared: TypeAlias = Union["Experiment", Measurement, Continuation]
"""One of a claim's experiments."""

Experiments: TypeAlias = Mapping[str, Declared]
"""All of them, by name and in the order in which they are run."""


def check_declared(experiments: Experiments) -> None:
    """Refuse what is no experiment, and what cannot be run in the order of the names.

    Raises
    ------
    SettingsError
    """
    from soret import Experiment

    folders: dict[str, str] = {}
    for name, declared in experiments.items():
        if not isinstance(declared, Experiment | Measurement | Continuation):
            raise SettingsError(
                f"the claim declares {name!r} as a {type(declared).__name__}; make it a "
                "soret.Experiment, a Measurement or a Continuation."
            )
        missing = [one for one in getattr(declared, "after", ()) if one not in folders.values()]
        if missing:
            raise SettingsError(
                f"{name!r} comes after {', '.join(map(repr, missing))}, which is not among the "
                "experiments before it; declare it earlier."
            )
        other = folders.setdefault(folder_name(name), name)
        if other != name:
            raise SettingsError(
                f"{other!r} and {name!r} would be kept in one folder; rename one of them."
            )


def folder_name(name: str) -> str:
    """Return the name of the folder that an experiment is kept in until the claim is saved."""
    return name.replace("/", "-")
