"""How work is cut: few blocks, and chunks that one can wait for."""

import numpy as np
import pytest

import soret
from soret.dynamics.algorithm import points
from soret.dynamics.plan import make_plan
from soret.dynamics.program import Program
from soret.dynamics.sampling import sampler


def test_many_replicas_do_not_make_many_blocks() -> None:
    """Thousands of blocks of 64 replicas, which take longer to start and save than to run."""
    line = soret.problems.surface(lambda x: 0.5 * (x**2).sum(), start=np.zeros(2), name="line")
    experiment = soret.Experiment(
        problem=line,
        algorithm=soret.SGD(0.1, 1),
        observe=soret.observables.loss,
        steps=4,
        replicas=100_000,
        record_every=4,
    )
    plan = make_plan(experiment, workers=2)
    assert len(plan.blocks) <= 512
    assert sum(map(len, plan.blocks)) == 100_000


@pytest.mark.parametrize(("hidden", "waited"), [((16,), 32), ((2048, 2048), 1)])
def test_a_chunk_is_short_enough_to_be_stopped(hidden: tuple[int, ...], waited: int) -> None:
    """A Ctrl-C that waits for 32 steps of a large net on every replica of the block."""
    problem = soret.problems.dense(hidden=hidden, data="digits")
    algorithm = soret.SGD(0.1, 100)
    (point,) = points(algorithm)
    draws = sampler(problem, 100, algorithm.sampling)
    program = Program(problem, algorithm, [], draws, point, 8, 32, 1)
    assert program.chunk == waited
