"""What is outside the theory of escape is refused."""

import numpy as np
import pytest

from soret.errors import OutsideDomain
from soret.theory import escape


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: escape.noise_covariance(-1.0, np.eye(2), 0.1, 1),
        lambda: escape.noise_covariance(1.0, np.diag([1.0, -1.0]), 0.1, 1),
        lambda: escape.noise_covariance(1.0, [[1.0, 2.0], [0.0, 1.0]], 0.1, 1),
        lambda: escape.noise_covariance(1.0, np.eye(2), 0.1, 11, examples=10),
        lambda: escape.noise_covariance(1.0, np.eye(2), np.nan, 1),
        lambda: escape.regression_noise_covariance([1.0], np.eye(2), 1.0, 0.1, 1),
        lambda: escape.escape_rate(1.0, 0.9, 1.0, -1.0, 0.1, 1),
        lambda: escape.escape_rate(0.0, 0.9, 1.0, -1.0, 0.1, 1),
        lambda: escape.escape_rate(1.0, 2.0, 1.0, 1.0, 0.1, 1),
        lambda: escape.escape_rate(1.0, 2.0, 1.0, -1.0, 0.1, 1, dimension=22),
        lambda: escape.regression_escape_exponent(0.1, 1, 1.0, 23),
        lambda: escape.kramers_rate(1.0, 1.0, -1.0, 0.0),
        lambda: escape.critical_dimension(0.1, 0.5),
        lambda: escape.stationary_law(0.0, 0.1, 1),
        lambda: escape.stationary_law(0.5, 0.1, 1, dimension=1.5),
        lambda: escape.stationary_law(0.5, 0.5, 1).moment(5),
        lambda: escape.stationary_law(0.5, 0.5, 1).radius_at(0.9),
        lambda: escape.changed_time([0, 1, 1], [1, 1, 1]),
        lambda: escape.changed_time([0, 1], [1, 0]),
        lambda: escape.changed_time([0, 1], [1, 1, 1]),
        lambda: escape.density_in_time([0, 0], [1, 1], [1, 1]),
    ],
)
def test_what_is_outside_the_theory_is_refused(wrong):
    """A number returned where there is none."""
    with pytest.raises(OutsideDomain):
        wrong()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: escape.kesten_exponent(3.0, 1),
        lambda: escape.kesten_exponent(0.1, 1.5),
        lambda: escape.kesten_exponent_of([0.5, -1.0]),
        lambda: escape.kesten_exponent_of([3.0, 2.0]),
        lambda: escape.kesten_exponent_of([3.0, 0.1], [1.0]),
        lambda: escape.multiplier_moment(-1, 0.1, 1),
        lambda: escape.recursion_law(0.0, 0.1, 1),
        lambda: escape.recursion_law(0.5, 3.0, 1),
        lambda: escape.recursion_law(0.5, 0.5, 1, farthest=5, cells=50).density_at(6.0),
        lambda: escape.recursion_passage_steps(1.0, 0.1, 1),
        lambda: escape.recursion_passage_steps(50.0, 0.01, 10, cells=40),
        lambda: escape.recursion_passage_steps(1.5, 0.002, 1, cells=420),
        lambda: escape.recursion_law(0.5, 0.01, 10, farthest=20, cells=40),
        lambda: escape.mean_first_passage_time(np.cos, np.ones_like, 2.0, 0.0, 1.0),
        lambda: escape.mean_first_passage_time(
            np.cos, np.ones_like, 0.0, 0.0, 1.0, "reflecting", "reflecting"
        ),
        lambda: escape.mean_first_passage_time(np.cos, np.sin, 0.0, -1.0, 1.0),
        lambda: escape.mean_first_passage_time(lambda x: -1e5 * x, np.ones_like, 0.0, 0.0, 1.0),
        lambda: escape.zero_flux_density(np.cos, np.ones_like, 1.0, 0.0),
    ],
)
def test_what_has_no_answer_is_refused(wrong):
    """A number returned where there is none."""
    with pytest.raises(OutsideDomain):
        wrong()
