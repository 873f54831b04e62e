"""How long do the top eigenvalues and the trace of a Hessian take, and do the tools agree?

Soret is measured against what is used for it with PyTorch: PyHessian, curvlinops and
hessian-eigenthings, each where it is installed, in one run on one machine. The net is
784-100-100-10 with ReLU and cross-entropy on 2,000 examples of MNIST, all in one batch, float32,
after some steps of gradient descent. The peers take turns, and ratios are taken within a turn.

Asked for are five eigenvalues, each with ‖Hv − λv‖ ≤ 10⁻³ λ, and 100 samples of Hutchinson's
estimate of the trace. PyHessian knows another criterion, that an eigenvalue changes by less than
so much of itself from one power iteration to the next, and no residual. By its default, 10⁻³, it
stops early; at 10⁻⁶ ("strict") its residuals come down to what is asked for. Residuals of all are
computed afterwards and given. Times begin with the net and the parameters, and include building
and compiling.

    python benchmarks/landscape.py                  # about two minutes on two cores
    python benchmarks/landscape.py --steps 0        # at the initial parameters
"""

import argparse
import importlib.metadata
import importlib.util
import json
import logging
import os
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import soret

SIZES = (784, 100, 100, 10)
EIGENVALUES = 5
TOLERANCE = 1e-3
SAMPLES = 100
SORET, PYHESSIAN, STRICT = "soret", "PyHessian", "PyHessian, strict"
# Within what the requirements hold: the tolerance asked for, and deviations of the traces.
AGREE, DEVIATIONS = 1e-3, 4.0

report = Console(width=100, highlight=False)
aside = Console(stderr=True, highlight=False)


class Missing(Exception):
    """The peer cannot be measured here, and why."""


@dataclass(frozen=True)
class Answer:
    """What a peer found: eigenvalues (k,), vectors (k, parameters), samples of the trace."""

    values: np.ndarray
    vectors: np.ndarray
    trace: float
    error: float
    seconds: tuple[float, float, float]
    """Building, eigenvalues, trace."""


@dataclass
class Measured:
    """A peer's turns; `missing` says why there are none."""

    name: str
    seconds: list[tuple[float, float, float]] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    residuals: list[float] = field(default_factory=list)
    trace: float = 0.0
    error: float = 0.0
    missing: str = ""

    @property
    def totals(self) -> list[float]:
        """Seconds of each turn."""
        return [sum(parts) for parts in self.seconds]


Net = list[dict[str, Any]]
Peer = Callable[[soret.Problem, Net], Answer]


def main() -> None:
    """Measure, print, and write the numbers where asked to."""
    options = _options()
    load = _load()
    problem, note = make_problem(options.examples)
    params = descend(problem, options.steps)
    versions = {name: _version(name) for name in ("soret", "jax", "torch", "scipy", *PACKAGES)}
    report.print(", ".join(f"{k} {v}" for k, v in versions.items()), soft_wrap=True)
    report.print(f"{note}; {options.steps} steps of gradient descent; load {load} → ", end="")
    found = compare(problem, params, options.turns)
    report.print(_load())
    report.print(table(found))
    asked = requirements(found)
    for line in asked:
        report.print(line, soft_wrap=True)
    if options.json:
        numbers = {
            "versions": versions,
            "data": note,
            "steps": options.steps,
            "peers": [asdict(one) for one in found],
            "requirements": asked,
        }
        options.json.write_text(json.dumps(numbers, indent=1) + "\n")


def make_problem(examples: int) -> tuple[soret.Problem, str]:
    """Return the net on MNIST, or on random pixels where MNIST is not at hand."""
    try:
        data = soret.data.load("mnist").first(examples)
        note = data.description
    except soret.SoretError as error:
        aside.print(f"MNIST is not at hand ({error})")
        rng = np.random.default_rng(0)
        note = f"{examples} images of random pixels with random labels, MNIST not being at hand"
        names = tuple(map(str, range(10)))
        inputs = rng.uniform(size=(examples, 28, 28))
        data = soret.Dataset("pixels", inputs, rng.integers(0, 10, examples), names, note)

    def init(key: jax.Array) -> Net:
        keys = jax.random.split(key, len(SIZES) - 1)
        return [_layer(k, n, m) for k, n, m in zip(keys, SIZES, SIZES[1:], strict=False)]

    def predict(params: Net, x: jax.Array) -> jax.Array:
        x = x.reshape(-1)
        for layer in params[:-1]:
            x = jax.nn.relu(layer["W"] @ x + layer["b"])
        return params[-1]["W"] @ x + params[-1]["b"]

    return soret.Problem(init, predict, "cross_entropy", data, name="784-100-100-10"), note


def descend(problem: soret.Problem, steps: int) -> Net:
    """Return the parameters after so many steps of gradient descent, η = 0.1."""
    assert isinstance(problem.data, soret.Dataset)
    batch = jnp.asarray(problem.data.inputs), jnp.asarray(problem.data.labels)

    @jax.jit
    def step(params: Net) -> Net:
        gradient = jax.grad(problem.batch_loss)(params, batch)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient)

    params = problem.initial(jax.random.key(0))
    for _ in range(steps):
        params = step(params)
    return jax.block_until_ready(params)


def compare(problem: soret.Problem, params: Net, turns: int) -> list[Measured]:
    """Measure all peers, taking turns."""
    found = {name: Measured(name) for name in PEERS}
    judge = soret.landscape.hessian(problem, params)
    for turn in range(turns):
        for name, peer in PEERS.items():
            one = found[name]
            # What takes long and is there for its eigenvalues takes one turn.
            if one.missing or (turn and name == STRICT):
                continue
            aside.print(f"turn {turn + 1} of {turns}: {name}")
            try:
                answer = peer(problem, params)
            except Missing as missing:
                one.missing = str(missing)
                continue
            one.seconds.append(answer.seconds)
            aside.print(", ".join(f"{part:.2f} s" for part in answer.seconds))
            order = np.argsort(-answer.values)
            values, vectors = answer.values[order], answer.vectors[order]
            vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            misfit = judge.operator.matmat(vectors) - values[:, None] * vectors
            one.values = values.tolist()
            one.residuals = (np.linalg.norm(misfit, axis=1) / np.abs(values)).tolist()
            one.trace, one.error = answer.trace, answer.error
    return list(found.values())


def measure_soret(problem: soret.Problem, params: Net) -> Answer:
    """`soret.landscape`: ARPACK over products of a linearized gradient."""
    clock = Clock()
    H = soret.landscape.hessian(problem, params)
    # The first product linearizes and compiles.
    H.matvec(np.ones(H.size))
    clock.lap()
    pairs = H.top(EIGENVALUES, which="magnitude", tol=TOLERANCE)
    clock.lap()
    trace = H.trace(SAMPLES)
    clock.lap()
    return Answer(pairs.values, pairs.vectors, trace.value, trace.standard_error, clock.laps())


def measure_pyhessian(problem: soret.Problem, params: Net) -> Answer:
    """PyHessian: power iteration with deflation, by its own criterion."""
    return _pyhessian(problem, params, 100, TOLERANCE)


def measure_pyhessian_strictly(problem: soret.Problem, params: Net) -> Answer:
    """PyHessian with up to 400 iterations an eigenvalue and a tolerance of 10⁻⁶."""
    return _pyhessian(problem, params, 400, 1e-6)


def _pyhessian(problem: soret.Problem, params: Net, iterations: int, tol: float) -> Answer:
    _require("pyhessian")
    import torch
    from pyhessian import hessian

    model, batch = _in_torch(problem, params)
    clock = Clock()
    H = hessian(model, torch.nn.CrossEntropyLoss(), data=batch, cuda=False)
    clock.lap()
    values, vectors = H.eigenvalues(maxIter=iterations, tol=tol, top_n=EIGENVALUES)
    clock.lap()
    # Its own criterion would stop where two means happen to be close, or one is negative.
    samples = np.array(H.trace(maxIter=SAMPLES, tol=-np.inf))
    clock.lap()
    flat = [torch.cat([part.ravel() for part in v]).numpy() for v in vectors]
    return _sampled(values, flat, samples, clock)


def measure_curvlinops(problem: soret.Problem, params: Net) -> Answer:
    """curvlinops: its products, with ARPACK as its documentation has it."""
    _require("curvlinops")
    import torch
    from curvlinops import HessianLinearOperator
    from scipy.sparse.linalg import eigsh

    model, batch = _in_torch(problem, params)
    clock = Clock()
    parameters = [p for p in model.parameters() if p.requires_grad]
    H = HessianLinearOperator(model, torch.nn.CrossEntropyLoss(), parameters, [batch])
    clock.lap()
    first = np.random.default_rng(0).normal(size=H.shape[0])
    values, columns = eigsh(H.to_scipy(), EIGENVALUES, which="LM", tol=TOLERANCE / 2, v0=first)
    clock.lap()
    signs = torch.randint(0, 2, (SAMPLES, H.shape[0])).float() * 2 - 1
    samples = np.array([float(z @ (H @ z)) for z in signs])
    clock.lap()
    return _sampled(values, columns.T, samples, clock)


def measure_eigenthings(problem: soret.Problem, params: Net) -> Answer:
    """hessian-eigenthings: Lanczos without restarts, deeper until it says it has converged."""
    _require("hessian_eigenthings")
    import torch
    from hessian_eigenthings import HessianOperator, lanczos, supervised_loss, trace

    model, batch = _in_torch(problem, params)
    clock = Clock()
    H = HessianOperator(model, [batch], supervised_loss(torch.nn.CrossEntropyLoss()))
    clock.lap()
    for depth in (40, 80, 160, 320):
        found = lanczos(
            H, k=EIGENVALUES, max_iter=depth, tol=TOLERANCE, reorthogonalize=True, seed=0
        )
        if bool(found.converged.all()):
            break
    clock.lap()
    samples = trace(H, num_matvecs=SAMPLES, method="hutchinson", seed=0).samples.numpy()
    clock.lap()
    return _sampled(found.eigenvalues.numpy(), found.eigenvectors.numpy(), samples, clock)


PEERS: dict[str, Peer] = {
    SORET: measure_soret,
    PYHESSIAN: measure_pyhessian,
    STRICT: measure_pyhessian_strictly,
    "curvlinops": measure_curvlinops,
    "hessian-eigenthings": measure_eigenthings,
}
PACKAGES = ("pyhessian", "curvlinops-for-pytorch", "hessian-eigenthings")


def requirements(found: list[Measured]) -> list[str]:
    """Judge Soret against PyHessian: agreement, and time."""
    by_name = {one.name: one for one in found}
    ours, theirs, strict = (by_name[n] for n in (SORET, PYHESSIAN, STRICT))
    if theirs.missing:
        return [f"SKIPPED against {PYHESSIAN}: {theirs.missing}"]
    apart = np.abs(np.array(ours.values) / np.array(strict.values) - 1).max()
    lines = [f"{_verdict(apart <= AGREE)} eigenvalues within {AGREE:g} of {STRICT}: {apart:.1e}"]
    # An eigenvalue lies within the residual of each that is given for one.
    misfits = np.array(ours.values) - np.array(theirs.values)
    within = (
        np.abs(misfits)
        / np.abs(theirs.values)
        / (np.array(ours.residuals) + np.array(theirs.residuals))
    )
    lines.append(
        f"{_verdict(within.max() <= 1)} eigenvalues within the residuals of {PYHESSIAN}'s, "
        f"{max(theirs.residuals):.1e} at most"
    )
    apart = abs(ours.trace - theirs.trace) / np.hypot(ours.error, theirs.error)
    lines.append(
        f"{_verdict(apart <= DEVIATIONS)} traces within {DEVIATIONS:g} standard errors: {apart:.1f}"
    )
    for one in (theirs, strict):
        ratio = statistics.median(a / b for a, b in zip(ours.totals, one.totals, strict=False))
        lines.append(f"{_verdict(ratio <= 1)} no longer than {one.name}: {ratio:.2f} of its time")
    return lines


def table(found: list[Measured]) -> Table:
    """Lay out what was measured, medians over turns."""
    result = Table(box=SIMPLE_HEAD, title="seconds, medians of the turns", title_justify="left")
    result.add_column("")
    for heading in ("build", "top 5", "trace", "all", "soret ÷ it", "worst residual", "trace ±"):
        result.add_column(heading, justify="right")
    ours = next(one for one in found if one.name == SORET)
    for one in found:
        if one.missing:
            continue
        parts = [f"{statistics.median(part):.2f}" for part in zip(*one.seconds, strict=True)]
        ratios = [a / b for a, b in zip(ours.totals, one.totals, strict=False)]
        result.add_row(
            one.name,
            *parts,
            f"{statistics.median(one.totals):.2f}",
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})",
            f"{max(one.residuals):.1e}",
            f"{one.trace:.2f} ± {one.error:.2f}",
        )
    lines = [
        f"{one.name}: " + (one.missing or "λ = " + ", ".join(f"{v:.5f}" for v in one.values))
        for one in found
    ]
    result.caption, result.caption_justify = "\n".join(lines), "left"
    return result


class Clock:
    """Seconds between laps."""

    def __init__(self) -> None:
        self._times = [time.perf_counter()]

    def lap(self) -> None:
        """End a lap."""
        self._times.append(time.perf_counter())

    def laps(self) -> tuple[float, float, float]:
        """Return the three laps."""
        first, second, third = np.diff(self._times)
        return float(first), float(second), float(third)


def _in_torch(problem: soret.Problem, params: Net) -> tuple[Any, Any]:
    """Return the same net and examples in PyTorch."""
    import torch

    assert isinstance(problem.data, soret.Dataset)
    layers: list[Any] = [torch.nn.Flatten()]
    for layer in params:
        outputs, inputs = layer["W"].shape
        linear = torch.nn.Linear(inputs, outputs)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(np.array(layer["W"])))
            linear.bias.copy_(torch.tensor(np.array(layer["b"])))
        layers += [linear, torch.nn.ReLU()]
    torch.manual_seed(0)
    images = torch.tensor(np.array(problem.data.inputs))
    return torch.nn.Sequential(*layers[:-1]), (images, torch.tensor(problem.data.labels).long())


def _layer(key: jax.Array, inputs: int, outputs: int) -> dict[str, jax.Array]:
    bound = inputs**-0.5
    for_w, for_b = jax.random.split(key)
    return {
        "W": jax.random.uniform(for_w, (outputs, inputs), minval=-bound, maxval=bound),
        "b": jax.random.uniform(for_b, (outputs,), minval=-bound, maxval=bound),
    }


def _sampled(values: Any, vectors: Any, samples: np.ndarray, clock: Clock) -> Answer:
    error = samples.std(ddof=1) / np.sqrt(len(samples))
    mean = float(samples.mean())
    return Answer(np.array(values), np.array(vectors), mean, float(error), clock.laps())


def _require(module: str) -> None:
    for name in ("torch", module):
        if importlib.util.find_spec(name) is None:
            raise Missing(f"not installed ({name})")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _verdict(holds: bool) -> str:
    return "PASS" if holds else "FAIL"


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _options() -> Any:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200, help="of gradient descent beforehand")
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    return parser.parse_args()


if __name__ == "__main__":
    # PyHessian's double backward warns of a reference cycle, and torch of what it deprecates.
    warnings.simplefilter("ignore")
    logging.getLogger("torch").setLevel(logging.ERROR)
    main()
