"""How much memory may be used, and refusing what would take more, before it is allocated."""

from pathlib import Path
from typing import Any, Protocol

import psutil

from soret.errors import TooMuchMemory

# What is left to the rest of the machine, and to what is not counted.
_SHARE = 0.8
_CGROUP = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")
_UNITS = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


class Device(Protocol):
    """A device of JAX's, which says what memory of its own it has, or None where it has none."""

    def memory_stats(self) -> dict[str, Any] | None: ...


def free_bytes() -> int:
    """Return the bytes that this process may still allocate.

    The least of what the machine has free, what the process's limit on its address space
    (``ulimit -v``) leaves, and what its control group does.
    """
    return max(0, min(psutil.virtual_memory().available, _left_of_limit(), _left_of_group()))


class _Sharing:
    """Among how many processes of Soret's the memory is divided."""

    processes = 1


def share_between(processes: int) -> None:
    """Say that so many processes of Soret's, this one among them, share what is free."""
    _Sharing.processes = processes


def limit_bytes() -> int:
    """Return the bytes that Soret may use: four fifths of `free_bytes`, or this process's share."""
    return int(_SHARE * free_bytes()) // _Sharing.processes


def device_limit_bytes(device: Device) -> int:
    """Return the bytes that Soret may use on a device: four fifths of what is free there.

    The host's, for a device without memory of its own, or one that does not tell.
    """
    own = device.memory_stats()
    if not own or "bytes_limit" not in own:
        return limit_bytes()
    return int(_SHARE * max(0, own["bytes_limit"] - own["bytes_in_use"]))


def refuse_beyond(needed: float, what: str, remedy: str, limit: int | None = None) -> None:
    """Refuse what would take more memory than may be used.

    Parameters
    ----------
    needed : float
        Bytes.
    what : str
        What takes them, the subject of a sentence: "the dense Hessian of 79,510 parameters".
    remedy : str
        What to do instead: "use its products".
    limit : int, optional
        Bytes that may be used; by default `limit_bytes`.

    Raises
    ------
    TooMuchMemory
        If it does.
    """
    allowed = limit_bytes() if limit is None else limit
    if needed > allowed:
        raise TooMuchMemory(
            f"{what} would take {readable(needed)} of memory, where {readable(allowed)} may be "
            f"used; {remedy}."
        )


def readable(size: float) -> str:
    """Return a number of bytes for a sentence: "47.1 GiB"."""
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size:,.0f} bytes"


def _left_of_limit() -> int:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return 2**63
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return 2**63
    return limit - psutil.Process().memory_info().vms


def _left_of_group() -> int:
    """Return what the control group leaves (version 2), as in a container or a batch job."""
    try:
        _, found, own = _OWN_GROUP.read_text().rpartition("0::/")
        groups = [_CGROUP / own.strip(), *(_CGROUP / own.strip()).parents] if found else []
        return min([2**63, *(_left_of(group) for group in groups if group.is_relative_to(_CGROUP))])
    except (OSError, ValueError, KeyError):  # another system, or another form: no limit is known
        return 2**63


def _left_of(group: Path) -> int:
    if not (group / "memory.max").exists():
        return 2**63
    most = (group / "memory.max").read_text().strip()
    if most == "max":
        return 2**63
    used = int((group / "memory.current").read_text())
    # Files that the kernel merely keeps in memory give way.
    kept = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return int(most) - used + int(kept["inactive_file"])
