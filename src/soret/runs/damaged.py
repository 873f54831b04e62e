"""The error of a file that is not what was written, as opposed to one that cannot be read."""

from soret.errors import RunError


class DamagedError(RunError):
    """A file of a run is not what was written; what can be made again is set aside and made."""
