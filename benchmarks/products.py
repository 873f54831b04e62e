"""How fast are the matrix products of a dense layer, in XLA beside PyTorch?

The three of a layer's step: outputs x Wᵀ, the gradient of the weights gᵀ x, and that of the inputs
g W. Each is compiled and called alone, so that nothing of Soret's is in it: what one replica of a
net of real size can reach on a CPU. The best of five turns of each.

    python benchmarks/products.py                  # about a minute on two cores
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from nets import cores

# Batch, inputs and outputs of a layer.
SHAPES = ((32, 256, 256), (32, 784, 256), (100, 784, 2048), (100, 2048, 2048))
PRODUCTS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "outputs, x Wᵀ": lambda x, w, g: x @ w.T,
    "gradient of the weights, gᵀ x": lambda x, w, g: g.T @ x,
    "gradient of the inputs, g W": lambda x, w, g: g @ w,
}
OPERATIONS, TURNS = 2e9, 5


def seconds(call: Callable[..., Any], arrays: list[Any], operations: float) -> float:
    """Return the seconds of a call, the best of some turns of many."""
    calls = max(3, min(2000, round(OPERATIONS / operations)))
    call(*arrays)
    found = []
    for _ in range(TURNS):
        began = time.perf_counter()
        for _ in range(calls):
            made = call(*arrays)
        jax.block_until_ready(made)
        found.append((time.perf_counter() - began) / calls)
    return min(found)


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(cores())
    table = Table(box=SIMPLE_HEAD, title="XLA's speed over PyTorch's", title_justify="left")
    table.add_column("batch, inputs, outputs")
    for product in PRODUCTS:
        table.add_column(product, justify="right")
    rng = np.random.default_rng(0)
    for batch, inputs, outputs in SHAPES:
        sizes = (batch, inputs), (outputs, inputs), (batch, outputs)
        arrays = [rng.normal(size=size).astype(np.float32) for size in sizes]
        tensors = [torch.tensor(array) for array in arrays]
        placed = [jax.device_put(array) for array in arrays]
        row = []
        for product in PRODUCTS.values():
            compiled = jax.jit(product).lower(*placed).compile()
            theirs = seconds(product, tensors, batch * inputs * outputs)
            ours = seconds(compiled, placed, batch * inputs * outputs)
            row.append(f"{theirs / ours:.2f}")
        table.add_row(f"{batch}, {inputs}, {outputs}", *row)
    Console(highlight=False).print(table)


if __name__ == "__main__":
    main()
