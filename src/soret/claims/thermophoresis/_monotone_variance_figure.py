"""The figure of `monotone_variance`: how much moments grow within ordered pairs."""

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from soret.plotting.style import COLOURS, GREY, LINES, VERDICT_COLOURS, heading, style
from soret.verdict import Verdict


def growth_figure(
    growth: xr.DataArray,
    cases: Mapping[str, str],
    verdicts: Mapping[str, Verdict],
    *,
    rounding: float,
    title: str,
) -> Figure:
    """Draw a panel for every case: the share of pairs whose growth is below a value.

    Parameters
    ----------
    growth : DataArray (case, moment, pair)
        Relative growth, from −1 to 1.
    cases : mapping of str to str
        What each case is, in words.
    verdicts : mapping of str to Verdict
        By case; where there is none the case is shown for comparison.
    rounding : float
        Growth above minus this counts as none.
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(3.3 * len(cases), 3.9), layout="constrained")
        heading(figure, title)
        axes: Any = figure.subplots(1, len(cases), sharey=True, squeeze=False)[0]
        for ax, (case, meaning) in zip(axes, cases.items(), strict=True):
            here = growth.sel(case=case)
            pairs = here.sizes["pair"]
            for i, moment in enumerate(growth.moment.values):
                values = np.sort(here.sel(moment=moment).values)
                # Steps at a few hundred points draw the same curve as all of them.
                index = np.unique(np.linspace(0, pairs - 1, 400).astype(int))
                ax.step(
                    values[index],
                    (index + 1) / pairs,
                    LINES[i % len(LINES)],
                    color=COLOURS[i],
                    where="post",
                    label=str(moment),
                )
            failed = int((here < -rounding).any("moment").sum())
            claimed = case in verdicts
            told = verdicts[case] if claimed else "not claimed"
            red = VERDICT_COLOURS[Verdict.CONTRADICTED]
            ax.axvspan(-1.05, 0, color=red, alpha=0.08, lw=0)
            ax.text(-0.97, 0.94, "violation", color=red, fontsize=8)
            ax.set_title(
                f"{meaning.replace('; ', chr(10))}\n"
                f"{failed:,} of {pairs:,} pairs fall: {told.upper()}",
                loc="left",
                color=VERDICT_COLOURS[verdicts[case]] if claimed else GREY,
                fontsize=8,
            )
            ax.set_xlim(-1.05, 1.05)
            ax.set_xlabel("growth (h₂ − h₁)/max(h₁, h₂)\n(dimensionless)")
        axes[0].set_ylabel("share of pairs that grow less")
        axes[-1].legend(fontsize=7, loc="lower right")
    return figure
