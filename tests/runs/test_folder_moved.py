"""A run's folder that is moved or removed while the run is being made."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from soret.claims.experiments import Measurement
from soret.claims.runner import Runner
from soret.errors import RunError
from soret.runs import RunFolder, lock

BLOCK = {"done": np.asarray(1)}


def draw(run: RunFolder) -> None:
    with run.drawing():
        pass


def measure(run: RunFolder) -> None:
    runner = Runner(run, {"seed": 0}, False, lambda _: None)
    runner.run({"trace": Measurement(lambda _: xr.Dataset({"x": 1.0}))})


WRITES: dict[str, Callable[[RunFolder], object]] = {
    "a checkpoint": lambda run: run.write_checkpoint("block-00001", BLOCK),
    "the data": lambda run: run.finish(xr.Dataset({"x": 1.0})),
    "figures": draw,
    "a verdict": lambda run: run.write_verdict({}),
    "an experiment": measure,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("moved", [True, False])
def test_it_is_not_made_anew(
    tmp_path: Path, write: Callable[[RunFolder], object], moved: bool
) -> None:
    """Catches: hours of blocks in a folder without a record, which nothing goes on from."""
    with RunFolder(tmp_path / "run") as run:
        run.begin({"seed": 0})
        run.write_checkpoint("block-00000", BLOCK)
        if moved:
            run.path.rename(tmp_path / "elsewhere")
        else:
            shutil.rmtree(run.path)
        with pytest.raises(RunError, match="moved or removed while the run was being made"):
            write(run)
    assert not (tmp_path / "run").exists()
    if moved:
        (tmp_path / "elsewhere" / lock.NAME).unlink()  # its process has ended
        with RunFolder(tmp_path / "elsewhere") as run:
            assert not run.begin({"seed": 0})
            assert run.read_checkpoint("block-00000") is not None


def test_a_record_that_is_removed(tmp_path: Path) -> None:
    """Catches: blocks that nobody can say the run of."""
    with RunFolder(tmp_path / "run") as run:
        run.begin({"seed": 0})
        run.record_path.unlink()
        with pytest.raises(RunError, match=r"run\.json was removed while the run was being made"):
            run.write_checkpoint("block-00000", BLOCK)
