"""What a data set that lives in files must answer, so that they are all found alike."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soret.data.dataset import Dataset
from soret.data.download import RemoteFile

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Collection(ABC):
    """A data set in a folder of files.

    Parameters
    ----------
    name
        Its name for :func:`soret.data.load`, and of its folder.
    title
        Its name in a figure.
    classes
        Names of the classes, in the order of their labels.
    counts
        How many examples each split has when it is whole.
    mirrors
        Base URLs that have its files, each ending in ``/``.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    counts: Mapping[str, int]
    mirrors: tuple[str, ...]

    @abstractmethod
    def missing(self, folder: Path, split: str, *, whole: bool = False) -> tuple[str, ...]:
        """Return the names of the files that a folder lacks for a split to be read.

        With ``whole``, for the split to be read with all its examples.
        """

    @abstractmethod
    def remote(self, split: str) -> tuple[RemoteFile, ...]:
        """Return the files to download for a split."""

    @abstractmethod
    def read(self, folder: Path, split: str) -> tuple[Bytes, Bytes]:
        """Return images, shape ``(examples, *features)``, and labels, shape ``(examples,)``.

        Raises
        ------
        DataError
            If a file is damaged.
        """

    def load(self, folder: Path, split: str) -> Dataset:
        """Read a split from a folder that lacks none of its files."""
        images, labels = self.read(folder, split)
        return Dataset(
            name=self.name,
            inputs=np.divide(images, 255, dtype=np.float32),
            labels=labels.astype(np.int32),
            classes=self.classes,
            description=describe(self.title, len(labels), self.counts[split], split),
            split=split,
            layout="channels_first" if images.ndim == 4 else None,
        )


def describe(title: str, read: int, whole: int, split: str) -> str:
    """Return the line for a figure: what was read, and of how many where that is not all.

    >>> describe("CIFAR-10", 20_000, 50_000, "train")
    'CIFAR-10 (20,000 of 50,000 training images)'
    """
    part = f"{read:,}" if read == whole else f"{read:,} of {whole:,}"
    return f"{title} ({part} {'training' if split == 'train' else split} images)"
