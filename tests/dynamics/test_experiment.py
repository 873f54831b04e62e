"""An experiment as a value: checked when made, equal, hashable, readable."""

from dataclasses import replace

import numpy as np
import optax
import pytest
import xarray as xr

import soret
from soret.errors import SettingsError

# It compiles in a fraction of the time that a net takes.
PROBLEM = soret.problems.surface(lambda x: 0.5 * x @ x, start=[1.0, 2.0])
SGD = soret.SGD([0.1, 0.05], batch_size=2)


def made(**changes):
    given = {
        "problem": PROBLEM,
        "algorithm": SGD,
        "observe": soret.observables.loss,
        "steps": 200,
        "replicas": 6,
    }
    return soret.Experiment(**given | changes)


def test_equal_parts_make_equal_experiments():
    """It is a value: equal, of equal hash, and another where one part is."""
    assert made() == made()
    assert hash(made()) == hash(made(algorithm=soret.SGD([0.1, 0.05], batch_size=2)))
    others = [{"seed": 1}, {"steps": 400}, {"replicas": 7}, {"record_every": 4}]
    assert all(made() != made(**other) for other in others)


def test_it_is_frozen():
    with pytest.raises(AttributeError):
        made().steps = 3


def test_forms_of_the_same_arguments_agree():
    """A list of observables, NumPy integers and a default are taken for what they mean."""
    one = made(observe=[soret.observables.loss], steps=np.int64(200), seed=np.uint64(0))
    assert one == made(record_every=2)
    assert (one.records, one.every) == (101, 2)


@pytest.mark.parametrize(
    "wrong", [{"seed": -1}, {"replicas": 0}, {"record_every": 3}, {"observe": "loss"}]
)
def test_bad_parts_are_refused_when_it_is_made(wrong):
    with pytest.raises(SettingsError):
        made(**wrong)


def test_replace_makes_another():
    assert replace(made(), seed=5) == made(seed=5)


def test_repr_says_what_is_run():
    said = repr(made(seed=7))
    for part in ("SGD", "learning_rate=[0.1, 0.05]", "6 replicas", "200 steps", "loss", "seed 7"):
        assert part in said


@pytest.fixture(scope="module")
def digest():
    return made().digest


@pytest.mark.parametrize(
    "changes", [{"seed": 1}, {"steps": 400}, {"algorithm": soret.SGD([0.1, 0.04], 2)}]
)
def test_digest_follows_what_decides_the_numbers(digest, changes):
    """Catches: a result taken up for another seed, number of steps or learning rate."""
    assert made(**changes).digest != digest


def test_digest_is_that_of_an_equal_experiment(digest):
    """Catches: a digest that depends on when, or in which order, something was made."""
    assert made().digest == digest


def test_digest_follows_what_a_function_does():
    """Catches: a result taken up for a function of the same name that computes something else."""

    def scaled(factor):
        def observable(problem, state):
            return factor * soret.observables.loss(problem, state)

        return observable

    single = soret.SGD(0.1)
    one, other = (made(observe=scaled(f), algorithm=single) for f in (1.0, 2.0))
    assert one.digest == made(observe=scaled(1.0), algorithm=single).digest
    assert one.digest != other.digest


def test_an_experiment_is_run_as_simulate_runs_it():
    found = soret.dynamics.run(made())
    wanted = soret.simulate(PROBLEM, SGD, observe=soret.observables.loss, steps=200, replicas=6)
    xr.testing.assert_identical(found, wanted)


def test_repr_of_an_optimizer_of_optax_is_short():
    rule = soret.Optax(optax.adam, learning_rate=[0.1, 0.2], batch_size=4)
    assert len(repr(made(algorithm=rule))) < 400
