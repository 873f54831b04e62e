"""What would take more memory than there is says so, before anything is allocated."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import soret
from soret import landscape, memory
from soret.errors import SettingsError

# 7,850 parameters: a dense matrix of them takes 0.5 GiB. 40 examples.
X = np.random.default_rng(0).normal(size=(40, 784))
DATA = soret.Dataset("random", X, np.arange(40) % 10, tuple("0123456789"))
NET = soret.problems.dense(hidden=(), data=DATA, scaling="none")
PARAMS = NET.initial(jax.random.key(0))
THETA = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(PARAMS)])
TWO = soret.Dataset("two", X, np.arange(40) % 2, ("a", "b"))
SCALAR = soret.problems.dense(hidden=(), data=TWO, scaling="none", loss="mean_square")


def hessian() -> landscape.Curvature:
    return landscape.hessian(NET, PARAMS)


def noise() -> landscape.GradientNoise:
    return landscape.gradient_noise(NET, PARAMS)


# What takes 10 MiB or more, by what is asked for.
LARGE: dict[str, Callable[[], Any]] = {
    "dense": lambda: hessian().dense(),
    "dense Gauss–Newton": lambda: landscape.gauss_newton(NET, PARAMS).dense(),
    "top, half of them": lambda: hessian().top(4000),
    "top, many": lambda: hessian().top(60),
    "spectral density": lambda: hessian().spectral_density(depth=200),
    "density on a fine grid": lambda: hessian().spectral_density(points=10**8),
    "Gram's matrix": lambda: noise().gram(),
    "spectrum": lambda: noise().spectrum(),
    "decoupling": lambda: landscape.decoupling(SCALAR, SCALAR.initial(jax.random.key(0))),
    "gradients": lambda: landscape.example_gradients(
        NET, PARAMS, np.tile(X, (9, 1)), np.zeros(360, int)
    ),
    "line": lambda: landscape.line(NET, THETA, 2 * THETA, np.linspace(0, 1, 500)),
    "plane": lambda: landscape.plane(NET, THETA, 2 * THETA, THETA + THETA[::-1], size=100),
    "points": lambda: landscape.evaluate(NET, np.broadcast_to(THETA, (300, 7850))),
    "flatness": lambda: landscape.flatness(NET, THETA, samples=500),
    "modes": lambda: landscape.noisy_modes(NET, PARAMS, top=60),
    "directions": lambda: soret.observables.random_directions(7850, 1000),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_large_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: a killed process, or a MemoryError, in place of a sentence with the remedy."""
    monkeypatch.setattr(memory, "limit_bytes", lambda: 9 * 2**20)
    with pytest.raises(SettingsError, match=r"would take [\d.,]+ [MG]iB of memory, where 9.0 MiB"):
        LARGE[name]()


def test_what_fits_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: a bound so wide of the mark that what fits is refused."""
    monkeypatch.setattr(memory, "limit_bytes", lambda: 9 * 2**20)
    assert hessian().top(2).values[0] > 0
    landscape.line(NET, THETA, 2 * THETA, [0.0, 1.0], progress=False)


def test_all_parameters_at_every_record_are_refused() -> None:
    """Catches: records of all parameters that are found to be too large after the run."""
    with pytest.raises(SettingsError, match=r"[\d,.]+ [MGT]iB"):
        soret.simulate(
            NET,
            soret.SGD(0.1),
            observe=soret.observables.parameters,
            steps=10_000,
            record_every=1,
            replicas=1,
            memory_limit=2**28,
            progress=False,
        )
