"""Which machine computed something: bits are promised for one instruction set and device kind."""

import functools
import hashlib
import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# Vector instructions decide how a sum is ordered and whether a product is rounded before it.
_TOLD = ("avx512f", "avx2", "fma", "avx", "sse4_2", "asimd", "sve", "sve2")


@functools.cache
def instruction_set() -> str:
    """Return machine and vector instructions, such as ``x86_64 avx512f avx2 fma``.

    Where the system does not tell them (`/proc/cpuinfo` is Linux's) the machine alone.
    """
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    told = next((x for x in lines if x.lower().startswith(("flags", "features"))), "")
    flags = set(told.partition(":")[2].split())
    return " ".join([platform.machine(), *(flag for flag in _TOLD if flag in flags)])


def where(device_kind: str) -> dict[str, str]:
    """Return what provenance says of where a block was computed.

    Parameters
    ----------
    device_kind : str
        As JAX calls it: ``cpu``, ``NVIDIA H100 …``.
    """
    return {
        "host": _host(),
        "device": device_kind,
        "instructions": instruction_set() if device_kind == "cpu" else "",
    }


@functools.cache
def _host() -> str:
    """Tell hosts apart without their names, which may be people's."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:12]
