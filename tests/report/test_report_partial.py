"""Watching a run that says of itself what no run is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soret.errors import RunError
from soret.report.partial import Reader
from soret.runs import RunFolder, files

ABOUT: dict[str, Any] = {
    "algorithm": {"name": "SGD", "learning_rate": [0.1, 0.2]},
    "replicas": 3,
    "block_size": 3,
    "steps": 4,
    "record_every": 2,
}


def read(path: Path, **changes: Any) -> Any:
    folder = RunFolder(path)
    folder.begin(ABOUT | changes)
    return Reader(folder).read()


def test_nothing_is_there_yet(tmp_path: Path) -> None:
    """Catches: a run that was just begun and cannot be watched."""
    assert read(tmp_path / "a").share == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"replicas": 10**12}, "is not shown while it runs"),
        ({"steps": 10**15}, "is not shown while it runs"),
        ({"algorithm": {"a": [0.1] * 10_000, "b": [1] * 10_000}}, "is not shown while it runs"),
        ({"block_size": 0}, "not positive"),
        ({"record_every": -1}, "not positive"),
        ({"steps": -2}, "not positive"),
        ({"replicas": "many"}, "does not describe an ensemble"),
        ({"algorithm": None}, "does not describe an ensemble"),
    ],
)
def test_sizes_are_looked_at_before_they_are_believed(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    """Catches: a division by zero, or a list of 10^12 blocks made for a page."""
    with pytest.raises(RunError, match=says):
        read(tmp_path / "a", **changes)


@pytest.mark.parametrize("shape", [(), (3,), (3, 1), (3, 2, 2)])
def test_blocks_of_another_run(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Catches: a ValueError for arrays that do not fit into one another."""
    folder = tmp_path / "a" / "checkpoints"
    read(tmp_path / "a")
    folder.mkdir()
    files.write_arrays(folder / "block-00000.npz", {"record-x": np.zeros(shape)})
    with pytest.raises(RunError, match="holds no block of this run"):
        Reader(RunFolder(tmp_path / "a")).read()
