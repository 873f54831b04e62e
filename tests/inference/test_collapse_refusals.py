"""What a collapse refuses, each in one sentence that says what would be right."""

import numpy as np
import pytest
import xarray as xr

from soret.errors import InferenceError, SettingsError
from soret.inference import collapse


def falling(scales=(1.0, 2.0), replicas=10, steps=range(10), seed=0):
    rng = np.random.default_rng(seed)
    s = np.multiply.outer(np.asarray(scales, dtype=float), np.asarray(steps, dtype=float))
    values = np.exp(-s / 5)[:, None, :] + 0.01 * rng.normal(size=(len(scales), replicas, 1))
    return xr.DataArray(
        values,
        dims=("h", "replica", "step"),
        coords={"h": list(scales), "step": list(steps)},
    )


def without(replicas):
    curves = falling()
    curves[0, :replicas] = np.nan
    return curves


@pytest.mark.parametrize(
    ("curves", "sentence"),
    [
        (falling().values, "must be an xarray.DataArray"),
        (falling().to_dataset(name="m"), "must be an xarray.DataArray"),
        (falling().mean("replica"), "must have the dimensions h, replica, step"),
        (falling().expand_dims("unit"), "and no other, but have unit, h, replica, step"),
        (falling().rename(h="learning_rate"), "must have the dimensions h, replica, step"),
        (falling().drop_vars("h"), "must carry the values of h as a coordinate"),
        (falling().drop_vars("step"), "must carry the values of step as a coordinate"),
        (falling().assign_coords(h=["a", "b"]), "values of h must be real numbers"),
        (falling(scales=(1.0,)), "at least two values of h, but have 1"),
        (falling(scales=(0.0, 1.0)), "must be positive and finite .* are 0, 1"),
        (falling(scales=(-1.0, 1.0)), "must be positive and finite .* are -1, 1"),
        (falling().assign_coords(h=[1.0, np.nan]), "must be positive and finite"),
        (falling(scales=(1.0, 2.0, 1.0)), "must be distinct, but are 1, 2, 1"),
        (falling(steps=range(3)), "at least 4 records along step, but have 3"),
        (falling(steps=range(-1, 9)), "step must be increasing and not negative"),
        (falling(steps=[0, 1, 1, 2]), "step must be increasing and not negative"),
        (falling().isel(step=slice(None, None, -1)), "step must be increasing and not negative"),
        (falling(replicas=7), "at least 8 replicas .* only 7 of 7 do"),
        (without(3), "at least 8 replicas that stay finite at every h, but only 7 of 10 do"),
        (without(10), "only 0 of 10 do"),
    ],
)
def test_refuses_malformed_curves(curves, sentence):
    with pytest.raises(InferenceError, match=sentence):
        collapse(curves, "h")


@pytest.mark.parametrize("level", [0.0, 3.0, 1e6])
def test_refuses_constant_curves(level):
    with pytest.raises(InferenceError, match="do not change along step beyond replica noise"):
        collapse(xr.full_like(falling(), level), "h")


@pytest.mark.parametrize("seed", range(20))
def test_refuses_curves_that_are_flat_but_for_noise(trajectories, seed):
    curves = trajectories(seed, noise=0.3, replicas=16)
    flat = curves - trajectories(seed, noise=0, offset=0, replicas=16)
    with pytest.raises(InferenceError, match="do not change along step beyond replica noise"):
        collapse(flat, "learning_rate")


def test_refuses_a_search_that_cannot_overlap():
    curves = falling(scales=(1.0, 4.0), steps=range(50, 60))
    with pytest.raises(InferenceError, match=r"no exponent between 1 and 3 .* record from step 0"):
        collapse(curves, "h", bounds=(1, 3))


@pytest.mark.parametrize("bounds", [(-4, 1.5), (2.5, 4)])
def test_refuses_a_best_exponent_at_the_end_of_the_search(trajectories, bounds):
    with pytest.raises(InferenceError, match=r"come ever closer up to .* widen bounds"):
        collapse(trajectories(0, noise=0.05), "learning_rate", bounds=bounds)


def test_refuses_a_best_exponent_where_curves_cease_to_overlap(trajectories):
    curves = trajectories(0, noise=0.05, first=10)
    with pytest.raises(InferenceError, match=r"come ever closer up to .* record from step 0"):
        collapse(curves, "learning_rate")


def test_refuses_curves_that_change_only_where_nothing_is_compared():
    # The fast curve steps down after the slow one, which never moves, has ended: any large enough
    # exponent lays the flat parts on each other.
    steps = np.arange(40)
    values = np.stack([1.0 - (steps > 20), np.ones(40)])[:, None].repeat(8, axis=1)
    curves = xr.DataArray(
        values, dims=("h", "replica", "step"), coords={"h": [2.0, 1.0], "step": steps}
    )
    with pytest.raises(InferenceError, match=r"come ever closer|do not change over the range"):
        collapse(curves, "h", bounds=(0.0, 8.0))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"confidence": 0.0}, "confidence must be between 0 and 1"),
        ({"confidence": 95}, "confidence must be between 0 and 1"),
        ({"tolerance": 0}, "tolerance must be positive"),
        ({"min_overlap": 0}, "min_overlap must be above 0 and at most 1"),
        ({"min_overlap": 1.5}, "min_overlap must be above 0 and at most 1"),
        ({"bounds": (2, 1)}, "bounds must be two finite exponents in order"),
        ({"bounds": (0, np.inf)}, "bounds must be two finite exponents in order"),
        ({"bounds": (0, 1, 2)}, "bounds must be two numbers"),
        ({"resamples": 100}, "at least 400 resamples, but 100"),
        ({"resamples": 1000, "confidence": 0.99}, "at least 2000 resamples, but 1000"),
    ],
)
def test_refuses_settings_outside_their_range(settings, sentence):
    with pytest.raises(SettingsError, match=sentence):
        collapse(falling(), "h", **settings)


def test_every_refusal_is_one_sentence():
    for curves in (falling().values, falling(scales=(1.0,)), xr.ones_like(falling())):
        with pytest.raises(InferenceError) as refusal:
            collapse(curves, "h")
        text = str(refusal.value)
        assert text.endswith(".")
        assert "\n" not in text
        assert ". " not in text
