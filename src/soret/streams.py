"""Standard streams that cannot show everything, or are not there: nothing of it ends a command.

A letter that an encoding lacks is shown by a close one or by "?". Standard error that cannot be
written is not: there is nowhere to say so. Of standard output the first failure is kept, and said
at the end, so that a run goes on and is saved.
"""

import codecs
import errno
import io
import json
import os
import select
import sys
import unicodedata
from typing import Any, TextIO

from rich.console import Console, ConsoleDimensions

__all__ = ["ENCODING_ERRORS", "Terminal", "finish", "is_terminal", "json_line", "prepare"]

#: Name under which `codecs` knows how letters are shown that an encoding lacks.
ENCODING_ERRORS = "soret-close-letters"
#: What a shell reports for a program that ended because nobody reads on.
BROKEN_PIPE = 128 + 13
# Narrower, and a table has a letter a line; wider, and what is padded takes all memory.
_NARROWEST, _WIDEST = 40, 1000

_CLOSE = {
    "−": "-", "–": "-", "—": "-", "×": "x", "·": ".", "′": "'", "″": '"', "‘": "'", "’": "'",
    "“": '"', "”": '"', "→": ">", "∝": "~", "≈": "~", "≤": "<", "≥": ">", "∗": "*", "•": "*",
    "⁄": "/", "μ": "u", "─": "-", "━": "-", "│": "|", "┃": "|",
}  # fmt: skip


class Terminal(Console):
    """A console of a width that tables can be read in, whatever ``COLUMNS`` says."""

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and lines."""
        found = super().size
        return ConsoleDimensions(min(max(found.width, _NARROWEST), _WIDEST), max(found.height, 1))

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size

    def on_broken_pipe(self) -> None:
        """Raise what was raised: Rich itself would end the program."""
        raise


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether somebody looks at a stream; false where it is missing or closed."""
    try:
        return stream is not None and stream.isatty()
    except (OSError, ValueError, AttributeError):
        return False


def json_line(content: Any) -> str:
    """Return JSON on one line, escaped where standard output could not show its letters.

    Or where a terminal would obey them: JSON itself leaves some control characters as they are.
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    if not text.isprintable():
        return json.dumps(content, allow_nan=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(content, allow_nan=False)
    return text


def prepare() -> None:
    """Make this process's standard output and error such that writing to them never fails.

    Closed ones are opened on the null device: the next file to be opened would take their number,
    and get what libraries say on standard error.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    # A stream that somebody put there to listen is theirs.
    if sys.stdout is sys.__stdout__:
        sys.stdout = _tolerant(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _tolerant(2, sys.stderr)


def finish(status: int) -> int:
    """Write out what is left; return the exit status, which says whether output was lost."""
    lost = None
    for stream in (sys.stdout, sys.stderr):
        raw = getattr(getattr(stream, "buffer", None), "raw", None)
        if not isinstance(raw, _Kept):
            continue
        stream.flush()
        lost = lost or (raw.lost if stream is sys.stdout else None)
    if lost is None:
        return status
    if lost.errno == errno.EIO:
        # The terminal is gone, and whoever sat there.
        return status
    if lost.errno == errno.EPIPE:
        return status or BROKEN_PIPE
    print(
        f"soret: standard output could not be written ({os.strerror(lost.errno or 0)}); what was "
        "to be shown there is lost.",
        file=sys.stderr,
        flush=True,
    )
    return status or 1


class _Kept(io.RawIOBase):
    """Writes to a file descriptor; after the first failure, which is kept, to nowhere."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.lost: OSError | None = None

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        with memoryview(data) as view:
            while self.lost is None:
                try:
                    return os.write(self._number, view)
                except BlockingIOError:
                    # Another process made the terminal answer "later".
                    select.select([], [self._number], [])
                except OSError as error:
                    self.lost = error
            return view.nbytes


def _tolerant(number: int, stream: TextIO | None) -> TextIO:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if stream is not None and os.name != "posix":
        # Consoles that have no bytes.
        stream.reconfigure(errors=ENCODING_ERRORS)  # type: ignore[attr-defined]
        return stream
    buffered = io.BufferedWriter(_Kept(number))
    by_line = number == 2 or is_terminal(stream)
    return io.TextIOWrapper(
        buffered, encoding=encoding, errors=ENCODING_ERRORS, line_buffering=by_line
    )


def _close_letters(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_close, error.object[error.start : error.end])), error.end


def _close(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:
        # A byte of a file's name that is no UTF-8.
        return f"\\x{code - 0xDC00:02x}"
    plain = unicodedata.normalize("NFKD", letter)[0]
    return _CLOSE.get(letter, plain if plain.isascii() and plain.isprintable() else "?")


codecs.register_error(ENCODING_ERRORS, _close_letters)
