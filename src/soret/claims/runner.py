"""What runs a claim's experiments, and keeps each of them until the claim's run is saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xarray as xr

import soret
from soret.claims.claim import Runs
from soret.claims.experiments import (
    Continuation,
    Declared,
    Experiments,
    Given,
    Measurement,
    folder_name,
)
from soret.errors import RunError
from soret.runs import RunFolder
from soret.runs.checkpoints import digest


@dataclass(frozen=True)
class Runner:
    """Runs experiments one after the other, each in a folder of its own.

    Attributes
    ----------
    folder : RunFolder
        The claim's.
    about : mapping
        Everything that decides the claim's numbers. Its seed is that of every experiment but
        the continuations', whose seeds are made from it and their names.
    progress : bool, optional
        As in `soret.simulate`.
    say : callable
        Told what is being done, a line at a time.
    """

    folder: RunFolder
    about: Mapping[str, Any]
    progress: bool | None
    say: Callable[[str], None]

    @property
    def seed(self) -> int:
        """The claim's seed."""
        return int(self.about["seed"])

    def run(self, experiments: Experiments) -> Runs:
        """Return the Dataset of every experiment, by name and in their order."""
        done: dict[str, xr.Dataset] = {}
        for name, declared in experiments.items():
            done[name] = self._run(name, declared, done)
        return done

    def _run(self, name: str, declared: Declared, done: Runs) -> xr.Dataset:
        given = Given(self.seed, {n: done[n] for n in getattr(declared, "after", ())}, self._keep)
        if isinstance(declared, Measurement):
            return self._measure(name, declared, given)
        self.say(f"simulating {name}")
        if isinstance(declared, Continuation):
            experiment, seed = declared.made(given), given.seed_of(name)
        else:
            experiment, seed = declared, self.seed
        same = experiment.seed == seed  # and so is what was traced and checked already
        seeded = experiment if same else replace(experiment, seed=seed)
        return soret.dynamics.run(seeded, out=self._place(name), progress=self.progress)

    def _measure(self, name: str, measurement: Measurement, given: Given) -> xr.Dataset:
        self.say(f"measuring {name}")
        # What is measured follows from the claim's settings: of others it is another measurement.
        about = {"measurement": name, "seed": self.seed, "of": digest(self.about)}
        with RunFolder(self._place(name)) as folder:
            if folder.begin(about):
                loaded = folder.load()
                assert isinstance(loaded, xr.Dataset)
                return loaded
            made = measurement.compute(given)
            folder.finish(made)
            return made

    def _keep(self, name: str) -> dict[str, Any]:
        self.say(f"measuring {name}")
        return {"out": self._place(name), "progress": self.progress}

    def _place(self, name: str) -> Path:
        self.folder.check()  # or the next experiment would make its folder anew
        place = self.folder.path / "checkpoints" / folder_name(name)
        if place.is_symlink():
            raise RunError(f"{place} is a link, which Soret does not make or follow; remove it.")
        return place
