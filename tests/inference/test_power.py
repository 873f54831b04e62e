"""The power that means follow, of either sign."""

import numpy as np
import pytest

from soret.errors import InferenceError
from soret.inference import mean_power

X = np.array([0.1, 0.05, 0.025])


def drifts(power, *, noise=0.02, replicas=20, sign=-1.0):
    rng = np.random.default_rng(0)
    return X**power * (sign + noise * rng.normal(size=(replicas, 3)))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_power_is_found_in_any_unit(sign):
    """Catches: the logarithm of a negative mean, or squares that underflow."""
    power, interval = mean_power(X, drifts(2.0, sign=sign))
    assert power == pytest.approx(2, abs=0.05)
    assert interval[0] < power < interval[1]
    for unit in (1e-200, 1e200):
        other, ends = mean_power(X, unit * drifts(2.0, sign=sign))
        assert other == pytest.approx(power)
        np.testing.assert_allclose(ends, interval, rtol=1e-9)


def test_two_places_have_the_ratio_of_their_means():
    """Catches: weights that matter where they cannot."""
    y = drifts(2.0)[:, :2]
    exact = np.log(y[:, 0].mean() / y[:, 1].mean()) / np.log(2)
    assert mean_power(X[:2], y)[0] == pytest.approx(exact)


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (X, drifts(2.0, sign=0.0, noise=1.0), "told from zero"),
        (X, drifts(2.0) * [-1, 1, 1], "differ in sign"),
        (X[:1], drifts(2.0)[:, :1], "two values"),
        (X, drifts(2.0)[:7], "at least 8 replicas"),
        (X, drifts(2.0) * [np.nan, 1, 1], "finite"),
        (X, np.ones((9, 3)), "alike"),
        (X, np.ones((9, 2)), "of shape"),
        (-X, drifts(2.0), "positive"),
    ],
)
def test_what_has_no_power_is_refused(x, y, says):
    """Catches: an exponent of noise, or of too few replicas for its interval."""
    with pytest.raises(InferenceError, match=says):
        mean_power(x, y)
