"""Fading of the noise: what the judge says of curves that are known."""

import jax
import numpy as np
import pytest
import xarray as xr
from told import told

import soret
from soret.claims import configure, find
from soret.claims.thermophoresis._residuals import Learnable, moments
from soret.claims.thermophoresis.fading import changes, size_ratio, tenths

S, C, N = "supported", "contradicted", "inconclusive"
NAMES = ("independent", "independent-of-learnable-labels", "noise-fades", "effect-fades")


def made(*, random=0.0, learnable=0.0, error=0.2, noise=0.2, drift=0.1, replicas=32, scatter=0.02):
    """Errors and noise that fall to a share, exponentially, and a rate whose drift does."""
    rng = np.random.default_rng(6)
    steps = np.linspace(0, 4000, 41)
    runs = {}
    for name, correlation in (("random", random), ("learnable", learnable)):
        fall = steps / 3600  # from the middle of the first tenth to that of the last: 1

        def curve(share, fall=fall):
            chance = 1 + scatter * rng.normal(size=(replicas, 1))
            return 0.25 * share**fall * chance

        slopes = curve(drift).cumsum(1)
        related = correlation + scatter * rng.normal(size=(replicas, len(steps)))
        values = np.stack([curve(error), curve(1.0), curve(noise), related], -1)
        runs[name] = xr.Dataset(
            {
                "residual_moments": (("replica", "step", "component"), values),
                "activation_rate": (("replica", "step"), 0.5 - 0.1 * slopes),
            },
            {"step": steps},
        )
    return runs


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [S, S, S, S]),
        ({"random": 0.4}, [C, S, S, S]),
        ({"learnable": -0.4, "noise": 1.0}, [S, C, C, S]),
        ({"drift": 0.9}, [S, S, S, C]),
        ({"drift": 1.1, "noise": 1.0, "random": 0.5, "learnable": 0.5}, [C, C, C, C]),
        # Labels that were not learned say nothing of fading.
        ({"error": 0.8}, [S, S, N, N]),
        ({"replicas": 1}, [N, N, N, N]),
        ({"noise": 0.4, "scatter": 0.3, "random": 0.1, "learnable": 0.1}, [N, N, N, S]),
    ],
)
@pytest.mark.known_answer("thermophoresis/fading", "prediction", "rival", "few")
def test_judged_by_what_was_made(settings, expected):
    """Catches: kinds of labels exchanged; a drift that fades taken for a rate that falls."""
    claim = configure(find("thermophoresis/fading")[0], "quick", {})
    assert told(claim, made(**settings)) == dict(zip(NAMES, expected, strict=True))


def test_parts_of_training():
    """Catches: a change over a record too few, a mean over the whole."""
    values = np.arange(21.0)[None] ** 2
    assert [float(one[0]) for one in tenths(values)] == pytest.approx([5 / 3, 1085 / 3])
    assert [float(one[0]) for one in changes(values)] == [4.0, 76.0]


def test_a_ratio_of_sizes_knows_no_sign():
    """Catches: a late drift the other way that passes for none."""
    early = np.array([1.0, 1.1, 0.9, 1.0])
    whole, (low, high) = size_ratio(-0.5 * early, early)
    assert whole == pytest.approx(0.5)
    assert low == pytest.approx(0.5)
    assert high == pytest.approx(0.5)


def test_moments_of_single_examples():
    """Catches: the gradient of the loss in place of the output's; p − y without its square."""

    problem = soret.problems.two_layer(hidden=3, data=Learnable(4).stream())
    params = problem.initial(jax.random.key(1))
    found = jax.jit(lambda p: moments(64)(problem, soret.observables.State(p, (), 0)))(params)
    x, y = (np.asarray(one, float) for one in problem.evaluation_batch(64))
    W, b, V = (np.asarray(params[name], float) for name in ("W", "b", "V"))
    a = x @ W.T + b
    p = 1 / (1 + np.exp(-np.maximum(a, 0) @ V))
    on = a > 0
    square = (np.maximum(a, 0) ** 2).sum(1) + (on * V**2).sum(1) * (1 + (x**2).sum(1))
    error = (p - y) ** 2
    assert set(y) == {0.0, 1.0}
    np.testing.assert_array_equal(y, x[:, 0] * x[:, 1] > 0)
    expected = [
        error.mean(),
        square.mean(),
        (error * square).mean(),
        np.corrcoef(error, square)[0, 1],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
