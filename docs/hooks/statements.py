"""Put every printed statement and what was found into its paper's page.

`python docs/hooks/statements.py FOLDER…`: a folder is a run, or holds some. The runs are those that
`readme.py` takes. A statement has a row: where the paper makes it, at which setting it was tested,
the result that decides its verdict beside what is predicted and what a rival predicts, and its
verdict at every seed. Restored statements and ours are on the README's table and in reports.

Exit status: as of `readme.py`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from readme import PAGES, between, by_seed, chosen, tell_missing
from soret.claims import find
from soret.claims.statement import Origin
from soret.errors import SoretError
from soret.report import SavedRun, collect
from soret.report.table import escape
from soret.runs.files import write_text

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- printed statements -->\n", "<!-- /printed statements -->\n"
HEADS = ("claim", "the paper states", "where", "tested at", "what decides", "predicted")
HEADS += ("rival", "found", "verdicts")


def main(folders: list[str], root: Path = ROOT) -> int:
    """Write the tables between their marks; return the exit status."""
    try:
        found = collect([Path(folder) for folder in folders])
        runs = chosen(found.runs)
        seeds = by_seed(found.runs, runs)
        for paper, page in PAGES.items():
            text = (root / page).read_text(encoding="utf-8")
            made = between(text, table(paper, runs, seeds), BEGIN, END)
            write_text(root / page, made)
    except SoretError as error:
        print(f"statements: {error}", file=sys.stderr)
        return 2
    return tell_missing(found, runs)


def table(paper: str, runs: dict[str, SavedRun], seeds: dict[str, dict[int, SavedRun]]) -> str:
    """Return a row for every printed statement of a paper's claims that were run."""
    lines = [f"| {' | '.join(HEADS)} |", "|" + "---|" * len(HEADS)]
    for claim in find(f"{paper}/*"):
        if claim.about.id in runs:
            made = rows(runs[claim.about.id], seeds[claim.about.id])
            lines += [f"| {' | '.join(map(escape, row))} |" for row in made]
    return "".join(f"{line}\n" for line in lines)


def rows(run: SavedRun, seeds: dict[int, SavedRun]) -> Iterator[tuple[str, ...]]:
    """Return the cells of a run's printed statements, the claim named before the first alone."""
    name = str(run.claim).partition("/")[2]
    for number, one in enumerate(run.statements):
        if one.origin != Origin.PRINTED:
            continue
        result = run.decides(one)
        compared = ("", "", "", "")
        if result is not None:
            predicted, rival = result.written.predicted, result.written.rival
            compared = (result.quantity, predicted, rival, interval(result))
        verdicts = "".join(each.statements[number].mark for each in seeds.values())
        where = f"{one.setting} setting"
        if one.differs:
            where += f": {one.differs}"
        yield name, one.text, one.where, where, *compared, verdicts
        name = ""


def interval(result: Any) -> str:
    """Return a result's estimate, and its interval where it has one."""
    if result.measured != result.measured:
        return "could not be measured"
    written = result.written
    if not result.interval_is:
        return str(written.measured)
    return f"{written.measured} ({written.low} to {written.high})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
