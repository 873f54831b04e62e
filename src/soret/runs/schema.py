"""What `run.json` and `verdict.json` may say: stated once, for all that read a run folder.

Both are read as a stranger may have left them. What is not stated here may be there, and is
shown as plain data; what is stated is of its type and in its range, or the run is refused in one
sentence that names the file and the field.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from soret.errors import RunError
from soret.runs.damaged import DamagedError
from soret.runs.strict_json import read_json

FORMATS = ("soret-run/1", "soret-run/2")
"""Formats of a run that can be read; the last is the one that is written."""

S = TypeVar("S")

Text = Annotated[str, Meta(max_length=10_000)]
Name = Annotated[str, Meta(max_length=1_000)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}\\Z")]
Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
Word = Literal["supported", "contradicted", "inconclusive"]


class Description(msgspec.Struct):
    """Those parts of a description that are read by name; all of it decides the numbers."""

    claim: Name | None = None
    scale: Name | None = None
    seed: Count | None = None
    settings: dict[str, Any] | None = None
    measurement: Name | None = None
    problem: dict[str, Any] | None = None
    algorithm: dict[str, Any] | None = None
    substitutes: dict[str, Text] | None = None


class Record(msgspec.Struct):
    """`run.json`: what was run, whence it comes, and how far it is."""

    state: Literal["running", "complete"]
    description: Description
    started: datetime | None = None
    finished: datetime | None = None
    versions: dict[str, Name] = {}
    platform: dict[str, Name | int | None] = {}
    data_sha256: Digest | None = None
    experiments: list[Name] | None = None
    seconds: Seconds | None = None


class Result(msgspec.Struct):
    """One result of a claim, as `soret.claims.Result` was when it was saved."""

    quantity: Text
    predicted: float | Text | None
    measured: float | None
    interval: tuple[float | None, float | None]
    rival: float | Text | None
    verdict: Word
    note: Text = ""
    statement: Name = ""
    within: tuple[float | None, float | None] | None = None
    interval_is: Text = "95 %"


class Statement(msgspec.Struct):
    """What became of one statement of a claim, as `soret.claims.finding` has it."""

    name: Name
    text: Text
    where: Text
    origin: Literal["printed", "restored", "ours"]
    setting: Literal["paper", "easier", "other"]
    differs: Text
    tolerance: Text
    verdict: Word | None
    deciding: Count | None
    clause: Text


class Verdict(msgspec.Struct):
    """`verdict.json`: what came of a claim's test, and of which run that was."""

    claim: Name
    scale: Name
    seed: Count
    seconds: Seconds
    results: list[Result]
    verdict: Word
    diverged: Count
    notes: list[Text]
    paper: Text = ""
    figures: list[Text] = []
    run_sha256: Digest | None = None
    substitutes: list[Text] = []
    finding: Text = ""
    statements: list[Statement] = []


def read_record(path: Path) -> dict[str, Any]:
    """Read a run's `run.json`.

    Returns
    -------
    dict
        All of it; what `Record` states is as stated there.

    Raises
    ------
    RunError
        As `read_json`, if it is of another format, or says what no run says.
    """
    content = read_json(path)
    found = content.get("format")
    if found not in FORMATS:
        raise RunError(
            f"{path} has format {str(found)[:80]!r}, and this version of Soret reads "
            f"{' and '.join(FORMATS)}; use the version that wrote it."
        )
    record = _as(Record, content, path)
    if record.state == "complete" and record.data_sha256 is None:
        raise _damaged(path, "data_sha256 is missing, the digest of its data")
    for moment in (record.started, record.finished):
        if moment is not None and moment.tzinfo is None:
            raise _damaged(path, "a time has no time zone")
    return content


def read_verdict(path: Path, record: Mapping[str, Any]) -> Verdict:
    """Read the `verdict.json` of a run.

    Parameters
    ----------
    path : Path
    record : mapping
        The run's, from `read_record`.

    Raises
    ------
    RunError
        As `read_json`, if it says what no verdict says, or is the verdict of another run.
    """
    return check_verdict(read_json(path), path, record)


def as_verdict(content: Mapping[str, Any]) -> Verdict:
    """Return the verdict that this process has made, as it will be read."""
    return msgspec.convert(content, Verdict)


def check_verdict(content: Mapping[str, Any], path: Path, record: Mapping[str, Any]) -> Verdict:
    """Return the verdict that a `verdict.json` holds, if it is this run's.

    Raises
    ------
    RunError
        As `read_verdict`.
    """
    verdict = _as(Verdict, content, path)
    description = record["description"]
    for name in ("claim", "scale", "seed"):
        there, here = getattr(verdict, name), description.get(name)
        if there != here:
            raise _another(path, f"its {name} is {there!r}, this run's {here!r}")
    if verdict.run_sha256 != run_digest(record) and (
        verdict.run_sha256 is not None or record["format"] != FORMATS[0]
    ):
        raise _another(path, "settings or data differ")
    _check_statements(verdict, path)
    return verdict


def _check_statements(verdict: Verdict, path: Path) -> None:
    """Refuse results of no statement, and a verdict that no result of the statement decides."""
    names = [statement.name for statement in verdict.statements]
    if len(set(names)) < len(names):
        raise _damaged(path, "two statements have the same name")
    if names and any(result.statement not in names for result in verdict.results):
        raise _damaged(path, "a result belongs to none of the statements")
    for i, statement in enumerate(verdict.statements):
        chosen = statement.deciding
        if (chosen is None) != (statement.verdict is None):
            raise _damaged(path, f"`statements[{i}]` has a verdict that nothing decides")
        if chosen is None:
            continue
        decides = verdict.results[chosen] if chosen < len(verdict.results) else None
        if decides is None or (decides.statement, decides.verdict) != (
            statement.name,
            statement.verdict,
        ):
            raise _damaged(path, f"`statements[{i}].deciding` is not the result that decides")


def moment(text: str | None) -> datetime | None:
    """Return the time that a checked record has in ISO 8601, if it has one."""
    return None if text is None else msgspec.convert(text, datetime)


def run_digest(record: Mapping[str, Any]) -> str:
    """Return what ties a verdict to its run: the SHA-256 of its description and of its data's.

    Parameters
    ----------
    record : mapping
        What the `run.json` of the complete run says.
    """
    tied = [record["description"], record.get("data_sha256")]
    text = json.dumps(tied, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _as(kind: type[S], content: Mapping[str, Any], path: Path) -> S:
    try:
        return msgspec.convert(content, kind)
    except (msgspec.ValidationError, OverflowError) as error:
        why = str(error).replace(" - at `$.", " in `").replace("$.", "")
        raise _damaged(path, why[:1].lower() + why[1:]) from error


def _damaged(path: Path, why: str) -> RunError:
    return DamagedError(f"{path} is damaged ({why}); the run cannot be read.")


def _another(path: Path, how: str) -> RunError:
    return RunError(
        f"{path} is the verdict of another run ({how}); run this one's command again to judge it."
    )
