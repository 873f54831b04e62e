"""`soret report` as a user meets it: a process, its streams, its exit status, what it leaves."""

import subprocess
import sys

import pytest
from commands import Here, here
from report_runs import CLAIM

__all__ = ["here"]  # a fixture

# The limit is set within: between fork and exec it would be set in a copy of JAX's threads.
LIMITED = """
import resource, runpy, sys
largest = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
runpy.run_module("soret.cli", run_name="__main__", alter_sys=True)
"""


def report(*args, cwd, largest=None):
    """Run `soret report`; `largest` is how many bytes a file may have."""
    run = ["-m", "soret.cli"] if largest is None else ["-c", LIMITED, str(largest)]
    return subprocess.run(
        [sys.executable, *run, "report", *map(str, args)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(("name", "holds"), [("a/page.html", "<!doctype html>"), ("t.md", "| ---")])
def test_a_report_is_named_on_standard_output(make, tmp_path, name, holds):
    """A script that has to guess where the page went; a damaged run that is passed over."""
    make("runs/a"), make("runs/b")
    (tmp_path / "runs/b/verdict.json").write_text("{")
    done = report("runs", "-o", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{name}\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith("not loaded: runs/b/verdict.json is damaged")
    text = (tmp_path / name).read_text()
    assert holds in text
    assert CLAIM in text
    assert "runs/b/verdict.json is damaged" in text
    assert files_in((tmp_path / name).parent).count(name.rpartition("/")[2]) == 1
    assert not list(tmp_path.rglob("*.partial"))


def test_bad_usage_ends_a_process_with_its_status(tmp_path):
    """A status or a sentence that is lost on the way out of the process."""
    done = report("nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nowhere holds no saved run" in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "RUN"),
        (["nowhere"], "nowhere holds no saved run"),
        (["damaged"], "damaged/run.json is damaged"),
        (["runs", "-o", "report.pdf"], "neither a page (.html) nor a table (.md)"),
        (["runs", "-o", "mine.md"], "exists and is no report"),
        (["runs", "-o", "mine.md/page.html"], "mine.md is no folder to write in"),
        (["runs", "-o", "x" * 300 + ".html"], "cannot be written (File name too long)"),
        (["runs", "runs", "--live"], "--live watches one run"),
        (["nowhere", "--live"], "nowhere is no run"),
    ],
)
def test_bad_usage_is_one_sentence_and_leaves_nothing(
    make, tmp_path, here: Here, args: list[str], says: str
):
    """A traceback; half a page; a file of the reader's own gone."""
    make("runs/a")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged/run.json").write_text("[")
    (tmp_path / "mine.md").write_text("# Mine\n")
    before = files_in(tmp_path)
    done = here("report", *args, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert files_in(tmp_path) == before
    assert (tmp_path / "mine.md").read_text() == "# Mine\n"


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_leaves_the_older_report(make, tmp_path):
    """Half a page in the place of a whole one."""
    make("runs/a")
    before = b'<!doctype html><meta name="generator" content="soret report 0">'
    (tmp_path / "report.html").write_bytes(before)
    done = report("runs", cwd=tmp_path, largest=10_000)
    assert done.returncode == 2
    assert done.stderr == "soret: report.html cannot be written (File too large).\n"
    assert (tmp_path / "report.html").read_bytes() == before
    assert not list(tmp_path.rglob("*.partial"))
