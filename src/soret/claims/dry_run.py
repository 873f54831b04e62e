"""The dry run of a claim: every experiment's settings are checked, nothing is run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import soret
from soret.claims import images
from soret.claims.memory import check_experiment
from soret.claims.settings import in_terms_of

if TYPE_CHECKING:
    import xarray as xr


def dry_run(claim: Any, *, seed: int = 0) -> None:
    """Check a claim's settings, alone, together and in each of its experiments.

    Parameters
    ----------
    claim : Claim
    seed : int

    Raises
    ------
    SettingsError
        If something does not work, is not on this machine, or would not fit into memory.
    """
    images.check(claim)
    with in_terms_of(claim):
        claim.check()
        claim.simulate(_DryRun(seed))


class _DryRun:
    """A `Simulate` that checks settings and runs nothing."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, name: str, problem: Any, algorithm: Any, **settings: Any) -> None:
        observables, record_every = soret.dynamics.check(
            problem, algorithm, seed=self.seed, **settings
        )
        check_experiment(
            name,
            problem,
            algorithm,
            observables,
            steps=settings["steps"],
            replicas=settings.get("replicas", 64),
            record_every=record_every,
            watch=settings.get("watch"),
        )

    def measure(self, name: str, compute: Callable[[int], xr.Dataset]) -> None:
        """Do nothing: a measurement may need the experiments before it."""

    def keep(self, name: str) -> dict[str, Any]:
        """Return no place: nothing is measured."""
        return {}
