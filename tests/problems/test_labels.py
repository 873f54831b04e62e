"""Labels, outputs and losses that belong together; what accuracy makes of them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.data import FromFunction, Gaussian, GaussianRegression
from soret.errors import SettingsError, TooMuchMemory
from soret.problems import cross_entropy, label_smoothing, mean_square
from soret.problems.labels import decision_threshold

X = np.random.default_rng(5).normal(size=(12, 3))
K3 = np.arange(12) % 3
K2 = np.arange(12) % 2


def problem(loss: Any, data: Any, outputs: tuple[int, ...] = ()) -> soret.Problem:
    """A linear model of three features with outputs of this shape."""
    return soret.Problem(
        lambda key: jax.random.normal(key, (3, *outputs)),
        lambda w, x: jnp.tensordot(x, w, 1),
        loss,
        data,
    )


def classes(labels: Any, n: int = 3) -> soret.Dataset:
    return soret.Dataset("points", X, labels, tuple("abcdefghij"[:n]))


def numbers(labels: Any) -> soret.Dataset:
    return soret.Dataset("numbers", X, np.asarray(labels, float))


def stream(label: Any) -> FromFunction:
    """A stream with a label made of the first input."""
    return FromFunction(lambda key: (x := jax.random.normal(key, (3,)), label(x[0])))


FITTING: dict[str, tuple[Any, Any, tuple[int, ...]]] = {
    "scores": ("cross_entropy", classes(K3), (3,)),
    "more scores than classes": ("cross_entropy", classes(K3), (5,)),
    "two scores": ("cross_entropy", classes(K2, 2), (2,)),
    "logit": ("binary_cross_entropy", classes(K2, 2), ()),
    "logit as a vector": ("binary_cross_entropy", classes(K2, 2), (1,)),
    "two of three classes": ("binary_cross_entropy", classes(K2), ()),
    "soft targets": ("binary_cross_entropy", numbers(K2 * 0.8 + 0.1), ()),
    "0.0 and 1.0": ("binary_cross_entropy", numbers(K2), ()),
    "signs": ("mean_square_sign", classes(K2, 2), ()),
    "unit vectors": ("mean_square_one_hot", classes(K3), (3,)),
    "regression": ("mean_square", numbers(X[:, 0]), ()),
    "regression of vectors": ("mean_square", numbers(X), (3,)),
    "regression of a vector of one": ("mean_square", numbers(X[:, :1]), ()),
    "regression on 0 and 1": ("mean_square", classes(K2, 2), ()),
    "smooth scores": (label_smoothing(0.1), classes(K3), (3,)),
    "smooth logit": (label_smoothing(0.1), classes(K2, 2), ()),
    "own loss": (lambda f, y: jnp.abs(f - y), classes(K3), ()),
    "one class by a loss of one's own": (lambda f, y: cross_entropy(f, y), classes(K3 * 0), (3,)),
    "Soret's streams": ("cross_entropy", Gaussian(3, 4), (4,)),
    "regression on a stream": ("mean_square", GaussianRegression(3), ()),
    "own stream": ("cross_entropy", stream(lambda x: jnp.int32(x > 0)), (2,)),
    "unsigned": ("binary_cross_entropy", stream(lambda x: jnp.uint8(x > 0)), ()),
    "rare class in a stream": ("binary_cross_entropy", stream(lambda x: jnp.int32(x > 9)), ()),
}


@pytest.mark.parametrize("name", FITTING)
def test_what_fits_is_taken(name: str) -> None:
    """Catches: a check that refuses what people rightly do."""
    own = problem(*FITTING[name])
    x, y = (part[0] for part in own.evaluation_batch(2))
    weights = jnp.ones((3, *FITTING[name][2]))
    # Compiled: one operation at a time takes much longer. So below.
    assert np.isfinite(jax.jit(own.example_loss)(weights, x, jnp.asarray(y)))


REFUSED: dict[str, tuple[Any, Any, tuple[int, ...], str]] = {
    "labels beyond the scores": ("cross_entropy", classes(K3), (2,), "run from 0 to 2.*2 scores"),
    "the same, smoothed": (label_smoothing(0.1), classes(K3), (2,), "run from 0 to 2.*2 scores"),
    "one score": ("cross_entropy", classes(K2, 2), (1,), "binary_cross_entropy a single output"),
    "a scalar": ("cross_entropy", classes(K2, 2), (), "binary_cross_entropy a single output"),
    "a matrix": ("cross_entropy", classes(K2, 2), (2, 2), r"shape \(2, 2\)"),
    "one-hot rows": ("cross_entropy", numbers(np.eye(3)[K3]), (3,), "argmax"),
    "numbers for classes": ("cross_entropy", numbers(K3), (3,), "as an integer"),
    "negative": ("cross_entropy", stream(lambda x: jnp.sign(x).astype(int)), (2,), "from -1 to 1"),
    "a stream beyond": ("cross_entropy", Gaussian(3, 10), (9,), "from 0 to 9.*9 scores"),
    "scores for a logit": ("binary_cross_entropy", classes(K2, 2), (2,), "a single number"),
    "signs": ("binary_cross_entropy", numbers(2 * K2 - 1), (), r"\(y \+ 1\) / 2"),
    "signs of a stream": ("binary_cross_entropy", stream(jnp.sign), (), r"\(y \+ 1\) / 2"),
    "two other numbers": ("binary_cross_entropy", numbers(5 + 2 * K2), (), "y == 7"),
    "three classes": ("binary_cross_entropy", classes(K3), (), "run from 0 to 2"),
    "signs of signs": ("mean_square_sign", numbers(2 * K2 - 1), (), "map them to 0 and 1"),
    "quantities as signs": ("mean_square_sign", numbers(X[:, 0]), (), "as they are"),
    "unit vectors beyond": ("mean_square_one_hot", classes(K3), (2,), "2 scores"),
    "classes as quantities": ("mean_square", classes(K3), (), "mean_square_one_hot takes"),
    "classes for a vector": ("mean_square", classes(K3), (3,), "mean_square_one_hot takes"),
    "another shape": ("mean_square", numbers(X), (2,), "output of the label's shape"),
    "one of three": ("mean_square", numbers(X[:, 0]), (3,), "output of the label's shape"),
    "transposed": ("mean_square", numbers(np.zeros((12, 2, 3))), (3, 2), "output of the label's"),
    "one class": ("cross_entropy", classes(K3 * 0 + 1), (3,), "all of one class, 'b': "),
    "one class of two": ("binary_cross_entropy", classes(K2 * 0, 2), (), "all of one class, 'a'"),
    "one number": ("binary_cross_entropy", numbers(K2 * 0 + 1), (), "all of one class, '1'"),
    "NaN in a stream": (
        "mean_square", stream(lambda x: jnp.where(x > 1, jnp.nan, x)), (), "labels that are not fin"
    ),
    "infinite inputs of a stream": (
        lambda f, y: f,
        FromFunction(lambda key: (1 / jnp.floor(jax.random.uniform(key, (3,))), jnp.float32(0))),
        (),
        "inputs that are not finite",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_the_remedy(name: str) -> None:
    """Catches: NaN, a loss without a lower bound, a broadcast, as if all were well."""
    loss, data, outputs, message = REFUSED[name]
    with pytest.raises(SettingsError, match=message) as refused:
        problem(loss, data, outputs)
    assert "\n" not in str(refused.value)
    assert "fails on one example" not in str(refused.value)


def test_the_function_itself_is_held_to_the_same() -> None:
    """Catches: a check of names that soret.problems.cross_entropy walks around."""
    with pytest.raises(SettingsError, match="2 scores"):
        problem(cross_entropy, classes(K3), (2,))


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return self is other

    def __call__(self, output: Any, label: Any) -> Any:
        return mean_square(output, label)


def test_a_loss_or_stream_without_a_hash() -> None:
    """Catches: a TypeError from a table or a cache."""

    class Own:
        description, __hash__ = "own", None

        def draw(self, key: Any, step: Any, n: int) -> Any:
            return jnp.zeros((n, 3)), jnp.full(n, -1)

    problem(Unhashable(), classes(K2, 2))
    with pytest.raises(SettingsError, match="from -1 to -1"):
        problem("binary_cross_entropy", Own())


def test_a_stream_is_drawn_from_once() -> None:
    """Catches: a compilation for every problem of a comparison."""
    traced = []

    def label(x: jax.Array) -> jax.Array:
        traced.append(1)
        return jnp.int32(x > 0)

    own = stream(label)
    problem("binary_cross_entropy", own)
    first = len(traced)
    problem("binary_cross_entropy", own)
    assert len(traced) - first < first


def test_a_stream_whose_examples_do_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: minutes and all of the memory, for a look at one example."""
    monkeypatch.setattr("soret.memory.free_bytes", lambda: 2**28)
    large = FromFunction(lambda key: (jax.random.normal(key, (10**8,)), jnp.int32(0)))
    with pytest.raises(TooMuchMemory, match="drawing 1 example of the stream would take"):
        soret.Problem(lambda key: jnp.ones(1), lambda w, x: w[0] * x[0], "mean_square", large)


class TestAccuracy:
    """What is right is what the loss rewards."""

    @pytest.mark.parametrize(
        ("loss", "outputs"),
        [
            ("binary_cross_entropy", [-2.0, -0.4, 0.4, 2.0]),
            ("mean_square_sign", [-1.0, -0.4, 0.4, 1.0]),
            ("mean_square", [0.0, 0.4, 0.6, 1.0]),
            (label_smoothing(0.2), [-2.0, -0.4, 0.4, 2.0]),
        ],
    )
    def test_threshold_is_where_both_labels_cost_the_same(self, loss: Any, outputs: Any) -> None:
        """Catches: 0.4 counted as class 1, though 0 is nearer: accuracy 50 % of a perfect fit."""
        data = soret.Dataset("o", np.reshape(outputs, (-1, 1)), [0, 0, 1, 1], ("no", "yes"))
        own = soret.Problem(
            lambda key: jax.random.normal(key, (1,)), lambda w, x: w @ x, loss, data
        )
        at = decision_threshold(own.loss, data, data.labels)
        assert at is not None
        costs = [float(jax.jit(own.loss)(jnp.float32(at), jnp.int32(y))) for y in (0, 1)]
        assert costs[0] == pytest.approx(costs[1])
        assert soret.landscape.evaluate(own, np.ones(1)).accuracy == 1.0
        state = soret.observables.State(jnp.ones(1), (), jnp.int32(0))
        observables = (
            soret.observables.accuracy,
            soret.observables.accuracy_over(np.array([0, 2])),
        )
        found = jax.jit(lambda state: [observable(own, state) for observable in observables])(state)
        assert [float(accuracy) for accuracy in found] == [1.0, 1.0]

    def test_of_quantities_there_is_none(self) -> None:
        """Catches: a share of examples whose sign equals a real number."""
        own = problem("mean_square", numbers(X[:, 0]))
        assert np.isnan(soret.landscape.evaluate(own, np.ones(3)).accuracy)
        state = soret.observables.State(jnp.ones(3), (), jnp.int32(0))
        with pytest.raises(SettingsError, match="real labels"):
            soret.observables.accuracy(own, state)
        own = problem("mean_square", numbers(X), (3,))
        assert np.isnan(soret.landscape.evaluate(own, np.ones(9)).accuracy)


def test_vectors_of_labels_reach_loss_and_landscape() -> None:
    """Catches: a quantity that takes labels for numbers, one an example."""
    own = problem("mean_square", numbers(X), (3,))
    w = np.eye(3, dtype=np.float32) * 2
    assert soret.landscape.evaluate(own, w.reshape(-1)).loss == pytest.approx(
        0.5 * (X**2).sum(1).mean(), rel=1e-5
    )
    hessian = soret.landscape.hessian(own, jnp.asarray(w))
    assert np.stack([np.asarray(hessian @ row) for row in np.eye(9)]) == pytest.approx(
        np.kron(X.T @ X / 12, np.eye(3)), abs=1e-5
    )
    run = soret.simulate(
        own, soret.SGD(0.1, batch_size=3), observe=soret.observables.loss, steps=200, replicas=1
    )
    assert float(run.loss.isel(step=-1).mean()) < 0.5 * float(run.loss.isel(step=0).mean())
