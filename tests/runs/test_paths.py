"""Paths as people write them: resolved once, before the work."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.observables import State
from soret.runs import RunFolder
from soret.runs.paths import resolve, shown

BOWL = soret.problems.surface(lambda x: 0.5 * x @ x, start=[1.0], strength=0.0)


def simulated(out: Any, observe: Callable[..., Any] = soret.observables.parameters) -> Any:
    return soret.simulate(BOWL, soret.SGD(0.1), observe=observe, steps=4, replicas=2, out=out)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Return a home, a scratch folder that a variable names, and a working directory."""
    made = {name: tmp_path / name for name in ("home", "scratch", "here")}
    for place in made.values():
        place.mkdir()
    monkeypatch.setenv("HOME", str(made["home"]))
    monkeypatch.setenv("SCRATCH", str(made["scratch"]))
    monkeypatch.delenv("NOWHERE", raising=False)
    monkeypatch.chdir(made["here"])
    return made


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("~/runs/a", "home/runs/a"),
        ("$SCRATCH/a", "scratch/a"),
        ("${SCRATCH}/a/", "scratch/a"),
        (Path("~") / "a", "home/a"),
        (b"a//b/", "here/a/b"),
        ("../here/./a", "here/a"),
        ("./~a", "here/~a"),
    ],
)
def test_is_where_it_is_meant_to_be(written: Any, meant: str, places: dict[str, Path]) -> None:
    """Catches: a run in a folder called "~", "$SCRATCH" or "a/"."""
    assert resolve(written) == places["here"].parent / meant


@pytest.mark.parametrize(
    "out", ["~/a", "$SCRATCH/deep/a", Path("a"), b"a", "link/a"], ids=lambda out: str(out)
)
def test_a_run_is_written_and_read_there(out: Any, places: dict[str, Path]) -> None:
    """Catches: a run that is computed and then lost, half here, half there."""
    (places["here"] / "link").symlink_to(places["scratch"])
    made = simulated(out)
    assert soret.load(out).identical(made)
    assert simulated(out).identical(made)
    strays = [p.name for place in places.values() for p in place.iterdir()]
    assert not {name for name in strays if "~" in name or "$" in name}


def test_does_not_follow_the_working_directory(places: dict[str, Path]) -> None:
    """Catches: half of a run elsewhere, where an observable or a thread changes the directory."""

    def wandering(problem: soret.Problem, state: State) -> jax.Array:
        os.chdir(places["scratch"])
        return state.params

    made = simulated("runs/a", observe=wandering)
    assert Path.cwd() == places["scratch"]
    assert not list(places["scratch"].iterdir())
    assert soret.load(places["here"] / "runs" / "a").identical(made)


def test_does_not_follow_a_link_or_a_variable_that_changes(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches: a run begun in one folder and finished in another."""
    (places["here"] / "link").symlink_to(places["scratch"])
    folders = RunFolder("link/a"), RunFolder("$SCRATCH/b")
    (places["here"] / "link").unlink()
    monkeypatch.setenv("SCRATCH", "elsewhere")
    assert [folder.path for folder in folders] == [places["scratch"] / name for name in "ab"]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("$NOWHERE/a", "NOWHERE"),
        ("${NOWHERE}/a", "NOWHERE"),
        ("~nobody-of-that-name/a", "no such user"),
        ("a\0b", "NUL"),
        (3, "path"),
        (True, "path"),
        (["a"], "path"),
        ("round/a", "cannot be resolved"),
    ],
)
def test_refuses_what_is_no_path_before_any_work(
    written: Any, told: str, places: dict[str, Path]
) -> None:
    """Catches: a TypeError, or a folder of a strange name, after the simulation."""
    (places["here"] / "round").symlink_to("round")

    def never(problem: soret.Problem, state: State) -> jax.Array:
        raise AssertionError("work has begun")

    with pytest.raises(SettingsError, match=told):
        simulated(written, observe=never)
    with pytest.raises(SettingsError, match=told):
        soret.load(written)


def test_no_path_is_none_only_for_out() -> None:
    """Catches: a TypeError of pathlib from `load`."""
    assert np.isfinite(simulated(None).parameters).all()
    with pytest.raises(SettingsError, match="got None"):
        soret.load(None)  # type: ignore[arg-type]


def test_takes_a_dollar_sign_where_a_file_has_one(places: dict[str, Path]) -> None:
    """Catches: a run of that name that cannot be loaded any more."""
    (places["here"] / "a$b").mkdir()
    assert resolve("a$b").name == "a$b"


def test_the_working_directory_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: a FileNotFoundError from the library of paths."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SettingsError, match="cannot be resolved"):
        simulated("a")


def test_shows_no_home(places: dict[str, Path]) -> None:
    """Catches: a verdict that tells whose home it was written in."""
    assert shown(resolve("runs/a")) == Path("runs/a")
    assert shown(places["home"]) == places["home"]
