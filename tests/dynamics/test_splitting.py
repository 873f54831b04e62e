"""Rare passages by splitting: against the exact recursion, and against plain replicas."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.dynamics import rare_passages
from soret.errors import ConvergenceError, SettingsError
from soret.observables import full_loss
from soret.theory.escape import recursion_passage_steps

ETA = 0.2


@pytest.fixture(scope="module")
def line() -> soret.Problem:
    """Linear regression with one parameter, on fresh examples: L* = ½."""
    return soret.problems.linear_regression(1, None)


def split(problem: soret.Problem, **changed: Any) -> Any:
    settings: dict[str, Any] = {
        "thresholds": [1.2, 1.7, 2.4],
        "core": 0.6,
        "walkers": 1024,
        "repeats": 16,
        "seed": 1,
    }
    return rare_passages(problem, soret.SGD(ETA), full_loss, **{**settings, **changed})


def test_rates_are_those_of_the_exact_recursion(line: soret.Problem) -> None:
    """Rates that count crossings without a return, or lose the walkers that jump far.

    Within six standard errors, and 3 % for what a mean time from the minimum and one from the
    core differ by.
    """
    table = split(line)
    rate, error = table.rate.mean("repeat"), table.rate.std("repeat", ddof=1) / 4
    for threshold in table.threshold.values:
        # Cells enough for 2 · 10⁻⁴, in a tenth of the time of as many as are usual.
        exact = recursion_passage_steps(2 * threshold, ETA, 1, cells=100)
        found, within = (float(v.sel(threshold=threshold)) for v in (rate, error))
        assert abs(found - 1 / exact) < 6 * within + 0.03 / exact


@pytest.mark.slow
def test_rates_are_those_of_plain_replicas_with_momentum_and_batches() -> None:
    """A walker that starts anew without its velocity, or with another batch size."""
    problem = soret.problems.linear_regression(4, 500)
    sgd = soret.SGD(0.05, batch_size=2, momentum=0.5)
    bars = [0.7, 0.75, 0.8]
    table = rare_passages(problem, sgd, full_loss, bars, core=0.57, walkers=512, repeats=16)
    run = soret.simulate(
        problem,
        sgd,
        watch=soret.FirstPassage(full_loss, bars),
        steps=100_000,
        replicas=400,
        record_every=1000,
    )
    times = run.first_passage.sel(threshold=bars[1:])
    assert not np.isnan(times).any()
    rate = table.rate.sel(threshold=bars[1:])
    plain = times.mean("replica") * rate.mean("repeat")
    error = rate.std("repeat") / rate.mean("repeat") / 4 + times.std("replica") / times.mean(
        "replica"
    ) / np.sqrt(400)
    assert (np.abs(plain - 1) < 6 * error + 0.03).all()


def test_same_seed_same_rates(line: soret.Problem) -> None:
    """A figure that nobody can draw again; repeats that are copies."""
    one, two, three = (split(line, walkers=64, seed=seed) for seed in (1, 1, 2))
    assert one.identical(two)
    assert not one.rate.equals(three.rate)
    assert len(np.unique(one.rate.isel(threshold=0))) > 8


def test_repeats_that_die_out_have_the_rate_zero(line: soret.Problem) -> None:
    """A repeat without walkers that comes to life again, and a mean without it."""
    table = split(line, thresholds=[1.2, 6.0, 7.0, 8.0], walkers=8, repeats=24)
    dead = (table.rate == 0).values
    assert dead[:, 1:].any()
    assert (dead[:, 1:] >= dead[:, :-1]).all()
    assert (table.reached.isel(threshold=0) == 1).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"core": 1.3}, "must lie below the first threshold"),
        ({"core": np.nan}, "must lie below the first threshold"),
        ({"thresholds": [2.0, 1.0]}, "ascend"),
        ({"walkers": 0}, "walkers is 0"),
        ({"repeats": 1.5}, r"repeats is 1\.5"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_settings(line: soret.Problem, changed: dict[str, Any], message: str) -> None:
    """Nonsense that is noticed after a minute."""
    with pytest.raises(SettingsError, match=message):
        split(line, **changed)


def test_bad_processes(line: soret.Problem) -> None:
    """A grid, epochs, a vector, walkers that never come or never end."""
    with pytest.raises(SettingsError, match="learning_rate has several values"):
        rare_passages(line, soret.SGD([0.1, 0.2]), full_loss, [1.0], core=0.6)
    finite = soret.problems.linear_regression(1, 50)
    with pytest.raises(SettingsError, match="cannot sample by epochs"):
        rare_passages(finite, soret.SGD(0.1, sampling="epochs"), full_loss, [1.0], core=0.6)
    with pytest.raises(SettingsError, match=r"has shape \(2,\); it must be a scalar"):
        rare_passages(line, soret.SGD(0.1), lambda p, s: jnp.ones(2), [2.0], core=0.6)
    with pytest.raises(ConvergenceError, match="lower it"):
        split(line, thresholds=[1e6], walkers=4, repeats=2, steps=64)
    with pytest.raises(ConvergenceError, match="raise the core or longest"):
        split(line, core=0.5 + 1e-9, thresholds=[1.2, 30.0], walkers=16, longest=32)
