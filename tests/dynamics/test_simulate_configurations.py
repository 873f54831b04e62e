"""The same numbers under every configuration of JAX, which stays the user's own."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("compiled_anew")

SCRIPT = """
import sys
import warnings

warnings.simplefilter("error")
import soret

assert "jax" not in sys.modules, "importing soret imports jax"
import jax
import jax.numpy as jnp
import numpy as np


def settings():
    return jax.config.jax_enable_x64, jax.config.jax_threefry_partitionable, jnp.ones(1).dtype


def theta(_, state):
    return jnp.concatenate([leaf.reshape(-1) for leaf in jax.tree.leaves(state.params)])


def sample(key):
    # Whatever type and numbers the configuration makes of this.
    x = jax.random.normal(key, (4,))
    return x, (x[0] > 0).astype(jnp.int32)


def init(key):
    one, two = jax.random.split(key)
    return {"W": jax.random.normal(one, (3, 4), "f4"), "V": jax.random.normal(two, (3,), "f4")}


def problem():
    return soret.Problem(
        init=init,
        predict=lambda p, x: p["V"] @ jnp.tanh(p["W"] @ x),
        loss="binary_cross_entropy",
        data=soret.data.FromFunction(sample),
    )


def run(**more):
    return soret.simulate(
        problem(),
        soret.SGD([0.1, 0.05], batch_size=2, momentum=0.9, weight_decay=0.01),
        observe=theta,
        steps=60,
        replicas=6,
        record_every=20,
        block_size=3,
        **more,
    )


if __name__ == "__main__":
    before = settings()
    made = run(devices=jax.devices())
    assert settings() == before, (settings(), before)
    assert len(jax.devices()) == int(sys.argv[2])
    np.savez(sys.argv[1], **{name: made[name].values for name in made.data_vars})
"""


@pytest.fixture(scope="module")
def here() -> dict[str, np.ndarray]:
    """Return the numbers made in this process."""
    namespace: dict = {"__name__": "here"}
    # Importing soret comes without JAX only in a process of its own.
    exec(SCRIPT.replace('assert "jax" not in', '"jax" not in'), namespace)
    made = namespace["run"]()
    return {str(name): made[name].values for name in made.data_vars}


@pytest.mark.parametrize(
    ("variables", "devices"),
    [
        ({"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}, 2),
        ({"JAX_ENABLE_X64": "1", "JAX_THREEFRY_PARTITIONABLE": "0"}, 1),
    ],
    ids=["two devices", "float64 and other splitting of keys"],
)
def test_numbers_are_the_same(
    variables: dict[str, str], devices: int, here: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """A result that depends on the machine or on what else the user does with JAX."""
    if jax.default_backend() != "cpu":
        pytest.skip("bit for bit only on the same platform, which the other process has not")
    script, saved = tmp_path / "script.py", tmp_path / "numbers.npz"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script, saved, str(devices)],
        env={**os.environ, "JAX_PLATFORMS": "cpu", **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(saved) as there:
        assert set(there.files) == set(here)
        for name, values in here.items():
            assert there[name].dtype == values.dtype
            np.testing.assert_array_equal(there[name], values)
