"""Memory: does a run stay within the estimate it is planned with?

Each case runs in a process of its own, because memory that a process once had is seldom given
back, and an earlier case would hide what a later one needs. `python benchmarks/memory.py CASE`
measures one case and prints it as JSON; `benchmarks/ensemble.py` asks for all of them.
"""

import gc
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

CLEAR = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
MIB = 2**20


@dataclass(frozen=True)
class Memory:
    """What one case took, in bytes beyond what the process had before the call.

    Attributes
    ----------
    estimate : int
        What the run says it takes: the memory of the plan that it logs.
    peak : int
        The peak over the whole call.
    preparing, running : int
        The peak until all is compiled, and from then on; both `peak` where the system does not
        let a peak be forgotten.
    prepared : int
        What was held when all was compiled.
    """

    case: str
    estimate: int
    peak: int
    preparing: int
    prepared: int
    running: int

    @property
    def ratio(self) -> float:
        """Return the peak over the estimate."""
        return self.peak / self.estimate


def small(steps: int) -> dict[str, Any]:
    """Ten units, three learning rates, 128 replicas each: next to no arrays at all."""
    import soret

    return {
        "problem": soret.problems.two_layer(inputs=10, hidden=10),
        "algorithm": soret.SGD(learning_rate=[0.1, 0.05, 0.025]),
        "observe": [soret.observables.activation_rate, soret.observables.weight_norm],
        "steps": 80 * steps,
        "replicas": 128,
        "record_every": 80,
    }


def grid(steps: int) -> dict[str, Any]:
    """Ten units and six batch sizes, each of which is a program of its own to compile."""
    import soret

    return small(steps) | {
        "algorithm": soret.SGD(learning_rate=0.1, batch_size=[1, 2, 4, 8, 16, 32]),
        "steps": 4 * steps,
        "replicas": 16,
        "record_every": 4,
    }


def medium(steps: int) -> dict[str, Any]:
    """A hundred units, 256 replicas, two numbers of each recorded at every fourth step."""
    import soret

    return {
        "problem": soret.problems.two_layer(inputs=100, hidden=100),
        "algorithm": soret.SGD(learning_rate=0.05),
        "observe": [soret.observables.activation_rate, soret.observables.weight_norm],
        "steps": 40 * steps,
        "replicas": 256,
        "record_every": 4,
    }


def records(steps: int) -> dict[str, Any]:
    """The same with the whole output layer recorded: the result outweighs all else."""
    import soret

    return medium(steps) | {"observe": [soret.observables.activation_rate, output_weights]}


def large(steps: int) -> dict[str, Any]:
    """3,072 inputs, 300 units, batches of 200 out of 5,000 examples: data and parameters.

    Steps are slow, so that one call of the program makes few records.
    """
    import soret

    generator = np.random.default_rng(0)
    data = soret.Dataset(
        "random",
        generator.random((5000, 3072), dtype=np.float32),
        generator.integers(0, 10, 5000, np.int32),
        tuple("0123456789"),
    )
    return {
        "problem": soret.problems.two_layer(data=data, hidden=300),
        "algorithm": soret.SGD(learning_rate=0.01, batch_size=200),
        "observe": [soret.observables.weight_norm, output_weights],
        "steps": max(4, steps // 5),
        "replicas": 4,
        "record_every": 1,
    }


def output_weights(problem: Any, state: Any) -> Any:
    """Return V, the weights of the output layer."""
    return state.params["V"]


CASES: dict[str, Callable[[int], dict[str, Any]]] = {
    function.__name__: function for function in (small, grid, medium, records, large)
}


def measure(case: str, steps: int) -> Memory:
    """Measure a case in a fresh process.

    Raises
    ------
    subprocess.CalledProcessError
        If the process failed; what it said has gone to standard error.
    """
    command = [sys.executable, __file__, case, str(steps)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Memory(**json.loads(done.stdout.splitlines()[-1]))


def measure_here(case: str, steps: int) -> Memory:
    """Measure a case in this process, which should have done nothing else."""
    import jax
    import jax.numpy as jnp

    import soret

    settings = CASES[case](steps)
    simulate = soret.simulate
    # The first program a process compiles costs memory that no later one does.
    jax.jit(lambda x: x + 1)(jnp.zeros(3)).block_until_ready()
    gc.collect()

    at_plan: list[tuple[int, int]] = []
    estimates: list[int] = []

    class Planned(logging.Handler):
        """Called when `simulate` has compiled its programs and logs its plan."""

        def emit(self, record: logging.LogRecord) -> None:
            at_plan.append((_peak(), _now()))
            estimates.extend(a.memory for a in record.args or () if hasattr(a, "memory"))
            _forget_peak()

    log = logging.getLogger("soret")
    log.setLevel(logging.INFO)
    log.addHandler(Planned())

    _forget_peak()
    before = _now()
    simulate(**settings, progress=False)
    running = _peak() - before
    planned_peak, planned = (value - before for value in at_plan[0])
    peak = max(planned_peak, running)
    return Memory(case, estimates[0], peak, planned_peak, planned, running)


def _now() -> int:
    """Return the memory held now; where the system does not say, the peak so far."""
    return _status("VmRSS") if STATUS.exists() else _peak()


def _peak() -> int:
    """Return the most memory held since `_forget_peak`, or since the process began."""
    if STATUS.exists():
        return _status("VmHWM")
    import resource

    # Kibibytes, but bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _forget_peak() -> None:
    """Let the peak be what is held now, where the system can (Linux, unless forbidden)."""
    try:
        CLEAR.write_text("5")
    except OSError:
        return


def _status(field: str) -> int:
    line = next(x for x in STATUS.read_text().splitlines() if x.startswith(field + ":"))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    print(json.dumps(asdict(measure_here(sys.argv[1], int(sys.argv[2])))))
