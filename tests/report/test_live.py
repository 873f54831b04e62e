"""Watching a run: real processes, real checkpoints, a page that is whole whenever it is read."""

import base64
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from impatient import impatient
from report_runs import curves

import soret
from soret.errors import RunError, SettingsError
from soret.report.live import Watcher, watch
from soret.report.partial import Finished, Reader, measured_share
from soret.runs import RunFolder, files, pace

# Three points of a grid, three blocks each, the last of them not full.
EXPERIMENT = """
import numpy as np
import soret

soret.simulate(
    soret.problems.two_layer(
        hidden=3, data=soret.Dataset("points", np.eye(4, 3), np.arange(4) % 2, ("a", "b"))
    ),
    soret.SGD([0.1, 0.05, 0.02], momentum=[0.5]),
    observe=[soret.observables.weight_norm, soret.observables.parameters],
    steps=400, replicas=5, record_every=20, block_size=2, workers=2, out=sys.argv[1],
)
"""


def started(folder, stop_after=-1, pause=0.0):
    code = impatient(saves=stop_after, pause=pause) + EXPERIMENT
    return subprocess.Popen([sys.executable, "-c", code, str(folder)])


def plots(html):
    packed = re.search(r'id="run-1-data">([^<]+)<', html)
    return json.loads(gzip.decompress(base64.b64decode(packed[1]))) if packed else []


@pytest.mark.slow
def test_what_is_there_of_a_killed_run_is_where_it_belongs(tmp_path):
    """Replicas of one learning rate shown as another's, or numbers made up for blocks not begun."""
    started(tmp_path / "run", stop_after=37).wait(120)
    partial = Reader(RunFolder(tmp_path / "run")).read()
    started(tmp_path / "run").wait(120)
    whole = soret.load(tmp_path / "run")
    for name in ("weight_norm", "parameters"):
        here, there = partial.data[name], whole[name].transpose(*partial.data[name].dims)
        assert here.shape == there.shape
        known = np.isfinite(here.values)
        assert 0.1 < known.mean() < 0.9
        np.testing.assert_array_equal(here.values[known], there.values[known].astype(float))
    np.testing.assert_array_equal(partial.data.learning_rate, whole.learning_rate)
    assert partial.share == pytest.approx(known.mean(), abs=1e-9)
    assert time.time() - partial.newest < 120


def test_a_run_that_finishes_while_it_is_read_is_not_shown_with_holes(tmp_path, monkeypatch):
    """Progress that falls from 100 % to 66 %, for blocks removed between two of them were read."""
    folder = RunFolder(tmp_path / "run")
    write, read, written, looks = files.write_arrays, files.read_arrays, [], []

    def unplugged(path, arrays):
        if len(written) == 6:
            raise OSError("no disk any more")
        written.append(path)
        write(path, arrays)

    monkeypatch.setattr(files, "write_arrays", unplugged)
    with pytest.raises(RunError, match="no disk"):
        soret.simulate(
            soret.problems.surface(lambda x: 0.5 * x @ x, start=[1.0, 2.0]),
            soret.SGD([0.1, 0.05, 0.02]),
            observe=[soret.observables.parameter_norm],
            steps=40, replicas=5, record_every=20, block_size=2, out=folder.path,
        )  # fmt: skip
    monkeypatch.setattr(files, "write_arrays", write)
    assert 0.5 < Reader(folder).read().share < 1

    def finished_meanwhile(path, *limits):
        looks.append(path)
        if len(looks) == 2:
            folder.finish(curves())
        return read(path, *limits)

    monkeypatch.setattr(files, "read_arrays", finished_meanwhile)
    with pytest.raises(Finished, match="just been finished"):
        Reader(folder).read()
    assert len(looks) == 2


@pytest.mark.slow
def test_what_is_damaged_is_not_said_to_be_finished(tmp_path):
    """A damaged block that is waited for for ever without a word."""
    folder = RunFolder(tmp_path / "run")
    started(folder.path, stop_after=3).wait(120)
    block = next((folder.path / "checkpoints").glob("*.npz"))
    block.write_bytes(block.read_bytes()[:-7])
    with pytest.raises(RunError, match="is damaged"):
        Reader(folder).read()


def test_a_running_process_is_watched_until_it_is_done(tmp_path, at_last_killed):
    """A page that shows nothing until the end, that does not end, or that is once not whole."""
    folder, to = tmp_path / "run", tmp_path / "live.html"
    process = at_last_killed(started(folder, pause=0.02))
    while not (folder / "run.json").exists():
        time.sleep(0.02)
        assert process.poll() is None
    pages = []

    def wait(seconds):
        pages.append(to.read_text())
        assert process.poll() in (None, 0)
        time.sleep(0.05)

    watch(folder, to, every=2, wait=wait)
    assert process.wait(60) == 0
    shares = [int(re.search(r'<progress max="100" value="(\d+)"', page)[1]) for page in pages]
    assert shares == sorted(shares)
    assert any(0 < share < 100 for share in shares)
    assert any(plots(page) for page in pages)
    assert all('data-refresh="2"' in page and page.endswith("</html>\n") for page in pages)
    last = to.read_text()
    assert "data-refresh" not in last.split("<script>")[0]
    assert {len(plot["curves"]) for plot in plots(last)} >= {3}
    assert len(plots(last)[0]["curves"][0]["x"]) == 21


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_ctrl_c_leaves_quietly_and_the_page_rests(tmp_path, at_last_killed):
    """A traceback, or a page in a browser that opens itself again for ever."""
    folder, to = RunFolder(tmp_path / "run"), tmp_path / "live.html"
    folder.begin({"claim": "thermophoresis/activation-rate", "settings": {}, "seed": 0})
    command = ["report", "--live", str(folder.path), "-o", str(to)]
    process = at_last_killed(
        subprocess.Popen(
            [sys.executable, "-m", "soret.cli", *command],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"COLUMNS": "200"},
        )
    )
    until = time.monotonic() + 60
    while not to.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert "data-refresh" in to.read_text()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert err.count("\n") == 1
    assert str(to) in out
    page = to.read_text()
    assert "<body>" in page
    assert "No longer watched" in page


def test_a_claims_experiments_are_followed_to_the_verdict(make, tmp_path):
    """A claim that counts as done when it is simulated, before it is judged and drawn."""
    path = make()
    verdict = (path / "verdict.json").read_text()
    (path / "verdict.json").unlink()
    looks = []

    def wait(seconds):
        looks.append((tmp_path / "live.html").read_text())
        if len(looks) == 2:
            (path / "verdict.json").write_text(verdict)

    watch(path, tmp_path / "live.html", wait=wait)
    assert "now judged" in looks[1]
    assert "1.91" in (tmp_path / "live.html").read_text()


def test_a_measurement_that_takes_long_shows_how_far_it_is(tmp_path, monkeypatch):
    """Hours at "being measured, 0 %"."""
    folder = RunFolder(tmp_path / "run")
    folder.begin({"claim": "three-factors/flatness", "settings": {}, "seed": 0})
    (folder.path / "checkpoints").mkdir()
    net = soret.problems.dense(hidden=(3,), data=soret.data.load("digits").first(20))
    calls = iter([1])
    monkeypatch.setattr(pace, "SAVE_SECONDS", -1.0)
    monkeypatch.setattr(pace, "next_length", lambda *_: next(calls))
    with pytest.raises(StopIteration):
        soret.landscape.evaluate(net, np.zeros((4, 235)), out=folder.path / "checkpoints/losses")
    page = Watcher(folder.path).page(every=5)
    assert "losses, being measured" in page
    assert '<progress max="100" value="25"' in page


@pytest.mark.parametrize(("run", "to"), [("nowhere", "a.html"), ("run", "a.md"), ("run", "run")])
def test_what_cannot_be_watched_is_refused(run, to, make, tmp_path):
    """Waiting for ever for a folder whose name was misspelt."""
    make()
    with pytest.raises(SettingsError):
        watch(tmp_path / run, tmp_path / to)


@pytest.mark.skipif(sys.platform == "win32", reason="links are for administrators there")
@pytest.mark.parametrize("inner", [False, True])
def test_linked_experiments_are_not_followed(tmp_path, inner):
    """Catches: another run's curves on the page of a stranger's claim."""
    folder, elsewhere = RunFolder(tmp_path / "run"), tmp_path / "elsewhere"
    folder.begin({"claim": "thermophoresis/activation-rate", "settings": {}, "seed": 0})
    RunFolder(elsewhere / "secret").begin({"measurement": "x", "parts": 3})
    place = folder.path / "checkpoints"
    if inner:
        place.mkdir()
        (place / "linked").symlink_to(elsewhere / "secret", target_is_directory=True)
        assert "being measured" not in Watcher(folder.path).page(every=5)
    else:
        place.symlink_to(elsewhere, target_is_directory=True)
        with pytest.raises(RunError, match="is a link"):
            Watcher(folder.path).page(every=5)


@pytest.mark.parametrize(
    "done", [np.ones(3, int), np.asarray("x"), np.asarray(0.5), np.asarray(-1)]
)
def test_a_measurement_whose_count_is_none(tmp_path, done):
    """Catches: a TypeError for an array where a number of parts should be."""
    folder = RunFolder(tmp_path / "run")
    folder.begin({"measurement": "x", "parts": 3})
    (folder.path / "checkpoints").mkdir()
    files.write_arrays(folder.path / "checkpoints" / "loop.npz", {"done": done})
    with pytest.raises(RunError, match="holds no block of this run"):
        measured_share(folder)
