"""The implementations that are compared: the same training, as each tool's users write it.

All train f(x) = V·ReLU(Wx + b) at batch size 1 on fresh x ~ N(0, I) with random labels and
binary cross-entropy, from PyTorch's usual initial parameters. Each peer is given its best: what
it compiles is compiled beforehand, and the number of replicas is the fastest of several.
"""

import importlib.util
import logging
import math
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

LEARNING_RATE = 0.05
# A loop ends early when it has taken so long: beside other work, PyTorch's threads may wait for
# each other a hundred times as long as they compute.
LONGEST = 5.0
RECORD_EVERY = 80


@dataclass(frozen=True)
class Timing:
    """One timed piece of work.

    Attributes
    ----------
    replicas : int
        Replicas trained side by side.
    steps : int
        Replica-steps made, of all together.
    seconds : float
        Time they took.
    preparing : float, optional
        Time that planning and compiling took before them.
    """

    replicas: int
    steps: int
    seconds: float
    preparing: float | None = None

    @property
    def rate(self) -> float:
        """Return million replica-steps per second."""
        return 1e-6 * self.steps / self.seconds


class Peer(Protocol):
    """One implementation at one size."""

    @property
    def name(self) -> str:
        """What it is called in the tables."""

    @property
    def replicas(self) -> int:
        """Replicas trained side by side."""

    def run(self, steps: int) -> Timing:
        """Make about `steps` steps of every replica, from the initial parameters on."""


class Missing(Exception):
    """The peer cannot be measured here, and why."""


def torch_loop(units: int) -> Peer:
    """Return the loop that researchers write: one replica, a module, an optimizer."""
    torch = _torch()

    class TwoLayer(torch.nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.hidden = torch.nn.Linear(units, units)
            self.out = torch.nn.Linear(units, 1, bias=False)

        def forward(self, x: Any) -> Any:
            return self.out(torch.relu(self.hidden(x)))

    def run(steps: int) -> Timing:
        model = TwoLayer()
        optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
        criterion = torch.nn.BCEWithLogitsLoss()
        began, made = time.perf_counter(), 0
        while made < steps and time.perf_counter() - began < LONGEST:
            made += 1
            x = torch.randn(1, units)
            y = torch.randint(0, 2, (1, 1)).float()
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        return Timing(1, made, time.perf_counter() - began)

    return _Plain("PyTorch loop", 1, run)


def torch_vmap(units: int) -> Peer:
    """Return `torch.func`: the gradient of one replica, mapped over all, a step a call."""
    torch = _torch()
    functional = torch.nn.functional

    def loss(params: dict[str, Any], x: Any, y: Any) -> Any:
        f = params["V"] @ torch.relu(params["W"] @ x + params["b"])
        return functional.binary_cross_entropy_with_logits(f, y)

    gradient = torch.func.vmap(torch.func.grad(loss))

    def peer(replicas: int) -> Peer:
        def run(steps: int) -> Timing:
            bound = 1 / math.sqrt(units)
            shapes = {"W": (units, units), "b": (units,), "V": (units,)}
            params = {
                key: torch.empty(replicas, *shape).uniform_(-bound, bound)
                for key, shape in shapes.items()
            }
            began, made = time.perf_counter(), 0
            while made < steps and time.perf_counter() - began < LONGEST:
                made += 1
                # One call for all replicas beats vmap's own randomness; so does the update in
                # place.
                x = torch.randn(replicas, units)
                y = torch.randint(0, 2, (replicas,)).float()
                for key, g in gradient(params, x, y).items():
                    params[key].sub_(g, alpha=LEARNING_RATE)
            return Timing(replicas, replicas * made, time.perf_counter() - began)

        return _Plain("torch.func.vmap", replicas, run)

    candidates = (256, 1024, 4096) if units <= 30 else (16, 64, 256)
    return _fastest([peer(replicas) for replicas in candidates], steps=20)


def plain_jax(units: int) -> Peer:
    """Return JAX as its documentation teaches it: `vmap` of a `scan` of `grad`, under `jit`."""
    candidates = (64, 256, 1024, 4096) if units <= 30 else (8, 16, 64, 256)
    return _fastest([_PlainJax(units, replicas) for replicas in candidates], steps=1)


class _PlainJax:
    name = "plain JAX"

    def __init__(self, units: int, replicas: int) -> None:
        import jax
        import jax.numpy as jnp
        import optax

        self.replicas, self._jax = replicas, jax
        # Steps a call: so many that the call itself does not show.
        self._length = max(1, 3_000_000 // units // replicas)

        def initial(key: Any) -> dict[str, Any]:
            bound = 1 / math.sqrt(units)
            shapes = {"W": (units, units), "b": (units,), "V": (units,)}
            keys = jax.random.split(key, len(shapes))
            return {
                name: jax.random.uniform(k, shape, minval=-bound, maxval=bound)
                for k, (name, shape) in zip(keys, shapes.items(), strict=True)
            }

        def loss(params: dict[str, Any], x: Any, y: Any) -> Any:
            f = params["V"] @ jax.nn.relu(params["W"] @ x + params["b"])
            return optax.losses.sigmoid_binary_cross_entropy(f, y)

        def trajectory(params: dict[str, Any], key: Any, first: Any) -> dict[str, Any]:
            def step(params: dict[str, Any], number: Any) -> tuple[dict[str, Any], None]:
                for_x, for_y = jax.random.split(jax.random.fold_in(key, number))
                x = jax.random.normal(for_x, (units,))
                y = jax.random.bernoulli(for_y).astype(jnp.float32)
                gradient = jax.grad(loss)(params, x, y)
                return jax.tree.map(lambda p, g: p - LEARNING_RATE * g, params, gradient), None

            return jax.lax.scan(step, params, first + jnp.arange(self._length))[0]

        self._keys = jax.random.split(jax.random.key(0), replicas)
        self._params = jax.jit(jax.vmap(initial))(self._keys)
        mapped = jax.jit(jax.vmap(trajectory, in_axes=(0, 0, None)))
        began = time.perf_counter()
        self._compiled = mapped.lower(self._params, self._keys, 0).compile()
        self._preparing = time.perf_counter() - began

    def run(self, steps: int) -> Timing:
        calls = max(1, round(steps / self._length))
        params = self._params
        began = time.perf_counter()
        for call in range(calls):
            params = self._compiled(params, self._keys, call * self._length)
        self._jax.block_until_ready(params)
        seconds = time.perf_counter() - began
        made = self.replicas * calls * self._length
        return Timing(self.replicas, made, seconds, self._preparing)


class Soret:
    """`soret.simulate`, recording two observables as it goes.

    A call of `simulate` first plans and compiles, and logs its plan when that is done. The time
    until then is reported apart, and all that follows counts as the run: drawing the initial
    parameters, recording, and putting the result together. (The difference of a long and a short
    run would measure the same, but carries the noise of two compilations.)
    """

    name = "soret"

    def __init__(self, units: int) -> None:
        import soret

        self.replicas = 2048 if units <= 30 else 256
        self._problem = soret.problems.two_layer(inputs=units, hidden=units)
        self._planned: list[float] = []
        _on_plan(lambda: self._planned.append(time.perf_counter()))

    def run(self, steps: int) -> Timing:
        import soret

        steps = RECORD_EVERY * max(1, round(steps / RECORD_EVERY))
        self._planned.clear()
        began = time.perf_counter()
        soret.simulate(
            self._problem,
            soret.SGD(learning_rate=LEARNING_RATE, batch_size=1),
            observe=[soret.observables.activation_rate, soret.observables.weight_norm],
            steps=steps,
            replicas=self.replicas,
            record_every=RECORD_EVERY,
            progress=False,
        )
        ended = time.perf_counter()
        planned = self._planned[0]
        made = self.replicas * steps
        return Timing(self.replicas, made, ended - planned, planned - began)


@dataclass
class Native:
    """A C program of no generality at all: how fast this machine can go.

    It is called with the number of units, of groups of 16 replicas, and of steps, and prints
    a line with `R=<replicas> T=<steps>: <seconds>s`.
    """

    units: int
    source: Path
    name: str = "native limit"
    replicas: int = field(init=False)

    def __post_init__(self) -> None:
        if shutil.which("gcc") is None:
            raise Missing("no gcc")
        self._groups = 16 if self.units <= 30 else 4
        self.replicas = 16 * self._groups
        self._folder = tempfile.TemporaryDirectory()
        self._program = str(Path(self._folder.name) / "limit")
        flags = ["-Ofast", "-march=native", "-fopenmp"]
        # Known to x86 alone.
        wide = ["-mprefer-vector-width=512"]
        for extra in (wide, []):
            command = ["gcc", *flags, *extra, str(self.source), "-o", self._program, "-lm"]
            began = time.perf_counter()
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            self._preparing = time.perf_counter() - began
            if done.returncode == 0:
                return
        raise Missing(f"gcc fails: {done.stderr.strip().splitlines()[0]}")

    def run(self, steps: int) -> Timing:
        """Run the program; take the time it reports."""
        command = [self._program, str(self.units), str(self._groups), str(steps)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = re.search(r"R=(\d+) T=(\d+): ([\d.]+)s", said)
        if found is None:
            raise RuntimeError(f"{self.source} printed {said!r}, which has no R=…, T=… and seconds")
        replicas, steps = int(found[1]), int(found[2])
        # It reports milliseconds.
        seconds = max(float(found[3]), 1e-3)
        return Timing(replicas, replicas * steps, seconds, self._preparing)


@dataclass(frozen=True)
class _Plain:
    """A peer that needs no preparation."""

    name: str
    replicas: int
    run: Callable[[int], Timing]


class _FastestOf:
    """The fastest of several: in every turn each is run, and the best one counts."""

    def __init__(self, candidates: Sequence[Peer]) -> None:
        self._candidates = candidates
        self.name, self.replicas = candidates[0].name, candidates[0].replicas

    def run(self, steps: int) -> Timing:
        total = steps * self.replicas
        timings = [peer.run(max(1, round(total / peer.replicas))) for peer in self._candidates]
        return max(timings, key=lambda timing: timing.rate)


def _fastest(candidates: Sequence[Peer], steps: int) -> Peer:
    """Return the better two of the candidates, by two tries each after one to warm up.

    Two, because which is the very best depends on what else the machine is doing.
    """
    best = [0.0] * len(candidates)
    for attempt in range(3):
        for i, peer in enumerate(candidates):
            rate = peer.run(steps).rate
            if attempt:
                best[i] = max(best[i], rate)
    order = sorted(range(len(candidates)), key=lambda i: -best[i])
    return _FastestOf([candidates[i] for i in order[:2]])


def _torch() -> Any:
    if importlib.util.find_spec("torch") is None:
        raise Missing("PyTorch is not installed")
    import torch

    return torch


def _on_plan(call: Callable[[], Any]) -> None:
    """Call a function whenever `simulate` logs its plan."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            call()

    log = logging.getLogger("soret")
    log.setLevel(logging.INFO)
    log.addHandler(Handler())
