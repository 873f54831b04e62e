"""Examples held out of training, to validate on."""

import numpy as np

from soret.data.dataset import Dataset
from soret.errors import SettingsError


def hold_out(data: Dataset, examples: int, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Divide a data set at random into what is trained on, and examples to validate on.

    Parameters
    ----------
    data : Dataset
    examples : int
        How many to hold out; at least one is left.
    seed : int

    Returns
    -------
    training, validation : Dataset
        Each in the order that the examples had.

    Raises
    ------
    SettingsError
        If the number is out of range.
    """
    if not 1 <= examples < len(data):
        raise SettingsError(
            f"hold_out({examples}) of data set {data.name!r} is out of range; it should be "
            f"between 1 and {len(data) - 1}"
        )
    held = np.random.default_rng(seed).permutation(len(data)) < examples

    def part(chosen: np.ndarray, note: str, split: str) -> Dataset:
        return Dataset(
            name=data.name,
            inputs=data.inputs[chosen],
            labels=data.labels[chosen],
            classes=data.classes,
            description=f"{data.description}, {int(chosen.sum()):,} of them {note}",
            split=split,
        )

    return part(~held, "trained on", data.split), part(held, "held out", "validation")
