"""The change of time, along paths and of densities."""

import numpy as np

from soret.theory import escape


def test_a_path_in_the_changed_time_has_additive_noise():
    """τ summed with the loss at the wrong end of a step: the noise would not come out again."""
    rng, rate, h, dt = np.random.default_rng(2), 0.2, 1.3, 0.01
    kicks, theta = rng.normal(size=500), [0.4]
    for kick in kicks:
        loss = 0.5 + 0.5 * h * theta[-1] ** 2
        theta.append(theta[-1] - h * theta[-1] * dt + np.sqrt(2 * rate * loss * h * dt) * kick)
    theta, times = np.array(theta), dt * np.arange(501)
    losses = 0.5 + 0.5 * h * theta**2
    steps = np.diff(escape.changed_time(times, losses))
    drift = escape.log_loss_drift(losses, (h * theta)[:, None])[:-1, 0]
    left = (np.diff(theta) - drift * steps) / np.sqrt(2 * rate * h * steps)
    np.testing.assert_allclose(left, kicks, atol=1e-10)
    back = escape.original_time(escape.changed_time(times, losses), losses)
    np.testing.assert_allclose(back, times, rtol=1e-12, atol=1e-14)


def test_the_law_in_time_is_gibbs_in_the_changed_time_over_the_loss():
    """App. C: 1/L forgotten or applied twice; Gibbs' law in log L is L^{−B/(ηh)}."""
    rate, h = 0.3, 1.2
    law = escape.stationary_law(0.5, rate, 1, h)
    flat = escape.zero_flux_density(
        lambda z: -h * z / (0.5 + h * z**2 / 2), lambda z: np.full_like(z, rate * h), -60, 60
    )
    loss = 0.5 + h * flat.points**2 / 2
    found = escape.density_in_time(flat.density, loss, flat.weights)
    np.testing.assert_allclose(found, law.density(flat.points), rtol=1e-5)
    again = escape.density_in_changed_time(found, loss, flat.weights)
    np.testing.assert_allclose(again, flat.density, rtol=1e-10)
