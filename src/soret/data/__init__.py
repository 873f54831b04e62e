"""Data: readers of the data sets that SGD runs on.

>>> from soret import data
>>> digits = data.load("digits")
>>> digits.inputs.shape
(1442, 8, 8)
"""

from soret.data.augmentation import augmented
from soret.data.dataset import Dataset
from soret.data.hold_out import hold_out
from soret.data.lookup import available, is_here, load, load_or_digits
from soret.data.relabel import even_odd, randomize_labels
from soret.data.streams import FromFunction, Gaussian, GaussianRegression, Stream, Uniform
from soret.data.subsets import random_subset, subset

__all__ = [
    "Dataset",
    "FromFunction",
    "Gaussian",
    "GaussianRegression",
    "Stream",
    "Uniform",
    "augmented",
    "available",
    "even_odd",
    "hold_out",
    "is_here",
    "load",
    "load_or_digits",
    "random_subset",
    "randomize_labels",
    "subset",
]
