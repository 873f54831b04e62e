"""What a user's function is, in words that a saved run can keep: its name and its source."""

import functools
import hashlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

# How far into what functions close over a description goes, and how many characters of one value.
_DEPTH = 4
_CHARACTERS = 200


def described(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the name of a function and the digest of its source.

    Parameters
    ----------
    function : callable
        A function, a lambda, a method, a `functools.partial` or any object that can be called.

    Returns
    -------
    dict
        ``name``: where it can be imported from, as ``optax.adam`` or ``__main__.init``. Also
        ``sha256`` of its source, where there is one (what was typed into an interpreter or is
        compiled has none), and ``arguments`` of a partial. Plain data: strings and mappings.

    Notes
    -----
    The digest is of the function's own text, not of what that calls or closes over: the digest of
    the compiled program covers those.

    Examples
    --------
    >>> described(optax.adam)
    {'name': 'optax.adam', 'sha256': '…'}
    """
    if isinstance(function, functools.partial):
        given = {str(i): plain(value) for i, value in enumerate(function.args)}
        given |= {key: plain(value) for key, value in function.keywords.items()}
        return described(function.func) | {"arguments": given}
    source = _source(function)
    digest = {} if source is None else {"sha256": hashlib.sha256(source.encode()).hexdigest()}
    return {"name": qualified(function), **digest}


def qualified(function: Any) -> str:
    """Return the name that something is imported by: the shortest public one that is it.

    An object without a name of its own goes by its type's.
    """
    named = inspect.unwrap(getattr(function, "__func__", function))
    if not hasattr(named, "__qualname__"):
        named = type(named)
    return public(getattr(named, "__module__", None) or "", named.__qualname__)


def public(module: str, name: str) -> str:
    """Return the shortest module path that has what a module calls `name`, and the name."""
    parts = [part for part in module.split(".") if not part.startswith("_")]
    # Not by getattr, which would wake up what a module says of names that it gives up.
    here = _names_of(module).get(name)
    for length in range(1, len(parts) + 1):
        place = ".".join(parts[:length])
        if here is not None and _names_of(place).get(name) is here:
            return f"{place}.{name}"
    return f"{module}.{name}" if module else name


def _names_of(module: str) -> dict[str, Any]:
    return getattr(sys.modules.get(module), "__dict__", {})


def plain(value: Any, depth: int = _DEPTH) -> Any:
    """Return a value as plain data: numbers and strings as they are, functions with what they
    close over, arrays by their digest; no addresses in memory, so that equals are told equal.
    """
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if depth == 0:
        return "…"
    if hasattr(value, "_asdict"):
        fields = value._asdict()
        return {"name": qualified(type(value))} | {
            k: plain(v, depth - 1) for k, v in fields.items()
        }
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth - 1) for item in value]
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):
        return value.item() if value.ndim == 0 else _array(value)
    if callable(value):
        closed = {k: plain(item, depth - 1) for k, item in closed_over(value).items()}
        return described(value) | ({"closes over": closed} if closed else {})
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))[:_CHARACTERS]


def _array(value: Any) -> str:
    digest = hashlib.sha256(value.tobytes()).hexdigest()
    return f"{value.dtype} array of shape {value.shape}, sha256 {digest}"


def closed_over(function: Any) -> dict[str, Any]:
    """Return what a function closes over, by the names it has there."""
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    if code is None or not cells:
        return {}
    found = {}
    for name, cell in zip(code.co_freevars, cells, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # a cell that nothing was put into
            continue
    return found


def _source(function: Any) -> str | None:
    named = inspect.unwrap(getattr(function, "__func__", function))
    if not hasattr(named, "__code__") and not inspect.isclass(named):
        named = type(named)
    try:
        return inspect.getsource(named)
    except (OSError, TypeError):
        return None
