"""Arrays as people have them: taken in their plain meaning, or refused with the remedy."""

import collections
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
import xarray as xr

import soret
from soret.data.arrays import held, is_own
from soret.errors import DataError

pd = pytest.importorskip("pandas")

VALUES = np.arange(12.0).reshape(4, 3) - 5
LABELS = [0, 1, 1, 0]
TWO = ("a", "b")


class Tensor:
    """What PyTorch's tensors are to NumPy."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.values, dtype)


class OnAnotherDevice:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


def make(inputs: Any = VALUES, labels: Any = LABELS, classes: Any = TWO) -> soret.Dataset:
    return soret.Dataset("points", inputs, labels, classes)


def read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


TAKEN = {
    "list": VALUES.tolist(),
    "float16": VALUES.astype(np.float16),
    "big endian": VALUES.astype(">f8"),
    "long double": VALUES.astype(np.longdouble),
    "integers": VALUES.astype(np.int64),
    "Fortran order": np.asfortranarray(VALUES),
    "every other": np.repeat(VALUES, 2, axis=0)[::2],
    "backwards": VALUES[::-1].copy()[::-1],
    "read-only": read_only(VALUES.copy()),
    "matrix without a mask": np.ma.array(VALUES),
    "DataFrame": pd.DataFrame(VALUES, columns=["c", "a", "b"]),
    "columns of unlike types": pd.DataFrame(VALUES).astype({0: "int8", 1: "Int64", 2: "float32"}),
    "DataArray": xr.DataArray(VALUES, dims=("example", "feature")),
    "JAX": jnp.asarray(VALUES),
    "bfloat16": jnp.asarray(VALUES, jnp.bfloat16),
    "tensor": Tensor(VALUES),
}


@pytest.mark.parametrize("name", TAKEN)
def test_taken_in_the_plain_meaning(name: str) -> None:
    """Catches: rows, columns or bytes in another order than they were given in."""
    data = make(TAKEN[name])
    assert data.inputs.dtype == np.float32
    assert data.inputs.flags.c_contiguous
    np.testing.assert_array_equal(data.inputs, VALUES)


REFUSED: dict[str, tuple[Any, str]] = {
    "masked in a list": ([np.ma.masked_equal(row, -5) for row in VALUES], "masked in 1 places"),
    "masked": (np.ma.masked_less(VALUES, -3), "masked in 2 places; fill them in"),
    "sparse": (scipy.sparse.csr_matrix(VALUES), r"`inputs.toarray\(\)`"),
    "sparse array": (scipy.sparse.coo_array(VALUES), "sparse matrix"),
    "column of words": (pd.DataFrame({"x": [1, 2, 3, 4], "kind": list("abcd")}), "column 'kind'"),
    "column of dates": (pd.DataFrame({"t": pd.to_datetime([0, 1, 2, 3])}), "column 't'"),
    "missing value": (pd.DataFrame({"x": pd.array([1, None, 3, 4], "Int64")}), "missing|NaN"),
    "dates": (VALUES.astype("datetime64[s]"), "seconds since a first moment"),
    "durations": (VALUES.astype("timedelta64[s]"), "such as seconds"),
    "complex": (VALUES + 1j, "real and imaginary parts"),
    "objects": (VALUES.astype(object), r"\.astype\(float\)"),
    "records": (np.zeros(4, [("x", float), ("y", float)]), r"shape \(4,\)"),
    "a generator": ((row for row in VALUES), "are a generator"),
    "a dictionary": (dict.fromkeys(range(4)), "are a dict"),
    "nothing": (None, "are a NoneType"),
    "elsewhere": (OnAnotherDevice(), "cuda"),
    "beyond float32": (VALUES * 1e60, "float32 ends at 3.4e38"),
    "NaN": (np.where(VALUES > 5, np.nan, VALUES), "there is a NaN or an infinity"),
    "integers beyond 2^24": (VALUES.astype(int) + 2**24, "which float32 rounds"),
    "integers beyond 2^53": (np.full((4, 1), 2**53 + 1), "9007199254740993, which float32"),
    "identity numbers": (np.full((4, 2), 4_000_000_007, np.uint64), "subtract an offset"),
    "times of day": (1.7e9 + VALUES, "in feature 0, which float32 rounds away"),
    "one such feature": (VALUES + np.array([0, 1e10, 0]), "in feature 1"),
    "below float32": (VALUES * [1, 1, 1e-60], "in feature 2, below what float32"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_remedy(name: str) -> None:
    """Catches: hidden values used, digits lost, objects guessed at, without a word."""
    given, message = REFUSED[name]
    with pytest.raises(DataError, match=message) as refused:
        make(given)
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize(
    "values",
    [
        np.full((4, 2), 0.1) + 1e-17 * VALUES[:, :2],
        np.full((4, 2), 0.1) * (1 + 1e-13 * VALUES[:, :2]),
        np.full((4, 1), 2**30),
        1e8 * VALUES,
        VALUES / 3,
        np.zeros((4, 1)),
    ],
    ids=["equal", "equal but for float64's rounding", "even", "large", "thirds", "zero"],
)
def test_rounding_that_loses_nothing_is_no_reason(values: np.ndarray) -> None:
    """Catches: constants and ordinary numbers refused for their last digits."""
    np.testing.assert_allclose(make(values).inputs, values, rtol=1e-7)


def test_real_labels_are_held_to_the_same() -> None:
    """Catches: targets that differ in digits that float32 has not, all equal in the end."""
    with pytest.raises(DataError, match=r"real labels .* rounds away"):
        make(labels=1.7e9 + np.arange(4.0), classes=())
    with pytest.raises(DataError, match=r"labels .* masked in 1"):
        make(labels=np.ma.masked_array(LABELS, [False, False, False, True]))


class TestCopies:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_what_the_user_changes_afterwards_changes_nothing(self, dtype: Any) -> None:
        """Catches: numbers that were checked, and others that are used."""
        inputs, labels = VALUES.astype(dtype), np.array(LABELS, np.int32)
        data = make(inputs, labels)
        inputs[:], labels[:] = np.nan, 7
        np.testing.assert_array_equal(data.inputs, VALUES)
        np.testing.assert_array_equal(data.labels, LABELS)

    def test_of_a_frame_and_of_real_labels(self) -> None:
        frame, labels = pd.DataFrame(VALUES.astype(np.float32)), np.zeros(4, np.float32)
        data = make(frame, labels, ())
        frame.iloc[0, 0], labels[0] = np.nan, np.inf
        assert np.isfinite(data.inputs).all()
        assert data.labels[0] == 0

    def test_read_only_is_no_promise_of_the_users(self) -> None:
        """Catches: a view taken for ours because it may not be written to through itself."""
        base = VALUES.astype(np.float32)
        view = read_only(base.view())
        viewed = np.asarray(memoryview(base).toreadonly())
        data, other = make(view), make(viewed)
        base[:] = 0
        np.testing.assert_array_equal(data.inputs, VALUES)
        np.testing.assert_array_equal(other.inputs, VALUES)

    def test_ours_are_not_copied_again(self) -> None:
        """Catches: as many copies of CIFAR-10 as data sets derived from it."""
        data = make()
        again = soret.Dataset("again", data.inputs, data.labels, TWO)
        assert np.shares_memory(again.inputs, data.inputs)
        assert is_own(data.first(2).inputs)
        assert np.shares_memory(data.first(2).inputs, data.inputs)
        assert not is_own(np.array(data.inputs))
        assert held(data.inputs, np.int32).dtype == np.int32


class TestOrder:
    """Examples are told by their place; whoever's own index says otherwise is asked."""

    def test_indices_that_differ(self) -> None:
        """Catches: labels of other rows, after a shuffle or a filter of one of the two."""
        frame = pd.DataFrame(VALUES)
        with pytest.raises(DataError, match=r"different indices.*labels\.loc\[inputs\.index\]"):
            make(frame.sample(frac=1, random_state=1), pd.Series(LABELS))
        data = make(frame, pd.Series(LABELS))
        np.testing.assert_array_equal(data.labels, LABELS)

    def test_dimensions_that_say_examples_come_last(self) -> None:
        inputs = xr.DataArray(np.ones((4, 4)), dims=("feature", "example"))
        with pytest.raises(DataError, match="examples come first"):
            make(inputs, xr.DataArray(LABELS, dims="example"))

    def test_coordinates_that_differ(self) -> None:
        inputs = xr.DataArray(VALUES, dims=("example", "feature"), coords={"example": [0, 1, 2, 3]})
        labels = xr.DataArray(LABELS, dims="example", coords={"example": [3, 2, 1, 0]})
        with pytest.raises(DataError, match="differ in their coordinate 'example'"):
            make(inputs, labels)


class TestLabels:
    @pytest.mark.parametrize(
        "given",
        [
            [0.0, 1.0, 1.0, 0.0],
            [False, True, True, False],
            ["a", "b", "b", "a"],
            np.array(["a", "b", "b", "a"], object),
            pd.Series(["a", "b", "b", "a"], dtype="category"),
            pd.Series(LABELS, dtype="uint8"),
            np.array(LABELS, ">i8"),
            [[1, 0], [0, 1], [0, 1], [1, 0]],
            np.array([[1, 0], [0, 1], [0, 1], [1, 0]], float),
        ],
        ids=lambda given: f"{type(given).__name__}-{getattr(given, 'dtype', '')}",
    )
    def test_become_numbers_of_classes(self, given: Any) -> None:
        """Catches: two ways to say the same that are not the same."""
        data = make(labels=given)
        assert data.labels.dtype == np.int32
        np.testing.assert_array_equal(data.labels, LABELS)

    @pytest.mark.parametrize(
        ("labels", "classes", "message"),
        [
            (["a", "c", "b", "a"], TWO, "hold 'c', which is no class"),
            (["a", None, "b", "a"], TWO, "hold None"),
            (["a", "b", "b", "a"], (), "in the order of their numbers"),
            ([0, 1, 1, 0], (), r"labels\.astype\(float\) if they are quantities"),
            ([True, False, True, True], (), "the names of false and of true"),
            ([True, False, True, True], tuple("abc"), "true or false, and there are 3 classes"),
            ([-1, 1, 1, -1], TWO, r"\(y \+ 1\) / 2"),
            ([1, 2, 2, 1], TWO, "subtract 1"),
            ([5, 7, 7, 5], TWO, "return_inverse"),
            ([0, np.nan, 1, 0], TWO, "not all finite"),
            ([[0], [1], [1], [0]], TWO, r"labels\[:, 0\]"),
            ([[0.9, 0.1]] * 4, TWO, "single 1 among zeros"),
            ([[1, 1], [0, 1], [0, 1], [1, 0]], TWO, "single 1 among zeros"),
            ([0j, 1j, 0j, 0j], TWO, "complex128"),
            (np.zeros(4, "M8[s]"), (), "datetime64"),
        ],
    )
    def test_refused(self, labels: Any, classes: Any, message: str) -> None:
        """Catches: a class made of a number that is none."""
        with pytest.raises(DataError, match=message):
            make(labels=labels, classes=classes)

    def test_vectors_of_real_numbers(self) -> None:
        """Catches: regression of more than one quantity refused, or flattened."""
        data = make(labels=VALUES, classes=())
        np.testing.assert_array_equal(data.labels, VALUES)
        assert len(data) == 4
        assert data.first(3).labels.shape == (3, 3)


def test_lists_of_unequal_length_are_named() -> None:
    with pytest.raises(DataError, match="all examples should have the same shape"):
        make([collections.deque([1.0]), [1.0, 2.0], [1.0], [1.0]])
