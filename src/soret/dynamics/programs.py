"""The programs of an experiment, made once for each of its groups and block sizes.

They hang on the experiment itself and go with it. Executables are shared beyond that, by the text
of what was traced (`soret.dynamics.compiled`): a function that reads what has changed since is
traced anew with every experiment, so that no key can promise what the program does not do.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from soret.dynamics.block import Group
from soret.dynamics.program import Program
from soret.dynamics.sampling import sampler
from soret.problems.tracing import ensemble_settings

if TYPE_CHECKING:
    from soret.dynamics.experiment import Experiment

Made = dict[tuple[int, int], Program]

_lock = threading.Lock()


def program(experiment: Experiment, group: Group, size: int) -> Program:
    """Return the program that computes blocks of a group.

    Parameters
    ----------
    experiment : Experiment
    group : Group
    size : int
        Lanes of a block.

    Raises
    ------
    SettingsError
        If problem, algorithm, observables and what is watched do not fit each other.
    """
    made: Made = experiment.made
    key = group.number, size
    with _lock, ensemble_settings():
        if key not in made:
            point = group.points[0]
            made[key] = Program(
                experiment.problem,
                experiment.algorithm,
                experiment.observables,
                sampler(
                    experiment.problem, int(point["batch_size"]), experiment.algorithm.sampling
                ),
                point,
                size,
                experiment.every,
                experiment.records - 1,
                experiment.watch,
            )
        return made[key]
