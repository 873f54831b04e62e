"""What a claim is: a statement, an experiment, a test, a control, a figure.

A claim is a class with typed, documented settings and four methods; `claim` registers it. Its
file imports nothing heavy, so that listing all claims is instant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from soret.claims.experiments import Experiments
from soret.claims.settings import check_settings
from soret.claims.source import Source
from soret.claims.statement import Statement, check_statements, unstated
from soret.errors import SettingsError
from soret.verdict import Result

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

Runs = Mapping[str, "xr.Dataset"]
"""The Datasets of a claim's experiments by name; a name with a slash is a group within a group."""


class Claim(Protocol):
    """A claim with its settings: an instance is one test of it.

    The dataclass fields are the settings, with the paper's values as defaults. What a setting means
    and may be is declared with it, ``Annotated[float, "meaning", In(above=0)]``
    (`soret.claims.ranges`), and holds wherever a claim is made. What settings must be to each
    other is said in `check`.

    Attributes
    ----------
    about : About
    asked : set of str
        The settings that whoever configured it assigned; the others are the scale's.
    substitutes : mapping
        Settings of the scale that could not be had on this machine, with what they were.
    """

    about: ClassVar[About]
    asked: Collection[str] = frozenset()
    substitutes: Mapping[str, str] = MappingProxyType({})

    def check(self) -> None:
        """Refuse settings that do not go together, with a SettingsError; may be left out.

        Called when a claim is configured, and again before its dry run: arithmetic on settings, no
        data and no traced function.
        """

    def experiments(self) -> Experiments:
        """Declare the experiments, by name and in the order in which they are run.

        Nothing is run here: what needs the Dataset of another is a `Measurement` or a
        `Continuation`. Called once, before anything runs.
        """

    def saved(self, runs: Runs) -> Runs:
        """Return what is saved and judged of the experiments' Datasets; all, if left out."""

    def judge(self, runs: Runs) -> list[Result]:
        """Compare with the prediction and its rival. Nothing is tuned to what `runs` shows."""

    def control(self, runs: Runs) -> Runs:
        """Return data that the rival made, like `runs` in all else; `judge` must refuse it."""

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Figure]:
        """Draw the figures, by file name without extension."""


@dataclass(frozen=True)
class About:
    """What is known of a claim without running it.

    Attributes
    ----------
    id : str
        "paper/claim".
    statement : str
        What is claimed as a whole, one sentence.
    source : Source
    quick : mapping
        Settings that the quick scale changes.
    statements : tuple of Statement
        What is claimed in particular; each has a verdict.
    resolution : frozenset of str
        Settings that only decide how sharp the numbers are.
    """

    id: str
    statement: str
    source: Source
    quick: Mapping[str, Any]
    statements: tuple[Statement, ...] = ()
    resolution: frozenset[str] = frozenset()


C = TypeVar("C", bound=type)

CLAIMS: dict[str, type] = {}
"""Every registered claim by id; `soret.claims.find` fills it."""


def claim(
    id: str,
    *,
    statement: str,
    source: Source,
    quick: Mapping[str, Any],
    statements: Sequence[Statement] = (),
    resolution: Collection[str] = (),
) -> Callable[[C], C]:
    """Register a dataclass as a claim.

    Parameters
    ----------
    id : str
        "paper/claim", as on the command line.
    statement : str
        What is claimed as a whole, one sentence.
    source : Source
    quick : mapping
        Settings that the quick scale changes: it ends within a minute on two cores.
    statements : sequence of Statement
        What is claimed in particular, each with a verdict of its own; `statement` alone, if left
        out.
    resolution : collection of str
        Settings that only decide how sharp the numbers are, besides replicas and records.

    Returns
    -------
    callable
        Makes a class a frozen dataclass with the attribute `about`, and registers it.

    Raises
    ------
    SettingsError
        If the id is taken, `quick` or `resolution` names what is no setting, two statements have
        the same name, or no experiments are declared.
    """

    def register(cls: C) -> C:
        own = getattr(cls, "__post_init__", None)

        def check_and_prepare(self: Any) -> None:
            check_settings(self)
            if own is not None:
                own(self)

        prepared: Any = cls
        prepared.__post_init__ = check_and_prepare
        made: Any = dataclass(frozen=True, kw_only=True)(cls)
        if hasattr(made, "simulate") or not hasattr(made, "experiments"):
            raise SettingsError(OLD_FORM.format(what=f"the claim {id!r}"))
        unknown = sorted(set(quick) - set(made.__dataclass_fields__))
        if unknown:
            raise SettingsError(f"quick of {id!r} names {', '.join(unknown)}, no setting of it.")
        if id in CLAIMS:
            raise SettingsError(f"there are two claims {id!r}; give one another id.")
        stated = tuple(statements) or (unstated(statement, source.where),)
        check_statements(made, stated, resolution)
        made.about = About(id, statement, source, dict(quick), stated, frozenset(resolution))
        made.asked, made.substitutes = frozenset(), MappingProxyType({})
        for name, usual in (("check", _no_check), ("saved", all_of_them)):
            if not hasattr(made, name):
                setattr(made, name, usual)
        CLAIMS[id] = made
        return made

    return register


def _no_check(claim: Any) -> None:
    """Accept all settings together that are accepted one by one."""


def all_of_them(claim: Any, runs: Runs) -> Runs:
    """Save every experiment's Dataset."""
    return runs


OLD_FORM = (
    "{what} must declare its experiments and not run them: in place of simulate(self, simulate), "
    "write a method experiments(self) that returns a dict from names to soret.Experiment(...), and "
    "to Measurement(...) in place of simulate.measure(...)."
)
"""What is said of a claim that was written for an earlier Soret."""
