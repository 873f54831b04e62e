"""Checkpoints: taken up by the run and block that wrote them, and by no other."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from soret.claims.experiments import Measurement
from soret.claims.runner import Runner
from soret.errors import SoretError
from soret.runs import RunFolder, checkpoints, files

ABOUT: dict[str, Any] = {"point": {"learning_rate": 0.1}, "replicas": [0, 4], "chunk": 12}
SAVED = {"done": np.asarray(3), "state-0": np.arange(4.0)}


def begun(place: Path, **description: Any) -> RunFolder:
    folder = RunFolder(place)
    assert folder.begin({"seed": 0, "steps": 100} | description) is False
    return folder


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Return a block that was saved by another run, which is like this one but for its seed."""
    with begun(tmp_path / "other", seed=1) as folder:
        folder.write_checkpoint("block-00000", SAVED, ABOUT)
    return tmp_path / "other" / "checkpoints" / "block-00000.npz"


def test_its_own_is_taken_up(tmp_path: Path) -> None:
    """Catches: work that is thrown away at every resumption."""
    with begun(tmp_path / "run") as folder:
        folder.write_checkpoint("block-00000", SAVED, ABOUT)
    with begun(tmp_path / "run") as folder:
        found = folder.read_checkpoint("block-00000", ABOUT)
    assert found is not None
    assert set(found) == set(SAVED)
    np.testing.assert_array_equal(found["state-0"], SAVED["state-0"])


def test_of_another_seed(tmp_path: Path, saved: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Catches: a run finished with numbers of another seed, under a valid checksum."""
    with begun(tmp_path / "run") as folder:
        folder.write_checkpoint("block-00001", SAVED, ABOUT)
        shutil.copy(saved, tmp_path / "run" / "checkpoints")
        assert folder.read_checkpoint("block-00000", ABOUT) is None
    assert "belongs to another run or another block" in caplog.text
    kept = tmp_path / "run" / "damaged-1" / saved.name
    assert kept.read_bytes() == saved.read_bytes()


@pytest.mark.parametrize(
    ("block", "about"),
    [
        ("block-00001", ABOUT),
        ("block-00000", ABOUT | {"replicas": [4, 8]}),
        ("block-00000", ABOUT | {"point": {"learning_rate": 0.05}}),
        ("block-00000", ABOUT | {"chunk": 6}),
        ("block-00000", None),
    ],
)
def test_of_another_block(tmp_path: Path, block: str, about: dict[str, Any] | None) -> None:
    """Catches: blocks swapped, or cut otherwise than now, gone on with."""
    with begun(tmp_path / "run") as folder:
        folder.write_checkpoint("block-00000", SAVED, ABOUT)
        place = tmp_path / "run" / "checkpoints"
        if block != "block-00000":
            (place / "block-00000.npz").rename(place / f"{block}.npz")
        assert folder.read_checkpoint(block, about) is None


def test_of_an_unnamed_origin(tmp_path: Path) -> None:
    """Catches: a file without a word of whose it is, taken up."""
    with begun(tmp_path / "run") as folder:
        folder.write_checkpoint("loop", SAVED)
        files.write_arrays(tmp_path / "run" / "checkpoints" / "loop.npz", SAVED)
        assert folder.read_checkpoint("loop") is None


def test_a_link_is_not_read(tmp_path: Path, saved: Path) -> None:
    """Catches: a state from outside the run."""
    with begun(tmp_path / "run", seed=1) as folder:
        folder.write_checkpoint("block-00001", SAVED, ABOUT)
        (tmp_path / "run" / "checkpoints" / saved.name).symlink_to(saved)
        assert folder.read_checkpoint("block-00000", ABOUT) is None
    assert saved.exists()


def test_measurements_of_a_claim_with_other_settings(tmp_path: Path) -> None:
    """Catches: what was measured for other settings of a claim, copied, and taken for its own."""
    wanted = {"claim": "a/b", "seed": 0, "settings": {"samples": 4}}

    def measured(place: Path, settings: int, value: float) -> float:
        about = wanted | {"settings": {"samples": settings}}
        with begun(place) as run:
            runner = Runner(run, about, False, lambda _: None)
            made = runner.run({"trace": Measurement(lambda _: xr.Dataset({"x": value}))})
            return float(made["trace"].x)

    assert measured(tmp_path / "a", 4, 1.0) == 1.0
    assert measured(tmp_path / "a", 4, 2.0) == 1.0  # loaded
    with pytest.raises(SoretError, match="holds another run"):
        measured(tmp_path / "a", 8, 2.0)


class TestCleared:
    """Only what Soret wrote is removed once a run is finished."""

    @pytest.fixture
    def finished(self, tmp_path: Path, data: xr.Dataset) -> RunFolder:
        folder = begun(tmp_path / "run")
        folder.write_checkpoint("block-00000", SAVED, ABOUT)
        with begun(tmp_path / "run" / "checkpoints" / "normal") as inner:
            inner.write_checkpoint("block-00000", SAVED, ABOUT)
            inner.finish(data)
        return folder

    def test_all_of_it(self, finished: RunFolder, data: xr.Dataset) -> None:
        """Catches: a second copy of the data that stays for ever."""
        finished.finish(data)
        assert not (finished.path / "checkpoints").exists()

    @pytest.mark.parametrize("name", ["notes.txt", ".thesis.old", ".a.partial", "model.npz", "c/d"])
    def test_files_of_others(self, finished: RunFolder, data: xr.Dataset, name: str) -> None:
        """Catches: somebody's file deleted because of where it was."""
        mine = finished.path / "checkpoints" / name
        mine.parent.mkdir(exist_ok=True)
        mine.write_text("precious")
        finished.finish(data)
        assert mine.read_text() == "precious"
        left = {p.name for p in (finished.path / "checkpoints").iterdir()}
        assert left == {name.split("/", maxsplit=1)[0]}

    def test_a_link_to_somebodys_home(
        self, finished: RunFolder, data: xr.Dataset, tmp_path: Path
    ) -> None:
        """Catches: a folder emptied through a link."""
        home = tmp_path / "home"
        (finished.path / "checkpoints").rename(home)
        (finished.path / "checkpoints").symlink_to(home)
        before = sorted(home.rglob("*"))
        finished.finish(data)
        assert sorted(home.rglob("*")) == before
        assert os.path.islink(finished.path / "checkpoints")

    def test_a_linked_experiment(
        self, finished: RunFolder, data: xr.Dataset, tmp_path: Path
    ) -> None:
        """Catches: another run deleted through a link among the experiments."""
        with begun(tmp_path / "elsewhere") as other:
            other.finish(data)
        (finished.path / "checkpoints" / "linked").symlink_to(tmp_path / "elsewhere")
        finished.finish(data)
        xr.testing.assert_identical(RunFolder(tmp_path / "elsewhere").load(), data)


def test_a_run_that_has_no_checkpoints_is_cleared(tmp_path: Path) -> None:
    """Catches: a refusal where there is nothing to do."""
    checkpoints.clear(tmp_path)
