"""Shapes in signatures are promises: while testing, the rooms that hold arrays enforce them."""

import copy
import gc
import os
import shutil
import signal
import tempfile

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook
from threadpoolctl import threadpool_limits

# Processes share the cores, and matrices have a few kilobytes: given two threads, OpenBLAS spends
# most of the time on waiting. SciPy's own, loaded later, heeds the variable.
threadpool_limits(1, user_api="blas")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

mpl.use("Agg")

# A shell's job in the background ignores Ctrl-C, and so would the processes that tests send it to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time; no limits on time, since compilation takes seconds and cores are
# shared.
settings.register_profile(
    "soret", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("soret")

# Rooms whose arguments a user gives are left out: their own errors are what is tested there.
install_import_hook(
    [
        "soret.data.generator",
        "soret.dynamics.keys",
        "soret.dynamics.sampling",
        "soret.observables",
        "soret.problems.losses",
    ],
    "beartype.beartype",
)

# Most of the time of these tests is compiling, and much of that of programs that another test or
# process has compiled: all processes, and those that they start, share what they compile. JAX
# reads the variables when it is imported, which is later.
_CACHE = "JAX_COMPILATION_CACHE_DIR"
_made_here = None
if _CACHE not in os.environ:
    _made_here = os.environ[_CACHE] = tempfile.mkdtemp(prefix="soret-compiled-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "0"


def pytest_unconfigure():
    """Remove the programs that were shared, at the end of the process that began."""
    if _made_here is not None:
        shutil.rmtree(_made_here, ignore_errors=True)


def pytest_collection_finish():
    """Leave out of garbage collection what is there for good: modules, and thousands of tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def compiled_anew():
    """Share no compiled programs, where it is compared what two processes compile."""
    from compiled import anew

    with anew():
        yield


_first_states: dict[tuple[str, str], dict] = {}


def pytest_runtest_setup(item):
    """Give each test the random numbers it would draw alone, whatever ran before it in its process.

    Which tests of a module a process runs, and in which order, is the scheduler's choice.
    """
    module = getattr(item, "module", None)
    for name, generator in list(vars(module).items()) if module else []:
        if isinstance(generator, np.random.Generator):
            key = module.__name__, name
            generator.bit_generator.state = copy.deepcopy(
                _first_states.setdefault(key, copy.deepcopy(generator.bit_generator.state))
            )


@pytest.fixture
def at_last_killed():
    """Return a function that takes processes, to be killed where a test fails before they end."""
    processes = []

    def take(process):
        processes.append(process)
        return process

    yield take
    for process in processes:
        process.kill()
        process.wait()
