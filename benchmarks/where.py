"""Where does the time of a step go: matrix products, updates, data, the rest?

Of a net of `nets.py`, from the operations that XLA's profiler sees on each core. Matrix products
are told with the number of operations that they make a second, which is what a machine limits.

    python benchmarks/where.py wide --replicas 8 --steps 40
"""

import argparse
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import jax
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import nets
from soret.dynamics.compute import compute
from soret.dynamics.plan import make_plan

_SMALLEST = 0.005


def seen(folder: Path) -> Counter[str]:
    """Return the seconds of each kind of operation, summed over cores, innermost events alone."""
    (path,) = folder.rglob("*.xplane.pb")
    found: Counter[str] = Counter()
    for plane in jax.profiler.ProfileData.from_file(str(path)).planes:
        for line in plane.lines:
            own: list[tuple[float, float, str]] = [
                (event.start_ns, event.start_ns + event.duration_ns, event.name)
                for event in line.events
                if any(key == "hlo_op" for key, _ in event.stats)
            ]
            for name, took in without_inner(sorted(own, key=lambda e: (e[0], -e[1]))):
                found[name.rstrip("0123456789").rstrip(".")] += took / 1e9
    return found


def without_inner(events: list[tuple[float, float, str]]) -> list[tuple[str, float]]:
    """Return each event's time less that of the events within it."""
    found: list[list] = []
    open_: list[int] = []
    for start, end, name in events:
        while open_ and found[open_[-1]][2] <= start:
            open_.pop()
        if open_:
            found[open_[-1]][1] -= end - start
        open_.append(len(found))
        found.append([name, end - start, end])
    return [(name, took) for name, took, _ in found]


def products(net: nets.Net) -> float:
    """Return the operations of a dense net's products in a step of one replica."""
    widths = [784, *net.hidden, nets.CLASSES]
    layers = [a * b for a, b in pairwise(widths)]
    # Outputs, gradient of the weights, and, beyond the first layer, of the inputs.
    return 2.0 * net.batch * (3 * sum(layers) - layers[0])


def main() -> None:
    """Run, with the profiler on after the first call, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("net", choices=nets.NETS)
    parser.add_argument("--replicas", type=int, default=nets.MANY)
    parser.add_argument("--steps", type=int, default=40)
    asked = parser.parse_args()
    net = nets.NETS[asked.net]
    took, found = profiled(net, asked.replicas, asked.steps)
    table = Table(box=SIMPLE_HEAD, title_justify="left", title=net.what)
    for column in ("operation", "seconds of a core", "share"):
        table.add_column(column, justify="left" if column == "operation" else "right")
    whole = sum(found.values())
    for name, seconds in found.most_common():
        if seconds > _SMALLEST * whole:
            table.add_row(name, f"{seconds:.2f}", f"{seconds / whole:.0%}")
    console = Console(highlight=False)
    console.print(table)
    steps = asked.steps * asked.replicas
    console.print(
        f"{steps} steps in {took:.2f} s, {steps / took:.1f} a second; {nets.cores()} cores"
    )
    # YNN, a library of kernels of XLA's, makes products too.
    made = ("dot", "ynn_fusion")
    dots = sum(seconds for name, seconds in found.items() if name.startswith(made))
    if not net.convolutional and dots:
        rate = products(net) * steps / dots / 1e9
        console.print(f"products: {rate:.0f} G operations a second and core, within them")


def profiled(net: nets.Net, replicas: int, steps: int) -> tuple[float, Counter[str]]:
    """Return the seconds that the steps took, and those of each kind of operation."""
    from concurrent.futures import ThreadPoolExecutor

    plan = make_plan(nets.experiment(net, replicas, steps))
    with ThreadPoolExecutor(len(plan.devices)) as pool, tempfile.TemporaryDirectory() as folder:

        def run() -> None:
            list(pool.map(lambda block: compute(block, pause=lambda: None), plan.blocks))

        run()
        with jax.profiler.trace(folder):
            began = time.perf_counter()
            run()
            took = time.perf_counter() - began
        return took, seen(Path(folder))


if __name__ == "__main__":
    main()
