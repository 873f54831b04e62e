"""What a `zarr.json` of a run may say: exactly what Soret writes, and no more than fits in memory.

zarr and xarray believe metadata: an array of 10^12 numbers without a chunk is allocated, a chunk
that is not where the metadata puts it is read as fill values without a word, and many a value of a
wrong type ends in an exception of theirs. So the metadata of all nodes, the chunks that are there
and each other are held together here before either library sees them.
"""

import base64
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from soret.runs import strict_json

NAME = "zarr.json"
# More than any array that fits in memory is cut into; each is looked up, there or not.
MOST_CHUNKS = 100_000
# A claim of a hundred experiments with thirty variables has three thousand.
MOST_NODES = 20_000

_CODECS = ("bytes", "vlen-utf8", "zstd")
_FLOATS = {"float16": 2, "float32": 4, "float64": 8}
_INTEGERS = {f"{sign}int{8 * size}": size for sign in ("", "u") for size in (1, 2, 4, 8)}
_COMPLEX = {"complex64": 8, "complex128": 16}
_SIZES = {**_FLOATS, **_INTEGERS, **_COMPLEX, "bool": 1}
_FIXED = ("fixed_length_utf32", "null_terminated_bytes")
# A text of its own for each: Python's object and the pointer to it.
_TEXT_BYTES = 64
_NOT_A_NUMBER = base64.standard_b64encode(b"\0\0\0\0\0\0\xf8\x7f").decode()
# What these attributes hold would change numbers, or what they are, as they are read.
_REINTERPRETED = ("scale_factor", "add_offset", "missing_value", "_Unsigned", "dtype")
_FRAME = b"\x28\xb5\x2f\xfd"

Length = Annotated[int, Meta(ge=0, le=2**53)]
Positive = Annotated[int, Meta(ge=1, le=2**53)]


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    """An object whose every key is known."""


class _Chunks(_Strict):
    chunk_shape: list[Positive]


class _Grid(_Strict):
    name: Literal["regular"]
    configuration: _Chunks


class _Separator(_Strict):
    separator: Literal["/"]


class _Keys(_Strict):
    name: Literal["default"]
    configuration: _Separator


class _Bytes(_Strict):
    length_bytes: Annotated[int, Meta(ge=0, le=2**30)]


class _FixedType(_Strict):
    name: Literal["fixed_length_utf32", "null_terminated_bytes"]
    configuration: _Bytes


class _Endian(_Strict):
    endian: Literal["little"]


class _Codec(_Strict):
    name: str
    configuration: dict[str, Any] = {}


class _Compression(_Strict):
    level: Annotated[int, Meta(ge=-131072, le=22)]
    checksum: bool


class Array(_Strict):
    """An array as Soret writes it."""

    zarr_format: Literal[3]
    node_type: Literal["array"]
    shape: Annotated[list[Length], Meta(max_length=32)]
    data_type: str | _FixedType
    chunk_grid: _Grid
    chunk_key_encoding: _Keys
    fill_value: str | int | float | bool | list[float | str] | None
    codecs: list[_Codec]
    attributes: dict[str, Any]
    storage_transformers: list[Any] = []
    dimension_names: list[str] | None = None

    @property
    def type_name(self) -> str:
        """What its elements are."""
        return self.data_type if isinstance(self.data_type, str) else self.data_type.name

    @property
    def item_bytes(self) -> int:
        """How much an element takes in memory."""
        if isinstance(self.data_type, _FixedType):
            return self.data_type.configuration.length_bytes
        return _SIZES.get(self.data_type, _TEXT_BYTES)

    @property
    def bytes(self) -> int:
        """How much it takes in memory."""
        return math.prod(self.shape) * self.item_bytes

    @property
    def chunk_shape(self) -> list[int]:
        """The shape of every chunk, of those at the edge too."""
        return self.chunk_grid.configuration.chunk_shape

    @property
    def grid(self) -> list[int]:
        """How many chunks there are along each dimension."""
        pairs = zip(self.shape, self.chunk_shape, strict=True)
        return [-(-length // chunk) for length, chunk in pairs]

    @property
    def chunk_bytes(self) -> int | None:
        """How many bytes a chunk decodes to; None for texts of any length."""
        if self.type_name == "string":
            return None
        return math.prod(self.chunk_shape) * self.item_bytes

    @property
    def compressed(self) -> bool:
        """Whether chunks are compressed."""
        return len(self.codecs) == 2


class Group(_Strict):
    """A group as Soret writes it."""

    zarr_format: Literal[3]
    node_type: Literal["group"]
    attributes: dict[str, Any] = {}
    consolidated_metadata: None = None


Node = Array | Group


@dataclass(frozen=True)
class Chunk:
    """Whose a chunk is, to be asked about its bytes before they are decoded."""

    array: Array

    def check(self, head: bytes, size: int, room: int) -> None:
        """Refuse a chunk that says it decodes into another number of bytes than it should.

        Parameters
        ----------
        head : bytes
            The first 18 bytes that are stored, or all.
        size : int
            How many are stored.
        room : int
            Bytes of memory that may be used.

        Raises
        ------
        ValueError
            Saying what is wrong with it, in half a sentence.
        """
        told = _frame_bytes(head) if self.array.compressed else size
        wanted = self.array.chunk_bytes
        if wanted is None and told > room:
            raise ValueError(f"it decodes into {told:,} bytes, and {room:,} may be used")
        if wanted is not None and told != wanted:
            raise ValueError(f"it decodes into {told:,} bytes, and its array has {wanted:,} there")


def parse(content: bytes) -> Node:
    """Return the node that a `zarr.json` describes.

    Raises
    ------
    ValueError
        Saying what is wrong with it, in half a sentence.
    """
    raw = strict_json.parse(content, constants=True)
    if not isinstance(raw, dict):
        raise ValueError("no JSON object")
    _check_codecs(raw)
    kind: type[Node] = Group if raw.get("node_type") == "group" else Array
    try:
        node = msgspec.convert(raw, kind)
    except (msgspec.ValidationError, OverflowError) as error:
        raise ValueError(str(error).replace(" - at `$.", " in `")) from error
    if isinstance(node, Array):
        _check_array(node)
    return node


def check_tree(nodes: Mapping[str, Node], files: Iterable[str]) -> dict[str, Chunk]:
    """Hold the nodes of a store, and the files that are in it, together.

    Parameters
    ----------
    nodes : mapping
        By path, "" for the root.
    files : iterable of str
        The paths of all other files.

    Returns
    -------
    dict
        By path, the chunks that are there.

    Raises
    ------
    ValueError
        Saying what is wrong, in half a sentence.
    """
    for path in nodes:
        if path and not isinstance(nodes.get(path.rpartition("/")[0]), Group):
            raise ValueError(f"{path} is in no group")
    if not isinstance(nodes.get(""), Group):
        raise ValueError(f"it has no group of its own ({NAME})")
    arrays = {path: node for path, node in nodes.items() if isinstance(node, Array)}
    _check_lengths(arrays)
    chunks = sum(math.prod(array.grid) for array in arrays.values())
    if chunks > MOST_CHUNKS:
        raise ValueError(f"its arrays have {chunks:,} chunks, and at most {MOST_CHUNKS:,} are read")
    return {path: _chunk_at(path, arrays) for path in files}


def _chunk_at(path: str, arrays: Mapping[str, Array]) -> Chunk:
    scalar = arrays.get(path.removesuffix("/c"))
    if scalar is not None and not scalar.shape:
        return Chunk(scalar)
    owner, _, place = path.rpartition("/c/")
    array = arrays.get(owner)
    if array is not None:
        at = place.split("/")
        if len(at) == len(array.shape) and all(
            re.fullmatch("0|[1-9][0-9]{0,15}", one) and int(one) < count
            for one, count in zip(at, array.grid, strict=True)
        ):
            return Chunk(array)
    raise ValueError(f"{path} is no part of its arrays")


def _check_array(array: Array) -> None:
    name, fill = array.type_name, array.fill_value
    if name not in _SIZES and name != "string" and name not in _FIXED:
        raise ValueError(f"Soret does not write elements of type {name!r}")
    if isinstance(array.data_type, str) == (name in _FIXED):
        raise ValueError(f"{name!r} is half of a data type")
    if len(array.chunk_shape) != len(array.shape):
        raise ValueError("its chunks have other dimensions than it has")
    if any(c > max(n, 1) for c, n in zip(array.chunk_shape, array.shape, strict=True)):
        raise ValueError(f"chunks of {array.chunk_shape} are larger than it is ({array.shape})")
    if not _is_written(array):
        raise ValueError(f"fill_value {fill!r} is not what Soret writes for {name}")
    names = array.dimension_names or []
    if len(names) != len(array.shape) or len(set(names)) != len(names) or not all(names):
        raise ValueError(f"dimension_names {names} do not name its {len(array.shape)} dimensions")
    if array.storage_transformers:
        raise ValueError("it has storage_transformers")
    _check_pipeline(array)
    _check_attributes(array)


def _is_written(array: Array) -> bool:
    """Whether what stands for chunks that are not there is what Soret leaves out."""
    name, fill = array.type_name, array.fill_value
    if name == "bool":
        return fill is False
    if name in _INTEGERS:
        return type(fill) is int and fill == 0
    if name in _FLOATS:
        zero = type(fill) in (int, float) and fill == 0  # by some versions of xarray
        return fill == "NaN" or (zero and "_FillValue" in array.attributes)
    if name in _COMPLEX:
        return isinstance(fill, list) and fill == [0.0, 0.0]
    return fill == ""


def _check_pipeline(array: Array) -> None:
    """Hold the codecs to those that Soret writes: what makes bytes, then perhaps a compression."""
    first = "vlen-utf8" if array.type_name == "string" else "bytes"
    names = [codec.name for codec in array.codecs]
    if names not in ([first], [first, "zstd"]):
        raise ValueError(f"its codecs are {names}, and Soret writes {first}, zstd")
    many_bytes = first == "bytes" and array.type_name not in (
        "bool", "int8", "uint8", "null_terminated_bytes",
    )  # fmt: skip
    wanted: list[Any] = [_Endian if many_bytes else _Strict, _Compression]
    for codec, kind in zip(array.codecs, wanted, strict=False):
        try:
            msgspec.convert(codec.configuration, kind)
        except msgspec.ValidationError as error:
            raise ValueError(f"codec {codec.name}: {error}") from error


def _check_attributes(array: Array) -> None:
    for name in _REINTERPRETED:
        if name in array.attributes:
            raise ValueError(f"it has the attribute {name}, which Soret does not write")
    fill = array.attributes.get("_FillValue")
    if fill is not None and not (array.type_name in _FLOATS and fill == _NOT_A_NUMBER):
        raise ValueError("its attribute _FillValue is not what Soret writes")
    if not isinstance(array.attributes.get("coordinates", ""), str):
        raise ValueError("its attribute coordinates is no text")


def _check_lengths(arrays: Mapping[str, Array]) -> None:
    """Refuse dimensions of one name and two lengths in a group, as xarray would."""
    lengths: dict[tuple[str, str], int] = {}
    for path, array in arrays.items():
        group = path.rpartition("/")[0]
        for name, length in zip(array.dimension_names or [], array.shape, strict=True):
            if lengths.setdefault((group, name), length) != length:
                known = lengths[group, name]
                raise ValueError(f"dimension {name!r} has {known} places and, in {path}, {length}")


def _check_codecs(raw: Mapping[str, Any]) -> None:
    """Name codecs that Soret does not write, wherever they hide: some run what they decode."""
    named = [str(name)[:80] for name in _codec_names(raw)]
    unknown = sorted(set(named) - set(_CODECS))
    if unknown:
        raise UnknownCodecs(f"names codecs that Soret does not write: {unknown}")


class UnknownCodecs(ValueError):
    """Metadata that would have something run that Soret does not use."""


def _codec_names(node: Any) -> list[Any]:
    names: list[Any] = []
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("codecs", "index_codecs") and isinstance(value, list):
                names += [c.get("name") if isinstance(c, dict) else c for c in value]
            # An array's or a group's own attributes are data, not instructions.
            if key != "attributes":
                names += _codec_names(value)
    elif isinstance(node, list):
        for item in node:
            names += _codec_names(item)
    return names


def _frame_bytes(head: bytes) -> int:
    """Return how many bytes a Zstandard frame says that it decodes into (RFC 8878, 3.1.1.1)."""
    if len(head) < 6 or head[:4] != _FRAME:
        raise ValueError("it is not compressed as it should be")
    flags = head[4]
    single = flags >> 5 & 1
    width = (1 if single else 0, 2, 4, 8)[flags >> 6]
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3]
    if not width or len(head) < start + width:
        raise ValueError("it does not say how many bytes it decodes into")
    told = int.from_bytes(head[start : start + width], "little")
    return told + 256 if width == 2 else told
