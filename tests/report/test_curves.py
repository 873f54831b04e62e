"""Curves for a plot: what is averaged, what is left out, and that it is said."""

import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from report_runs import RATES, curves
from scipy import stats

from soret.report.curves import CURVES, POINTS, plots
from soret.report.decimate import decimate
from soret.report.summary import summarize


def test_mean_band_axes_and_labels():
    """Curves of another learning rate, or a band that is not the interval of the mean."""
    run = curves()
    (plot,) = plots({"a": run, "b": run})
    assert plot["label"] == "activation rate"
    assert plot["units"] == "fraction"
    assert plot["x"] == {"name": "step", "label": "step", "units": "updates"}
    assert [(axis["name"], axis["numeric"]) for axis in plot["axes"]] == [
        ("learning_rate", True),
        ("experiment", False),
    ]
    assert len(plot["curves"]) == 6
    for curve in plot["curves"]:
        rate = plot["axes"][0]["values"][curve["at"][0]]
        values = run.activation_rate.sel(learning_rate=rate).values.astype(float)
        half = stats.t.isf(0.025, 5) * values.std(axis=0, ddof=1) / np.sqrt(len(values))
        np.testing.assert_allclose(curve["y"], values.mean(axis=0), rtol=1e-4)
        np.testing.assert_allclose(curve["low"], values.mean(axis=0) - half, rtol=1e-4)
        assert curve["replicas"] == [6, 6]
    assert sorted({curve["at"][0] for curve in plot["curves"]}) == [0, 1, 2]


def test_diverged_replicas_are_left_out_and_counted():
    """NaN in the mean from the first divergence on, or a mean over fewer that does not say so."""
    run = curves()
    run.activation_rate[0, 0, 5:] = np.nan
    run.activation_rate[1, :, 9:] = np.inf
    (plot,) = plots({"": run})
    by_rate = {plot["axes"][0]["values"][c["at"][0]]: c for c in plot["curves"]}
    assert by_rate[0.1]["replicas"] == [5, 6]
    assert None not in by_rate[0.1]["y"]
    assert by_rate[0.05]["y"][9:] == [None] * 12
    json.dumps(plot, allow_nan=False)


def test_missing_passages_count_as_later():
    """A mean passage time over those that passed, which is too short."""
    times = np.array([[1.0, 4.0], [2.0, np.nan], [3.0, np.nan], [4.0, np.nan], [5.0, 9.0]])
    found = summarize(times, "first_passage", replicas=True)
    assert found.middle[0] == 3.0
    assert not np.isfinite(found.middle[1])
    (plot,) = plots({"": xr.Dataset({"first_passage": (("replica", "threshold"), times)})})
    assert plot["curves"][0]["y"] == [3.0, None]
    assert "median" in plot["summary"]


def test_one_replica_has_no_band():
    """A band of no width, which looks like certainty."""
    (plot,) = plots({"": curves(replicas=1)})
    assert plot["curves"][0]["low"] is None


def test_many_curves_are_bounded_and_it_is_said():
    """A page of a gigabyte for a run that recorded its parameters."""
    run = xr.Dataset(
        {"parameters": (("learning_rate", "replica", "step", "parameters_dim_0"),
                        np.random.default_rng(0).normal(size=(3, 2, 1000, 50)))},
        {"learning_rate": list(RATES), "step": np.arange(1000)},
    )  # fmt: skip
    (plot,) = plots({"": run})
    assert len(plot["curves"]) == CURVES
    assert plot["left_out"] == "the run has 150 curves"
    assert all(len(curve["x"]) <= POINTS for curve in plot["curves"])
    assert plot["curves"][0]["points"][1] == 1000


def test_what_is_no_curve_is_left():
    """Numbers per replica, texts and bookkeeping drawn as if they were curves."""
    run = xr.Dataset(
        {
            "top": ("replica", np.ones(8)),
            "name": ("step", np.array(["a"] * 9)),
            "theta": ("parameter", np.ones(100)),
            "diverged_at": (("learning_rate", "replica"), np.full((3, 8), -1)),
        }
    )
    assert plots({"": run}) == []


def test_spectra_are_drawn_against_their_rank():
    """400 curves of three points each, because three epochs count as time."""
    run = xr.Dataset({"eigenvalue": (("epoch", "rank"), np.ones((3, 40)))}, {"epoch": [0, 5, 9]})
    (plot,) = plots({"": run})
    assert plot["x"]["name"] == "rank"
    assert len(plot["curves"]) == 3


def test_what_the_claim_is_about_comes_first():
    """A reader of a claim on norms who is first shown something else."""
    run = curves().assign(weight_norm=curves().activation_rate)
    assert plots({"": run}, first="thermophoresis/weight-norm")[0]["name"] == "weight_norm"
    assert plots({"": run}, first="thermophoresis/activation-rate")[0]["name"] == "activation_rate"


def test_plots_with_the_same_label_can_be_told_apart():
    """Two entries "activation rate" in the same list."""
    over_batch = curves().rename(learning_rate="batch_size")
    over_batch["batch_size"].attrs["long_name"] = "batch size B"
    titles = {plot["title"] for plot in plots({"a": curves(), "b": over_batch})}
    assert titles == {"activation rate, by learning rate η", "activation rate, by batch size B"}


@given(st.integers(1, 3000), st.integers(4, 500), st.integers(0, 2**32 - 1))
def test_thinning_keeps_ends_order_and_extremes(total, points, seed):
    """A spike between two kept records, or more points than were asked for."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=total)
    values[rng.random(total) < 0.2] = np.nan
    kept = decimate(values, points)
    assert len(kept) <= points
    assert np.all(np.diff(kept) > 0)
    assert (kept[0], kept[-1]) == (0, total - 1)
    if np.isfinite(values).any():
        assert np.nanmax(values[kept]) == np.nanmax(values)
        assert np.nanmin(values[kept]) == np.nanmin(values)


@pytest.mark.parametrize("points", [50, 100, 400])
def test_a_fast_oscillation_stays_one(points):
    """Every k-th record of an oscillation, which shows another one."""
    values = np.sin(np.arange(4001))
    kept = decimate(values, points)
    assert values[kept].std() > 0.9
