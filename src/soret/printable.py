"""Text from elsewhere, as it may be shown: what a terminal or a page would obey becomes letters.

A run folder, a path, a message that quotes either: each may hold control characters (which move
the cursor, set the title or the clipboard), marks that turn the direction of writing round, and
halves of characters that no encoding takes.
"""

# Spaces that are typeset, not obeyed: "95 %" has one.
_SPACES = frozenset(
    "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f"
)


def printable(text: object, lines: bool = False) -> str:
    r"""Return text in which nothing acts: an escape character is shown as ``\x1b``.

    Parameters
    ----------
    text : object
        A text, or anything that has one.
    lines : bool, optional
        Whether it may have several lines; otherwise their ends are shown as ``\n``, so that what
        is quoted cannot make up lines.

    Returns
    -------
    str
        The text itself where all of it can be printed.
    """
    said = str(text)
    if said.isprintable():
        return said
    kept = _SPACES | {"\n"} if lines else _SPACES
    return "".join(
        letter if letter.isprintable() or letter in kept else _escaped(letter) for letter in said
    )


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
