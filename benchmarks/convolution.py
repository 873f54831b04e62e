"""How fast is a small convolutional net trained, beside PyTorch and XLA's own convolution?

Five convolutions of ten channels, 5 x 5, padding 2, and a dense output on 28 x 28 pixels, batches
of 64: the net of `thermophoresis/conv-gradient-variance` on Fashion-MNIST's size. Milliseconds a
step of one replica. A machine's speed drifts, so the peers take turns and ratios are taken within
a turn.

    python benchmarks/convolution.py        # about three minutes on two cores
"""

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import soret

CHANNELS, SIZE, LAYERS, BATCH, RATE = 10, 28, 5, 64, 0.01
REPLICAS = 8

report = Console(highlight=False)


def images() -> soret.Dataset:
    """Return images of noise: speed does not depend on what they show."""
    rng = np.random.default_rng(0)
    classes = tuple(str(n) for n in range(10))
    inputs = rng.uniform(size=(1024, SIZE, SIZE))
    return soret.Dataset("noise", inputs, rng.integers(0, 10, 1024), classes)


def timed(run: Callable[[], Any], steps: int) -> float:
    """Return milliseconds a step."""
    began = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - began) / steps


def pytorch() -> Callable[[], float]:
    """One replica: a module, `torch.optim.SGD`, `backward`."""
    import torch

    layers: list[Any] = []
    for n in range(LAYERS):
        layers += [torch.nn.Conv2d(1 if n == 0 else CHANNELS, CHANNELS, 5, padding=2)]
        layers += [torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(CHANNELS * SIZE**2, 10))
    sgd = torch.optim.SGD(net.parameters(), RATE)
    x, y = torch.rand(BATCH, 1, SIZE, SIZE), torch.arange(BATCH) % 10

    def steps() -> None:
        for _ in range(20):
            sgd.zero_grad()
            torch.nn.functional.cross_entropy(net(x), y).backward()
            sgd.step()

    steps()
    return lambda: timed(steps, 20)


def xla(how: str) -> Callable[[], float]:
    """XLA's own convolution: jitted step by step, inside `scan`, or under `vmap` over replicas."""

    def init(key: jax.Array) -> list[jax.Array]:
        keys = jax.random.split(key, LAYERS + 1)
        kernels = [
            0.06 * jax.random.normal(k, (CHANNELS, 1 if n == 0 else CHANNELS, 5, 5))
            for n, k in enumerate(keys[:-1])
        ]
        return [*kernels, 0.01 * jax.random.normal(keys[-1], (CHANNELS * SIZE**2, 10))]

    def loss(params: list[jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
        for kernel in params[:-1]:
            x = jax.nn.relu(jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME"))
        scores = jax.nn.log_softmax(x.reshape(BATCH, -1) @ params[-1])
        return -jnp.mean(jnp.take_along_axis(scores, y[:, None], 1))

    def step(params: list[jax.Array], x: jax.Array, y: jax.Array) -> list[jax.Array]:
        gradient = jax.grad(loss)(params, x, y)
        return jax.tree.map(lambda p, g: p - RATE * g, params, gradient)

    def scanned(params: list[jax.Array], x: jax.Array, y: jax.Array) -> list[jax.Array]:
        return jax.lax.scan(lambda p, _: (step(p, x, y), None), params, None, length=2)[0]

    x, y = jnp.ones((BATCH, 1, SIZE, SIZE)), jnp.arange(BATCH) % 10
    keys = jax.random.split(jax.random.key(0), REPLICAS)
    run, params, steps = {
        "step by step": (jax.jit(step), init(keys[0]), 1),
        "in scan": (jax.jit(scanned), init(keys[0]), 2),
        "under vmap": (
            jax.jit(jax.vmap(step, in_axes=(0, None, None))),
            jax.vmap(init)(keys),
            REPLICAS,
        ),
    }[how]
    jax.block_until_ready(run(params, x, y))
    return lambda: timed(lambda: jax.block_until_ready(run(params, x, y)), steps)


def own() -> soret.Problem:
    """Return the net as a model of one's own, which convolves by XLA's operation."""

    def init(key: jax.Array) -> list[jax.Array]:
        keys = jax.random.split(key, LAYERS + 1)
        kernels = [
            0.06 * jax.random.normal(k, (CHANNELS, 1 if n == 0 else CHANNELS, 5, 5))
            for n, k in enumerate(keys[:-1])
        ]
        return [*kernels, 0.01 * jax.random.normal(keys[-1], (CHANNELS * SIZE**2, 10))]

    def predict(params: list[jax.Array], x: jax.Array) -> jax.Array:
        x = x.reshape(1, 1, SIZE, SIZE)
        for kernel in params[:-1]:
            x = jax.nn.relu(jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME"))
        return x.reshape(-1) @ params[-1]

    return soret.Problem(
        init=init, predict=predict, loss=soret.problems.cross_entropy, data=images()
    )


def ours(problem: soret.Problem) -> Callable[[], float]:
    """`soret.simulate`, planning and compiling subtracted: a long run less a short one."""

    def seconds(steps: int) -> float:
        began = time.perf_counter()
        soret.simulate(
            problem,
            soret.SGD(RATE, batch_size=BATCH),
            observe=soret.observables.parameter_norm,
            steps=steps,
            record_every=steps,
            replicas=REPLICAS,
            progress=False,
        )
        return time.perf_counter() - began

    return lambda: 1000 * (seconds(42) - seconds(2)) / (40 * REPLICAS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns
    problem = soret.problems.conv(LAYERS, CHANNELS, padding=2, data=images())
    peers = {"soret.simulate": ours(problem), "a model of one's own": ours(own())}
    if importlib.util.find_spec("torch"):
        peers["PyTorch"] = pytorch()
    else:
        report.print("PyTorch is not installed here; left out.")
    peers |= {f"XLA, {how}": xla(how) for how in ("step by step", "in scan", "under vmap")}
    found: dict[str, list[float]] = {name: [] for name in peers}
    for turn in range(turns):
        report.print(f"turn {turn + 1} of {turns}")
        for name, measure in peers.items():
            found[name].append(measure())

    table = Table(title="Milliseconds a step of one replica, 64 images", box=SIMPLE_HEAD)
    for heading in ("", "median", "range", "÷ soret", "range"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, values in found.items():
        ratios = [a / b for a, b in zip(values, found["soret.simulate"], strict=True)]
        table.add_row(
            name,
            f"{statistics.median(values):.1f}",
            f"{min(values):.1f}–{max(values):.1f}",
            f"{statistics.median(ratios):.2f}",
            f"{min(ratios):.2f}–{max(ratios):.2f}",
        )
    report.print(table)
    report.print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, jax {jax.__version__}")


if __name__ == "__main__":
    main()
