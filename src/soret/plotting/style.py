"""One look for all figures, and saving them so that the same figure gives the same file."""

import io
from collections.abc import Collection
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure, FigureBase

from soret.plotting.empty import straighten
from soret.runs.durable import make_folder
from soret.runs.files import write_bytes
from soret.verdict import Verdict, together

# Okabe and Ito's colours, told apart with any colour vision and in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":")
VERDICT_COLOURS = {
    Verdict.SUPPORTED: "#00704A",
    Verdict.CONTRADICTED: "#B3261E",
    Verdict.INCONCLUSIVE: "#6B5B00",
}
GREY = "#5F6368"

_DPI = 160  # of the PNG

_STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    # Text stays text, and identifiers do not change from one run to the next.
    "svg.fonttype": "none",
    "svg.hashsalt": "soret",
}


def verdict_colour(verdicts: Collection[Verdict]) -> str:
    """Return the colour of the verdict that decides; grey where there is none."""
    return VERDICT_COLOURS[together(verdicts)] if verdicts else GREY


def heading(figure: FigureBase, title: str) -> None:
    """Set the line above a whole figure."""
    figure.suptitle(title, fontweight="bold", x=0.01, ha="left", fontsize=11)


def style() -> Any:
    """Return the settings for ``matplotlib.rc_context``; the user's own are left alone."""
    return dict(_STYLE)


def save(figure: Figure, path: Path) -> list[Path]:
    """Save a figure as PNG and SVG; return the two paths.

    Both are drawn before one is written, and each file is whole or not there.

    Parameters
    ----------
    figure : Figure
        Its resolution and layout are then those it was drawn with.
    path : Path
        Without extension; its folder is made.
    """
    png, svg = io.BytesIO(), io.BytesIO()
    straighten(figure)
    with matplotlib.rc_context(style()):
        # Laid out once for both, which takes as long as drawing; `savefig` would draw each a
        # second time only to do that anew.
        figure.dpi = _DPI
        canvas = FigureCanvasAgg(figure)
        layout = figure.get_layout_engine()
        if layout is not None:
            layout.execute(figure)
            figure.set_layout_engine("none")
        canvas.print_png(png)
        FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})
    drawn = {
        path.with_name(f"{path.name}.{kind}"): memory.getvalue()
        for kind, memory in (("png", png), ("svg", svg))
    }
    make_folder(path.parent)
    for place, content in drawn.items():
        write_bytes(place, content)
    return list(drawn)
