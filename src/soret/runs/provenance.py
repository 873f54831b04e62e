"""Where a run comes from: versions, platform, times."""

import functools
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).parents[3]
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
    return found | {"soret": found["soret"] + revision(_SOURCE)}


@functools.cache
def revision(source: Path) -> str:
    """Return "+g" and the commit of a git checkout, ".changed" if files of it differ; else ""."""
    if not (source / ".git").exists():  # installed from a wheel: the version says it all
        return ""
    git = ("git", "--no-optional-locks", "-C", str(source))
    try:
        commit = _output(*git, "rev-parse", "--short=12", "HEAD")
        changed = _output(*git, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):  # no git here, or not its owner's checkout
        return ""
    return f"+g{commit}{'.changed' if changed else ''}"


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()
