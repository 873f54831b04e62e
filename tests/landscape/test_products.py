"""Batches on a device: where the examples are kept, at which θ they are seen, what is summed."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from soret import memory
from soret.landscape import gauss_newton, gradient_noise, hessian, noisy_modes
from soret.landscape.curvature import linear_gradients
from soret.landscape.point import point
from soret.landscape.products import Batches, kept_bytes


class Small:
    """A device with 100 bytes of memory, of which 20 are free."""

    def memory_stats(self) -> dict[str, int]:
        return {"bytes_limit": 100, "bytes_in_use": 80}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("point", "products"):
        monkeypatch.setattr(f"soret.landscape.{module}.default_device", Small)


def test_memory_is_asked_of_the_device(small: None) -> None:
    """Catches: what the host has free taken for what a graphics card has."""
    assert memory.device_limit_bytes(Small()) == 16
    assert kept_bytes() == 4


def test_a_device_without_memory_of_its_own_has_the_hosts(monkeypatch: Any) -> None:
    (device,) = jnp.zeros(()).devices()
    if device.memory_stats() is not None:
        pytest.skip("this device has memory of its own")
    monkeypatch.setattr(memory, "free_bytes", lambda: 1000)
    assert memory.device_limit_bytes(device) == 800


def test_examples_stay_on_the_device(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: every batch copied from the host to the device for every product."""
    monkeypatch.setattr("soret.landscape.products.kept_bytes", lambda: 0)
    H = hessian(net.problem, net.params, batch_size=5)
    vector = np.ones(H.size)
    first = H.matvec(vector)
    for name in ("inputs", "labels"):
        array = getattr(H.point, name)
        object.__setattr__(H.point, name, np.full_like(array, 7))
    np.testing.assert_array_equal(H.matvec(vector), first)


def test_where_they_do_not_fit_they_are_copied(net: Any, request: pytest.FixtureRequest) -> None:
    """Catches: other numbers, or an error, where a data set is larger than the device."""
    wanted = hessian(net.problem, net.params, batch_size=5).dense()
    request.getfixturevalue("small")
    again = hessian(net.problem, net.params, batch_size=5)
    assert again.point.on_device is None
    np.testing.assert_array_equal(again.dense(), wanted)


def test_at_another_point_nothing_is_compiled_again(net: Any) -> None:
    """Catches: a compilation for every point; products at the first θ returned for the second."""
    here = point(net.problem, net.params)
    made = []

    def counted(*given: jax.Array) -> Any:
        made.append(given)
        return linear_gradients(here.model)(*given)

    apply = jax.jit(lambda linear, vector: linear(vector))
    vector = np.arange(here.size, dtype=np.float32)
    there = [here.flat, 2 * here.flat]
    found = [at.sum(apply, vector) for at in Batches(here, jax.jit(counted), 10).at(there)]
    assert len(made) == 1
    for flat, sums in zip(there, found, strict=True):
        wanted = hessian(net.problem, np.asarray(flat)).matvec(vector) * here.examples
        np.testing.assert_allclose(sums, wanted, atol=1e-5 * np.abs(wanted).max())
    assert not np.allclose(*found)


MEASURED = {
    "hessian": lambda problem, at: hessian(problem, at).matvec(np.ones(at.size)),
    "gauss_newton": lambda problem, at: gauss_newton(problem, at).matvec(np.ones(at.size)),
    "noise": lambda problem, at: gradient_noise(problem, at).matvec(np.ones(at.size)),
    "diagonal": lambda problem, at: gradient_noise(problem, at).diagonal,
    "gram": lambda problem, at: gradient_noise(problem, at).gram(),
    "modes": lambda problem, at: noisy_modes(problem, at, top=3).noise,
}


@pytest.mark.parametrize("name", MEASURED)
def test_every_point_of_a_problem_shares_its_programs(net: Any, name: str) -> None:
    """Catches: a model traced and compiled anew for each of the points that a claim measures at."""
    traced = []

    def predict(params: Any, x: jax.Array) -> jax.Array:
        traced.append(x)
        return jnp.asarray(net.problem.predict(params, x))

    problem = replace(net.problem, predict=predict)
    first = np.asarray(ravel_pytree(net.params)[0])
    second = np.float32(1.5) * first
    measure = MEASURED[name]
    before = np.asarray(measure(problem, first))
    assert traced
    traced.clear()
    after = np.asarray(measure(problem, second))
    assert not traced
    assert not np.allclose(after, before)


def test_several_points_share_what_is_kept(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: memory that grows with the number of points until there is none."""
    here = point(net.problem, net.params)
    batches = Batches(here, jax.jit(lambda flat, x, y, weights: flat), 37)
    monkeypatch.setattr("soret.landscape.products.kept_bytes", lambda: 4 * here.size)
    apply = jax.jit(lambda flat: flat)
    for points, kept in ((1, True), (2, False)):
        for at in batches.at([here.flat] * points):
            at.sum(apply)
            assert (at._kept is not None) == kept


def test_results_of_examples_are_without_padding(net: Any) -> None:
    """Catches: an example's gradient twice; rows in another order than the examples."""
    here = point(net.problem, net.params)
    apply = jax.jit(lambda batch: (batch[1], batch[2]))
    parts = zip(*Batches(here, batch_size=10).examples(apply), strict=True)
    for found, wanted in zip(parts, (here.inputs, here.labels), strict=True):
        np.testing.assert_array_equal(np.concatenate(found), wanted)


def test_modes_of_several_points_are_means(net: Any) -> None:
    """Catches: one point's Hessian or noise counted for all."""
    other = jax.tree.map(lambda leaf: 1.5 * leaf, net.params)
    both = noisy_modes(net.problem, net.params, others=[other])
    dense = [hessian(net.problem, params).dense() for params in (net.params, other)]
    wanted = np.linalg.eigvalsh(np.mean(dense, 0))
    np.testing.assert_allclose(np.sort(both.curvature), wanted, atol=1e-5 * np.abs(wanted).max())
