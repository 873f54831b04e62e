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
from soret.runs.untrusted import read_bytes

_FORMATS = ("PNG",)
# A figure of 12 x 16 inches at 300 dots an inch has 17 million pixels, and a tenth of the bytes.
MOST_BYTES, MOST_PIXELS = 32 * 2**20, 25_000_000
MOST_ALONG = 16383  # pixels of a side: WebP has 14 bits for them
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


def picture(path: Path, run: Path | None = None) -> Picture:
    """Read a PNG.

    Parameters
    ----------
    path : Path
    run : Path, optional
        A folder above it within which no link is followed; by default its own.

    Returns
    -------
    Picture
        On white where it was transparent.

    Raises
    ------
    RunError
        If it is damaged, larger than a figure can be, a link, or no regular file.
    """
    folder = run or path.parent
    try:
        content = read_bytes(folder, path.relative_to(folder).as_posix(), MOST_BYTES)
    except FileNotFoundError as error:
        raise RunError(f"{path} was removed while it was read.") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise ValueError(
                        f"{image.width} x {image.height} pixels; at most {MOST_PIXELS:,} are shown"
                    )
                if max(image.size) > MOST_ALONG:
                    raise ValueError(
                        f"{image.width} x {image.height} pixels; at most {MOST_ALONG:,} a side are "
                        "shown"
                    )
                pixels = _on_white(image)
        encoded = io.BytesIO()
        pixels.save(encoded, "WEBP", lossless=True, method=1, quality=0)
    except _DAMAGED as error:
        raise RunError(f"{path} is damaged ({error}); the figure cannot be shown.") from error
    text = base64.b64encode(encoded.getvalue()).decode()
    return Picture(path.stem, f"data:image/webp;base64,{text}", pixels.width, pixels.height)


def _on_white(image: Image.Image) -> Image.Image:
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
