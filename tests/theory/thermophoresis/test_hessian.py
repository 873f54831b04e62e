"""The bound on the Hessian's trace, against Hessians taken by finite differences."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soret.errors import OutsideDomain
from soret.theory.thermophoresis import differentiate, hessian_trace_bound


def draw_net(seed, with_biases=True):
    rng = np.random.default_rng(seed)
    widths = [*rng.integers(1, 4, size=rng.integers(2, 5)), rng.integers(2, 4)]
    weights = [rng.normal(size=(n, m)) for m, n in itertools.pairwise(widths)]
    biases = [rng.normal(size=len(w)) * with_biases for w in weights]
    return weights, biases, rng.normal(size=widths[0]), rng


def forward(weights, biases, x):
    masks, h = [], x
    for n, (w, b) in enumerate(zip(weights, biases, strict=True)):
        h = w @ h + b
        if n < len(weights) - 1:
            masks.append(h > 0)
            h = np.maximum(h, 0)
    return h, masks


def cross_entropy(z, label):
    return np.log(np.exp(z).sum()) - z[label]


def pack(arrays):
    return np.concatenate([array.ravel() for array in arrays])


def unpack(flat, like):
    ends = np.cumsum([array.size for array in like])
    return [
        part.reshape(array.shape)
        for part, array in zip(np.split(flat, ends[:-1]), like, strict=True)
    ]


def trace_of_hessian(weights, biases, x, label, include_biases):
    """The sum of second differences along every parameter."""
    like = [*weights, *biases] if include_biases else weights

    def loss(flat):
        found = unpack(flat, like)
        shifts = found[len(weights) :] if include_biases else biases
        return cross_entropy(forward(found[: len(weights)], shifts, x)[0], label)

    at, step = pack(like), 1e-4
    return sum(
        (loss(at + shift) - 2 * loss(at) + loss(at - shift)) / step**2
        for shift in step * np.eye(len(at))
    )


def near_an_edge(weights, biases, x, distance=0.02):
    """Whether some unit is close to switching, where a second difference means nothing."""
    h = x
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        a = w @ h + b
        if (abs(a) < distance).any():
            return True
        h = np.maximum(a, 0)
    return False


@pytest.mark.parametrize("with_biases", [False, True])
@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 10**6))
def test_the_trace_is_within_the_bound(with_biases, seed):
    """Indices of a product off by one, biases forgotten: any depth, width and masks."""
    weights, biases, x, rng = draw_net(seed, with_biases)
    if near_an_edge(weights, biases, x):
        return
    z, masks = forward(weights, biases, x)
    p = np.exp(z) / np.exp(z).sum()
    trace_P = (p * (1 - p)).sum()
    bound = hessian_trace_bound(
        weights, masks, np.linalg.norm(x), trace_P, biases if with_biases else None
    )
    label = rng.integers(len(z))
    trace = trace_of_hessian(weights, biases, x, label, include_biases=with_biases)
    assert trace <= bound * (1 + 1e-3) + 1e-4


def test_the_trace_is_that_of_the_gauss_newton_part():
    """Eq. 45 drops a term that is not zero; its trace is."""
    rng = np.random.default_rng(4)
    weights = [0.4 + rng.normal(size=shape) for shape in ((4, 3), (4, 4), (3, 4))]
    biases, x = [np.zeros(len(w)) for w in weights], rng.normal(size=3)
    assert not near_an_edge(weights, biases, x)
    z, _ = forward(weights, biases, x)
    p = np.exp(z) / np.exp(z).sum()
    P = np.diag(p) - np.outer(p, p)
    flat = pack(weights)

    def outputs(flats):
        return np.stack([forward(unpack(one, weights), biases, x)[0] for one in flats])

    J = differentiate(outputs, flat[None])[0]
    gauss_newton = np.trace(P @ J @ J.T)
    whole = trace_of_hessian(weights, biases, x, 0, include_biases=False)
    assert gauss_newton > 0.01
    assert whole == pytest.approx(gauss_newton, rel=1e-3)

    # Off the diagonal the dropped term is there: two weights of different layers, together.
    def gradient(flats):
        def loss(ones):
            return np.array([cross_entropy(z, 0) for z in outputs(ones)])

        return np.stack([differentiate(loss, one[None])[0] for one in flats])

    hessian = differentiate(gradient, flat[None], step=1e-3)[0]
    assert abs(hessian - J.T @ P @ J).max() > 0.01


def test_one_layer_is_exact_and_counts_the_outputs_once():
    """For a linear classifier the trace is Tr P‖x‖², with no factor of the number of classes."""
    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(4, 3)), rng.normal(size=3)
    p = np.exp(w @ x) / np.exp(w @ x).sum()
    trace_P = (p * (1 - p)).sum()
    bound = hessian_trace_bound([w], [], np.linalg.norm(x), trace_P)
    trace = trace_of_hessian([w], [np.zeros(4)], x, 1, include_biases=False)
    assert bound == pytest.approx(trace, rel=1e-5)


def test_one_unit_a_layer_is_exact():
    """Where every matrix is a number the norms lose nothing: the formula, written out."""
    u, v, w, x = 2.0, 3.0, 5.0, 7.0
    weights = [np.array([[k]]) for k in (u, v, w)]
    bound = hessian_trace_bound(weights, [np.ones(1), np.ones(1)], x, 0.25)
    assert bound == pytest.approx(0.25 * x**2 * ((v * w) ** 2 + (u * w) ** 2 + (u * v) ** 2))
    off = hessian_trace_bound(weights, [np.zeros(1), np.ones(1)], x, 0.25)
    assert off == 0


def test_many_examples_at_once():
    """One bound an example, the same as one by one."""
    weights, biases, _, rng = draw_net(5)
    x = rng.normal(size=(6, weights[0].shape[1]))
    masks = [
        np.stack(m) for m in zip(*(forward(weights, biases, one)[1] for one in x), strict=True)
    ]
    norms, traces = np.linalg.norm(x, axis=1), rng.uniform(size=6)
    together = hessian_trace_bound(weights, masks, norms, traces, biases)
    alone = [
        hessian_trace_bound(weights, [m[i] for m in masks], norms[i], traces[i], biases)
        for i in range(6)
    ]
    np.testing.assert_allclose(together, alone)


def test_a_smaller_rate_and_smaller_weights_lower_the_bound():
    """What the paper draws from Eq. 62."""
    weights, biases, x, _ = draw_net(11)
    _, masks = forward(weights, biases, x)
    norm = np.linalg.norm(x)
    full = [np.ones_like(m) for m in masks]
    bound = hessian_trace_bound(weights, full, norm, 1.0)
    assert hessian_trace_bound(weights, masks, norm, 1.0) <= bound
    assert hessian_trace_bound([0.5 * w for w in weights], full, norm, 1.0) < bound


def test_what_does_not_fit_is_refused():
    """A bound of a net that is none."""
    w = [np.ones((3, 2)), np.ones((1, 3))]
    on = [np.ones(3)]
    assert hessian_trace_bound(w, on, 1.0, 0.25) > 0
    for arguments in (
        ([], [], 1.0, 0.25),
        ([np.ones(3)], [], 1.0, 0.25),
        (w, [], 1.0, 0.25),
        (w, [np.ones(2)], 1.0, 0.25),
        (w, [0.5 * np.ones(3)], 1.0, 0.25),
        (w[::-1], on, 1.0, 0.25),
        (w, on, -1.0, 0.25),
        (w, on, 1.0, -0.25),
        (w, on, 1.0, 0.25, [np.ones(3)]),
    ):
        with pytest.raises(OutsideDomain):
            hessian_trace_bound(*arguments)
