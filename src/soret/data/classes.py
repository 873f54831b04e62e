"""Classes: their names, and labels in whatever form as their numbers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from soret.data.arrays import held
from soret.errors import DataError


def class_names(given: Any, name: str, labels: npt.NDArray[Any]) -> tuple[str, ...]:
    """Return the names of classes as a tuple.

    Parameters
    ----------
    given
        What the data set was given.
    name
        The data set's.
    labels
        Given with them, for what would be right where there are no names.

    Raises
    ------
    DataError
        If they are not one name for each class.
    """
    if isinstance(given, tuple) and not given:
        raise DataError(f"data set {name!r} {_without_classes(labels)}")
    try:
        # A string is a sequence of strings too, and never what was meant.
        classes = () if isinstance(given, str) else tuple(given)
    except TypeError:
        classes = ()
    if not classes or not all(isinstance(c, str) for c in classes):
        raise DataError(
            f"the classes of data set {name!r} are {given!r}; "
            "they should be a tuple with one name for each class"
        )
    if len(set(classes)) < len(classes):
        raise DataError(
            f"data set {name!r} names a class twice in {classes}; each class needs its own name"
        )
    return tuple(str(c) for c in classes)


def class_numbers(
    labels: npt.NDArray[Any], name: str, classes: tuple[str, ...]
) -> npt.NDArray[np.int32]:
    """Return the number of each example's class, int32, copied.

    Whole numbers of any type, booleans for two classes, names of classes, and one-hot rows have
    one plain meaning; nothing else has.

    Raises
    ------
    DataError
        If a label has no class.
    """
    whose, n = f"the labels of data set {name!r}", len(classes)
    if labels.ndim == 2 and labels.shape[1] == n > 1 and labels.dtype.kind in "buif":
        return _of_one_hot(labels, whose)
    if labels.ndim != 1:
        ravel = labels.ndim == 2 and labels.shape[1] == 1
        raise DataError(
            f"{whose} have shape {labels.shape} and type {labels.dtype}; with {n} classes they "
            f"should be integers of shape (examples,){': labels[:, 0]' if ravel else ''}"
        )
    if labels.dtype.kind in "UTSO":
        return _of_names(labels, whose, classes)
    if labels.dtype.kind == "b" and n != 2:
        raise DataError(f"{whose} are true or false, and there are {n} classes; name two")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise DataError(f"{whose} are not all finite; every example should have a class")
    if labels.dtype.kind not in "buif" or (labels != np.floor(labels)).any():
        raise DataError(
            f"{whose} are of type {labels.dtype} and not all whole numbers; they should be "
            f"integers from 0 to {n - 1}, or real numbers without classes"
        )
    if labels.size and not (labels.min() >= 0 and labels.max() < n):
        raise DataError(
            f"{whose} run from {labels.min():g} to {labels.max():g}; with "
            f"{n} classes they should be between 0 and {n - 1}{_shifted(labels, n)}"
        )
    return held(labels, np.int32)


def _of_one_hot(labels: npt.NDArray[Any], whose: str) -> npt.NDArray[np.int32]:
    if not ((labels == 0) | (labels == 1)).all() or (labels.sum(axis=1) != 1).any():
        raise DataError(
            f"{whose} have one column a class, but not all rows hold a single 1 among zeros; give "
            "the number of each example's class, or real labels without classes and a loss of "
            "your own for them"
        )
    return held(labels.argmax(axis=1), np.int32)


def _of_names(
    labels: npt.NDArray[Any], whose: str, classes: tuple[str, ...]
) -> npt.NDArray[np.int32]:
    numbers = {name: number for number, name in enumerate(classes)}
    found = labels.tolist()
    for label in found:
        if not isinstance(label, str) or label not in numbers:
            raise DataError(
                f"{whose} hold {label!r}, which is no class: the classes are {classes}; labels "
                "should be their numbers from 0, or their names"
            )
    return held(np.array([numbers[label] for label in found], dtype=np.int32), np.int32)


def _shifted(labels: npt.NDArray[Any], n: int) -> str:
    """Say what people mean by labels that are out of range."""
    found = np.unique(labels)
    if n == 2 and set(found.tolist()) == {-1, 1}:
        return ": map them to 0 and 1, (y + 1) / 2"
    if found[0] == 1 and found[-1] == n:
        return ": subtract 1"
    if len(found) <= n:
        return ": np.unique(labels, return_inverse=True)[1] numbers the classes from 0"
    return ""


def _without_classes(labels: npt.NDArray[Any]) -> str:
    if labels.dtype.kind in "ui":
        return (
            "has whole numbers for labels and no classes; give classes=, one name for each class, "
            "or labels.astype(float) if they are quantities"
        )
    if labels.dtype.kind == "b":
        return "has labels that are true or false; give classes=, the names of false and of true"
    if labels.dtype.kind in "UTSO":
        return (
            "has labels that are no numbers; give classes=, one name for each class in the order "
            "of their numbers"
        )
    return (
        f"has labels of type {labels.dtype}; they should be real numbers, or classes with one name "
        "for each class"
    )
