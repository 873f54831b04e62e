"""Mini-batches of a finite data set: which examples, how often, and in what order.

A statistical test here refuses a correct sampler with probability below 1e-6; since the keys
are fixed, it does so always or never.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import soret
from soret.dynamics import sampling
from soret.dynamics.sampling import sampler
from soret.errors import SettingsError

LEAST_P = 1e-6
KEY = jnp.array([3, 1415], jnp.uint32)
DRAWS = 30_000


@functools.cache
def numbers(examples: int) -> soret.Problem:
    """Return a problem whose examples are their own indices."""
    data = soret.Dataset(
        "numbers", np.arange(examples)[:, None], np.arange(examples) % 2, ("even", "odd")
    )
    return soret.Problem(
        init=lambda key: jnp.zeros(1),
        fixed_start=True,
        predict=lambda params, x: params @ x,
        loss="mean_square",
        data=data,
    )


@functools.cache
def compiled(examples: int, batch_size: int, kind: str) -> tuple[Callable, Callable]:
    """Return a sampler's `prepare` and `draw`."""
    draws = sampler(numbers(examples), batch_size, kind)  # type: ignore[arg-type]
    return jax.jit(draws.prepare), jax.jit(draws.draw)


def draw(
    examples: int, batch_size: int, kind: str, first: int, count: int, key: jax.Array = KEY
) -> np.ndarray:
    """Draw the batches of consecutive steps, as a run resumed before `first` would."""
    prepare, draws = compiled(examples, batch_size, kind)
    steps = jnp.arange(first, first + count, dtype=jnp.uint32)
    return np.asarray(draws(prepare(key, steps[0]), key, steps)[1])


@functools.cache
def batches_of(examples: int, batch_size: int, kind: str) -> np.ndarray:
    return draw(examples, batch_size, kind, 0, DRAWS)


@functools.cache
def table(examples: int, batch_size: int, kind: str) -> np.ndarray:
    """Return the batches of the first steps, each drawn on its own."""
    return np.concatenate([draw(examples, batch_size, kind, step, 1) for step in range(60)])


def uniform_p(values: np.ndarray, cells: int) -> float:
    return float(stats.chisquare(np.bincount(values, minlength=cells)).pvalue)


class TestWithReplacement:
    def test_every_example_equally_often(self) -> None:
        """An example preferred, or never drawn."""
        batches = batches_of(10, 4, "with_replacement")
        assert uniform_p(batches.reshape(-1), 10) > LEAST_P

    def test_examples_of_a_batch_are_independent(self) -> None:
        """Pairs that occur too seldom; repetitions must occur, once in N."""
        batches = batches_of(10, 4, "with_replacement")
        for first, second in ((0, 1), (0, 2), (1, 3)):
            assert uniform_p(10 * batches[:, first] + batches[:, second], 100) > LEAST_P

    def test_steps_are_independent(self) -> None:
        """Noise that remembers the step before: the theories assume that it does not."""
        batches = batches_of(10, 4, "with_replacement")
        assert uniform_p(10 * batches[:-1:2, 0] + batches[1::2, 0], 100) > LEAST_P

    def test_is_the_default(self) -> None:
        """A default that the theories do not assume."""
        assert isinstance(sampler(numbers(10), 2, None), sampling.WithReplacement)

    def test_batch_may_exceed_the_data(self) -> None:
        """With replacement nothing forbids more draws than examples."""
        assert draw(10, 25, "with_replacement", 0, 1).shape == (1, 25)


# 2 of 5 and 6 of 6 sort the whole data set (4B ≥ N), 4 of 17 and 2 of 30 draw until distinct.
@pytest.mark.parametrize(
    ("examples", "batch"),
    [
        (6, 6),
        (17, 4),
        *(pytest.param(*sizes, marks=pytest.mark.slow) for sizes in [(5, 2), (30, 2)]),
    ],
)
class TestWithoutReplacement:
    def test_no_example_twice_in_a_batch(self, examples: int, batch: int) -> None:
        """A repeated example: less noise is promised."""
        batches = np.sort(batches_of(examples, batch, "without_replacement"), axis=1)
        assert (np.diff(batches, axis=1) > 0).all()
        assert batches.min() == 0
        assert batches.max() == examples - 1

    def test_every_place_is_uniform(self, examples: int, batch: int) -> None:
        """An example preferred in some place of the batch."""
        batches = batches_of(examples, batch, "without_replacement")
        for place in batches.T:
            assert uniform_p(place, examples) > LEAST_P / batch

    def test_every_ordered_pair_is_equally_likely(self, examples: int, batch: int) -> None:
        """Neighbours drawn together: N(N − 1) pairs."""
        batches = batches_of(examples, batch, "without_replacement")
        for first, second in ((0, 1), (batch - 2, batch - 1)):
            a, b = batches[:, first], batches[:, second]
            pair = a * (examples - 1) + b - (b > a)
            assert uniform_p(pair, examples * (examples - 1)) > LEAST_P / 2

    def test_steps_are_independent(self, examples: int, batch: int) -> None:
        """A batch that avoids or repeats the one before."""
        first = batches_of(examples, batch, "without_replacement")[:, 0]
        assert uniform_p(examples * first[:-1:2] + first[1::2], examples**2) > LEAST_P


def test_drawing_until_distinct_survives_bad_luck() -> None:
    """Zeros in place of examples when a sequence holds too few distinct values.

    Nearly never met in use, so it is provoked: 20 draws hold all of 8 values half of the time.
    """
    keys = jnp.stack([jnp.arange(5_000, dtype=jnp.uint32)] * 2, axis=1)
    orders = jax.jit(jax.vmap(lambda key: sampling._first_distinct(key, 8, 8)))(keys)
    assert (np.sort(orders, axis=1) == np.arange(8)).all()
    for place in np.asarray(orders).T:
        assert uniform_p(place, 8) > LEAST_P / 8


# With a remainder that is dropped, without one, and with one batch an epoch.
SIZES = [(10, 3), (12, 4), (7, 5)]


class TestEpochs:
    @pytest.mark.parametrize(("examples", "batch"), SIZES)
    def test_every_example_once_an_epoch(self, examples: int, batch: int) -> None:
        """An example seen twice; what is left over of the last batch is dropped."""
        per_epoch = examples // batch
        epochs = table(examples, batch, "epochs").reshape(-1, per_epoch * batch)
        for epoch in epochs:
            assert len(np.unique(epoch)) == per_epoch * batch

    @pytest.mark.parametrize(("examples", "batch"), SIZES)
    def test_every_epoch_has_its_own_order(self, examples: int, batch: int) -> None:
        """One order for all epochs, or the same examples dropped each time."""
        epochs = table(examples, batch, "epochs").reshape(-1, examples // batch * batch)
        assert len(np.unique(epochs, axis=0)) > 0.9 * len(epochs)
        assert set(np.unique(epochs)) == set(range(examples))

    @pytest.mark.parametrize(("examples", "batch"), SIZES)
    def test_every_example_in_every_place(self, examples: int, batch: int) -> None:
        """Examples that come early in every epoch: over replicas, each place is uniform."""
        keys = jnp.stack([jnp.arange(3000, dtype=jnp.uint32)] * 2, axis=1)
        draws = sampler(numbers(examples), batch, "epochs")
        last = jnp.array([examples // batch - 1], jnp.uint32)

        def final(key: jax.Array) -> jax.Array:
            return draws.draw(draws.prepare(key, last[0]), key, last)[1][0]

        for place in np.asarray(jax.jit(jax.vmap(final))(keys)).T:
            assert uniform_p(place, examples) > LEAST_P / batch

    @settings(max_examples=60, deadline=None)
    @given(size=st.sampled_from(SIZES), first=st.integers(0, 50), data=st.data())
    def test_any_piece_is_a_piece_of_the_whole(
        self, size: tuple[int, int], first: int, data: st.DataObject
    ) -> None:
        """A resumed run that starts in, or crosses into, the wrong epoch."""
        examples, batch = size
        count = data.draw(st.integers(1, examples // batch))
        piece = draw(examples, batch, "epochs", first, count)
        expected = table(examples, batch, "epochs")[first : first + count]
        np.testing.assert_array_equal(piece, expected)

    @settings(max_examples=30, deadline=None)
    @given(size=st.sampled_from(SIZES), data=st.data())
    def test_carry_is_handed_on_from_piece_to_piece(
        self, size: tuple[int, int], data: st.DataObject
    ) -> None:
        """An order carried over into the wrong epoch: pieces of any lengths, one after another."""
        examples, batch = size
        lengths = data.draw(st.lists(st.integers(1, examples // batch), min_size=2, max_size=8))
        prepare, draws = compiled(examples, batch, "epochs")
        carry, pieces, at = prepare(KEY, jnp.uint32(0)), [], 0
        for length in lengths:
            carry, indices = draws(carry, KEY, jnp.arange(at, at + length, dtype=jnp.uint32))
            pieces.append(np.asarray(indices))
            at += length
        expected = table(examples, batch, "epochs")[:at]
        np.testing.assert_array_equal(np.concatenate(pieces), expected)

    def test_replicas_have_their_own_orders(self) -> None:
        """Replicas that walk through the data hand in hand."""
        one, other = (draw(12, 4, "epochs", 0, 3, KEY + shift) for shift in (0, 1))
        assert not np.array_equal(one, other)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_permutations_are_equally_likely(n: int) -> None:
    """An order preferred: all n! of them."""
    keys = jnp.stack([jnp.arange(DRAWS, dtype=jnp.uint32), jnp.ones(DRAWS, jnp.uint32)], axis=1)
    orders = np.asarray(jax.jit(jax.vmap(lambda key: sampling.permutation(key, n)))(keys))
    assert (np.sort(orders, axis=1) == np.arange(n)).all()
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == [1, 2, 6][n - 1]
    assert stats.chisquare(counts).pvalue > LEAST_P or n == 1


@pytest.mark.parametrize("kind", ["with_replacement", "without_replacement", "epochs"])
def test_batch_holds_the_examples_of_its_indices(kind: str) -> None:
    """An input with the label of another example."""
    draws = sampler(numbers(10), 3, kind)  # type: ignore[arg-type]
    inputs, labels = draws.gather(jnp.array([7, 0, 4]))
    np.testing.assert_array_equal(inputs, [[7.0], [0.0], [4.0]])
    np.testing.assert_array_equal(labels, [1, 0, 0])


@pytest.mark.parametrize("kind", ["without_replacement", "epochs"])
def test_batch_larger_than_the_data_is_refused(kind: str) -> None:
    """A batch that cannot be filled without repetition."""
    with pytest.raises(SettingsError, match="batch_size 11 exceeds the 10 examples of numbers"):
        sampler(numbers(10), 11, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["with_replacement", "without_replacement", "epochs"])
def test_sampling_of_a_stream_is_refused(kind: str) -> None:
    """A sampling silently ignored: a stream is always drawn afresh."""
    with pytest.raises(SettingsError, match="needs a finite data set"):
        sampler(soret.problems.two_layer(2, 2), 1, kind)  # type: ignore[arg-type]
