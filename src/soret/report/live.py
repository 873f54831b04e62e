"""Watching a run: a page that is written again every few seconds, until the run is done."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import xarray as xr

from soret import system
from soret.errors import RunError, SettingsError
from soret.report import curves, embed, state
from soret.report.collect import collect
from soret.report.page import Live, Section, page, render
from soret.report.partial import Finished, Reader, measured_share
from soret.report.saved import SavedRun
from soret.report.write import check_place, put
from soret.runs import RunFolder, checkpoints, schema

_SILENT = 120.0  # seconds; blocks are saved every ten


def watch(
    path: Path,
    to: Path,
    every: int = 5,
    say: Callable[[str], None] = lambda line: None,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Write a page on a run again and again, and at last the report of the finished run.

    Parameters
    ----------
    path : Path
        One run folder, of a claim or of `soret.simulate`; running, stopped or done.
    to : Path
        The page; it opens itself again in the reader's browser.
    every : int
        Seconds between two looks.
    say : callable
        Told when something cannot be read.
    wait : callable
        Told how many seconds to wait; Ctrl-C meanwhile ends the watching quietly.

    Raises
    ------
    SettingsError
        If `path` is no run, or `to` is no page.
    """
    if to.suffix != ".html":
        raise SettingsError(f"{to} is no page (.html); a table cannot be watched.")
    check_place(to)
    watcher = Watcher(path)
    if not watcher.folder.record_path.exists():
        raise SettingsError(f"{path} is no run; --live takes the folder of one run.")
    told = ""
    try:
        while not watcher.is_done():
            system.stop_if_asked()
            try:
                html = watcher.page(every)
            except Finished:
                continue
            except RunError as error:
                # Files come and go while a run is finished; what is really damaged stays so.
                if told != str(error):
                    told = str(error)
                    say(told)
            else:
                put(html, to)
            wait(every)
    except KeyboardInterrupt:
        system.heard()
        if not watcher.is_done():
            put(watcher.page(every=0), to)
            return
    put(page(collect([path])), to)


@dataclass
class Watcher:
    """Looks at a run: at its own blocks, or at those of a claim's experiments.

    Parameters
    ----------
    path : Path
    """

    path: Path
    _readers: dict[Path, Reader] = field(default_factory=dict)

    @property
    def folder(self) -> RunFolder:
        """The run's folder."""
        return RunFolder(self.path)

    def is_done(self) -> bool:
        """Whether the run is complete, and judged if it is a claim's."""
        record = self.folder.record()
        tests = "claim" in record.get("description", {})
        # Sealed, too: whoever judged it has given its lock back.
        judged = (self.path / "verdict.json").exists() and not state.in_use(self.path)
        return record.get("state") == "complete" and (judged or not tests)

    def page(self, every: int) -> str:
        """Return the page as of now; it opens itself again after `every` seconds if not 0.

        Raises
        ------
        Finished
            If the run is complete by now.
        RunError
            If the run is damaged, or its files are just being moved.
        """
        run = SavedRun(self.path, self.folder.record())
        seen = self._look(run)
        found = curves.plots(seen.data, run.title)
        plots = embed.packed_json(found) if found else ""
        running = replace(run, seconds=_since(run))
        section = Section("run-1", running, [], plots, 0, [])
        title = "Running" if every else "No longer watched"
        live = Live(title, _words(seen.newest, every), seen.shares, every)
        return render([section], [], live)

    def _look(self, run: SavedRun) -> "_Seen":
        if run.claim is None:
            return self._partial("", self.folder)
        if run.record.get("state") == "complete":
            return _Seen(run.experiments(), [("simulated, now judged", 100)])
        seen = _Seen()
        for part in sorted(self._parts(), key=lambda part: str(part.record().get("started"))):
            seen.add(self._experiment(part))
        return seen

    def _parts(self) -> list[RunFolder]:
        """Return the claim's experiments; no link leads to one."""
        place = self.path / checkpoints.FOLDER
        if place.is_symlink():
            raise RunError(f"{place} is a link; a run has none, and it is not followed or read.")
        inside = [file.parent for file in place.glob("*/run.json")]
        return [RunFolder(path) for path in inside if not path.is_symlink()]

    def _experiment(self, part: RunFolder) -> "_Seen":
        name, record = part.path.name, part.record()
        if record.get("state") == "complete":
            loaded = part.load()
            data = {name: loaded} if isinstance(loaded, xr.Dataset) else {}
            return _Seen(data, [(name, 100)])
        if "measurement" in record.get("description", {}):
            return _Seen({}, [(f"{name}, being measured", int(100 * measured_share(part)))])
        try:
            return self._partial(name, part)
        except Finished:
            return self._experiment(part)

    def _partial(self, name: str, part: RunFolder) -> "_Seen":
        partial = self._readers.setdefault(part.path, Reader(part)).read()
        share = int(100 * partial.share)
        return _Seen({name: partial.data}, [(name or "done", share)], partial.newest)


@dataclass
class _Seen:
    """The data so far, how much of each experiment it is in per cent, when it was last saved."""

    data: dict[str, xr.Dataset] = field(default_factory=dict)
    shares: list[tuple[str, int]] = field(default_factory=list)
    newest: float = 0.0

    def add(self, other: "_Seen") -> None:
        self.data |= other.data
        self.shares += other.shares
        self.newest = max(self.newest, other.newest)


def _words(newest: float, every: int) -> str:
    now = datetime.now(UTC)
    words = [f"As of {now:%H:%M:%S} UTC; this page opens itself again every {every} s."
             if every else f"As of {now:%H:%M:%S} UTC, when watching was stopped."]  # fmt: skip
    words.append("Curves are means over the replicas that got so far; blocks are saved every 10 s.")
    silent = now.timestamp() - newest
    if newest and silent > _SILENT:
        words.append(
            f"Nothing was saved for {silent / 60:.0f} minutes: the run may have been stopped; the "
            "same command goes on from there."
        )
    return " ".join(words)


def _since(run: SavedRun) -> float | None:
    started = schema.moment(run.record.get("started"))
    return None if started is None else (datetime.now(UTC) - started).total_seconds()
