"""Where a claim is made: a paper, and a place in it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from soret.claims.papers import PAPERS
from soret.errors import SettingsError


@dataclass(frozen=True)
class Source:
    """Where a claim is made.

    Attributes
    ----------
    paper : str
        "thermophoresis", "three-factors", "escape", "limiting-dynamics" (`soret.claims.PAPERS`), or
        a name of your own.
    where : str
        Section, figures and equations.
    title, authors, year, url : str, str, int, str
        The paper's. Of the four they are known; with a name of your own a title must be given.

    Raises
    ------
    SettingsError
        If the paper is not one of the four and has no title, a year is no year, or a URL is not one
        of http, https or doi.

    Examples
    --------
    >>> Source("escape", "Sec. 4, Eq. 15").title
    'Power-law Escape Rate of SGD'
    >>> Source("mine", "Fig. 2", title="Noise", authors="A. Author", year=2026).citation
    'A. Author, Noise (2026), Fig. 2'
    """

    paper: str
    where: str
    title: str = ""
    authors: str = ""
    year: int | None = None
    url: str = ""

    def __post_init__(self) -> None:
        known = PAPERS.get(self.paper)
        if known is None and not self.title:
            raise SettingsError(
                f"a source names the paper {self.paper!r}, which is none of {', '.join(PAPERS)}; "
                f"give its title: Source({self.paper!r}, {self.where!r}, title='…')."
            )
        if known is not None:
            for name in ("title", "authors", "year", "url"):
                object.__setattr__(self, name, getattr(self, name) or getattr(known, name))
        year = self.year
        if year is not None and (isinstance(year, bool) or not isinstance(year, int) or year < 1):
            raise SettingsError(f"a source's year is {year!r}; it must be a whole number or None.")
        if self.url and urlsplit(self.url).scheme not in ("http", "https", "doi"):
            raise SettingsError(
                f"a source's url is {self.url!r}; it must begin with https://, http:// or doi:."
            )

    @property
    def citation(self) -> str:
        """Authors, title, year and place, in one line."""
        year = f" ({self.year})" if self.year else ""
        return ", ".join(filter(None, [self.authors, f"{self.title}{year}", self.where]))

    def __str__(self) -> str:
        return f"{self.title}, {self.where}"
