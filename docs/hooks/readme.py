"""Put the verdicts of saved runs into README.md: `python docs/hooks/readme.py FOLDER…`.

A folder is a run, or holds some. The table has a row for every registered claim, from its run at
seed 0 with the settings of its scale unchanged (at paper scale, where there is such a run); a
claim without one is listed with the command that runs it. Runs of the same settings at other seeds
are compared with it: a statement whose verdict is another at one of them is named with all its
verdicts. Below a paper's title its statements are counted by verdict: printed ones at the paper's
own setting apart from all others.

Exit status: 0 every claim has a verdict; 1 some have none; 2 the table could not be made.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from soret.claims import find
from soret.claims.finding import MARKS, totals
from soret.errors import SettingsError, SoretError
from soret.report import Collected, SavedRun, collect
from soret.report.table import escape
from soret.runs.files import write_text

README = Path(__file__).parents[2] / "README.md"
LEGEND = f"""\
A claim makes several statements, and each has a verdict, that of its worst result:
{", ".join(f"{mark} {word}" for word, mark in MARKS.items())}. A statement is the paper's own, in
print, unless it is called *restored* (a formula lost in the copy at hand: where it fails, the paper
is not contradicted) or *ours*; it is tested at the paper's setting unless that is called *easier*
or *other*. Below a paper's title its statements are counted, printed ones at its own setting apart
from all others. What was found is that of seed 0; the last column says at which other seeds all
verdicts were the same, and shows those that were not, seed by seed. What stands in brackets is a
95 % interval, except of what has none: around limits for weak noise (*formula*, *rate*,
*unequal-outliers*) it is what the last order of the extrapolation changes, around the accuracy on
random labels and the trace over its bound the range of the replicas, and around a distance of
densities the band that its tolerance names (`soret list CLAIM`). An interval of 95 % misses one
time in twenty: of some hundred verdicts near an edge a few change with the seed.
"""
BEGIN, END = "<!-- verdicts -->\n", "<!-- /verdicts -->\n"
PAGES = {
    "thermophoresis": "docs/thermophoresis.md",
    "three-factors": "docs/three-factors.md",
    "escape": "docs/power-law-escape.md",
    "limiting-dynamics": "docs/limiting-dynamics.md",
}


def main(folders: list[str], readme: Path = README) -> int:
    """Write the table between the two marks; return the exit status."""
    try:
        found = collect([Path(folder) for folder in folders])
        runs = chosen(found.runs)
        rows = table(runs, by_seed(found.runs, runs))
        write_text(readme, between(readme.read_text(encoding="utf-8"), rows))
    except SoretError as error:
        print(f"readme: {error}", file=sys.stderr)
        return 2
    return tell_missing(found, runs)


def tell_missing(found: Collected, runs: dict[str, SavedRun]) -> int:
    """Say how many claims have a verdict, and which have none; return the exit status."""
    missing = [claim.about.id for claim in find() if claim.about.id not in runs]
    for sentence in found.unread:
        print(f"not loaded: {sentence}", file=sys.stderr)
    for claim in missing:
        print(f"no run of {claim} at its own settings and seed 0", file=sys.stderr)
    print(f"{len(runs)} verdicts, {len(missing)} missing")
    return 1 if missing else 0


def between(text: str, rows: str, begin: str = BEGIN, end: str = END) -> str:
    """Return a page with the rows in place of what stands between its marks.

    Raises
    ------
    SettingsError
        If the marks are not there, once and in their order.
    """
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed) or begin in rest or end in after:
        raise SettingsError(f"the page needs {begin.strip()} and, below, {end.strip()}, once each.")
    return f"{before}{begin}{rows}{end}{after}"


def chosen(runs: Iterable[SavedRun]) -> dict[str, SavedRun]:
    """Return the run that speaks for each registered claim."""
    usual = [run for run in runs if run.seed == 0 and _as_it_is(run)]
    return {str(run.claim): run for run in sorted(usual, key=lambda run: run.scale == "paper")}


def by_seed(runs: Iterable[SavedRun], those: dict[str, SavedRun]) -> dict[str, dict[int, SavedRun]]:
    """Return the runs of each claim at the scale of the one that speaks for it, by seed."""
    found: dict[str, dict[int, SavedRun]] = {claim: {} for claim in those}
    for run in sorted(filter(_as_it_is, runs), key=lambda run: int(run.seed)):
        if run.claim in those and run.scale == those[run.claim].scale:
            found[str(run.claim)][int(run.seed)] = run
    return found


def table(runs: dict[str, SavedRun], seeds: dict[str, dict[int, SavedRun]]) -> str:
    """Return a row for every registered claim, below a row for its paper; and what marks mean."""
    head = "| claim | what was found | statements | other seeds |"
    lines = [LEGEND, head, "|---|---|---|---|"]
    for paper, page in PAGES.items():
        claims = [claim.about for claim in find(f"{paper}/*")]
        counted = totals(
            statement for c in claims if c.id in runs for statement in runs[c.id].statements
        )
        lines.append(f"| **[{claims[0].source.title}]({page})** | {counted} | | |")
        lines += [row(about, page, runs.get(about.id), seeds.get(about.id, {})) for about in claims]
    return "".join(f"{line}\n" for line in lines)


def row(about: Any, page: str, run: SavedRun | None, seeds: dict[int, SavedRun]) -> str:
    """Return a claim's row; its name leads to its paper's page, and says what is claimed."""
    says = escape(about.statement).replace('"', "&quot;")
    name = f'[{about.id}]({page} "{says}")'
    if run is None:
        return f"| {name} | not run here: `soret run {about.id}` | | |"
    scale = " (paper scale)" if run.scale == "paper" else ""
    return f"| {name}{scale} | {escape(run.found)} | {escape(run.marks)} | {compared(seeds)} |"


def compared(seeds: dict[int, SavedRun]) -> str:
    """Say at which seeds verdicts were those of the first, and show those that were not."""
    if len(seeds) < 2:
        return ""
    numbers, first = list(seeds), next(iter(seeds.values()))
    span = f"{numbers[0]}–{numbers[-1]}" if _consecutive(numbers) else ", ".join(map(str, numbers))
    marks = [[one.mark for one in run.statements] for run in seeds.values()]
    changing = [
        f"{one.name or one.text}: {''.join(verdicts)}"
        for one, verdicts in zip(first.statements, zip(*marks, strict=True), strict=True)
        if len(set(verdicts)) > 1
    ]
    return escape("; ".join(changing) + f" (seeds {span})" if changing else f"the same at {span}")


def _consecutive(numbers: list[int]) -> bool:
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _as_it_is(run: SavedRun) -> bool:
    """Whether a run is of a registered claim, judged, and of the settings of its scale."""
    known = run.claim in {claim.about.id for claim in find()} and bool(run.verdict)
    usual = run.scale in ("quick", "paper") and " --set " not in run.command
    return known and usual and not run.substitutes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
