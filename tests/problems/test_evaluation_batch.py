"""What a problem is measured on stands for its data, however they are sorted, and is said."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.data import random_subset
from soret.errors import SettingsError
from soret.landscape.point import point

KEY = jax.random.key(0)
N = 3000
RNG = np.random.default_rng(0)
# Sorted by class, by the size of the inputs, by the size of a real label.
CLASSES = soret.Dataset(
    "by class", RNG.normal(size=(N, 2)) + np.repeat([-2, 2], N // 2)[:, None],
    np.repeat([0, 1], N // 2), ("a", "b"),
)  # fmt: skip
SIZES = soret.Dataset(
    "by size", np.sort(abs(RNG.normal(size=(N, 2))), axis=0), RNG.integers(0, 2, N), ("a", "b")
)
REAL = soret.Dataset("by label", RNG.normal(size=(N, 2)), np.sort(RNG.normal(size=N)))


def linear(data: soret.Dataset) -> soret.Problem:
    loss = "binary_cross_entropy" if data.classes else "mean_square"
    return soret.Problem(
        lambda key: {"w": jnp.ones(2), "b": jnp.ones(())},
        lambda p, x: x @ p["w"] + p["b"],
        loss,
        data,
        preactivations=lambda p, x: p["w"] * x + p["b"] - 2,
        fixed_start=True,
    )


o = soret.observables


OBSERVABLES = {
    "loss": o.loss,
    "loss_over": o.loss_over(500),
    "accuracy": o.accuracy,
    "activation_rate": o.activation_rate,
    "noise_strength_over": o.noise_strength_over(1000),
}


@pytest.mark.parametrize("data", [CLASSES, SIZES, REAL], ids=lambda data: data.name)
def test_sorted_data_give_what_shuffled_data_give(data: soret.Dataset) -> None:
    """Catches: a mean over the first so many, which are of one class or of the smallest size."""
    names = [name for name in OBSERVABLES if data.classes or name != "accuracy"]
    order = np.random.default_rng(1).permutation(N)
    mixed = soret.Dataset("mixed", data.inputs[order], data.labels[order], data.classes)

    def measured(params: dict) -> list[list[jax.Array]]:
        nets = linear(data), linear(mixed)
        return [[OBSERVABLES[name](net, state(params)) for name in names] for net in nets]

    found, wanted = jax.jit(measured)({"w": jnp.ones(2), "b": jnp.ones(())})
    # Over 500 to 2,048 of 3,000: an error of a few per cent, where the first ones are off by half.
    for name, one, other in zip(names, found, wanted, strict=True):
        assert float(one) == pytest.approx(float(other), rel=0.2, abs=0.02), name


def state(params: dict) -> soret.observables.State:
    return soret.observables.State(params, (), jnp.int32(0))


class TestLandscape:
    def test_a_point_draws_its_examples(self) -> None:
        """Catches: the curvature of one class for that of the data."""
        net = linear(CLASSES)
        measured = point(net, net.initial(KEY), 200, seed=4)
        chosen = random_subset(N, 200, 4)
        np.testing.assert_array_equal(measured.inputs, CLASSES.inputs[chosen])
        assert (measured.examples, measured.whole) == (200, False)
        assert point(net, net.initial(KEY)).whole

    def test_a_line_says_over_how_many(self) -> None:
        """Catches: an accuracy over one class; a result that does not say what it is over."""
        net = linear(CLASSES)
        found = soret.landscape.line(
            net, np.zeros(3), np.array([-5.0, 0, 0]), [0.0, 1.0], 600, seed=2, progress=False
        )
        assert (found.examples, found.whole) == (600, False)
        # All are in class "a" at −5 with b < 0 and half of them are; 1/2 ± 0.02.
        assert abs(found.accuracy[0] - 0.5) < 0.12

    def test_flatness_agrees_with_the_hessian_over_the_same_examples(self) -> None:
        """Catches: two measurements that draw different examples at one seed."""
        net = linear(SIZES)
        theta = np.array([0.3, -0.2, 0.1], np.float32)
        flat = soret.landscape.flatness(net, theta, 300, iterations=3, seed=5, progress=False)
        exact = soret.landscape.hessian(net, net.unflatten(theta), 300, seed=5)
        assert flat.top == pytest.approx(exact.top().values[0], rel=1e-4)
        assert (flat.examples, flat.whole) == (300, False)


class TestVariablesSay:
    def run(self, *observables: soret.observables.Observable, data: object = CLASSES) -> object:
        return soret.simulate(
            linear(data), soret.SGD(0.1), observe=observables, steps=1, replicas=1, progress=False
        )

    def test_how_many_of_how_many(self) -> None:
        """Catches: a curve that passes for one over all the data."""
        chosen = o.accuracy_over(np.arange(7))
        run = self.run(o.loss, o.noise_strength, chosen, o.full_loss, o.parameter_norm)
        draw = "at random without replacement, seed 0"
        assert said(run.loss) == {"examples": 2048, "of": N, "drawn": draw}
        assert said(run.noise_strength) == {"examples": 256, "of": N, "drawn": draw}
        assert said(run.accuracy) == {"examples": 7, "of": N, "drawn": "as chosen"}
        assert said(run.full_loss) == {"examples": N, "of": N, "drawn": "all"}
        assert said(run.parameter_norm) == {}

    def test_of_an_observable_of_ones_own(self) -> None:
        """Catches: a user's observable whose variable says nothing."""

        def margin(problem, state):
            inputs, _ = problem.evaluation_batch(64, seed=9)
            return jnp.mean(jnp.abs(inputs @ state.params["w"]))

        def both(problem, state):
            return margin(problem, state) + jnp.mean(problem.evaluation_batch(32)[0])

        run = self.run(margin, both)
        draw = "at random without replacement, seed"
        assert said(run.margin) == {"examples": 64, "of": N, "drawn": f"{draw} 9"}
        assert said(run.both) == {"drawn": f"64 of {N} ({draw} 9); 32 of {N} ({draw} 0)"}

    def test_of_a_stream(self) -> None:
        """Catches: a stream that passes for a data set."""
        run = self.run(o.loss, data=soret.data.Gaussian(2))
        assert said(run.loss) == {"examples": 2048, "drawn": "from the stream, seed 0"}


def said(variable: object) -> dict:
    return {k: v for k, v in variable.attrs.items() if k not in ("long_name", "units")}


def test_batch_normalization_refers_to_examples_of_every_class() -> None:
    """Catches: references of one class, over which the other's inputs are far from normal."""
    net = soret.problems.dense(
        hidden=(3,), data=CLASSES, labels="real", scaling="none", batch_normalization=True
    )
    found = jax.jit(jax.vmap(net.preactivations, in_axes=(None, 0)))(
        jax.jit(net.initial)(KEY), CLASSES.inputs[::50]
    )
    assert abs(found.mean()) < 0.3
    assert abs(found.std() - 1) < 0.3


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 2.5}, {"seed": -1}, {"seed": "a"}])
def test_what_is_no_number_is_refused(wrong: dict) -> None:
    """Catches: a mean over no examples; a stream given a length that is none."""
    for data in (CLASSES, soret.data.Gaussian(2)):
        with pytest.raises(SettingsError, match="must be a whole number"):
            linear(data).evaluation_batch(**wrong)


def test_a_stream_is_compiled_once_for_all_that_look_at_it() -> None:
    """Catches: seconds of compiling for each observable, and again each time it is traced."""
    traced: list[int] = []

    def sample(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        traced.append(1)
        return jax.random.normal(key, (2,)), jnp.float32(0)

    net = soret.Problem(
        lambda key: jnp.zeros(2),
        lambda p, x: p @ x,
        "mean_square",
        soret.data.FromFunction(sample),
        fixed_start=True,
    )
    first, before = net.evaluation_batch(2)[0], len(traced)

    @jax.jit
    def looked() -> jax.Array:
        return jnp.asarray(net.evaluation_batch(2)[0])

    np.testing.assert_array_equal(looked(), first)
    other = net.evaluation_batch(2, seed=1)[0]
    assert not np.array_equal(other, first)
    assert len(traced) == before
