"""The examples that a problem is measured on: drawn at random, the same in every run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from soret.data import Dataset, Stream
from soret.data.subsets import random_subset, whole_number

EXAMPLES = 2048
"""How many, unless told otherwise."""

# Streams are drawn from with a key of their own, so that measuring never meets what a run is
# trained on. The seed is added to the second word.
_KEY = (0x50524F42, 0x45)


@dataclass(frozen=True)
class Drawn:
    """Which examples were looked at.

    Attributes
    ----------
    examples : int
        How many.
    of : int or None
        Of how many; None where they come from a stream.
    how : str
        How they were chosen, in words.
    """

    examples: int
    of: int | None
    how: str

    @property
    def attributes(self) -> dict[str, Any]:
        """What a variable measured on them says of them."""
        known = {} if self.of is None else {"of": self.of}
        return {"examples": self.examples, **known, "drawn": self.how}


def draw(
    data: Dataset | Stream, n: int, seed: int, programs: dict[int, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and labels of `Problem.evaluation_batch`.

    `programs` keeps what draws so many examples of a stream: each observable draws whenever it is
    traced, and JAX itself would compile anew within each trace.
    """
    n = whole_number(n, "n", 1)
    seed = whole_number(seed, "seed", 0, 2**32 - 1)
    if isinstance(data, Dataset):
        note(drawn_from(data, n, seed))
        if n >= len(data):
            return data.inputs, data.labels
        chosen = random_subset(len(data), n, seed)
        return data.inputs[chosen], data.labels[chosen]
    note(drawn_from(data, n, seed))
    if n not in programs:
        # As one program: operation by operation takes a compilation each. And traced before
        # anything is evaluated: counters of random bits would become constants.
        shape = jax.ShapeDtypeStruct((2,), jnp.uint32)
        programs[n] = jax.jit(data.draw, static_argnums=2).lower(shape, 0, n).compile()
    with jax.ensure_compile_time_eval():
        key = jnp.array((_KEY[0], (_KEY[1] + seed) % 2**32), jnp.uint32)
        inputs, labels = programs[n](key, 0)
        return np.asarray(inputs), np.asarray(labels)


def drawn_from(data: Dataset | Stream, n: int, seed: int) -> Drawn:
    """Return what is to be said of n examples that are drawn from data."""
    if not isinstance(data, Dataset):
        return Drawn(n, None, f"from the stream, seed {seed}")
    if n >= len(data):
        return Drawn(len(data), len(data), "all")
    return Drawn(n, len(data), f"at random without replacement, seed {seed}")


_heard: ContextVar[list[Drawn] | None] = ContextVar("examples drawn", default=None)


def note(drawn: Drawn) -> None:
    """Tell whoever listens which examples are looked at."""
    heard = _heard.get()
    if heard is not None and drawn not in heard:
        heard.append(drawn)


@contextmanager
def listening() -> Iterator[list[Drawn]]:
    """Collect what is drawn meanwhile, each thing once; as an observable is traced."""
    heard: list[Drawn] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def attributes(drawn: Sequence[Drawn]) -> dict[str, Any]:
    """Return what a variable says of the examples it was measured on; nothing if there are none."""
    if len(drawn) < 2:
        return drawn[0].attributes if drawn else {}
    # An observable that looks at several batches: one line on each.
    lines = [f"{d.examples}{'' if d.of is None else f' of {d.of}'} ({d.how})" for d in drawn]
    return {"drawn": "; ".join(lines)}
