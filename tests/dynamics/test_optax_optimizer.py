"""Optimizers of optax: what works in an ensemble, whose randomness it is, and what is refused."""

import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import soret
from soret.dynamics import rare_passages
from soret.errors import SettingsError

STILL = soret.problems.surface(lambda x: 0.5 * x @ x, start=[1.0, -2.0], strength=0.0)
theta = soret.observables.parameters


def some(cases: Any, *quick: str) -> list[Any]:
    """Return the names of cases, those but the quick ones marked slow: each compiles a run."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in cases]


def walk(optimizer: Any, problem: soret.Problem = STILL, **given: Any) -> np.ndarray:
    """Return the last parameters of every replica."""
    options = {"steps": 4, "replicas": 3, "seed": 0} | given
    algorithm = optimizer if isinstance(optimizer, soret.Optax) else soret.Optax(optimizer)
    run = soret.simulate(
        problem, algorithm, observe=theta, record_every=options["steps"], **options
    )
    return run.parameters.values[..., -1, :]


def by_hand(optimizer: optax.GradientTransformation, steps: int) -> np.ndarray:
    """Return the parameters that optax's own loop comes to."""
    at = jnp.array([1.0, -2.0])
    state = optimizer.init(at)
    for _ in range(steps):
        updates, state = optimizer.update(at, state, at)
        at = optax.apply_updates(at, updates)
    return np.asarray(at)


WORKING = {
    "clipping": lambda: optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(0.1)),
    "several steps": lambda: optax.MultiSteps(optax.sgd(0.1), 2),
    "injected": lambda: optax.inject_hyperparams(optax.sgd)(optax.linear_schedule(0.2, 0.0, 4)),
    "masked": lambda: optax.masked(optax.sgd(0.1), True),
    "averaged": lambda: optax.chain(optax.sgd(0.1), optax.ema(0.9)),
    "warm-up": lambda: optax.sgd(optax.warmup_cosine_decay_schedule(0.0, 0.2, 2, 4)),
    "partition": lambda: optax.partition({"a": optax.sgd(0.1)}, "a"),
    "finite": lambda: optax.apply_if_finite(optax.sgd(0.1), 3),
    "lbfgs without search": lambda: optax.lbfgs(0.1, linesearch=None),
    "muon": lambda: optax.contrib.muon(0.1),
    "schedule-free": lambda: optax.contrib.schedule_free_sgd(0.1),
    "sharpness-aware": lambda: optax.contrib.sam(optax.sgd(0.1), optax.sgd(0.1)),
}


@pytest.mark.parametrize("name", some(WORKING, "clipping", "several steps"))
def test_steps_are_those_of_optax(name: str) -> None:
    """Catches: a wrapper whose state is lost, or mixed up between replicas."""
    made = WORKING[name]()
    found = walk(made)
    np.testing.assert_allclose(found, [by_hand(made, 4)] * 3, rtol=2e-5, atol=1e-6)


REFUSED = {
    "zoom": (lambda: optax.lbfgs(), "scale_by_zoom_linesearch.*line search evaluates"),
    "backtracking": (
        lambda: optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(5)),
        "scale_by_backtracking_linesearch.*line search",
    ),
    "polyak": (lambda: optax.polyak_sgd(), "scale_by_polyak.*made from the loss"),
    "plateau": (
        lambda: optax.chain(optax.sgd(0.1), optax.contrib.reduce_on_plateau()),
        "reduce_on_plateau.*follows the loss",
    ),
    "sophia": (lambda: optax.contrib.sophia(0.1), "sophia.*differentiates the loss again"),
    "momo": (lambda: optax.contrib.momo(0.1), "momo.*made from the loss"),
    "private": (
        lambda: optax.contrib.differentially_private_aggregate(1.0, 1.0, key=0),
        "one gradient per example",
    ),
    "lookahead": (lambda: optax.lookahead(optax.sgd(0.1), 5, 0.5), "pairs of parameters"),
    "sam, opaque": (
        lambda: optax.contrib.sam(optax.sgd(0.1), optax.sgd(0.1), opaque_mode=True),
        "cannot be run: grad_fn must be provided",
    ),
    "more arguments": (
        lambda: optax.GradientTransformationExtraArgs(
            lambda params: (), lambda g, s, p, *, value: (g, s)
        ),
        "missing 1 required keyword-only argument: 'value'.*gradient of one mini-batch",
    ),
    "a branch": (
        lambda: optax.GradientTransformation(
            lambda params: (), lambda g, s, p: (g if g[0] > 0 else p, s)
        ),
        "branches in Python.*if g.0. > 0",
    ),
    "another shape": (
        lambda: optax.GradientTransformation(lambda params: (), lambda g, s, p: (g.sum(), s)),
        "updates of shapes",
    ),
    "another state": (
        lambda: optax.GradientTransformation(
            lambda params: jnp.zeros(()), lambda g, s, p: (g, jnp.zeros(2))
        ),
        "changes the shape or type of its state",
    ),
    "no optimizer": (lambda: optax.constant_schedule(0.1), "cannot be made|GradientTransf"),
    "none": (lambda: 0.1, "is a float; use one of optax"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_the_first_step(name: str) -> None:
    """Catches: a line search that fails as a TypeError after a minute of compiling."""
    made, message = REFUSED[name]
    with pytest.raises(SettingsError, match=message) as raised:
        soret.dynamics.check(STILL, soret.Optax(made()), observe=theta, steps=4)
    assert "\n" not in str(raised.value)


class Words(NamedTuple):
    """The state of an optimizer with a key as words."""

    rng_key: jax.Array


def of_words() -> optax.GradientTransformation:
    def update(g: jax.Array, state: Words, params: Any = None) -> tuple[jax.Array, Words]:
        mine, kept = jax.random.split(state.rng_key)
        return -0.1 * jax.random.normal(mine, g.shape), Words(kept)

    return optax.GradientTransformation(lambda p: Words(jax.random.PRNGKey(0)), update)


NOISY = {
    "noisy_sgd": lambda: optax.noisy_sgd(0.1, eta=1.0, gamma=0.0, key=0),
    "add_noise": lambda: optax.chain(
        optax.set_to_zero(), optax.add_noise(0.01, 0.0, jax.random.key(3))
    ),
    "within others": lambda: optax.MultiSteps(
        optax.chain(optax.clip(1.0), optax.noisy_sgd(0.1, eta=1.0, gamma=0.0, key=1)), 1
    ),
    "words": of_words,
    "another generator": lambda: optax.chain(
        optax.set_to_zero(), optax.add_noise(0.01, 0.0, jax.random.key(3, impl="rbg"))
    ),
}


@pytest.mark.parametrize("name", some(NOISY, "within others", "words"))
def test_noise_is_each_replicas_own(name: str) -> None:
    """Catches: an optimizer's noise that is the same in every replica and at every seed.

    Spread over 4000 values known to 1.1 %: six standard errors.
    """
    made = NOISY[name]()
    once = walk(made, steps=1, replicas=2000)
    assert len(np.unique(once, axis=0)) == 2000
    assert once.std(axis=0) == pytest.approx(0.1, rel=0.1)
    assert not np.array_equal(once, walk(made, steps=1, replicas=2000, seed=1))


@pytest.mark.slow
def test_noise_depends_on_seed_point_and_replica_alone() -> None:
    """Catches: noise that moves with the blocks, or is shared between points of the grid."""

    def make(learning_rate: float) -> optax.GradientTransformation:
        return optax.noisy_sgd(learning_rate, eta=1.0, gamma=0.0, key=0)

    def run(size: int, **given: Any) -> np.ndarray:
        algorithm = soret.Optax(make, **given)
        return walk(algorithm, steps=2, replicas=6, block_size=size)

    whole = run(6, learning_rate=[0.1, 0.2])
    np.testing.assert_array_equal(whole, run(2, learning_rate=[0.1, 0.2]))
    np.testing.assert_array_equal(whole[1], run(6, learning_rate=0.2))
    kicks = (whole - [[[0.81, -1.62]], [[0.64, -1.28]]]) / [[[0.1]], [[0.2]]]
    assert abs(np.corrcoef(kicks[0].ravel(), kicks[1].ravel())[0, 1]) < 0.95


def test_a_stopped_run_goes_on_with_its_keys(tmp_path: Any) -> None:
    """Catches: a typed key that cannot be saved with a block."""
    algorithm = soret.Optax(optax.noisy_sgd(0.1, key=0))
    options = {"steps": 4, "replicas": 2, "record_every": 2}
    first = soret.simulate(STILL, algorithm, observe=theta, out=tmp_path / "run", **options)
    again = soret.simulate(STILL, algorithm, observe=theta, out=tmp_path / "run", **options)
    np.testing.assert_array_equal(first.parameters, again.parameters)


class Unnamed(NamedTuple):
    """Two words that may be a key."""

    words: jax.Array


SHARED = {
    "a key beside the state": (
        lambda: optax.stateless(
            lambda g, p: jax.tree.map(
                lambda x: -x + jax.random.normal(jax.random.key(0), x.shape), g
            )
        ),
        "draws random numbers with a key that is not in its state",
    ),
    "a key folded with the step": (
        lambda: optax.GradientTransformation(
            lambda p: jnp.int32(0),
            lambda g, s, p: (
                jax.random.normal(jax.random.fold_in(jax.random.key(0), s), g.shape),
                s + 1,
            ),
        ),
        "draws random numbers with a key that is not in its state",
    ),
    "words without a name": (
        lambda: optax.GradientTransformation(
            lambda p: Unnamed(jax.random.PRNGKey(0)), lambda g, s, p: (g, s)
        ),
        r"2 words at \.words, which may be a random key; call the field rng_key",
    ),
}


@pytest.mark.parametrize("name", SHARED)
def test_randomness_that_cannot_be_made_ours_is_refused(name: str) -> None:
    """Catches: the same noise in every replica by an optimizer of the user's own."""
    made, message = SHARED[name]
    with pytest.raises(SettingsError, match=message):
        soret.dynamics.check(STILL, soret.Optax(made()), observe=theta, steps=4)


def test_numpy_in_an_update_is_refused() -> None:
    """Catches: one draw of NumPy's compiled into every step."""
    random = np.random.default_rng(0)
    made = optax.stateless(lambda g, p: jax.tree.map(lambda x: -x + random.normal(), g))
    with pytest.raises(SettingsError, match=r"another program each time.*NumPy"):
        soret.dynamics.check(STILL, soret.Optax(made), observe=theta, steps=4)


def test_rare_passages_take_no_noise_of_the_optimizers() -> None:
    """Catches: walkers that start anew from one place and draw the same."""
    with pytest.raises(SettingsError, match="random numbers of its own"):
        rare_passages(
            STILL,
            soret.Optax(optax.noisy_sgd(0.1, key=0)),
            soret.observables.loss,
            [1.0, 2.0],
            core=0.5,
        )


MAKERS = {
    "warm-up and cosine": lambda learning_rate: optax.sgd(
        optax.warmup_cosine_decay_schedule(0.0, learning_rate, 2, 4)
    ),
    "one cycle": lambda learning_rate: optax.sgd(
        optax.cosine_onecycle_schedule(4, float(learning_rate))
    ),
    "a branch": lambda learning_rate: (
        optax.sgd(learning_rate) if learning_rate < 0.15 else optax.adam(learning_rate)
    ),
    "looked up in NumPy": lambda learning_rate: optax.sgd(float(np.round(learning_rate, 2))),
}


@pytest.mark.parametrize("name", some(MAKERS, "warm-up and cosine"))
def test_a_maker_that_looks_at_its_values_spans_a_grid(name: str) -> None:
    """Catches: a TracerBoolConversionError for the grid of peaks that people run."""
    make = MAKERS[name]
    found = walk(soret.Optax(make, learning_rate=[0.1, 0.2]))
    for row, rate in zip(found, (0.1, 0.2), strict=True):
        np.testing.assert_allclose(row, [by_hand(make(rate), 4)] * 3, rtol=2e-5)


def test_only_such_makers_take_a_program_a_point() -> None:
    """Catches: a compilation for every learning rate of Adam."""
    grid = [0.1, 0.2, 0.3]
    for make, programs in ((optax.adam, 1), (MAKERS["warm-up and cosine"], 3)):
        algorithm = soret.Optax(make, learning_rate=grid)
        found = {algorithm.structure({"learning_rate": r, "batch_size": 1}) for r in grid}
        assert len(found) == programs


@pytest.mark.slow
def test_whole_numbers_stay_whole_for_such_makers() -> None:
    """Catches: a number of warm-up steps handed over as a float."""

    def make(warmup: int) -> optax.GradientTransformation:
        assert isinstance(warmup, int | jax.Array)
        return optax.sgd(optax.warmup_cosine_decay_schedule(0.0, 0.1, warmup, 4))

    found = walk(soret.Optax(make, warmup=[1, 2]))
    for row, warmup in zip(found, (1, 2), strict=True):
        np.testing.assert_allclose(row, [by_hand(make(warmup), 4)] * 3, rtol=2e-5)


def test_a_value_that_the_maker_refuses_is_named() -> None:
    """Catches: a grid of which one point fails after the others were run."""
    make = lambda warmup: optax.sgd(  # noqa: E731
        optax.warmup_cosine_decay_schedule(0.0, 0.1, warmup, 4)
    )
    with pytest.raises(SettingsError, match=r"cannot be made with \{'warmup': 9\}"):
        soret.Optax(make, warmup=[2, 9])


def test_a_schedule_is_in_the_description() -> None:
    """Catches: two runs of different schedules that say the same of themselves."""
    made = [soret.Optax(optax.sgd(optax.linear_schedule(0.1, 0.0, n))) for n in (10, 20)]
    one, other = (json.dumps(algorithm.description) for algorithm in made)
    assert one != other
