"""The exact recursion in one dimension: against simulation and closed forms."""

import numpy as np
import pytest

from soret.theory import escape


def passage_times(paths, start, step, passed, rng):
    """Steps until each path has passed; every one of them does."""
    place, alive = np.tile(np.asarray(start, float), (paths, 1)), np.arange(paths)
    steps = np.zeros(paths)
    for k in range(1, 10**6):
        place = step(place, rng)
        done = passed(place)
        steps[alive[done]] = k
        place, alive = place[~done], alive[~done]
        if not alive.size:
            return steps
    raise AssertionError("some path never passed")


def recursion(z, rng, rate, batch):
    x = rng.normal(size=(len(z), batch))
    y = rng.normal(size=(len(z), batch))
    return z - rate / batch * (x * (x * z - y)).sum(1, keepdims=True)


@pytest.mark.parametrize(("rate", "batch"), [(0.5, 1), (0.6, 3)])
def test_the_stationary_law_is_that_of_the_recursion(rate, batch):
    """A kernel, a fold at 0 or an elimination that is wrong, against 300,000 replicas.

    In 24 bins: six standard errors and 0.5 % for the cells; false alarms below 1e-7.
    """
    rng = np.random.default_rng(5)
    z = np.zeros((300_000, 1))
    for _ in range(40):
        z = recursion(z, rng, rate, batch)
    law = escape.recursion_law(0.5, rate, batch, cells=200)
    bins = law.edges[np.linspace(0, np.searchsorted(law.edges, 4.0), 25).astype(int)]
    counts = np.histogram(abs(z), bins)[0]
    expected = np.diff(np.interp(bins, law.edges, np.concatenate([[0], np.cumsum(law.mass)])))
    error = np.sqrt(expected * (1 - expected) / len(z))
    assert (abs(counts / len(z) - expected) < 6 * error + 0.005 * expected).all()


@pytest.mark.slow
def test_the_tail_of_the_transfer_operator_is_kestens():
    """The operator's slope far out, at three noises: to 1 %, for cells of finite width."""
    for rate, batch, farthest in ((0.1, 1, 1e5), (0.5, 1, 1e4), (0.4, 4, 1e4)):
        law = escape.recursion_law(0.5, rate, batch, farthest=farthest, cells=260)
        local = law.local_exponent()
        far = np.searchsorted(law.centers, farthest / 5)
        assert local[far] == pytest.approx((1 + law.tail) / 2, rel=0.01)


def test_the_stationary_variance_is_exact():
    """Ez² = (η²/B)·2L*/h / (1 − EA²), in any unit, with an error that falls as cells⁻²."""
    rate, batch, h, loss = 0.2, 2, 1.5, 0.8
    step = rate * h
    unit = 2 * loss / h
    exact = step**2 / batch * unit / (2 * step - step**2 * (1 + 2 / batch))
    errors = []
    for cells in (120, 240):
        law = escape.recursion_law(loss, rate, batch, h, cells=cells)
        left, right = law.edges[:-1], law.edges[1:]
        square = (law.mass * (left**2 + left * right + right**2) / 3).sum()
        errors.append(abs(square / exact - 1))
    assert errors[1] < 0.005
    assert errors[0] / errors[1] > 3


@pytest.mark.slow
def test_the_law_of_large_batches_is_nearly_the_diffusions():
    """A density that vanishes or is lost where α is in the hundreds, over the whole body.

    At ηh/B = 1/2000 the scale of z is that of the diffusion to a few per cent: (2 − η)/2 for 4 %.
    """
    rate, batch = 0.05, 100
    law = escape.recursion_law(0.5, rate, batch, farthest=0.1, cells=150)
    near = escape.regression_law(0.5, rate, batch)
    inside = law.centers < 3 * np.sqrt(near.moment(2))
    assert inside.sum() > 20
    np.testing.assert_allclose(law.density[inside], near.density(law.centers[inside]), rtol=0.2)
    exact = rate / batch / (2 - rate * (1 + 2 / batch))
    assert (law.mass * law.centers**2).sum() == pytest.approx(exact, rel=0.005)


def test_the_tail_of_simulated_recursions_is_kestens():
    """A tail estimated from paths: Hill's estimator over the largest 2,000 of 400,000.

    Its standard error is α/√2000; five and a half of them, 4e-8, and 5 % for the finite threshold.
    """
    rate, batch = 0.9, 1
    alpha = escape.kesten_exponent(rate, batch)
    rng = np.random.default_rng(6)
    z = np.zeros((400_000, 1))
    for _ in range(60):
        z = recursion(z, rng, rate, batch)
    top = np.sort(abs(z.ravel()))[-2001:]
    hill = 1 / np.log(top[1:] / top[0]).mean()
    assert abs(hill - alpha) < (5.5 / np.sqrt(2000) + 0.05) * alpha


@pytest.mark.parametrize(("rate", "batch", "ratio"), [(0.4, 1, 6.0), (0.7, 3, 3.0)])
def test_passages_of_the_recursion_are_those_of_paths(rate, batch, ratio):
    """Absorption off by a step, or L* misread: 20,000 replicas, 5.5 standard errors and 0.5 %."""
    steps = passage_times(
        20_000,
        [0.3],
        lambda z, rng: recursion(z, rng, rate, batch),
        lambda z: z[:, 0] ** 2 >= ratio - 1,
        np.random.default_rng(7),
    )
    exact = escape.recursion_passage_steps(ratio, rate, batch, start=0.3, cells=150)
    error = steps.std() / np.sqrt(steps.size)
    assert abs(steps.mean() - exact) < 5.5 * error + 0.005 * exact
