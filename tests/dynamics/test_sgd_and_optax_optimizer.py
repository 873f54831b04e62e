"""The update rules, against arithmetic on paper, NumPy in float64, and PyTorch itself.

The trajectories of whole ensembles are followed for 200 steps: same start, same mini-batches,
so that nothing but float32 rounding may come between.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import optax
import pytest
import xarray as xr

import soret
from soret.dynamics.algorithm import Point, points
from soret.errors import SettingsError

STEPS, REPLICAS, SEED = 200, 2, 5
# Float32 resolves 1.2e-7 of parameters of order one; contraction keeps 200 roundings from adding.
ROUNDING = 2e-6

ALGORITHMS = {
    "plain": soret.SGD(0.05, batch_size=4, momentum=[0.0, 0.9], weight_decay=[0.0, 0.02]),
    "nesterov": soret.SGD(
        0.02, batch_size=1, momentum=[0.5, 0.9], weight_decay=[0.0, 0.02], nesterov=True
    ),
    "without_replacement": soret.SGD(
        [0.05, 0.1], batch_size=5, momentum=0.5, sampling="without_replacement"
    ),
    "epochs": soret.SGD([0.05, 0.1], batch_size=5, momentum=0.5, sampling="epochs"),
}


@pytest.fixture(scope="module")
def simulated(
    regression: soret.Problem, watch_regression: list[Callable[..., Any]]
) -> Callable[[str], xr.Dataset]:
    """Return an ensemble by the name of its algorithm, simulated when first asked for."""

    @functools.cache
    def run(name: str) -> xr.Dataset:
        return soret.simulate(
            regression,
            ALGORITHMS[name],
            observe=watch_regression,
            steps=STEPS,
            replicas=REPLICAS,
            record_every=20,
            seed=SEED,
        )

    return run


CASES = [
    pytest.param(name, point, id="-".join([name, *map(str, point.values())]))
    for name, algorithm in ALGORITHMS.items()
    for point in points(algorithm)
]


def trajectory(run: xr.Dataset, point: Point, replica: int) -> np.ndarray:
    """Return w and c of one replica, (records, 4)."""
    here = run.sel({key: value for key, value in point.items() if key in run.dims})
    here = here.isel(replica=replica)
    return np.column_stack([here.slopes.values, here.offset.values]).astype(np.float64)


def by_numpy(
    data: soret.Dataset,
    start: dict[str, np.ndarray],
    batches: np.ndarray,
    point: Point,
    nesterov: bool,
) -> np.ndarray:
    """Follow the definition in torch.optim.SGD's documentation with a gradient by hand."""
    X = np.column_stack([data.inputs, np.ones(len(data))]).astype(np.float64)
    y = data.labels.astype(np.float64)
    parameters = np.append(start["w"], start["c"]).astype(np.float64)
    rate, mu, decay = (point[key] for key in ("learning_rate", "momentum", "weight_decay"))
    velocity = np.zeros_like(parameters)
    path = [parameters]
    for batch in batches:
        residual = X[batch] @ parameters - y[batch]
        gradient = residual @ X[batch] / len(batch) + decay * parameters
        velocity = mu * velocity + gradient
        parameters = parameters - rate * (gradient + mu * velocity if nesterov else velocity)
        path.append(parameters)
    return np.stack(path)[::20]


@pytest.mark.parametrize(("name", "point"), CASES)
def test_sgd_follows_numpy(
    name: str,
    point: Point,
    simulated: Callable[[str], xr.Dataset],
    regression: soret.Problem,
    examples: soret.Dataset,
    start: Callable[..., list[dict[str, np.ndarray]]],
    minibatches: Callable[..., np.ndarray],
) -> None:
    """A wrong gradient, batch, momentum, decay or order of them anywhere in the engine."""
    algorithm = ALGORITHMS[name]
    starts = start(regression, SEED, REPLICAS)
    for replica in range(REPLICAS):
        batches = minibatches(regression, algorithm, point, SEED, replica, STEPS)
        expected = by_numpy(examples, starts[replica], batches, point, algorithm.nesterov)
        found = trajectory(simulated(name), point, replica)
        np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize(("name", "point"), CASES)
def test_sgd_follows_pytorch(
    name: str,
    point: Point,
    simulated: Callable[[str], xr.Dataset],
    regression: soret.Problem,
    examples: soret.Dataset,
    start: Callable[..., list[dict[str, np.ndarray]]],
    minibatches: Callable[..., np.ndarray],
) -> None:
    """A definition unlike that of torch.optim.SGD, with autograd for the gradient."""
    torch = pytest.importorskip("torch")
    algorithm = ALGORITHMS[name]
    batches = minibatches(regression, algorithm, point, SEED, 0, STEPS)
    initial = start(regression, SEED, 1)[0]
    w = torch.tensor(initial["w"], requires_grad=True)
    c = torch.tensor(initial["c"], requires_grad=True)
    optimizer = torch.optim.SGD(
        [w, c],
        lr=point["learning_rate"],
        momentum=point["momentum"],
        weight_decay=point["weight_decay"],
        nesterov=algorithm.nesterov,
    )
    X, y = torch.tensor(np.array(examples.inputs)), torch.tensor(np.array(examples.labels))
    path = [np.append(initial["w"], initial["c"])]
    for indices in batches:
        batch = torch.tensor(indices)
        optimizer.zero_grad()
        (0.5 * (X[batch] @ w + c - y[batch]) ** 2).mean().backward()
        optimizer.step()
        path.append(np.append(w.detach().numpy(), c.detach().numpy()))
    found = trajectory(simulated(name), point, 0)
    np.testing.assert_allclose(found, np.stack(path)[::20], rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_trajectories_are_worth_comparing(
    name: str, simulated: Callable[[str], xr.Dataset]
) -> None:
    """Comparisons of points or replicas that never moved, or that all moved alike."""
    run = simulated(name)
    last = run.slopes.isel(step=-1).values.reshape(-1, 3)
    assert np.abs(run.slopes.isel(step=-1) - run.slopes.isel(step=0)).min() > 10 * ROUNDING
    assert len(np.unique(last.round(4), axis=0)) == len(last)


POINT = {"learning_rate": 0.5, "batch_size": 1, "momentum": 0.25, "weight_decay": 0.1}


class TestOneStepByHand:
    @pytest.mark.parametrize(
        ("changed", "nesterov", "velocity", "parameters"),
        [
            # g = 2, θ = 10, v = 4
            ({"momentum": 0.0, "weight_decay": 0.0}, False, None, 10 - 0.5 * 2),
            ({"momentum": 0.0}, False, None, 10 - 0.5 * (2 + 1)),
            ({"weight_decay": 0.0}, False, 3.0, 10 - 0.5 * 3),
            ({}, False, 4.0, 10 - 0.5 * 4),
            ({"weight_decay": 0.0}, True, 3.0, 10 - 0.5 * (2 + 0.25 * 3)),
            ({}, True, 4.0, 10 - 0.5 * (3 + 0.25 * 4)),
        ],
    )
    def test_sgd(
        self, changed: dict, nesterov: bool, velocity: float | None, parameters: float
    ) -> None:
        """One step of the update, worked out on paper."""
        point = POINT | changed
        algorithm = soret.SGD(**point, nesterov=nesterov)
        structure = algorithm.structure(point)
        before = {"a": np.float32(4.0)} if velocity is not None else ()
        after, moved = algorithm.update(
            {"a": np.float32(2.0)}, before, {"a": np.float32(10.0)}, point, structure
        )
        assert float(after["a"]) == pytest.approx(parameters, rel=1e-6)
        if velocity is not None:
            assert float(moved["a"]) == pytest.approx(velocity, rel=1e-6)

    def test_momentum_starts_from_rest(self) -> None:
        """A first step other than PyTorch's, whose buffer starts as the first gradient."""
        algorithm = soret.SGD(**POINT)
        structure = algorithm.structure(POINT)
        velocity = algorithm.start({"a": np.ones(2, np.float32)}, POINT, structure)
        np.testing.assert_array_equal(velocity["a"], [0, 0])


class TestOptax:
    def test_sgd_is_the_same_sgd(
        self,
        regression: soret.Problem,
        examples: soret.Dataset,
        watch_regression: list[Callable[..., Any]],
        start: Callable[..., list[dict[str, np.ndarray]]],
        minibatches: Callable[..., np.ndarray],
    ) -> None:
        """An optax optimizer fed with other gradients, or whose state is lost between steps."""
        nesterov = functools.partial(optax.sgd, nesterov=True)
        algorithm = soret.Optax(nesterov, batch_size=4, learning_rate=[0.02, 0.05], momentum=0.9)
        run = soret.simulate(
            regression,
            algorithm,
            observe=watch_regression,
            steps=STEPS,
            replicas=1,
            record_every=20,
            seed=SEED,
        )
        assert dict(run.sizes) == {"learning_rate": 2, "replica": 1, "step": 11, "slopes_dim_0": 3}
        for point in points(algorithm):
            batches = minibatches(regression, algorithm, point, SEED, 0, STEPS)
            initial = start(regression, SEED, 1)[0]
            whole = {"weight_decay": 0.0, **point}
            expected = by_numpy(examples, initial, batches, whole, nesterov=True)
            found = trajectory(run, point, 0)
            np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING)

    def test_adam_over_a_grid(
        self,
        regression: soret.Problem,
        examples: soret.Dataset,
        watch_regression: list[Callable[..., Any]],
        start: Callable[..., list[dict[str, np.ndarray]]],
        minibatches: Callable[..., np.ndarray],
    ) -> None:
        """A hyperparameter of the grid that does not reach the optimizer."""
        algorithm = soret.Optax(optax.adam, batch_size=4, learning_rate=[1e-2, 3e-2], b1=[0.5, 0.9])
        run = soret.simulate(
            regression,
            algorithm,
            observe=watch_regression,
            steps=100,
            replicas=1,
            record_every=20,
            seed=SEED,
        )
        assert run.slopes.dims == ("b1", "learning_rate", "replica", "step", "slopes_dim_0")
        X = np.column_stack([examples.inputs, np.ones(len(examples))]).astype(np.float64)
        for point in points(algorithm):
            initial = start(regression, SEED, 1)[0]
            parameters = np.append(initial["w"], initial["c"]).astype(np.float64)
            first, second, path = np.zeros(4), np.zeros(4), [parameters]
            batches = minibatches(regression, algorithm, point, SEED, 0, 100)
            for t, batch in enumerate(batches, start=1):
                gradient = (X[batch] @ parameters - examples.labels[batch]) @ X[batch] / len(batch)
                first = point["b1"] * first + (1 - point["b1"]) * gradient
                second = 0.999 * second + 0.001 * gradient**2
                step = first / (1 - point["b1"] ** t)
                step /= np.sqrt(second / (1 - 0.999**t)) + 1e-8
                parameters = parameters - point["learning_rate"] * step
                path.append(parameters)
            # Dividing by the root of v, close to its start, makes more of a rounding.
            found = trajectory(run, point, 0)
            np.testing.assert_allclose(found, np.stack(path)[::20], rtol=0, atol=3e-5)

    def test_optimizer_made_already(self) -> None:
        """An optimizer with its numbers inside, whose grid is its batch sizes."""
        algorithm = soret.Optax(optax.sgd(0.5), batch_size=[1, 2])
        point = {"batch_size": 1}
        params = {"a": np.float32(10.0)}
        state = algorithm.start(params, point, algorithm.structure(point))
        gradient = {"a": np.float32(2.0)}
        after, _ = algorithm.update(gradient, state, params, point, algorithm.structure(point))
        assert float(after["a"]) == 9.0
        assert [p["batch_size"] for p in points(algorithm)] == [1, 2]

    def test_numbers_for_an_optimizer_made_already_are_refused(self) -> None:
        """A learning rate that would silently do nothing."""
        with pytest.raises(SettingsError, match="learning_rate cannot be given"):
            soret.Optax(optax.sgd(0.1), learning_rate=0.2)

    @pytest.mark.parametrize("given", [{"rate": 0.1}, {}])
    def test_wrong_or_missing_hyperparameters_are_refused(self, given: dict) -> None:
        """A misspelt name found only when the program is compiled."""
        with pytest.raises(SettingsError, match="the optimizer cannot be made"):
            soret.Optax(optax.adam, **given)
