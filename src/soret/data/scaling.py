"""What a network has done to the inputs of a data set, to do the same to others."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Scaling:
    """How inputs were scaled; called with others, or with one example, it does the same to them.

    Attributes
    ----------
    name : {"standardized", "symmetric", "none"}
    mean, deviation : float32 or None
        Of a standardized data set's inputs.
    words : str
        What settings say of it, if not the name.
    before : Scaling, optional
        What had been done to these inputs already.
    """

    name: str
    mean: np.float32 | None = None
    deviation: np.float32 | None = None
    words: str = ""
    before: "Scaling | None" = None

    @property
    def changes(self) -> bool:
        """Whether inputs do not stay as they are."""
        return self.name != "none" or (self.before is not None and self.before.changes)

    def __call__(self, x: Any) -> Any:
        """Return inputs scaled."""
        if self.before is not None:
            x = self.before(x)
        if self.name == "standardized":
            return (x - self.mean) / self.deviation
        return 2 * x - 1 if self.name == "symmetric" else x

    def __str__(self) -> str:
        return self.words or self.name
