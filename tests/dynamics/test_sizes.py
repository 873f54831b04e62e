"""What takes too much is refused at once, from counts and shapes, with its bytes."""

import time
from typing import Any

import jax
import numpy as np
import pytest

import soret
from soret.dynamics.sizes import grid_size
from soret.errors import SettingsError
from soret.observables import State

LINE = soret.problems.surface(lambda x: 0.5 * (x**2).sum(), start=np.zeros(2), name="line")


def never(problem: soret.Problem, state: State) -> jax.Array:
    raise AssertionError("an observable was traced, though counts alone say that it is too much")


def everything(problem: soret.Problem, state: State) -> jax.Array:
    return jax.numpy.zeros(10**9)


def rates(n: int) -> list[float]:
    return np.linspace(0.01, 0.1, n).tolist()


TOO_MUCH: dict[str, tuple[dict[str, Any], str]] = {
    "replicas": ({"replicas": 10**9}, "1,000,000,000 replicas"),
    "more replicas than keys": ({"replicas": 2**32 + 1, "memory_limit": 2**62}, "at most 2³²"),
    "a grid": (
        {"algorithm": soret.SGD(rates(1500), range(1, 1501)), "replicas": 100},
        "2,250,000 points",
    ),
    "records": ({"steps": 2**30, "record_every": 1, "replicas": 1000}, "1,073,741,825 times"),
    "thresholds": (
        {"watch": soret.FirstPassage(never, np.arange(1, 10**6)), "replicas": 1000, "observe": ()},
        "GiB",
    ),
    "a large observable": ({"observe": everything}, "GiB"),
    "many programs": ({"algorithm": soret.SGD(0.1, range(1, 3000))}, "GiB of memory"),
    "no memory": ({"memory_limit": 1}, "1 bytes may be used"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_is_refused_before_work(name: str) -> None:
    """Catches: minutes, gigabytes and a MemoryError for lists of blocks that no memory holds."""
    given, told = TOO_MUCH[name]
    usual = {"observe": never, "steps": 4, "replicas": 2, "memory_limit": 10**9}
    settings = {"algorithm": soret.SGD(0.1), **usual, **given}
    if name == "a large observable" or name in ("many programs", "no memory"):
        settings["observe"] = given.get("observe", soret.observables.parameters)
    began = time.monotonic()
    with pytest.raises(SettingsError, match=told):
        soret.simulate(LINE, **settings)
    assert time.monotonic() - began < 20


def test_a_grid_is_counted() -> None:
    """Catches: a grid that is run through to be counted."""
    assert grid_size(soret.SGD(rates(9), [1, 2, 3], momentum=[0.1, 0.2])) == 54
    assert grid_size(soret.SGD(0.1)) == 1


def test_a_block_is_no_larger_than_its_replicas() -> None:
    """Catches: memory reserved for a block size of which there are no replicas."""
    run = soret.simulate(
        LINE, soret.SGD(0.1), observe=soret.observables.parameters, steps=2, replicas=3,
        block_size=10**12,
    )  # fmt: skip
    assert run.block_size == 3


def test_what_fits_is_run() -> None:
    """Catches: a refusal of what there is room for."""
    run = soret.simulate(
        LINE, soret.SGD(0.1), observe=soret.observables.parameters, steps=2, replicas=3,
        memory_limit=10**9,
    )  # fmt: skip
    assert run.parameters.shape == (3, 3, 2)
