"""Arrays from whoever holds them: what is taken, what is refused, and a copy that stays.

NumPy, pandas, xarray, JAX and PyTorch arrays are taken by `numpy.asarray`, whatever their order in
memory and their byte order. What that function would lose without a word is refused: masks, the
order of two indices, digits that float32 does not have.
"""

import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

from soret.errors import DataError

# What our own arrays are views of; a view of these needs no copy, since nobody can write to it.
_OWN: weakref.WeakValueDictionary[int, npt.NDArray[Any]] = weakref.WeakValueDictionary()

# A feature is lost to float32 when its rounding is more than this share of its whole range, where
# that range is more than what rounding in float64 makes of equal numbers.
_LOST = 0.01
_EQUAL = 1e-12
_FLOAT32_INTEGERS = 2**24
# Features of this many numbers at a time are compared with what float32 keeps of them.
_AT_ONCE = 2**24


def held(array: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return a copy in a type of ours that nobody can write to; our own arrays as they are."""
    if is_own(array) and array.dtype == dtype:
        return array
    return adopted(np.array(array, dtype=dtype, order="C", copy=True))


def adopted(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array that nobody can write to, without a copy: one that nobody else has."""
    _OWN[id(array)] = array
    # Of a memoryview that is read-only NumPy makes an array whose flag cannot be set back.
    return np.asarray(memoryview(array).toreadonly())  # type: ignore[arg-type]


def is_own(array: npt.NDArray[Any]) -> bool:
    """Say whether an array is one that `held` or `adopted` returned, or a view of one."""
    base: Any = array
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    whole = base.obj if isinstance(base, memoryview) else None
    return whole is not None and _OWN.get(id(whole)) is whole


def as_array(given: Any, name: str, what: str) -> npt.NDArray[Any]:
    """Return what was given as a NumPy array.

    Parameters
    ----------
    given : array_like
    name, what : str
        The data set, and which of its parts this is, for what is said.

    Raises
    ------
    DataError
        If it is masked, sparse, or no array.
    """
    whose = f"the {what} of data set {name!r}"
    if hidden := _masked(given):
        raise DataError(
            f"{whose} are masked in {hidden:,} places; fill them in or leave those examples out"
        )
    if hasattr(given, "nnz") and (hasattr(given, "toarray") or hasattr(given, "todense")):
        method = "toarray" if hasattr(given, "toarray") else "todense"
        raise DataError(f"{whose} are a sparse matrix; give a dense one, `{what}.{method}()`")
    if _library(given) == "pandas" and hasattr(given, "columns"):
        given = _of_frame(given, whose)
    try:
        array = np.asarray(given)
    except Exception as error:  # whatever another library's array says when it cannot be read
        raise DataError(
            f"{whose} form no array ({error}); all examples should have the same shape"
        ) from error
    if array.dtype == object and array.ndim == 0:
        raise DataError(f"{whose} are a {type(given).__name__}; give an array, examples first")
    # bfloat16 and its like are no numbers to NumPy; all of them fit into float32.
    if array.dtype.kind == "V" and array.dtype.names is None and "float" in array.dtype.name:
        return array.astype(np.float32)
    return array


def as_float32(array: npt.NDArray[Any], name: str, what: str) -> npt.NDArray[np.float32]:
    """Return real numbers in float32, copied.

    Raises
    ------
    DataError
        If they are no real numbers, are not finite, or float32 loses what they say.
    """
    whose = f"the {what} of data set {name!r}"
    if array.dtype.kind not in "buif":
        raise DataError(
            f"{whose} are of type {array.dtype}; they should be real numbers{_remedy(array)}"
        )
    if is_own(array) and array.dtype == np.float32:
        return array  # checked when it was made
    # A float64 beyond float32 becomes infinite, which the next check reports.
    with np.errstate(over="ignore"):
        made = held(array, np.float32)
    if not np.isfinite(made).all():
        beyond = bool(np.isfinite(array).all())
        raise DataError(
            f"{whose} are not finite in float32: "
            + (
                f"the largest is {_largest(array):.3g}, and float32 ends at 3.4e38; scale them"
                if beyond
                else "there is a NaN or an infinity; every one should be a finite number"
            )
        )
    _check_digits(array, made, whose)
    return made


def check_same_order(inputs: Any, labels: Any, name: str) -> None:
    """Refuse inputs and labels whose own indices say that they belong to other examples.

    Raises
    ------
    DataError
        If both have an index of examples, and these differ.
    """
    if _library(inputs) == _library(labels) == "pandas":
        if not inputs.index.equals(labels.index):
            raise DataError(
                f"the inputs and labels of data set {name!r} have different indices, so row n of "
                "one may not belong to row n of the other; give labels.loc[inputs.index], or both "
                "with .to_numpy() if their order is right"
            )
    elif _library(inputs) == _library(labels) == "xarray":
        examples = labels.dims[0] if labels.dims else None
        if examples in inputs.dims and inputs.dims[0] != examples:
            raise DataError(
                f"the inputs of data set {name!r} have the dimensions {inputs.dims} and its labels "
                f"{labels.dims}; examples come first: inputs.transpose({examples!r}, ...)"
            )
        if inputs.dims[:1] == labels.dims[:1] and examples in inputs.indexes:
            other = labels.indexes.get(examples)
            if other is not None and not inputs.indexes[examples].equals(other):
                raise DataError(
                    f"the inputs and labels of data set {name!r} differ in their coordinate "
                    f"{examples!r}; align them (xarray.align), or give .values"
                )


def _masked(given: Any) -> int:
    """Return how many places are masked; those of a list's own arrays, too."""
    if isinstance(given, np.ma.MaskedArray):
        return int(np.ma.count_masked(given))
    if isinstance(given, list | tuple):
        return sum(_masked(part) for part in given if isinstance(part, np.ma.MaskedArray | list))
    return 0


def _library(given: Any) -> str:
    return type(given).__module__.partition(".")[0]


def _of_frame(frame: Any, whose: str) -> npt.NDArray[Any]:
    """Return a DataFrame's columns in their order, all of them numbers."""
    for column, dtype in zip(frame.columns, frame.dtypes, strict=True):
        if getattr(dtype, "kind", "O") not in "buif":
            raise DataError(
                f"{whose} have a column {column!r} of type {dtype}; every column should be "
                "numbers: leave it out, or encode it"
            )
    if not frame.shape[1]:
        return np.zeros(frame.shape)
    # Column by column: together, columns of pandas' own types become objects.
    columns = [frame.iloc[:, place].to_numpy() for place in range(frame.shape[1])]
    if any(column.dtype == object for column in columns):
        raise DataError(f"{whose} have missing values; fill them in or leave those examples out")
    return np.stack(columns, axis=1)


def _remedy(array: npt.NDArray[Any]) -> str:
    return {
        "c": ": its real and imaginary parts as two features",
        "M": ", such as seconds since a first moment",
        "m": ", such as seconds: values / np.timedelta64(1, 's')",
        "O": ": `.astype(float)` if that is what they are",
    }.get(array.dtype.kind, "")


def _largest(array: npt.NDArray[Any]) -> float:
    return max(abs(float(array.min())), abs(float(array.max())))


def _check_digits(array: npt.NDArray[Any], made: npt.NDArray[np.float32], whose: str) -> None:
    """Refuse whole numbers that float32 has not, and features whose range is lost to rounding."""
    if array.dtype.kind in "ui":
        if array.dtype.itemsize > 2 and array.size and _largest(array) > _FLOAT32_INTEGERS:
            kept = made.astype(np.float64)
            far = np.abs(kept) > 2.0**52
            unlike = array != kept
            # Beyond 2^53 NumPy would compare in float64, which rounds as well; Python does not.
            unlike[far] = [int(a) != int(b) for a, b in zip(array[far], kept[far], strict=True)]
            if unlike.any():
                lost = array[unlike][0]
                raise DataError(
                    f"{whose} hold the whole number {lost}, which float32 rounds; beyond 2^24 "
                    "subtract an offset, scale, or give floats if rounding is meant"
                )
        return
    if array.dtype.itemsize <= 4:
        return
    rows, flat = len(array), array.reshape(len(array), -1)
    width = max(1, _AT_ONCE // max(1, rows))
    for start in range(0, flat.shape[1], width):
        part = flat[:, start : start + width].astype(np.float64, copy=False)
        low, high = part.min(axis=0), part.max(axis=0)
        span, size = high - low, np.maximum(abs(low), abs(high))
        # Only features of a range that small can lose it; there are none as a rule.
        for at in np.flatnonzero((span > _EQUAL * size) & (_LOST * span < 2.0**-24 * size)):
            kept = made.reshape(rows, -1)[:, start + at].astype(np.float64)
            if np.abs(kept - part[:, at]).max() > _LOST * span[at]:
                ends = f"{float(low[at])!r} to {float(high[at])!r}"
                raise DataError(
                    f"{whose} run from {ends} in feature {start + at}, which float32 rounds away; "
                    "subtract an offset and scale"
                )
        tiny = (size > 0) & (size < np.finfo(np.float32).tiny)
        if tiny.any():
            where = int(np.flatnonzero(tiny)[0])
            raise DataError(
                f"{whose} are at most {size[where]:.3g} in feature {start + where}, below what "
                "float32 holds (1.2e-38); scale them"
            )
