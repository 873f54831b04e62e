"""The two-layer network: its output, loss and gradient against NumPy in float64."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.data import Gaussian, Uniform
from soret.errors import SettingsError

RNG = np.random.default_rng(3)
INPUTS, HIDDEN, BATCH = 5, 4, 6


def classes(n: int) -> soret.Dataset:
    names = tuple(str(i) for i in range(n))
    return soret.Dataset("points", RNG.normal(size=(40, INPUTS)), np.arange(40) % n, names)


DATA = {2: classes(2), 3: classes(3)}


def loss_by_numpy(params: dict[str, np.ndarray], X: np.ndarray, y: np.ndarray) -> float:
    """Return the mean cross-entropy of V·ReLU(Wx + b), written once more."""
    a = X @ params["W"].T + params.get("b", 0.0)
    f = np.maximum(a, 0) @ params["V"].T
    if f.ndim == 1:
        return float(np.mean(np.log1p(np.exp(f)) - y * f))
    return float(np.mean(np.log(np.exp(f).sum(axis=1)) - f[np.arange(len(y)), y]))


def central_differences(
    loss: Callable[[dict[str, np.ndarray]], float], params: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    gradient = {}
    for name, value in params.items():
        slopes = np.zeros_like(value)
        for place in np.ndindex(value.shape):
            ends = []
            for shift in (1e-6, -1e-6):
                moved = {key: array.copy() for key, array in params.items()}
                moved[name][place] += shift
                ends.append(loss(moved))
            slopes[place] = (ends[0] - ends[1]) / 2e-6
        gradient[name] = slopes
    return gradient


def double(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


@pytest.mark.parametrize("n", [2, 3], ids=["binary", "three classes"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_gradient_against_finite_differences(bias: bool, n: int) -> None:
    """A wrong loss, activation, bias or label: the walk would be on another surface."""
    problem = soret.problems.two_layer(hidden=HIDDEN, bias=bias, data=DATA[n], init="normal:0.7")
    assert isinstance(problem.data, soret.Dataset)
    params = problem.initial(jax.random.key(n))
    assert set(params) == ({"W", "b", "V"} if bias else {"W", "V"})
    X, y = problem.data.inputs[:BATCH], problem.data.labels[:BATCH]

    value, gradient = jax.jit(jax.value_and_grad(problem.batch_loss))(
        params, (jnp.array(X), jnp.array(y))
    )
    wide = double(params)
    assert float(value) == pytest.approx(loss_by_numpy(wide, X.astype(float), y), rel=1e-5)
    expected = central_differences(lambda p: loss_by_numpy(p, X.astype(float), y), wide)
    for name in params:
        assert np.abs(expected[name]).max() > 1e-3
        np.testing.assert_allclose(gradient[name], expected[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("data", "outputs"), [("gaussian", ()), (Gaussian(INPUTS, classes=4), (4,)), (DATA[3], (3,))]
)
def test_outputs_fit_the_classes(data: Any, outputs: tuple[int, ...]) -> None:
    """Two classes give one logit, more give one score each."""
    problem = soret.problems.two_layer(hidden=HIDDEN, data=data)
    params = jax.eval_shape(problem.initial, jax.random.key(0))
    x = jax.ShapeDtypeStruct((problem.settings["inputs"],), jnp.float32)
    assert jax.eval_shape(problem.output, params, x).shape == outputs


def test_data_is_flat_and_standardized() -> None:
    """Pixels in [0, 1], which would put every pre-activation on one side."""
    images = soret.Dataset("images", RNG.uniform(size=(9, 2, 3)), np.arange(9) % 2, ("a", "b"))
    data = soret.problems.two_layer(data=images).data
    assert isinstance(data, soret.Dataset)
    assert data.inputs.shape == (9, 6)
    expected = (images.flat() - images.inputs.mean()) / images.inputs.std()
    np.testing.assert_allclose(data.inputs, expected, rtol=1e-5)
    np.testing.assert_array_equal(data.labels, images.labels)


def test_other_scalings() -> None:
    """[-1, 1] is where PyTorch's CIFAR-10 example puts pixels; or nothing is touched."""
    images = soret.Dataset("images", RNG.uniform(size=(9, 2, 3)), np.arange(9) % 2, ("a", "b"))
    for scaling, expected in {"symmetric": 2 * images.flat() - 1, "none": images.flat()}.items():
        problem = soret.problems.two_layer(data=images, scaling=scaling)  # type: ignore[arg-type]
        assert isinstance(problem.data, soret.Dataset)
        np.testing.assert_allclose(problem.data.inputs, expected, rtol=1e-6)
        assert problem.settings["scaling"] == scaling


def test_an_initialization_without_words_is_named_by_its_type() -> None:
    """A run that another process cannot resume, because an address in memory names its start."""

    class Mine:
        weight = staticmethod(lambda key, outputs, inputs: jnp.ones((outputs, inputs)))
        bias = staticmethod(lambda key, outputs, inputs: jnp.ones(outputs))

    assert " at 0x" not in soret.problems.two_layer(init=Mine()).settings["init"]
    assert "Mine" in soret.problems.two_layer(init=Mine()).settings["init"]


def test_random_labels_depend_on_their_seed_alone() -> None:
    """Labels that are the data's own, or that change from call to call."""

    def labels(seed: int) -> np.ndarray:
        problem = soret.problems.two_layer(data=DATA[3], labels="random", label_seed=seed)
        assert isinstance(problem.data, soret.Dataset)
        assert "random labels" in problem.data.description
        return problem.data.labels

    np.testing.assert_array_equal(labels(0), labels(0))
    assert not np.array_equal(labels(0), labels(1))
    assert not np.array_equal(labels(0), DATA[3].labels)
    assert set(labels(0)) == {0, 1, 2}


def test_settings_say_what_it_is() -> None:
    """A saved run that cannot be told from another."""
    settings = soret.problems.two_layer(6, 4, bias=False, data="uniform", init="he").settings
    assert settings == {
        "inputs": 6,
        "hidden": 4,
        "bias": False,
        "data": Uniform(6).description,
        "scaling": "none",
        "init": "he",
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hidden": 0}, "hidden is 0"),
        ({"data": DATA[3], "scaling": "unit"}, "scaling is 'unit'"),
        (
            {
                "data": soret.Dataset("n", [[-1.0], [2.0]], [0, 1], ("a", "b")),
                "scaling": "symmetric",
            },
            "run from -1 to 2",
        ),
        ({"data": soret.Dataset("n", [[1.0], [1.0]], [0, 1], ("a", "b"))}, "are the same"),
        ({"inputs": 0}, "features is 0"),
        ({"labels": "own"}, "labels is 'own'"),
        ({"labels": "real"}, "gaussian inputs have no real labels"),
        ({"init": "xavier"}, "initialization 'xavier' is unknown"),
        ({"init": "he:2"}, "initialization 'he:2' is unknown"),
        ({"init": "normal:big"}, "no positive number"),
        ({"init": "normal:-1"}, "no positive number"),
        ({"inputs": 4, "data": DATA[2]}, "inputs is 4, but points has 5"),
        ({"inputs": 4, "data": Gaussian(5)}, "inputs is 4"),
        ({"data": Gaussian(5), "labels": "real"}, "labels"),
        ({"data": "imagenet"}, "imagenet"),
    ],
)
def test_bad_settings_are_refused(given: dict[str, Any], message: str) -> None:
    """A setting that does not fit, silently ignored or found in the middle of a run."""
    with pytest.raises(SettingsError, match=message):
        soret.problems.two_layer(**given)
