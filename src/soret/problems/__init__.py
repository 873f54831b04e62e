"""Problems: loss surfaces with data, Soret's own and yours."""

from soret.problems.conv import conv
from soret.problems.conv_stack import Stack, conv_stack
from soret.problems.dense import dense
from soret.problems.initialization import Glorot, He, Initialization, LeCun, Normal, PyTorch
from soret.problems.linear_regression import (
    RegressionStatistics,
    linear_regression,
    regression_statistics,
)
from soret.problems.losses import binary_cross_entropy, cross_entropy, mean_square
from soret.problems.model_checks import ModelWarning
from soret.problems.problem import Batch, Params, Problem
from soret.problems.random_walk import random_walk
from soret.problems.smoothing import label_smoothing
from soret.problems.start import starting_from
from soret.problems.surface import surface
from soret.problems.two_layer import two_layer
from soret.problems.wells import (
    DoubleWell,
    FunnelWells,
    TiltedDoubleWell,
    Well,
    WideAndNarrowWells,
)

__all__ = [
    "Batch",
    "DoubleWell",
    "FunnelWells",
    "Glorot",
    "He",
    "Initialization",
    "LeCun",
    "ModelWarning",
    "Normal",
    "Params",
    "Problem",
    "PyTorch",
    "RegressionStatistics",
    "Stack",
    "TiltedDoubleWell",
    "Well",
    "WideAndNarrowWells",
    "binary_cross_entropy",
    "conv",
    "conv_stack",
    "cross_entropy",
    "dense",
    "label_smoothing",
    "linear_regression",
    "mean_square",
    "random_walk",
    "regression_statistics",
    "starting_from",
    "surface",
    "two_layer",
]
