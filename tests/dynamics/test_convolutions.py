"""Convolutions by matrix products: the numbers of XLA's own, whatever is asked of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from soret.dynamics.products import over_first_axis

IMAGES = (3, 4, 7, 6)
KERNEL = (6, 4, 3, 2)
# What differs from one plain step of a 3 x 2 kernel of six outputs over three images of four
# channels.
CASES = {
    "plain": {},
    "same size": {"padding": "SAME"},
    "strides": {"window_strides": (2, 3)},
    "a stride along the second axis": {"window_strides": (1, 2)},
    "padding on one side": {"padding": ((2, 0), (0, 3))},
    "cropped": {"padding": ((-1, 0), (0, -2))},
    "image with gaps": {"lhs_dilation": (2, 3), "padding": ((1, 1), (2, 1))},
    "kernel with gaps": {"rhs_dilation": (2, 1)},
    "all of them": {
        "window_strides": (2, 1),
        "padding": ((3, 1), (0, 2)),
        "lhs_dilation": (2, 1),
        "rhs_dilation": (1, 3),
    },
    "groups of channels": {"kernel": (6, 2, 3, 2), "feature_group_count": 2},
    "each channel": {"kernel": (8, 1, 3, 2), "feature_group_count": 4},
    "groups of images": {"kernel": (6, 4, 3, 2), "batch_group_count": 3},
    "as large as the image": {"kernel": (6, 4, 6, 6), "padding": ((1, 1), (1, 0))},
    "as large, with gaps": {"kernel": (2, 4, 3, 3), "rhs_dilation": (2, 2)},
    "channels last": {"dimension_numbers": ("NHWC", "HWIO", "NHWC")},
    "other orders": {"dimension_numbers": ("HNCW", "IHOW", "WCNH")},
    "one axis": {"images": (3, 4, 9), "kernel": (6, 4, 3), "window_strides": (1,)},
    "one axis, few places": {"images": (3, 4, 9), "kernel": (6, 4, 8), "window_strides": (1,)},
    "three axes": {
        "images": (2, 3, 5, 4, 6),
        "kernel": (4, 3, 2, 3, 2),
        "window_strides": (1, 2, 1),
    },
}


def arrays(images=IMAGES, kernel=KERNEL, dimension_numbers=None, **asked):
    """Return images and kernel in the order of axes asked for, and what to ask."""
    asked = {"window_strides": (1, 1), "padding": "VALID"} | asked
    rng = np.random.default_rng(7)
    made = [rng.normal(size=shape).astype(np.float32) for shape in (images, kernel)]
    if dimension_numbers is not None:
        numbers = lax.conv_dimension_numbers(images, kernel, dimension_numbers)
        made = [
            array.transpose(np.argsort(spec))
            for array, spec in zip(made, (numbers.lhs_spec, numbers.rhs_spec), strict=True)
        ]
        asked["dimension_numbers"] = lax.ConvDimensionNumbers(*numbers)
    return *made, asked


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_is_what_xla_convolves(case):
    """An axis taken for another; a place too few; groups that are mixed."""
    images, kernel, asked = arrays(**case)

    def convolved(images, kernel):
        return lax.conv_general_dilated(images, kernel, **asked)

    def of_one(images):
        return convolved(images, kernel)

    found = jax.jit(lambda x: over_first_axis(of_one, x))
    assert " convolution(" not in found.lower(images[None]).compile().as_text()
    expected = jax.jit(convolved)(images, kernel)
    np.testing.assert_allclose(found(images[None])[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_gradients_of_several_lanes_are_those_of_vmap(strides):
    """Every lane has a kernel of its own: a convolution in groups, and its two transposes."""
    rng = np.random.default_rng(3)
    kernels = rng.normal(size=(2, 5, 3, 3, 3)).astype(np.float32)
    images = rng.normal(size=(2, 4, 3, 8, 8)).astype(np.float32)

    def loss(kernel, images):
        a = lax.conv_general_dilated(images, kernel, strides, "SAME")
        return jnp.sum(jnp.tanh(a) ** 2)

    gradient = jax.grad(loss, argnums=(0, 1))
    found = jax.jit(lambda *args: over_first_axis(gradient, *args))
    assert " convolution(" not in found.lower(kernels, images).compile().as_text()
    expected = jax.jit(jax.vmap(gradient))(kernels, images)
    for one, other in zip(found(kernels, images), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_whole_numbers_are_left_to_xla():
    images = np.arange(32, dtype=np.int32).reshape(1, 2, 4, 4)
    kernel = np.ones((1, 2, 2, 2), np.int32)

    def of_one(images):
        return lax.conv_general_dilated(images, kernel, (1, 1), "VALID")

    found = jax.jit(lambda x: over_first_axis(of_one, x))(images[None])
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found[0], of_one(images))
