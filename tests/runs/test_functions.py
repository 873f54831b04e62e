"""A user's function in a saved run: the same words in every process, other words for another."""

import functools
import json
import subprocess
import sys

import jax
import optax
import pytest

from soret.problems import losses
from soret.runs.functions import described, plain


class Scaled:
    """An object that can be called."""

    def __call__(self, x: float) -> float:
        return 2 * x


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (optax.adam, "optax.adam"),
        (optax.contrib.sophia, "optax.contrib.sophia"),
        (jax.nn.gelu, "jax.nn.gelu"),
        (losses.cross_entropy, "soret.problems.cross_entropy"),
        (Scaled(), f"{__name__}.Scaled"),
        (Scaled().__call__, f"{__name__}.Scaled.__call__"),
        (functools.partial(optax.adam, b1=0.5), "optax.adam"),
    ],
)
def test_name_is_the_one_that_is_imported(function: object, name: str) -> None:
    """Catches: a private path, or the name of a type, where a user wrote ``optax.adam``."""
    assert described(function)["name"] == name  # type: ignore[arg-type]


def test_digest_tells_two_functions_of_one_name_apart() -> None:
    """Catches: two losses called ``own`` that a saved run cannot tell apart."""

    def first():
        def own(x: float) -> float:
            return 2 * x

        return own

    def second():
        def own(x: float) -> float:
            return 3 * x

        return own

    assert described(first())["sha256"] != described(second())["sha256"]
    assert described(first()) == described(first())


def test_arguments_of_a_partial_are_said() -> None:
    """Catches: ``partial(adam, b1=0.5)`` recorded as plain adam."""
    assert described(functools.partial(optax.adam, b1=0.5))["arguments"] == {"b1": 0.5}


def test_no_source_is_no_error() -> None:
    """Catches: a function of C, or typed into an interpreter, that stops a run."""
    assert described(max) == {"name": "builtins.max"}
    made: dict[str, object] = {}
    exec("def typed(x): return x", made)
    assert "sha256" not in described(made["typed"])  # type: ignore[arg-type]


def test_the_same_in_another_process() -> None:
    """Catches: an address in memory within what a saved run is compared by."""
    code = (
        "import json, optax; from soret.runs.functions import plain;"
        "s = optax.warmup_cosine_decay_schedule(0.0, 0.1, 2, 4);"
        "print(json.dumps(plain([s, optax.adam, object(), optax.add_noise(0.1, 0.5, 3)])))"
    )
    one = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    schedule = optax.warmup_cosine_decay_schedule(0.0, 0.1, 2, 4)
    here = plain([schedule, optax.adam, object(), optax.add_noise(0.1, 0.5, 3)])
    assert json.loads(one.stdout) == here
    assert '"init_value": 0.1' in one.stdout
