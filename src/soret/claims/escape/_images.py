"""What claims on trained networks share: their images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import soret
from soret.claims import images

if TYPE_CHECKING:
    from soret.data import Dataset


def even_odd(claim: Any) -> Dataset:
    """Return the first so many of a claim's images in two classes."""
    return soret.data.even_odd(images.first(claim, images.load(claim)))
