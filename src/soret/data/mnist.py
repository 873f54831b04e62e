"""MNIST and Fashion-MNIST: for each split one IDX file of images and one of labels."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from soret.data.collection import Bytes, Collection
from soret.data.download import RemoteFile
from soret.data.idx import read_idx
from soret.errors import DataError

_PREFIX = {"train": "train", "test": "t10k"}
_SIDE = 28


@dataclass(frozen=True, kw_only=True)
class IdxCollection(Collection):
    """A data set of 28x28 grey images in the files of MNIST, gzipped or not."""

    originals: Mapping[str, tuple[RemoteFile, RemoteFile]]

    def missing(self, folder: Path, split: str, *, whole: bool = False) -> tuple[str, ...]:
        return tuple(f"{stem}.gz" for stem in _stems(split) if _find(folder, stem) is None)

    def remote(self, split: str) -> tuple[RemoteFile, ...]:
        return self.originals[split]

    def read(self, folder: Path, split: str) -> tuple[Bytes, Bytes]:
        images_stem, labels_stem = _stems(split)
        images_path = _find(folder, images_stem) or folder / images_stem
        labels_path = _find(folder, labels_stem) or folder / labels_stem
        labels = read_idx(labels_path, (), self.counts[split])
        if labels.max() >= len(self.classes):
            raise DataError(
                f"{labels_path} holds the label {labels.max()}; the labels of {self.title} "
                f"run from 0 to {len(self.classes) - 1}"
            )
        images = read_idx(images_path, (_SIDE, _SIDE), self.counts[split])
        if len(images) != len(labels):
            raise DataError(
                f"{images_path} holds {len(images):,} images but {labels_path.name} holds "
                f"{len(labels):,} labels; there should be one label for each image"
            )
        return images, labels


def _stems(split: str) -> tuple[str, str]:
    prefix = _PREFIX[split]
    return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"


def _find(folder: Path, stem: str) -> Path | None:
    for name in (f"{stem}.gz", stem):
        # Unlike Path.is_file, this takes a folder that may not be entered for an empty one.
        if os.path.isfile(folder / name):
            return folder / name
    return None


_COUNTS = {"train": 60_000, "test": 10_000}

MNIST = IdxCollection(
    name="mnist",
    title="MNIST",
    classes=tuple("0123456789"),
    counts=_COUNTS,
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    originals={
        "train": (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
        ),
        "test": (
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
    },
)
"""Handwritten digits (LeCun, Cortes and Burges)."""

FASHION_MNIST = IdxCollection(
    name="fashion-mnist",
    title="Fashion-MNIST",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    counts=_COUNTS,
    # Plain http is what the authors offer; the checksum is what protects the transfer.
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    originals={
        "train": (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
        ),
        "test": (
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
    },
)
"""Articles of clothing (Xiao, Rasul and Vollgraf, arXiv:1708.07747)."""
