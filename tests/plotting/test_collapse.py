"""The collapse figure: three panels a row, labelled, with the verdict to be seen."""

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

import soret.inference
from soret.plotting import Row, collapse_figure, save


@pytest.fixture(scope="module")
def curves():
    rng = np.random.default_rng(0)
    rates, steps = np.array([0.1, 0.05]), np.arange(0, 1001, 20.0)
    s = steps * (rates[:, None] / 0.1) ** 2
    values = np.exp(-s / 200)[:, None] + 0.01 * rng.normal(size=(2, 16, len(steps)))
    return xr.DataArray(
        values,
        dims=("learning_rate", "replica", "step"),
        coords={"learning_rate": rates, "step": steps},
        name="height",
        attrs={"long_name": "height", "units": "m"},
    )


def draw(curves):
    found = soret.inference.collapse(curves, "learning_rate", rivals=(1.0, 2.0))
    rows = [
        Row("first", curves, found, "supported"),
        Row("second", curves, None, "inconclusive"),
    ]
    return collapse_figure(rows, over="learning_rate", predicted=2.0, rival=1.0, title="Title")


@pytest.fixture(scope="module")
def figure(curves):
    return draw(curves)


def panels(figure):
    return [part.axes for part in figure.subfigs]


def test_every_axis_has_a_label_with_units(figure):
    for row in panels(figure):
        assert len(row) == 3
        assert row[0].get_ylabel() == "height (m)"
        assert all("(updates)" in ax.get_xlabel() for ax in row)


def test_the_heading_tells_the_verdict_and_the_exponent(figure):
    first, second = (part._suptitle.get_text() for part in figure.subfigs)
    assert "SUPPORTED" in first
    assert "95 % interval" in first
    assert "INCONCLUSIVE" in second


def test_panels_are_raw_rival_prediction(figure):
    titles = [ax.get_title(loc="left") for ax in panels(figure)[0]]
    assert titles[0] == "raw"
    assert titles[1].startswith("rival: step × η¹")
    assert titles[2].startswith("prediction: step × η²")


def test_the_prediction_puts_the_curves_on_each_other(figure, curves):
    """The abscissae drawn are steps times (η/η_max)²."""
    fast, slow = panels(figure)[0][2].lines
    assert np.allclose(slow.get_xdata(), curves.step / 4)
    at = np.interp(slow.get_xdata(), fast.get_xdata(), fast.get_ydata())
    assert np.abs(at - slow.get_ydata()).max() < 0.05


def test_saving_is_reproducible_and_leaves_the_users_style_alone(curves, tmp_path):
    before = dict(mpl.rcParams)
    first, second = (save(draw(curves), tmp_path / name) for name in "ab")
    assert dict(mpl.rcParams) == before
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
