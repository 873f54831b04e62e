"""Paths as people write them, resolved once, before the work that ends there."""

import os
import re
from pathlib import Path
from typing import Any

from soret.errors import SettingsError

_VARIABLE = re.compile(r"\$(\w+|\{[^}]*\})")


def resolve(path: str | bytes | os.PathLike[Any], name: str = "out") -> Path:
    """Return an absolute path: ``~`` and ``$VARIABLES`` expanded, links followed.

    Done once, before any work, so that a later change of the working directory, of the
    environment or of a link cannot send half of a run elsewhere.

    Parameters
    ----------
    path : path
        As given: text, bytes, or a path object. A trailing slash is no matter. A folder whose
        name begins with a tilde is written ``./~name``; a name with a dollar sign is taken as it
        is where it exists and names no variable that is set.
    name : str
        The argument's name, for the error.

    Raises
    ------
    SettingsError
        If it is no path or an empty one, names a variable or a user that does not exist, or its
        links lead nowhere but to each other.
    """
    try:
        given = os.fsdecode(path)
    except TypeError as error:
        raise SettingsError(
            f"`{name}` must be the path of a folder or file, got {path!r}."
        ) from error
    if not given.strip():
        raise SettingsError(f"`{name}` is an empty path; name a folder or file.")
    if "\0" in given:
        raise SettingsError(f"`{name}` holds a NUL character, {given!r}; no path may.")
    expanded = os.path.expanduser(os.path.expandvars(given))
    unset = _VARIABLE.search(expanded)
    if unset is not None and not os.path.lexists(expanded):
        raise SettingsError(
            f"`{name}` is {given!r}, and the environment variable {unset[1].strip('{}')!r} is not "
            "set; set it, or write the path out."
        )
    if given.startswith("~") and expanded.startswith("~"):
        raise SettingsError(
            f"`{name}` is {given!r}, and there is no such user; write the path out (a folder of "
            f"that name here is './{given}')."
        )
    try:
        return Path(expanded).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links; no working directory any more
        raise SettingsError(f"`{name}` is {given!r}, which cannot be resolved: {error}.") from error


def shown(path: Path) -> Path:
    """Return a path as a person would write it: relative, where it is below the working directory.

    A saved verdict says where its figures are, and should not tell whose home that is.
    """
    try:
        return path.relative_to(Path.cwd())
    except (OSError, ValueError):
        return path
