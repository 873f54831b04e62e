"""Data of any form in a report: drawn, or left out, never an exception."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from soret.report import curves, write
from soret.report.page import diverged_in
from soret.runs import RunFolder

N = np.arange(6.0)
STEP = {"step": ("step", np.arange(6))}


def dataset(values: Any, dims: tuple[str, ...], coords: Any = None, **attrs: Any) -> xr.Dataset:
    return xr.Dataset({"a": (dims, values, attrs)}, coords)


STRANGE = {
    "no variable": xr.Dataset(attrs={"a": 1}),
    "steps that are texts": dataset(N, ("step",), {"step": list("abcdef")}),
    "steps that are complex": dataset(N, ("step",), {"step": N * 1j}),
    "steps that are not finite": dataset(N, ("step",), {"step": [np.nan, np.inf, 1, 2, 3, 4]}),
    "steps with another dimension": dataset(np.ones((6, 2)), ("step", "x"), STEP),
    "diverged_at that is a text": xr.Dataset({"diverged_at": ("replica", ["a"])}),
    "diverged_at without replicas": xr.Dataset({"diverged_at": ((), 3)}),
    "all missing": dataset(np.full((2, 6), np.nan), ("replica", "step"), STEP),
    "infinite": dataset(np.full((2, 6), np.inf), ("replica", "step"), STEP),
    "huge": dataset(np.full((2, 6), 1e308), ("replica", "step"), STEP),
    "no replica": dataset(np.ones((0, 6)), ("replica", "step"), STEP),
    "no step": dataset(np.ones((2, 0)), ("replica", "step")),
    "truth values": dataset(N > 2, ("step",), STEP),
    "complex": dataset(N * 1j, ("step",), STEP),
    "texts": dataset(list("abcdef"), ("step",), STEP),
    "attributes of any kind": dataset(N, ("step",), STEP, long_name=[1, 2], units=3.5),
    "a million components": dataset(np.ones((6, 10**6), "i1"), ("step", "parameter"), STEP),
    "a learning rate twice": dataset(
        np.ones((2, 6)), ("learning_rate", "step"), STEP | {"learning_rate": [0.1, 0.1]}
    ),
    "a learning rate that is missing": dataset(
        np.ones((2, 6)), ("learning_rate", "step"), STEP | {"learning_rate": [0.1, np.nan]}
    ),
    "a first passage": xr.Dataset(
        {"first_passage": (("replica", "level"), np.full((2, 6), np.nan))}
    ),
    "a name that is one of ours": dataset(N, ("experiment",)).rename(a="experiment_dim_0"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_it_is_drawn_or_left_out(name: str) -> None:
    """Catches: an exception or minutes of waiting for data that nobody thought of."""
    found = curves.plots({"one": STRANGE[name], "two": STRANGE[name]}, "a")
    text = json.dumps(found, allow_nan=False)
    assert len(text) < 3_000_000
    assert diverged_in({"one": STRANGE[name]}) >= 0


def test_a_page_of_them_all(tmp_path: Path) -> None:
    """Catches: what is drawn well and cannot be saved, read again, or put into a page."""
    for number, (name, data) in enumerate(STRANGE.items()):
        if "text" in name or "million" in name:  # zarr warns of texts; the other one is large
            continue
        folder = RunFolder(tmp_path / str(number))
        folder.begin({"problem": {"name": name}, "steps": 5, "seed": number})
        folder.finish(data)
    assert write([tmp_path], tmp_path / "r.html").unread == []
