"""The gallery: every claim with what its saved runs show, made from the run folders themselves.

Runs are looked for in ``$SORET_RUNS`` (folders separated as in ``$PATH``), by default in ``runs``
and the folders in it. Everything that comes from a run is escaped: a run folder may come from
anyone.
"""

import html
import os
import re
from itertools import groupby
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from soret.claims import find
from soret.errors import SettingsError
from soret.report import SavedRun, collect
from soret.report.table import escape as escape_markdown
from soret.report.words import duration, number

_FIGURE = re.compile(r"^<!-- figure (?P<claim>[\w/-]+) -->$", re.M)
_PAPERS = {
    "thermophoresis": "Thermophoresis",
    "three-factors": "Three factors",
    "escape": "Power-law escape",
    "limiting-dynamics": "Limiting dynamics",
}


def on_files(files: Files, config: Any) -> Files:
    """Add the gallery's pages, one a paper, and the figures of the runs."""
    runs = saved_runs(Path(config.config_file_path).parent)
    pages = {"index": _index(runs)} | {paper: _page(paper, runs) for paper in _PAPERS}
    for name, text in pages.items():
        files.append(File.generated(config, f"gallery/{name}.md", content=text))
    for every in runs.values():
        for run in every:
            for figure in run.figures:
                place = f"gallery/{_figure_name(run, figure)}"
                files.append(File.generated(config, place, abs_src_path=str(figure.resolve())))
    return files


def on_page_markdown(markdown: str, config: Any, **_: object) -> str:
    """Put a claim's figures where a page asks for them: ``<!-- figure paper/claim -->``."""
    if not _FIGURE.search(markdown):
        return markdown
    runs = saved_runs(Path(config.config_file_path).parent)

    def shown(found: re.Match[str]) -> str:
        every = runs.get(found["claim"], [])
        return _figures(every[-1], "gallery/") if every else _not_run(found["claim"])

    return _FIGURE.sub(shown, markdown)


def saved_runs(root: Path) -> dict[str, list[SavedRun]]:
    """Return the runs of each claim, one a scale: the one nearest to the scale's own settings."""
    told = os.environ.get("SORET_RUNS")
    places = (
        [root / place for place in told.split(os.pathsep)]
        if told
        else [root / "runs", *sorted((root / "runs").glob("*/"))]
    )
    folders = [place for place in places if any(place.glob("*/run.json"))]
    try:
        found = collect(folders).runs if folders else []
    except SettingsError:  # none of them can be read
        found = []
    kept: dict[str, list[SavedRun]] = {}
    for claim, of_claim in groupby((r for r in found if r.verdict), key=lambda run: str(run.claim)):
        by_scale = sorted(of_claim, key=_oddness)
        kept[claim] = list({run.scale: run for run in reversed(by_scale)}.values())
        kept[claim].sort(key=lambda run: run.scale == "paper")
    return kept


def escape(text: str) -> str:
    """Return text that is shown as it is; braces would give attributes to what they follow."""
    return escape_markdown(text).replace("{", "&#123;").replace("}", "&#125;")


def _oddness(run: SavedRun) -> tuple[int, str, str]:
    asked = run.command.count(" --set ") + len(run.substitutes)
    return asked, str(run.seed), str(run.path)


def _index(runs: dict[str, list[SavedRun]]) -> str:
    missing = [c.about.id for c in find() if c.about.id not in runs]
    text = (
        "# Gallery\n\nEvery claim with its figures and verdicts, made from saved runs when this "
        "site was built. A claim has several results; the one that decides its verdict is "
        "shown here, with its 95 % interval, all of them on its paper's page.\n\n"
    )
    for paper, title in _PAPERS.items():
        shown = [run for c in find(f"{paper}/*") for run in runs.get(c.about.id, [])]
        if shown:
            rows = "".join(_row(run) for run in shown)
            text += f"## {title}\n\n| claim | verdict | what was found |\n|---|---|---|\n{rows}\n"
    if missing:
        text += "## Not run here\n\n" + "\n".join(f"- {_command(claim)}" for claim in missing)
    return text + "\n"


def _row(run: SavedRun) -> str:
    name = str(run.claim).partition("/")[2] + (" (paper scale)" if run.scale == "paper" else "")
    link = f"[{escape(name)}]({_anchor(str(run.claim))})"
    return f"| {link} | {_chip(run.verdict)} | {escape(run.found)} |\n"


def _chip(verdict: object) -> str:
    shown = html.escape(str(verdict))
    return f'<span class="verdict {shown}">{shown}</span>'


def _page(paper: str, runs: dict[str, list[SavedRun]]) -> str:
    parts = [f"# Gallery: {_PAPERS[paper]}\n"]
    for claim in find(f"{paper}/*"):
        about = claim.about
        parts.append(f"## {about.id.partition('/')[2]} {{ #{_slug(about.id)} }}\n")
        parts.append(f"{escape(about.statement)}\n\n*{escape(str(about.source))}*\n")
        shown = runs.get(about.id, [])
        parts += [_run(run) for run in shown] or [_not_run(about.id)]
    return "\n".join(parts)


def _run(run: SavedRun) -> str:
    head = (
        f"{_chip(run.verdict)} at {escape(run.scale)} scale, seed "
        f"{escape(str(run.seed))}, {escape(duration(run.seconds))} s"
    )
    if run.diverged:
        head += f"; {run.diverged} replicas diverged"
    lines = [
        "| tested | predicted | measured (95 %) | rival | verdict |",
        "| --- | --- | --- | --- | --- |",
    ]
    for result in run.results:
        cells = (
            result.quantity,
            number(result.predicted),
            result.in_words.replace(" (95 %: ", " ("),
            number(result.rival),
        )
        lines.append(f"| {' | '.join(map(escape, cells))} | {_chip(result.verdict)} |")
    notes = "".join(f"- {escape(note)}\n" for note in run.notes)
    command = html.escape(run.command.rpartition(" --out ")[0])
    return "\n".join(
        [
            head + "\n",
            _figures(run),
            "",
            *lines,
            "",
            notes,
            f"<pre><code>$ {command}</code></pre>",
            "",
        ]
    )


def _figures(run: SavedRun, folder: str = "") -> str:
    return "\n".join(
        f'<p><a href="{folder}{_figure_name(run, figure)}"><img loading="lazy" '
        f'src="{folder}{_figure_name(run, figure)}" alt="{html.escape(run.in_words())}"></a></p>'
        for figure in run.figures
    )


def _figure_name(run: SavedRun, figure: Path) -> str:
    """Return a name of letters that are safe in any address."""
    name = "-".join((str(run.claim), run.scale, figure.stem))
    return re.sub(r"[^\w-]+", "-", name, flags=re.ASCII) + figure.suffix


def _not_run(claim: str) -> str:
    return f"Not run here: {_command(claim)}\n"


def _command(claim: str) -> str:
    return f"`soret run {claim}`"


def _anchor(claim: str) -> str:
    return f"{claim.partition('/')[0]}.md#{_slug(claim)}"


def _slug(claim: str) -> str:
    return claim.partition("/")[2]
