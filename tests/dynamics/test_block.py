"""Blocks: all lanes once, however they are cut, and numbers that follow from the description."""

import numpy as np
import pytest

import soret
from soret.dynamics.block import blocks
from soret.dynamics.compute import compute

PROBLEM = soret.problems.surface(lambda x: 0.5 * x @ x, start=[1.0, 2.0])
# Four points in three groups: the batch size and the term of momentum are compiled in.
GRID = soret.SGD([0.1, 0.05], batch_size=[1, 2], momentum=0.5)


def experiment(**changes):
    given = {
        "problem": PROBLEM,
        "algorithm": GRID,
        "observe": [soret.observables.loss, soret.observables.parameters],
        "steps": 40,
        "record_every": 20,
        "replicas": 10,
    }
    return soret.Experiment(**given | changes)


@pytest.mark.parametrize("size", [1, 3, 4, 7, 10, 13, 1000])
@pytest.mark.parametrize("watch", [None, soret.FirstPassage(soret.observables.loss, [1.0, 2.0])])
def test_every_lane_is_in_one_block(size, watch):
    """Catches: a replica left out or computed twice where a block spans two points."""
    whole = experiment(watch=watch)
    seen = np.zeros((4, 10), int)
    for block in blocks(whole, size):
        assert len(block) <= block.size <= size
        seen[block.places[: len(block)], block.replicas[: len(block)]] += 1
    assert (seen == 1).all()


def test_each_lane_has_the_hyperparameters_of_its_point():
    whole = experiment()
    for block in whole.blocks(7):
        for lane in range(block.size):
            point = whole.points[block.places[lane]]
            assert {k: v[lane] for k, v in block.values.items()} == {
                k: np.float32(v) for k, v in point.items()
            }


def test_where_the_first_replicas_are():
    """Every point's first replicas are looked at once, at their own place."""
    whole = experiment()
    found = [(place, part, b) for b in whole.blocks(7) for place, part in b.first_lanes()]
    assert sorted(place for place, _, _ in found) == [0, 1, 2, 3]
    for place, part, block in found:
        assert block.replicas[part][0] == 0
        assert set(block.places[part]) == {place}


def test_digests_are_of_what_is_computed():
    """Catches: one block's result taken up for another, or not for the same one."""
    digests = [block.digest for block in experiment().blocks(4)]
    assert digests == [block.digest for block in experiment().blocks(4)]
    others = [block.digest for block in experiment(seed=1).blocks(4)]
    assert len({*digests, *others}) == len(digests) + len(others)


def test_a_block_computed_twice_is_the_same():
    """Computing is a pure function: of two equal descriptions it gives the same bits."""
    first, again = (compute(experiment().blocks(10)[1]) for _ in range(2))
    for name, values in first.records.items():
        np.testing.assert_array_equal(values, again.records[name])


def test_what_computed_it_is_said():
    assert set(compute(experiment().blocks()[0]).where) == {"host", "device", "instructions"}
