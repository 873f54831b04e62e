"""A process that saves after every call, and that signals itself after so many saves."""

_CODE = """
import os, signal, sys, time
from soret.runs import files, pace

pace.CALL_SECONDS, pace.SAVE_SECONDS = 0.0, -1.0
write, written = files.write_arrays, []


def count(path, arrays):
    write(path, arrays)
    written.append(path)
    if len(written) == {saves}:
        os.kill(os.getpid(), signal.{name})
    # Ctrl-C is heard by another thread, which may have to wait for a core.
    time.sleep(0.2 if 0 < {saves} <= len(written) else {pause})


files.write_arrays = count
"""


def impatient(name: str = "SIGKILL", saves: int = -1, pause: float = 0.0) -> str:
    """Return code to run before what is to be interrupted.

    Parameters
    ----------
    name : str
        The signal, sent at a place that does not depend on the speed of the machine.
    saves : int
        After how many checkpoints; never by default.
    pause : float
        Seconds to wait after each.
    """
    return _CODE.format(name=name, saves=saves, pause=pause)
