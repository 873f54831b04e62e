"""Finding claims: Soret's own, those of installed packages, and those in a file of one's own."""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import importlib
import importlib.util
import os
import pkgutil
import sys
import traceback
import warnings
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from soret.claims.claim import CLAIMS
from soret.errors import SettingsError

ENTRY_POINTS = "soret.claims"
"""The group of entry points in which a package names the modules that declare its claims."""

_HOUSE = __name__.rpartition(".")[0]


def find(*patterns: str) -> list[type]:
    """Return the claims that match any of the patterns (all without one), sorted by id.

    Parameters
    ----------
    *patterns : str
        Ids, or with wildcards as in a shell: "escape/*". Or claims of one's own: a Python file,
        "./my_claim.py", or a module that can be imported, "my_package.claims:" for all its claims
        and "my_package.claims:Name" for one.

    Returns
    -------
    list of type
        Of a file or a module: the claims that it declares or imports by name, Soret's own aside.

    Raises
    ------
    SettingsError
        If a pattern matches nothing, or a file or module cannot be imported or declares no claim.

    Notes
    -----
    A file or a module that is named is imported, and so is what it imports: it is code that runs.
    Packages name theirs in the entry points ``soret.claims``.
    """
    own = [pattern for pattern in patterns if _is_file(pattern) or ":" in pattern]
    found = {claim.about.id: claim for pattern in own for claim in _own(pattern)}
    ids = [pattern for pattern in patterns if pattern not in own]
    if ids or not patterns:
        _open_every_file()
        _open_packages()
    for pattern in ids or ([] if patterns else ["*"]):
        matching = fnmatch.filter(sorted(CLAIMS), pattern)
        if not matching:
            near = difflib.get_close_matches(pattern, CLAIMS, n=1)
            hint = f"did you mean {near[0]}?" if near else "`soret list` shows what there is."
            raise SettingsError(f"there is no claim {pattern!r}; {hint}")
        found |= {id: CLAIMS[id] for id in matching}
    return [found[id] for id in sorted(found)]


def is_own(claim: Any) -> bool:
    """Say whether a claim, or its class, is declared outside Soret."""
    made = claim if isinstance(claim, type) else type(claim)
    return not made.__module__.startswith(f"{_HOUSE}.")


def _open_every_file() -> None:
    """Import every claim's file: in a folder beside this file, and not private."""
    for paper in pkgutil.iter_modules(importlib.import_module(_HOUSE).__path__, f"{_HOUSE}."):
        if paper.ispkg:
            path = importlib.import_module(paper.name).__path__
            for file in pkgutil.iter_modules(path, f"{paper.name}."):
                if not file.name.rpartition(".")[2].startswith("_"):
                    importlib.import_module(file.name)


def _open_packages() -> None:
    """Import what installed packages name in their entry points.

    One that fails is warned of and left out: it must not take everyone else's claims with it.
    """
    for point in entry_points(group=ENTRY_POINTS):
        try:
            point.load()
        except Exception as error:
            package = point.dist.name if point.dist else "a package"
            warnings.warn(
                f"the claims {point.value} of {package} are left out: {_said(error)}", stacklevel=2
            )


def _is_file(pattern: str) -> bool:
    return pattern.endswith(".py")


def _own(pattern: str) -> list[Any]:
    """Return the claims of a file, a module, or one of them by its class's name."""
    if _is_file(pattern):
        return _declared(pattern, _open_file(Path(pattern)))
    module, _, name = pattern.partition(":")
    claims = _declared(pattern, _open_module(module))
    if not name:
        return claims
    named = [claim for claim in claims if claim.__qualname__ == name]
    if not named:
        has = ", ".join(claim.__qualname__ for claim in claims)
        raise SettingsError(f"{module} declares no claim {name!r}; it has {has}.")
    return named


def _declared(pattern: str, module: ModuleType) -> list[Any]:
    """Return the claims that a module declares, and others' that it imports by name."""
    named = [one for one in vars(module).values() if isinstance(one, type) and is_own(one)]
    made = [
        claim
        for claim in CLAIMS.values()
        if claim.__module__ == module.__name__ or any(claim is one for one in named)
    ]
    if not made:
        raise SettingsError(
            f"{pattern} declares no claim; decorate a class with @soret.claims.claim(…)."
        )
    return made


def _open_module(name: str) -> ModuleType:
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise SettingsError(f"{name!r} cannot be imported: {_said(error)}") from error


def _open_file(path: Path) -> ModuleType:
    """Import a file once, under a name made of its place; its folder is searched for imports."""
    place = path.expanduser().resolve()
    if not place.is_file():
        raise SettingsError(f"there is no file {path}; `soret run` takes ids and Python files.")
    digest = hashlib.sha256(str(place).encode()).hexdigest()[:8]
    name = f"{place.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if str(place.parent) not in sys.path:
        sys.path.insert(0, str(place.parent))  # as `python my_claim.py` does
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        _forget(name)
        raise SettingsError(f"{path} cannot be imported: {_said(error)}") from error
    return module


def _forget(module: str) -> None:
    """Unregister what a module declared before it failed, so that it can be imported again."""
    for id in [id for id, claim in CLAIMS.items() if claim.__module__ == module]:
        del CLAIMS[id]


def _said(error: BaseException) -> str:
    """Return an error in one line, with the line of the user's code that raised it."""
    if isinstance(error, SettingsError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (line {frames[-1].lineno} of {Path(frames[-1].filename).name})" if frames else ""
    if isinstance(error, SyntaxError) and error.lineno:
        where = f" (line {error.lineno})"
        return f"{type(error).__name__}: {error.msg}{where}"
    return f"{type(error).__name__}: {error}{where}"
