"""Claims: what the papers say, each one runnable. One folder a paper, one file a claim."""

from typing import TYPE_CHECKING

from soret.claims.claim import OLD_FORM, About, Claim, Runs, claim
from soret.claims.discovery import find
from soret.claims.experiments import Continuation, Declared, Experiments, Given, Measurement
from soret.claims.papers import PAPERS, Paper
from soret.claims.ranges import In, Initialization, Several
from soret.claims.settings import configure, settings_of
from soret.claims.source import Source
from soret.claims.statement import Origin, Setting, Statement
from soret.errors import SettingsError
from soret.verdict import Result, Verdict

__all__ = [
    "PAPERS",
    "About",
    "Claim",
    "Continuation",
    "Declared",
    "Experiments",
    "Given",
    "In",
    "Initialization",
    "Measurement",
    "Origin",
    "Outcome",
    "Paper",
    "Result",
    "Runs",
    "Setting",
    "Several",
    "Source",
    "Statement",
    "Verdict",
    "claim",
    "configure",
    "find",
    "run",
    "settings_of",
]


if TYPE_CHECKING:
    from soret.claims.running import Outcome, run


def __getattr__(name: str) -> object:
    if name in ("Outcome", "run"):  # which import JAX: lists of claims do without
        from soret.claims import running

        return getattr(running, name)
    if name == "Simulate":
        raise SettingsError(OLD_FORM.format(what="a claim that imports Simulate"))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
