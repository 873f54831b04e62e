"""Which version of the numbers a run holds: the same settings may give others in a later Soret."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soret.errors import RunError
from soret.runs import schema

NUMBERS = 4
"""Raised whenever the same settings give other numbers than before; in every run's description."""

_ANOTHER = (
    "was begun by another version of Soret and cannot be resumed with this one; to compute it "
    "anew, choose another folder, or delete this one."
)

_CHANGES = {
    2: "examples to measure on (evaluation batches, references of batch normalization, parts of a "
    "data set) are drawn at random, where they were the first ones of the data set",
    3: "sums over few numbers are taken in another order, and what goes on from a training draws "
    "mini-batches of its own",
    4: "the sums of dense layers and convolutions are taken in another order",
}


def described(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description with the version of the numbers in it."""
    return {"numbers": NUMBERS, **description}


def note(record: Mapping[str, Any]) -> str | None:
    """Return what a reader should know of a run whose numbers are of another version, or None.

    Parameters
    ----------
    record : mapping
        What `run.json` says.
    """
    found = _version(record.get("description"))
    if found == NUMBERS:
        return None
    if found is None or found > NUMBERS:
        return "The numbers are of a version of Soret that this one does not know."
    changes = "; ".join(_CHANGES[n] for n in range(found + 1, NUMBERS + 1))
    return (
        "The numbers are of an earlier version of Soret; the same settings give others today, for "
        f"{changes}."
    )


def refuse_other(path: Path, record: Mapping[str, Any]) -> None:
    """Refuse to go on with a run, or to judge it again, whose numbers are of another version.

    Raises
    ------
    RunError
        If they are.
    """
    said = note(record)
    if said is not None and record.get("state") != "complete":
        raise RunError(f"{begun_by_another(path, record)} {said}")
    if said is not None:
        raise RunError(
            f"{path} can neither be resumed nor judged again. {said} It can still be loaded and "
            "shown; to compute it anew, choose another folder, or delete this one."
        )


def refuse_old_ensemble(path: Path, record: Mapping[str, Any]) -> None:
    """Refuse to go on with an ensemble of before its blocks were no part of what it is.

    Raises
    ------
    RunError
        If it is one.
    """
    description = record.get("description")
    if not isinstance(description, Mapping) or "block_size" not in description:
        return
    if record.get("state") == "complete":
        raise RunError(
            f"{path} holds a run of an earlier version of Soret; it can be loaded, but not gone "
            "on with: choose another folder."
        )
    raise RunError(f"{path} {_ANOTHER}")


def begun_by_another(path: Path, record: Mapping[str, Any]) -> str | None:
    """Say in a sentence that an unfinished run cannot be resumed by this version, or None."""
    if record.get("format") == schema.FORMATS[-1] and note(record) is None:
        return None
    return f"{path} {_ANOTHER}"


def _version(description: Any) -> int | None:
    # Runs of the first version do not say which they are.
    found = description.get("numbers", 1) if isinstance(description, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None
