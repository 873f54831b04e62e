"""Arguments that a closed form does not hold for: refused in a sentence, or answered rightly."""

import inspect
import types

import mpmath as mp
import numpy as np
import pytest

from soret import theory
from soret.errors import SoretError
from soret.theory import equilibrium as eq
from soret.theory import escape, phase_space
from soret.theory import thermophoresis as th

H = np.diag([1.0, 2.0])
C = np.array([[0.3, 0.1], [0.1, 0.5]])
ONE = np.array([0.5, 1.0, 2.0])
GRAD = np.array([0.5, -0.3])
JAC = np.array([[1.0, 0.2], [0.1, 2.0]])
SGD = {"learning_rate": 0.1, "batch_size": 4.0}
MODES = {"curvature": np.array([0.5, 1.0]), "noise": np.array([0.2, 0.3]), **SGD, "momentum": 0.9}


def amplitudes():
    return th.amplitudes(np.array(0.1), np.array(1.0))


# Good arguments of each public function or class that takes numbers.
CASES = {
    eq.LinearRecursion: {"matrix": 0.5 * np.eye(2), "noise": C},
    eq.LinearSDE: {"drift": H, "diffusion": C},
    eq.boltzmann: {"loss": ONE, "temperature": 0.5, "volume": 0.1},
    eq.finite_rate_ratio: {
        "losses": (0.1, 0.2), "hessians": (H, 2 * H), "temperature": 0.1, "learning_rate": 0.1,
    },
    eq.heavy_ball: {"hessian": H, "covariance": C, **SGD, "momentum": 0.9},
    eq.heavy_ball_entropy: {"hessian": H, "covariance": C, "learning_rate": 0.1, "momentum": 0.9},
    eq.log_minima_ratio: {"losses": (0.1, 0.2), "hessians": (H, 2 * H), "temperature": 0.1},
    eq.minima_ratio: {"losses": (0.1, 0.2), "hessians": (H, 2 * H), "temperature": 0.1},
    eq.modified_loss: {
        "loss": ONE, "squared_gradient": ONE, "laplacian": ONE, "temperature": 0.1,
        "learning_rate": 0.1,
    },
    eq.momentum_variance: {"curvature": ONE, "variance": ONE, **SGD, "momentum": 0.9},
    eq.occupation: {"ratio": ONE},
    eq.sgd_recursion: {"hessian": H, "covariance": C, **SGD},
    eq.sgd_sde: {"hessian": H, "covariance": C, **SGD},
    eq.stationary_density: {
        "slope": lambda x: x, "points": np.linspace(-2, 2, 201), "learning_rate": 0.1,
        "temperature": 0.1,
    },
    eq.temperature: {**SGD, "variance": ONE},
    eq.underdamped: {"hessian": H, "covariance": C, **SGD, "momentum": 0.9},
    escape.anisotropy_factor: {
        "loss": lambda x: 1 + x**2 / 2 - x**3 / 3, "slope": lambda x: x - x**2, "minimum": 0.0,
        "saddle": 1.0, "along": 0.1, "across": 0.1,
    },
    escape.changed_time: {"times": np.arange(4.0), "losses": np.ones(4)},
    escape.critical_dimension: {**SGD, "curvature": 1.0},
    escape.density_in_changed_time: {"density": ONE, "loss": ONE, "weights": ONE},
    escape.density_in_time: {"density": ONE, "loss": ONE, "weights": ONE},
    escape.escape_exponent: {**SGD, "curvature": 1.0, "dimension": 1},
    escape.escape_rate: {
        "minimum_loss": 0.1, "saddle_loss": 0.2, "minimum_curvature": 1.0, "saddle_curvature": -1.0,
        **SGD,
    },
    escape.frozen_diffusion: {"minimum_loss": 0.1, "curvature": 1.0, **SGD},
    escape.kesten_exponent: {"learning_rate": 0.1, "batch_size": 1},
    escape.kesten_exponent_of: {"multipliers": np.array([0.5, 0.7, 1.3])},
    escape.kramers_rate: {
        "barrier": 0.1, "minimum_curvature": 1.0, "saddle_curvature": -1.0, "diffusion": 0.05,
    },
    escape.log_loss_drift: {"loss": 0.3, "gradient": GRAD},
    escape.lyapunov_exponent: {"learning_rate": 0.1, "batch_size": 1},
    escape.mean_first_passage_time: {
        "drift": lambda x: -x, "diffusion": lambda x: 0 * x + 0.3, "start": 0.0, "lower": -1.0,
        "upper": 1.0,
    },
    escape.multiplier_moment: {"order": 1.5, "learning_rate": 0.1, "batch_size": 1},
    escape.noise_covariance: {"loss": 0.3, "hessian": H, **SGD},
    escape.original_time: {"tau": np.arange(4.0), "losses": np.ones(4)},
    escape.radial_passage_time: {
        "law": lambda: escape.stationary_law(0.1, 0.1, 4.0), "ratio": np.array([1.5, 2.0]),
    },
    escape.radial_recursion_steps: {
        "ratio": np.array([1.5, 2.0]), "learning_rate": 0.1, "batch_size": 1, "dimension": 2,
        "cells": 40,
    },
    escape.recursion_law: {
        "minimum_loss": 0.1, "learning_rate": 0.1, "batch_size": 1, "cells": 60,
    },
    escape.recursion_passage_steps: {
        "ratio": 2.0, "learning_rate": 0.1, "batch_size": 1, "cells": 60,
    },
    escape.regression_critical_dimension: {**SGD, "curvature": 1.0},
    escape.regression_escape_exponent: {**SGD, "curvature": 1.0, "dimension": 1},
    escape.regression_law: {"minimum_loss": 0.1, **SGD},
    escape.regression_noise_covariance: {
        "displacement": GRAD, "hessian": H, "minimum_loss": 0.1, **SGD,
    },
    escape.stationary_law: {"minimum_loss": 0.1, **SGD},
    escape.zero_flux_density: {
        "drift": lambda x: -x, "diffusion": lambda x: 0 * x + 0.3, "lower": -1.0, "upper": 1.0,
    },
    phase_space.Modes: MODES,
    phase_space.Regression: {
        "inputs": np.random.default_rng(0).normal(size=(20, 2)),
        "labels": np.random.default_rng(1).normal(size=20), **SGD, "momentum": 0.9,
    },
    phase_space.gaussian_moments: {
        "modes": lambda: phase_space.Modes(**MODES), "residual": 0.3, "steps": np.arange(3),
        "mean": np.zeros((2, 2)), "covariance": np.tile(np.eye(2), (2, 1, 1)),
    },
    phase_space.gaussian_noise: {"modes": lambda: phase_space.Modes(**MODES), "residual": 0.3},
    th.amplitudes: {"b": ONE, "norm_W": ONE},
    th.amplitudes_by_quadrature: {
        "b": np.array(0.1), "density": lambda x: np.exp(-(x**2) / 2), "support": (-8.0, 8.0),
    },
    th.as_walk: {"V": np.array([0.3]), "found": amplitudes},
    th.flow_density: {"g": GRAD, "jacobian": JAC, "density": 1.0, "gradient": GRAD},
    th.gradient_moments: {"V": np.array(0.3), "W": GRAD, "b": np.array(0.1)},
    th.gradient_moments_of: {
        "V": np.array(0.3), "W": GRAD, "b": np.array(0.1),
        "inputs": np.random.default_rng(0).normal(size=(9, 2)),
    },
    th.hessian_trace_bound: {
        "weights": [np.ones((3, 2)), np.ones((1, 3))], "masks": [np.ones((4, 3))],
        "input_norm": np.ones(4), "trace_P": np.ones(4),
    },
    th.ito_flux: {"g": GRAD, "jacobian": JAC, "density": 1.0, "gradient": GRAD},
    th.ito_parts: {"g": GRAD, "jacobian": JAC, "density": 1.0, "gradient": GRAD},
    th.psi: {"V": np.array(0.3), "found": amplitudes},
    th.soret_coefficient: {"g": GRAD, "jacobian": JAC},
    th.share_above: {"b": ONE, "half_width": 0.2},
    th.soret_coefficient_1d: {"g": ONE, "slope": ONE},
    th.unit_flow: {
        "units": np.stack([ONE, 0.1 * ONE, ONE])[None], "half_width": 0.2,
    },
}  # fmt: skip


def one_bad(value):
    def change(good):
        array = np.array(good, dtype=np.float64)
        array.flat[array.size // 2] = value
        return float(array) if np.ndim(good) == 0 else array

    return change


HOSTILE = {
    "nan": lambda good: np.nan * np.asarray(good, dtype=float),
    "one nan": one_bad(np.nan),
    "one infinite": one_bad(np.inf),
    "one minus infinite": one_bad(-np.inf),
    "one zero": one_bad(0.0),
    "one negative": one_bad(-1.0),
    "one huge": one_bad(1e300),
    "one tiny": one_bad(1e-300),
    "zeros": lambda good: 0.0 * np.asarray(good, dtype=float),
    "huge": lambda good: 1e200 * np.asarray(good, dtype=float),
    "tiny": lambda good: 1e-200 * np.asarray(good, dtype=float),
    "negative": lambda good: -np.abs(np.asarray(good, dtype=float)) - 1,
    "empty": lambda good: np.asarray(good, dtype=float)[:0] if np.ndim(good) else np.zeros(0),
    "text": lambda good: np.asarray(good, dtype=float).astype(str) if np.ndim(good) else "many",
    "complex": lambda good: np.asarray(good) + 1j,
    "nothing": lambda good: None,
    "masked": lambda good: np.ma.masked_all(np.shape(good)),
    "fraction": lambda good: np.asarray(good, dtype=float) + 0.5,
}


def resolved(arguments):
    return {
        name: value()
        if isinstance(value, types.FunctionType) and not inspect.signature(value).parameters
        else value
        for name, value in arguments.items()
    }


def finite(found):
    if isinstance(found, tuple | list):
        return all(map(finite, found))
    if hasattr(found, "__dataclass_fields__"):
        return all(finite(getattr(found, name)) for name in found.__dataclass_fields__)
    if isinstance(found, float | np.ndarray | np.generic):
        array = np.asarray(found)
        # Infinite is an answer, as of the barrier that is never passed; nan is none.
        return array.dtype.kind not in "fc" or not np.isnan(array).any()
    return True


@pytest.mark.parametrize(
    "function", CASES, ids=lambda f: f"{f.__module__.split('.')[2]}.{f.__name__}"
)
def test_hostile_arguments_are_refused_or_answered(function):
    """Catches: nan or a warning of NumPy's from a closed form, or a raw exception."""
    good = CASES[function]
    function(**resolved(good))
    wrong = []
    for name, value in good.items():
        if callable(value) or name in ("weights", "masks", "support", "losses", "hessians"):
            continue
        for what, change in HOSTILE.items():
            arguments = resolved(good)
            with np.errstate(all="ignore"):
                try:
                    arguments[name] = change(value)
                except TypeError:
                    continue
            if name == "preconditioner" and what == "nothing":
                continue
            try:
                if not finite(function(**arguments)):
                    wrong.append(f"{name}, {what}: nan")
            except SoretError:
                pass
            except Exception as error:
                wrong.append(f"{name}, {what}: {type(error).__name__}: {str(error)[:70]}")
    assert wrong == []


def test_every_public_function_is_here():
    """Catches: a closed form that nobody has tried hostile arguments on."""
    rooms = (theory.equilibrium, theory.escape, theory.phase_space, theory.thermophoresis)
    public = {
        getattr(room, name)
        for room in rooms
        for name in room.__all__
        if inspect.isfunction(getattr(room, name))
    }
    # These take a function; what else they take is tried beside them.
    of_functions = {th.differentiate, th.power_shares, th.walk_shares}
    assert public - set(CASES) == of_functions


# Far outside of everyday numbers, and still where the formulas hold.
EXTREME = [1e-150, 1e-12, 1.0, 1e12, 1e150]


@pytest.mark.parametrize("scale", EXTREME)
def test_extreme_arguments_give_what_many_digits_give(scale):
    """Catches: a closed form written so that it overflows, or cancels, where its value does not."""
    mp.mp.dps = 60
    barrier, noise, h = 3.0 * scale, 0.7 * scale, 1.3
    rate = mp.sqrt(mp.mpf(h) * 2) / (2 * mp.pi) * mp.exp(-mp.mpf(barrier) / mp.mpf(noise))
    assert float(escape.kramers_rate(barrier, h, -2.0, noise)) == pytest.approx(float(rate))
    share = mp.mpf(scale) / (1 + mp.mpf(scale))
    assert float(eq.occupation(scale)) == pytest.approx(float(share), rel=1e-14)
    rest = mp.mpf(0.1) * scale / 8 / (1 - mp.mpf(0.9)) / (1 - mp.mpf(0.1) / (2 * mp.mpf(1.9)))
    found = eq.momentum_variance(1.0, scale, 0.1, 4.0, 0.9)
    assert float(found) == pytest.approx(float(rest), rel=1e-13)
    odds = mp.exp((mp.mpf("0.2") - mp.mpf("0.1")) / mp.mpf("0.1")) * mp.sqrt(mp.mpf(4))
    ratio = eq.minima_ratio((0.1 * scale, 0.2 * scale), (H, 2 * H), 0.1 * scale)
    assert float(ratio) == pytest.approx(float(odds), rel=1e-13)
