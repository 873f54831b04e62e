"""The manifest: every file of a run is what was written, or is named."""

import json
import os
from pathlib import Path

import pytest
import xarray as xr

import soret
from soret.errors import RunError
from soret.runs import RunFolder, files, manifest


@pytest.fixture
def run(tmp_path: Path, data: xr.Dataset) -> Path:
    """Return a run with everything that a claim's has."""
    folder = RunFolder(tmp_path / "run")
    folder.begin({"seed": 0})
    folder.finish(data)
    folder.figures.mkdir()
    (folder.figures / "collapse.png").write_bytes(b"picture")
    files.write_json(folder.path / "verdict.json", {"verdict": "supported"})
    folder.seal()
    return folder.path


def refused(run: Path, name: str, why: str) -> None:
    assert list(manifest.problems(run)) == [name]
    with pytest.raises(RunError, match=why) as error:
        manifest.verify(run)
    assert str(run / name) in str(error.value)


def test_everything_is_listed(run: Path) -> None:
    """Catches: a file of a run that no digest covers."""
    there = {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()}
    assert set(manifest.read(run)) == there - {"manifest.json"}
    manifest.verify(run)


def test_the_same_run_has_the_same_manifest(run: Path) -> None:
    """Catches: an order that the file system decides, or a time in it."""
    before = (run / "manifest.json").read_bytes()
    RunFolder(run).seal()
    assert (run / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    "name", ["run.json", "verdict.json", "figures/collapse.png", "data.zarr/loss/zarr.json"]
)
class TestOneFile:
    def test_altered(self, run: Path, name: str) -> None:
        """Catches: a digit of a verdict changed without a word."""
        content = bytearray((run / name).read_bytes())
        content[-1] ^= 1
        (run / name).write_bytes(content)
        refused(run, name, "is damaged")

    def test_cut_off(self, run: Path, name: str) -> None:
        """Catches: a copy that a full disk ended."""
        (run / name).write_bytes((run / name).read_bytes()[:-1])
        refused(run, name, "is damaged")

    def test_missing(self, run: Path, name: str) -> None:
        """Catches: a run that is whole without its verdict."""
        (run / name).unlink()
        refused(run, name, "is missing")

    def test_link(self, run: Path, name: str, tmp_path: Path) -> None:
        """Catches: a file from outside the run that is read because it has the right content."""
        (run / name).rename(tmp_path / "outside")
        (run / name).symlink_to(tmp_path / "outside")
        refused(run, name, "is no regular file")
        with pytest.raises(RunError, match="is no regular file"):
            manifest.write(run)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX's")
    def test_pipe(self, run: Path, name: str) -> None:
        """Catches: waiting for ever for somebody to write into a pipe."""
        (run / name).unlink()
        os.mkfifo(run / name)
        refused(run, name, "is no regular file")


@pytest.mark.parametrize("name", ["figures/x.png", "data.zarr/loss/c/9", "data.zarr/new/zarr.json"])
def test_added(run: Path, name: str) -> None:
    """Catches: a picture or an array that Soret did not write, shown as the run's."""
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).write_bytes(b"x")
    refused(run, name, "is not in the run's manifest")


@pytest.mark.parametrize("name", ["figures", "data.zarr", "data.zarr/loss"])
def test_linked_folder(run: Path, name: str, tmp_path: Path) -> None:
    """Catches: a folder that is a link and therefore not looked into, or looked into."""
    (run / name).rename(tmp_path / "outside")
    (run / name).symlink_to(tmp_path / "outside")
    assert manifest.problems(run)[name].endswith("is not read.")
    with pytest.raises(RunError, match=r"is no regular file|is missing"):
        manifest.verify(run)


def test_notes_beside_a_run_are_nobodys_business(run: Path) -> None:
    """Catches: a run that is refused because somebody keeps notes in its folder."""
    (run / "notes.txt").write_text("to do")
    (run / ".DS_Store").write_bytes(b"")
    manifest.verify(run)


def test_what_a_run_says_of_itself_is_named_first(run: Path) -> None:
    """Catches: a figure blamed where the record is damaged."""
    for name in ("figures/collapse.png", "data.zarr/zarr.json", "run.json"):
        (run / name).write_bytes(b"x")
    assert list(manifest.problems(run)) == [
        "run.json",
        "data.zarr/zarr.json",
        "figures/collapse.png",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"format": "soret-manifest/9", "files": {}}',
        b'{"format": "soret-manifest/1"}',
        b'{"format": "soret-manifest/1", "files": []}',
        b'{"format": "soret-manifest/1", "files": {"run.json": 3}}',
        b'{"format": "soret-manifest/1", "files": {"run.json": {"size": true, "sha256": "0"}}}',
        b'{"format": "soret-manifest/1", "files": {"run.json": {"size": 1, "sha256": "G"}}}',
    ],
)
def test_damaged_manifest(run: Path, content: bytes) -> None:
    """Catches: an exception from the depths, or a run that nothing vouches for."""
    (run / "manifest.json").write_bytes(content)
    with pytest.raises(RunError, match=r"manifest\.json"):
        manifest.verify(run)


def test_paths_that_lead_outside_are_never_opened(run: Path, tmp_path: Path) -> None:
    """Catches: a manifest of a stranger that has files of the reader's digested."""
    (tmp_path / "secret").write_text("secret")
    content = json.loads((run / "manifest.json").read_text())
    content["files"]["../secret"] = manifest.entry(tmp_path / "secret")._asdict()
    (run / "manifest.json").write_text(json.dumps(content))
    assert "missing" in manifest.problems(run)["../secret"]


def test_run_of_the_format_before(run: Path, data: xr.Dataset) -> None:
    """Catches: an old run that cannot be read any more, or is gone on with in silence."""
    record = json.loads((run / "run.json").read_text()) | {"format": "soret-run/1"}
    del record["description"]["numbers"]
    (run / "run.json").write_text(json.dumps(record))
    (run / "manifest.json").unlink()
    xr.testing.assert_identical(soret.load(run), data)
    with pytest.raises(RunError, match=r"of an earlier version of Soret.*choose another folder"):
        RunFolder(run).begin({"seed": 0})
    assert json.loads((run / "run.json").read_text()) == record
