"""Cutting many examples into chunks: each in one of them, whatever the memory they take."""

import importlib

import jax
import numpy as np
import pytest

import soret
from soret.landscape import evaluate, flatness
from soret.landscape.chunks import chunk_of, chunked


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_chunks_do_not_count(size, monkeypatch):
    """Examples left out, or those that fill up the last chunk counted."""
    net = soret.problems.dense(hidden=(4,), data=soret.data.load("digits").first(40))
    points = np.random.default_rng(0).normal(0, 0.1, (2, 310)).astype("f4")
    wanted = evaluate(net, points), flatness(net, points, samples=2, iterations=3)
    for name in ("evaluation", "flatness"):
        module = importlib.import_module(f"soret.landscape.{name}")
        monkeypatch.setattr(module, "chunk_of", lambda *_: size)
    found = evaluate(net, points), flatness(net, points, samples=2, iterations=3)
    for one, other in zip(found, wanted, strict=True):
        n = min(3, len(one) - 2)
        np.testing.assert_allclose(one[:n], other[:n], rtol=1e-5)


@pytest.mark.parametrize(("n", "chunk"), [(1, 1), (10, 3), (10, 4), (10, 99), (7, 1), (11, 10)])
def test_every_example_is_in_one_chunk(n, chunk):
    """Chunks longer than memory allows; an example twice."""
    cut = chunked(np.arange(n), -np.arange(n), chunk)
    assert cut.length <= chunk
    assert len(cut.inputs) == len(cut.weights) == cut.length * cut.chunks < n + cut.length
    np.testing.assert_array_equal(cut.inputs[cut.weights == 1], np.arange(n))
    np.testing.assert_array_equal(cut.labels, -cut.inputs)


@pytest.mark.parametrize(
    ("net", "units"),
    [
        ({"hidden": (16, 16)}, 2 * 16),
        ({"hidden": (16, 16), "batch_normalization": True}, 2 * 16),
        ({"hidden": (400,)}, 400),
    ],
)
def test_an_example_takes_what_is_its_own(net, units):
    """References and transposed weights counted for every example: chunks of nine, each with all
    references."""
    problem = soret.problems.dense(**net, data=soret.data.load("digits"))
    params = problem.initial(jax.random.key(0))
    data = problem.data
    floats = 2**20 / chunk_of(problem, params, data.inputs, data.labels)
    assert 64 + units < floats < 64 + 12 * units + 15 * 10
