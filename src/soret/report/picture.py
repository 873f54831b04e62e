"""A saved figure as part of a page: decoded, checked, and written anew.

A file in a run folder may be anything. What goes into the page is what came out of a decoder of
pixels, so that nothing in the file can act.
"""

import base64
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from soret.errors import RunError

_FORMATS = ("PNG",)
# What Pillow raises for a file that is cut off, altered, no image, or made to fill the memory.
_DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@dataclass(frozen=True)
class Picture:
    """A figure to be embedded.

    Attributes
    ----------
    name : str
        Its file's name, without extension.
    uri : str
        A data URI: lossless WebP, less than half of the PNG.
    width, height : int
        Pixels.
    """

    name: str
    uri: str
    width: int
    height: int


def picture(path: Path) -> Picture:
    """Read a PNG.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Picture
        On white where it was transparent.

    Raises
    ------
    RunError
        If it is damaged, or larger than a figure can be.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                pixels = _on_white(image)
    except _DAMAGED as error:
        raise RunError(f"{path} is damaged ({error}); the figure cannot be shown.") from error
    encoded = io.BytesIO()
    pixels.save(encoded, "WEBP", lossless=True, method=1, quality=0)
    text = base64.b64encode(encoded.getvalue()).decode()
    return Picture(path.stem, f"data:image/webp;base64,{text}", pixels.width, pixels.height)


def _on_white(image: Image.Image) -> Image.Image:
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
