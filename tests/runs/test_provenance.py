"""Which source made a run."""

import shutil
import subprocess
from pathlib import Path

import pytest

from soret.runs.provenance import revision


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    command = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_a_checkout_says_its_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    """Two different sources of one version that a saved run cannot tell apart."""
    file = tmp_path / "source.py"
    file.write_text("one")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "source.py")
    git(tmp_path, "commit", "--quiet", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert revision(tmp_path) == f"+g{commit[:12]}"
    file.write_text("two")
    revision.cache_clear()
    assert revision(tmp_path) == f"+g{commit[:12]}.changed"


def test_what_is_no_checkout_says_nothing(tmp_path: Path) -> None:
    """A run that fails, or names a stranger's commit, where Soret was installed from a wheel."""
    assert revision(tmp_path) == ""
    (tmp_path / ".git").write_text("gitdir: nowhere")
    revision.cache_clear()
    assert revision(tmp_path) == ""
