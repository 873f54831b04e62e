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
from soret.claims.finding import IN_DOUBT, MARKS, TestedStatement, totals
from soret.claims.papers import PAPERS
from soret.errors import SettingsError
from soret.report import SavedRun, collect
from soret.report.table import escape as escape_markdown
from soret.report.words import brief, counted, duration

_FIGURE = re.compile(r"^<!-- figure (?P<claim>[\w/-]+) -->$", re.M)
_PAPERS = {name: paper.short for name, paper in PAPERS.items()}


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
        "site was built. A verdict belongs to a statement: "
        + ", ".join(f"{mark} {word}" for word, mark in MARKS.items())
        + ". The results behind them are on the paper's page.\n\n"
    )
    for paper, title in _PAPERS.items():
        shown = [run for c in find(f"{paper}/*") for run in runs.get(c.about.id, [])]
        if shown:
            rows = "".join(_row(run) for run in shown)
            told = totals(statement for run in shown for statement in run.statements)
            text += (
                f"## {title}\n\n{escape(told)}\n\n"
                f"| claim | what was found | statements |\n|---|---|---|\n{rows}\n"
            )
    if missing:
        text += "## Not run here\n\n" + "\n".join(f"- {_command(claim)}" for claim in missing)
    return text + "\n"


def _row(run: SavedRun) -> str:
    name = str(run.claim).partition("/")[2] + (" (paper scale)" if run.scale == "paper" else "")
    link = f"[{escape(name)}]({_anchor(str(run.claim))})"
    chips = " ".join(_chip(one, f"{one.mark} {one.name or one.shown}") for one in run.statements)
    return f"| {link} | {escape(run.found)} | {chips} |\n"


def _chip(statement: TestedStatement, text: str) -> str:
    return _coloured(statement.shown, text)


def _coloured(verdict: str, text: str) -> str:
    kind = "inconclusive" if verdict == IN_DOUBT else verdict.partition(" ")[0]
    return f'<span class="verdict {html.escape(kind)}">{html.escape(text)}</span>'


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
        f"At {escape(run.scale)} scale, seed {escape(str(run.seed))}, "
        f"{escape(duration(run.seconds))} s"
    )
    if run.diverged:
        head += f"; {run.diverged} replicas diverged"
    notes = "".join(f"- {escape(note)}\n" for note in run.notes)
    command = html.escape(run.command.rpartition(" --out ")[0])
    return "\n".join(
        [
            f"**{escape(run.found)}**\n",
            head + "\n",
            _figures(run),
            "",
            *(_statement(run, statement) for statement in run.statements),
            notes,
            f"<pre><code>$ {command}</code></pre>",
            "",
        ]
    )


def _statement(run: SavedRun, statement: TestedStatement) -> str:
    """Return what is stated, its verdict, and the results it rests on, folded."""
    own = run.of(statement)
    about = [statement.where, statement.circumstances, statement.differs]
    told = html.escape("; ".join(filter(None, about)))
    tolerance = f"Tolerance: {html.escape(statement.tolerance)}" if statement.tolerance else ""
    heads = ("tested", "predicted", "allowed", "measured (95 %)", "rival", "verdict")
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{html.escape(cell)}</td>"
            for cell in (
                result.quantity,
                result.written.predicted,
                result.written.within,
                brief(result),
                result.written.rival,
            )
        )
        + f"<td>{_coloured(str(result.verdict), str(result.verdict))}</td></tr>"
        for result in own
    )
    count = counted(str(result.verdict) for result in own)
    return (
        f"<p>{_chip(statement, statement.shown)} {html.escape(statement.text)} "
        f"<small>{told}</small></p>\n"
        f"<details><summary>{len(own)} result{'' if len(own) == 1 else 's'}: {count}</summary>"
        f"<p>{tolerance}</p>"
        f"<table><thead><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr></thead>"
        f"<tbody>{rows}</tbody></table></details>\n"
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
