"""Runs of strangers: nothing in them acts, and one that is bad stops none that is good."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile import EVIL, acting, edit, hostile, shown, sign
from markdown_it import MarkdownIt
from report_runs import CLAIM, Make, result

from soret.errors import RunError
from soret.report import collect, picture, table, write


def test_nothing_acts_on_a_terminal(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """Catches: a title, a clipboard, hidden or turned text, by any field of a stranger's run."""
    run = hostile(make)
    found, said, wrong = shown(run)
    assert (found, wrong) == (True, "")
    assert not acting(said)
    assert said.count("\\x1b]0;pwned") > 20
    assert shown(run, as_json=True)[0]
    line = capsys.readouterr().out
    assert not acting(line)
    assert json.loads(line)["verdict"]["notes"] == [EVIL]


def test_nothing_acts_in_a_page_or_a_table(make: Make, tmp_path: Path) -> None:
    """Catches: marks that turn text round, or markup, on the way into a file."""
    run = hostile(make)
    for name in ("a.html", "a.md"):
        assert write([run], tmp_path / name).unread == []
        text = (tmp_path / name).read_text()
        assert not acting(text)
        assert "<script>window" not in text
    outside = re.sub(r"<(script|style).*?</\1>", "", (tmp_path / "a.html").read_text(), flags=re.S)
    tags = set(re.findall(r"<(\w+)", outside))
    assert not tags & {"iframe", "object", "embed", "form", "base", "link", "svg"}
    assert outside.count("<img ") == 1
    assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', "", outside))


def test_a_table_stays_a_table(make: Make) -> None:
    """Catches: a link, a picture or a column more, by a bar, a bracket or an address."""
    text = table(collect([hostile(make)]).runs)
    page = MarkdownIt("commonmark").enable("table").render(text)
    assert page.count("<td>") == 7
    assert page.count("<tr>") == 2
    cells = re.sub(r"</?(table|thead|tbody|tr|th|td)>", "", page)
    assert "<" not in cells
    assert "://" not in text
    assert "www." not in text


def test_names_of_folders_act_on_nothing(make: Make, tmp_path: Path) -> None:
    """Catches: control characters of a path in the sentence that says it cannot be read."""
    name = EVIL[:60].replace("/", "|")
    hostile(make, name)
    (tmp_path / name / "run.json").write_text("{")
    make("good")
    for command in (["show"], ["report", "-o", str(tmp_path / "a.md")]):
        done = subprocess.run(
            [sys.executable, "-m", "soret.cli", command[0], str(tmp_path), *command[1:]],
            capture_output=True,
            check=False,
            cwd=tmp_path,
        )
        said = (done.stdout + done.stderr).decode()
        assert done.returncode == 0, said
        assert "is damaged" in said
        assert not acting(said)


CHANGES: list[tuple[str, str, Any]] = [
    ("run.json", "format", "soret-run/9"),
    ("run.json", "state", None),
    ("run.json", "description", 3),
    ("run.json", "started", "\x1b[2J"),
    ("run.json", "experiments", ["pytorch", ".."]),
    ("run.json", "versions", []),
    ("verdict.json", "claim", "escape/escape-rate"),
    ("verdict.json", "seed", 99),
    ("verdict.json", "scale", "paper"),
    ("verdict.json", "results", [1]),
    ("verdict.json", "results", [result(interval=[1])]),
    ("verdict.json", "results", [result(measured=10**39, verdict="x")]),
    ("verdict.json", "notes", "a"),
    ("verdict.json", "diverged", 1.5),
]


@pytest.mark.parametrize(("file", "key", "value"), CHANGES)
def test_a_bad_run_is_named_and_the_good_one_shown(
    make: Make, tmp_path: Path, file: str, key: str, value: Any
) -> None:
    """Catches: an exception, or a page without the good run, though all digests are right."""
    good, bad = make("a"), make("b")
    edit(bad / file, lambda content: content.update({key: value}))
    sign(bad)
    found = write([tmp_path], tmp_path / "r.html")
    assert [run.path for run in found.runs if run.path != bad] == [good]
    text = (tmp_path / "r.html").read_text()
    assert text.count("<article ") == 1
    assert str(bad) in text
    if key != "experiments":  # which are looked for where data is loaded
        any_shown, said, wrong = shown(tmp_path)
        assert any_shown
        assert str(good) in said
        assert wrong.startswith("not shown: ")
        assert wrong.count("\n") == 1
        assert not acting(said + wrong)
        assert not shown(bad)[0]


ARRAY = "data.zarr/normal/step/zarr.json"


@pytest.mark.parametrize(
    ("key", "value"),
    [("codecs", None), ("shape", [10**12]), ("attributes", [1]), ("dimension_names", 3)],
)
def test_data_that_cannot_be_read_stops_no_other(
    make: Make, tmp_path: Path, key: str, value: Any
) -> None:
    """Catches: an exception of zarr's in the middle of a page."""
    make("a"), edit(make("b") / ARRAY, lambda array: array.update({key: value}))
    sign(tmp_path / "b")
    found = write([tmp_path], tmp_path / "r.html")
    assert [run.path.name for run in found.runs] == ["a"]
    assert "is not what Soret writes" in found.unread[0]


class TestFigures:
    @pytest.fixture
    def outside(self, tmp_path: Path, make: Make) -> Path:
        return next((make("other") / "figures").glob("*.png"))

    @pytest.mark.parametrize("how", ["figure", "folder", "old format"])
    def test_links_are_not_followed(
        self, make: Make, tmp_path: Path, outside: Path, how: str
    ) -> None:
        """Catches: a picture of the reader's own in a page that is sent on."""
        run = make()
        own = next((run / "figures").glob("*.png"))
        if how == "folder":
            (run / "figures").rename(run / "elsewhere")
            (run / "figures").symlink_to(outside.parent)
        else:
            own.unlink()
            own.symlink_to(outside)
        if how == "old format":
            edit(run / "run.json", lambda record: record.update(format="soret-run/1"))
            (run / "manifest.json").unlink()
        found = write([run], tmp_path / "r.html")
        text = (tmp_path / "r.html").read_text()
        assert len(found.runs) == 1
        assert "<img " not in text
        assert "a link" in text

    def test_a_folder_that_becomes_a_link_meanwhile(
        self, make: Make, tmp_path: Path, outside: Path
    ) -> None:
        """Catches: a look at the folder's own files, and then at others of the same names."""
        (run,) = collect([make()]).runs
        (path,) = run.figures
        (run.path / "figures").rename(run.path / "elsewhere")
        (run.path / "figures").symlink_to(outside.parent)
        with pytest.raises(RunError, match="is a link"):
            picture(path, run.path)

    def test_more_pixels_than_a_figure_has(self, make: Make, tmp_path: Path) -> None:
        """Catches: a few kilobytes that become gigabytes as they are drawn."""
        from PIL import Image

        run = make()
        Image.new("1", (30_000, 2_000)).save(run / "figures" / "wide.png")
        sign(run)
        write([run], tmp_path / "r.html")
        text = (tmp_path / "r.html").read_text()
        assert "30000 x 2000 pixels; at most 25,000,000 are shown" in text
        assert text.count("<img ") == 1

    def test_what_was_altered_is_not_shown(self, make: Make, tmp_path: Path, outside: Path) -> None:
        """Catches: a figure drawn by somebody else under this run's verdict."""
        run = make()
        next((run / "figures").glob("*.png")).write_bytes(outside.read_bytes() + b"x")
        assert write([run], tmp_path / "r.html").unread == []
        text = (tmp_path / "r.html").read_text()
        assert "figure.png is damaged" in text
        assert "<img " not in text
        assert CLAIM in text
