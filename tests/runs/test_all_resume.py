"""Runs that are killed, stopped and taken up again: the same numbers, bit for bit.

A process is killed by itself, by a real signal, at a place that does not depend on the speed of
the machine: when so many checkpoints were written, or in the middle of writing one.
"""

import errno
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np
import pytest
import xarray as xr
from impatient import impatient

import soret
from soret.errors import RunError
from soret.runs import files, store
from soret.runs.progress import ProgressBar

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's"),
    pytest.mark.usefixtures("compiled_anew"),
]

engine = importlib.import_module("soret.dynamics.simulate")

# Two blocks a point, epochs that chunks and calls cut across, momentum and passages to be kept.
EXPERIMENT = """
import jax
import jax.numpy as jnp
import numpy as np
import soret

rng = np.random.default_rng(0)
# A linear model: it compiles in a fraction of the time that a net takes.
PROBLEM = soret.Problem(
    init=lambda key: {"b": jnp.zeros(()), "w": jax.random.normal(key, (4,))},
    predict=lambda p, x: p["w"] @ x + p["b"],
    loss="binary_cross_entropy",
    data=soret.Dataset("points", rng.normal(size=(22, 4)), np.arange(22) % 2, ("a", "b")),
)


def weight_norm(problem, state):
    return jnp.linalg.norm(state.params["w"])


def simulate(out, **more):
    return soret.simulate(
        PROBLEM,
        soret.SGD([0.1, 0.05], batch_size=3, momentum=0.9, sampling="epochs"),
        observe=[weight_norm, soret.observables.parameter_norm],
        watch=soret.FirstPassage(weight_norm, [1.5, 2.0, 2.5, 1e9]),
        steps=240,
        replicas=4,
        record_every=12,
        block_size=2,
        workers=2,
        out=out,
        **more,
    )
"""


def stopped_by(name: str) -> str:
    """Return code: every call runs one chunk, and every pause writes a checkpoint.

    Forty of each of four blocks, two at a time, so that some are done and some are not.
    """
    return impatient(name, saves=130) + "simulate(sys.argv[1])"


HALF_WRITTEN = """
import os, signal, sys
from soret.runs import files

files.os.replace = lambda new, path: (
    os.kill(os.getpid(), signal.SIGKILL) if path.name.endswith(".npz") else os.rename(new, path)
)
simulate(sys.argv[1])
"""


@pytest.fixture(scope="module")
def simulate() -> Callable[..., xr.Dataset]:
    namespace: dict[str, Any] = {}
    exec(EXPERIMENT, namespace)
    return namespace["simulate"]


@pytest.fixture(scope="module")
def whole(
    simulate: Callable[..., xr.Dataset], tmp_path_factory: pytest.TempPathFactory
) -> tuple[xr.Dataset, Path]:
    """Return the run that nothing interrupted, and its folder."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return simulate(folder), folder


def in_another_process(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", EXPERIMENT + script, folder],
        env={**os.environ, "JAX_PLATFORMS": jax.default_backend()},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def names(folder: Path) -> list[str]:
    return sorted(
        str(p.relative_to(folder)) for p in folder.rglob("*") if "data" not in p.parts[-1]
    )


def assert_same(folder: Path, made: xr.Dataset, whole: tuple[xr.Dataset, Path]) -> None:
    """Check numbers, files, and that nothing is left over."""
    data, untouched = whole
    xr.testing.assert_identical(made, data)
    xr.testing.assert_identical(soret.load(folder), data)
    assert store.digest(folder / "data.zarr") == store.digest(untouched / "data.zarr")
    assert sorted(p.name for p in folder.iterdir()) == ["data.zarr", "manifest.json", "run.json"]


class Bars:
    """Stands in for the progress bar, and remembers."""

    made: ClassVar[list["Bars"]] = []

    def __init__(self, total: int, title: str, enabled: bool | None = None) -> None:
        self.total, self.done = total, 0
        self.made.append(self)

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, steps: int) -> None:
        self.done += steps


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Bars]:
    Bars.made.clear()
    monkeypatch.setattr(engine, "ProgressBar", Bars)
    return Bars.made


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that was killed after some of its checkpoints."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    done = in_another_process(stopped_by("SIGKILL"), folder)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return folder


def copy(folder: Path, to: Path) -> Path:
    """Return a copy of a folder to work with, and to leave the original as it was."""
    return Path(shutil.copytree(folder, to))


class TestKilled:
    def test_cannot_be_loaded(self, killed: Path) -> None:
        """The first half of the data taken for the whole."""
        with pytest.raises(RunError, match="unfinished; run it again with the same settings"):
            soret.load(killed)

    def test_resumed_bit_for_bit(
        self,
        killed: Path,
        simulate: Callable[..., xr.Dataset],
        whole: tuple[xr.Dataset, Path],
        tmp_path: Path,
        bars: list[Bars],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """State, records or random numbers that a checkpoint does not hold."""
        folder = copy(killed, tmp_path / "run")
        checkpoints = sorted((folder / "checkpoints").glob("*.npz"))
        saved = [files.read_arrays(path) for path in checkpoints]
        done = [int(arrays["done"]) for arrays in saved]
        # Blocks that are done hold no θ any more, which nobody would ask for again.
        whole_state = max(len(arrays) for arrays in saved)
        underway = {n for n, arrays in zip(done, saved, strict=True) if len(arrays) == whole_state}
        assert underway
        assert set(done) - underway == {max(done)}
        first: list[int] = []
        block = importlib.import_module("soret.dynamics.compute")
        run = block.Program.advance

        def advance(self: Any, ensemble: Any, keys: Any, point: Any, begin: int, *rest: Any) -> Any:
            first.append(begin)
            return run(self, ensemble, keys, point, begin, *rest)

        monkeypatch.setattr(block.Program, "advance", advance)
        made = simulate(folder)
        assert underway <= set(first), "blocks were not taken up where they stood"
        assert len([n for n in first if n == 0]) == 4 - len(done)
        assert bars[0].done == bars[0].total == 2 * 4 * 240
        assert_same(folder, made, whole)

    def test_damaged_checkpoint_is_said_and_computed_anew(
        self,
        killed: Path,
        simulate: Callable[..., xr.Dataset],
        whole: tuple[xr.Dataset, Path],
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A block silently begun again, or continued from nonsense."""
        folder = copy(killed, tmp_path / "run")
        path = sorted((folder / "checkpoints").glob("*.npz"))[0]
        path.write_bytes(path.read_bytes()[:-100])
        xr.testing.assert_identical(simulate(folder), whole[0])
        assert re.search(f"{path.name} is damaged .* is computed anew; .*damaged-1", caplog.text)
        assert (folder / "damaged-1" / path.name).exists()

    def test_other_data_is_refused(self, killed: Path, tmp_path: Path) -> None:
        """A run continued on other data of the same name."""
        folder = copy(killed, tmp_path / "run")
        before = names(folder)
        namespace: dict[str, Any] = {}
        exec(EXPERIMENT.replace("default_rng(0)", "default_rng(1)"), namespace)
        with pytest.raises(RunError, match="model, data or observables differ"):
            namespace["simulate"](folder)
        assert names(folder) == before


def test_killed_in_the_middle_of_a_checkpoint(
    whole: tuple[xr.Dataset, Path], tmp_path: Path
) -> None:
    """A half-written file taken for a checkpoint, or left in the finished run.

    It is taken up by one worker where two began: another machine, say.
    """
    folder = tmp_path / "run"
    done = in_another_process(HALF_WRITTEN, folder)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert any("partial" in name for name in names(folder))
    namespace: dict[str, Any] = {}
    exec(EXPERIMENT.replace("workers=2", "workers=1"), namespace)
    xr.testing.assert_equal(namespace["simulate"](folder), whole[0])
    assert sorted(path.name for path in folder.iterdir()) == [
        "data.zarr",
        "manifest.json",
        "run.json",
    ]


def test_ctrl_c_says_how_to_resume(
    simulate: Callable[..., xr.Dataset], whole: tuple[xr.Dataset, Path], tmp_path: Path
) -> None:
    """Work lost at Ctrl-C, or a user who does not know that it is not."""
    folder = tmp_path / "run"
    done = in_another_process(stopped_by("SIGINT"), folder)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert re.fullmatch(
        r"KeyboardInterrupt: stopped at \d+ %; run again with the same settings and "
        rf"out={re.escape(repr(str(folder)))} to resume\.",
        last,
    )
    with pytest.raises(RunError, match="unfinished"):
        soret.load(folder)
    checkpoints = sorted((folder / "checkpoints").glob("*.npz"))
    done_at = [int(files.read_arrays(path)["done"]) for path in checkpoints]
    assert 0 < sum(done_at) < 4 * 240
    assert not any("partial" in name for name in names(folder))
    assert_same(folder, simulate(folder), whole)


def test_ctrl_c_without_a_folder_says_what_is_lost() -> None:
    """A promise to resume what was not saved."""
    bar = ProgressBar(200, "title")
    bar(50)
    message = bar.how_to_resume(None)
    assert message.startswith("stopped at 25 %; nothing was saved, because no folder was given")


def test_finished_run_is_loaded_not_computed(
    simulate: Callable[..., xr.Dataset],
    whole: tuple[xr.Dataset, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A finished run computed once more."""

    def computed(*_: object, **__: object) -> None:
        raise AssertionError("it was computed again")

    monkeypatch.setattr(engine, "compute", computed)
    data, folder = whole
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    xr.testing.assert_identical(simulate(folder), data)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_saving_changes_nothing(
    simulate: Callable[..., xr.Dataset], whole: tuple[xr.Dataset, Path]
) -> None:
    """Numbers that depend on whether they are saved."""
    xr.testing.assert_identical(simulate(None), whole[0])


def test_a_failing_block_leaves_the_others_checkpoints(
    simulate: Callable[..., xr.Dataset],
    whole: tuple[xr.Dataset, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full disk, say: the error is told, and what was done can be resumed."""
    folder = tmp_path / "run"
    write, count = files.write_arrays, []

    def full(path: Path, arrays: Any) -> None:
        count.append(path)
        if len(count) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, arrays)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_arrays", full)
        with pytest.raises(RunError, match=r"no space is left .*run the same command again"):
            simulate(folder)
    with pytest.raises(RunError, match="unfinished"):
        soret.load(folder)
    assert_same(folder, simulate(folder), whole)


def test_numbers_are_saved_as_they_were(whole: tuple[xr.Dataset, Path]) -> None:
    """Types widened or narrowed by storing."""
    data, folder = whole
    loaded = soret.load(folder)
    for name in data.variables:
        assert loaded[name].dtype == data[name].dtype
    assert loaded.weight_norm.dtype == np.float32
