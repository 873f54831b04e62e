"""Initializations by name: the distributions that the field means by them.

Bounds on variances are five deviations wide: 6e-7 is the probability to refuse a correct one.
"""

import jax
import numpy as np
import pytest
from scipy import stats

from soret.errors import SettingsError
from soret.problems import Glorot, He, LeCun, Normal, PyTorch
from soret.problems.initialization import Initialization, as_initialization

OUTPUTS, INPUTS = 300, 200
KEY = jax.random.key(12)


@pytest.mark.parametrize(
    ("name", "shape", "scale"),
    [
        ("pytorch", "uniform", INPUTS**-0.5),
        ("glorot", "uniform", (6 / (INPUTS + OUTPUTS)) ** 0.5),
        ("lecun", "norm", INPUTS**-0.5),
        ("he", "norm", (2 / INPUTS) ** 0.5),
        ("normal", "norm", 1.0),
        ("normal:0.01", "norm", 0.01),
    ],
)
def test_weights(name: str, shape: str, scale: float) -> None:
    """Weights of another width, or with inputs and outputs mixed up."""
    W = np.asarray(as_initialization(name).weight(KEY, OUTPUTS, INPUTS), np.float64)
    assert W.shape == (OUTPUTS, INPUTS)
    scaled = W.reshape(-1) / scale
    if shape == "uniform":
        scaled = (scaled + 1) / 2
    assert stats.kstest(scaled, shape).pvalue > 1e-6
    kurtosis, deviation = (3, 1) if shape == "norm" else (1.8, 12**-0.5)
    error = deviation**2 * np.sqrt((kurtosis - 1) / scaled.size)
    assert abs(scaled.var() - deviation**2) < 5 * error


@pytest.mark.parametrize(
    ("init", "largest"),
    [(PyTorch(), INPUTS**-0.5), (Glorot(), 0.0), (LeCun(), 0.0), (He(), 0.0), (Normal(0.1), 0.7)],
)
def test_biases(init: Initialization, largest: float) -> None:
    """Biases where there should be none, or none where there should be some."""
    b = np.asarray(init.bias(KEY, OUTPUTS, INPUTS))
    assert b.shape == (OUTPUTS,)
    assert np.abs(b).max() <= largest
    assert (b.std() > 0) == (largest > 0)


def test_pytorch_is_what_pytorch_does() -> None:
    """A default of torch.nn.Linear that has changed: same bounds and shapes of both."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = torch.nn.Linear(INPUTS, OUTPUTS)
    for one, other in (
        (theirs.weight, PyTorch().weight(KEY, OUTPUTS, INPUTS)),
        (theirs.bias, PyTorch().bias(KEY, OUTPUTS, INPUTS)),
    ):
        ours = np.asarray(other)
        assert tuple(one.shape) == ours.shape
        found = stats.ks_2samp(one.detach().numpy().reshape(-1), ours.reshape(-1))
        assert found.pvalue > 1e-6


def test_objects_pass_through() -> None:
    """An initialization of the user's own that is not used."""
    own = Normal(0.3)
    assert as_initialization(own) is own


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_bad_scales_are_refused(scale: float) -> None:
    """A network that starts at zero and never leaves it."""
    with pytest.raises(SettingsError, match="scale"):
        Normal(scale)
