"""What an experiment would take, said before it is run."""

import time

import pytest

import soret
from soret.dynamics.estimate import Estimate, duration


def experiment(steps, **changes):
    return soret.Experiment(
        problem=soret.problems.two_layer(inputs=10, hidden=10),
        algorithm=soret.SGD([0.1, 0.05]),
        observe=soret.observables.activation_rate,
        steps=steps,
        replicas=64,
        **changes,
    )


def test_time_is_about_what_it_then_takes():
    """Within a factor of ten either way: machines are shared, and a trial is short."""
    whole = experiment(20_000)
    said = whole.estimate(workers=1)
    began = time.monotonic()
    soret.dynamics.run(whole, workers=1)
    took = time.monotonic() - began
    assert took / 10 < said.seconds() - said.compile_seconds < 10 * took


def test_more_steps_take_longer_and_workers_share():
    short, long = (experiment(steps).estimate() for steps in (10_000, 10_000_000))
    assert sum(long.block_seconds) > 20 * sum(short.block_seconds)
    assert long.blocks == len(experiment(10_000).blocks())
    assert long.seconds(4) < long.seconds(1)
    assert long.memory > 0


def test_blocks_go_to_whoever_is_free():
    said = Estimate(3, 2, 0, 1.0, (4.0, 1.0, 2.0))
    assert said.seconds() == 5.0
    assert said.seconds(1) == 8.0
    assert said.seconds(100) == 5.0


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(0.4, "0.4 s"), (40, "40 s"), (720, "12 min"), (12_600, "3.5 h"), (400_000, "4.6 days")],
)
def test_durations_as_people_say_them(seconds, says):
    assert duration(seconds) == says
