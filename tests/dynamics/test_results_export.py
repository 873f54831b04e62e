"""Runs can be written to netCDF and tables, fresh or loaded, and read back as they were."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import xarray as xr

import soret
from soret.observables import State


def positive(problem: soret.Problem, state: State) -> jax.Array:
    return state.params > 0


def count(problem: soret.Problem, state: State) -> jax.Array:
    return jnp.sum(state.params > 0)


BOWL = soret.problems.surface(lambda x: 0.5 * x @ x, start=[1.0, 2.0])
POINTS = soret.Dataset("points", np.eye(4, 3), np.array([0, 1, 1, 0]), ("a", "b"))
OWN = soret.Problem(
    init=lambda key: {"w": jax.random.normal(key, (3,))},
    predict=lambda params, x: params["w"] @ x,
    loss=lambda output, label: (output - label) ** 2,
    data=POINTS,
    settings={"layers": None, "deep": True, "sizes": {"hidden": [1, 2]}, "names": ["a", "b"]},
)
RUNS: dict[str, dict[str, Any]] = {
    "grid": {
        "problem": BOWL,
        "algorithm": soret.SGD([0.1, 0.2], [1, 2], momentum=0.5, nesterov=True),
        "observe": [positive, count],
    },
    "optimizer with parts, settings of every type": {
        "problem": OWN,
        "algorithm": soret.Optax(optax.chain(optax.clip(1.0), optax.adam(1e-3))),
        "observe": soret.observables.parameters,
    },
    "watched": {
        "problem": BOWL,
        "algorithm": soret.SGD(0.1),
        "watch": soret.FirstPassage(lambda p, s: s.params.sum(), [1e3, 2e3], hold=True),
        "seed": 2**64 - 1,
    },
}


@pytest.mark.parametrize("engine", ["netcdf4", "scipy"])
@pytest.mark.parametrize("name", RUNS)
def test_netcdf_and_back(name: str, engine: str, tmp_path: Path) -> None:
    """Catches: a truth value, a mapping, None or a large integer, which netCDF cannot hold."""
    made = soret.simulate(**RUNS[name], steps=4, replicas=2, out=tmp_path / "run")
    for run in (made, soret.load(tmp_path / "run")):
        run.to_netcdf(tmp_path / "run.nc", engine=engine)
        with xr.open_dataset(tmp_path / "run.nc", engine=engine) as file:
            again = file.load()
        xr.testing.assert_equal(again, made)
        assert {k: str(v) for k, v in again.attrs.items()} == {
            k: str(v) for k, v in made.attrs.items()
        }
        assert again.attrs.keys() == made.attrs.keys()


def test_tables(tmp_path: Path) -> None:
    """Catches: coordinates that a table has no column for."""
    run = soret.simulate(**RUNS["grid"], steps=4, replicas=2)
    table = run[["count"]].to_dataframe().reset_index()
    table.to_csv(tmp_path / "run.csv")
    assert {"learning_rate", "batch_size", "replica", "step", "count"} <= set(table.columns)
    assert len(table) == run["count"].size
