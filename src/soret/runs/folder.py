"""A run's folder: `run.json`, `data.zarr`, `manifest.json`; of a claim `verdict.json`, `figures/`.

While it is being computed a run has `run.json` in state "running" and finished or half-finished
blocks under `checkpoints/`. It is complete when `run.json` says so and `data.zarr` has the
digest written there; until then it can be resumed and cannot be loaded.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from soret.errors import RunError
from soret.runs import files, manifest, numbers, schema, store
from soret.runs.paths import resolve
from soret.runs.provenance import now, provenance
from soret.runs.store import Data

# Runs of the old format have no manifest: they can be loaded, and are left as they are.
OLD_FORMAT, FORMAT = schema.FORMATS


class RunFolder:
    """One run on disk.

    Parameters
    ----------
    path : path
        The folder; made by `begin`. It is resolved here, once: see `soret.runs.paths.resolve`.

    Raises
    ------
    SettingsError
        If it is no path.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = resolve(path)

    @property
    def record_path(self) -> Path:
        """Where settings and provenance are."""
        return self.path / "run.json"

    @property
    def data_path(self) -> Path:
        """Where the data is."""
        return self.path / "data.zarr"

    @property
    def figures(self) -> Path:
        """Where figures are."""
        return self.path / "figures"

    def begin(self, description: Mapping[str, Any]) -> bool:
        """Claim the folder for a run, or take up the run that is there.

        Parameters
        ----------
        description : mapping
            Everything that decides the run's numbers, as plain JSON data.

        Returns
        -------
        bool
            Whether the run is complete already.

        Raises
        ------
        RunError
            If the folder holds another run, or something that is no run.
        """
        wanted = files.finite(numbers.described(description))
        if self.record_path.exists():
            record = self.record()
            numbers.refuse_other(self.path, record)
            here = record.get("description")
            if _identity(here) != _identity(wanted):
                raise RunError(
                    f"{self.path} holds another run ({_difference(here, wanted)}); "
                    "choose another folder, or delete this one."
                )
            return record.get("state") == "complete"
        if self.path.exists():
            if not self.path.is_dir() or set(self.path.iterdir()) - set(files.left_over(self.path)):
                raise RunError(f"{self.path} exists and is no run; choose another folder.")
            files.clear_left_over(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        files.write_json(
            self.record_path,
            {
                "format": FORMAT,
                "state": "running",
                "description": wanted,
                "started": now(),
                **provenance(),
            },
        )
        return False

    def record(self) -> dict[str, Any]:
        """Return what `run.json` says.

        Raises
        ------
        RunError
            If there is no run here, or it is damaged or of another format.
        """
        return schema.read_record(self.record_path)

    def finish(self, data: Data, **also: Any) -> None:
        """Write the data, mark the run complete, seal it and clear its checkpoints."""
        record = self.record()
        record |= {"data_sha256": store.write(data, self.data_path)}
        record |= {"state": "complete", "finished": now(), **also}
        files.write_json(self.record_path, record)
        self.seal()
        files.remove(self.path / "checkpoints")
        files.clear_left_over(self.path)

    def seal(self) -> None:
        """Write down what the folder holds, once everything is in it: verdict and figures too.

        Raises
        ------
        RunError
            If a link, or anything else that Soret does not write, is among the run's files.
        """
        manifest.write(self.path)

    def load(self) -> Data:
        """Return the data of a complete run.

        Raises
        ------
        RunError
            If the run is missing, unfinished or damaged.
        """
        record = self.record()
        if record.get("state") != "complete":
            raise RunError(
                f"the run in {self.path} is unfinished; run it again with the same settings to "
                "resume it."
            )
        if manifest.is_there(self.path):
            manifest.verify_files(self.path, "run.json")  # which has the digest of the data
        return store.read(self.data_path, record.get("data_sha256"))

    def write_checkpoint(self, block: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Save a block's state, in place of an older one."""
        path = self._checkpoint(block)
        path.parent.mkdir(exist_ok=True)
        files.write_arrays(path, arrays)

    def read_checkpoint(self, block: str) -> dict[str, np.ndarray] | None:
        """Return a block's state, or None if none was saved."""
        path = self._checkpoint(block)
        return files.read_arrays(path) if path.exists() else None

    def _checkpoint(self, block: str) -> Path:
        return self.path / "checkpoints" / f"{block}.npz"


def load(path: str | os.PathLike[str]) -> Data:
    """Return the data of a saved run: a Dataset, or a DataTree where a claim has several.

    Parameters
    ----------
    path : path
        The run's folder.

    Raises
    ------
    RunError
        If the run is missing, unfinished or damaged.
    """
    return RunFolder(path).load()


def runs_in(path: Path) -> list[Path]:
    """Return the runs at a path: the folder itself, or the folders in it that are runs.

    Raises
    ------
    RunError
        If there is none.
    """
    if (path / "run.json").exists():
        return [path]
    found = sorted(p.parent for p in path.glob("*/run.json")) if path.is_dir() else []
    if not found:
        raise RunError(f"{path} holds no saved run.")
    return found


def _identity(description: Any) -> Any:
    """Return what two descriptions of one run share: all but digests and names of functions.

    They are there to be read. A comment added to a function does not make another run: the
    digest of the compiled program with its data says whether something did.
    """
    if isinstance(description, Mapping):
        kept = {k: v for k, v in description.items() if k not in ("sha256", "functions")}
        return {key: _identity(value) for key, value in kept.items()}
    if isinstance(description, list):
        return [_identity(value) for value in description]
    return description


def _difference(here: Any, wanted: Mapping[str, Any]) -> str:
    """Name the first few settings in which two descriptions differ."""
    if not isinstance(here, dict):
        return "its description cannot be read"
    here, wanted = _flat(_identity(here)), _flat(_identity(wanted))
    keys = [key for key in (*wanted, *here) if here.get(key) != wanted.get(key)]
    if not keys:
        return "it differs"
    # Names of things come before digests, which tell a person nothing.
    keys = sorted(dict.fromkeys(keys), key=lambda key: "program" in key)[:3]
    said = [
        "model, data or observables differ"
        if "program" in key
        else f"{key} is {here.get(key)} there, {wanted.get(key)} here"
        for key in keys
    ]
    return "; ".join(dict.fromkeys(said))


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
