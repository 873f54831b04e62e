"""Finding the runs that a report is to show, and naming those that it cannot."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from soret.errors import SettingsError, SoretError
from soret.report.saved import SavedRun, read_run
from soret.runs.folder import runs_in


@dataclass(frozen=True)
class Collected:
    """What was found.

    Attributes
    ----------
    runs : list of SavedRun
        Claims by id, scale and seed; then ensembles without a claim.
    unread : list of str
        A sentence for each run that is unfinished, damaged or not there.
    """

    runs: list[SavedRun]
    unread: list[str]


def collect(paths: Iterable[Path]) -> Collected:
    """Read the runs at some paths: folders of runs, or folders that hold some.

    Parameters
    ----------
    paths : iterable of Path
        A run that is named twice is read once.

    Returns
    -------
    Collected
        A run that cannot be read is named in its `unread`.

    Raises
    ------
    SettingsError
        If there is not one run that can be read.
    """
    runs: list[SavedRun] = []
    unread: list[str] = []
    for path in dict.fromkeys(run for given in paths for run in _runs_in(given, unread)):
        try:
            runs.append(read_run(path))
        except SoretError as error:
            unread.append(str(error))
    if not runs:
        raise SettingsError(" ".join(["there is no run to report.", *unread]))
    return Collected(sorted(runs, key=_place), unread)


def _runs_in(path: Path, unread: list[str]) -> list[Path]:
    try:
        return runs_in(path)
    except SoretError as error:
        unread.append(str(error))
        return []


def _place(run: SavedRun) -> tuple[bool, str, str, str, str]:
    return (run.claim is None, run.title, run.scale, f"{run.seed!s:>20}", str(run.path))
