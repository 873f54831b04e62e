"""What a claim declares: checked before anything runs, run in order, resumed, saved as it says."""

from typing import Annotated

import numpy as np
import pytest
import xarray as xr

import soret
from soret.claims import Continuation, In, Measurement, Source, claim
from soret.claims.claim import CLAIMS
from soret.claims.dry_run import dry_run
from soret.claims.running import load_runs, run_claim
from soret.errors import SettingsError
from soret.runs import RunFolder

SOURCE = Source("mine", "Sec. 1", title="A paper of mine")


def walk(**changed):
    settings = {
        "problem": soret.problems.surface(lambda x: 0.5 * x @ x, start=[0.0]),
        "algorithm": soret.SGD(0.1),
        "observe": soret.observables.parameters,
        "steps": 4,
        "replicas": 2,
    }
    return soret.Experiment(**settings | changed)


def at(value):
    return xr.Dataset({"at": ("parameter", np.full(1, value, np.float32))})


def registered(**methods):
    """Return a claim of the given methods, whose test, control and figure are empty."""
    usual = {
        "judge": lambda self, runs: [],
        "control": lambda self, runs: runs,
        "draw": lambda self, runs, results: {},
        "__annotations__": {"replicas": Annotated[int, "replicas", In(at_least=2)]},
        "replicas": 2,
    }
    made = type("Mine", (), usual | methods)
    return claim("mine/one", statement="Nothing.", source=SOURCE, quick={})(made)


@pytest.fixture(autouse=True)
def _unregistered():
    yield
    CLAIMS.pop("mine/one", None)


def declaring(experiments, **methods):
    return registered(experiments=lambda self: experiments, **methods)()


def test_experiments_go_on_from_others(tmp_path):
    """Catches: a continuation that starts where its stand-in does, or that keeps to its parts."""

    def on(given):
        start = soret.problems.starting_from(walk().problem, given["point"]["at"].values)
        return {"problem": start, "algorithm": soret.SGD(given["walk"].attrs["steps"] / 40)}

    mine = declaring(
        {
            "walk": walk(),
            "point": Measurement(lambda given: at(given.seed + len(given["walk"].step)), ("walk",)),
            "on": Continuation(walk(algorithm=soret.SGD(1e-3)), on, after=("walk", "point")),
        },
        saved=lambda self, runs: {"later": runs["on"], "walk": runs["walk"]},
    )
    outcome = run_claim(mine, scale="quick", seed=3, out=tmp_path / "run")
    runs = load_runs(RunFolder(outcome.folder))
    assert list(runs) == ["later", "walk"]
    assert runs["walk"].attrs["seed"] == 3
    assert runs["later"].attrs["seed"] != 3
    assert (runs["later"].parameters.isel(step=0) == 3 + 5).all()
    assert runs["later"].attrs["algorithm_learning_rate"] == pytest.approx(0.1)


def test_continuations_have_mini_batches_of_their_own(tmp_path):
    """Catches: what goes on from a run, and its siblings, driven by that run's mini-batches."""

    def again(given):
        return {"problem": walk().problem}

    mine = declaring(
        {
            "walk": walk(),
            "one": Continuation(walk(), again, after=("walk",)),
            "other": Continuation(walk(), again, after=("walk",)),
        }
    )
    runs, repeated, others = (
        load_runs(RunFolder(run_claim(mine, scale="quick", seed=seed, out=tmp_path / name).folder))
        for seed, name in ((0, "first"), (0, "again"), (1, "others"))
    )
    ends = [
        tuple(run.parameters.isel(step=-1).values.ravel())
        for run in (*runs.values(), *others.values())
    ]
    assert len(set(ends)) == 6
    for name, run in runs.items():
        xr.testing.assert_identical(run, repeated[name])


def test_what_was_measured_is_not_measured_again(tmp_path):
    """Catches: hours of Hessians lost to what was stopped after them."""
    measured, stopped = [], [True]

    def first(given):
        measured.append(given.seed)
        return at(1.0)

    def second(given):
        if stopped:
            raise KeyboardInterrupt
        return given["first"]

    mine = declaring({"first": Measurement(first), "second": Measurement(second, ("first",))})
    with pytest.raises(KeyboardInterrupt):
        run_claim(mine, scale="quick", out=tmp_path / "run")
    stopped.clear()
    run_claim(mine, scale="quick", out=tmp_path / "run")
    assert measured == [0]


def test_a_long_part_is_kept_with_the_run(tmp_path):
    """Catches: a place outside the run's folder, or one that is left over."""
    places = []

    def measured(given):
        places.append(given.keep("a part/of it"))
        return at(1.0)

    mine = declaring({"one": Measurement(measured)})
    run_claim(mine, scale="quick", out=tmp_path / "run", progress=False)
    expected = tmp_path / "run" / "checkpoints" / "a part-of it"
    assert places == [{"out": expected, "progress": False}]


@pytest.mark.parametrize(
    ("experiments", "words"),
    [
        (
            {"b": Measurement(lambda given: at(0.0), after=("a",)), "a": walk()},
            "declare it earlier",
        ),
        ({"a": Measurement(lambda given: at(0.0), after=("a",))}, "declare it earlier"),
        ({"a/b": walk(), "a-b": walk()}, "one folder"),
        ({"a": at(0.0)}, "as a Dataset"),
        ({"a": walk(replicas=10**6)}, "of memory"),
        ({"a": walk(), "b": Continuation(walk(replicas=10**6), dict, ("a",))}, "of memory"),
    ],
    ids=["before", "itself", "folder", "dataset", "memory", "stand-in"],
)
def test_bad_declarations_are_refused_before_anything_runs(
    experiments, words, tmp_path, monkeypatch
):
    """Catches: an experiment of hours, and then what could have been said at once."""
    monkeypatch.setattr("soret.memory.free_bytes", lambda: 2**20)
    mine, said = declaring(experiments), []
    with pytest.raises(SettingsError, match=words):
        run_claim(mine, scale="quick", out=tmp_path / "run", say=said.append)
    assert said == []
    assert not (tmp_path / "run").exists()


def test_a_dry_run_measures_nothing():
    def measured(given):
        raise AssertionError

    experiments = {
        "a": Measurement(measured),
        "b": Continuation(walk(), measured, after=("a",)),
    }
    assert dry_run(declaring(experiments)) is experiments


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (Measurement(lambda given: given["walk"]), "name it in after"),
        (Continuation(walk(), lambda given: {"steps": 8}, after=("walk",)), "gives steps"),
    ],
    ids=["unnamed", "steps"],
)
def test_what_a_declaration_does_not_say_is_refused(made, words, tmp_path):
    """Catches: what is read without being declared; a run that is longer than was estimated."""
    with pytest.raises(SettingsError, match=words):
        run_claim(declaring({"walk": walk(), "b": made}), scale="quick", out=tmp_path / "run")


def test_the_old_form_is_refused_in_a_sentence():
    """Catches: an override that is never called, and a claim that runs what its parent declared."""

    def simulate(self, simulate):
        return {"walk": simulate("walk", walk().problem, soret.SGD(0.1), steps=4)}

    for methods in ({}, {"experiments": lambda self: {}}):
        with pytest.raises(SettingsError, match=r"write a method experiments\(self\)"):
            registered(simulate=simulate, **methods)
    with pytest.raises(SettingsError, match=r"write a method experiments\(self\)"):
        registered()
    with pytest.raises(SettingsError, match="in place of simulate"):
        from soret.claims import Simulate  # noqa: F401
