"""What a claim states, one sentence at a time, and under which settings a run tests it."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from soret.claims.settings import at_scale, checked, settings_of, show
from soret.errors import SettingsError

FIELDS = frozenset(
    ["quantity", "measured", "low", "high", "predicted", "rival", "held", "failed", "count"]
)
"""What a clause may have filled in: of the result that decides, and how many results there are."""

_RESOLUTION = re.compile(r"(\w+_)?(replicas|records)")
_LONGEST = 40


class Origin(StrEnum):
    """Whose statement it is.

    Printed: the paper's own words or numbers. Restored: a formula lost in the copy at hand, put
    back from memory or derivation. Ours: neither.
    """

    PRINTED = "printed"
    RESTORED = "restored"
    OURS = "ours"


class Setting(StrEnum):
    """Where a run tests a statement.

    Paper: where the paper makes it, its data, net and sizes; of a theorem, anything that it speaks
    of. Easier: the same, smaller or fewer, or on other images. Other: something else.
    """

    PAPER = "paper"
    EASIER = "easier"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One sentence of a claim, which can hold or fail by itself.

    Attributes
    ----------
    name : str
        As a result names it: small letters, digits and hyphens.
    text : str
        What is stated, one sentence.
    where : str
        Section, figure, equation.
    origin : {"printed", "restored", "ours"}
    tolerance : str
        How far off is still agreement, and why so far.
    holds, fails, unclear : str
        What the claim's finding says in each case: a clause in plain words, without a capital and
        a period. ``{measured}``, ``{low}``, ``{high}``, ``{predicted}``, ``{rival}`` and
        ``{quantity}`` are those of the result that decides, ``{held}``, ``{failed}`` and
        ``{count}`` the numbers of results.
    at : {"paper", "other"}
        The nearest to the paper that any of the claim's settings come.
    differs : str
        With "other": what is other, and than what; a phrase.
    regardless : collection of str
        Settings of the claim that do not matter to this statement.
    also : mapping of str to collection
        Other values of a setting at which the paper tests the statement too, besides that of the
        scale `paper`: a second experiment of a smaller net, say.

    Raises
    ------
    SettingsError
        If a part is missing or is not of its form.
    """

    name: str
    text: str
    where: str
    origin: Origin | str
    tolerance: str
    holds: str
    fails: str
    unclear: str
    at: Setting | str = Setting.PAPER
    differs: str = ""
    regardless: Collection[str] = ()
    also: Mapping[str, Collection[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name):
            raise self._wrong("its name has other than small letters, digits and hyphens")
        if not self.text.endswith("."):
            raise self._wrong("its text is no sentence that ends with a period")
        for kind, name in ((Origin, "origin"), (Setting, "at")):
            try:
                object.__setattr__(self, name, kind(getattr(self, name)))
            except ValueError:
                told = ", ".join(kind)
                raise self._wrong(f"its {name} is none of {told}") from None
        if self.at is Setting.EASIER:
            raise self._wrong("at is what its best settings are, paper or other")
        if (self.at is Setting.OTHER) != bool(self.differs):
            raise self._wrong("differs says what is other at other settings, and only there")
        for name in ("holds", "fails", "unclear"):
            clause = getattr(self, name)
            if not clause or clause.endswith("."):
                raise self._wrong(f"{name} is no clause without a period")
            others = _fields(clause) - FIELDS
            if others:
                raise self._wrong(f"{name} has the field {', '.join(sorted(others))}, which is no")

    def _wrong(self, why: str) -> SettingsError:
        return SettingsError(f"the statement {self.name!r} is not well made: {why}.")


def _fields(clause: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(clause) if name is not None}


def unstated(text: str, where: str) -> Statement:
    """Return the one statement of a claim that does not say which it makes."""
    return Statement(
        name="claim",
        text=text if text.endswith(".") else f"{text}.",
        where=where,
        origin=Origin.PRINTED,
        tolerance="",
        holds="supported by {count} of {count} results",
        fails="contradicted by {failed} of {count} results; {quantity}: {measured} ({low} to "
        "{high}), predicted {predicted}, rival {rival}",
        unclear="inconclusive; {quantity}: {measured} ({low} to {high}), predicted {predicted}, "
        "rival {rival}",
    )


def check_statements(
    claim: Any, statements: Collection[Statement], resolution: Collection[str]
) -> None:
    """Refuse statements of the same name, and settings that the claim has not.

    Raises
    ------
    SettingsError
    """
    names = [statement.name for statement in statements]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"there are two statements {twice[0]!r}.")
    known = set(claim.__dataclass_fields__)
    named = {"resolution": resolution} | {s.name: [*s.regardless, *s.also] for s in statements}
    for where, settings in named.items():
        unknown = sorted(set(settings) - known)
        if unknown:
            raise SettingsError(f"{where} names {', '.join(unknown)}, no setting of the claim.")


def setting_of(claim: Any, statement: Statement) -> tuple[Setting, str]:
    """Return where a claim's settings test a statement, and how that differs from the paper.

    Settings that only decide how sharp the numbers are, replicas, records and what the claim names
    so, do not count. A value of the quick scale, a part of a list, and images that stand in for
    others make it easier; any other value makes it another setting.

    Parameters
    ----------
    claim : Claim
        A claim with its settings.
    statement : Statement
        One of its statements.

    Returns
    -------
    setting : Setting
    differs : str
        In words; empty where nothing does.
    """
    kind = type(claim)
    paper, quick = (_values(kind, scale) for scale in ("paper", "quick"))
    setting, told = Setting(statement.at), [statement.differs] if statement.differs else []
    for name, usual in paper.items():
        value = getattr(claim, name)
        if value == usual or value in statement.also.get(name, ()):
            continue
        if name in statement.regardless or _is_resolution(claim, name):
            continue
        if name in claim.substitutes:
            told.append(claim.substitutes[name])
        else:
            told.append(f"{name} {_short(value)} (paper: {_short(usual)})")
        fewer = isinstance(value, tuple) and set(value) < set(usual)
        easier = fewer or value == quick[name] or name in claim.substitutes
        if not easier:
            setting = Setting.OTHER
        elif setting is Setting.PAPER:
            setting = Setting.EASIER
    return setting, ", ".join(told)


def _is_resolution(claim: Any, name: str) -> bool:
    return name in claim.about.resolution or _RESOLUTION.fullmatch(name) is not None


def _values(kind: Any, scale: str) -> Mapping[str, Any]:
    values = at_scale(kind, scale)
    return {one.name: checked(one, values[one.name]) for one in settings_of(kind)}


def _short(value: Any) -> str:
    text = show(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
