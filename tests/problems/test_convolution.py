"""Convolution by matrix products against the compiler's own."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soret.problems.convolution import can_fold, convolve, convolve_folded, fold, unfold

sizes = st.fixed_dictionaries(
    {
        "rows": st.integers(3, 9),
        "columns": st.integers(3, 9),
        "channels": st.integers(1, 3),
        "outputs": st.integers(1, 3),
        "kernel": st.integers(1, 5),
        "stride": st.integers(1, 3),
        "padding": st.integers(0, 3),
    }
)


def reference(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    """Return XLA's convolution."""
    return jax.lax.conv_general_dilated(
        x[None],
        kernel,
        (stride, stride),
        [(padding, padding)] * 2,
        dimension_numbers=("NHWC", "OIHW", "NHWC"),
    )[0]


def draw(s: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(s["rows"], s["columns"], s["channels"])).astype(np.float32)
    shape = (s["outputs"], s["channels"], s["kernel"], s["kernel"])
    return x, rng.normal(size=shape).astype(np.float32)


@settings(max_examples=8, deadline=None)
@given(sizes)
def test_is_the_convolution(s: dict[str, int]) -> None:
    """A kernel flipped, an edge lost, rows and columns exchanged."""
    is_the_convolution(s)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(sizes)
def test_is_the_convolution_of_any_size(s: dict[str, int]) -> None:
    """Catches: as above, over more sizes; each is a program of its own."""
    is_the_convolution(s)


def is_the_convolution(s: dict[str, int]) -> None:
    if min(s["rows"], s["columns"]) + 2 * s["padding"] < s["kernel"]:
        return
    # Compiled: one operation at a time takes much longer. So below.
    found, expected = jax.jit(
        lambda x, kernel: (
            convolve(x, kernel, stride=s["stride"], padding=s["padding"]),
            reference(x, kernel, s["stride"], s["padding"]),
        )
    )(*draw(s))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


# Blocks, kernel and padding; each is a program of its own, and a few are compiled by default.
FOLDS = list(itertools.product([2, 3, 4], [1, 3, 4, 5, 7], [0, 1, 2, 3]))
FIT = [(by, k, p) for by, k, p in FOLDS if (12 + 2 * p - k + 1) % by == 0]
QUICK = {(2, 5, 2), (2, 1, 3), (3, 4, 0), (3, 7, 3), (4, 3, 1), (4, 7, 1)}


@pytest.mark.parametrize(("by", "kernel", "padding"), FOLDS)
def test_what_can_be_folded(by: int, kernel: int, padding: int) -> None:
    """Sizes that `can_fold` lets through but do not fit."""
    assert can_fold(12, 24, kernel, 1, padding, by) == ((by, kernel, padding) in FIT)


@pytest.mark.parametrize(
    ("by", "kernel", "padding"),
    [pytest.param(*case, marks=[] if case in QUICK else pytest.mark.slow) for case in FIT],
)
def test_folded_is_the_same(by: int, kernel: int, padding: int) -> None:
    """A block shifted against another."""
    s = {"rows": 12, "columns": 24, "channels": 2, "outputs": 3, "kernel": kernel}
    found, expected = jax.jit(
        lambda x, k: (
            unfold(convolve_folded(fold(x, by), k, by=by, padding=padding), by),
            reference(x, k, 1, padding),
        )
    )(*draw(s))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_strides_and_odd_images_are_not_folded() -> None:
    """Blocks cut by an edge."""
    assert not can_fold(12, 12, 5, 2, 0, 2)
    assert not can_fold(13, 12, 5, 1, 0, 2)
    assert not can_fold(4, 4, 5, 1, 0, 2)


def test_gradients_are_the_convolution_s() -> None:
    """A derivative that the folding loses."""
    x, kernel = draw({"rows": 8, "columns": 6, "channels": 2, "outputs": 3, "kernel": 5})

    def folded(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.sum(jnp.sin(unfold(convolve_folded(fold(x, 2), kernel, by=2, padding=2), 2)))

    def plain(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.sum(jnp.sin(reference(x, kernel, 1, 2)))

    both = jax.jit(lambda *given: [jax.grad(f, (0, 1))(*given) for f in (folded, plain)])
    for found, expected in zip(*both(x, kernel), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_unfold_undoes_fold() -> None:
    """Pixels exchanged."""
    x = np.arange(4 * 6 * 3, dtype=np.float32).reshape(4, 6, 3)
    np.testing.assert_array_equal(unfold(fold(x, 2), 2), x)
    np.testing.assert_array_equal(fold(x, 2)[0, 0].reshape(2, 2, 3), x[:2, :2])
