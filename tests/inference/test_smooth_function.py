"""Functions of means: the identity's interval is Student's, and nothing is told from nothing."""

import numpy as np
import pytest
from scipy import stats

from soret.errors import InferenceError, SettingsError
from soret.inference import function_of_means


def log_rate(means):
    return np.log(means[..., 0] / means[..., 1])


def test_of_the_identity_it_is_students_interval():
    """Catches: pseudo-values of another mean."""
    values = np.random.default_rng(0).exponential(size=(12, 1))
    found, interval = function_of_means(lambda means: means[..., 0], values)
    mean, error = values.mean(), stats.sem(values[:, 0])
    assert found == pytest.approx(mean, rel=1e-14)
    assert interval == pytest.approx(stats.t.interval(0.95, 11, mean, error), rel=1e-12)


def test_columns_that_err_together_are_taken_so():
    """Catches: errors added as if columns were independent, where their ratio has hardly any."""
    rng = np.random.default_rng(1)
    one = rng.exponential(size=40)
    found, (low, high) = function_of_means(
        log_rate, np.stack([2 * one + 0.001 * rng.random(40), one], axis=1)
    )
    assert found == pytest.approx(np.log(2), abs=0.01)
    assert high - low < 0.005


def test_of_many_it_is_the_delta_methods():
    """Catches: a width off by a factor: 5,000 events leave 2.8 % of a rate, and of the width."""
    rng = np.random.default_rng(2)
    times = rng.exponential(size=5000)
    _, (low, high) = function_of_means(log_rate, np.stack([np.ones(5000), times], axis=1))
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(5000), rel=0.15)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.ones((7, 2)), "at least 8 replicas, not 7"),
        (np.ones(9), "of shape"),
        (np.full((9, 2), np.nan), "finite"),
        (np.zeros((9, 2)), "not finite at the means"),
        (np.eye(9)[:, :2] + [0.0, 1.0], "not finite at the means"),
    ],
)
def test_what_has_no_answer_is_refused(values, words):
    """Catches: an interval of one event, or NaN."""
    with pytest.raises(InferenceError, match=words):
        function_of_means(log_rate, values)


def test_functions_and_settings_that_do_not_fit_are_refused():
    """Catches: a function of one vector of means that is applied to a matrix of them."""
    values = np.random.default_rng(3).random((9, 2))
    with pytest.raises(InferenceError, match="must take means"):
        function_of_means(lambda means: means.sum(), values)
    with pytest.raises(SettingsError, match="confidence"):
        function_of_means(log_rate, values, confidence=1.0)
