"""Saved runs made by hand: small, and as hostile or damaged as a test wants them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from PIL import Image

from soret.runs import RunFolder, files, schema

CLAIM = "thermophoresis/activation-rate"
RATES = (0.1, 0.05, 0.025)


def curves(replicas: int = 6, records: int = 21, name: str = "activation_rate") -> xr.Dataset:
    """Return curves exp(−η²t) with a little noise, as `soret.simulate` returns them."""
    rng = np.random.default_rng(3)
    step = np.arange(records) * 40
    mean = np.exp(-(np.array(RATES)[:, None] ** 2) * step)
    values = mean[:, None, :] + 0.02 * rng.normal(size=(len(RATES), replicas, records))
    return xr.Dataset(
        {
            name: (
                ("learning_rate", "replica", "step"),
                values.astype(np.float32),
                {"long_name": name.replace("_", " "), "units": "fraction"},
            ),
            "diverged_at": (
                ("learning_rate", "replica"),
                np.full((len(RATES), replicas), -1, np.int32),
            ),
        },
        {
            "learning_rate": ("learning_rate", list(RATES), {"long_name": "learning rate η"}),
            "replica": np.arange(replicas),
            "step": ("step", step, {"long_name": "step", "units": "updates"}),
        },
    )


def result(**other: Any) -> dict[str, Any]:
    return {
        "quantity": "exponent a of the collapse",
        "predicted": 2.0,
        "measured": 1.91,
        "interval": [1.88, 1.94],
        "rival": 1.0,
        "verdict": "supported",
        "note": "128 replicas",
    } | other


def statement(**other: Any) -> dict[str, Any]:
    """Return what became of a statement, decided by the first result."""
    return {
        "name": "fall",
        "text": "It falls.",
        "where": "Fig. 2",
        "origin": "printed",
        "setting": "paper",
        "differs": "",
        "tolerance": "a tenth, for it is read off a figure.",
        "verdict": "supported",
        "deciding": 0,
        "clause": "it falls by 1.91",
    } | other


Make = Callable[..., Path]


def maker(place: Path) -> Make:
    """Return a function that saves a claim's run under `place`, and returns its folder."""

    def saved(
        name: str = "run",
        claim: str | None = CLAIM,
        settings: dict[str, Any] | None = None,
        data: dict[str, xr.Dataset] | None = None,
        results: list[dict[str, Any]] | None = None,
        seed: int = 0,
        **verdict: Any,
    ) -> Path:
        folder = RunFolder(place / name)
        settings = settings or {"inputs": 10}
        folder.begin({"claim": claim, "scale": "quick", "seed": seed, "settings": settings})
        experiments = data or {"pytorch": curves(), "normal": curves()}
        folder.finish(xr.DataTree.from_dict(dict(experiments)), experiments=list(experiments))
        folder.figures.mkdir()
        Image.new("RGB", (300, 200), "white").save(folder.figures / "figure.png")
        found = {
            "claim": claim,
            "scale": "quick",
            "seed": seed,
            "run_sha256": schema.run_digest(folder.record()),
            "results": [result()] if results is None else results,
            "verdict": "supported",
            "seconds": 7.5,
            "diverged": 0,
            "notes": [],
            "paper": "",
        }
        if claim is not None:
            files.write_json(folder.path / "verdict.json", found | verdict)
        folder.seal()
        return folder.path

    return saved
