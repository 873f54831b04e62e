"""How fast are nets of real size trained, one replica and eight, beside PyTorch?

Dense nets on 784 pixels and the conv net of `thermophoresis/conv-gradient-variance`, ten classes,
cross-entropy, SGD on mini-batches drawn at random from 4,096 images of noise (speed does not depend
on what they show). Steps of one replica per second, without what drawing initial parameters takes.
A machine's speed drifts, so the peers take turns and ratios are taken within a turn. PyTorch's
threads are set to the cores.

    python benchmarks/nets.py                      # about ten minutes on two cores
    python benchmarks/nets.py --turns 3 --nets wide
"""

import argparse
import importlib.util
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import soret

RATE, EXAMPLES, CLASSES = 0.01, 4096, 10
MANY = 8
# A turn of each peer, in seconds; never fewer steps than this.
SECONDS, LEAST = 3.0, 4
ROUND = 20

report = Console(highlight=False)


@dataclass(frozen=True)
class Net:
    """A net and its batch size.

    Attributes
    ----------
    hidden : tuple of int
        Widths of a dense net; empty for the conv net.
    batch : int
    what : str
    """

    hidden: tuple[int, ...]
    batch: int
    what: str

    @property
    def convolutional(self) -> bool:
        """Whether it is the conv net: five layers of ten channels, 5 x 5, padding 2."""
        return not self.hidden


NETS = {
    "small": Net((32,), 8, "784–32–10, B = 8"),
    "deep": Net((100, 100), 100, "784–100–100–10, B = 100"),
    "wider": Net((256, 256, 256), 32, "784–256–256–256–10, B = 32"),
    "wide": Net((2048, 2048, 2048), 100, "784–2048–2048–2048–10, B = 100"),
    "conv": Net((), 64, "five convolutions of ten channels, B = 64"),
}

Run = Callable[[int], float]
"""Makes so many steps of every replica and returns the seconds they took."""


def ours(net: Net, replicas: int) -> Run:
    """`soret.simulate`; planning and compiling are left out, by its log of the plan."""
    problem = problem_of(net)

    def run(steps: int) -> float:
        return seconds_of(experiment(net, replicas, steps, problem))

    return run


def problem_of(net: Net) -> soret.Problem:
    """Return the net on images of noise."""
    rng = np.random.default_rng(0)
    classes = tuple(str(n) for n in range(CLASSES))
    inputs = rng.uniform(size=(EXAMPLES, 28, 28))
    data = soret.Dataset("noise", inputs, rng.integers(0, CLASSES, EXAMPLES), classes)
    if net.convolutional:
        return soret.problems.conv(5, 10, padding=2, data=data)
    return soret.problems.dense(hidden=net.hidden, data=data)


def experiment(net: Net, replicas: int, steps: int, problem: soret.Problem) -> soret.Experiment:
    """Return the training of so many replicas."""
    return soret.Experiment(
        problem=problem,
        algorithm=soret.SGD(RATE, batch_size=net.batch),
        observe=soret.observables.parameter_norm,
        steps=steps,
        record_every=steps,
        replicas=replicas,
    )


def seconds_of(experiment: soret.Experiment) -> float:
    """Plan and compile; then run the blocks as `simulate` does, and return how long these took."""
    from concurrent.futures import ThreadPoolExecutor

    from soret.dynamics.compute import compute
    from soret.dynamics.plan import make_plan

    plan = make_plan(experiment)
    began = time.perf_counter()
    with ThreadPoolExecutor(len(plan.devices)) as pool:
        list(pool.map(lambda block: compute(block, pause=lambda: None), plan.blocks))
    return time.perf_counter() - began


def pytorch_loop(net: Net) -> Run:
    """One replica: a module, `torch.optim.SGD`, `backward`."""
    import torch

    torch.set_num_threads(cores())
    module = pytorch_module(net)
    sgd = torch.optim.SGD(module.parameters(), RATE)
    x, y = pytorch_data(net)

    def run(steps: int) -> float:
        began = time.perf_counter()
        for _ in range(steps):
            drawn = torch.randint(EXAMPLES, (net.batch,))
            sgd.zero_grad()
            torch.nn.functional.cross_entropy(module(x[drawn]), y[drawn]).backward()
            sgd.step()
        return time.perf_counter() - began

    return run


def pytorch_vmap(net: Net) -> Run:
    """Eight replicas by `torch.func`: the gradient of one, mapped over all, a step a call."""
    import torch

    torch.set_num_threads(cores())
    modules = [pytorch_module(net) for _ in range(MANY)]
    params, _ = torch.func.stack_module_state(modules)
    params = {name: value.detach() for name, value in params.items()}
    x, y = pytorch_data(net)

    def loss(params: dict[str, Any], x: Any, y: Any) -> Any:
        outputs = torch.func.functional_call(modules[0], params, (x,))
        return torch.nn.functional.cross_entropy(outputs, y)

    gradient = torch.func.vmap(torch.func.grad(loss))

    def run(steps: int) -> float:
        began = time.perf_counter()
        for _ in range(steps):
            drawn = torch.randint(EXAMPLES, (MANY, net.batch))
            for name, g in gradient(params, x[drawn], y[drawn]).items():
                params[name].sub_(g, alpha=RATE)
        return time.perf_counter() - began

    return run


def pytorch_module(net: Net) -> Any:
    """Return the net as a module of PyTorch."""
    import torch

    layers: list[Any] = []
    if net.convolutional:
        for n in range(5):
            layers += [torch.nn.Conv2d(1 if n == 0 else 10, 10, 5, padding=2), torch.nn.ReLU()]
        return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(7840, CLASSES))
    widths = (784, *net.hidden)
    for before, after in pairwise(widths):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(widths[-1], CLASSES))


def pytorch_data(net: Net) -> tuple[Any, Any]:
    """Return images of noise and labels as tensors."""
    import torch

    shape = (1, 28, 28) if net.convolutional else (784,)
    return torch.rand(EXAMPLES, *shape), torch.randint(CLASSES, (EXAMPLES,))


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compare(net: Net, turns: int) -> dict[str, list[float]]:
    """Measure all peers on a net, taking turns; return replica-steps per second."""
    peers = {"soret, 1 replica": (ours(net, 1), 1), f"soret, {MANY}": (ours(net, MANY), MANY)}
    if importlib.util.find_spec("torch"):
        peers["PyTorch loop"] = (pytorch_loop(net), 1)
        peers["torch.func.vmap"] = (pytorch_vmap(net), MANY)
    steps = {name: steps_lasting(SECONDS, run) for name, (run, _) in peers.items()}
    found: dict[str, list[float]] = {name: [] for name in peers}
    for turn in range(turns):
        report.print(f"{net.what}: turn {turn + 1} of {turns}")
        for name, (run, replicas) in peers.items():
            found[name].append(replicas * steps[name] / beyond_start(run, steps[name]))
    return found


def beyond_start(run: Run, steps: int) -> float:
    """Return the seconds that so many steps add to a run: initial parameters are left out.

    PyTorch's peers draw theirs before they are timed, and a wide net's take as long as two steps.
    """
    return run(steps + ROUND) - run(ROUND)


def steps_lasting(seconds: float, run: Run) -> int:
    """Return how many steps take about so long, after what a first call of that length costs."""
    steps = LEAST
    while run(steps) < seconds / 4:
        steps *= 4
    return whole(seconds * steps / run(steps))


def whole(steps: float) -> int:
    """Return a round number of steps, as users choose: soret draws batches of divisors of it."""
    return max(LEAST, ROUND * round(steps / ROUND))


def laid_out(net: Net, found: dict[str, list[float]]) -> Table:
    """Lay out one net's speeds, and Soret's over each peer's of as many replicas."""
    table = Table(title=f"{net.what}: replica-steps per second", box=SIMPLE_HEAD)
    for heading in ("", "median", "range", "soret ÷ it", "range"):
        table.add_column(heading, justify="right" if heading else "left")
    against = {"PyTorch loop": "soret, 1 replica", "torch.func.vmap": f"soret, {MANY}"}
    for name, rates in found.items():
        ratios = ratio(found[against[name]], rates) if name in against else []
        table.add_row(name, *spread(rates), *spread(ratios))
    return table


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return the ratios turn by turn."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def spread(values: Sequence[float]) -> tuple[str, str]:
    """Return the median and the range, as text."""
    if not values:
        return "", ""
    return f"{statistics.median(values):.3g}", f"{min(values):.3g}–{max(values):.3g}"


def main() -> None:
    """Measure, print, and write the numbers where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    if not importlib.util.find_spec("torch"):
        report.print("PyTorch is not installed here; its rows are left out.")
    numbers = {}
    for name in options.nets:
        numbers[name] = compare(NETS[name], options.turns)
        report.print(laid_out(NETS[name], numbers[name]))
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
