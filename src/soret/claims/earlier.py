"""Runs that were saved before their claim measured what it measures now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import soret
from soret.claims.claim import all_of_them
from soret.errors import RunError
from soret.observables.state import name

if TYPE_CHECKING:
    from soret.claims.experiments import Experiments


def refuse_earlier(
    path: Path, claim: Any, experiments: Experiments, runs: Mapping[str, Any]
) -> None:
    """Refuse to judge a saved run that lacks an experiment, or an observable, of its claim.

    Of a claim that chooses what is saved, and of a continuation, whose observables may be found
    only after other experiments, that is not known.

    Raises
    ------
    RunError
        If it lacks one.
    """
    if getattr(type(claim), "saved", None) is not all_of_them:
        return
    for label, declared in experiments.items():
        if label not in runs:
            raise RunError(_sentence(path, f"no {label!r}"))
        if isinstance(declared, soret.Experiment):
            measured = [name(one) for one in declared.observables]
            missing = [one for one in measured if one not in runs[label]]
            if missing:
                raise RunError(_sentence(path, f"no {' and no '.join(missing)} in {label!r}"))


def _sentence(path: Path, lacks: str) -> str:
    return (
        f"{path} was saved by another version of this claim and has {lacks}; it can still be "
        "loaded; to compute it anew, choose another folder, or delete this one."
    )
