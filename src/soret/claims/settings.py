"""A claim's settings: read from text, checked by type, refused with the list of what exists."""

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin

from soret.errors import SettingsError

SCALES = ("quick", "paper")


@dataclass(frozen=True)
class Setting:
    """One setting: its name, type, meaning and value at the paper's scale."""

    name: str
    type: Any
    meaning: str
    default: Any

    def __str__(self) -> str:
        return f"{self.name} ({_type_name(self.type)}, {_show(self.default)}): {self.meaning}"


def settings_of(claim: type) -> list[Setting]:
    """Return a claim's settings in the order of its file.

    Parameters
    ----------
    claim : class
        As from `find`.
    """
    hints = typing.get_type_hints(claim, include_extras=True)
    found = []
    for field in fields(claim):
        kind, *meaning = (
            get_args(hints[field.name])
            if get_origin(hints[field.name]) is typing.Annotated
            else (hints[field.name], "")
        )
        found.append(Setting(field.name, kind, str(meaning[0]), field.default))
    return found


def configure(claim: Any, scale: str, assignments: Sequence[str] | Mapping[str, Any] = ()) -> Any:
    """Return a claim with its settings: the scale's, then what was assigned.

    Parameters
    ----------
    claim : type
        A registered claim.
    scale : {"quick", "paper"}
    assignments : sequence of "name=value", or mapping of name to value

    Raises
    ------
    SettingsError
        If a name is unknown or a value has the wrong type; lists what exists.
    """
    if scale not in SCALES:
        raise SettingsError(f"scale {scale!r} is unknown; use one of {', '.join(SCALES)}.")
    known = {setting.name: setting for setting in settings_of(claim)}
    values = dict(claim.about.quick) if scale == "quick" else {}
    pairs = assignments.items() if isinstance(assignments, Mapping) else map(_split, assignments)
    for name, value in pairs:
        if name not in known:
            listed = "\n  ".join(str(setting) for setting in known.values())
            raise SettingsError(f"{claim.about.id} has no setting {name!r}; it has\n  {listed}")
        values[name] = _convert(known[name], value)
    return claim(**values)


def _split(assignment: str) -> tuple[str, str]:
    name, equals, value = assignment.partition("=")
    if not equals or not name:
        raise SettingsError(f"{assignment!r} sets nothing; write name=value.")
    return name.strip(), value.strip()


def _convert(setting: Setting, value: Any) -> Any:
    try:
        return _as_type(setting.type, value)
    except (TypeError, ValueError) as error:
        raise SettingsError(
            f"{setting.name}={value} is no {_type_name(setting.type)}; the setting is {setting}"
        ) from error


def _as_type(kind: Any, value: Any) -> Any:
    """Return `value` as `kind`, from text or from Python, never by guessing."""
    origin = get_origin(kind)
    if origin is Literal:
        if value not in get_args(kind):
            raise ValueError(value)
        return value
    if origin is tuple:
        item = get_args(kind)[0]
        parts = value.split(",") if isinstance(value, str) else value
        items = tuple(_as_type(item, p.strip() if isinstance(p, str) else p) for p in parts)
        if not items:
            raise ValueError(value)
        return items
    if kind is bool:
        table = {"true": True, "false": False, True: True, False: False}
        return table[value.lower() if isinstance(value, str) else value]
    if kind is int:
        if isinstance(value, str):
            return int(value)
        if isinstance(value, bool) or int(value) != value:
            raise ValueError(value)
        return int(value)
    if kind is float:
        return float(value)
    if kind is str and isinstance(value, str):
        return value
    raise TypeError(kind)


def _type_name(kind: Any) -> str:
    origin = get_origin(kind)
    if origin is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if origin is tuple:
        return f"list of {_type_name(get_args(kind)[0])}, separated by commas"
    if isinstance(kind, types.GenericAlias | str):
        return str(kind)
    return {"int": "whole number", "float": "number", "str": "text", "bool": "true or false"}.get(
        kind.__name__, kind.__name__
    )


def _show(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
