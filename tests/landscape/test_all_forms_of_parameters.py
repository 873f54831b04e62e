"""Parameters are taken as a vector and as a pytree, whatever measures at them."""

from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr
from jax.flatten_util import ravel_pytree

import soret
import soret.landscape as landscape
from soret.errors import SettingsError

RNG = np.random.default_rng(0)
DATA = soret.Dataset("p", RNG.normal(size=(10, 3)), np.arange(10) % 2, ("a", "b"))
NET = soret.problems.two_layer(hidden=2, data=DATA)
TREE = NET.initial(jax.random.key(1))
OTHER = NET.initial(jax.random.key(2))
FLAT, FLAT_OTHER = (np.asarray(ravel_pytree(tree)[0]) for tree in (TREE, OTHER))


def test_evaluate() -> None:
    """Catches: "an array of real numbers (… not 'dict')" of what `initial` returned."""
    tree, flat = (landscape.evaluate(NET, given) for given in (TREE, FLAT))
    assert tree.loss == flat.loss
    assert tree.loss.shape == ()
    assert landscape.evaluate(NET, [FLAT, FLAT_OTHER]).loss.shape == (2,)


@pytest.mark.parametrize(
    "given", [FLAT, jax.numpy.asarray(FLAT), FLAT.astype(float), xr.DataArray(FLAT)]
)
def test_point(given: Any) -> None:
    """Catches: the structure PyTreeDef(*) of the row of a run."""
    np.testing.assert_array_equal(
        np.asarray(landscape.hessian(NET, given).matvec(np.ones(10))),
        np.asarray(landscape.hessian(NET, TREE).matvec(np.ones(10))),
    )


def test_line_and_plane() -> None:
    for measure in (
        lambda a, b: landscape.line(NET, a, b, [0.0, 0.5]),
        lambda a, b: landscape.plane(NET, a, b, 2 * FLAT + FLAT_OTHER**2, size=2),
        lambda a, _: landscape.flatness(NET, a, samples=4),
    ):
        one, other = measure(TREE, OTHER), measure(FLAT, FLAT_OTHER)
        for name in ("loss", "trace"):
            if hasattr(one, name):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_model_that_is_one_array() -> None:
    linear = soret.Problem(
        lambda key: jax.random.normal(key, (3,)), lambda p, x: x @ p, "binary_cross_entropy", DATA
    )
    assert landscape.hessian(linear, np.ones(3, np.float32)).size == 3


def test_neither_form() -> None:
    with pytest.raises(SettingsError, match="ravel_pytree"):
        landscape.evaluate(NET, {"W": FLAT})  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="vector has shape"):
        landscape.hessian(NET, FLAT[1:])
