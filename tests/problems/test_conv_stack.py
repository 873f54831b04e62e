"""Stacks of convolutions, against a forward pass in NumPy and one in PyTorch."""

from typing import Any

import jax
import numpy as np
import pytest
from drawn import drawn

import soret
from soret.errors import SettingsError
from soret.problems import conv_stack

RNG = np.random.default_rng(2)
IMAGES = soret.Dataset("images", RNG.normal(size=(6, 2, 9, 12)), np.arange(6) % 3, tuple("abc"))
KEY = jax.random.key(0)


def small(**changed: Any) -> soret.Problem:
    settings: dict[str, Any] = {"stacks": [(2, 3), (1, 4, 5)], "data": IMAGES, "scaling": "none"}
    return conv_stack(**settings | changed)


def in_numpy(params: Any, image: np.ndarray, layers: tuple[int, ...], pool: int) -> np.ndarray:
    """Convolve pixel by pixel in float64; `image` is (channels, rows, columns)."""
    x, done = image.astype(float), 0
    for count in layers:
        for values in params[done : done + count]:
            kernel, bias = (np.asarray(values[k], float) for k in ("K", "b"))
            half = kernel.shape[-1] // 2
            padded = np.pad(x, ((0, 0), (half, half), (half, half)))
            out = np.empty((len(kernel), *x.shape[1:]))
            for i, j in np.ndindex(*x.shape[1:]):
                patch = padded[:, i : i + 2 * half + 1, j : j + 2 * half + 1]
                out[:, i, j] = (kernel * patch).sum(axis=(1, 2, 3)) + bias
            x = np.maximum(out, 0)
        done += count
        rows, columns = x.shape[1] // pool, x.shape[2] // pool
        blocks = x[:, : rows * pool, : columns * pool].reshape(-1, rows, pool, columns, pool)
        x = blocks.max(axis=(2, 4))
    last = {k: np.asarray(v, float) for k, v in params[-1].items()}
    return np.asarray(last["W"] @ x.transpose(1, 2, 0).reshape(-1) + last["b"])


@pytest.mark.parametrize("pooling", [2, 3])
def test_is_the_network_of_the_paper_in_small(pooling: int) -> None:
    """A stack pooled after every layer, or never; a padding that shrinks or shifts images."""
    problem = small(pooling=pooling)
    assert isinstance(problem.data, soret.Dataset)
    params = drawn(problem)
    # Compiled: one operation at a time takes much longer. So below.
    found = jax.jit(jax.vmap(problem.output, in_axes=(None, 0)))(params, problem.data.inputs)
    for output, image in zip(found, IMAGES.inputs, strict=True):
        expected = in_numpy(params, image, (2, 1), pooling)
        np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)


def test_is_pytorchs() -> None:
    """The same mistake here and in the pass in NumPy."""
    torch = pytest.importorskip("torch")
    problem = small()
    assert isinstance(problem.data, soret.Dataset)
    params = drawn(problem)
    x = torch.tensor(np.array(IMAGES.inputs))
    for i, values in enumerate(params[:-1]):
        kernel, bias = (torch.tensor(np.array(values[k])) for k in ("K", "b"))
        x = torch.relu(torch.nn.functional.conv2d(x, kernel, bias, padding="same"))
        if i in (1, 2):
            x = torch.nn.functional.max_pool2d(x, 2)
    flat = x.permute(0, 2, 3, 1).reshape(len(x), -1).numpy()
    expected = flat @ np.asarray(params[-1]["W"]).T + np.asarray(params[-1]["b"])
    found = jax.jit(jax.vmap(problem.output, in_axes=(None, 0)))(params, problem.data.inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_default_is_the_papers() -> None:
    """A net of another size: nine convolutions, 32 → 4 pixels, 256 · 16 features, ten outputs."""
    data = soret.Dataset("cifar", np.zeros((2, 3, 32, 32)), [0, 9], tuple("0123456789"))
    problem = conv_stack(data=data, scaling="none")
    shapes = jax.eval_shape(problem.initial, KEY)
    kernels = [layer["K"].shape for layer in shapes[:-1]]
    assert [k[0] for k in kernels] == [64] * 3 + [128] * 3 + [256] * 3
    assert [k[1] for k in kernels] == [3, 64, 64, 64, 128, 128, 128, 256, 256]
    assert {k[2:] for k in kernels} == {(3, 3)}
    assert shapes[-1]["W"].shape == (10, 256 * 4 * 4)
    assert problem.settings["loss"] == "mean_square_one_hot"
    assert problem.settings["init"] == "glorot"


def test_glorot_counts_the_kernels_places() -> None:
    """Fans without the kernel's places: weights three times too large."""
    problem = small(stacks=[(1, 64)], pooling=1)
    kernel = np.asarray(jax.jit(problem.initial)(KEY)[0]["K"])
    bound = (6 / (9 * (2 + 64))) ** 0.5
    assert 0.98 * bound < np.abs(kernel).max() <= bound


@pytest.mark.slow
def test_runs_and_learns() -> None:
    """A net that `simulate` cannot run."""
    run = soret.simulate(
        conv_stack([(1, 4)], data="digits"),
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
        ({"stacks": []}, "number of stacks is 0"),
        ({"stacks": [(0, 3)]}, "layers is 0"),
        ({"stacks": [(1, 3, 2)]}, "kernel is 2"),
        ({"stacks": [(1, 3)] * 4}, "cannot be pooled 4 times"),
        ({"pooling": 0}, "pooling is 0"),
        ({"data": soret.data.Gaussian(4)}, "needs a data set"),
    ],
)
def test_refuses(given: dict[str, Any], message: str) -> None:
    """Nonsense that fails late, or not at all."""
    with pytest.raises(SettingsError, match=message):
        small(**given)
