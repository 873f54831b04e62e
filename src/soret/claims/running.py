"""Running a claim: its experiments, judge, put the test to the test with its control, draw."""

from __future__ import annotations

import hashlib
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import xarray as xr

import soret
from soret.claims import images
from soret.claims.claim import About, Runs
from soret.claims.discovery import find
from soret.claims.dry_run import dry_run
from soret.claims.earlier import refuse_earlier
from soret.claims.experiments import Experiments
from soret.claims.finding import TestedStatement, assigned, conclude, finding, verdict_of
from soret.claims.own_code import what_it_computes
from soret.claims.runner import Runner
from soret.claims.settings import configure
from soret.dynamics.keys import check_seed
from soret.errors import RunError, SettingsError, SoretError
from soret.numerics import single_precision
from soret.plotting import save
from soret.printable import printable
from soret.runs import RunFolder
from soret.runs.files import finite
from soret.runs.numbers import NUMBERS
from soret.runs.paths import shown
from soret.runs.schema import run_digest
from soret.verdict import Result, Verdict


@dataclass(frozen=True, repr=False)
class Outcome:
    """What came of running a claim.

    Attributes
    ----------
    about : About
    scale : str
    seed : int
    folder : Path
        The run's folder.
    seconds : float
    results : list of Result
    statements : list of TestedStatement
    finding : str
        What was found, in one sentence.
    verdict : Verdict
        For scripts: the worst on the paper's statements (`soret.claims.finding.verdict_of`).
    figures : list of Path
    diverged : int
        Replicas that diverged, over all experiments.
    notes : list of str
        Substitutes, and warnings raised on the way.
    substitutes : list of str
        What was used in place of what the scale says, in sentences; the run is then not the
        paper's own setting.
    """

    about: About
    scale: str
    seed: int
    folder: Path
    seconds: float
    results: list[Result]
    statements: list[TestedStatement]
    finding: str
    verdict: Verdict
    figures: list[Path]
    diverged: int
    notes: list[str]
    substitutes: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return the object that `soret run --json` prints."""
        return finite(
            {
                "claim": self.about.id,
                "paper": str(self.about.source),
                "scale": self.scale,
                "seed": self.seed,
                "run": str(shown(self.folder)),
                "seconds": round(self.seconds, 2),
                "finding": self.finding,
                "statements": [statement.as_json() for statement in self.statements],
                "results": [result.as_json() for result in self.results],
                "verdict": str(self.verdict),
                "figures": [str(shown(path)) for path in self.figures],
                "diverged": self.diverged,
                "notes": self.notes,
                "substitutes": self.substitutes,
            }
        )

    def __str__(self) -> str:
        lines = [f"{self.about.id} ({self.scale} scale, seed {self.seed}): {self.finding}"]
        for one in self.statements:
            lines.append(f"  {one.mark} {one.shown}: {one.text}")
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join([*lines, f"  saved in {shown(self.folder)}"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Show the same in a notebook."""
        rows = "".join(
            f"<tr><td>{escape(one.mark)} {escape(one.shown)}</td>"
            f"<td style='text-align: left'>{escape(one.text)}</td></tr>"
            for one in self.statements
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return (
            f"<p><b>{escape(self.about.id)}</b> ({escape(self.scale)} scale, seed {self.seed}): "
            f"{escape(self.finding)}</p><table>{rows}</table>{notes}"
            f"<p>saved in <code>{escape(str(shown(self.folder)))}</code></p>"
        )


def run(
    claim: Any,
    *,
    scale: str = "quick",
    seed: int = 0,
    out: Path | str | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Outcome:
    """Run a claim, one of one's own or Soret's; the same again resumes, or judges again.

    Parameters
    ----------
    claim : type or str
        A class made by `soret.claims.claim`, or what `find` takes for one claim.
    scale : {"quick", "paper"}
    seed : int
    out : path, optional
        The run's folder. Default: in ``runs``, by claim and settings.
    progress : bool, optional
        As in `soret.simulate`; where it is on, or left to Soret, what is being done is said too.
    **settings
        Settings of the claim, over the scale's.

    Returns
    -------
    Outcome
        Finding, statements with their verdicts, results, figures; it can be printed.

    Raises
    ------
    SettingsError
        If there is no such claim, or there are several, or the settings do not work.

    Examples
    --------
    >>> found = soret.claims.run("thermophoresis/activation-rate", inputs=20)
    >>> print(found.finding)
    """
    if isinstance(claim, str):
        several = find(claim)
        if len(several) > 1:
            raise SettingsError(f"{claim!r} is {len(several)} claims; run one at a time.")
        claim = several[0]
    if not isinstance(claim, type) or not hasattr(claim, "about"):
        raise SettingsError(
            f"{claim!r} is no claim; give the id of one, or a class decorated with "
            "@soret.claims.claim(…)."
        )
    return run_claim(
        configure(claim, scale, settings),
        scale=scale,
        seed=seed,
        out=None if out is None else Path(out),
        progress=progress,
        say=_quiet if progress is False else _say,
    )


def _quiet(line: str) -> None:
    """Say nothing."""


def _say(line: str) -> None:
    print(f"  {printable(line)}", file=sys.stderr, flush=True)


def default_folder(claim: Any, scale: str, seed: int) -> Path:
    """Return where a run goes unless told: ``runs/<claim>-<hash>``.

    The hash is of settings, of what stands in for them, scale, seed and the version of the numbers.
    """
    told = [asdict(claim), scale, seed, NUMBERS]
    if claim.substitutes:
        told.append(dict(claim.substitutes))
    settings = json.dumps(finite(told), sort_keys=True)
    digest = hashlib.sha256(settings.encode()).hexdigest()[:8]
    return Path("runs") / f"{claim.about.id.replace('/', '-')}-{digest}"


@single_precision()
def run_claim(
    claim: Any,
    *,
    scale: str,
    seed: int = 0,
    out: Path | None = None,
    progress: bool | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Run a claim, or resume it, or judge a finished run again.

    Parameters
    ----------
    claim : Claim
        A claim with its settings.
    scale : str
        For the record.
    seed : int
    out : Path, optional
        The run's folder; default `default_folder`.
    progress : bool, optional
        As in `soret.simulate`.
    say : callable
        Told what is being done, a line at a time.

    Raises
    ------
    SoretError
        If the settings do not work, or the folder holds another run.
    """
    began = time.monotonic()
    check_seed(seed)  # what is refused must not take the folder
    folder = RunFolder(out if out is not None else default_folder(claim, scale, seed))
    experiments = dry_run(claim)
    with folder:
        return _run_in(folder, claim, experiments, scale, seed, progress, say, began)


def _run_in(
    folder: RunFolder,
    claim: Any,
    experiments: Experiments,
    scale: str,
    seed: int,
    progress: bool | None,
    say: Callable[[str], None],
    began: float,
) -> Outcome:
    substitutes = images.in_words(claim)
    for sentence in substitutes:
        say(sentence)
    about = _description(claim, scale, seed) | what_it_computes(claim, experiments)
    complete = folder.begin(about)
    folder.lock()
    with warnings.catch_warnings(record=True) as caught:
        # What is warned of is a note of the run, whatever the caller makes of warnings.
        known = soret.dynamics
        for kind in (known.DivergenceWarning, known.RoundingWarning, known.UndefinedWarning):
            warnings.simplefilter("always", kind)
        if complete:
            say(f"{folder.path} holds this run already; judging it again")
            runs = load_runs(folder)
            refuse_earlier(folder.path, claim, experiments, runs)
        else:
            runs = claim.saved(Runner(folder, about, progress, say).run(experiments))
            folder.finish(xr.DataTree.from_dict(dict(runs)), experiments=list(runs))
        say("testing")
        with _kept("testing", folder):
            results = assigned(claim, _judge(claim, runs))
            statements = conclude(claim, results)
    say("drawing")
    with _kept("drawing", folder):
        drawn = claim.draw(runs, results)
    with folder.drawing() as place:
        paths = [path for name, figure in drawn.items() for path in save(figure, place / name)]
    figures = [folder.figures / path.relative_to(place) for path in paths]
    diverged = sum(int((r.diverged_at >= 0).sum()) for r in runs.values() if "diverged_at" in r)
    outcome = Outcome(
        claim.about,
        scale,
        seed,
        folder.path,
        time.monotonic() - began,
        results,
        statements,
        finding(statements),
        verdict_of(statements),
        figures,
        diverged,
        list(dict.fromkeys([*substitutes, *(str(warning.message) for warning in caught)])),
        substitutes,
    )
    belongs = {"run_sha256": run_digest(folder.record())}
    folder.write_verdict(outcome.as_json() | belongs)
    return outcome


def _description(claim: Any, scale: str, seed: int) -> dict[str, Any]:
    """Return everything that decides the numbers, images by their digest."""
    about = {"claim": claim.about.id, "scale": scale, "seed": seed, "settings": asdict(claim)}
    data = images.described(claim)
    if data:
        about["data"] = data
    if claim.substitutes:
        about["substitutes"] = dict(claim.substitutes)
    return about


@contextmanager
def _kept(doing: str, folder: RunFolder) -> Iterator[None]:
    """Say of whatever goes wrong with saved data that the data is kept.

    Raises
    ------
    RunError
    """
    try:
        yield
    except Exception as error:
        told = str(error) if isinstance(error, SoretError) else repr(error)
        raise RunError(
            f"the data is saved in {folder.path}, but {doing} failed: {told.rstrip('.')}; the same "
            "command tests it again without simulating."
        ) from error


def _judge(claim: Any, runs: Runs) -> list[Result]:
    """Judge the run, and the same test on data that the rival made.

    Where the test would have supported the rival's data too it has no power, and its support
    is worth nothing.
    """
    results = claim.judge(runs)
    refused = claim.judge(claim.control(runs))
    return [
        replace(
            result,
            verdict=Verdict.INCONCLUSIVE,
            note=f"{result.note}; the test supports data made by the rival too",
        )
        if result.verdict is Verdict.SUPPORTED and control.verdict is Verdict.SUPPORTED
        else result
        for result, control in zip(results, refused, strict=True)
    ]


def load_runs(folder: RunFolder) -> Runs:
    """Return the experiments of a finished claim, in the order they were made.

    Raises
    ------
    RunError
        If the run is missing, unfinished or damaged.
    """
    data = folder.load()
    tree = data if isinstance(data, xr.DataTree) else xr.DataTree(data)
    # Groups come from disk in no order that means anything.
    names = folder.record().get("experiments") or []
    missing = [name for name in names if f"/{name}" not in tree.groups]
    if missing or not names:
        raise RunError(f"{folder.path} is damaged: it lacks experiments ({missing or 'all'}).")
    return {name: tree[name].to_dataset() for name in names}
