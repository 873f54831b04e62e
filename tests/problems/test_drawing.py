"""Keys that initial parameters are drawn with."""

from typing import Any

import jax
import numpy as np
import pytest

import soret
from soret.errors import SettingsError

NET = soret.problems.dense(hidden=2, data=soret.data.Gaussian(3))
WRONG = {
    "a seed": (0, "key is 0; give one key"),
    "a seed of NumPy's": (np.uint32(3), "key is .*3.*; give one key"),
    "nothing": (None, "key is None"),
    "a generator": (np.random.default_rng(0), "key is Generator"),
    "several": (jax.random.split(jax.random.key(0), 3), r"shape \(3,\) and type key<fry>"),
    "random numbers": (np.zeros(2, np.float32), r"shape \(2,\) and type float32"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_key_is_refused(name: str) -> None:
    """Catches: a seed that ends in an error of JAX's own."""
    key, message = WRONG[name]
    with pytest.raises(SettingsError, match=rf"{message}.*as jax\.random\.key\(0\)"):
        NET.initial(key)


@pytest.mark.parametrize("key", [jax.random.key(1), jax.random.PRNGKey(1)], ids=["typed", "raw"])
def test_both_kinds_of_keys_are_taken(key: Any) -> None:
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(NET.initial(key)))
