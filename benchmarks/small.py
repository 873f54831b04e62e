"""How fast are regressions and surfaces of few dimensions, beside JAX as its documentation has it?

Linear regression on fresh Gaussian inputs at batch size 1, and gradient descent with isotropic
Gaussian noise on the surface ½ Σ i xᵢ². In million replica-steps per second; the peers take turns
and ratios are taken within a turn. Plain JAX is `jit` of `vmap` of a `scan` of `grad`, keys split
at every step, at the best of several numbers of replicas. Compiling is left out.

    python benchmarks/small.py                     # about three minutes on two cores
    python benchmarks/small.py --turns 3 --dimensions 2
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import soret
from nets import ratio, seconds_of, spread

RATE, NOISE = 0.01, 1.0
REPLICAS, RECORD_EVERY = 2048, 1000
SECONDS = 1.5
KINDS = ("regression", "surface")

report = Console(highlight=False)

Run = Callable[[int], tuple[int, float]]
"""Makes about so many steps of every replica; returns replica-steps made and the seconds."""


def problem_of(kind: str, dimensions: int) -> soret.Problem:
    """Return what is simulated."""
    if kind == "regression":
        return soret.problems.linear_regression(dimensions, examples=None)
    curvature = np.arange(1, dimensions + 1, dtype=np.float32)
    return soret.problems.surface(
        lambda x: 0.5 * jnp.sum(curvature * x**2), start=np.ones(dimensions), strength=NOISE
    )


def ours(kind: str, dimensions: int) -> Run:
    """`soret.simulate`, recording the norm of the parameters."""
    problem = problem_of(kind, dimensions)

    def run(steps: int) -> tuple[int, float]:
        steps = RECORD_EVERY * max(1, round(steps / RECORD_EVERY))
        experiment = soret.Experiment(
            problem=problem,
            algorithm=soret.SGD(RATE),
            observe=soret.observables.parameter_norm,
            steps=steps,
            record_every=RECORD_EVERY,
            replicas=REPLICAS,
        )
        return steps * REPLICAS, seconds_of(experiment)

    return run


def plain_jax(kind: str, dimensions: int) -> Run:
    """Return the fastest of several numbers of replicas."""
    tried = {n: _plain_jax(kind, dimensions, n) for n in (256, 2048, 16384)}

    def seconds(replicas: int) -> float:
        made, took = tried[replicas](1)
        return took / made

    return tried[min(tried, key=seconds)]


def _plain_jax(kind: str, dimensions: int, replicas: int) -> Run:
    curvature = jnp.arange(1, dimensions + 1, dtype=jnp.float32)
    length = max(1, 20_000_000 // dimensions // replicas)

    def loss(theta: Any, key: Any) -> Any:
        noise = jax.random.normal(key, (dimensions + 1,))
        if kind == "regression":
            return 0.5 * (noise[:-1] @ theta + noise[-1]) ** 2
        return 0.5 * jnp.sum(curvature * theta**2) + NOISE * noise[:-1] @ theta

    def trajectory(theta: Any, key: Any, first: Any) -> Any:
        def step(theta: Any, number: Any) -> tuple[Any, None]:
            gradient = jax.grad(loss)(theta, jax.random.fold_in(key, number))
            return theta - RATE * gradient, None

        return jax.lax.scan(step, theta, first + jnp.arange(length))[0]

    keys = jax.random.split(jax.random.key(0), replicas)
    begun = jnp.ones((replicas, dimensions))
    mapped = jax.jit(jax.vmap(trajectory, in_axes=(0, 0, None)))
    compiled = mapped.lower(begun, keys, 0).compile()

    def run(steps: int) -> tuple[int, float]:
        theta, calls = begun, max(1, round(steps / length))
        began = time.perf_counter()
        for call in range(calls):
            theta = compiled(theta, keys, call * length)
        jax.block_until_ready(theta)
        return calls * length * replicas, time.perf_counter() - began

    return run


def lasting(run: Run) -> int:
    """Return how many steps take about a turn."""
    run(1)
    steps = RECORD_EVERY
    while (took := run(steps)[1]) < SECONDS / 4:
        steps *= 4
    return max(1, round(steps * SECONDS / took))


def main() -> None:
    """Measure, print, and write the numbers where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dimensions", type=int, nargs="+", default=[1, 2, 5, 10, 20])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write every turn's numbers to this file")
    options = parser.parse_args()
    table = Table(box=SIMPLE_HEAD, title="million replica-steps per second", title_justify="left")
    table.add_column("")
    for heading in ("soret", "plain JAX", "soret ÷ plain JAX", "range"):
        table.add_column(heading, justify="right")
    numbers = {}
    for kind in KINDS:
        for dimensions in options.dimensions:
            name = f"{kind}, {dimensions} dimension{'s' if dimensions > 1 else ''}"
            peers = {"soret": ours(kind, dimensions), "plain JAX": plain_jax(kind, dimensions)}
            steps = {peer: lasting(run) for peer, run in peers.items()}
            rates: dict[str, list[float]] = {peer: [] for peer in peers}
            for _ in range(options.turns):
                for peer, run in peers.items():
                    made, took = run(steps[peer])
                    rates[peer].append(1e-6 * made / took)
            medians = (spread(found)[0] for found in rates.values())
            table.add_row(name, *medians, *spread(ratio(*rates.values())))
            numbers[name] = rates
    report.print(table)
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
