"""The same examples in other classes."""

import numpy as np

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
    return Dataset(
        name=data.name,
        inputs=data.inputs,
        labels=(1 - data.labels % 2).astype(np.int32),
        classes=("odd", "even"),
        description=f"{data.description}, even/odd",
        split=data.split,
    )
