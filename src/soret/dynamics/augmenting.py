"""Mini-batches whose examples are augmented as they are drawn."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Array, UInt32

from soret.data import Dataset
from soret.data.augmentation import example_keys, step_keys
from soret.data.generator import Key
from soret.problems import Batch


@dataclass(frozen=True)
class Augmented:
    """Batches of another sampler, with the data set's augmentation.

    A handle is the indices of a step and the key that its examples' keys are made of, which is of
    the replica and the step alone.
    """

    data: Dataset
    indices: Any

    @property
    def longest(self) -> int:
        """The most steps that may be drawn at once."""
        return int(self.indices.longest)

    def prepare(self, key: Key, step: Array) -> Any:
        """Return what the other sampler carries."""
        return self.indices.prepare(key, step)

    def draw(self, carry: Any, key: Key, steps: UInt32[Array, "steps"]) -> tuple[Any, Any]:
        """Draw the indices of the steps, and a key for each step."""
        carry, indices = self.indices.draw(carry, key, steps)
        return carry, (indices, step_keys(key, steps))

    def gather(self, handle: tuple[Array, Key]) -> Batch:
        """Look the examples up, and augment each."""
        indices, key = handle
        assert self.data.augmentation is not None
        _, labels = self.indices.gather(indices)
        keys = example_keys(key, indices.shape[0])
        return self.data.augmentation(self.data.inputs, indices, keys), labels
