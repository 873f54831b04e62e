"""Small synthetic files in the layouts of the real data sets, and folders to find them in."""

import gzip
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from soret.data import lookup

PREFIX = {"train": "train", "test": "t10k"}


@dataclass(frozen=True)
class Places:
    """The folders in which `load` looks, all absent at first and apart from the user's own."""

    user: Path
    cache: Path
    system: Path


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    found = Places(tmp_path / "user", tmp_path / "cache", tmp_path / "system")
    monkeypatch.setattr(lookup, "cache_root", lambda: found.cache)
    monkeypatch.setattr(lookup, "SYSTEM_ROOT", found.system)
    monkeypatch.setenv(lookup.DATA_VARIABLE, str(found.user))
    # Unless a test says otherwise, the network is a port that nobody listens on.
    monkeypatch.setenv(lookup.MIRROR_VARIABLE, "http://127.0.0.1:9/")
    # A proxy of the machine's must not stand between a test and its own server.
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return found


@pytest.fixture(scope="session")
def idx_bytes() -> Callable[[np.ndarray], bytes]:
    return _idx_bytes


@pytest.fixture(scope="session")
def cifar_bytes() -> Callable[[np.ndarray], bytes]:
    """Bytes of a batch with the given labels; every pixel has the value of its plane, 0 to 2."""

    def make(labels: np.ndarray) -> bytes:
        pixels = np.repeat(np.arange(3), 1024)
        rows = [np.concatenate([[label], pixels]) for label in labels]
        return np.asarray(rows, dtype=np.uint8).tobytes()

    return make


@pytest.fixture(scope="session")
def write_mnist() -> Callable[..., Path]:
    """Write `n` images, of which every pixel has the value `n`, and the labels 0, 1, 2, …"""

    def write(folder: Path, split: str = "train", n: int = 12, packed: bool = True) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            f"{PREFIX[split]}-images-idx3-ubyte": np.full((n, 28, 28), n),
            f"{PREFIX[split]}-labels-idx1-ubyte": np.arange(n) % 10,
        }
        for stem, array in arrays.items():
            content = _idx_bytes(array)
            if packed:
                (folder / f"{stem}.gz").write_bytes(gzip.compress(content, mtime=0))
            else:
                (folder / stem).write_bytes(content)
        return folder

    return write


def _idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">{1 + array.ndim}I", 0x0800 | array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()
