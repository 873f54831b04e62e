"""What every reader returns: examples with their labels, checked once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from soret.errors import DataError, SettingsError

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled examples in memory.

    The arrays are converted to the types below (without a copy where they have them already)
    and held as read-only views, so that what was checked here stays true.

    Parameters
    ----------
    name
        Short name, such as ``"mnist"``.
    inputs
        Examples, shape ``(examples, *features)``, float32. The readers of this package scale
        pixels to [0, 1] and keep the shape of images: ``(N, 28, 28)``, or channels first,
        ``(N, 3, 32, 32)``.
    labels
        Class of each example, shape ``(examples,)``, int32, from 0 to ``len(classes) - 1``; or,
        where there are no classes, a real number for each example, float32.
    classes
        Names of the classes, in the order of their labels; none for real labels.
    description
        One line for a figure that says what was read; made from the name if left out.
    split
        Which part of the data set this is, such as ``"train"`` or ``"test"``.

    Raises
    ------
    DataError
        If the arrays do not fit together, an input or a real label is not finite, or a label has
        no class.

    Examples
    --------
    >>> Dataset("two points", [[0.0, 1.0], [1.0, 0.0]], [0, 1], ("up", "right"))
    Dataset('two points', 'train': 2 examples of shape (2,), 2 classes)
    """

    name: str
    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32 | np.float32]
    classes: tuple[str, ...] = ()
    description: str = ""
    split: str = "train"

    def __post_init__(self) -> None:
        inputs = _inputs(self.inputs, self.name)
        labels: npt.NDArray[np.int32 | np.float32]
        classes: tuple[str, ...] = ()
        if _array(self.labels, self.name, "labels").dtype.kind == "f" and self.classes == ():
            labels = _real_labels(self.labels, self.name)
        else:
            classes = _classes(self.classes, self.name)
            labels = _labels(self.labels, self.name, len(classes))
        if len(inputs) != len(labels):
            raise DataError(
                f"data set {self.name!r} has {len(inputs):,} inputs but {len(labels):,} labels; "
                "it needs one label for each input"
            )
        if len(self.description.splitlines()) > 1:
            raise DataError(
                f"the description of data set {self.name!r} has more than one line; "
                "it should be one line that a figure can carry"
            )
        # The dataclass is frozen for its users; this is where its fields are set.
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "classes", classes)
        if not self.description:
            object.__setattr__(self, "description", f"{self.name} ({len(labels):,} examples)")

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.labels)

    def __repr__(self) -> str:
        labels = f"{len(self.classes)} classes" if self.classes else "real labels"
        return (
            f"Dataset({self.name!r}, {self.split!r}: {len(self):,} examples "
            f"of shape {self.inputs.shape[1:]}, {labels})"
        )

    def first(self, n: int) -> "Dataset":
        """Return the first ``n`` examples, and say so in the description.

        Raises
        ------
        SettingsError
            If ``n`` is not between 1 and the number of examples.
        """
        if not 1 <= n <= len(self):
            raise SettingsError(
                f"first({n}) of data set {self.name!r} is out of range; "
                f"n should be between 1 and {len(self)}"
            )
        if n == len(self):
            return self
        return Dataset(
            name=self.name,
            inputs=self.inputs[:n],
            labels=self.labels[:n],
            classes=self.classes,
            description=f"{self.description}, the first {n:,}",
            split=self.split,
        )

    def flat(self) -> npt.NDArray[np.float32]:
        """Return the inputs as vectors, shape ``(examples, features)``, without copying."""
        return self.inputs.reshape(len(self), -1)


def _inputs(given: npt.ArrayLike, name: str) -> npt.NDArray[np.float32]:
    array = _array(given, name, "inputs")
    if array.dtype.kind not in "buif":
        raise DataError(
            f"the inputs of data set {name!r} are of type {array.dtype}; "
            "they should be real numbers"
        )
    if array.ndim < 2 or array.size == 0:
        raise DataError(
            f"the inputs of data set {name!r} have shape {array.shape}; it should be "
            "(examples, *features) with at least one example and one feature"
        )
    # A float64 beyond float32 becomes infinite, which the next check reports.
    with np.errstate(over="ignore"):
        inputs = np.asarray(array, dtype=np.float32)
    if not np.isfinite(inputs).all():
        raise DataError(
            f"data set {name!r} has inputs that are not finite in float32; "
            "every input should be a finite number"
        )
    return _read_only(inputs)


def _labels(given: npt.ArrayLike, name: str, classes: int) -> npt.NDArray[np.int32]:
    array = _array(given, name, "labels")
    if array.ndim != 1 or array.dtype.kind not in "ui":
        raise DataError(
            f"the labels of data set {name!r} have shape {array.shape} and type {array.dtype}; "
            "they should be integers of shape (examples,)"
        )
    if array.size and not (array.min() >= 0 and array.max() < classes):
        raise DataError(
            f"the labels of data set {name!r} run from {array.min()} to {array.max()}; with "
            f"{classes} classes they should be between 0 and {classes - 1}"
        )
    return _read_only(np.asarray(array, dtype=np.int32))


def _real_labels(given: npt.ArrayLike, name: str) -> npt.NDArray[np.float32]:
    array = _array(given, name, "labels")
    with np.errstate(over="ignore"):
        labels = np.asarray(array, dtype=np.float32)
    if labels.ndim != 1 or not np.isfinite(labels).all():
        raise DataError(
            f"the real labels of data set {name!r} have shape {labels.shape} or are not all "
            "finite in float32; they should be finite numbers of shape (examples,)"
        )
    return _read_only(labels)


def _classes(given: Sequence[str], name: str) -> tuple[str, ...]:
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
    return classes


def _array(given: npt.ArrayLike, name: str, what: str) -> npt.NDArray[Any]:
    try:
        return np.asarray(given)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"the {what} of data set {name!r} form no array ({error}); "
            "all examples should have the same shape"
        ) from error


def _read_only(array: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    view = array.view()
    view.flags.writeable = False
    return view
