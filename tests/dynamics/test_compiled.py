"""Programs compiled once: what counts as the same one, and what must not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from soret.dynamics.compiled import Compiled

X = jax.ShapeDtypeStruct((3,), jnp.float32)
ONES = np.ones(3, np.float32)


def compilations(calls: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> int:
    """Count the programs that calls compile."""
    found, compile = [], jax.stages.Lowered.compile

    def counted(self: jax.stages.Lowered, *args: object) -> jax.stages.Compiled:
        found.append(self)
        return compile(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(jax.stages.Lowered, "compile", counted)
    calls()
    return len(found)


def called(function: Callable[..., object], **options: object) -> object:
    return Compiled(function, X, options=options)(jax.devices()[0], ONES)


def test_the_same_program_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds for every further seed, and for taking a run up again; or another run's data."""
    made = []

    def plus(constant: jax.Array) -> Callable[[jax.Array], jax.Array]:
        return lambda x: x + constant * 17

    def calls() -> None:
        made.extend(called(plus(jnp.full(3, value))) for value in (11.0, 12.0))

    assert compilations(calls, monkeypatch) == 1
    np.testing.assert_array_equal(made, np.outer([188, 205], ONES))


def test_threads_do_not_compile_the_same_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every batch size of a scan with a compilation of the start, which they share."""

    def calls() -> None:
        with ThreadPoolExecutor(3) as pool:
            made = list(pool.map(lambda _: called(lambda x: x * 23), range(3)))
        np.testing.assert_array_equal(made, 23 * np.ones((3, 3)))

    assert compilations(calls, monkeypatch) == 1


def test_what_cannot_be_compiled_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A want of memory that is over, remembered for ever."""

    def refuse(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(jax.stages.Lowered, "compile", refuse)
        with pytest.raises(MemoryError):
            called(lambda x: x * 29)
    np.testing.assert_array_equal(called(lambda x: x * 29), 29 * ONES)


def test_other_programs_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results under another's names, or of another optimization level."""
    made = []

    def calls() -> None:
        made.append(called(lambda x: {"a": x * 19, "b": x}))
        made.append(called(lambda x: {"a": x * 19, "c": x}))
        made.append(called(lambda x: {"a": x * 19, "c": x}, xla_backend_optimization_level=0))

    assert compilations(calls, monkeypatch) == 3
    assert [sorted(one) for one in made] == [["a", "b"], ["a", "c"], ["a", "c"]]


def test_calls_back_into_python_are_not_mistaken_for_each_other() -> None:
    """A model that calls a Python function, given another model's."""

    def back(function: Callable[[np.ndarray], np.ndarray]) -> object:
        return called(lambda x: jax.pure_callback(function, X, x))

    np.testing.assert_array_equal(back(lambda x: np.float32(2) * x), 2 * ONES)
    np.testing.assert_array_equal(back(lambda x: np.float32(3) * x), 3 * ONES)
