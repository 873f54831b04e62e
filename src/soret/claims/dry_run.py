"""The dry run of a claim: every experiment is made and checked, nothing is run."""

from __future__ import annotations

from typing import Any

from soret.claims import images
from soret.claims.experiments import Continuation, Experiments, Measurement, check_declared
from soret.claims.memory import check_experiment
from soret.claims.settings import in_terms_of


def dry_run(claim: Any) -> Experiments:
    """Check a claim's settings, alone, together and in each of its experiments.

    Parameters
    ----------
    claim : Claim

    Returns
    -------
    mapping
        The experiments, as the claim declares them.

    Raises
    ------
    SettingsError
        If something does not work, is not on this machine, or would not fit into memory.
    """
    images.check(claim)
    with in_terms_of(claim):
        claim.check()
        declared: Experiments = claim.experiments()
        check_declared(declared)
        for name, one in declared.items():
            if not isinstance(one, Measurement):
                check_experiment(name, one.like if isinstance(one, Continuation) else one)
    return declared
