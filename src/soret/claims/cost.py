"""What running a claim would cost on this machine, before anything of it is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from soret.claims.dry_run import dry_run
from soret.claims.experiments import Continuation, Measurement
from soret.numerics import single_precision

if TYPE_CHECKING:
    from soret.claims.claim import About
    from soret.dynamics.estimate import Estimate

WORKERS = (1, 4, 16, 64)
"""Numbers of workers that a cost is said for, beside those of this machine."""


@dataclass(frozen=True)
class Cost:
    """What a claim would cost.

    Attributes
    ----------
    about : About
    scale : str
    estimates : mapping
        An estimate for each ensemble, by name.
    measurements : tuple of str
        What is measured beside them, and not timed: Hessians, densities, exact recursions.
    """

    about: About
    scale: str
    estimates: Mapping[str, Estimate]
    measurements: tuple[str, ...]

    @property
    def blocks(self) -> int:
        """Blocks of all its ensembles."""
        return sum(one.blocks for one in self.estimates.values())

    @property
    def workers(self) -> int:
        """Blocks in progress at once on this machine, at most."""
        return max((one.workers for one in self.estimates.values()), default=1)

    @property
    def memory(self) -> int:
        """Bytes that its largest ensemble takes beyond what the process has already."""
        return max((one.memory for one in self.estimates.values()), default=0)

    def seconds(self, workers: int | None = None) -> float:
        """Return how long its ensembles take, one after the other.

        Parameters
        ----------
        workers : int, optional
            Each as fast as one of this machine. Default: as many as there are here.
        """
        return sum(one.seconds(workers) for one in self.estimates.values())

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``soret run --estimate --json`` prints."""
        return {
            "claim": self.about.id,
            "scale": self.scale,
            "blocks": self.blocks,
            "workers": self.workers,
            "memory_bytes": self.memory,
            "seconds": round(self.seconds(), 1),
            "seconds_by_workers": {str(n): round(self.seconds(n), 1) for n in WORKERS},
            "ensembles": {
                name: {
                    "blocks": one.blocks,
                    "memory_bytes": one.memory,
                    "seconds": round(one.seconds(), 1),
                }
                for name, one in self.estimates.items()
            },
            "not_timed": list(self.measurements),
        }


@single_precision()
def cost(claim: Any, *, scale: str, say: Callable[[str], None] = lambda line: None) -> Cost:
    """Estimate what a claim would cost: its ensembles by short trials, nothing is kept.

    Parameters
    ----------
    claim : Claim
        A claim with its settings.
    scale : str
        For the record.
    say : callable
        Told what is being timed, a line at a time.

    Raises
    ------
    SettingsError
        As `dry_run`.
    """
    estimates: dict[str, Estimate] = {}
    measurements = []
    for name, declared in dry_run(claim).items():
        if isinstance(declared, Measurement):
            measurements.append(name)
            continue
        say(f"timing {name}")
        # Of what goes on from others there is a stand-in, of the same shapes and as long.
        experiment = declared.like if isinstance(declared, Continuation) else declared
        estimates[name] = experiment.estimate()
    return Cost(claim.about, scale, estimates, tuple(measurements))
