"""Calls of every public function of the inference, with numbers that floating point defeats."""

import dataclasses
from fractions import Fraction

import numpy as np
import xarray as xr

from soret import inference

R, N = 40, 12
# What may be nan or infinite, as its docstring says.
UNDEFINED = {
    "Collapse": {"rivals", "profile"},
    "Gaussianity": {"interval"},
    "MeanPassage": {"mean", "interval", "exponential_p"},
    "RatioDependence": {"exchange_interval"},
    "RadialFit": {"shell"},
}


def rng(seed=0):
    return np.random.default_rng(seed)


def grid(n=N):
    return np.geomspace(1.0, 30.0, n)


def powers():
    """Replicas of a power with noise, (R, N)."""
    return grid() ** 1.5 * rng().lognormal(sigma=0.1, size=(R, N))


def waiting():
    return rng().exponential(size=R) + 1e-3


def passing():
    """First passages of rising thresholds, (R, N)."""
    return np.cumsum(rng().exponential(size=(R, N)) * grid(), axis=1)


def labelled(values, *dims, **coords):
    """Return a labelled array of it, or itself where it cannot have these labels."""
    if np.ndim(values) != len(dims):
        return values
    there = {
        name: at for name, at in coords.items() if len(at) == np.shape(values)[dims.index(name)]
    }
    return xr.DataArray(values, dims=dims, coords=there)


def collapsed(values):
    coords = {"rate": [0.1, 0.2, 0.4], "step": np.arange(N)}
    curves = labelled(values, "rate", "replica", "step", **coords)
    return inference.collapse(curves, "rate", resamples=400)


def curves():
    s = np.arange(N) * np.array([0.1, 0.2, 0.4])[:, None] ** 2 / 0.16
    return np.exp(-s)[:, None, :] + 0.02 * rng().normal(size=(3, R, N)).cumsum(axis=-1)


def displaced(values):
    stream = inference.LagDisplacement(longest=4)
    for record in np.atleast_1d(values):
        stream.add(record)
    return stream.read()


def chains():
    return rng().pareto(3.0, size=(R, 60)) + 1


# What it is called by, good numbers for it, and how. `take` of an array alone: the rest is good.
CASES = {
    "collapse": (curves, collapsed),
    "curve_distance": (powers, lambda x: inference.curve_distance(x, powers())),
    "curve_distance, both": (powers, lambda x: inference.curve_distance(x, x)),
    "diffusion_exponent": (powers, lambda x: inference.diffusion_exponent(grid(), x)),
    "diffusion_exponent, lags": (grid, lambda x: inference.diffusion_exponent(x, powers())),
    "expected_exponent": (lambda: np.array(0.2), lambda x: inference.expected_exponent(x, 1.0)),
    "function_of_means": (
        powers,
        lambda x: inference.function_of_means(lambda m: np.log(m[..., -1] / m[..., 0]), x),
    ),
    "gaussianity": (lambda: rng().normal(size=(300, 2)), inference.gaussianity),
    "histogram_p": (
        lambda: rng().multinomial(50, np.full(4, 0.25), size=R),
        lambda x: inference.histogram_p(x, np.full(4, 0.25)),
    ),
    "histogram_p, law": (
        lambda: np.full(4, 0.25),
        lambda x: inference.histogram_p(rng().multinomial(50, np.full(4, 0.25), size=R), x),
    ),
    "isotropy": (
        lambda: rng().normal(size=(R, 5, N)),
        lambda x: inference.isotropy(grid(), x),
    ),
    "isotropy, curvature": (
        grid,
        lambda x: inference.isotropy(x, rng().normal(size=(R, 5, N))),
    ),
    "local_exponent": (
        passing,
        lambda x: inference.local_exponent(grid(), x, 1e9),
    ),
    "local_slope": (powers, lambda x: inference.local_slope(grid(), x)),
    "loglog_slope": (powers, lambda x: inference.loglog_slope(grid(), x)),
    "loglog_slope, x": (grid, lambda x: inference.loglog_slope(x, powers())),
    "loglog_slope, errors": (
        lambda: 0.01 * grid(),
        lambda x: inference.loglog_slope(grid(), grid(), y_error=x),
    ),
    "loglog_slope, per": (
        lambda: np.ones((R, N)),
        lambda x: inference.loglog_slope(grid(), powers(), per=x, average="mean"),
    ),
    "mean_passage": (waiting, lambda x: inference.mean_passage(x, 1e9, resamples=100)),
    "mean_passage, censored": (
        lambda: np.where(waiting() < 1, waiting(), np.nan),
        lambda x: inference.mean_passage(x, 1.0, resamples=100),
    ),
    "mean_passage, limit": (
        lambda: np.full(R, 50.0),
        lambda x: inference.mean_passage(waiting(), x, resamples=100),
    ),
    "mean_passages": (
        passing,
        lambda x: inference.mean_passages(labelled(x, "replica", "threshold"), 1e9, resamples=100),
    ),
    "mean_power": (powers, lambda x: inference.mean_power(grid(), x)),
    "mean_power, x": (grid, lambda x: inference.mean_power(x, -powers())),
    "oscillation": (
        lambda: rng().normal(size=(R, 20)).cumsum(axis=1) * 0.1 + rng(1).normal(size=(R, 20)),
        lambda x: inference.oscillation(x),
    ),
    "pair_entropy": (
        lambda: rng().normal(size=(R, 4, 2)),
        lambda x: inference.pair_entropy(x, groups=5),
    ),
    "passage_growth": (
        passing,
        lambda x: inference.passage_growth(grid(), x, 1e9),
    ),
    "passage_growth, thresholds": (
        grid,
        lambda x: inference.passage_growth(x, passing(), 1e9),
    ),
    "power_or_exponential": (
        powers,
        lambda x: inference.power_or_exponential(grid(), x, resamples=100),
    ),
    "power_or_exponential, x": (
        grid,
        lambda x: inference.power_or_exponential(x, powers(), resamples=100),
    ),
    "power_or_exponential, errors": (
        lambda: 0.01 * grid(),
        lambda x: inference.power_or_exponential(grid(), grid(), x, resamples=100),
    ),
    "power_spectrum": (lambda: rng().normal(size=(R, 40)), inference.power_spectrum),
    "power_tail": (lambda: chains().ravel(), lambda x: inference.power_tail(x, 1.0)),
    "power_tail, chosen": (lambda: chains().ravel()[:400], inference.power_tail),
    "power_tail, chains": (chains, lambda x: inference.power_tail(x, 1.0)),
    "radial_fit": (
        lambda: np.abs(rng().normal(size=(R, 30))),
        lambda x: inference.radial_fit(x, 1.0),
    ),
    "ratio_dependence": (
        lambda: np.log(powers()).T,
        lambda x: inference.ratio_dependence(grid(), rng().permutation(grid()), x),
    ),
    "ratio_dependence, rate": (
        grid,
        lambda x: inference.ratio_dependence(x, rng().permutation(grid()), np.log(powers()).T),
    ),
    "squared_displacement": (
        lambda: rng().normal(size=(R, 20, 2)),
        lambda x: inference.squared_displacement(x, [1, 2, 4]),
    ),
    "LagDisplacement": (lambda: rng().normal(size=(10, 3, 2)), displaced),
    "stationarity": (
        lambda: rng().exponential(size=(R, 8)) + 1,
        inference.stationarity,
    ),
    "student_interval": (lambda: rng().normal(size=R), inference.student_interval),
    "survival_curve": (waiting, lambda x: inference.survival_curve(x, 1e9)),
}


def with_one(value):
    def change(x):
        x = np.array(x, dtype=np.float64)
        x.flat[x.size // 2] = value
        return x

    return change


def first_replicas(count):
    return lambda x: x[:count] if x.ndim else x


def repeated(x):
    return np.broadcast_to(x[:1], x.shape).copy() if x.ndim else x


def with_mask(x):
    mask = np.zeros(x.shape, dtype=bool)
    mask.flat[0] = True
    return np.ma.array(x, mask=mask)


HOSTILE = {
    "as they are": lambda x: x,
    "constant": lambda x: np.full(x.shape, 3.0),
    "constant that rounds": lambda x: np.full(x.shape, 0.1),
    "zeros": np.zeros_like,
    "ones of integers": lambda x: np.ones(x.shape, dtype=np.int64),
    "two values": lambda x: 1.0 + (np.argsort(np.argsort(x.ravel())) % 2).reshape(x.shape),
    "whole numbers": lambda x: np.ceil(np.abs(x)).astype(np.int64) + 1,
    "int8": lambda x: np.clip(np.abs(x) * 10 + 1, 1, 127).astype(np.int8),
    "uint8": lambda x: np.clip(np.abs(x) * 10 + 1, 1, 255).astype(np.uint8),
    "int32, large": lambda x: (np.abs(x) / np.abs(x).max() * 2e9).astype(np.int32) + 1,
    "bool": lambda x: x > np.median(x),
    "float16": lambda x: x.astype(np.float16),
    "float32 far from 0": lambda x: (x + 1e8).astype(np.float32),
    "far from 0": lambda x: x + 1e8,
    "very far from 0": lambda x: x + 1e16,
    "one nan": with_one(np.nan),
    "one infinite": with_one(np.inf),
    "one minus infinite": with_one(-np.inf),
    "one zero": with_one(0.0),
    "one negative": with_one(-1.0),
    "one huge": with_one(1e300),
    "one tiny": with_one(1e-300),
    "all nan": lambda x: np.full(x.shape, np.nan),
    "all infinite": lambda x: np.full(x.shape, np.inf),
    "negative": lambda x: -np.abs(x) - 1,
    "times 1e-300": lambda x: x * 1e-300,
    "times 1e300": lambda x: x * 1e300,
    "times 1e-310": lambda x: x * 1e-310,
    "times 1e-170": lambda x: x * 1e-170,
    "times 1e170": lambda x: x * 1e170,
    "empty": lambda x: x[:0] if x.ndim else np.zeros(0),
    "empty last": lambda x: x[..., :0] if x.ndim else np.zeros(0),
    "one replica": first_replicas(1),
    "two replicas": first_replicas(2),
    "eight replicas": first_replicas(8),
    "one record": lambda x: x[..., :1] if x.ndim else x,
    "replicas alike": repeated,
    "sorted": lambda x: np.sort(x, axis=None).reshape(x.shape),
    "falling": lambda x: np.sort(x, axis=None)[::-1].reshape(x.shape),
    "columns alike": lambda x: np.repeat(x[..., :1], x.shape[-1], axis=-1) if x.ndim else x,
    "axes in another order": lambda x: x.T,
    "one dimension more": lambda x: x[None],
    "flat": lambda x: x.ravel(),
    "a number": lambda x: np.float64(3.0),
    "masked": with_mask,
    "masked nowhere": lambda x: np.ma.array(x),
    "objects": lambda x: x.astype(object),
    "fractions": lambda x: np.array(
        [Fraction(v).limit_denominator(1000) if np.isfinite(v) else v for v in x.ravel()]
    ).reshape(x.shape),
    "objects of nothing": lambda x: np.full(x.shape, None),
    "text": lambda x: x.astype(str),
    "complex": lambda x: x + 1j,
    "dates": lambda x: np.abs(np.nan_to_num(x) * 100).astype("datetime64[s]"),
    "lists": lambda x: x.tolist(),
    "read-only, not contiguous": lambda x: np.asfortranarray(x)[..., ::-1],
    "long": lambda x: x.astype(np.longdouble),
}


def in_order(name, found):
    """Assert that what came out is finite and that intervals hold their estimate."""
    if isinstance(found, xr.Dataset):
        found = found.where(found.passed > 0, 1.0)
        assert np.isfinite(found.mean_time).all()
        found = (found.low.values, found.mean_time.values, found.high.values)
        assert (found[0] <= found[1] * (1 + 1e-9)).all()
        assert (found[1] <= found[2] * (1 + 1e-9)).all()
        return
    if dataclasses.is_dataclass(found):
        free = UNDEFINED.get(type(found).__name__, set())
        for field in dataclasses.fields(found):
            value = getattr(found, field.name)
            if field.name in free or isinstance(value, str | dict) or value is None:
                continue
            assert np.isfinite(np.asarray(value, dtype=np.float64)).all(), field.name
        if type(found).__name__ == "MeanPassage" and found.method != "bound":
            assert np.isfinite(found.mean)
        for interval, estimate in (
            ("interval", ("exponent", "slope", "mean", "distance", "change", "excess")),
            ("frequency_interval", ("frequency",)),
            ("correlation_interval", ("correlation",)),
            ("rate_interval", ("rate",)),
        ):
            if not hasattr(found, interval):
                continue
            for middle in (getattr(found, e) for e in estimate if hasattr(found, e)):
                low, high = getattr(found, interval)
                slack = 1e-9 * (1 + abs(low) + abs(high)) if np.isfinite([low, high]).all() else 0
                assert low - slack <= middle <= high + slack or np.isnan(middle)
                break
        return
    if name in ("student_interval", "mean_power"):
        mean, (low, high) = found
        assert np.isnan(low) or low <= mean <= high
        return
    for part in found if isinstance(found, tuple) else (found,):
        assert np.isfinite(part).all()
