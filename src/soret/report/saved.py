"""A saved run as a report needs it: what was claimed, what came of it, how to run it again.

What is read from disk is looked at before it is believed: a run folder may come from anyone.
"""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr

from soret.claims import find
from soret.claims.claim import CLAIMS
from soret.claims.finding import TestedStatement, deciding
from soret.claims.settings import SCALES, at_scale
from soret.claims.statement import Origin, Setting
from soret.errors import RunError
from soret.report import state, words
from soret.report.statements import of, results_of, stated, statements_of
from soret.runs import files, manifest, schema, store
from soret.verdict import Result, Verdict

# Digests that decide whether a run may be resumed tell a reader nothing.
_FOR_MACHINES = ("programs",)


@dataclass(frozen=True)
class SavedRun:
    """A run folder that was read: a claim that was tested, or an ensemble alone.

    Attributes
    ----------
    path : Path
        The folder, as it was given.
    record : mapping
        What `run.json` says.
    results : list of Result
        Empty where nothing was tested.
    statements : list of TestedStatement
        What became of each statement; of a claim that has none saved, of the claim.
    finding : str
        What was found, in one sentence; empty where none was saved.
    verdict : str or None
        "supported", "contradicted", "inconclusive"; None where nothing was tested.
    seconds : float or None
        What it cost: the longer of what the last command took and the time from start to end.
    diverged : int or None
        Replicas that diverged; None where only the data can say.
    notes : list of str
        Warnings raised on the way, and how far it is if it is not done.
    paper : str
        Where the claim was made, as the run has it.
    refused : mapping of str to str
        Why a file of its figures is not shown, by path relative to the folder.
    substitutes : list of str
        What was used in place of what the scale, or a name, says: such a run is not at the
        paper's own settings.
    """

    path: Path
    record: Mapping[str, Any]
    results: list[Result] = field(default_factory=list)
    statements: list[TestedStatement] = field(default_factory=list)
    finding: str = ""
    verdict: str | None = None
    seconds: float | None = None
    diverged: int | None = None
    notes: list[str] = field(default_factory=list)
    paper: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    substitutes: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """The verdict, or why there is none."""
        return self.verdict or ("no claim tested" if self.claim is None else state.NOT_JUDGED)

    @property
    def description(self) -> Mapping[str, Any]:
        """Everything that decided the run's numbers."""
        found = self.record.get("description")
        return found if isinstance(found, Mapping) else {}

    @property
    def claim(self) -> str | None:
        """The claim's id; None where an ensemble was run without one."""
        found = self.description.get("claim")
        return None if found is None else str(found)

    @property
    def title(self) -> str:
        """The claim's id, or the name of the problem."""
        problem = self.description.get("problem")
        named = problem.get("name") if isinstance(problem, Mapping) else None
        return self.claim or str(named or self.path.name)

    @property
    def statement(self) -> str:
        """What is claimed; empty where this version does not know the claim."""
        return stated(self.claim or "")

    @property
    def source(self) -> str:
        """Paper, section, figures and equations."""
        return str(self._known.about.source) if self._known else self.paper

    @property
    def scale(self) -> str:
        """ "quick", "paper", or nothing."""
        return str(self.description.get("scale", ""))

    @property
    def seed(self) -> Any:
        """The seed."""
        return self.description.get("seed", "")

    @property
    def settings(self) -> dict[str, str]:
        """What was set, in words: a claim's settings, or what `soret.simulate` was given."""
        found = self.description.get("settings") if self.claim else self.description
        return _flat(found if isinstance(found, Mapping) else {})

    @property
    def provenance(self) -> dict[str, str]:
        """When, with which versions, on what machine."""
        keys = ("started", "finished", "versions", "platform")
        return _flat({key: self.record[key] for key in keys if key in self.record})

    @property
    def figures(self) -> list[Path]:
        """The figures that the claim drew; none where something is wrong with their folder."""
        folder = self.path / "figures"
        if folder.is_symlink():
            return []
        return [
            path
            for path in sorted(folder.glob("*.png"))
            if path.relative_to(self.path).as_posix() not in self.refused
        ]

    @property
    def decisive(self) -> Result | None:
        """The result that decides the verdict; one with a predicted number before others."""
        if self.verdict is None:
            return None
        number = deciding(self.results, Verdict(self.verdict), range(len(self.results)))
        return None if number is None else self.results[number]

    def of(self, statement: TestedStatement) -> list[Result]:
        """Return a statement's results."""
        return of(statement, self.results)

    def decides(self, statement: TestedStatement) -> Result | None:
        """Return the result that decides a statement's verdict."""
        return None if statement.deciding is None else self.results[statement.deciding]

    @property
    def marks(self) -> str:
        """The verdict of every statement, a mark and a name each."""
        return ", ".join(
            " ".join(filter(None, [one.mark, one.name or one.shown, _apart(one)]))
            for one in self.statements
        )

    @property
    def found(self) -> str:
        """What was found; where no finding was saved, the result that decides, in one phrase."""
        if self.finding:
            return self.finding
        result = self.decisive
        if result is None:
            return "nothing could be compared"
        said = (
            f"{result.quantity}: {words.brief(result)}, predicted {result.written.predicted}, "
            f"rival {result.written.rival}"
        )
        verdicts = [str(each.verdict) for each in self.results]
        if len(verdicts) == 1:
            return said
        if len(set(verdicts)) == 1:
            return f"{said}; all {len(verdicts)} results {self.verdict}"
        return f"{said}; {len(verdicts)} results: {words.counted(verdicts)}"

    @cached_property
    def command(self) -> str:
        """The command that runs the claim again with the same settings; "" for an ensemble."""
        if self.claim is None:
            return ""
        parts = ["soret", "run", self.claim]
        if self.scale and self.scale != "quick":
            parts += ["--scale", self.scale]
        for name, value in self._changed().items():
            parts += ["--set", f"{name}={words.setting(value)}"]
        if self.seed:
            parts += ["--seed", str(self.seed)]
        return shlex.join([*parts, "--out", str(self.path)])

    def experiments(self) -> dict[str, xr.Dataset]:
        """Load the data: experiments by name, in the order they were made; one alone is nameless.

        Raises
        ------
        RunError
            If the data is missing or damaged.
        """
        data = store.read(self.path / "data.zarr", self.record["data_sha256"])
        if isinstance(data, xr.Dataset):
            return {"": data}
        names = self.record.get("experiments")
        if names is None or not all(f"/{name}" in data.groups for name in names):
            raise RunError(f"{self.path} is damaged: run.json names experiments that it has not.")
        return {str(name): data[str(name)].to_dataset() for name in names}

    def in_words(self) -> str:
        """Return the verdict and the numbers, to be read aloud in place of the figure."""
        if self.verdict is None:
            return f"{self.title}: {self.outcome}."
        told = self.finding or f"{self.verdict}."
        return f"{self.title}: {told} {words.tested(self.results)}"

    @cached_property
    def _known(self) -> Any:
        """The claim's class; None where this version does not know it."""
        find()  # fills CLAIMS
        return CLAIMS.get(self.claim or "")

    def _changed(self) -> Mapping[str, Any]:
        """Return the settings that differ from those of the scale; all, if it is not known."""
        settings = self.description.get("settings")
        if not isinstance(settings, Mapping):
            return {}
        if self._known is None or self.scale not in SCALES:
            return settings
        usual = files.finite(at_scale(self._known, self.scale))
        # What stands in for the scale's own is found again, and not asked for.
        replaced = self.description.get("substitutes") or {}
        return {
            name: value
            for name, value in settings.items()
            if usual.get(name) != value and name not in replaced
        }


def read_run(path: Path) -> SavedRun:
    """Read a run's record and verdict; its data is verified, and left where it is.

    Raises
    ------
    RunError
        If the run is missing, unfinished or damaged, or has the verdict of another.
    """
    return state.settled(path, _read_run)


def _read_run(path: Path) -> SavedRun:
    record = schema.read_record(path / "run.json")
    run = SavedRun(path, record)
    if record["state"] != "complete":
        raise state.UnfinishedError(state.unfinished(path, record, run.command))
    refused: dict[str, str] = {}
    if (path / "figures").is_symlink():
        refused["figures"] = f"{path / 'figures'} is a link; it is not followed for figures."
    elif not state.is_old(record):
        refused = manifest.problems(path, ("run.json", "verdict.json", "figures"))
    judged = os.path.lexists(path / "verdict.json")
    for name, sentence in refused.items():
        if not name.startswith("figures") and (judged or name != "verdict.json"):
            raise RunError(sentence)
    if refused and judged and state.in_use(path):
        raise state.being_judged(path)
    store.check(path / "data.zarr", record["data_sha256"])
    notes = state.cautions(record)
    if not judged:
        if run.claim is not None:
            notes.append(state.not_judged(path, run.command))
        seconds = _seconds(record.get("seconds"), record)
        return replace(run, seconds=seconds, notes=notes, refused=refused)
    found = schema.read_verdict(path / "verdict.json", record)
    results = results_of(found)
    return replace(
        run,
        results=results,
        statements=statements_of(found, results),
        finding=found.finding,
        verdict=found.verdict,
        seconds=_seconds(found.seconds, record),
        diverged=found.diverged,
        notes=[*notes, *found.notes],
        paper=found.paper,
        refused=refused,
        substitutes=found.substitutes,
    )


def _apart(statement: TestedStatement) -> str:
    """Why a statement does not count among the paper's own at its own settings."""
    told = [
        statement.origin if statement.origin not in ("", Origin.PRINTED) else "",
        statement.setting if statement.setting not in ("", Setting.PAPER) else "",
    ]
    return f"({', '.join(filter(None, told))})" if any(told) else ""


def _seconds(told: float | None, record: Mapping[str, Any]) -> float | None:
    """Return a run's cost: a run that was judged again told only how long judging took."""
    started, finished = (schema.moment(record.get(key)) for key in ("started", "finished"))
    found = [] if told is None else [told]
    if started is not None and finished is not None and finished >= started:
        found.append((finished - started).total_seconds())
    return max(found, default=None)


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in nested.items():
        if key in _FOR_MACHINES:
            continue
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key} ")
        else:
            flat[f"{prefix}{key}"] = words.setting(value)
    return flat
