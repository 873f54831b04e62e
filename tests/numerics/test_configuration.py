"""The user's own options of JAX: they change no number, raise no error, and stay as they are."""

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import soret
from soret.errors import SettingsError
from soret.observables import State
from soret.theory import langevin

# Options that mean something to a program, at values that nobody has by default.
OPTIONS: list[tuple[str, Any]] = [
    ("jax_debug_nans", True),
    ("jax_debug_infs", True),
    ("jax_disable_jit", True),
    ("jax_enable_x64", True),
    ("jax_numpy_rank_promotion", "raise"),
    ("jax_numpy_dtype_promotion", "strict"),
    ("jax_default_matmul_precision", "bfloat16"),
    ("jax_default_prng_impl", "rbg"),
    ("jax_threefry_partitionable", False),
    ("jax_enable_custom_prng", True),
    ("jax_legacy_prng_key", "error"),
    ("jax_debug_key_reuse", True),
    ("jax_check_tracer_leaks", True),
    ("jax_transfer_guard", "disallow"),
    ("jax_softmax_custom_jvp", True),
    ("jax_no_tracing", True),
    ("jax_enable_checks", True),
    ("jax_use_direct_linearize", False),
    ("jax_allow_f16_reductions", False),
    ("jax_numpy_rank_promotion", "warn"),
    ("jax_default_prng_impl", "unsafe_rbg"),
    ("jax_default_matmul_precision", "highest"),
]
# Options that tell or store something.
TELLING: dict[str, Any] = {
    "jax_log_compiles": True,
    "jax_explain_cache_misses": True,
    "jax_traceback_filtering": "off",
    "jax_include_full_tracebacks_in_locations": False,
}


@contextmanager
def option(name: str, value: Any) -> Iterator[None]:
    """Set an option for the process, as a user does, and put it back."""
    before = jax.config.values[name]
    jax.config.update(name, value)
    everything = dict(jax.config.values)
    try:
        yield
        assert dict(jax.config.values) == everything, "the user's own options were changed"
    finally:
        jax.config.update(name, before)


def sample(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    x = jax.random.normal(key, (3,)) + jax.random.uniform(jax.random.PRNGKey(3), (3,))
    return x, (x[0] > 0).astype(jnp.int32)


def predict(params: Any, x: jax.Array) -> jax.Array:
    # Ranks and types are promoted; the softmax has a derivative that an option changes.
    return (jax.nn.softmax(x @ params["w"] + params["b"]) * jnp.arange(2)).sum() + np.int32(0)


def logits(problem: soret.Problem, state: State) -> jax.Array:
    return state.params["w"].reshape(-1) + jnp.ones((1, 1))[0]


def problem() -> soret.Problem:
    return soret.Problem(
        init=lambda key: {"w": jax.random.normal(key, (3, 2), "f4"), "b": jnp.zeros(1, "f4")},
        predict=predict,
        loss="mean_square",
        data=soret.data.FromFunction(sample),
        name="own",
    )


def classes() -> soret.Problem:
    rng = np.random.default_rng(1)
    data = soret.Dataset("points", rng.normal(size=(30, 2)), rng.integers(0, 2, 30), ("a", "b"))
    return soret.problems.dense(hidden=(2,), data=data)


def ensemble() -> xr.Dataset:
    measures = soret.observables
    return soret.simulate(
        problem(),
        soret.SGD([0.1, 0.2], batch_size=2, momentum=0.9, weight_decay=0.01),
        observe=[
            logits,
            measures.parameters,
            measures.loss_over(2),
            measures.gradient_variance_over(2),
        ],
        steps=6,
        replicas=2,
        record_every=3,
    )


def diverging() -> xr.Dataset:
    line = soret.problems.surface(lambda x: 0.5 * x @ x, start=[1.0, -2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", soret.DivergenceWarning)
        return soret.simulate(
            line,
            soret.SGD([3.0, 0.1]),
            observe=soret.observables.parameters,
            watch=soret.FirstPassage(lambda p, s: s.params.sum(), [1.0]),
            steps=300,
            replicas=2,
            record_every=100,
        )


def landscape() -> list[Any]:
    """Return what is measured at a point."""
    at, lab = classes(), soret.landscape
    params = at.unflatten(np.linspace(-1, 1, 9, dtype=np.float32))
    flat = np.linspace(-1, 1, 9)
    inputs, labels = at.data.inputs, at.data.labels
    return [
        lab.hessian(at, params).top(2).values,
        lab.gradient_noise(at, params).trace,
        lab.gradient_variance(at, params, inputs, labels),
        lab.evaluate(at, [flat]).loss,
    ]


def rest_of_landscape() -> list[Any]:
    """Return what else is measured at a point, by the same ways to products and gradients."""
    at, lab = classes(), soret.landscape
    params = at.unflatten(np.linspace(-1, 1, 9, dtype=np.float32))
    inputs, labels = at.data.inputs, at.data.labels
    return [
        lab.hessian(at, params).trace(samples=4).value,
        lab.gauss_newton(at, params).top(2).values,
        lab.gradient_noise(at, params).diagonal,
        lab.noise_strength(at, params, inputs, labels),
        *lab.flatness(at, [np.linspace(-1, 1, 9)], samples=2, iterations=2),
    ]


def theory() -> xr.Dataset:
    bowl = langevin.overdamped(lambda x: 0.5 * x @ x, langevin.isotropic_noise(0.1))
    return langevin.integrate(bowl, np.ones(2), step=0.01, steps=4, replicas=2, seed=3)


WORK: list[Callable[[], Any]] = [ensemble, diverging, landscape, theory]
ALL_WORK = [*WORK, rest_of_landscape]


def numbers(made: Any) -> list[np.ndarray]:
    if isinstance(made, xr.Dataset):
        return [variable.values for variable in made.variables.values()]
    return [np.asarray(leaf) for leaf in jax.tree.leaves(made) if not callable(leaf)]


@pytest.fixture(scope="module")
def usual() -> dict[str, list[np.ndarray]]:
    """Return the numbers under JAX's own options."""
    return {work.__name__: numbers(work()) for work in WORK}


@pytest.fixture(scope="module")
def all_usual(usual: dict[str, list[np.ndarray]]) -> dict[str, list[np.ndarray]]:
    """Return the same, and the rest of the landscape."""
    return usual | {rest_of_landscape.__name__: numbers(rest_of_landscape())}


def check(usual: dict[str, list[np.ndarray]]) -> None:
    made = {work.__name__: numbers(work()) for work in ALL_WORK if work.__name__ in usual}
    for work, expected in usual.items():
        for here, there in zip(made[work], expected, strict=True):
            assert here.dtype == there.dtype
            np.testing.assert_array_equal(here, there, err_msg=work)


@pytest.mark.parametrize("work", ["usual", pytest.param("all_usual", marks=pytest.mark.slow)])
def test_all_options_together_change_no_number(work: str, request: pytest.FixtureRequest) -> None:
    """Catches: other numbers, or an error from inside, where the user has set an option."""
    expected = request.getfixturevalue(work)
    with ExitStack() as settings:
        for name, value in dict(OPTIONS).items():
            settings.enter_context(option(name, value))
        check(expected)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), OPTIONS)
def test_an_option_changes_no_number(
    name: str, value: Any, all_usual: dict[str, list[np.ndarray]]
) -> None:
    """Catches: an option that another one hides."""
    with option(name, value):
        check(all_usual)


@pytest.mark.parametrize("name", TELLING)
@pytest.mark.slow
def test_an_option_that_tells_something_changes_no_number(
    name: str, usual: dict[str, list[np.ndarray]], caplog: pytest.LogCaptureFixture
) -> None:
    """Catches: an option of logging that ends a run."""
    with option(name, TELLING[name]), caplog.at_level(logging.CRITICAL):
        made = numbers(diverging())
    for here, there in zip(made, usual["diverging"], strict=True):
        np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jax_random_seed_offset", 5),
        ("eager_constant_folding", True),
        ("jax_disable_most_optimizations", True),
        ("jax_high_dynamic_range_gumbel", True),
    ],
)
def test_an_option_that_nobody_can_set_for_a_time_is_refused(name: str, value: Any) -> None:
    """Catches: other random numbers of the same seed, and nothing said."""
    with option(name, value), pytest.raises(SettingsError, match=f"set it back.*{name}"):
        problem()
    with option(name, value), pytest.raises(SettingsError, match=name):
        theory()


@pytest.mark.parametrize("name", ["jax_debug_nans", "jax_enable_x64", "jax_disable_jit"])
def test_options_are_the_users_after_an_error(name: str) -> None:
    """Catches: Soret's own options left behind by an observable that fails."""

    def fails(problem: soret.Problem, state: State) -> jax.Array:
        raise ZeroDivisionError("of the user's")

    with option(name, True):
        with pytest.raises(soret.SoretError, match="of the user's"):
            soret.simulate(classes(), soret.SGD(0.1), observe=fails, steps=2, replicas=1)
        assert jax.config.values[name] is True
        assert jax.numpy.ones(1).dtype == ("float64" if name == "jax_enable_x64" else "float32")


def test_between_two_batches_the_options_are_the_users() -> None:
    """Catches: Soret's options left to whoever asked for the next batch, or never asked again."""
    from soret.landscape.point import point
    from soret.landscape.products import Batches

    at = classes()
    here = point(at, at.unflatten(np.zeros(9, np.float32)))
    parts = Batches(here).each(lambda batch: batch[0])
    with option("jax_enable_x64", True):
        next(parts)
        assert jnp.ones(1).dtype == "float64"
        parts.close()
        assert jnp.ones(1).dtype == "float64"


_SCRIPT = """
import sys, warnings
import numpy as np
import test_configuration as options

warnings.simplefilter("ignore")  # JAX says which entries of a damaged cache it leaves out
np.savez(sys.argv[1], *options.numbers(options.ensemble()))
"""


@pytest.mark.slow
def test_a_cache_of_compiled_programs_changes_no_number(
    usual: dict[str, list[np.ndarray]], tmp_path: Path
) -> None:
    """Catches: a program of JAX's cache on disk that is another one, or a damaged one run."""
    cache, saved = tmp_path / "cache", tmp_path / "numbers.npz"
    cache.mkdir()
    own = {
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    for state in ("empty", "full", "damaged"):
        if state == "damaged":
            entries = list(cache.rglob("*-cache"))
            assert entries
            for entry in entries:
                entry.write_bytes(b"not a program")
        subprocess.run(
            [sys.executable, "-c", _SCRIPT, saved],
            env={**os.environ, **own, "PYTHONPATH": paths},
            timeout=300,
            check=True,
        )
        assert any(cache.iterdir())
        with np.load(saved) as there:
            for expected, name in zip(usual["ensemble"], there.files, strict=True):
                np.testing.assert_array_equal(there[name], expected, err_msg=state)
