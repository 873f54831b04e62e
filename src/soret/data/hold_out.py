"""Examples held out of training, to validate on."""

import numpy as np

from soret.data.augmentation import without_augmentation
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
        Each in the order that the examples had. Only the first is augmented, if `data` is.

    Raises
    ------
    SettingsError
        If the number is out of range.
    """
    whole = isinstance(examples, int | np.integer) and not isinstance(examples, bool)
    if not whole or not 1 <= examples < len(data):
        raise SettingsError(
            f"hold_out({examples!r}) of data set {data.name!r} is out of range; it should be "
            f"a whole number between 1 and {len(data) - 1}"
        )
    held = np.random.default_rng(seed).permutation(len(data)) < examples

    def part(data: Dataset, chosen: np.ndarray, note: str, split: str) -> Dataset:
        about = f"{data.description}, {int(chosen.sum()):,} of them {note}"
        return data.select(chosen, about, split)

    # What is measured on is not augmented.
    return part(data, ~held, "trained on", data.split), part(
        without_augmentation(data), held, "held out", "validation"
    )
