"""The page: everything that saved runs say, in one file that opens without a network.

Figures are the claims' own, as pixels; curves are packed data that the page unpacks and hands to
Plotly when a reader comes near them. Texts from runs are escaped by Jinja; the page's policy lets
no script run but its own two, known by their hashes, and fetches nothing from anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources

import jinja2
import xarray as xr

import soret
from soret.claims.finding import IN_DOUBT, MARKS, NOT_TESTED, TestedStatement, totals
from soret.claims.papers import PAPERS
from soret.errors import SettingsError, SoretError
from soret.printable import printable
from soret.report import curves, embed, words
from soret.report.collect import Collected
from soret.report.picture import Picture, picture
from soret.report.saved import SavedRun
from soret.report.size import refuse_beyond, text_bytes
from soret.report.state import NOT_JUDGED
from soret.runs.store import TooLarge
from soret.verdict import Verdict

MOST_FIGURES = 40

GENERATOR = f"soret report {soret.__version__}"

_MARKS = MARKS | {None: "–"}
_CLASSES = {str(verdict): str(verdict) for verdict in Verdict} | {
    IN_DOUBT: "inconclusive",
    NOT_TESTED: "untested",
}


@dataclass(frozen=True)
class Section:
    """What the page shows of one run.

    Attributes
    ----------
    id : str
        Its anchor.
    run : SavedRun
    pictures : list of Picture
    plots : str
        Packed curves; empty where there are none.
    diverged : int
        Replicas that diverged, over all experiments.
    warnings : list of str
        What a reader has to know before believing the numbers.
    """

    id: str
    run: SavedRun
    pictures: list[Picture]
    plots: str
    diverged: int
    warnings: list[str]

    @property
    def bytes(self) -> int:
        """How much of the page it is, about."""
        described = len(self.alternative) * len(self.pictures)
        drawn = len(self.plots) + sum(len(picture.uri) for picture in self.pictures)
        return drawn + described + text_bytes(self.run)

    def counted(self, statement: TestedStatement) -> str:
        """How many results a statement has, and how they came out."""
        found = [str(result.verdict) for result in self.run.of(statement)]
        if len(found) == 1:
            return "The result"
        return f"All {len(found)} results: {words.counted(found)}"

    @property
    def diverged_words(self) -> str:
        """Return how many replicas diverged."""
        return f"{self.diverged or 'no'} diverged replica{'' if self.diverged == 1 else 's'}"

    @property
    def alternative(self) -> str:
        """What the figure shows, in words."""
        return f"Figure of {self.run.in_words()}"


@dataclass(frozen=True)
class Live:
    """What a page says of a run that is not finished.

    Attributes
    ----------
    title, words : str
    shares : list of (str, int)
        Per cent done, by experiment.
    every : int
        Seconds after which the page opens itself again; 0 where it should not.
    """

    title: str
    words: str
    shares: list[tuple[str, int]]
    every: int


def page(found: Collected) -> str:
    """Return a report of saved runs as HTML.

    Parameters
    ----------
    found : Collected
        As from `collect`. A run whose data cannot be read is listed among those not loaded.

    Raises
    ------
    SettingsError
        If there is no run whose data can be read, or the page would be too large.
    """
    sections, unread, size = [], list(found.unread), 0
    for number, run in enumerate(found.runs):
        try:
            sections.append(_section(f"run-{number + 1}", run))
        except SoretError as error:
            unread.append(str(error))
        else:
            size += sections[-1].bytes
            refuse_beyond(size, len(found.runs))
    if found.runs and not sections:
        raise SettingsError(" ".join(["there is no run to report.", *unread]))
    return render(sections, unread)


def render(sections: Sequence[Section], unread: Sequence[str], live: Live | None = None) -> str:
    """Return the page for sections that are made already."""
    script = _asset("explorer.js") + _asset("page.js")
    drawn = any(section.plots for section in sections)
    plotly, plotly_hash = embed.plotly() if drawn else ("", "")
    policy = (
        f"default-src 'none'; script-src {embed.source_hash(script)} {plotly_hash}; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return _template().render(
        title=_page_title(sections),
        heading=_heading(sections),
        counts="" if live else _counts(sections),
        papers=[] if live else _by_paper(sections),
        sections=sections,
        unread=unread,
        live=live,
        refresh=live.every if live else 0,
        policy=policy,
        generator=GENERATOR,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        bounds=f"At most {curves.CURVES} curves of {curves.POINTS} points a plot and "
        f"{curves.PLOTS} plots a run are here; all data is in each run's data.zarr.",
        marks=_MARKS,
        classes=_CLASSES,
        style=_safe(_asset("style.css")),
        script=_safe(script),
        plotly=plotly,
    )


def _section(id: str, run: SavedRun) -> Section:
    pictures, warnings = [], list(run.refused.values())
    try:
        experiments = run.experiments()
    except TooLarge as error:
        experiments = {}
        warnings.append(f"The curves are not shown: {error}")
    figures = run.figures
    for path in figures[:MOST_FIGURES]:
        try:
            pictures.append(picture(path, run.path))
        except SoretError as error:
            warnings.append(str(error))
    if len(figures) > MOST_FIGURES:
        warnings.append(f"It has {len(figures)} figures, of which {MOST_FIGURES} are shown.")
    diverged = run.diverged if run.diverged is not None else diverged_in(experiments)
    if diverged:
        warnings.append(
            f"{diverged} replica{'' if diverged == 1 else 's'} diverged; they are left out of "
            "means from the step at which they were first not finite."
        )
    found = curves.plots(experiments, run.title)
    plots = embed.packed_json(found) if found else ""
    return Section(id, run, pictures, plots, diverged, [*warnings, *run.notes])


def diverged_in(experiments: dict[str, xr.Dataset]) -> int:
    """Return how many replicas diverged."""
    found = (run["diverged_at"] for run in experiments.values() if "diverged_at" in run)
    return sum(int((steps >= 0).sum()) for steps in found if steps.dtype.kind in "iu")


def _page_title(sections: Sequence[Section]) -> str:
    return sections[0].run.title if len(sections) == 1 else f"Soret: {_heading(sections)}"


def _heading(sections: Sequence[Section]) -> str:
    claims = sum(section.run.verdict is not None for section in sections)
    what, count = ("claim", claims) if claims else ("run", len(sections))
    return f"{count} {what}{'' if count == 1 else 's'}{' tested' if claims else ''}"


def _totals(sections: Sequence[Section]) -> str:
    return totals(statement for s in sections for statement in s.run.statements)


def _counts(sections: Sequence[Section]) -> str:
    judged = _totals(sections)
    waiting = sum(section.run.outcome == NOT_JUDGED for section in sections)
    return "; ".join(filter(None, [judged, f"{waiting} {NOT_JUDGED}" if waiting else ""]))


def _by_paper(sections: Sequence[Section]) -> list[tuple[str, str, list[Section]]]:
    papers: dict[str, list[Section]] = {}
    for section in sections:
        if section.run.claim is not None:
            papers.setdefault(str(section.run.claim).partition("/")[0], []).append(section)
    return [(_paper_title(name), _totals(group), group) for name, group in papers.items()]


def _paper_title(name: str) -> str:
    # A paper that this version does not have has only its name.
    return PAPERS[name].title if name in PAPERS else name


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    environment.filters["duration"] = words.duration
    return environment.from_string(_asset("page.html"))


def _shown(value: object) -> object:
    """Return what a page may hold of a text that is no markup: nothing that turns its letters."""
    return printable(value) if type(value) is str else value


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _safe(own: str) -> str:
    """Mark text that is the package's own, not a run's, as markup."""
    import markupsafe

    return markupsafe.Markup(own)
