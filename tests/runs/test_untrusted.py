"""Files of a folder from anyone: only what lies in it, and only what a run may have."""

import json
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import xarray as xr

import soret
from soret.errors import RunError
from soret.runs import RunFolder, manifest, store, strict_json, untrusted
from soret.runs.folder import runs_in

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and pipes of POSIX")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a file two folders down, and a file of the reader's beside it."""
    (tmp_path / "run" / "a" / "b").mkdir(parents=True)
    (tmp_path / "run" / "a" / "b" / "file").write_text("own")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("secret")
    return tmp_path / "run"


def read(folder: Path, name: str = "a/b/file") -> str:
    return untrusted.read_bytes(folder, name, 100).decode()


def test_what_is_there_is_read(folder: Path, tmp_path: Path) -> None:
    """Catches: a run that cannot be read, or only if no link leads to it."""
    assert read(folder) == "own"
    (tmp_path / "latest").symlink_to("run")
    assert read(tmp_path / "latest") == "own"
    with pytest.raises(FileNotFoundError):
        read(folder, "a/c")
    with pytest.raises(FileNotFoundError):
        read(folder, "c/file")


@pytest.mark.parametrize("link", ["a", "a/b", "a/b/file"])
@pytest.mark.parametrize("to", ["{secret}", "../secret", "loop"])
def test_no_link_is_followed(folder: Path, tmp_path: Path, link: str, to: str) -> None:
    """Catches: a file of the reader's own that is taken for the run's."""
    path = folder / link
    os.rename(path, tmp_path / "gone")
    path.symlink_to(path.name if to == "loop" else to.format(secret=tmp_path / "secret"))
    with pytest.raises(RunError, match="is a link; a run has none"):
        read(folder)
    with pytest.raises(RunError, match="is a link"):
        list(untrusted.files_below(folder, "a"))


def pipe(path: Path) -> None:
    os.mkfifo(path)


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


@pytest.mark.parametrize("make", [pipe, socket_at, Path.mkdir])
def test_only_regular_files_are_opened(
    folder: Path, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches: waiting for ever for somebody to write into a pipe; a folder that is no file."""
    monkeypatch.chdir(folder)  # the path of a socket may have a hundred letters
    path = folder / "a" / "b" / "file"
    path.unlink()
    make(path)
    with pytest.raises(RunError, match="is no regular file"):
        read(folder)
    if not path.is_dir():
        with pytest.raises(RunError, match="is no folder"):
            read(folder, "a/b/file/x")


def test_nothing_is_read_beyond_its_limit(folder: Path) -> None:
    """Catches: gigabytes read into memory because a file is called run.json."""
    with (folder / "large").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(RunError, match="1,099,511,627,776 bytes; at most 100 are read"):
        read(folder, "large")
    os.rename(folder / "large", folder / "run.json")
    with pytest.raises(RunError, match="at most 16,777,216 are read"):
        strict_json.read_json(folder / "run.json")


def test_a_file_that_becomes_a_link_meanwhile(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches: a link that is put there between the look and the opening."""
    look, path = os.stat, folder / "a" / "b" / "file"

    def late(name: str, **more: object) -> os.stat_result:
        found = look(name, **more)
        if name == "file":
            path.unlink()
            path.symlink_to(tmp_path / "secret" / "file")
        return found

    monkeypatch.setattr(os, "stat", late)
    with pytest.raises(RunError, match="cannot be read"):
        read(folder)


def test_names_that_are_no_text_and_folders_without_end(folder: Path) -> None:
    """Catches: a UnicodeEncodeError, a RecursionError, an OSError of a path that is too long."""
    (folder / "a" / os.fsdecode(b"\xff\xfe")).write_text("x")
    with pytest.raises(RunError, match="no text in UTF-8"):
        list(untrusted.files_below(folder, "a"))
    deep = folder / "deep"
    for _ in range(60):
        deep = deep / "d"
    deep.mkdir(parents=True)
    with pytest.raises(RunError, match="is deeper than anything"):
        list(untrusted.files_below(folder, "deep"))


class TestWholeRuns:
    """The same, through the doors that people use; whatever has a digest has a new one."""

    @pytest.fixture
    def run(self, tmp_path: Path, data: xr.Dataset) -> Path:
        folder = RunFolder(tmp_path / "a" / "run")
        folder.begin({"seed": 0})
        folder.finish(data)
        return folder.path

    def test_a_linked_group(self, run: Path, tmp_path: Path) -> None:
        """Catches: numbers that no digest covers."""
        (run / "data.zarr" / "loss").rename(tmp_path / "loss")
        (run / "data.zarr" / "loss").symlink_to(tmp_path / "loss")
        (run / "manifest.json").unlink()
        with pytest.raises(RunError, match="loss is a link"):
            soret.load(run)

    def test_linked_data(self, run: Path, tmp_path: Path) -> None:
        """Catches: the data of another run of the reader's."""
        (run / "data.zarr").rename(tmp_path / "data.zarr")
        (run / "data.zarr").symlink_to(tmp_path / "data.zarr")
        (run / "manifest.json").unlink()
        with pytest.raises(RunError, match=r"data\.zarr is a link"):
            soret.load(run)

    @pytest.mark.parametrize("name", ["run.json", "manifest.json"])
    @pytest.mark.parametrize("what", ["link", "pipe", "folder"])
    def test_records_that_are_no_files(self, run: Path, name: str, what: str) -> None:
        """Catches: a record that lies elsewhere, or that is waited for."""
        path = run / name
        path.rename(run / "elsewhere")
        makers: dict[str, Callable[[Path], None]] = {
            "link": lambda path: path.symlink_to("elsewhere"),
            "pipe": os.mkfifo,
            "folder": Path.mkdir,
        }
        makers[what](path)
        with pytest.raises(RunError, match=name):
            soret.load(run)

    def test_a_figure_with_gigabytes_of_nothing(self, run: Path) -> None:
        """Catches: minutes of hashing, where the size tells that it is not what was written."""
        figures = run / "figures"
        figures.mkdir()
        (figures / "a.png").write_bytes(b"x")
        manifest.write(run)
        with (figures / "a.png").open("wb") as file:
            file.truncate(2**31)
        assert "is damaged" in manifest.problems(run)["figures/a.png"]

    @pytest.mark.parametrize("name", ["figures/a.png", "data.zarr/loss/c/0/0/0"])
    def test_a_terabyte_of_nothing_that_is_listed(self, run: Path, name: str) -> None:
        """Catches: hours of hashing for a stranger's file with holes that its manifest lists."""
        path = run / name
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.truncate(2**40)
        listed = json.loads((run / "manifest.json").read_text())
        listed["files"][name] = {"size": 2**40, "sha256": "0" * 64}
        (run / "manifest.json").write_text(json.dumps(listed))
        assert "is larger than any file" in manifest.problems(run)[name]
        if name.startswith("data.zarr"):
            with pytest.raises(RunError, match="is larger than any file"):
                soret.load(run)

    def test_folders_without_end(self, run: Path) -> None:
        """Catches: a RecursionError from a stranger's archive."""
        here = os.getcwd()
        os.chdir(run / "data.zarr")
        try:
            for _ in range(1200):
                os.mkdir("d")
                os.chdir("d")
        finally:
            os.chdir(here)
        try:
            with pytest.raises(RunError, match="deeper than anything"):
                manifest.problems(run)
            with pytest.raises(RunError, match="deeper than anything"):
                store.check(run / "data.zarr", None)
        finally:  # what Python's own removal cannot remove
            subprocess.run(["rm", "-r", str(run / "data.zarr" / "d")], check=True)


class TestFinding:
    """Which folders are runs, of those that somebody names."""

    @pytest.fixture
    def runs(self, tmp_path: Path) -> Path:
        for name in ("a", "b", "notes"):
            (tmp_path / name).mkdir()
        (tmp_path / "a" / "run.json").write_text("{}")
        return tmp_path

    @pytest.mark.parametrize("left", ["data.zarr", "manifest.json", "dangling run.json"])
    def test_a_run_that_lost_its_record_is_found(self, runs: Path, left: str) -> None:
        """Catches: a run left out of a table without a word."""
        assert runs_in(runs) == [runs / "a"]
        if left == "dangling run.json":
            (runs / "b" / "run.json").symlink_to("nowhere")
        else:
            (runs / "b" / left).mkdir()
        assert runs_in(runs) == [runs / "a", runs / "b"]

    def test_what_holds_none(self, runs: Path) -> None:
        """Catches: an exception for a file, or for a folder that is not there."""
        for path in (runs / "notes", runs / "nowhere", runs / "a" / "run.json"):
            with pytest.raises(RunError, match="holds no saved run"):
                runs_in(path)
