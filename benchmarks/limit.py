"""How many steps a second would a dense net make if it made nothing but its matrix products?

All products of a step in one program, of each of two nets at once on a core of its own, as eight
replicas are run: in XLA, which limits Soret on a CPU, and in PyTorch. No bias, ReLU, loss, update
or data. They take turns; medians and ranges of five.

    python benchmarks/limit.py wide                # a quarter of a minute on two cores
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import jax
import numpy as np
import torch
from rich.console import Console

from nets import CLASSES, NETS, Net, cores, spread

SECONDS, TURNS = 1.0, 5


def products(layers: Any) -> list[Any]:
    """Return the products of a step: outputs, gradients of weights, and of all inputs but x's."""
    made = []
    for place, (x, w, g) in enumerate(layers):
        made += [x @ w.T, g.T @ x]
        if place:
            made.append(g @ w)
    return made


def layers_of(net: Net, seed: int) -> list[tuple[np.ndarray, ...]]:
    """Return inputs, weights and the gradient of the outputs, of each layer."""
    rng = np.random.default_rng(seed)
    widths = (784, *net.hidden, CLASSES)
    shapes = [((net.batch, n), (m, n), (net.batch, m)) for n, m in pairwise(widths)]
    return [tuple(rng.normal(size=s).astype(np.float32) for s in layer) for layer in shapes]


def rate(step: Callable[[Any], Any], nets: list[Any]) -> float:
    """Return steps a second, of all nets together, each on a thread of its own."""

    def run(net: Any, steps: int) -> None:
        for _ in range(steps):
            jax.block_until_ready(step(net))

    def seconds(steps: int) -> float:
        began = time.perf_counter()
        list(pool.map(lambda net: run(net, steps), nets))
        return time.perf_counter() - began

    with ThreadPoolExecutor(len(nets)) as pool:
        seconds(2)
        steps = max(2, round(2 * SECONDS / seconds(2)))
        return len(nets) * steps / seconds(steps)


def main() -> None:
    """Measure in turns, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("net", choices=[name for name, net in NETS.items() if net.hidden])
    net = NETS[parser.parse_args().net]
    # A core a net: PyTorch's products, too, keep to one thread.
    torch.set_num_threads(1)
    made = [layers_of(net, seed) for seed in range(cores())]
    peers = {
        "XLA": (jax.jit(products), [jax.device_put(one) for one in made]),
        "PyTorch": (products, [[tuple(map(torch.tensor, layer)) for layer in o] for o in made]),
    }
    found: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(TURNS):
        for name, (step, nets) in peers.items():
            found[name].append(rate(step, nets))
    report = Console(highlight=False)
    report.print(f"{net.what}: steps a second of nothing but products, on {cores()} cores")
    for name, rates in found.items():
        median, between = spread(rates)
        report.print(f"  {name}: {median} ({between})")


if __name__ == "__main__":
    main()
