"""What is found where a run is to be: gone on with, made anew, or refused; never lost."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import xarray as xr

from soret.errors import RunError, SettingsError
from soret.runs import RunFolder, files, manifest
from soret.runs.folder import runs_in

WANTED = {"seed": 0}


def make(place: Path, data: xr.Dataset) -> None:
    """Do what `soret.simulate` does to a folder."""
    with RunFolder(place) as folder:
        if not folder.begin(WANTED):
            folder.finish(data)


@pytest.fixture
def run(tmp_path: Path, data: xr.Dataset) -> Path:
    make(tmp_path / "run", data)
    return tmp_path / "run"


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def change_a_digit(run: Path) -> None:
    path = run / "run.json"
    path.write_text(path.read_text().replace('"cores": ', '"cores": 1'))


def cut_a_chunk(run: Path) -> None:
    chunk = next(p for p in sorted((run / "data.zarr" / "loss" / "c").rglob("*")) if p.is_file())
    chunk.write_bytes(chunk.read_bytes()[:-1])


def link_an_array(run: Path) -> None:
    (run / "data.zarr" / "loss").rename(run.parent / "loss")
    (run / "data.zarr" / "loss").symlink_to(run.parent / "loss")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a chunk cut off": cut_a_chunk,
    "no data": lambda run: (run / "data.zarr").rename(run.parent / "elsewhere"),
    "a file more": lambda run: (run / "data.zarr" / "x").write_text(""),
    "an array that is a link": link_an_array,
    "a digit of the record": change_a_digit,
    "an empty record": lambda run: (run / "run.json").write_text(""),
    "half a record": lambda run: os.truncate(run / "run.json", 40),
    "no digest of the data": lambda run: (run / "run.json").write_text(
        json.dumps(json.loads((run / "run.json").read_text()) | {"data_sha256": None})
    ),
}


class TestDamaged:
    @pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
    def test_run_again(
        self,
        run: Path,
        data: xr.Dataset,
        damage: Callable[[Path], object],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Catches: "run it again", and running it again says the same for ever."""
        damage(run)
        kept = {p.name for p in run.iterdir()}
        with pytest.raises(RunError):
            RunFolder(run).load()
        make(run, data)
        xr.testing.assert_identical(RunFolder(run).load(), data)
        manifest.verify(run)
        assert names(run) == ["damaged-1", "data.zarr", "manifest.json", "run.json"]
        assert {p.name for p in (run / "damaged-1").iterdir()} == kept
        assert "computed anew; what was there is kept in" in caplog.text

    def test_twice(self, run: Path, data: xr.Dataset) -> None:
        """Catches: what was set aside overwritten by what is set aside next."""
        for _ in range(2):
            cut_a_chunk(run)
            make(run, data)
        assert names(run)[:2] == ["damaged-1", "damaged-2"]

    @pytest.mark.parametrize("content", [None, "", "{", "[]"])
    def test_only_the_manifest(self, run: Path, data: xr.Dataset, content: str | None) -> None:
        """Catches: days computed again though all data are as they were written."""
        before = (run / "manifest.json").read_bytes()
        (run / "manifest.json").unlink()
        if content is not None:
            (run / "manifest.json").write_text(content)
        make(run, data)
        assert (run / "manifest.json").read_bytes() == before
        assert names(run) == ["data.zarr", "manifest.json", "run.json"]

    @pytest.mark.parametrize("also", ["", "loss", "zarr.json", "data.zarr"])
    def test_copied_without_its_record(self, run: Path, data: xr.Dataset, also: str) -> None:
        """Catches: a copy that was stopped, which is "no run" for ever."""
        (run / "figures").mkdir()
        (run / "figures" / "a.png").write_text("")
        RunFolder(run).seal()
        (run / "run.json").unlink()
        if also:
            files.remove(run / also if also == "data.zarr" else run / "data.zarr" / also)
        kept = set(names(run))
        make(run, data)
        xr.testing.assert_identical(RunFolder(run).load(), data)
        assert set(names(run / "damaged-1")) == kept

    def test_killed_while_that_is_set_aside(
        self, run: Path, data: xr.Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Catches: a dead end between two renames."""
        (run / "figures").mkdir()
        RunFolder(run).seal()
        (run / "run.json").unlink()
        replace = os.replace
        for _ in range(3):

            def killed(source: Path, target: Path) -> None:
                replace(source, target)
                raise KeyboardInterrupt

            monkeypatch.setattr(os, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                make(run, data)
        monkeypatch.setattr(os, "replace", replace)
        make(run, data)
        xr.testing.assert_identical(RunFolder(run).load(), data)

    @pytest.mark.parametrize("blocks", [[], ["block-00000.npz"], ["loop.npz", "block-00001.npz"]])
    def test_checkpoints_alone(self, run: Path, data: xr.Dataset, blocks: list[str]) -> None:
        """Catches: what a run left of itself taken for somebody's files for ever, or removed."""
        files.remove(run)
        (run / "checkpoints").mkdir(parents=True)
        for block in blocks:
            (run / "checkpoints" / block).write_text(block)
        make(run, data)
        assert names(run) == ["damaged-1", "data.zarr", "manifest.json", "run.json"]
        assert names(run / "damaged-1" / "checkpoints") == sorted(blocks)


class TestReadInPart:
    @pytest.mark.parametrize("left", ["manifest.json", "data.zarr"])
    def test_one_rule_for_the_folder_and_those_in_it(self, run: Path, left: str) -> None:
        """Catches: a part of a run that is named by the folder above it, and not by itself."""
        for name in set(names(run)) - {left}:
            files.remove(run / name)
        (run / "damaged-1").mkdir()
        (run / "damaged-1" / "run.json").write_text("{}")
        assert runs_in(run) == runs_in(run.parent) == [run]


class TestRefused:
    @pytest.mark.parametrize("how", ["a file more", "of others", "a link", "no record in it"])
    def test_a_manifest_of_others(self, run: Path, data: xr.Dataset, how: str) -> None:
        """Catches: somebody's data moved about since there is a manifest.json beside them."""
        (run / "run.json").unlink()
        listed = json.loads((run / "manifest.json").read_text())
        if how == "a file more":
            (run / "data.zarr" / "mine").write_text("")
        elif how == "of others":
            listed["format"] = "theirs/1"
        elif how == "a link":
            link_an_array(run)
        else:
            del listed["files"]["run.json"]
        (run / "manifest.json").write_text(json.dumps(listed))
        with pytest.raises(RunError, match="exists and is no run; choose another folder"):
            make(run, data)
        assert names(run) == ["data.zarr", "manifest.json"]

    @pytest.mark.parametrize("beside", ["nothing", "figures", "verdict.json", "checkpoints"])
    def test_data_alone(self, run: Path, data: xr.Dataset, beside: str) -> None:
        """Catches: a run that was copied in part refused as no run, with no word on what is
        missing; its data lost.
        """
        for name in ("run.json", "manifest.json"):
            (run / name).rename(run.parent / name)
        if beside.endswith(".json"):
            (run / beside).write_text("{}")
        elif beside != "nothing":
            (run / beside).mkdir()
        with pytest.raises(RunError, match=r"data\.zarr without the run\.json .* copy those there"):
            make(run, data)
        for name in ("run.json", "manifest.json"):
            (run.parent / name).rename(run / name)
        if beside == "nothing":
            assert RunFolder(run).begin(WANTED)
            assert RunFolder(run).load().identical(data)

    @pytest.mark.parametrize("name", ["normal", "a-b", "nowhere"])
    def test_links_in_place_of_an_experiment(self, tmp_path: Path, name: str) -> None:
        """Catches: a claim's experiments written outside of its folder, through a link."""
        with RunFolder(tmp_path / "run") as folder:
            folder.begin(WANTED)
        checkpoints = tmp_path / "run" / "checkpoints"
        checkpoints.mkdir()
        if name != "nowhere":
            (tmp_path / "home").mkdir()
        (checkpoints / name).symlink_to(tmp_path / "home")
        with pytest.raises(
            RunError, match=f"{name} is a link, which Soret does not make or follow"
        ):
            RunFolder(tmp_path / "run").begin(WANTED)
        assert not (tmp_path / "home").exists() or names(tmp_path / "home") == []

    @pytest.mark.parametrize(
        "name",
        ["thesis.tex", ".thesis.old", ".notes.partial", ".hidden", "checkpoints/last.pt"],
    )
    def test_a_folder_of_others(self, tmp_path: Path, data: xr.Dataset, name: str) -> None:
        """Catches: somebody's files deleted, or mixed up with a run's, because they are hidden."""
        mine = tmp_path / "mine" / name
        mine.parent.mkdir(parents=True)
        mine.write_text("precious")
        with pytest.raises(RunError, match="exists and is no run; choose another folder"):
            make(tmp_path / "mine", data)
        assert mine.read_text() == "precious"
        assert len(names(tmp_path / "mine")) == 1

    def test_a_damaged_record_among_files_of_others(self, run: Path, data: xr.Dataset) -> None:
        """Catches: somebody's own run.json taken for a damaged one of Soret's."""
        (run / "run.json").write_text("{")
        (run / "thesis.tex").write_text("precious")
        with pytest.raises(RunError, match=r"also holds 'thesis\.tex'.*choose another folder"):
            make(run, data)

    @pytest.mark.parametrize("name", ["checkpoints", "data.zarr", "figures", "run.json"])
    def test_links_in_place_of_what_is_the_runs(
        self, run: Path, data: xr.Dataset, tmp_path: Path, name: str
    ) -> None:
        """Catches: a home folder emptied, or written into, through a link."""
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "precious").write_text("precious")
        files.remove(run / name)
        (run / name).symlink_to(tmp_path / "home")
        with pytest.raises(RunError, match="is a link"):
            make(run, data)
        assert names(tmp_path / "home") == ["precious"]

    def test_notes_beside_a_run_are_kept(self, run: Path, data: xr.Dataset) -> None:
        """Catches: a run that is refused, or somebody's notes removed, because they are there."""
        (run / "notes.txt").write_text("to do")
        make(run, data)
        cut_a_chunk(run)
        make(run, data)
        assert (run / "notes.txt").read_text() == "to do"


class TestNowhere:
    """Places where no run can be: one sentence, and nothing there."""

    @pytest.mark.parametrize(
        ("place", "said"),
        [
            ("file/under/it", "part of the path is a file"),
            ("a" * 300, "the name is too long"),
            pytest.param(
                "/proc/soret",
                "cannot be written",
                marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux has /proc"),
            ),
        ],
    )
    def test_in_a_sentence(self, tmp_path: Path, data: xr.Dataset, place: str, said: str) -> None:
        """Catches: a traceback."""
        (tmp_path / "file").write_text("")
        with pytest.raises(SettingsError, match=said) as error:
            make(tmp_path / place, data)
        assert "\n" not in str(error.value)
        assert names(tmp_path) == ["file"]

    def test_a_limit_of_the_size_of_files(self, tmp_path: Path) -> None:
        """Catches: a process that a signal ends, or a run that is stuck where its files grew."""
        resource = pytest.importorskip("resource")
        large = xr.Dataset({"x": ("i", [float(i) for i in range(20_000)])}, attrs={"a": "b" * 9999})
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
        try:
            with pytest.raises(RunError, match=r"may not grow that large here .*ulimit -f"):
                make(tmp_path / "run", large)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        make(tmp_path / "run", large)
        assert names(tmp_path / "run") == ["data.zarr", "manifest.json", "run.json"]
