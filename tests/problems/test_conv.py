"""Convolutional networks against the same formulas in NumPy, and PyTorch's layers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import drawn

import soret
from soret.errors import SettingsError

RNG = np.random.default_rng(3)


POINTS = soret.Dataset("points", RNG.normal(size=(12, 5)), np.arange(12) % 3, ("a", "b", "c"))


IMAGES = soret.Dataset(
    "images", RNG.uniform(size=(6, 2, 12, 10)), np.arange(6) % 3, ("a", "b", "c")
)


def start(problem: soret.Problem, seed: int = 0) -> Any:
    return jax.jit(problem.initial)(jax.random.key(seed))


CONVOLUTIONS: dict[str, dict[str, Any]] = {
    "folded": {"kernel": 3, "padding": 1},
    "folded to no padding": {"kernel": 5, "layers": 1},
    "strided": {"kernel": 3, "stride": 2, "padding": 1},
    "pooled": {"kernel": 3, "padding": 1, "pooling": 2},
    "pooled with rest": {"kernel": 2, "pooling": 3, "layers": 1},
    "without bias": {"kernel": 3, "bias": False},
    "wide": {"kernel": 3, "channels": 33, "layers": 1},
}


QUICK = {"folded", "strided", "pooled with rest", "without bias"}


class TestConv:
    @pytest.mark.parametrize(
        "name",
        [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in CONVOLUTIONS],
    )
    def test_is_convolutions_relus_and_a_dense_output(self, name: str) -> None:
        """A layer on pixels in another order than the one before left them in."""
        settings = {"layers": 2, "channels": 4} | CONVOLUTIONS[name]
        problem = soret.problems.conv(data=IMAGES, **settings)
        params = drawn(problem)
        assert isinstance(problem.data, soret.Dataset)
        x = jnp.asarray(problem.data.inputs[0])
        assert x.shape == (12, 10, 2)

        def reference(params: Any, output: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
            seen = []
            for layer in params[:-1]:
                stride, padding = settings.get("stride", 1), settings.get("padding", 0)
                output = jax.lax.conv_general_dilated(
                    output[None],
                    layer["K"],
                    (stride, stride),
                    [(padding, padding)] * 2,
                    dimension_numbers=("NHWC", "OIHW", "NHWC"),
                )[0] + layer.get("b", 0.0)
                seen.append(output.reshape(-1))
                output = jax.nn.relu(output)
                by = settings.get("pooling", 1)
                window = (by, by, 1)
                output = jax.lax.reduce_window(
                    output, -jnp.inf, jax.lax.max, window, window, "VALID"
                )
            return params[-1]["W"] @ output.reshape(-1) + params[-1].get("b", 0.0), seen

        assert problem.preactivations is not None
        # Compiled: one operation at a time takes much longer.
        (expected, seen), found, inner = jax.jit(
            lambda p, x: (reference(p, x), problem.output(p, x), problem.preactivations(p, x))
        )(params, x)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            np.sort(inner), np.sort(np.concatenate(seen)), rtol=1e-4, atol=1e-5
        )

    def test_grey_images_have_one_channel(self) -> None:
        """Digits and MNIST, which have no axis of channels."""
        problem = soret.problems.conv(layers=1, kernel=3, data="digits")
        output = jax.jit(problem.output)(drawn(problem), jnp.zeros((8, 8, 1)))
        assert output.shape == (10,)
        assert np.isfinite(output).all()

    def test_start_has_pytorch_s_spread(self) -> None:
        """Fans that forget the kernel's places: weights five times too large."""
        problem = soret.problems.conv(layers=1, channels=64, kernel=5, data=IMAGES)
        K = np.asarray(start(problem)[0]["K"])
        bound = (2 * 25) ** -0.5
        assert np.abs(K).max() <= bound
        # 3,200 uniform numbers: five and a half standard errors.
        assert K.std() == pytest.approx(bound / 3**0.5, rel=0.05)

    def test_glorot_counts_both_fans(self) -> None:
        """An outgoing fan without the kernel's places."""
        problem = soret.problems.conv(layers=1, channels=64, kernel=5, data=IMAGES, init="glorot")
        K = np.asarray(start(problem)[0]["K"])
        bound = (6 / (25 * (2 + 64))) ** 0.5
        assert 0.99 * bound < np.abs(K).max() <= bound

    @pytest.mark.slow
    def test_runs_and_learns(self) -> None:
        """A net that `simulate` cannot run."""
        run = soret.simulate(
            soret.problems.conv(layers=1, channels=4, kernel=3, data="digits"),
            soret.SGD(0.1, batch_size=16),
            observe=[soret.observables.loss, soret.observables.activation_rate],
            steps=100,
            replicas=2,
        )
        assert (run.loss.isel(step=-1) < 0.7 * run.loss.isel(step=0)).all()
        assert ((run.activation_rate > 0) & (run.activation_rate < 1)).all()

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"layers": 0}, "layers is 0"),
            ({"channels": True}, "channels is True"),
            ({"padding": -1}, "padding is -1"),
            ({"layers": 3}, "convolution 3 gets 4 x 2 pixels"),
            ({"data": POINTS}, r"examples of shape \(5,\)"),
            ({"data": soret.data.Gaussian(4)}, "needs a data set"),
        ],
    )
    def test_refuses(self, given: dict[str, Any], message: str) -> None:
        """Nonsense that fails late, or not at all."""
        with pytest.raises(SettingsError, match=message):
            soret.problems.conv(**{"data": IMAGES} | given)
