"""CIFAR-10 in its binary version: records of one label byte and 3 x 32 x 32 pixel bytes."""

import os
import shutil
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from soret.data.collection import Bytes, Collection
from soret.data.dataset import Dataset
from soret.data.download import RemoteFile
from soret.errors import DataError

_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32
_BATCH = 10_000
_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_FILES = {
    "train": tuple(f"data_batch_{n}.bin" for n in range(1, 6)),
    "test": ("test_batch.bin",),
}
# A frog, and the red of its first three pixels.
_ORIGINAL_START = bytes((6, 59, 43, 50))
_ARCHIVE_FOLDER = "cifar-10-batches-bin"


def read_batch(path: str | os.PathLike[str]) -> tuple[Bytes, Bytes]:
    """Read one batch file.

    Parameters
    ----------
    path
        The file, of at most 10,000 records.

    Returns
    -------
    images
        Shape ``(examples, 3, 32, 32)``, uint8: red, green and blue plane.
    labels
        Shape ``(examples,)``, uint8, from 0 to 9.

    Raises
    ------
    DataError
        If the file cannot be read, is no whole number of records, or has a label above 9.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_BATCH * _RECORD + 1)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror or error}); "
            "it should be a readable batch of CIFAR-10"
        ) from error
    if len(content) > _BATCH * _RECORD:
        raise DataError(
            f"{path} is longer than a batch of CIFAR-10; "
            f"it should have at most {_BATCH:,} records of {_RECORD:,} bytes"
        )
    if not content or len(content) % _RECORD:
        raise DataError(
            f"{path} has {len(content):,} bytes; a batch of CIFAR-10 in its binary version has "
            f"a positive multiple of {_RECORD:,}"
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, _RECORD)
    labels = records[:, 0]
    if labels.max() >= len(_CLASSES):
        record = int(np.argmax(labels >= len(_CLASSES)))
        raise DataError(
            f"{path} has the label {labels[record]} in record {record:,}; the labels of CIFAR-10 "
            f"run from 0 to {len(_CLASSES) - 1}"
        )
    return records[:, 1:].reshape(-1, *_SHAPE), labels


def unpack(archive: Path, folder: Path) -> Sequence[Path]:
    """Copy the batch files, and nothing else, out of the distributed archive.

    Only regular members with the very names and at most the length of a batch are copied, to
    paths that are made here; no path of the archive is followed.

    Raises
    ------
    DataError
        If the archive is damaged or lacks a batch file.
    """
    wanted = {
        f"{_ARCHIVE_FOLDER}/{name}": folder / name for names in _FILES.values() for name in names
    }
    found = []
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                target = wanted.get(member.name)
                if target is None or not member.isreg() or member.size > _BATCH * _RECORD:
                    continue
                source = tar.extractfile(member)
                if source is not None:
                    with source, open(target, "wb") as copy:
                        shutil.copyfileobj(source, copy)
                    found.append(wanted.pop(member.name))
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(
            f"{archive.name} is damaged ({error}); it should be a gzipped tar archive"
        ) from error
    if wanted:
        raise DataError(
            f"{archive.name} lacks {', '.join(wanted)}; "
            "it should hold the binary version of CIFAR-10"
        )
    return found


@dataclass(frozen=True, kw_only=True)
class CifarCollection(Collection):
    """CIFAR-10 in its batch files, of which a folder may hold some only.

    Copies of the set that went through a lossy format are about; their description says so.
    """

    archive: RemoteFile

    def missing(self, folder: Path, split: str, *, whole: bool = False) -> tuple[str, ...]:
        names = _FILES[split]
        there = {path.name for path in _batches(folder, split)}
        if there and not whole:
            return ()
        return tuple(name for name in names if name not in there)

    def remote(self, split: str) -> tuple[RemoteFile, ...]:
        return (self.archive,)

    def read(self, folder: Path, split: str) -> tuple[Bytes, Bytes]:
        batches = [read_batch(path) for path in _batches(folder, split)]
        return (
            np.concatenate([images for images, _ in batches]),
            np.concatenate([labels for _, labels in batches]),
        )

    def load(self, folder: Path, split: str) -> Dataset:
        dataset = super().load(folder, split)
        if _is_original(_batches(folder, "train")):
            return dataset
        return replace(dataset, description=f"{dataset.description}, not the original files")


def _is_original(batches: list[Path]) -> bool:
    """Say whether the training images begin as in the original; true where that is not there."""
    first = [path for path in batches if path.name == _FILES["train"][0]]
    if not first:
        return True
    with open(first[0], "rb") as file:
        return file.read(len(_ORIGINAL_START)) == _ORIGINAL_START


def _batches(folder: Path, split: str) -> list[Path]:
    """Return the batch files that are there, in order."""
    # The subfolder is what unpacking the archive by hand leaves.
    for place in (folder, folder / _ARCHIVE_FOLDER):
        paths = [place / name for name in _FILES[split] if os.path.isfile(place / name)]
        if paths:
            return paths
    return []


CIFAR_10 = CifarCollection(
    name="cifar-10",
    title="CIFAR-10",
    classes=_CLASSES,
    counts={"train": 50_000, "test": 10_000},
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    archive=RemoteFile(
        "cifar-10-binary.tar.gz",
        170_052_171,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        unpack,
    ),
)
"""Small photographs of ten kinds of thing (Krizhevsky, 2009)."""
