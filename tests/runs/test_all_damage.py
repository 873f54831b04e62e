"""Damaged and hostile files: recognized and named, never loaded, never executed."""

import json
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import soret
from soret.errors import RunError
from soret.runs import RunFolder, files, manifest, store


@pytest.fixture
def run(tmp_path: Path, data: xr.Dataset) -> Path:
    folder = RunFolder(tmp_path / "run")
    folder.begin({"seed": 0})
    folder.finish(data)
    return folder.path


def declare_whole(run: Path) -> None:
    """Write the digests of what is there, as an attacker would."""
    record = json.loads((run / "run.json").read_text())
    record["data_sha256"] = store.digest(run / "data.zarr")
    (run / "run.json").write_text(json.dumps(record))
    manifest.write(run)


def data_files(run: Path) -> list[Path]:
    return sorted(p for p in (run / "data.zarr").rglob("*") if p.is_file())


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


class TestDamagedData:
    def test_any_flipped_bit(self, run: Path) -> None:
        """Numbers or metadata altered by one bit: in the first, middle and last byte of each."""
        for path in data_files(run):
            for place in (0, path.stat().st_size // 2, -1):
                flip(path, place)
                with pytest.raises(RunError, match=r"data\.zarr is damaged"):
                    soret.load(run)
                flip(path, place)
        soret.load(run)

    def test_any_missing_file(self, run: Path) -> None:
        """A chunk that is gone, which zarr reads as fill values without a word."""
        for path in data_files(run):
            kept = path.read_bytes()
            path.unlink()
            with pytest.raises(RunError, match=r"data\.zarr is damaged"):
                soret.load(run)
            path.write_bytes(kept)

    def test_any_added_file(self, run: Path) -> None:
        """A chunk or an array that was not written by the run."""
        (run / "data.zarr" / "loss" / "c" / "7").write_bytes(b"7")
        with pytest.raises(RunError, match=r"data\.zarr is damaged"):
            soret.load(run)

    def test_files_swapped(self, run: Path, data: xr.Dataset) -> None:
        """A digest of contents that forgets whose they are."""
        before = store.digest(run / "data.zarr")
        one, other = run / "data.zarr" / "replica", run / "data.zarr" / "step"
        one.rename(run / "x")
        other.rename(one)
        (run / "x").rename(other)
        assert store.digest(run / "data.zarr") != before

    def test_no_data(self, run: Path) -> None:
        """A run that says it is complete and is not."""
        (run / "data.zarr").rename(run / "elsewhere")
        with pytest.raises(RunError, match=r"data\.zarr is missing"):
            soret.load(run)


class TestHostileData:
    """A run from someone else, whose record agrees with its data."""

    @pytest.fixture
    def trap(self, tmp_path: Path) -> tuple[bytes, Path]:
        """Return a pickle that makes a file when it is read, and the file."""
        mark = tmp_path / "executed"

        class Trap:
            def __reduce__(self) -> tuple[Callable, tuple]:
                return os.mkdir, (str(mark),)

        return pickle.dumps(np.array([Trap()], object)), mark

    @staticmethod
    def old_format(path: Path, content: bytes) -> None:
        path.mkdir(parents=True)
        array = {
            "zarr_format": 2,
            "shape": [1],
            "chunks": [1],
            "dtype": "|O",
            "compressor": None,
            "fill_value": None,
            "order": "C",
            "filters": [{"id": "pickle", "protocol": 5}],
        }
        (path / ".zarray").write_text(json.dumps(array))
        (path / ".zattrs").write_text(json.dumps({"_ARRAY_DIMENSIONS": ["a"]}))
        (path / "0").write_bytes(content)

    @pytest.mark.parametrize("place", [".", "b"])
    def test_pickle_in_the_old_format_is_not_read(
        self, run: Path, trap: tuple[bytes, Path], place: str
    ) -> None:
        """Code of a stranger executed by looking at a run; some versions of zarr would."""
        content, mark = trap
        if place == ".":
            (run / "data.zarr").rename(run / "elsewhere")
            (run / "data.zarr").mkdir()
            (run / "data.zarr" / ".zgroup").write_text('{"zarr_format": 2}')
        self.old_format(run / "data.zarr" / "b", content)
        declare_whole(run)
        with pytest.raises(RunError, match="old zarr format"):
            soret.load(run)
        assert not mark.exists()

    @pytest.mark.parametrize("codec", ["numcodecs.pickle", "pickle", "json2"])
    def test_unknown_codecs_are_named(self, run: Path, codec: str) -> None:
        """A codec that runs what it decodes, in the present format."""
        path = run / "data.zarr" / "loss" / "zarr.json"
        metadata = json.loads(path.read_text())
        metadata["codecs"].append({"name": codec, "configuration": {}})
        path.write_text(json.dumps(metadata))
        declare_whole(run)
        with pytest.raises(RunError, match=f"{re.escape(str(path))} names codecs .*{codec}"):
            soret.load(run)

    def test_unknown_codecs_inside_shards_are_named(self, run: Path) -> None:
        """A codec one level down, where shards keep theirs."""
        path = run / "data.zarr" / "loss" / "zarr.json"
        metadata = json.loads(path.read_text())
        inner = {"codecs": [{"name": "numcodecs.pickle"}], "index_codecs": [{"name": "bytes"}]}
        metadata["codecs"] = [{"name": "sharding_indexed", "configuration": inner}]
        path.write_text(json.dumps(metadata))
        declare_whole(run)
        with pytest.raises(RunError, match=r"names codecs .*numcodecs\.pickle"):
            soret.load(run)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"zarr_format": 3}'])
    def test_metadata_that_is_none(self, run: Path, content: bytes) -> None:
        """An exception of zarr's in place of a sentence."""
        (run / "data.zarr" / "loss" / "zarr.json").write_bytes(content)
        declare_whole(run)
        with pytest.raises(RunError):
            soret.load(run)

    def test_attributes_may_mention_codecs(self, tmp_path: Path, data: xr.Dataset) -> None:
        """A refusal of words in a description."""
        data.attrs["codecs"] = ["pickle"]
        folder = RunFolder(tmp_path / "other")
        folder.begin({})
        folder.finish(data)
        xr.testing.assert_identical(folder.load(), data)


ARRAYS = {
    "state-0": np.arange(64 * 64, dtype=np.float32).reshape(64, 64),
    "record-theta": np.arange(3000, dtype=np.float32).reshape(3000, 1),
    "done": np.asarray(3),
}


class TestDamagedCheckpoint:
    @pytest.fixture
    def checkpoint(self, tmp_path: Path) -> Path:
        path = tmp_path / "block-00000.npz"
        files.write_arrays(path, ARRAYS)
        return path

    @staticmethod
    def outcome(path: Path) -> str:
        """Return what reading a checkpoint comes to: an error's name, or a word."""
        try:
            found = files.read_arrays(path)
        except RunError as error:
            return "refused" if str(path) in str(error) else "refused without its name"
        except Exception as error:
            return type(error).__name__
        same = set(found) == set(ARRAYS) and all(
            found[name].dtype == value.dtype and np.array_equal(found[name], value)
            for name, value in ARRAYS.items()
        )
        return "unharmed" if same else "altered"

    def test_whole(self, checkpoint: Path) -> None:
        """A checkpoint that is refused though nothing is wrong with it."""
        assert self.outcome(checkpoint) == "unharmed"

    def test_cut_off_anywhere(self, checkpoint: Path) -> None:
        """A checkpoint that the disk had no room for."""
        whole = checkpoint.read_bytes()
        for length in [*range(0, 400, 31), *range(400, len(whole), 1977), len(whole) - 1]:
            checkpoint.write_bytes(whole[:length])
            assert self.outcome(checkpoint) == "refused"

    def test_any_flipped_bit(self, checkpoint: Path) -> None:
        """Altered numbers taken up as they are, or an exception from the depths.

        Half of the bits of the headers and of the directory, and some of the numbers. A bit that
        zip files do not use may be flipped, as long as the arrays are what they were.
        """
        whole = checkpoint.read_bytes()
        second, directory = whole.index(b"record-theta"), whole.index(b"PK\x01\x02")
        places = [*range(50, 180), *range(second, second + 130), *range(directory, len(whole))]
        outcomes: dict[str, list[tuple[int, int]]] = {}
        for place in [*places, *range(200, directory, 2003)]:
            for bit in range(place % 2, 8, 2):
                content = bytearray(whole)
                content[place] ^= 1 << bit
                checkpoint.write_bytes(content)
                outcomes.setdefault(self.outcome(checkpoint), []).append((place, bit))
        assert len(outcomes["refused"]) > 500
        assert set(outcomes) <= {"refused", "unharmed"}, set(outcomes)

    def test_pickle_is_not_read(self, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Code of a stranger executed by resuming a run, whose checksums all agree."""
        save = np.savez

        def with_pickle(*args: Any, **arrays: Any) -> None:
            save(*args, **{**arrays, "allow_pickle": True})

        monkeypatch.setattr(np, "savez", with_pickle)
        files.write_arrays(checkpoint, {"done": np.array([{}], object)})
        assert self.outcome(checkpoint) == "refused"
