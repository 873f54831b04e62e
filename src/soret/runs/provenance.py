"""Where a run comes from: versions, platform, times."""

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

_PACKAGES = ("soret", "jax", "jaxlib", "numpy", "scipy", "xarray", "equinox", "optax")


def provenance() -> dict[str, Any]:
    """Return what a reader needs to run a run again: versions and machine, no names of people."""
    return {
        "versions": {"python": platform.python_version()} | _versions(),
        "platform": {
            "system": platform.system(),
            "release": platform.release(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
        },
    }


def now() -> str:
    """Return the time, in UTC, as ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
