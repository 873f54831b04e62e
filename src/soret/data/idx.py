"""The IDX format of MNIST: a header of big-endian integers, then unsigned bytes.

The header is a magic number ``0x0000TTDD`` (``TT``: type of the numbers, ``08`` for unsigned
bytes; ``DD``: how many dimensions) followed by each dimension as a 32-bit integer.
"""

import gzip
import io
import os
import struct
import zlib
from math import prod
from typing import IO

import numpy as np
import numpy.typing as npt

from soret.errors import DataError

_UNSIGNED_BYTES = 0x08
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


def read_idx(
    path: str | os.PathLike[str], item_shape: tuple[int, ...], at_most: int
) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, gzipped or not.

    Whether the file is gzipped is read from its first bytes, because some browsers unpack a
    ``.gz`` on the way and leave its name. The file is not trusted: nothing is read or allocated
    beyond what a data set of ``at_most`` items takes, whatever the header claims or however far
    the gzip stream would expand.

    Parameters
    ----------
    path
        The file.
    item_shape
        Shape of one item: ``(28, 28)`` for the images of MNIST, ``()`` for its labels.
    at_most
        Largest number of items that the file may hold.

    Returns
    -------
    array
        Shape ``(items, *item_shape)``, uint8.

    Raises
    ------
    DataError
        If the file cannot be read, is damaged, or holds something else.
    """
    try:
        with open(path, "rb") as raw:
            if raw.peek(2)[:2] != _GZIP_MAGIC:
                return _parse(raw, path, item_shape, at_most)
            with gzip.GzipFile(fileobj=raw) as unpacked:
                return _parse(unpacked, path, item_shape, at_most)
    except EOFError as error:
        raise DataError(
            f"{path} is cut off in the middle of its gzip stream; "
            "it should be replaced by the whole file"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path} is a damaged gzip file ({error}); it should be replaced by the original"
        ) from error
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror or error}); it should be a readable IDX file"
        ) from error


def _parse(
    file: IO[bytes] | io.BufferedIOBase,
    path: str | os.PathLike[str],
    item_shape: tuple[int, ...],
    at_most: int,
) -> npt.NDArray[np.uint8]:
    ndim = 1 + len(item_shape)
    header = file.read(4 + 4 * ndim)
    if len(header) < 4 + 4 * ndim:
        raise DataError(
            f"{path} ends after {len(header)} bytes; "
            f"the header of an IDX file with {ndim} dimensions takes {4 + 4 * ndim}"
        )
    magic, count, *item = struct.unpack(f">{1 + ndim}I", header)
    expected = _UNSIGNED_BYTES << 8 | ndim
    if magic != expected:
        raise DataError(
            f"{path} begins with the magic number 0x{magic:08x}; an IDX file of unsigned bytes "
            f"with {ndim} dimensions begins with 0x{expected:08x}"
        )
    if tuple(item) != item_shape:
        raise DataError(
            f"{path} claims items of shape {tuple(item)}; this data set has items of {item_shape}"
        )
    if not 1 <= count <= at_most:
        raise DataError(
            f"{path} claims {count:,} items; this data set has between 1 and {at_most:,}"
        )

    size = count * prod(item_shape)
    body = bytearray()
    # In chunks, so that memory follows the bytes that are there, not those that are claimed.
    while chunk := file.read(min(_CHUNK, size - len(body))):
        body += chunk
    if len(body) < size:
        raise DataError(
            f"{path} holds {len(body):,} bytes after its header; its dimensions "
            f"{(count, *item_shape)} take {size:,}"
        )
    # Asking for one byte more also makes gzip compare its checksum.
    if file.read(1):
        raise DataError(
            f"{path} holds more bytes than its dimensions {(count, *item_shape)} take; "
            f"after the header there should be {size:,}"
        )
    return np.frombuffer(body, dtype=np.uint8).reshape(count, *item_shape)
