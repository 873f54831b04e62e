"""Metadata of arrays from anyone: read as it was written, or refused in one sentence."""

import copy
import itertools
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from soret.errors import RunError
from soret.runs import store, zarr_schema

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")

VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 7, 0.5, 1e300, 10**12, 10**30, "", "x", "NaN", "float32", "\0",
    "days since 2000-01-01", [], [0], [-1], [10**12], [None], ["x", "x"], {}, {"name": "x"},
    {"configuration": None}, [[[[]]]],
]  # fmt: skip


FAR = {"dimension_names": ["far"]}


def every_type() -> xr.Dataset:
    """Return variables of all types that Soret writes, some left out for being all zero."""
    kinds = ("f2", "f4", "f8", "i1", "i4", "i8", "u1", "u4", "u8", "?", "c8", "c16")
    made: dict[str, Any] = {}
    for kind in map(np.dtype, kinds):
        made[f"of_{kind}"] = ("x", np.arange(3).astype(kind))
    made["text"] = ("x", np.array(["a", "é", "ccc"]))
    made["object"] = ("x", np.array(["a", "é", "ccc"], object))
    made["bytes"] = ("x", np.array([b"a", b"bb", b"c"]))
    made["number"], made["nothing"] = ((), 3.0), (("none", "x"), np.zeros((0, 3)))
    made["zero"], made["missing"] = ("x", np.zeros(3, int)), ("x", np.full(3, np.nan))
    made["cut"] = (("y", "x"), np.arange(6).reshape(2, 3), {"units": "seconds", "of": np.nan})
    return xr.Dataset(made, {"x": [1.0, 2.0, 3.0], "label": ("x", ["p", "q", "r"])}, {"n": None})


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Path]:
    """Return a store with a group in a group, and a copy that a test may change."""
    some = every_type()[["of_float32", "of_int32", "of_bool", "object", "zero", "cut", "number"]]
    tree = xr.DataTree.from_dict({"/c": some, "/c/deeper": some[["number", "zero"]]})
    store.write(tree, tmp_path / "whole.zarr")
    shutil.copytree(tmp_path / "whole.zarr", tmp_path / "data.zarr")
    return tmp_path / "whole.zarr", tmp_path / "data.zarr"


def test_every_type_comes_back_as_it_was(tmp_path: Path) -> None:
    """Catches: a type, a shape or an attribute that Soret writes and then refuses to read."""
    data = every_type()
    written = store.write(data, tmp_path / "a.zarr")
    xr.testing.assert_identical(store.read(tmp_path / "a.zarr", written), data)


def test_units_of_time_stay_units(tmp_path: Path) -> None:
    """Catches: seconds read as time differences, and "steps since reset" as an exception."""
    data = xr.Dataset(
        {n: ("x", [1.0, 2.0], {"units": n}) for n in ("seconds", "s since x", "days")}
    )
    written = store.write(data, tmp_path / "a.zarr")
    xr.testing.assert_identical(store.read(tmp_path / "a.zarr", written), data)


def test_encodings_of_other_files_are_not_taken_over(tmp_path: Path) -> None:
    """Catches: data read from a netCDF file, packed into bytes there, that cannot be read back."""
    data = xr.Dataset({"a": ("x", [0.1, 0.2])})
    data["a"].encoding = {"scale_factor": 0.1, "dtype": "int8", "_FillValue": -1}
    written = store.write(data, tmp_path / "a.zarr")
    xr.testing.assert_identical(store.read(tmp_path / "a.zarr", written), data)


def test_times_are_refused_before_they_become_numbers(tmp_path: Path) -> None:
    """Catches: dates that come back as numbers of days."""
    data = xr.Dataset({"when": ("x", np.array(["2000-01-01"], "datetime64[ns]"))})
    with pytest.raises(RunError, match="'when' holds times"):
        store.write(data, tmp_path / "a.zarr")


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of a piece of JSON."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inner:
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from places(value, (*at, key))


def changed(node: Any, at: tuple[Any, ...], value: Any, how: str) -> Any:
    """Return JSON with one value replaced, removed, repeated or joined by a stranger."""
    made = copy.deepcopy(node)
    inner = made
    for key in at[:-1]:
        inner = inner[key]
    if how == "replace":
        inner[at[-1]] = value
    elif how == "remove":
        del inner[at[-1]]
    elif isinstance(inner, list):
        inner.insert(0, inner[at[-1]])
    else:
        inner["stranger"] = value
    return made


def read(path: Path) -> tuple[Any, str]:
    """Return what is read of a store, or None, and a sentence."""
    try:
        return store.read(path, store.digest(path)), f"{path} is read."
    except RunError as error:
        return None, str(error)


def same_numbers(found: xr.DataTree, whole: xr.DataTree) -> bool:
    groups = zip(found.subtree, whole.subtree, strict=True)
    return all(
        np.array_equal(one[name].values, other[name].values, equal_nan=one[name].dtype.kind == "f")
        and one[name].dtype == other[name].dtype
        for one, other in groups
        for name in other.variables
    )


def test_any_changed_metadata_is_refused_or_harmless(saved: tuple[Path, Path]) -> None:
    """Catches: exceptions of zarr, xarray or Python, or other numbers, by a value in a zarr.json.

    The digest is made anew after every change, as a stranger would.
    """
    whole, copied = saved
    true = store.read(whole, store.digest(whole))
    metadata = sorted(copied.rglob("zarr.json"))
    every = [
        (path, at, value, how)
        for path in metadata
        for at in places(json.loads(path.read_text()))
        for how, value in itertools.chain(
            zip(itertools.repeat("replace"), VALUES, strict=False),
            [("remove", None), ("add", 3), ("add", {"must_understand": False})],
        )
    ]
    refused = 0
    for path, at, value, how in random.Random(5).sample(every, 700):
        before = path.read_text()
        path.write_text(json.dumps(changed(json.loads(before), at, value, how)))
        found, said = read(copied)
        refused += found is None
        assert found is None or same_numbers(found, true), (path, at, value, how)
        assert said.endswith(".")
        assert str(copied) in said
        path.write_text(before)
    assert 300 < refused < 700


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def chunks(shape: list[int]) -> dict[str, Any]:
    return {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shape}}}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"shape": [10**15], **FAR, **chunks([10**15])},
            "needs .* TiB of memory",
        ),
        ({"shape": [10**7], **FAR, **chunks([1])}, "10,000,0.. chunks, and at most 100,000"),
        ({"shape": [2], **chunks([3])}, "larger than it is"),
        (chunks([1]), "decodes into 12 bytes, and its array has 4 there"),
        ({"data_type": "float64"}, "decodes into 12 bytes, and its array has 24 there"),
        ({"chunk_key_encoding": {"name": "v2", "configuration": {"separator": "/"}}}, "v2"),
        ({"fill_value": 0.123}, "fill_value 0.123 is not what Soret writes"),
        ({"attributes": {"scale_factor": 2.0}}, "attribute scale_factor"),
        ({"attributes": {"_FillValue": "AAAAAAAAAAA="}}, "_FillValue is not what Soret writes"),
        ({"dimension_names": ["y"]}, "dimension 'y' has"),
        ({"codecs": [{"name": "bytes", "configuration": {"endian": "big"}}]}, "codec bytes"),
        ({"consolidated_metadata": {}}, "unknown field `consolidated_metadata`"),
    ],
)
def test_what_is_wrong_is_named(saved: tuple[Path, Path], change: dict, says: str) -> None:
    """Catches: memory taken for numbers that are not there; fill values read in their place."""
    _, path = saved
    edit(path / "c" / "of_float32" / "zarr.json", lambda array: array.update(change))
    with pytest.raises(RunError, match=says):
        store.read(path, store.digest(path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is not compressed as it should be"),
        (b"\x28\xb5\x2f\xfd\xe0" + (2**40).to_bytes(8, "little") + b"\0" * 9, "1,099,511,627,776"),
        (b"\x28\xb5\x2f\xfd\x00\x58" + b"\0" * 9, "does not say how many bytes"),
        (b"\x28\xb5\x2f\xfd\x20\x0c" + b"\xff" * 30, "is not what Soret writes"),
        (b"\x28\xb5\x2f\xfd\x20\x0c\x61\0\0", "is not what Soret writes"),
    ],
)
def test_chunks_that_decode_into_something_else(
    saved: tuple[Path, Path], content: bytes, says: str
) -> None:
    """Catches: a few bytes that decode into a terabyte; a decoder's own exception."""
    _, path = saved
    (path / "c" / "of_float32" / "c" / "0").write_bytes(content)
    with pytest.raises(RunError, match=says):
        store.read(path, store.digest(path))


def test_a_text_chunk_of_another_form(saved: tuple[Path, Path]) -> None:
    """Catches: a reader of texts that reads beyond what is there."""
    _, path = saved
    frame = b"\x28\xb5\x2f\xfd\x20\x08\x41\0\0" + b"\x03\0\0\0\xff\xff\xff\x7f"
    (path / "c" / "object" / "c" / "0").write_bytes(frame)
    with pytest.raises(RunError, match="is not what Soret writes"):
        store.read(path, store.digest(path))


@pytest.mark.parametrize(
    "name", ["c/of_float32/c/1", "c/of_float32/c/00", "c/x", "c/of_float32/c/0.old", "c/d/e"]
)
def test_files_that_belong_to_no_array(saved: tuple[Path, Path], name: str) -> None:
    """Catches: chunks beyond the edge, or of an array whose metadata was taken away."""
    _, path = saved
    (path / "c" / name).parent.mkdir(parents=True, exist_ok=True)
    (path / "c" / name).write_bytes(b"7")
    with pytest.raises(RunError, match="is no part of its arrays"):
        store.read(path, store.digest(path))


def test_arrays_without_end(saved: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: minutes spent on a hundred thousand arrays of nothing."""
    _, path = saved
    monkeypatch.setattr(zarr_schema, "MOST_NODES", 5)
    with pytest.raises(RunError, match="more than 5 arrays and groups"):
        store.read(path, store.digest(path))


def test_files_that_vanish_meanwhile(
    saved: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches: a FileNotFoundError of a run that is removed while it is read."""
    _, path = saved
    digest, look = store.digest(path), store.files_below

    def removed(*where: Any) -> Any:
        found = list(look(*where))
        shutil.rmtree(path / "c" / "deeper")
        return found

    monkeypatch.setattr(store, "files_below", removed)
    with pytest.raises(RunError, match="was removed while it was read"):
        store.read(path, digest)


def test_a_store_that_is_changed_while_it_is_read(
    saved: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches: what was looked at and what was read being two things."""
    _, path = saved
    chunk = path / "c" / "of_float32" / "c" / "0"
    other = (path / "c" / "of_int32" / "c" / "0").read_bytes()
    checked = store._Store._checked

    def swapped(self: Any) -> Any:
        found = checked(self)
        chunk.write_bytes(other)
        return found

    monkeypatch.setattr(store._Store, "_checked", swapped)
    with pytest.raises(RunError, match="was changed while it was read"):
        store.read(path, store.digest(path))
