"""JSON from elsewhere: one reading of it, bounded in every way, or a sentence.

Python's parser takes more than JSON (NaN, Infinity, keys twice, numbers beyond a float, halves of
characters) and anything nested deep enough stops it, or what comes after it, with an exception of
its own.
"""

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

from soret.errors import RunError
from soret.runs.damaged import DamagedError
from soret.runs.untrusted import read_bytes

# A real record has some kilobytes; one of a grid of ten thousand points, a megabyte.
LIMIT = 16 * 2**20
DEEPEST = 64
_DIGITS = 40  # seeds and counts have at most twenty
_HALVES = re.compile("[\ud800-\udfff]")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, whatever it holds.

    Raises
    ------
    RunError
        If the file is missing, no regular file, too large, damaged, or holds something else.
    """
    try:
        content = parse(read_bytes(path.parent, path.name, LIMIT))
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing; {path.parent} is no saved run.") from error
    except ValueError as error:
        raise DamagedError(f"{path} is damaged ({error}); the run cannot be read.") from error
    if not isinstance(content, dict):
        raise DamagedError(f"{path} is damaged (no JSON object); the run cannot be read.")
    return content


def parse(content: bytes, constants: bool = False) -> Any:
    """Return the value of a JSON text.

    Parameters
    ----------
    content : bytes
        In UTF-8.
    constants : bool, optional
        Whether NaN and infinities are taken: zarr writes them into attributes.

    Raises
    ------
    ValueError
        Saying what is wrong with it, in half a sentence.
    """
    try:
        value = json.loads(
            content.decode("utf-8"),
            parse_constant=float if constants else _no_constant,
            parse_float=_float,
            parse_int=_int,
            object_pairs_hook=_object,
        )
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"no text in UTF-8 from byte {error.start} on") from error
    _check(value)
    return value


def _check(value: Any) -> None:
    """Refuse what is nested too deep, and texts that no encoding takes."""
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")
        if isinstance(one, str):
            if not one.isascii() and _HALVES.search(one):
                raise ValueError("a text has half of a character")
        elif isinstance(one, dict):
            waiting += [(part, depth + 1) for part in (*one, *one.values())]
        elif isinstance(one, list):
            waiting += [(part, depth + 1) for part in one]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"{twice[:80]!r} is there twice")
    return found


def _int(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large for a float")
    return value


def _no_constant(name: str) -> float:
    raise ValueError("a number is not finite, which is no JSON")
