"""The figure of a scan over learning rates and batch sizes."""

import numpy as np
import pytest

from soret.plotting.scan import ScanRow, scan_figure

ETA, SIZE = (a.ravel() for a in np.meshgrid([0.1, 0.2], [4.0, 8.0], indexing="ij"))


@pytest.mark.parametrize("arrived", [0, 1, 4])
def test_it_is_drawn_whoever_arrived(arrived, tmp_path):
    """Hours of training lost in a figure, because no run met the stopping rule."""
    values = np.where(np.arange(4)[:, None] < arrived, np.full((4, 3), 0.5), np.nan)
    panels = {"loss": values, "accuracy": values}
    row = ScanRow("a rule", ETA, SIZE, panels, "a note", ["inconclusive"])
    figure = scan_figure([row], title="a scan", logarithmic=["loss"])
    figure.savefig(tmp_path / "scan.png", dpi=40)
    told = [text.get_text() for axes in figure.findobj(type(figure.axes[0])) for text in axes.texts]
    assert ("no run got there" in told) == (arrived == 0)
