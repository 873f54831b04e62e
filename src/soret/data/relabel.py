"""The same examples in other classes."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from soret.data.dataset import Dataset
from soret.errors import SettingsError


def even_odd(data: Dataset) -> Dataset:
    """Return the examples in two classes, by whether the number of their class is even.

    Label 1 is even, 0 is odd; a mean-square loss of two classes makes +1 and −1 of them, as the
    paper on power-law escape has it (Sec. 5.1).

    Parameters
    ----------
    data : Dataset
        With classes numbered from 0, such as digits.

    Raises
    ------
    SettingsError
        If there is no class, or only one.
    """
    if len(data.classes) < 2:
        raise SettingsError(
            f"{data.name} has {len(data.classes)} classes; even_odd takes data of at least two."
        )
    return replace(
        data,
        labels=(1 - data.labels % 2).astype(np.int32),
        classes=("odd", "even"),
        description=f"{data.description}, even/odd",
    )


def randomize_labels(
    data: Dataset, fraction: float, seed: int = 0
) -> tuple[Dataset, npt.NDArray[np.bool_]]:
    """Return the examples with a fraction of the labels drawn at random.

    A drawn label is uniform over all classes (Zhang et al. 2017, arXiv:1611.03530), so that one
    in so many is still right.

    Parameters
    ----------
    data : Dataset
        With classes.
    fraction : float
        Share of the examples, between 0 and 1, rounded to whole examples.
    seed : int
        Of which examples, and of their labels; a larger fraction includes a smaller one's.

    Returns
    -------
    data : Dataset
    drawn : (examples,) bool array
        Whose label was drawn.

    Raises
    ------
    SettingsError
        If there are fewer than two classes, or the fraction is out of range.
    """
    if len(data.classes) < 2:
        raise SettingsError(
            f"{data.name} has {len(data.classes)} classes; random labels take at least two."
        )
    if not 0 <= fraction <= 1:
        raise SettingsError(f"fraction is {fraction}; it must lie between 0 and 1.")
    rng = np.random.default_rng(seed)
    rank = rng.permutation(len(data))
    labels = rng.integers(0, len(data.classes), len(data), np.int32)
    drawn = rank < round(fraction * len(data))
    noisy = replace(
        data,
        labels=np.where(drawn, labels, data.labels),
        description=f"{data.description}, {100 * fraction:g} % of the labels random",
    )
    return noisy, drawn
