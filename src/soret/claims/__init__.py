"""Claims: what the papers say, each one runnable. One folder a paper, one file a claim."""

import difflib
import fnmatch
import importlib
import pkgutil

from soret.claims.claim import CLAIMS, OLD_FORM, About, Claim, Runs, Source, claim
from soret.claims.experiments import Continuation, Declared, Experiments, Given, Measurement
from soret.claims.ranges import In, Initialization, Several
from soret.claims.settings import configure, settings_of
from soret.claims.statement import Origin, Setting, Statement
from soret.claims.verdict import Result, Verdict
from soret.errors import SettingsError

__all__ = [
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
    "settings_of",
]


def __getattr__(name: str) -> object:
    if name == "Simulate":
        raise SettingsError(OLD_FORM.format(what="a claim that imports Simulate"))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def find(*patterns: str) -> list[type]:
    """Return the claims that match any of the patterns (all without one), sorted by id.

    Parameters
    ----------
    *patterns : str
        Ids, or with wildcards as in a shell: "escape/*".

    Raises
    ------
    SettingsError
        If a pattern matches nothing.
    """
    _open_every_file()
    found: dict[str, type] = {}
    for pattern in patterns or ("*",):
        matching = fnmatch.filter(sorted(CLAIMS), pattern)
        if not matching:
            near = difflib.get_close_matches(pattern, CLAIMS, n=1)
            hint = f"did you mean {near[0]}?" if near else "`soret list` shows what there is."
            raise SettingsError(f"there is no claim {pattern!r}; {hint}")
        found |= {id: CLAIMS[id] for id in matching}
    return [found[id] for id in sorted(found)]


def _open_every_file() -> None:
    """Import every claim's file: in a folder below this one, and not private."""
    for paper in pkgutil.iter_modules(__path__, f"{__name__}."):
        if paper.ispkg:
            path = importlib.import_module(paper.name).__path__
            for file in pkgutil.iter_modules(path, f"{paper.name}."):
                if not file.name.rpartition(".")[2].startswith("_"):
                    importlib.import_module(file.name)
