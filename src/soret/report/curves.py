"""Curves of a run for a plot that is drawn elsewhere: means over replicas, bounded in size.

Which variable goes against which axis is read off the data's own names, so that any run can be
shown, not only one that somebody thought of.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from soret.report.decimate import decimate
from soret.report.summary import summarize

POINTS, CURVES, PLOTS = 400, 24, 12
_ENOUGH = 5  # records that make a curve

_REPLICAS = ("replica", "draw", "pair")  # independent copies of the same thing
_TIMES = ("step", "epoch", "sample")
_ONLY_NUMBERED = ("parameter", "row", "column", "end", "axis")  # their order has no meaning
_FOR_MACHINES = ("diverged_at", "watched_until", "final_parameters")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Drawn:
    """One variable of one experiment, with the axis that it is drawn against."""

    experiment: str
    data: xr.DataArray
    x: str
    across: tuple[str, ...]


def plots(experiments: Mapping[str, xr.Dataset], first: str = "") -> list[dict[str, Any]]:
    """Return what can be drawn of a run, as plain data.

    Parameters
    ----------
    experiments : mapping of str to Dataset
        By name; one nameless for an ensemble alone.
    first : str
        Text, such as a claim's id: variables that it names come first.

    Returns
    -------
    list of dict
        At most `PLOTS`, one for each variable and axis: `name`, `title`, `label`, `units`, `x`
        (name, label, units), `axes` (name, label, values, whether numbers), `summary` in words,
        `curves` (place on each axis, x, y, low, high, how many replicas at least and at most,
        how many points of how many), and `left_out` in words.
    """
    groups: dict[tuple[Any, ...], list[_Drawn]] = {}
    for experiment, run in experiments.items():
        for drawn in _drawable(experiment, run):
            key = (drawn.data.name, drawn.x, _label(drawn.data), frozenset(drawn.across))
            groups.setdefault(key, []).append(drawn)
    named = first.replace("-", "_")
    ordered = sorted(groups.values(), key=lambda group: _rank(group, named))
    made = [_plot(group) for group in ordered[:PLOTS]]
    for plot in made:
        plot["title"] = _title(plot, made)
    return made


def _title(plot: Mapping[str, Any], among: list[dict[str, Any]]) -> str:
    """Return what tells a plot from the others of its run."""
    label = str(plot["label"])
    if sum(other["label"] == label for other in among) == 1:
        return label
    apart = [axis["label"] for axis in plot["axes"] if axis["numeric"]]
    return f"{label}, by {', '.join(apart)}" if apart else f"{label} against {plot['x']['label']}"


def _rank(group: list[_Drawn], named: str) -> tuple[bool, bool, bool, str]:
    """Put what the claim is named after first, then curves in time, those of components later."""
    name = str(group[0].data.name)
    components = any(dim.startswith(f"{name}_dim_") for dim in group[0].across)
    return (name not in named, group[0].x not in _TIMES, components, name)


def _drawable(experiment: str, run: xr.Dataset) -> Iterator[_Drawn]:
    for name, data in run.data_vars.items():
        if name in _FOR_MACHINES or data.dtype.kind not in "fiub":
            continue
        x = _axis(data)
        if x is not None:
            across = tuple(str(d) for d in data.dims if d != x and d not in _REPLICAS)
            yield _Drawn(experiment, data, x, across)


def _axis(data: xr.DataArray) -> str | None:
    """Return the dimension to draw against: time if there is enough, else the longest that can."""
    for time in _TIMES:
        numbered = time not in data.coords or data[time].dtype.kind in "fiu"
        if data.sizes.get(time, 0) >= _ENOUGH and numbered:
            return time
    found = [
        str(dim)
        for dim, size in data.sizes.items()
        if size > 1
        and dim not in (*_REPLICAS, *_ONLY_NUMBERED)
        and not str(dim).startswith(f"{data.name}_dim_")
        and (dim not in data.coords or data[dim].dtype.kind in "fiu")
    ]
    return max(found, key=lambda dim: data.sizes[dim], default=None)


def _plot(group: list[_Drawn]) -> dict[str, Any]:
    one = group[0]
    axes = _axes(group)
    curves: list[dict[str, Any]] = []
    known, said = 0, ""
    for drawn in group:
        kept = _fewer(drawn, max(1, CURVES // len(group)))
        known += int(np.prod([drawn.data.sizes[dim] for dim in drawn.across]))
        for place in itertools.product(*(range(n) for n in kept.values())):
            if len(curves) < CURVES:
                curve, said = _curve(drawn, dict(zip(kept, place, strict=True)), axes)
                curves.append(curve)
    return {
        "name": str(one.data.name),
        "label": _label(one.data),
        "units": _units(one.data),
        "x": _x(one),
        "axes": axes,
        "summary": said,
        "curves": curves,
        "left_out": "" if len(curves) == known else f"the run has {known:,} curves",
    }


def _axes(group: list[_Drawn]) -> list[dict[str, Any]]:
    """Return what sets curves apart: hyperparameters first, then experiments, then components."""
    found: dict[str, dict[str, Any]] = {}
    for drawn in group:
        for dim in drawn.across:
            axis = found.setdefault(dim, _axis_about(drawn, dim))
            for value in _values(drawn.data, dim):
                if value not in axis["values"]:
                    axis["values"].append(value)
    experiments = [drawn.experiment for drawn in group]
    hyper = [axis for axis in found.values() if axis["numeric"]]
    rest = [axis for axis in found.values() if not axis["numeric"]]
    where = {
        "name": "experiment",
        "label": "experiment",
        "values": list(dict.fromkeys(experiments)),
        "numeric": False,
    }
    return [*hyper, where, *rest]


def _axis_about(drawn: _Drawn, dim: str) -> dict[str, Any]:
    component = dim.startswith(f"{drawn.data.name}_dim_")
    numeric = dim in drawn.data.coords and drawn.data[dim].dtype.kind in "fiu"
    label = "component" if component else dim.replace("_", " ")
    if numeric:
        label = str(drawn.data[dim].attrs.get("long_name", label))
    return {"name": dim, "label": label, "values": [], "numeric": numeric}


def _values(data: xr.DataArray, dim: str) -> list[Any]:
    """Return the places along a dimension, as many as curves are drawn at most."""
    if dim not in data.coords:
        return [str(i) for i in range(min(data.sizes[dim], CURVES))]
    values = data[dim].values[:CURVES]
    if values.dtype.kind not in "fiu":
        return [str(value) for value in values]
    # One that is missing is no number, and not even equal to itself.
    return [float(f"{v:.6g}") if np.isfinite(v) else str(v) for v in values]


def _fewer(drawn: _Drawn, room: int) -> dict[str, int]:
    """Return how many values of each dimension are drawn: the fewest of the last, components."""
    kept: dict[str, int] = {}
    for dim in drawn.across:
        kept[dim] = max(1, min(drawn.data.sizes[dim], room))
        room //= kept[dim]
    return kept


def _curve(
    drawn: _Drawn, at: Mapping[str, int], axes: list[dict[str, Any]]
) -> tuple[dict[str, Any], str]:
    """Return a curve, and in words what it is."""
    data = drawn.data.isel(at)
    replicas = [dim for dim in _REPLICAS if dim in data.dims]
    values = data.transpose(*replicas, drawn.x).values.astype(np.float64)
    summary = summarize(values.reshape(-1, data.sizes[drawn.x]), str(data.name), bool(replicas))
    x = _numbers(data, drawn.x)
    kept = decimate(summary.middle, POINTS)
    values_at = {dim: _values(drawn.data, dim)[i] for dim, i in at.items()}
    values_at["experiment"] = drawn.experiment
    place = [
        axis["values"].index(values_at[axis["name"]]) if axis["name"] in values_at else 0
        for axis in axes
    ]
    return {
        "at": place,
        "x": _plain(x[kept]),
        "y": _plain(summary.middle[kept]),
        "low": None if summary.low is None else _plain(summary.low[kept]),
        "high": None if summary.high is None else _plain(summary.high[kept]),
        "replicas": [int(summary.count.min()), int(summary.count.max())],
        "points": [len(kept), len(x)],
    }, summary.in_words


def _numbers(data: xr.DataArray, dim: str) -> Floats:
    if dim not in data.coords:
        return np.arange(data.sizes[dim], dtype=np.float64)
    return data[dim].values.astype(np.float64)


def _plain(values: Floats) -> list[float | None]:
    """Return numbers to five digits: more than a screen shows; what is not finite as None."""
    return [float(f"{v:.5g}") if np.isfinite(v) else None for v in values]


def _x(drawn: _Drawn) -> dict[str, str]:
    about = drawn.data[drawn.x].attrs if drawn.x in drawn.data.coords else {}
    label = str(about.get("long_name", drawn.x.replace("_", " ")))
    return {"name": drawn.x, "label": label, "units": _known(about.get("units"))}


def _label(data: xr.DataArray) -> str:
    return str(data.attrs.get("long_name", str(data.name).replace("_", " ")))


def _units(data: xr.DataArray) -> str:
    return _known(data.attrs.get("units"))


def _known(units: object) -> str:
    return "" if units in (None, "dimensionless") else str(units)
