"""A claim's settings: read from text, checked by type and range, refused in a sentence."""

import functools
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin

from soret.claims.ranges import Range
from soret.errors import DataError, SettingsError, SoretError

SCALES = ("quick", "paper")

_LONGEST = 60


@dataclass(frozen=True)
class Setting:
    """One setting: its name, type, meaning, value at the paper's scale, and range."""

    name: str
    type: Any
    meaning: str
    default: Any
    range: Range | None = None

    @property
    def allowed(self) -> str:
        """What it may be, in words."""
        said = _type_name(self.type)
        if self.range is None:
            return said
        return str(self.range) if get_origin(self.type) is not tuple else f"{said}; {self.range}"

    def told(self, value: Any) -> str:
        """Return a line that tells it with a value."""
        return f"{self.name} ({_type_name(self.type)}, {show(value)}): {self.meaning}"

    def __str__(self) -> str:
        return self.told(self.default)


def settings_of(claim: type) -> list[Setting]:
    """Return a claim's settings in the order of its file.

    Parameters
    ----------
    claim : class
        As from `find`.
    """
    return list(_settings_of(claim))


@functools.cache
def _settings_of(claim: Any) -> tuple[Setting, ...]:
    hints = typing.get_type_hints(claim, include_extras=True)
    found = []
    for field in fields(claim):
        kind, *said = (
            get_args(hints[field.name])
            if get_origin(hints[field.name]) is typing.Annotated
            else (hints[field.name], "")
        )
        ranges = [one for one in said if isinstance(one, Range)]
        meaning = next((one for one in said if isinstance(one, str)), "")
        found.append(
            Setting(field.name, kind, meaning, field.default, ranges[0] if ranges else None)
        )
    return tuple(found)


def at_scale(claim: Any, scale: str) -> dict[str, Any]:
    """Return the values of a claim's settings at a scale.

    Raises
    ------
    SettingsError
        If there is no such scale.
    """
    if scale not in SCALES:
        raise SettingsError(f"scale {scale!r} is unknown; use one of {', '.join(SCALES)}.")
    values = {setting.name: setting.default for setting in _settings_of(claim)}
    return values | (dict(claim.about.quick) if scale == "quick" else {})


def configure(claim: Any, scale: str, assignments: Sequence[str] | Mapping[str, Any] = ()) -> Any:
    """Return a claim with its settings: the scale's, then what was assigned.

    Images that are the scale's own and not on this machine are replaced by `digits`; what was
    assigned is never replaced.

    Parameters
    ----------
    claim : type
        A registered claim.
    scale : {"quick", "paper"}
    assignments : sequence of "name=value", or mapping of name to value

    Raises
    ------
    SettingsError
        If a name is unknown, or a value has the wrong type or is outside its range; or if settings
        do not go together.
    """
    from soret.claims import images

    usual = at_scale(claim, scale)
    known = {setting.name: setting for setting in _settings_of(claim)}
    pairs = assignments.items() if isinstance(assignments, Mapping) else map(_split, assignments)
    asked: dict[str, Any] = {}
    for name, value in pairs:
        if name not in known:
            listed = "\n  ".join(setting.told(usual[key]) for key, setting in known.items())
            raise SettingsError(f"{claim.about.id} has no setting {name!r}; it has\n  {listed}")
        try:
            asked[name] = checked(known[name], value)
        except SettingsError as error:
            raise SettingsError(
                f"{error}; at {scale} scale it is {show(usual[name])} ({known[name].meaning})"
            ) from error
    own, substitutes = images.on_this_machine(claim, usual, asked)
    made = claim(**own | asked)
    # Set beside the settings, not among them: they say how these came about.
    object.__setattr__(made, "asked", frozenset(asked))
    object.__setattr__(made, "substitutes", substitutes)
    with in_terms_of(made):
        made.check()
    return made


@contextmanager
def in_terms_of(claim: Any) -> Iterator[None]:
    """Tell errors of settings by the settings that were assigned, and by what stands in for them.

    What a part of a claim calls a number may not be what the setting is called.

    Raises
    ------
    SettingsError
        In place of every error of Soret's own but a DataError.
    """
    try:
        yield
    except DataError:
        raise
    except SoretError as error:
        told, why = str(error), list(claim.substitutes.values())
        if claim.asked and not any(name in told for name in claim.asked):
            why += [f"{name}={_short(show(getattr(claim, name)))}" for name in sorted(claim.asked)]
        raise SettingsError(f"{', '.join(why)}: {told}" if why else told) from error


def check_settings(claim: Any) -> None:
    """Convert and check every setting of a claim that has just been made.

    Raises
    ------
    SettingsError
        If a value has the wrong type or is outside its range.
    """
    made: Any = type(claim)
    for setting in _settings_of(made):
        value = getattr(claim, setting.name)
        object.__setattr__(claim, setting.name, checked(setting, value))


def refuse_unused(claim: Any, names: Sequence[str], because: str) -> None:
    """Refuse settings that were assigned and have no effect beside the others.

    Parameters
    ----------
    claim : Claim
    names : sequence of str
    because : str
        Why they have none, as it reads after "for".

    Raises
    ------
    SettingsError
    """
    for name in names:
        if name in claim.asked:
            raise SettingsError(f"{name} has no effect here, for {because}; leave it out.")


def checked(setting: Setting, value: Any) -> Any:
    """Return a setting's value as its type has it.

    Raises
    ------
    SettingsError
        If it has the wrong type or is outside its range.
    """
    try:
        found = _as_type(setting.type, value)
    except (TypeError, ValueError, OverflowError, KeyError) as error:
        told = repr(value) if isinstance(value, str) else show(value)
        must = _type_name(setting.type)
        raise SettingsError(
            f"{setting.name} must be {must}, got {_short(told) or 'nothing'}"
        ) from error
    fault = setting.range.fault(found) if setting.range is not None else ""
    if fault:
        many = f"{len(found)} " if isinstance(found, tuple) else ""
        got = f"{many}({_short(show(found))})" if many else _short(show(found))
        raise SettingsError(f"{setting.name} {fault}, got {got}")
    return found


def show(value: Any) -> str:
    """Return a value as it would be written after ``name=``."""
    if isinstance(value, tuple | list):
        return ",".join(map(show, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _split(assignment: str) -> tuple[str, str]:
    name, equals, value = assignment.partition("=")
    if not equals or not name:
        raise SettingsError(f"{assignment!r} sets nothing; write name=value.")
    return name.strip(), value.strip()


def _as_type(kind: Any, value: Any) -> Any:
    """Return `value` as `kind`, from text or from Python, never by guessing."""
    origin = get_origin(kind)
    if origin is Literal:
        if value not in get_args(kind):
            raise ValueError(value)
        return value
    if origin is tuple:
        item = get_args(kind)[0]
        parts = value.split(",") if isinstance(value, str) and value else value
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
        if isinstance(value, bool):
            raise ValueError(value)
        return float(value)
    if kind is str and isinstance(value, str):
        return value
    raise TypeError(kind)


def _type_name(kind: Any) -> str:
    origin = get_origin(kind)
    if origin is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if origin is tuple:
        item = get_args(kind)[0]
        if get_origin(item) is Literal:
            return f"some of {', '.join(map(str, get_args(item)))}, separated by commas"
        many = {"int": "whole numbers", "float": "numbers", "str": "names"}
        return f"{many.get(item.__name__, item.__name__)} separated by commas"
    if isinstance(kind, types.GenericAlias | str):
        return str(kind)
    return {
        "int": "a whole number",
        "float": "a number",
        "str": "text",
        "bool": "true or false",
    }.get(kind.__name__, kind.__name__)
