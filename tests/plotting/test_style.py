"""Saving a figure: both files whole, or nothing changed."""

import errno
import os

import pytest
from matplotlib.figure import Figure

from soret.plotting import save
from soret.runs import files


def drawn(*heights: float) -> Figure:
    figure = Figure()
    figure.subplots().plot(heights)
    return figure


def test_the_same_figure_gives_the_same_files(tmp_path):
    """Catches: a date or a random name inside the files."""
    first = [path.read_bytes() for path in save(drawn(1, 2), tmp_path / "a" / "scan.two")]
    again = [path.read_bytes() for path in save(drawn(1, 2), tmp_path / "b" / "scan.two")]
    assert first == again
    assert sorted(os.listdir(tmp_path / "a")) == ["scan.two.png", "scan.two.svg"]


@pytest.mark.parametrize("at", ["write", "replace"])
def test_a_full_disk_leaves_the_figure_that_was_there(at, tmp_path, monkeypatch):
    """Catches: a picture of 0 bytes where a whole one was."""
    paths = save(drawn(1, 2), tmp_path / "scan")
    before = [path.read_bytes() for path in paths]

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync" if at == "write" else "replace", full)
    with pytest.raises(OSError, match="No space"):
        save(drawn(2, 1), tmp_path / "scan")
    assert [path.read_bytes() for path in paths] == before
    assert len(os.listdir(tmp_path)) == 2


def test_a_figure_that_cannot_be_drawn_writes_nothing(tmp_path):
    """Catches: a PNG without its SVG."""
    figure = drawn(1, 2)
    figure.axes[0].set_title("$\\frac{1$")
    with pytest.raises(ValueError, match="frac"):
        save(figure, tmp_path / "new" / "scan")
    assert os.listdir(tmp_path) == []
