"""How fast is an ensemble, and does it keep to the memory it announces?

Soret is measured against what its users would write instead, in one run on one machine, on the
two-layer ReLU net at batch size 1 with fresh Gaussian inputs. A machine's speed drifts, so the
peers take turns (A B C …, A B C …) and ratios are taken within a turn.

    python benchmarks/ensemble.py                  # about five minutes on two cores
    python benchmarks/ensemble.py --quick --units 10 --json numbers.json
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import memory
import peers

SORET = peers.Soret.name
# Times a peer's speed that Soret must reach, by units.
REQUIRED = {
    10: {"plain JAX": 3.0, "torch.func.vmap": 3.0, "PyTorch loop": 500.0, "native limit": 0.6},
    100: {"plain JAX": 2.0, "PyTorch loop": 40.0, "native limit": 0.8},
}
MEMORY_REQUIRED = 1.5
ROOT = Path(__file__).resolve().parents[1]
NATIVE_DEFAULT = ROOT.parent / "shared" / "reference" / "two_layer_native_limit.c"
PACKAGES = ("soret", "jax", "jaxlib", "torch", "numpy")

report = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
aside = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Scale:
    """How much is measured: turns, seconds of each peer in a turn, size of the memory cases."""

    turns: int
    seconds: float
    memory_steps: int


STANDARD = Scale(turns=5, seconds=2.0, memory_steps=100)
QUICK = Scale(turns=3, seconds=1.0, memory_steps=20)


@dataclass
class Speed:
    """What was measured of one peer at one size; rates in million replica-steps per second.

    Attributes
    ----------
    replicas, rates : list
        Turn by turn.
    preparing : list of float
        Seconds of planning and compiling before each turn, or once and for all.
    missing : str
        Why it was not measured; empty where it was.
    """

    name: str
    units: int
    replicas: list[int] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    preparing: list[float] = field(default_factory=list)
    missing: str = ""


@dataclass(frozen=True)
class Requirement:
    """Something asked of Soret, and what came out; `measured` is None where it was not."""

    text: str
    measured: float | None
    verdict: str


def main() -> None:
    """Measure, print, and write the numbers where asked to."""
    options = _options()
    scale = QUICK if options.quick else STANDARD
    began, where = time.perf_counter(), environment()
    report.print(", ".join(f"{key} {value}" for key, value in where.items()), soft_wrap=True)
    speeds = [speed for units in options.units for speed in compare(units, options.native, scale)]
    for units in options.units:
        report.print(speed_table([s for s in speeds if s.units == units]))
    memories = [measure_memory(case, scale) for case in memory.CASES]
    report.print(memory_table(memories))
    asked = speed_requirements(speeds) + memory_requirements(memories)
    for one in asked:
        report.print(f"{one.verdict:<8}{one.text}", soft_wrap=True)
    seconds = round(time.perf_counter() - began)
    report.print(f"{seconds} seconds, load at the end {_load()}")
    if options.json:
        numbers = {
            "environment": where,
            "scale": asdict(scale),
            "seconds": seconds,
            "speed": [asdict(speed) for speed in speeds],
            "memory": [asdict(one) for one in memories],
            "requirements": [asdict(one) for one in asked],
        }
        options.json.write_text(json.dumps(numbers, indent=1) + "\n")


def compare(units: int, native: Path | None, scale: Scale) -> list[Speed]:
    """Measure all peers at one size, taking turns."""
    speeds: list[Speed] = []
    running: list[tuple[Speed, peers.Peer]] = []
    steps: dict[str, int] = {}
    for name, make in _makers(units, native).items():
        speed = Speed(name, units)
        speeds.append(speed)
        aside.print(f"{units} units: preparing {name}")
        try:
            peer = make()
        except peers.Missing as missing:
            speed.missing = str(missing)
            continue
        running.append((speed, peer))
        steps[name] = _steps_lasting(scale.seconds, peer)
    for turn in range(scale.turns):
        aside.print(f"{units} units: turn {turn + 1} of {scale.turns}")
        for speed, peer in running:
            timing = peer.run(steps[speed.name])
            speed.rates.append(timing.rate)
            speed.replicas.append(timing.replicas)
            # The machine's speed has changed since the steps were counted; keep to the time.
            change = min(2.0, scale.seconds / timing.seconds)
            steps[speed.name] = max(1, round(change * steps[speed.name]))
            if timing.preparing is not None:
                speed.preparing.append(timing.preparing)
    return speeds


def _makers(units: int, native: Path | None) -> dict[str, Callable[[], peers.Peer]]:
    def make_native() -> peers.Peer:
        if native is None:
            raise peers.Missing("no C source; give one by --native or SORET_NATIVE_SOURCE")
        return peers.Native(units, native)

    return {
        "PyTorch loop": lambda: peers.torch_loop(units),
        "torch.func.vmap": lambda: peers.torch_vmap(units),
        "plain JAX": lambda: peers.plain_jax(units),
        SORET: lambda: peers.Soret(units),
        "native limit": make_native,
    }


def _steps_lasting(seconds: float, peer: peers.Peer) -> int:
    """Return how many steps take about so long, after what is slow at first is over.

    From a slope, so that what a call costs before its first step is not taken for steps.
    """
    steps, before = 10, peer.run(10)
    while True:
        steps *= 8
        timing = peer.run(steps)
        grown, more = timing.seconds - before.seconds, timing.steps - before.steps
        if more > 0 and grown > 0.1 and timing.seconds > 2 * before.seconds:
            return max(1, round(seconds * more / grown / peer.replicas))
        if timing.seconds > 2 * seconds:
            return max(1, round(seconds * 1e6 * timing.rate / peer.replicas))
        before = timing


def measure_memory(case: str, scale: Scale) -> memory.Memory:
    """Measure one case of the memory."""
    aside.print(f"memory: {case}")
    return memory.measure(case, scale.memory_steps)


def ratios(speeds: Sequence[Speed], units: int, name: str) -> list[float]:
    """Return Soret's rate over a peer's, turn by turn; empty where one was not measured."""
    found = {speed.name: speed.rates for speed in speeds if speed.units == units}
    pairs = zip(found.get(SORET, []), found.get(name, []), strict=False)
    return [ours / theirs for ours, theirs in pairs]


def speed_table(speeds: Sequence[Speed]) -> Table:
    """Lay out the speeds at one size."""
    units = speeds[0].units
    table = _table(f"{units} units: million replica-steps per second")
    for heading in ("replicas", "median", "range", "before, s", "soret ÷ it", "range"):
        table.add_column(heading, justify="right")
    for speed in speeds:
        if speed.missing:
            continue
        ratio = [] if speed.name == SORET else ratios(speeds, units, speed.name)
        before = f"{statistics.median(speed.preparing):.1f}" if speed.preparing else "–"
        replicas = str(statistics.mode(speed.replicas))
        table.add_row(speed.name, replicas, *_spread(speed.rates), before, *_spread(ratio))
    missing = [f"{speed.name} skipped: {speed.missing}" for speed in speeds if speed.missing]
    table.caption, table.caption_justify = "\n".join(missing) or None, "left"
    return table


def memory_table(memories: Sequence[memory.Memory]) -> Table:
    """Lay out what the cases took."""
    table = _table("MiB beyond what the process had before the call")
    headings = ("estimate", "peak", "peak ÷ estimate", "peak till compiled", "peak thereafter")
    for heading in headings:
        table.add_column(heading, justify="right")
    for one in memories:
        values = (one.estimate, one.peak, one.preparing, one.running)
        estimate, peak, preparing, running = (f"{value / memory.MIB:.0f}" for value in values)
        table.add_row(one.case, estimate, peak, f"{one.ratio:.2f}", preparing, running)
    return table


def speed_requirements(speeds: Sequence[Speed]) -> list[Requirement]:
    """Judge the speeds by the median of the turns' ratios."""
    found = []
    for units in dict.fromkeys(speed.units for speed in speeds):
        for name, least in REQUIRED.get(units, {}).items():
            text = f"at least {least:g} × {name} at {units} units"
            ratio = ratios(speeds, units, name)
            if not ratio:
                found.append(Requirement(f"{text}: {name} was not measured", None, "SKIPPED"))
                continue
            median, spread = _spread(ratio)
            measured = statistics.median(ratio)
            verdict = "PASS" if measured >= least else "FAIL"
            found.append(Requirement(f"{text}: {median} × ({spread})", measured, verdict))
    return found


def memory_requirements(memories: Sequence[memory.Memory]) -> list[Requirement]:
    """Judge the peaks by the estimates."""
    return [
        Requirement(
            f"at most {MEMORY_REQUIRED:g} × the memory estimated, case {one.case}: "
            f"{one.ratio:.2f} ×",
            one.ratio,
            "PASS" if one.ratio <= MEMORY_REQUIRED else "FAIL",
        )
        for one in memories
    ]


def environment() -> dict[str, str]:
    """Return what the numbers depend on."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "absent"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "CPU": _cpu(),
        "cores": str(cores),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **versions,
        "load": _load(),
    }


def _table(title: str) -> Table:
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    table.add_column("")
    return table


def _cpu() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _load() -> str:
    """Return the load of the last minute: what else was running, roughly."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _spread(values: Sequence[float]) -> tuple[str, str]:
    """Return the median, and the least and the greatest."""
    if not values:
        return "", ""
    return _digits(statistics.median(values)), f"{_digits(min(values))}–{_digits(max(values))}"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _options() -> Any:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--units", type=int, nargs="+", default=[10, 100], help="hidden units")
    parser.add_argument("--quick", action="store_true", help="fewer turns, shorter ones")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument(
        "--native",
        type=Path,
        default=os.environ.get("SORET_NATIVE_SOURCE") or None,
        help="C source of the native limit (default: SORET_NATIVE_SOURCE)",
    )
    options = parser.parse_args()
    if options.native is not None and not options.native.is_file():
        parser.error(f"{options.native} is no file")
    if options.native is None and NATIVE_DEFAULT.is_file():
        options.native = NATIVE_DEFAULT
    return options


if __name__ == "__main__":
    main()
