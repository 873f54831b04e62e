"""The command line: `soret list`, `soret run`, `soret show`, `soret report`.

Standard output carries results alone; progress, tables beside JSON, and errors go to standard
error. Heavy imports wait until work starts, so that help and lists answer at once.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

import soret
from soret import streams, system
from soret.claims import configure, find, settings_of
from soret.errors import SettingsError, SoretError
from soret.printable import printable

if TYPE_CHECKING:
    from soret.bars import Bars
    from soret.claims.cost import Cost
    from soret.claims.running import Outcome
    from soret.claims.worker import Failure

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="soret",
    help="A laboratory for the statistical physics of stochastic gradient descent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
out = streams.Terminal()
err = streams.Terminal(stderr=True)

Patterns = Annotated[
    list[str], typer.Argument(metavar="CLAIM...", help="Ids or patterns, e.g. 'thermophoresis/*'.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, an object a line.")]


def main() -> None:
    """Run the command line; what is wrong on purpose becomes one line and an exit status."""
    streams.prepare()
    system.keep_own_access()
    system.stop_like_ctrl_c()
    status = _status()
    signal = system.ended_by()
    status = streams.finish(status if signal is None else 128 + signal)
    if system.was_asked_to_stop():
        system.leave(status)
    sys.exit(status)


def _status() -> int:
    try:
        app()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0
        return _stopped() if system.is_asked_to_stop() else status
    except SettingsError as error:
        _say_error(error)
        return BAD_USAGE
    except SoretError as error:
        _say_error(error)
        return FAILED
    except KeyboardInterrupt:
        return _stopped()
    except Exception as error:
        if system.is_asked_to_stop():  # what is cut short may fail in any way
            return _stopped()
        # Anything else is a defect, and its traceback is to be seen.
        refused = system.refusal(error)
        if refused is None:
            raise
        _say_error(f"{refused}.")
        return FAILED
    return 0


@app.callback(invoke_without_command=True)
def version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """A laboratory for the statistical physics of stochastic gradient descent."""
    if version:
        out.print(f"soret {soret.__version__}", highlight=False)
        raise typer.Exit


@app.command("list")
def list_claims(
    claims: Annotated[
        list[str] | None, typer.Argument(metavar="[CLAIM]...", help="Ids or patterns.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List claims; one claim alone with its settings."""
    found = find(*(claims or ()))
    if as_json:
        for claim in found:
            print(streams.json_line(_listed(claim)))
    elif len(found) == 1:
        _print_claim(found[0])
    else:
        table = Table(Column("claim", no_wrap=True), "what it says", show_lines=True)
        for claim in found:
            about = claim.about  # type: ignore[attr-defined]
            says = Text.assemble(about.statement, "\n", (str(about.source), "dim"))
            table.add_row(Text(about.id), says)
        out.print(table)


@app.command("run")
def run(
    claims: Patterns,
    scale: Annotated[str, typer.Option(help="quick (a minute) or paper (as printed).")] = "quick",
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 0,
    seeds: Annotated[
        int,
        typer.Option(min=1, help="Run so many seeds, from --seed on, and pool their verdicts."),
    ] = 1,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="The run's folder; with several claims or seeds, the folder that holds theirs.",
        ),
    ] = None,
    as_json: AsJson = False,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Claims at a time. Default: what cores and memory allow."),
    ] = None,
    estimate: Annotated[
        bool,
        typer.Option("--estimate", help="Say what it would cost on this machine; run nothing."),
    ] = False,
) -> None:
    """Simulate, test and draw claims; resume what was stopped.

    Exit status: 0 tested, whatever the verdict; 1 a claim failed to run; 2 bad usage or settings.
    """
    found = find(*claims)
    # All settings are checked before any claim starts.
    ready = [configure(claim, scale, assignments or ()) for claim in found]
    system.check_backends()
    if estimate:
        _estimate(ready, scale, as_json)
        return

    with system.stop_later():
        from soret.claims.side_by_side import run_tasks
        from soret.claims.worker import Task
        from soret.runs.paths import resolve

    folder = None if folder is None else resolve(folder, "--out")
    several = len(ready) * seeds > 1
    tasks = [
        Task(claim.about.id, tuple(claims), scale, tuple(assignments or ()), one, folder, several)
        for claim in ready
        for one in range(seed, seed + seeds)
    ]
    shown = _Shown(ready, seeds, as_json)
    try:
        run_tasks(tasks, jobs, shown, streams.is_terminal(sys.stderr))
    except KeyboardInterrupt:
        system.heard()
        shown.close()
        err.print("\nstopped; the same command again goes on from here")
        raise typer.Exit(INTERRUPTED) from None
    if shown.failures:
        wrong = any(failure.usage for failure in shown.failures)
        raise typer.Exit(BAD_USAGE if wrong else FAILED)


def _estimate(ready: list[Any], scale: str, as_json: bool) -> None:
    with system.stop_later():
        from soret.claims.cost import cost

    for claim in ready:
        _heading(claim)
        system.stop_if_asked()
        found = cost(claim, scale=scale, say=_say)
        if as_json:
            print(streams.json_line(found.as_json()), flush=True)
        _print_cost(found, err if as_json else out)


@app.command("show")
def show(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    as_json: AsJson = False,
) -> None:
    """Show verdict and provenance of saved runs: folders of runs, or folders that hold some.

    Exit status: 0 shown, runs that could not be read are named; 1 there was none to show.
    """
    with system.stop_later():
        from soret.report import terminal
        from soret.runs.paths import resolve, shown

    found = [shown(resolve(folder, "RUN")) for folder in folders]
    if not terminal.show(found, out, err, as_json):
        raise typer.Exit(FAILED)


@app.command("report")
def report(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    to: Annotated[
        Path, typer.Option("-o", "--out", help="A page (.html), or a table of verdicts (.md).")
    ] = Path("report.html"),
    live: Annotated[
        bool, typer.Option("--live", help="Watch one run: a page that is written while it runs.")
    ] = False,
    every: Annotated[int, typer.Option(min=1, help="With --live: seconds between looks.")] = 5,
) -> None:
    """Write one page on saved runs: verdicts, figures, curves, settings. It opens offline.

    Exit status: 0 written, runs that could not be read are named; 2 no run, or nowhere to write.
    """
    with system.stop_later():
        from soret.report import watch, write
        from soret.runs.paths import resolve, shown

    folders, to = [shown(resolve(f, "RUN")) for f in folders], shown(resolve(to, "--out"))
    if live:
        if len(folders) != 1:
            raise SettingsError(f"--live watches one run, not {len(folders)}.")
        watching = printable(f"watching {folders[0]}; open {to}; Ctrl-C ends it")
        err.print(Text(watching), soft_wrap=True)
        watch(folders[0], to, every, say=_say)
        out.print(Text(printable(to)), soft_wrap=True)
        return
    found = write(folders, to, say=_say)
    for sentence in found.unread:
        err.print(Text(printable(f"not loaded: {sentence}")), soft_wrap=True)
    out.print(Text(printable(to)), soft_wrap=True)


def _listed(claim: Any) -> dict[str, Any]:
    about = claim.about
    known = settings_of(claim)
    return {
        "claim": about.id,
        "statement": about.statement,
        "paper": about.source.title,
        "where": about.source.where,
        "statements": [
            {"name": s.name, "text": s.text, "where": s.where, "origin": str(s.origin)}
            | {"at": str(s.at), "differs": s.differs, "tolerance": s.tolerance}
            for s in about.statements
        ],
        "settings": {
            s.name: {"paper": s.default, "meaning": s.meaning, "allowed": s.allowed} for s in known
        },
        "quick": dict(about.quick),
    }


def _print_claim(claim: Any) -> None:
    about = claim.about
    out.print(Text(about.id, style="bold"))
    out.print(Text(about.statement))
    out.print(Text(f"{about.source}", style="dim"))
    stated = [one for one in about.statements if one.text != about.statement]
    for number, statement in enumerate(stated, 1):
        told = f"{statement.where}; {statement.origin}"
        out.print(Text.assemble(f"{number}. {statement.text} ", (told, "dim")))
        if statement.tolerance:
            out.print(Text(f"   tolerance: {statement.tolerance}", style="dim"))
    table = Table("setting", "paper", "quick", "meaning")
    for setting in settings_of(claim):
        quick = about.quick.get(setting.name, setting.default)
        table.add_row(
            setting.name,
            *(Text(_show(v)) for v in (setting.default, quick)),
            Text.assemble(setting.meaning, "\n", (setting.allowed, "dim")),
        )
    out.print(table)


def _show(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


class _Shown:
    """Prints what is told of claims: of the first that is not done as it happens, of others then.

    Parameters
    ----------
    claims : list of Claim
    seeds : int
        Tasks of each claim, one after the other.
    as_json : bool
    """

    def __init__(self, claims: list[Any], seeds: int, as_json: bool) -> None:
        self._claims, self._seeds = claims, seeds
        self._out = err if as_json else out
        self._as_json = as_json
        self._first = 0
        self._later: dict[int, list[tuple[str, Any]]] = {}
        self._outcomes: list[Outcome] = []
        self._bars: Bars | None = None
        self.failures: list[Failure] = []

    def __call__(self, number: int, kind: str, content: Any) -> None:
        """Print what is told of a task, or keep it until those before it are done."""
        if kind == "bar":
            self._draw(number, content)
        elif number == self._first:
            self._show(kind, content)
        else:
            self._later.setdefault(number, []).append((kind, content))

    def close(self) -> None:
        """Draw no bar any more."""
        if self._bars is not None:
            self._bars.close()
        self._bars = None

    def _show(self, kind: str, content: Any) -> None:
        self.close()
        claim, last = self._claims[self._first // self._seeds], self._seeds - 1
        if kind == "begin":
            if self._first % self._seeds == 0:
                _heading(claim)
            if self._seeds > 1:
                _say(f"seed {content}")
        elif kind == "say":
            _say(content)
        elif kind == "error":
            err.print(Text(printable(content)), soft_wrap=True)
        else:
            self._end(content)
            if self._first % self._seeds == last:
                self._end_claim()
            self._first += 1
            for one in self._later.pop(self._first, []):
                self._show(*one)

    def _end(self, content: "Outcome | Failure") -> None:
        from soret.claims.worker import Failure

        if isinstance(content, Failure):
            if content.trace:
                err.print(Text(printable(content.trace, lines=True)), soft_wrap=True)
            _say_error(content.reason)
            self.failures.append(content)
            return
        if self._as_json:
            print(streams.json_line(content.as_json()), flush=True)
        _print_outcome(content, self._out)
        self._outcomes.append(content)

    def _end_claim(self) -> None:
        if len(self._outcomes) > 1:
            _print_pooled(self._outcomes, self._as_json)
        self._outcomes = []

    def _draw(self, number: int, bar: tuple[str, float, float | None] | None) -> None:
        if bar is None:
            self.close()
            return
        if self._bars is None:
            self._bars = _claim_bars()
        title, done, total = bar
        self._bars.draw(f"{self._claims[number // self._seeds].about.id}  {title}", done, total)


def _claim_bars() -> "Bars":
    from rich import progress as columns

    from soret.bars import Bars

    return Bars(
        columns.TextColumn("{task.description}"),
        columns.BarColumn(),
        columns.TextColumn("{task.percentage:3.0f} %"),
        columns.TimeRemainingColumn(),
        transient=True,
    )


def _heading(claim: Any) -> None:
    err.print(Text.assemble((claim.about.id, "bold"), "  ", claim.about.statement))


def _stopped() -> int:
    system.heard()
    err.print("stopped")
    return INTERRUPTED


def _say(line: str) -> None:
    system.stop_if_asked()
    err.print(Text(f"  {printable(line)}", style="dim"))


def _say_error(error: BaseException | str) -> None:
    err.print(Text.assemble(("soret: ", "bold red"), printable(error, lines=True)), soft_wrap=True)


def _print_outcome(outcome: "Outcome", console: streams.Terminal) -> None:
    from soret.report.terminal import print_verdict
    from soret.runs import schema

    found = schema.as_verdict(outcome.as_json())
    print_verdict(found, console, every=False)
    where = printable(f"{outcome.seconds:.0f} s; saved in {outcome.as_json()['run']}")
    console.print(Text(where), soft_wrap=True)


def _print_pooled(outcomes: "list[Outcome]", as_json: bool) -> None:
    from soret.claims.pooling import pool
    from soret.report.terminal import print_pooled

    pooled = pool(outcomes)
    if as_json:
        print(streams.json_line(pooled.as_json()), flush=True)
    print_pooled(pooled, err if as_json else out)


def _print_cost(cost: "Cost", to: streams.Terminal) -> None:
    from soret.claims.cost import WORKERS
    from soret.dynamics.estimate import duration
    from soret.memory import readable

    table = Table(Column("ensemble", no_wrap=True), "blocks", "memory", "time")
    for name, one in cost.estimates.items():
        time = duration(one.seconds())
        table.add_row(Text(printable(name)), f"{one.blocks:,}", readable(one.memory), time)
    to.print(table)
    here = f"{cost.workers} worker{'s' * (cost.workers > 1)}"
    others = [n for n in WORKERS if n != cost.workers]
    scaled = ", ".join(f"{duration(cost.seconds(n))} on {n}" for n in others)
    to.print(
        f"{cost.about.id} at {cost.scale} scale: about {duration(cost.seconds())} on {here} here, "
        f"{readable(cost.memory)} of memory; {scaled}",
        highlight=False,
        soft_wrap=True,
    )
    if cost.measurements:
        names = printable(", ".join(cost.measurements))
        to.print(Text(f"not timed: {names}"), soft_wrap=True)


if __name__ == "__main__":
    main()
