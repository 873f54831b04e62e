"""Replicas held at their last passage: where they stand, and that a resumed run agrees."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import soret
from soret.errors import SettingsError
from soret.observables import State, label
from soret.runs import pace

STEPS = 960


@label("distance from the start")
def distance(problem: soret.Problem, state: State) -> jax.Array:
    """Return |q|, of one coordinate."""
    return jnp.abs(state.params["q"][0])


@pytest.fixture(scope="module")
def walk() -> soret.Problem:
    """Return q ← q − ηs with fair signs s: exact in float32."""
    signs = [[s, t] for s in (-1.0, 1.0) for t in (-1.0, 1.0)]
    return soret.Problem(
        init=lambda key: {"a": jnp.ones(()), "q": jnp.zeros(2)},
        fixed_start=True,
        predict=lambda params, x: jnp.sum(x * params["q"]) + 0 * params["a"],
        loss=lambda output, _: output,
        data=soret.Dataset("fair signs", signs, np.zeros(4)),
        name="walk",
    )


@pytest.fixture(scope="module")
def held(walk: soret.Problem) -> Callable[..., xr.Dataset]:
    def run(thresholds: Any, every: int = 1, **settings: Any) -> xr.Dataset:
        return soret.simulate(
            walk,
            soret.SGD([1.0, 2.0]),
            watch=soret.FirstPassage(distance, thresholds, every, hold=True),
            **{"steps": STEPS, "replicas": 10, "workers": 2, "block_size": 4, **settings},
        )

    return run


@pytest.fixture(scope="module")
def free(walk: soret.Problem) -> xr.Dataset:
    """Return the same replicas, of which none is held, at every step."""
    return soret.simulate(
        walk,
        soret.SGD([1.0, 2.0]),
        observe=soret.observables.parameters,
        steps=STEPS,
        replicas=10,
        record_every=1,
    )


# A chunk has at most 32 steps: looks within one, and beyond it.
@pytest.mark.parametrize(
    "every", [3, 96, *(pytest.param(every, marks=pytest.mark.slow) for every in (1, 32))]
)
def test_are_the_parameters_at_the_passage(
    free: xr.Dataset, held: Callable[..., xr.Dataset], every: int
) -> None:
    """Parameters of another step: of the record before, of a replica that ran on, of the end."""
    run = held([4.0, 25.0], every, observe=distance, record_every=96)
    expected = free.parameters.sel(step=run.watched_until.astype(int))
    np.testing.assert_array_equal(run.final_parameters, expected.transpose(..., "parameters_dim_0"))
    # Some were held and some never arrived.
    arrived = ~np.isnan(run.first_passage.isel(threshold=-1))
    assert 0 < arrived.mean() < 1
    assert (np.abs(run.final_parameters[..., 1]).where(arrived, 25.0) >= 25).all()


def test_times_and_records_do_not_change(
    walk: soret.Problem, held: Callable[..., xr.Dataset]
) -> None:
    """A watch that measures something else as soon as it holds."""
    run = held([3.0, 9.0], 3, observe=distance, record_every=96)
    free = soret.simulate(
        walk,
        soret.SGD([1.0, 2.0]),
        observe=distance,
        watch=soret.FirstPassage(distance, [3.0, 9.0], 3),
        steps=STEPS,
        replicas=10,
        record_every=96,
        block_size=4,
    )
    xr.testing.assert_equal(run.drop_vars("final_parameters"), free)


def test_a_resumed_run_is_the_same(
    held: Callable[..., xr.Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is held being lost, or moved on, by an interruption."""
    whole = held([4.0, 25.0], 3, record_every=96, workers=1)
    calls, real = [0], pace.next_length

    def fail(length: int, seconds: float) -> int:
        calls[0] += 1
        if calls[0] == 12:
            raise KeyboardInterrupt
        return min(3, real(length, seconds))

    monkeypatch.setattr(pace, "next_length", fail)
    monkeypatch.setattr(pace, "SAVE_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        held([4.0, 25.0], 3, record_every=96, workers=1, out=tmp_path / "run")
    resumed = held([4.0, 25.0], 3, record_every=96, workers=1, out=tmp_path / "run")
    xr.testing.assert_equal(resumed, whole)
    again = held([4.0, 25.0], 3, record_every=96, workers=1, out=tmp_path / "run")
    xr.testing.assert_equal(again, whole)


def test_bad_hold() -> None:
    """A hold that is silently true."""
    with pytest.raises(SettingsError, match="true or false"):
        soret.FirstPassage(distance, [1.0], hold="no")  # type: ignore[arg-type]
