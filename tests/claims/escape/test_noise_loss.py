"""Noise against loss: what the judges say of powers that are known."""

import numpy as np
import pytest
import xarray as xr
from by_statement import by_statement

from soret.claims import configure, find
from soret.claims.escape._noise_loss import at_losses
from soret.errors import InferenceError, SettingsError
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


def claim(id, **settings):
    return configure(find(id)[0], "quick", settings)


def made(power, *, low=1e-3, replicas=8, scatter=0.05):
    """A loss that falls to `low`, and noise that is a power of it, or a function."""
    random = np.random.default_rng(4)
    mean = np.geomspace(1, low, 40)
    loss = mean * np.exp(scatter * random.normal(size=(replicas, 40)))
    law = power if callable(power) else lambda x: x**power
    noise = law(loss) * np.exp(scatter * random.normal(size=loss.shape))
    dims = ("replica", "step")
    variables = {"loss": (dims, loss), "noise_strength": (dims, noise)}
    return {"dense": xr.Dataset(variables, {"step": 10 * np.arange(40)})}


@pytest.mark.parametrize(
    ("power", "settings", "expected"),
    [
        (1.0, {}, S),
        (0.9, {}, S),
        (0.0, {}, C),
        (2.0, {}, C),
        (1.0, {"low": 0.5}, N),
        (1.0, {"replicas": 2}, N),
        (1.0, {"low": 0.11, "scatter": 0.001}, N),
        (lambda x: x / (1 + 10 * x), {}, S),
    ],
)
@pytest.mark.known_answer("escape/noise-loss", "prediction", "rival", "few")
def test_late_noise_is_judged_by_its_slope(power, settings, expected):
    """Too narrow a range, or an early stage that bends, deciding what is asked of the late one."""
    test = claim("escape/noise-loss")
    assert [r.verdict for r in test.judge(made(power, **settings))] == [expected]


@pytest.mark.known_answer("escape/noise-loss-cross-entropy", "prediction", "rival", "few")
def test_cross_entropy_has_two_stages():
    """One stage judged by the other's records."""
    test = claim("escape/noise-loss-cross-entropy")

    def both(x):
        return np.where(x > 0.017, x, x**2 / 0.017)

    for runs, expected in (
        (made(both, low=1e-4), [S, S]),
        (made(1.0, low=1e-4), [S, C]),
        (made(both, low=0.02), [S, N]),
        (made(both, low=1e-4, replicas=2), [N, N]),
    ):
        found = test.judge(runs)
        assert [result.verdict for result in found] == expected
        names = ("intermediate", "very-small-loss")
        assert by_statement(test, found) == dict(zip(names, expected, strict=True))


def test_replicas_are_compared_at_equal_losses():
    """Replicas at different paces: means at equal times would bend what each follows straight."""
    random = np.random.default_rng(0)
    paces = random.uniform(0.3, 1.0, (8, 1))
    loss = np.exp(-10 * paces * np.linspace(0, 1, 40))
    places, along = at_losses(loss, loss**1.5, None)
    np.testing.assert_allclose(along, np.broadcast_to(places**1.5, along.shape), rtol=1e-6)
    assert places[0] == pytest.approx(loss[:, 1:].min(axis=1).max())
    with pytest.raises(InferenceError, match="not all replicas"):
        at_losses(loss, loss, (1e-9, 1e-6))


@pytest.mark.parametrize("id", ["escape/noise-loss", "escape/noise-loss-cross-entropy"])
def test_constant_noise_is_refused(id):
    test = claim(id)
    runs = made(1.0, low=1e-4)
    found = test.judge(test.control(runs))
    assert {result.verdict for result in found} == {C}


def test_diverged_replicas_are_left_out():
    """A NaN that spreads to the slope; no replica left, and a number nonetheless."""
    test = claim("escape/noise-loss")
    runs = made(1.0, replicas=9)
    runs["dense"].loss[3, 20:] = np.nan
    (result,) = test.judge(runs)
    assert result.verdict is S
    assert "8 replicas" in result.note
    runs["dense"].loss[:, 20:] = np.nan
    (result,) = test.judge(runs)
    assert result.verdict is N
    assert np.isnan(result.measured)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nets": ("dense", "recurrent")}, "some of dense, conv"),
        ({"replicas": 7}, "at least 8"),
        ({"records": 30}, "divide epochs"),
    ],
)
def test_refuses(settings, message):
    """Settings that fail after hours of training."""
    with pytest.raises(SettingsError, match=message):
        claim("escape/noise-loss", **settings).experiments()
