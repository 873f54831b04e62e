"""Text from elsewhere, as it is shown."""

import sys
import unicodedata

import pytest

from soret.errors import RunError, SettingsError
from soret.printable import printable


def test_nothing_that_acts_is_left() -> None:
    """Catches: one of the thousands of characters that a terminal or a page obeys."""
    obeyed = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    every = [chr(number) for number in range(sys.maxunicode + 1)]
    left = "".join(printable("".join(every[i : i + 4096])) for i in range(0, len(every), 4096))
    assert not {letter for letter in set(left) if unicodedata.category(letter) in obeyed}
    left.encode()


@pytest.mark.parametrize(
    "text",
    ["η = 0.1", "95\u00a0% (1.2\u202fto\u2009−3)", "日本語 🧪", "a\\nb", "", "[bold]x[/bold]"],
)
def test_what_can_be_printed_stays(text: str) -> None:
    """Catches: letters of the field, or spaces that are typeset, shown as numbers."""
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("a\r\nsoret: all is well\x08", "a\\r\\nsoret: all is well\\x08"),
        ("abc\u202edcb\u2066", "abc\\u202edcb\\u2066"),
        ("a\u2028b\u200bc\U000e0041", "a\\u2028b\\u200bc\\U000e0041"),
        ("\ud800", "\\ud800"),
        (ValueError("\x00"), "\\x00"),
    ],
)
def test_the_rest_is_shown_as_letters(text: object, seen: str) -> None:
    """Catches: a title or a clipboard set, lines made up, a word read backwards."""
    assert printable(text) == seen


def test_lines_are_kept_where_they_are_meant() -> None:
    """Catches: a list of settings on one line, with \\n between them."""
    assert printable("a\n  b\x1b", lines=True) == "a\n  b\\x1b"


def test_an_error_can_be_printed_whatever_it_quotes() -> None:
    """Catches: a traceback, of `soret.load` say, that a terminal obeys."""
    assert (
        str(SettingsError("no setting 'x'; it has\n  a\x1b")) == "no setting 'x'; it has\n  a\\x1b"
    )
    assert str(RunError("claim is \x1b[2J\nall is well there")) == (
        "claim is \\x1b[2J\\nall is well there"
    )
