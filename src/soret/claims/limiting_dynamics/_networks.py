"""Trained networks: what is measured at the end of training, and what theory makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import soret
from soret.claims import images

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from soret.theory.phase_space import Modes

    Floats = NDArray[np.float64]

NETS: tuple[Literal["dense-digits", "conv-digits", "dense-fashion-mnist"], ...] = (
    "dense-digits",
    "conv-digits",
    "dense-fashion-mnist",
)

# Curvature of modes that are flat or bend down: they move as if free for the steps looked at.
_FLAT = 1e-6


def problem_of(claim: Any, net: str) -> Any:
    """Return a small net, "<kind>-<images>", with its data."""
    kind, _, name = net.partition("-")
    data = images.first(claim, soret.data.load(name, download=False))
    if kind == "conv":
        return soret.problems.conv(layers=1, channels=claim.channels, data=data)
    return soret.problems.dense(hidden=(claim.hidden,), data=data)


def measure(problem: Any, thetas: Floats, decay: float, top: int | None) -> xr.Dataset:
    """Measure curvature and noise over points (k, P), and the gradient, with decay, at the last."""
    import xarray as xr

    *others, here = (problem.unflatten(theta) for theta in thetas)
    found = soret.landscape.noisy_modes(problem, here, top, others=others)
    gradient = found.gradient + decay * (found.vectors @ thetas[-1])
    shown = bulk_mode(found.curvature)
    return xr.Dataset(
        {
            "curvature": ("mode", found.curvature),
            "noise": ("mode", found.noise),
            "gradient": ("mode", gradient),
            "vectors": (("shown", "parameter"), found.vectors[[0, shown]].astype(np.float32)),
            "shown": ("shown", [0, shown]),
            "theta": ("parameter", np.asarray(thetas[-1], np.float32)),
        },
        attrs={"rest_noise": found.rest_noise, "rest": found.rest},
    )


def bulk_mode(curvature: Floats) -> int:
    """Return the mode whose curvature is the one nearest below a fiftieth of the largest."""
    return int(np.argmin(abs(np.log(np.maximum(curvature, 1e-12) / (curvature[0] / 50)))))


def modes_of(measured: xr.Dataset, rate: float, batch: int, momentum: float, decay: float) -> Modes:
    """Return the modes that theory takes, what was not resolved being one without curvature.

    Curvature below a millionth of the largest, negative or not, is put there.
    """
    h, c = measured.curvature.values, measured.noise.values
    h = np.append(np.maximum(h, _FLAT * h.max()), _FLAT * h.max())
    c = np.append(c, measured.attrs["rest_noise"])
    return soret.theory.phase_space.Modes(h, c, rate, batch, momentum, decay)


def stationary_displacement(modes: Modes, lags: Any, *, exact: bool = True) -> Floats:
    """Return E|θ_{j+k} − θ_j|² of a stationary motion, from spectra alone."""
    phase = soret.theory.phase_space
    return (phase.Discrete(modes) if exact else phase.Continuous(modes)).displacement(lags)


def started_displacement(measured: xr.Dataset, modes: Modes, steps: Any) -> Floats:
    """Return E|θ_k − θ_0|² from the point measured, at rest: drift down the gradient included."""
    gradient = np.append(measured.gradient.values, 0.0)
    away = gradient / modes.stiffness
    start = np.stack([away + modes.centre, np.zeros(modes.size)])
    found = soret.theory.phase_space.Discrete(modes).moments(steps, start, np.zeros((2, 2)))
    moved = found.mean[:, 0] - start[0]
    return np.asarray((moved**2 + found.covariance[:, 0, 0]).sum(-1))
