"""Put the verdicts of saved runs into README.md: `python docs/hooks/readme.py FOLDER…`.

A folder is a run, or holds some. A claim without a run is listed with the command that runs it.
"""

import sys
from pathlib import Path

from soret.claims import find
from soret.report import collect, table

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- verdicts -->\n", "<!-- /verdicts -->\n"


def main(folders: list[str]) -> None:
    """Write the table between the two marks."""
    known = [claim.about.id for claim in find()]
    runs = [run for run in collect([Path(f) for f in folders]).runs if run.claim in known]
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}{rows(runs, known)}{END}{after}")


def rows(runs: list, known: list[str]) -> str:
    """Return the table, and a row for each claim that no run was found of."""
    text = table(runs, link=lambda run: PAGES[str(run.claim).partition("/")[0]])
    columns = text.partition("\n")[0].count("|") - 1
    lines = text.splitlines(keepends=True)
    ran = {run.claim for run in runs}
    for claim in known:
        if claim not in ran:
            cells = [claim, f"not run here: `soret run {claim}`", *[""] * (columns - 2)]
            lines.append(f"| {' | '.join(cells)} |\n")
    return "".join(lines[:2] + sorted(lines[2:], key=lambda line: line.lstrip("| [")))


PAGES = {
    "thermophoresis": "docs/thermophoresis.md",
    "three-factors": "docs/three-factors.md",
    "escape": "docs/power-law-escape.md",
    "limiting-dynamics": "docs/limiting-dynamics.md",
}


if __name__ == "__main__":
    main(sys.argv[1:])
