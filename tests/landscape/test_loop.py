"""Long measurements: stopped, killed and taken up again, they measure the same, bit for bit."""

import re
import signal
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest
from compiled import anew
from impatient import impatient

import soret
from soret.errors import RunError
from soret.landscape import batches, evaluate, flatness
from soret.landscape.loop import Loop
from soret.runs import pace

# 40 digits in batches of a few, so that products are cut, too.
MEASURE = """
import numpy as np
import soret
from soret.landscape import batches

batches._CACHED = 2000
NET = soret.problems.dense(hidden=(4,), data=soret.data.load("digits").first(40))
POINTS = np.random.default_rng(0).normal(0, 0.1, (2, 3, 4 * 64 + 4 + 40 + 10)).astype("f4")


def measure(out=None, **more):
    return soret.landscape.flatness(NET, POINTS, samples=3, iterations=4, out=out, **more)
"""


@pytest.fixture(scope="module")
def measure():
    namespace = {}
    before = batches._CACHED
    exec(MEASURE, namespace)
    yield namespace["measure"]
    batches._CACHED = before


@pytest.fixture(scope="module")
def whole(measure):
    return measure()


def assert_same(found, wanted):
    assert found.top.shape == (2, 3)
    for name in wanted._fields:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


def stopped_by(name, folder):
    # Every part is a call.
    code = f"{MEASURE}{impatient(name, saves=50)}measure(sys.argv[1])"
    return subprocess.run(
        [sys.executable, "-c", code, folder],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def begun(monkeypatch):
    """Return a list of the parts that calls begin at, filled as they are made."""
    begins, run = [], Loop._all

    def spy(loop, program, *rest):
        def called(begin, *others):
            begins.append(int(begin))
            return program(begin, *others)

        return run(loop, called, *rest)

    monkeypatch.setattr(Loop, "_all", spy)
    return begins


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_taken_up_where_it_was_stopped(name, measure, whole, begun, tmp_path):
    """Hours lost at Ctrl-C; parts counted twice, or left out."""
    folder = tmp_path / "run"
    # Once compiled anew: the same bits, and not only the same program.
    with anew() if name == "SIGKILL" else nullcontext():
        done = stopped_by(name, folder)
    if name == "SIGKILL":
        assert done.returncode == -signal.SIGKILL, done.stderr
    else:
        last = done.stderr.strip().splitlines()[-1]
        assert re.fullmatch(r"KeyboardInterrupt: stopped at \d+ %; run again .* to resume\.", last)
        assert repr(str(folder)) in last
    with pytest.raises(RunError, match="unfinished"):
        soret.load(folder)
    assert_same(measure(folder), whole)
    assert begun[0] == 50
    assert sorted(path.name for path in folder.iterdir()) == [
        "data.zarr",
        "manifest.json",
        "run.json",
    ]


def test_how_it_is_cut_changes_nothing(measure, whole, begun, monkeypatch):
    """Numbers that depend on the speed of the machine."""
    monkeypatch.setattr(pace, "CALL_SECONDS", 0.0)
    assert_same(measure(), whole)
    assert len(begun) > 100


def test_finished_it_is_loaded(measure, whole, begun, tmp_path):
    """A finished measurement made once more; a result that cannot be read by name."""
    measure(tmp_path / "run")
    begun.clear()
    assert_same(measure(tmp_path / "run"), whole)
    assert not begun
    np.testing.assert_array_equal(soret.load(tmp_path / "run").trace, whole.trace)


def test_another_measurement_is_refused(measure, tmp_path):
    """Hessians of other points, of other data, or a loss, for those that were asked for."""
    folder = tmp_path / "run"
    measure(folder)
    digits = soret.data.load("digits").first(41)
    net = soret.problems.dense(hidden=(4,), data=digits)
    points = np.zeros((2, 3, 310), np.float32)
    for again in (
        lambda: measure(folder, seed=1),
        lambda: flatness(net, points, samples=3, iterations=4, out=folder),
        lambda: evaluate(net, points, out=folder),
    ):
        with pytest.raises(RunError, match="holds another run"):
            again()


def test_a_damaged_state_is_named(measure, whole, tmp_path, monkeypatch, caplog):
    """Nonsense gone on with."""
    folder = tmp_path / "run"
    stop = KeyboardInterrupt()
    with monkeypatch.context() as patch:
        patch.setattr(pace, "next_length", lambda *_: (_ for _ in ()).throw(stop))
        with pytest.raises(KeyboardInterrupt, match="to resume"):
            measure(folder)
    (path,) = (folder / "checkpoints").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    assert_same(measure(folder), whole)
    assert f"{path.name} is damaged" in caplog.text
