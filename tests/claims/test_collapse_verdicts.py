"""Verdicts on collapse and fall: of curves made by the prediction, by the rival, by neither."""

import numpy as np
import pytest
import xarray as xr

from soret.claims.collapse import judge_collapse, judge_fall, made_by_rival
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


def ensemble(exponent, *, noise=0.02, plateau=0.0, replicas=48, seed=0):
    """Trajectories that fall as exp(−s/300), s = step·(η/0.1)^exponent, with correlated noise."""
    rng = np.random.default_rng(seed)
    rates, steps = np.array([0.1, 0.05, 0.025]), np.arange(0, 2001, 10.0)
    s = steps * (rates[:, None] / 0.1) ** exponent
    walks = np.cumsum(rng.normal(size=(3, replicas, len(steps))), axis=-1) / np.sqrt(len(steps))
    curves = (
        np.exp(-s / 300)[:, None]
        + plateau * rates[:, None, None] * (1 - np.exp(-s / 300))[:, None]
        + noise * walks
    )
    return xr.DataArray(
        curves,
        dims=("learning_rate", "replica", "step"),
        coords={"learning_rate": rates, "step": steps},
        name="height",
    )


def judged(curves):
    return judge_collapse(curves, "learning_rate", predicted=2.0, rival=1.0, what="curves")


def test_curves_made_by_the_prediction_are_supported():
    result = judged(ensemble(2.0))
    assert result.verdict is S
    assert result.interval[0] < 2 < result.interval[1]


@pytest.mark.parametrize("exponent", [0.0, 1.0, 1.5])
def test_curves_made_by_another_power_are_contradicted(exponent):
    assert judged(ensemble(exponent)).verdict is C


def test_curves_that_no_power_collapses_are_contradicted():
    assert judged(ensemble(2.0, plateau=8.0)).verdict is C


def test_curves_without_change_are_inconclusive_and_say_why():
    flat = ensemble(2.0) * 0 + ensemble(0.0, noise=0.5) * 0.0
    flat = flat + 0.01 * np.random.default_rng(0).normal(size=flat.shape)
    result = judged(flat)
    assert result.verdict is N
    assert result.note


def test_a_rise_contradicts_a_fall():
    curves = ensemble(2.0)
    assert judge_fall(curves, "learning_rate", what="height").verdict is S
    assert judge_fall(-curves, "learning_rate", what="height").verdict is C
    assert judge_fall(curves * 0, "learning_rate", what="height").verdict is N


def test_the_fall_is_judged_where_the_noise_is_largest():
    """At the largest learning rate, and at the smallest batch."""
    curves = ensemble(2.0)
    assert "learning_rate = 0.1" in judge_fall(curves, "learning_rate", what="height").quantity
    batches = curves.rename(learning_rate="batch_size").assign_coords(batch_size=[3, 2, 1])
    assert "batch_size = 1" in judge_fall(batches, "batch_size", what="height").quantity


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_made_by_rival_collapses_under_the_rival(exponent):
    """Whatever the run was, what is made of it follows the power asked for, and rises."""
    run = ensemble(1.5).to_dataset()
    made = made_by_rival(run, "learning_rate", exponent)
    result = judge_collapse(
        made.height, "learning_rate", predicted=exponent, rival=3 - exponent, what="made curves"
    )
    assert result.verdict is S
    assert judge_fall(made.height, "learning_rate", what="made curves").verdict is C
