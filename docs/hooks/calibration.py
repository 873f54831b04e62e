"""Measure how often intervals of `soret.inference` cover, and put it into docs/calibration.md.

`python docs/hooks/calibration.py [--share 0.1] [--only isotropy ...]`: the cases are those of the
tests (`tests/helpers/calibrations.py`), and the table is the same wherever it is made. A share
takes fewer data sets than the whole table, to try; tables of other functions than those named are
left as they are.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "helpers"))

from calibrations import CASES, REPLICAS, Case, measure  # noqa: E402

from soret.runs.files import write_text  # noqa: E402

PAGE = ROOT / "docs" / "calibration.md"
BEGIN, END = "<!-- table -->\n", "<!-- /table -->\n"


def main(arguments: list[str], page: Path = PAGE) -> int:
    """Write the table between the page's two marks; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the table's data sets")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="measure these functions, keep the other tables")
    chosen = parser.parse_args(arguments)
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        print(f"calibration: {page} lacks {BEGIN.strip()} or {END.strip()}", file=sys.stderr)
        return 2
    jobs = [
        (index, replicas, max(2, round(one.sets * chosen.share)))
        for index, one in enumerate(CASES)
        if chosen.only is None or one.function in chosen.only
        for replicas in REPLICAS
    ]
    with ProcessPoolExecutor(chosen.processes) as pool:
        found = list(pool.map(_measured, jobs))
    measured = {(index, n): result for (index, n, _), result in zip(jobs, found, strict=True)}
    tables = sections(rest.partition(END)[0]) if chosen.only is not None else {}
    tables |= sections(table(measured))
    written = "".join(tables[name] for name in sorted(tables))
    write_text(page, f"{before}{BEGIN}{written}{END}{after}")
    return 0


def sections(text: str) -> dict[str, str]:
    """Return the tables of a text by the function that each is of."""
    parts = f"\n{text}".split("\n### ")[1:]
    return {part.partition("\n")[0]: f"### {part.rstrip()}\n\n" for part in parts}


def table(measured: dict[tuple[int, int], tuple[dict[str, int], int]]) -> str:
    """Return a table for every function: a row for each quantity of each case."""
    lines = []
    for function, group in groupby(
        sorted(
            (pair for pair in enumerate(CASES) if (pair[0], REPLICAS[0]) in measured),
            key=lambda pair: pair[1].function,
        ),
        lambda pair: pair[1].function,
    ):
        head = " | ".join(map(str, REPLICAS))
        lines += [f"### {function}", "", f"| data | quantity | {head} |", "|---|---|" + "---|" * 5]
        for index, one in group:
            each = {n: measured[index, n] for n in REPLICAS}
            names = dict.fromkeys(name for hits, _ in each.values() for name in hits)
            for name in names:
                kind = f"*{name}*" if name in one.tests else name
                cells = " | ".join(_cell(one, name, n, *each[n]) for n in REPLICAS)
                lines.append(f"| {one.data} | {kind} | {cells} |")
        lines.append("")
    return "".join(f"{line}\n" for line in lines)


def _cell(one: Case, name: str, replicas: int, hits: dict[str, int], answered: int) -> str:
    if not answered:
        return "–"
    share = hits.get(name, 0) / answered
    # Bold: outside by more than two standard errors of what was measured.
    error = 2 * (max(share * (1 - share), 1 / answered) / answered) ** 0.5
    text = f"{100 * share:.1f}"

    def inside(low: float, high: float) -> bool:
        return low - error <= share <= high + error

    if inside(*one.nominal(name)):
        return text
    return f"{text} †" if inside(*one.allowed(name, replicas)) else f"**{text}**"


def _measured(job: tuple[int, int, int]) -> tuple[dict[str, int], int]:
    index, replicas, sets = job
    return measure(CASES[index], replicas, sets)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
