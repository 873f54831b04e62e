"""What every reader returns: examples with their labels, checked once."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from soret.data.arrays import as_array, as_float32, check_same_order, held
from soret.data.augmentation import Augmentation
from soret.data.classes import class_names, class_numbers
from soret.data.scaling import Scaling
from soret.errors import DataError, SettingsError

Layout = Literal["channels_first", "channels_last"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled examples in memory.

    The arrays are copied, in the types below, and nobody can write to the copies: what is handed
    in may change afterwards, what was checked here stays true. Arrays of NumPy, pandas, xarray,
    JAX and PyTorch are taken, and lists; examples are rows, in the order that they have.

    Parameters
    ----------
    name
        Short name, such as ``"mnist"``.
    inputs
        Examples, shape ``(examples, *features)``, float32. The readers of this package scale
        pixels to [0, 1] and keep the shape of images: ``(N, 28, 28)``, or channels first,
        ``(N, 3, 32, 32)``.
    labels
        Class of each example, shape ``(examples,)``, int32, from 0 to ``len(classes) - 1``. Whole
        numbers in another type, booleans for two classes, the names of the classes and one-hot
        rows ``(examples, classes)`` become that. Where there are no classes, real numbers for each
        example, ``(examples,)`` or ``(examples, *numbers)``, float32.
    classes
        Names of the classes, in the order of their labels; none for real labels.
    description
        One line for a figure that says what was read; made from the name if left out.
    split
        Which part of the data set this is, such as ``"train"`` or ``"test"``.
    layout : {"channels_first", "channels_last"}, optional
        Of images with channels, ``(N, channels, rows, columns)`` or ``(N, rows, columns,
        channels)``. Left out they are read as channels first by the nets that need to know, which
        refuse a shape that looks otherwise or may be either.
    augmentation
        See `soret.data.augmented`.
    scaling
        What a network has done to the inputs, which `scaling` of another takes over; None of
        inputs as they were read.

    Raises
    ------
    DataError
        If the arrays do not fit together, are masked, sparse or no real numbers, an input or a
        real label is not finite in float32 or lost to its rounding, or a label has no class.

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
    layout: Layout | None = None
    augmentation: Augmentation | None = None
    scaling: Scaling | None = None

    def __post_init__(self) -> None:
        for what in ("name", "description", "split"):
            _check_line(getattr(self, what), what, self.name)
        check_same_order(self.inputs, self.labels, self.name)
        inputs = _inputs(self.inputs, self.name)
        given = as_array(self.labels, self.name, "labels")
        labels: npt.NDArray[np.int32 | np.float32]
        classes: tuple[str, ...] = ()
        if given.dtype.kind == "f" and isinstance(self.classes, tuple) and not self.classes:
            labels = _real_labels(given, self.name)
        else:
            classes = class_names(self.classes, self.name, given)
            labels = class_numbers(given, self.name, classes)
        if len(inputs) != len(labels):
            raise DataError(
                f"data set {self.name!r} has {len(inputs):,} inputs but {len(labels):,} labels; "
                "it needs one label for each input"
            )
        _check_layout(self.layout, inputs.shape, self.name)
        if self.augmentation is not None and not self.augmentation.belongs_to(inputs):
            raise DataError(
                f"data set {self.name!r} is augmented before a net scaled it, and these are other "
                "inputs; change the data set that the net was given"
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

        Of sorted data they do not stand for the rest: see `soret.data.subset`.

        Raises
        ------
        SettingsError
            If ``n`` is not between 1 and the number of examples.
        """
        whole = isinstance(n, int | np.integer) and not isinstance(n, bool)
        if not whole or not 1 <= n <= len(self):
            raise SettingsError(
                f"first({n!r}) of data set {self.name!r} is out of range; "
                f"n should be a whole number between 1 and {len(self)}"
            )
        if n == len(self):
            return self
        return self.select(slice(0, n), f"{self.description}, the first {n:,}")

    def select(self, which: Any, description: str, split: str | None = None) -> "Dataset":
        """Return some of the examples, with everything else that the data set says of them.

        Parameters
        ----------
        which
            A slice, places, or a boolean for each example.
        description
            One line that says which.
        split
            Its name, if it is another part.
        """
        inputs = held(self.inputs[which], np.float32)
        augmentation = self.augmentation
        return replace(
            self,
            inputs=inputs,
            labels=self.labels[which],
            description=description,
            split=self.split if split is None else split,
            augmentation=augmentation and augmentation.select(which, inputs),
        )

    def flat(self) -> npt.NDArray[np.float32]:
        """Return the inputs as vectors, shape ``(examples, features)``, without copying."""
        return self.inputs.reshape(len(self), -1)


def _inputs(given: npt.ArrayLike, name: str) -> npt.NDArray[np.float32]:
    array = as_array(given, name, "inputs")
    if array.ndim < 2 or array.size == 0:
        raise DataError(
            f"the inputs of data set {name!r} have shape {array.shape}; it should be "
            "(examples, *features) with at least one example and one feature"
        )
    return as_float32(array, name, "inputs")


def _real_labels(array: npt.NDArray[Any], name: str) -> npt.NDArray[np.float32]:
    if array.ndim < 1 or array.size == 0:
        raise DataError(
            f"the real labels of data set {name!r} have shape {array.shape}; it should be "
            "(examples,) or (examples, *numbers)"
        )
    return as_float32(array, name, "real labels")


def _check_line(value: object, what: str, name: object) -> None:
    if not isinstance(value, str):
        raise DataError(
            f"the {what} of data set {name!r} is a {type(value).__name__}; it should be a line "
            "of text"
        )
    if len(value.splitlines()) > 1:
        raise DataError(
            f"the {what} of data set {name!r} has more than one line; "
            "it should be one line that a figure can carry"
        )


def _check_layout(layout: object, shape: tuple[int, ...], name: str) -> None:
    if layout not in (None, "channels_first", "channels_last"):
        raise DataError(
            f"the layout of data set {name!r} is {layout!r}; it should be 'channels_first' or "
            "'channels_last'"
        )
    if layout is not None and len(shape) != 4:
        raise DataError(
            f"data set {name!r} has examples of shape {shape[1:]}; a layout is of images with "
            "three axes, leave it out"
        )
