"""The errors Soret raises on purpose.

Each message is one sentence: what is wrong, and what would be right.
"""


class SoretError(Exception):
    """Base of every error that Soret raises on purpose."""


class SettingsError(SoretError, ValueError):
    """A setting is unknown, of the wrong type or outside its range."""


class DataError(SoretError):
    """A data set is missing, damaged, or does not match its checksum."""


class RunError(SoretError):
    """A saved run is missing, damaged, or belongs to other settings."""


class InferenceError(SoretError, ValueError):
    """Numbers given to an inference do not allow the question to be answered."""
