"""A run's folder: claimed once, resumed by its own settings only, loaded only when whole."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import soret
from soret.errors import RunError
from soret.runs import RunFolder, files

SETTINGS = {
    "problem": {"name": "two_layer", "hidden": 10},
    "algorithm": {"learning_rate": (0.1, 0.05)},
    "steps": 100,
    "programs": ["abc"],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "a"


@pytest.fixture
def finished(path: Path, data: xr.Dataset) -> Path:
    folder = RunFolder(path)
    assert folder.begin(SETTINGS) is False
    folder.finish(data, seconds=1.5)
    return path


def left_over(path: Path) -> list[str]:
    """Return what a finished run should not hold."""
    return sorted(
        str(p.relative_to(path))
        for p in path.rglob("*")
        if p.name.startswith(".") or "partial" in p.name or p.name in ("checkpoints",)
    )


class TestLife:
    def test_finished_run_is_loaded_as_it_was(self, finished: Path, data: xr.Dataset) -> None:
        """Numbers, types, NaN, coordinates or attributes lost on the way to disk and back."""
        loaded = soret.load(finished)
        xr.testing.assert_identical(loaded, data)
        for name in data.variables:
            assert loaded[name].dtype == data[name].dtype

    def test_data_may_be_a_tree(self, path: Path, data: xr.Dataset) -> None:
        """A claim with several ensembles."""
        tree = xr.DataTree.from_dict({"/one": data, "/two": data.isel(replica=[0])})
        folder = RunFolder(path)
        folder.begin(SETTINGS)
        folder.finish(tree)
        xr.testing.assert_identical(folder.load(), tree)

    def test_finished_run_is_known_as_complete(self, finished: Path) -> None:
        """A run computed again although it is there."""
        assert RunFolder(finished).begin(SETTINGS) is True

    def test_begun_run_can_be_taken_up(self, path: Path) -> None:
        """A run that its own interruption has made another one."""
        with RunFolder(path) as folder:
            assert folder.begin(SETTINGS) is False
        with RunFolder(str(path)) as folder:
            assert folder.begin(json.loads(json.dumps(SETTINGS))) is False

    def test_record_says_where_it_comes_from(self, finished: Path) -> None:
        """A run that cannot be run again, or that says who ran it."""
        record = RunFolder(finished).record()
        assert record["description"]["algorithm"] == {"learning_rate": [0.1, 0.05]}
        assert {"python", "soret", "jax", "numpy"} <= set(record["versions"])
        assert {"system", "machine", "cores"} <= set(record["platform"])
        assert record["started"] <= record["finished"]
        assert record["seconds"] == 1.5
        text = (finished / "run.json").read_text()
        assert str(Path.home()) not in text
        assert str(finished) not in text

    def test_nothing_half_written_is_left(self, finished: Path) -> None:
        """A finished folder with scaffolding in it."""
        assert left_over(finished) == []
        assert sorted(p.name for p in finished.iterdir()) == [
            "data.zarr",
            "manifest.json",
            "run.json",
        ]

    def test_checkpoints_are_kept_until_the_end(self, path: Path, data: xr.Dataset) -> None:
        """A block that must be computed again, or checkpoints that stay for ever."""
        folder = RunFolder(path)
        folder.begin(SETTINGS)
        assert folder.read_checkpoint("block-00000") is None
        saved = {"state-0": np.arange(5, dtype=np.float32), "done": np.asarray(3)}
        folder.write_checkpoint("block-00000", {"done": np.asarray(1)})
        folder.write_checkpoint("block-00000", saved)
        folder.__exit__(None, None, None)  # the process ends
        folder = RunFolder(path)
        folder.begin(SETTINGS)
        found = folder.read_checkpoint("block-00000")
        assert found is not None
        assert set(found) == set(saved)
        np.testing.assert_array_equal(found["state-0"], saved["state-0"])
        folder.finish(data)
        assert left_over(path) == []


class TestAnotherRun:
    @pytest.mark.parametrize(
        ("changed", "named"),
        [
            ({"steps": 200}, "steps is 100 there, 200 here"),
            ({"problem": {"name": "two_layer", "hidden": 20}}, "problem.hidden is 10 there, 20"),
            ({"algorithm": {"learning_rate": 0.1}}, r"learning_rate is \[0.1, 0.05\] there, 0.1"),
            ({"seed": 1}, "seed is None there, 1 here"),
            ({"programs": ["def"]}, "model, data or observables differ"),
        ],
    )
    def test_other_settings_are_refused_by_name(
        self, finished: Path, changed: dict, named: str
    ) -> None:
        """Another run's numbers returned as one's own, or written over."""
        with pytest.raises(RunError, match=f"holds another run .*{named}"):
            RunFolder(finished).begin(SETTINGS | changed)
        assert RunFolder(finished).begin(SETTINGS) is True

    def test_settings_that_are_gone_are_named(self, finished: Path) -> None:
        """A setting that only the saved run has."""
        fewer = {key: value for key, value in SETTINGS.items() if key != "steps"}
        with pytest.raises(RunError, match="steps is 100 there, None here"):
            RunFolder(finished).begin(fewer)

    def test_folder_that_is_no_run_is_refused(self, tmp_path: Path) -> None:
        """Someone's files mixed up with a run's."""
        (tmp_path / "thesis.tex").write_text("…")
        with pytest.raises(RunError, match="exists and is no run; choose another folder"):
            RunFolder(tmp_path).begin(SETTINGS)
        assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]

    def test_file_in_place_of_a_folder_is_refused(self, tmp_path: Path) -> None:
        """A NotADirectoryError from the depths."""
        (tmp_path / "a").write_text("…")
        with pytest.raises(RunError, match="exists and is no run"):
            RunFolder(tmp_path / "a").begin(SETTINGS)

    def test_empty_folder_is_taken(self, tmp_path: Path) -> None:
        """A folder made beforehand, as batch systems do."""
        assert RunFolder(tmp_path).begin(SETTINGS) is False


class TestKilledBetweenTwoWrites:
    """What other processes leave when killed in the middle: their numbers are in the names."""

    def test_first_record_half_written(self, path: Path) -> None:
        """A folder in which nothing was computed yet, and which no one can use any more."""
        path.mkdir(parents=True)
        files.beside(path / "run.json").write_text('{"form')
        assert RunFolder(path).begin(SETTINGS) is False

    def test_last_record_half_written(self, path: Path, data: xr.Dataset) -> None:
        """A half-written file that stays in a finished run."""
        folder = RunFolder(path)
        folder.begin(SETTINGS)
        files.beside(path / "run.json").write_text('{"form')
        folder.finish(data)
        assert left_over(path) == []

    def test_data_half_written(self, path: Path, data: xr.Dataset) -> None:
        """Half-written data that ends up in the finished run, or beside it."""
        folder = RunFolder(path)
        folder.begin(SETTINGS)
        half = files.beside(path / "data.zarr")
        half.mkdir()
        (half / "zarr.json").write_text("{")
        folder.finish(data)
        assert left_over(path) == []
        xr.testing.assert_identical(folder.load(), data)

    def test_data_written_but_not_recorded(
        self, path: Path, data: xr.Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Data that counts as finished before the record says so."""
        folder = RunFolder(path)
        folder.begin(SETTINGS)

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(files, "write_json", killed)
            with pytest.raises(KeyboardInterrupt):
                folder.finish(data.isel(replica=[0]))
        with pytest.raises(RunError, match="is unfinished"):
            folder.load()
        assert folder.begin(SETTINGS) is False
        folder.finish(data)
        xr.testing.assert_identical(folder.load(), data)
        assert left_over(path) == []

    def test_checkpoint_half_written(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A checkpoint destroyed by the one that was to replace it."""
        folder = RunFolder(path)
        folder.begin(SETTINGS)
        folder.write_checkpoint("block-00000", {"done": np.asarray(1)})

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(files.os, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                folder.write_checkpoint("block-00000", {"done": np.asarray(2)})
        found = folder.read_checkpoint("block-00000")
        assert found is not None
        assert int(found["done"]) == 1


class TestNotLoaded:
    def test_unfinished(self, path: Path) -> None:
        """Half of the data taken for the whole."""
        RunFolder(path).begin(SETTINGS)
        with pytest.raises(RunError, match="is unfinished; run it again with the same settings"):
            soret.load(path)

    @pytest.mark.parametrize("name", ["", "nowhere"])
    def test_nothing_there(self, tmp_path: Path, name: str) -> None:
        """A FileNotFoundError from the depths."""
        with pytest.raises(RunError, match=r"run\.json is missing; .* is no saved run"):
            soret.load(tmp_path / name)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}"])
    def test_damaged_record(self, finished: Path, content: bytes) -> None:
        """A record that is no record: named, not guessed at."""
        (finished / "run.json").write_bytes(content)
        with pytest.raises(RunError, match=re.escape(str(finished / "run.json"))):
            soret.load(finished)

    def test_record_cut_off_anywhere(self, finished: Path) -> None:
        """A record that is read although its end is missing."""
        whole = (finished / "run.json").read_bytes()
        for length in range(0, len(whole) - 2, 7):
            (finished / "run.json").write_bytes(whole[:length])
            with pytest.raises(RunError, match=r"run\.json is damaged"):
                soret.load(finished)

    def test_other_format(self, finished: Path) -> None:
        """A run of a later version read as if it were of this one."""
        record = json.loads((finished / "run.json").read_text()) | {"format": "soret-run/3"}
        (finished / "run.json").write_text(json.dumps(record))
        with pytest.raises(RunError, match=r"run\.json has format 'soret-run/3'"):
            soret.load(finished)

    @pytest.mark.parametrize("digest", [None, 0, "0" * 64])
    def test_record_without_the_data_s_digest(self, finished: Path, digest: object) -> None:
        """Data that is read without having been checked."""
        record = json.loads((finished / "run.json").read_text()) | {"data_sha256": digest}
        (finished / "run.json").write_text(json.dumps(record))
        with pytest.raises(RunError):
            soret.load(finished)


def test_numbers_of_every_kind_are_written_as_json(tmp_path: Path) -> None:
    """A record that is no JSON: NaN and infinities, NumPy's numbers, tuples."""
    content = {
        "nan": float("nan"),
        "inf": np.float32("inf"),
        "int": np.int64(3),
        "bool": np.bool_(True),
        "tuple": (1, np.float64(0.5)),
        "array": np.arange(2),
        3: None,
        "path": tmp_path,
    }
    files.write_json(tmp_path / "a.json", content)

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    found = json.loads((tmp_path / "a.json").read_text(), parse_constant=refuse)
    assert found == {
        "nan": None,
        "inf": None,
        "int": 3,
        "bool": True,
        "tuple": [1, 0.5],
        "array": [0, 1],
        "3": None,
        "path": str(tmp_path),
    }
