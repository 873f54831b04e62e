"""Escape rates: against Kramers' and against scaling."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soret.theory import escape


def test_rates_meet_kramers_where_the_noise_hardly_changes():
    """Eq. 15 with a wrong prefactor: as Lˢ → L* both rates are of one noise."""
    for small in (1e-3, 1e-4):
        loss, rate, batch = 2.0, 0.1, 10
        heat = escape.frozen_diffusion(loss, 1.5, rate, batch)
        law = escape.escape_rate(loss, loss + small, 1.5, -0.7, rate, batch, 3)
        rival = escape.kramers_rate(small, 1.5, -0.7, heat)
        assert law == pytest.approx(rival, rel=2 * small)


@settings(deadline=None)
@given(st.floats(1.5, 10), st.floats(0.02, 0.2), st.integers(1, 8), st.floats(0.5, 2))
def test_a_rate_depends_on_losses_by_their_ratio(ratio, heat, n, loss):
    """A rate that changes with the unit of the loss, or that a lower minimum does not lower."""
    rate = escape.escape_rate(loss, ratio * loss, 1.0, -1.0, heat, 1, n)
    assert rate == pytest.approx(escape.escape_rate(1.0, ratio, 1.0, -1.0, heat, 1, n), rel=1e-9)
    assert rate < escape.escape_rate(1.0, 0.9 * ratio, 1.0, -1.0, heat, 1, n)
    # Sharper minima and more outliers are left sooner.
    assert rate < escape.escape_rate(loss, ratio * loss, 1.1, -1.0, heat, 1, n)
    assert rate < escape.escape_rate(loss, ratio * loss, 1.0, -1.0, heat, 1, n + 1)
