"""A power cut: what is on a disk, at any moment, is a run that the same call goes on from.

On a real file system (ext4) in an image, of which a copy is taken in the middle: the copy holds
what was written to the disk, not what the system still had in its memory.
"""

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from soret.runs import RunFolder, durable, files, lock, manifest, pace

BLOCKS = 4


def _can_mount() -> bool:
    needed = ("mkfs.ext4", "mount", "umount")
    return sys.platform == "linux" and os.geteuid() == 0 and all(map(shutil.which, needed))


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


class Disk:
    """An ext4 file system in a file, mounted; its copies are disks after a power cut."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.image, self.mounted = place / "disk.img", place / "disk"
        self.cuts: list[Path] = []
        self._one = threading.Lock()

    def make(self) -> None:
        with self.image.open("wb") as file:
            file.truncate(24 * 2**20)
        # The journal is written every hour, unless somebody asks for it.
        run("mkfs.ext4", "-q", "-O", "^metadata_csum", self.image)
        self.mounted.mkdir()
        run("mount", "-o", "loop,commit=3600", self.image, self.mounted)

    def cut(self) -> None:
        """Take the disk as it is now; folders are synced by several threads."""
        with self._one:
            copy = self.place / f"cut-{len(self.cuts)}.img"
            run("cp", "--sparse=always", self.image, copy)
            self.cuts.append(copy)

    def after(self, cut: Path) -> Path:
        """Return what is on the disk when the machine starts again."""
        mounted, found = self.place / "after", self.place / cut.stem
        mounted.mkdir(exist_ok=True)
        run("mount", "-o", "loop", cut, mounted)
        try:
            shutil.copytree(mounted, found, ignore=shutil.ignore_patterns("lost+found"))
        finally:
            run("umount", mounted)
        return found


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if not _can_mount():
        pytest.skip("mounting a file system takes root, ext4 and a loop device")
    made = Disk(tmp_path)
    try:
        made.make()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no file system can be mounted here: {error.stderr!r}")
    yield made
    run("umount", made.mounted)


def compute(place: Path, disk: Disk | None, done: list[int]) -> xr.Dataset:
    """Compute four blocks, each from what was saved of it; note what was computed anew."""
    with RunFolder(place) as folder:
        if folder.begin({"seed": 0}):
            if disk:
                disk.cut()
            loaded = folder.load()
            assert isinstance(loaded, xr.Dataset)
            return loaded
        values = []
        for number in range(BLOCKS):
            name, about = f"block-{number:05d}", {"number": number}
            saved = folder.read_checkpoint(name, about)
            if saved is None:
                done.append(number)
                saved = {"value": np.asarray(number**2)}
                folder.write_checkpoint(name, saved, about)
            values.append(int(saved["value"]))
            if disk:
                disk.cut()
        data = xr.Dataset({"x": ("block", values)})
        folder.finish(data)
        if disk:
            disk.cut()
        return data


@pytest.mark.parametrize("seconds", [0.0, 3600.0])
def test_the_same_call_goes_on(disk: Disk, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Catches: files of 0 bytes under names that count; a run that is complete without its data."""
    monkeypatch.setattr(pace, "SAVE_SECONDS", seconds)
    monkeypatch.setattr(lock, "_EMPTY_SECONDS", 0.0)
    place = disk.mounted / "runs" / "a"
    synced = durable.sync_folder

    def cut_before(folder: Path) -> None:
        # The moment at which a name counts here, but perhaps not yet on the disk.
        disk.cut()
        synced(folder)

    with monkeypatch.context() as patch:
        patch.setattr(durable, "sync_folder", cut_before)
        whole = compute(place, disk, [])
    assert len(disk.cuts) > 10
    begun = finished = 0
    for cut in disk.cuts:
        found = disk.after(cut) / "runs" / "a"
        empty = [p for p in found.rglob("*") if p.is_file() and not p.stat().st_size]
        counted = [p for p in empty if "checkpoints" not in p.parts and not p.name.startswith(".")]
        assert not counted, f"{cut.name}: {counted}"
        anew: list[int] = []
        record = found / "run.json"
        begun += record.exists()
        finished += record.exists() and "complete" in record.read_text()
        xr.testing.assert_identical(compute(found, None, anew), whole)
        manifest.verify(found)
        left = {p.name for p in found.iterdir()}
        assert left == {"data.zarr", "manifest.json", "run.json"}
        if seconds == 0.0 and cut == disk.cuts[-2]:
            assert anew == [], "what was saved was lost"
    assert begun > 3
    assert finished >= 1
    # The last cut was taken when all was done.
    assert "complete" in (disk.place / disk.cuts[-1].stem / "runs/a/run.json").read_text()


def test_a_checkpoint_that_replaces_another_is_there_before_it(disk: Disk) -> None:
    """Catches: an older state given up for one that is not on the disk yet."""
    path = disk.mounted / "block-00000.npz"
    files.write_arrays(path, {"done": np.asarray(1)})
    durable.sync_file(path)
    durable.sync_folder(disk.mounted)
    files.write_arrays(path, {"done": np.asarray(2)})
    disk.cut()
    found = files.read_arrays(disk.after(disk.cuts[0]) / path.name)
    assert int(found["done"]) in (1, 2)


def test_syncing_what_cannot_be_synced_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches: a network file system without fsync on folders, on which nothing can be saved."""

    def refused(_: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refused)
    durable.sync_folder(tmp_path)
    with pytest.raises(OSError, match="Invalid"):
        durable.sync_handle(0)
