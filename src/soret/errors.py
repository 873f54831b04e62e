"""The errors Soret raises on purpose.

Each message is one sentence: what is wrong, and what would be right. It may quote what was read
from disk, and can be printed whatever that is.
"""

from soret.printable import printable


class SoretError(Exception):
    """Base of every error that Soret raises on purpose."""

    def __str__(self) -> str:
        return printable(super().__str__(), lines=True)


class SettingsError(SoretError, ValueError):
    """A setting is unknown, of the wrong type or outside its range."""


class TooMuchMemory(SettingsError):
    """What was asked for does not fit into the memory that may be used here and now."""


class DataError(SoretError):
    """A data set is missing, damaged, or does not match its checksum."""


class RunError(SoretError):
    """A saved run is missing, damaged, or belongs to other settings."""

    def __str__(self) -> str:
        # A run folder may be a stranger's, whose texts are not to make up lines.
        return printable(Exception.__str__(self))


class InferenceError(SoretError, ValueError):
    """Numbers given to an inference do not allow the question to be answered."""


class ConvergenceError(SoretError, ArithmeticError):
    """An iteration or an estimate did not come close enough to its answer to be one."""


class OutsideDomain(SoretError, ValueError):
    """An argument of a closed form or a quadrature lies where it does not hold."""
