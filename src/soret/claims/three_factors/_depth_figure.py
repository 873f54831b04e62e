"""The figure of `_depth`: losses against norms of the Hessian, over pairs and within them."""

from collections.abc import Sequence

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from soret.claims.three_factors._depth import logs_of
from soret.claims.three_factors._training import trained
from soret.plotting.style import GREY, VERDICT_COLOURS, heading, style
from soret.verdict import Result


def depth_figure(ends: xr.Dataset, results: Sequence[Result], *, title: str) -> Figure:
    """Draw losses against norms, a colour an η/S; then both over the means of their pair."""
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(9.5, 4.0), layout="constrained")
        heading(figure, title)
        over, inside = figure.subplots(1, 2)
        ratio = np.log10(ends.learning_rate.values / ends.batch_size.values)
        norms, losses = (trained(ends, ends[name].values) for name in ("frobenius", "loss"))
        colour = np.broadcast_to(ratio[:, None], norms.shape)
        drawn = over.scatter(norms, losses, c=colour, s=12, cmap="viridis")
        over.set(xscale="log", yscale="log")
        over.set_xlabel("‖H‖ (Frobenius; nats)")
        over.set_ylabel("training loss at the end (nats)")
        figure.colorbar(drawn, ax=over, label="log₁₀(η/S)")
        logs = logs_of(ends)
        if logs[0].size:
            left = [np.exp(one - one.mean(1, keepdims=True)) for one in logs]
            inside.plot(*left, ".", color=GREY, ms=5)
        inside.set_xlabel("‖H‖ over its geometric mean at the same η and S")
        inside.set_ylabel("loss over its geometric mean at the same η and S")
        for ax, result, name in zip(
            (over, inside), results, ("over all η and S", "same η and S"), strict=True
        ):
            low, high = result.interval
            ax.set_title(
                f"{name}: correlation {result.measured:.2f}\n({low:.2f} to {high:.2f}); below 0 "
                "if sharper is deeper",
                loc="left",
                color=VERDICT_COLOURS[result.verdict],
            )
    return figure
