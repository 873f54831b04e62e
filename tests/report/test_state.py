"""How far a run is, and what to do: on the page, in the table and on a terminal."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile import edit, shown
from report_runs import CLAIM, Make, result

from soret.errors import RunError, SettingsError
from soret.report import collect, size, table, write
from soret.runs import RunFolder, lock, manifest


def begun(tmp_path: Path) -> Path:
    """Return a claim's run that was begun."""
    with RunFolder(tmp_path / "begun") as folder:  # and given back, as by a process that ends
        folder.begin({"claim": CLAIM, "scale": "quick", "seed": 2, "settings": {"replicas": 4}})
    return folder.path


class TestNotJudged:
    @pytest.fixture(params=["killed", "removed"])
    def run(self, request: pytest.FixtureRequest, make: Make) -> Path:
        """Return a run killed before its verdict, or of which that was removed."""
        run = make(settings={"inputs": 7})
        (run / "verdict.json").unlink()
        if request.param == "killed":
            RunFolder(run).seal()
        return run

    def test_the_page_says_so(self, run: Path, make: Make, tmp_path: Path) -> None:
        """Catches: "no claim tested" over the data of a claim."""
        make("judged")
        write([tmp_path], tmp_path / "r.html")
        text = (tmp_path / "r.html").read_text()
        assert "no claim tested" not in text
        assert "1 supported; 1 not judged yet" in text
        assert text.count("not judged yet") >= 4  # counts, table, heading, what to do
        assert f"run it again to judge it: soret run {CLAIM} --set inputs=7" in text

    def test_the_table_has_a_row(self, run: Path) -> None:
        """Catches: a claim left out of a table without a word."""
        (*_, row) = table(collect([run]).runs).splitlines()
        assert row.startswith(f"| {CLAIM} | not judged yet |")
        assert "| not judged yet | " in row.partition(" | ")[2]

    def test_show_says_so(self, run: Path) -> None:
        """Catches: a run shown as if testing it had never been meant."""
        found, said, wrong = shown(run)
        assert (found, wrong) == (True, "")
        assert "not judged yet; run it again to judge it: soret run" in said


class TestNotComplete:
    def test_unfinished(self, make: Make, tmp_path: Path) -> None:
        """Catches: a run that was stopped, and no word on how it goes on."""
        make("whole"), begun(tmp_path)
        again = f"run it again with soret run {CLAIM}"
        for name in ("r.html", "r.md"):
            (sentence,) = write([tmp_path], tmp_path / name).unread
            assert again in sentence
            assert "begun is unfinished" in (tmp_path / name).read_text()
        assert again in shown(tmp_path / "begun")[1]

    @pytest.mark.parametrize(
        "earlier",
        [
            lambda record: record["description"].pop("numbers"),
            lambda record: record["description"].update(numbers=1),
            lambda record: record.update(format="soret-run/1"),
        ],
    )
    def test_begun_by_an_earlier_version(
        self, make: Make, tmp_path: Path, earlier: Callable[[Any], Any]
    ) -> None:
        """Catches: a command advised that is refused the moment it is given."""
        make("whole")
        path = begun(tmp_path)
        edit(path / "run.json", earlier)
        with pytest.raises(RunError) as loaded:
            RunFolder(path).load()
        for said in (
            write([tmp_path], tmp_path / "r.md").unread[0],
            shown(path)[1],
            str(loaded.value),
        ):
            assert "was begun by another version of Soret" in said
            assert "choose another folder" in said
            assert "run it again" not in said

    def test_being_computed(self, tmp_path: Path, make: Make) -> None:
        """Catches: a second process started because the first one is called unfinished."""
        make("whole")
        path = begun(tmp_path) / lock.NAME
        path.write_text("{}")
        assert "is being computed now" in write([tmp_path], tmp_path / "r.md").unread[0]
        assert "is being computed now" in shown(tmp_path / "begun")[1]
        os.utime(path, (time.time() - 600,) * 2)  # its process is long gone
        assert "is unfinished" in shown(tmp_path / "begun")[1]

    def test_not_sealed(self, make: Make, tmp_path: Path) -> None:
        """Catches: a run whose files nothing vouches for, shown like one that is whole."""
        make("whole")
        (make("open") / "manifest.json").unlink()
        (sentence,) = write([tmp_path], tmp_path / "r.md").unread
        assert "was stopped before it was sealed; run the same command again" in sentence.replace(
            "the run ", ""
        )
        assert not shown(tmp_path / "open")[0]


class TestJudgedAgain:
    """A finished run is judged again: its files change before they are sealed."""

    @pytest.mark.parametrize("file", ["verdict.json", "figures/figure.png", "manifest.json"])
    def test_nobody_is_accused_meanwhile(self, make: Make, tmp_path: Path, file: str) -> None:
        """Catches: "damaged, run the same command again" of a run that is just being judged."""
        make("whole")
        run = make("again")
        (run / lock.NAME).write_text("{}")
        with (run / file).open("ab") as changed:
            changed.write(b" x")
        (sentence,) = collect([tmp_path]).unread
        assert "is being judged now" in sentence
        assert "damaged" not in sentence
        if not file.startswith("figures"):  # which are not looked at here
            assert "is being judged now" in shown(run)[2]

    def test_one_that_has_ended_meanwhile_is_read(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Catches: an old manifest held against a new verdict, once its process has gone."""
        run, look = make(), manifest.read
        stale = [look(run) | {"verdict.json": manifest.Entry(1, "0" * 64)}]
        monkeypatch.setattr(manifest, "read", lambda run: stale.pop() if stale else look(run))
        assert len(collect([run]).runs) == 1
        assert not stale

    def test_what_is_damaged_and_at_rest_is_called_so(self, make: Make) -> None:
        """Catches: a damaged run that is waited for."""
        run = make()
        (run / "verdict.json").write_text("{}")
        for old in (False, True):
            if old:
                os.utime(run / manifest.NAME, (time.time() - 600,) * 2)
            assert "verdict.json is damaged" in shown(run)[2]

    def test_a_run_taken_over_keeps_its_verdict(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Catches: a verdict written by a process that has lost the folder to another one."""

        def lost(self: lock.FolderLock) -> None:
            raise RunError("another process took it over.")

        run = make()
        before = (run / "verdict.json").read_bytes()
        monkeypatch.setattr(lock.FolderLock, "check", lost)
        with pytest.raises(RunError, match="took it over"):
            RunFolder(run).write_verdict({"verdict": "contradicted"})
        assert (run / "verdict.json").read_bytes() == before


class TestMuch:
    @pytest.mark.parametrize(
        "settings",
        [
            {"a": "x" * 2_000_000},
            {"a": [0.5] * 60_000},
            {f"a{i}": i for i in range(20_000)},
            {"a" * 2_000_000: 1},
        ],
    )
    def test_it_is_cut_and_said(self, make: Make, settings: dict[str, Any]) -> None:
        """Catches: a minute of wrapping, and pages of one setting, for one run of a stranger."""
        began = time.monotonic()
        run = make(settings=settings)
        made = time.monotonic()
        found, said, _ = shown(run)
        assert found
        assert len(said) < 200_000
        assert " more" in said
        assert time.monotonic() - made < max(5.0, made - began)

    def test_results_and_notes(self, make: Make) -> None:
        """Catches: a verdict of ten thousand lines, or of fewer with no word on the others."""
        said = shown(make(notes=["a note"] * 2_000, results=[result()] * 700))[1]
        assert "and 1,800 notes more" in said
        assert "and 500 results more" in said


@pytest.mark.parametrize("name", ["verdict.json", "run.json", "figures"])
def test_files_that_vanish_while_they_are_read(
    make: Make, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches: a report stopped by a run that somebody removes, or is just writing."""
    make("a")
    (run, look) = (make("b"), manifest.read)

    def removed(folder: Path) -> Any:
        if folder == run and (run / name).exists():
            (run / name).rename(tmp_path / "gone")
        return look(folder)

    monkeypatch.setattr(manifest, "read", removed)
    assert write([tmp_path], tmp_path / "r.html").runs
    assert shown(tmp_path / "b")[0] == (name != "run.json")


class TestOldRuns:
    def old(self, run: Path) -> Path:
        """Make a run one of the first format: no manifest, no tie of the verdict to the run."""
        edit(run / "run.json", lambda record: record.update(format="soret-run/1"))
        edit(run / "verdict.json", lambda verdict: verdict.pop("run_sha256"))
        (run / "manifest.json").unlink()
        return run

    def test_they_are_shown_with_what_cannot_be_known(self, make: Make, tmp_path: Path) -> None:
        """Catches: runs of last year that nobody can look at; or no word on what is not checked."""
        run = self.old(make())
        assert write([run], tmp_path / "r.html").unread == []
        text = (tmp_path / "r.html").read_text()
        assert text.count("<img ") == 1
        assert "have no digests" in text
        found, said, _ = shown(run)
        assert found
        assert "have no digests" in said

    def test_what_can_be_compared_is(self, make: Make, tmp_path: Path) -> None:
        """Catches: the verdict of another seed in an old run."""
        make("whole")
        run = self.old(make("old"))
        edit(run / "verdict.json", lambda verdict: verdict.update(seed=1))
        (sentence,) = collect([tmp_path]).unread
        assert "is the verdict of another run (its seed is 1, this run's 0)" in sentence


class TestSeveral:
    @pytest.mark.parametrize("bad", ["{", '{"format": "soret-run/9"}'])
    def test_show_names_the_bad_and_shows_the_good(
        self, make: Make, tmp_path: Path, bad: str
    ) -> None:
        """Catches: `soret show` over a folder that ends at the first bad run."""
        make("b")
        for name in ("a", "c"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "run.json").write_text(bad)
        found, said, wrong = shown(tmp_path, tmp_path / "nowhere")
        assert found
        assert CLAIM in said
        assert wrong.count("not shown: ") == 3
        assert not shown(tmp_path / "a", tmp_path / "c")[0]

    def test_a_digit_of_a_verdict(self, make: Make, tmp_path: Path) -> None:
        """Catches: a changed number shown as the result."""
        make("whole")
        path = make("changed") / "verdict.json"
        path.write_text(path.read_text().replace("1.91", "1.99"))
        (sentence,) = write([tmp_path], tmp_path / "r.md").unread
        assert "verdict.json is damaged: its content is not what was written" in sentence
        assert "1.99" not in (tmp_path / "r.md").read_text()
        assert not shown(tmp_path / "changed")[0]


class TestSize:
    @pytest.fixture
    def runs(self, make: Make, tmp_path: Path) -> Callable[[int], Path]:
        def saved(count: int) -> Path:
            for number in range(count):
                make(f"runs/{number}")
            return tmp_path / "runs"

        return saved

    def test_much_is_said_before(
        self, runs: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Catches: minutes of silence, and then a page of a hundred megabytes."""
        said: list[str] = []
        write([runs(2)], tmp_path / "r.html", say=said.append)
        assert said == []
        monkeypatch.setattr(size, "_PER_RUN", 30_000_000)
        write([tmp_path / "runs"], tmp_path / "r.html", say=said.append)
        assert said == ["reading 2 runs; the page will have about 62 MB"]

    def test_too_much_is_refused_with_the_remedy(
        self, runs: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Catches: a page that no browser opens, or memory that ends after minutes."""
        monkeypatch.setattr(size, "_PER_RUN", 120_000_000)
        with pytest.raises(SettingsError, match=r"242 MB .* at most 200 MB .* name fewer runs, or"):
            write([runs(2)], tmp_path / "r.html")
        assert not (tmp_path / "r.html").exists()
        assert CLAIM in (
            write([tmp_path / "runs"], tmp_path / "r.md") and (tmp_path / "r.md").read_text()
        )

    def test_what_was_expected_wrong_is_refused_too(
        self, runs: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Catches: a limit that holds for what was expected, not for what is."""
        monkeypatch.setattr(size, "expected_bytes", lambda runs: 0)
        monkeypatch.setattr(size, "MOST_BYTES", 2000)
        with pytest.raises(SettingsError, match="name fewer runs"):
            write([runs(2)], tmp_path / "r.html")

    def test_the_expectation_is_near_and_not_below(
        self, runs: Callable[[int], Path], tmp_path: Path
    ) -> None:
        """Catches: an estimate that has nothing to do with the page."""
        found = write([runs(6)], tmp_path / "r.html")
        made = (tmp_path / "r.html").stat().st_size
        assert made < size.expected_bytes(found.runs) < 1.3 * made

    def test_texts_count(self, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Catches: notes of a stranger's run that fill the page, and are not counted."""
        monkeypatch.setattr(size, "MOST_BYTES", 3_000_000)
        make("a", notes=["x" * 9000] * 200)
        with pytest.raises(SettingsError, match="name fewer runs"):
            write([tmp_path], tmp_path / "r.html")
