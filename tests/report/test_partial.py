"""Watching a run that says of itself what no run is."""

import hashlib
import io
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soret.errors import RunError
from soret.report import partial
from soret.report.partial import Reader
from soret.runs import RunFolder, files

ABOUT: dict[str, Any] = {
    "algorithm": {"name": "SGD", "learning_rate": [0.1, 0.2]},
    "replicas": 3,
    "steps": 4,
    "record_every": 2,
}
FIT = (3, 3)  # records and replicas
LANES = {"place": np.zeros(3, np.int64), "replica": np.arange(3)}


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
        ({"replicas": 0}, "not positive"),
        ({"record_every": -1}, "not positive"),
        ({"steps": -2}, "not positive"),
        ({"replicas": "many"}, "does not describe an ensemble"),
        ({"algorithm": None}, "does not describe an ensemble"),
        ({"replicas": "3"}, "does not describe an ensemble"),
        ({"steps": True}, "does not describe an ensemble"),
        ({"algorithm": {"learning_rate": []}}, "not positive"),
        ({"algorithm": {"step": [1, 2]}}, "an axis named step"),
        ({"algorithm": {"replica": [1, 2]}}, "an axis named replica"),
        ({"replicas": 10**8, "steps": 0}, "is not shown while it runs"),
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
    files.write_arrays(block(tmp_path), LANES | {"record-x": np.zeros(shape)})
    with pytest.raises(RunError, match="holds no block of this run"):
        Reader(RunFolder(tmp_path / "a")).read()


@pytest.mark.parametrize(
    ("name", "lanes"),
    [
        ("place", np.full(3, 2)),
        ("place", np.full(3, -1)),
        ("place", np.zeros((3, 1), int)),
        ("place", np.zeros(3)),
        ("place", np.zeros(2, int)),
        ("replica", np.arange(3) + 1),
        ("replica", np.zeros(0, int)),
    ],
)
def test_lanes_that_are_not_there(tmp_path: Path, name: str, lanes: np.ndarray) -> None:
    """Catches: a block's records put at the end of the array, or an IndexError."""
    arrays = LANES | {"record-x": np.zeros(FIT), name: lanes}
    files.write_arrays(block(tmp_path), arrays)
    with pytest.raises(RunError, match="holds no block of this run"):
        Reader(RunFolder(tmp_path / "a")).read()


def block(tmp_path: Path) -> Path:
    """Begin a run, and return where its first block is saved."""
    read(tmp_path / "a")
    folder = tmp_path / "a" / "checkpoints"
    folder.mkdir()
    return folder / "block-00000.npz"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("x", np.full(FIT, "text")),
        ("x", np.full(FIT, b"bytes")),
        ("x", np.zeros(FIT, "M8[s]")),
        ("step", np.zeros(FIT)),
        ("replica", np.zeros(FIT)),
        ("learning_rate", np.zeros(FIT)),
    ],
)
def test_records_that_no_block_has(tmp_path: Path, name: str, values: np.ndarray) -> None:
    """Catches: a traceback for text, or for a record named like an axis."""
    files.write_arrays(block(tmp_path), LANES | {f"record-{name}": values})
    with pytest.raises(RunError, match="holds no block of this run"):
        Reader(RunFolder(tmp_path / "a")).read()


def test_complex_records_are_left_out(tmp_path: Path) -> None:
    """Catches: a page that drops imaginary parts, or that stops for them."""
    arrays = {"record-x": np.ones(FIT) * 1j, "record-y": np.ones(FIT)}
    files.write_arrays(block(tmp_path), LANES | arrays)
    seen = Reader(RunFolder(tmp_path / "a")).read()
    assert list(seen.data.data_vars) == ["y"]
    assert seen.share == 0.5


def test_a_run_of_complex_records_alone_goes_on(tmp_path: Path) -> None:
    """Catches: a run that stays at 0 % because nothing of it is drawn."""
    files.write_arrays(block(tmp_path), LANES | {"record-x": np.ones(FIT) * 1j})
    assert Reader(RunFolder(tmp_path / "a")).read().share == 0.5


def test_components_that_would_fill_the_memory(tmp_path: Path) -> None:
    """Catches: terabytes for a block of one record with many components."""
    path = block(tmp_path)
    lanes = {key: value[:1] for key, value in LANES.items()}
    files.write_arrays(path, lanes | {"record-x": np.zeros((1, 1, 10**8), np.bool_)})
    with pytest.raises(RunError, match="is not shown while it runs"):
        Reader(RunFolder(tmp_path / "a")).read()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX has these kinds of files")
@pytest.mark.parametrize("kind", ["fifo", "link", "folder", "linked folder", "large"])
def test_what_is_no_file_is_not_read(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches: waiting for ever for a pipe; memory filled from a device or a file full of holes."""
    path = block(tmp_path)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "linked folder":
        files.write_arrays(path, {"record-x": np.zeros(FIT)})
        path.parent.rename(tmp_path / "elsewhere")
        path.parent.symlink_to(tmp_path / "elsewhere")
    else:
        monkeypatch.setattr(partial, "_MOST_BYTES", 1000)
        path.write_bytes(bytes(1001))
    with pytest.raises(RunError, match=r"is a link|no regular file|at most 1,000 are read"):
        Reader(RunFolder(tmp_path / "a")).read()


@pytest.mark.parametrize("kind", ["compressed", "no array", "a made-up shape"])
def test_archives_that_numpy_would_not_write(tmp_path: Path, kind: str) -> None:
    """Catches: memory filled by a few bytes, and members that are no arrays."""
    path, content, array = block(tmp_path), io.BytesIO(), io.BytesIO()
    about = {"descr": "<f8", "fortran_order": False, "shape": (10**15,)}
    np.lib.format.write_array_header_1_0(array, about)
    with zipfile.ZipFile(content, "w") as archive:
        if kind == "compressed":
            archive.writestr("record-x.npy", bytes(10**6), zipfile.ZIP_DEFLATED)
        elif kind == "no array":
            archive.writestr("record-x", b"text")
        else:
            archive.writestr("record-x.npy", array.getvalue())
    written = content.getvalue()
    path.write_bytes(written + hashlib.sha256(written).digest())
    with pytest.raises(RunError, match=r"is damaged|holds no block of this run"):
        Reader(RunFolder(tmp_path / "a")).read()
