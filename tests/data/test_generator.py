"""The counter-based generator: JAX's own bits, and numbers with the distributions they claim.

A statistical test here refuses a correct generator with probability below 1e-6; since the keys
are fixed, it does so always or never.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from soret.data import generator

# A standard normal exceeds this in size with probability 5.7e-7.
SIGMAS = 5.0
LEAST_P = 1e-6

words = st.integers(0, 2**32 - 1)

fold = jax.jit(generator.fold)
bits = jax.jit(generator.bits, static_argnums=(2, 3))
normal = jax.jit(generator.normal, static_argnums=(2, 3))
uniform = jax.jit(generator.uniform, static_argnums=(2, 3))


def make_key(first: int, second: int) -> jax.Array:
    return jnp.array([first, second], jnp.uint32)


@jax.jit
def jax_fold(key: jax.Array, word: jax.Array) -> jax.Array:
    return jax.random.key_data(jax.random.fold_in(jaxs(key), word))


def jaxs(key: jax.Array) -> jax.Array:
    """Return the key as one of JAX's own generator."""
    return jax.random.wrap_key_data(key, impl="threefry2x32")


KEY = make_key(0xDECAF, 0xC0FFEE)


class TestBits:
    @pytest.mark.parametrize(
        ("counter", "key", "encrypted"),
        [
            ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
            ((2**32 - 1,) * 2, (2**32 - 1,) * 2, (0x1CB996FC, 0xBB002BE7)),
            ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
        ],
    )
    def test_cipher_gives_published_vectors(
        self, counter: tuple[int, int], key: tuple[int, int], encrypted: tuple[int, int]
    ) -> None:
        """A wrong rotation, parity or round count: the vectors are those of Random123."""
        first, second = (jnp.array([word], jnp.uint32) for word in counter)
        x, y = generator.threefry(make_key(*key), first, second)
        assert (int(x[0]), int(y[0])) == encrypted

    def test_cipher_is_the_one_that_jax_uses(self) -> None:
        """A generator that is only like JAX's: its partitionable words are x ⊕ y at (0, i)."""
        with jax.threefry_partitionable(True):
            expected = jax.random.bits(jaxs(KEY), (1000,), "uint32")
        index = jnp.arange(1000, dtype=jnp.uint32)
        x, y = generator.threefry(KEY, jnp.zeros_like(index), index)
        np.testing.assert_array_equal(x ^ y, expected)

    @settings(max_examples=50, deadline=None)
    @given(first=words, second=words, word=words)
    def test_fold_is_jax_fold_in(self, first: int, second: int, word: int) -> None:
        """Keys that a `jax.random` user could not derive in the same way."""
        key, number = make_key(first, second), np.uint32(word)
        np.testing.assert_array_equal(fold(key, number), jax_fold(key, number))

    def test_draws_of_jax_are_its_own(self) -> None:
        """Initial parameters that a `jax.random` user could not draw again from the same key."""

        def drawn(key: jax.Array) -> list[jax.Array]:
            folded, keys = jax.random.fold_in(key, 7), jax.random.split(key, (3, 2))
            return [
                jax.random.key_data(keys),
                jax.random.key_data(folded),
                jax.random.normal(keys[2, 1], (4, 5)),
                jax.random.uniform(keys[0, 0], ()),
                jax.random.bits(folded, (3, 2), "uint8"),
                jax.random.permutation(folded, 9),
            ]

        with jax.threefry_partitionable(True):
            expected = jax.jit(lambda key: drawn(jaxs(key)))(KEY)
        found = jax.jit(lambda key: drawn(generator.as_jax_key(key)))
        again = jax.jit(lambda key: drawn(generator.flattened(jaxs(key))))
        for one, two, three in zip(expected, found(KEY), again(KEY), strict=True):
            np.testing.assert_array_equal(two, one)
            np.testing.assert_array_equal(three, one)
        with jax.threefry_partitionable(False):
            np.testing.assert_array_equal(again(KEY)[2], expected[2])
        with jax.enable_x64(True):
            wide = [jax.random.bits(f(KEY), (5,), "uint64") for f in (jaxs, generator.as_jax_key)]
        np.testing.assert_array_equal(*wide)

    def test_keys_of_other_kinds_are_left_alone(self) -> None:
        """A user's choice of a generator overruled, or old keys refused."""
        other = jax.random.key(3, impl="rbg")
        assert generator.flattened(other) is other
        old = jax.random.PRNGKey(3)
        assert generator.flattened(old) is old
        assert generator.flattened(generator.as_jax_key(KEY)).dtype != jaxs(KEY).dtype

    def test_folded_keys_differ(self) -> None:
        """Two replicas sharing a key: a cipher never gives the same words twice."""
        keys = jax.vmap(fold, in_axes=(None, 0))(KEY, jnp.arange(10**5))
        packed = np.asarray(keys, np.uint64) @ np.array([2**32, 1], np.uint64)
        assert len(np.unique(packed)) == 10**5

    def test_words_depend_on_key_and_place_alone(self) -> None:
        """Numbers that change with how many steps are drawn together."""
        many = jax.vmap(lambda step: bits(KEY, step, 7))(jnp.arange(5))
        for step in range(5):
            np.testing.assert_array_equal(many[step], bits(KEY, step, 7))

    @pytest.mark.parametrize("n", [1, 2, 7, 8])
    def test_words_of_one_draw_are_distinct_counters(self, n: int) -> None:
        """A counter used twice; `n` words are given, odd numbers included."""
        drawn = np.concatenate([np.asarray(bits(KEY, step, n)) for step in range(3)])
        assert drawn.dtype == np.uint32
        assert len(np.unique(drawn)) == 3 * n

    def test_offset_sets_draws_apart(self) -> None:
        """Labels and inputs of one step made of the same words."""
        inputs = np.asarray(bits(KEY, 3, 1000))
        labels = np.asarray(bits(KEY, 3, 1000, 2**31))
        assert not np.isin(labels, inputs).any()

    def test_every_bit_is_fair(self) -> None:
        """A bit stuck or biased: 32 binomial tests of 2¹⁷ words, together below 1e-6."""
        n = 2**17
        drawn = np.asarray(bits(KEY, 0, n))
        ones = ((drawn[:, None] >> np.arange(32, dtype=np.uint32)) & 1).sum(axis=0)
        z = (ones - n / 2) / np.sqrt(n / 4)
        assert np.abs(z).max() < stats.norm.isf(LEAST_P / 64)


class TestUniform:
    def test_range_and_resolution(self) -> None:
        """A 1.0, which an inverse CDF turns into infinity; or fewer than 24 random bits."""
        u = np.asarray(uniform(KEY, 0, 10**6), np.float64)
        assert u.min() >= 0
        assert u.max() < 1
        np.testing.assert_array_equal(u * 2**24, np.round(u * 2**24))
        assert (u * 2**24 % 2).mean() == pytest.approx(0.5, abs=0.003)

    def test_extreme_words_stay_in_range(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rounding up to 1.0 at the largest word, which no test would meet by chance."""
        extremes = jnp.array([0, 255, 256, 2**32 - 1], jnp.uint32)
        monkeypatch.setattr(generator, "_encrypt", lambda *_: (extremes[:, None],) * 2)
        u = np.asarray(generator.uniform(KEY, 0, 8))
        np.testing.assert_array_equal(u[:4], np.float32([0, 0, 2**-24, 1 - 2**-24]))

    def test_distribution(self) -> None:
        """Numbers that are not uniform."""
        u = np.asarray(uniform(KEY, 1, 200_000), np.float64)
        assert stats.kstest(u, "uniform").pvalue > LEAST_P


N = 400_000


@pytest.fixture(scope="module")
def z() -> np.ndarray:
    return np.asarray(normal(KEY, 0, N), np.float64)


class TestNormal:
    @pytest.mark.parametrize(("power", "mean"), [(1, 0), (2, 1), (3, 0), (4, 3), (5, 0), (6, 15)])
    def test_moments(self, z: np.ndarray, power: int, mean: int) -> None:
        """A wrong scale or shape: x^2p has mean (2p − 1)!!, and that of x^2p gives the error."""
        second = float(np.prod(np.arange(1, 2 * power, 2)))
        error = np.sqrt((second - mean**2) / N)
        assert abs((z**power).mean() - mean) < SIGMAS * error

    def test_distribution(self, z: np.ndarray) -> None:
        """Numbers that are not normal."""
        assert stats.kstest(z, "norm").pvalue > LEAST_P

    @pytest.mark.parametrize("level", [2.0, 3.0, 4.0])
    def test_tails(self, z: np.ndarray, level: float) -> None:
        """Tails cut short or fat: the count beyond a level is binomial."""
        beyond = int((np.abs(z) > level).sum())
        expected = 2 * stats.norm.sf(level)
        assert stats.binomtest(beyond, N, expected).pvalue > LEAST_P

    @pytest.mark.parametrize("power", [1, 2])
    def test_both_of_a_pair_are_independent(self, z: np.ndarray, power: int) -> None:
        """Box–Muller with cosine and sine of unlike radii or angles: x, y and x², y² correlate."""
        first, second = np.split(z**power, 2)
        assert abs(correlation_score(first, second)) < SIGMAS

    @pytest.mark.parametrize("power", [1, 2])
    def test_steps_are_independent(self, z: np.ndarray, power: int) -> None:
        """Noise with a memory from one step to the next."""
        following = np.asarray(normal(KEY, 1, N), np.float64)
        assert abs(correlation_score(z**power, following**power)) < SIGMAS

    @pytest.mark.parametrize("power", [1, 2])
    def test_keys_are_independent(self, power: int) -> None:
        """Neighbouring replicas with common noise."""
        keys = jax.vmap(fold, in_axes=(None, 0))(KEY, jnp.arange(2))
        one, other = (np.asarray(normal(key, 0, N), np.float64) ** power for key in keys)
        assert abs(correlation_score(one, other)) < SIGMAS

    def test_extreme_words_stay_finite(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A logarithm of zero, or of more than one, at words no test would meet by chance."""
        extremes = jnp.array([0, 1, 255, 256, 2**31, 2**32 - 257, 2**32 - 1], jnp.uint32)
        first, second = (m.reshape(-1) for m in jnp.meshgrid(extremes, extremes))
        monkeypatch.setattr(generator, "_encrypt", lambda *_: (first[:, None], second[:, None]))
        z = np.asarray(generator.normal(KEY, 0, 2 * len(first)))
        assert np.isfinite(z).all()
        assert 5.8 < np.abs(z).max() < 5.9

    def test_odd_numbers_are_given(self) -> None:
        """Box–Muller makes pairs; an odd count must not lose or add one."""
        assert normal(KEY, 0, 7).shape == (7,)
        assert normal(KEY, 0, 7).dtype == jnp.float32


def correlation_score(x: np.ndarray, y: np.ndarray) -> float:
    """Return the correlation in units of its deviation under independence."""
    return float(np.corrcoef(x, y)[0, 1] * np.sqrt(len(x)))


def test_cosine_and_sine_of_a_turn() -> None:
    """A polynomial that is wrong in one of the quarters, or at their ends."""
    turns = np.concatenate([np.arange(0, 1, 1 / 4096), np.arange(8) / 8, [1 - 2**-24]])
    found = generator._cos_sin_of_turns(jnp.asarray(turns, jnp.float32))
    for one, function in zip(found, (np.cos, np.sin), strict=True):
        np.testing.assert_allclose(one, function(2 * np.pi * turns), atol=2e-7)
