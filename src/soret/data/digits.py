"""The digits bundled with scikit-learn: a real data set that needs no download."""

import numpy as np

from soret.data.collection import describe
from soret.data.dataset import Dataset

SPLITS = ("train", "test")

_TEST_EVERY = 5


def load_digits(split: str) -> Dataset:
    """Read the 1,797 handwritten digits, 8x8 pixels, that come with scikit-learn.

    The split is fixed: within each class, in the order of the file, every fifth image belongs to
    the test split. So both splits have nearly the same share of each class (a fifth of *all*
    images would not: the labels of the file recur with period ten), and no random number
    decides. There are 1,442 training and 355 test images.

    Parameters
    ----------
    split
        ``"train"`` or ``"test"``.

    Returns
    -------
    dataset
        Inputs of shape ``(examples, 8, 8)``; the file's 17 grey levels are scaled to [0, 1].
    """
    # Not at the top: importing scikit-learn takes about a second.
    from sklearn import datasets

    bundled = datasets.load_digits()
    labels = bundled.target.astype(np.int32)
    in_test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        in_test[np.flatnonzero(labels == label)[_TEST_EVERY - 1 :: _TEST_EVERY]] = True
    chosen = in_test if split == "test" else ~in_test
    count = int(chosen.sum())
    return Dataset(
        name="digits",
        inputs=(bundled.images[chosen] / 16).astype(np.float32),
        labels=labels[chosen],
        classes=tuple("0123456789"),
        description=describe("Digits of scikit-learn", count, count, split),
        split=split,
    )
