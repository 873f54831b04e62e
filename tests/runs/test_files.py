"""Files written beside and renamed; what was left half-written is known by its name and its age."""

import os
import time
from pathlib import Path

import pytest

from soret.errors import RunError
from soret.runs import durable, files


def test_only_what_is_old_and_soret_s_is_abandoned(tmp_path: Path) -> None:
    """Catches: half of a report that stays for ever; another's, just being written, removed."""
    old, new = files.beside(tmp_path / "r.html"), files.beside(tmp_path / "r.html")
    mine = tmp_path / ".soret-notes.partial"
    for path in (old, new, mine):
        path.write_text("half")
    for path in (old, mine):
        os.utime(path, (time.time() - 7200,) * 2)
    files.clear_abandoned(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([new, mine])


@pytest.mark.parametrize(
    "name", [".a.partial", ".soret-.partial", ".soret-1.old", "soret.partial", ".soret-lock"]
)
def test_names_that_others_may_have(tmp_path: Path, name: str) -> None:
    """Catches: a pattern so wide that somebody's file fits it."""
    (tmp_path / name).write_text("precious")
    files.clear_left_over(tmp_path)
    assert (tmp_path / name).exists()


def test_links_are_not_followed(tmp_path: Path) -> None:
    """Catches: a folder emptied through a link that has the right name."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "precious").write_text("precious")
    link = files.beside(tmp_path / "data.zarr", "old")
    link.symlink_to(tmp_path / "home")
    with pytest.raises(RunError, match="is a link, which Soret did not make"):
        files.remove(link)
    assert (tmp_path / "home" / "precious").exists()


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    """Catches: files of before among those of now."""
    new, old = files.beside(tmp_path / "figures"), tmp_path / "figures"
    for folder, name in ((new, "b"), (old, "a")):
        folder.mkdir()
        (folder / name).write_text(name)
    files.replace_folder(new, old)
    assert [path.name for path in tmp_path.iterdir()] == ["figures"]
    assert [path.name for path in old.iterdir()] == ["b"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX")
@pytest.mark.parametrize("mask", [0o777, 0o700, 0o277])
def test_what_is_made_is_its_owner_s_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    """Catches: an empty folder that nobody can open, left in the way; a page of mode 000."""
    before = os.umask(mask)
    try:
        durable.make_folder(tmp_path / "a" / "b")
        files.write_text(tmp_path / "a" / "b" / "page.html", "text")
    finally:
        os.umask(before)
    for made in (tmp_path / "a", tmp_path / "a" / "b"):
        assert made.stat().st_mode & 0o700 == 0o700
    assert (tmp_path / "a" / "b" / "page.html").stat().st_mode & 0o600 == 0o600
    assert (tmp_path / "a").stat().st_mode & ~mask & 0o077 == 0o777 & ~mask & 0o077
