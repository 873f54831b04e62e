"""The papers whose claims Soret tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A paper.

    Attributes
    ----------
    title : str
    authors : str
        As they are cited, separated by commas.
    year : int or None
        Of the version that was read.
    url : str
        Where it can be read.
    short : str
        What it is called in a list.
    """

    title: str
    authors: str = ""
    year: int | None = None
    url: str = ""
    short: str = ""


PAPERS = {
    "thermophoresis": Paper(
        "Implicit Regularization of SGD via Thermophoresis",
        "Anonymous authors",
        2020,
        "",
        "Thermophoresis",
    ),
    "three-factors": Paper(
        "Three Factors Influencing Minima in SGD",
        "S. Jastrzębski, Z. Kenton, D. Arpit, N. Ballas, A. Fischer, Y. Bengio, A. Storkey",
        2017,
        "https://arxiv.org/abs/1711.04623",
        "Three factors",
    ),
    "escape": Paper(
        "Power-law Escape Rate of SGD",
        "T. Mori, L. Ziyin, K. Liu, M. Ueda",
        2021,
        "https://arxiv.org/abs/2105.09557",
        "Power-law escape",
    ),
    "limiting-dynamics": Paper(
        "Rethinking the Limiting Dynamics of SGD",
        "D. Kunin, J. Sagastuy-Brena, L. Gillespie, E. Margalit, H. Tanaka, S. Ganguli, "
        "D. L. K. Yamins",
        2021,
        "https://arxiv.org/abs/2107.09133",
        "Limiting dynamics",
    ),
}
"""By the name that the ids of their claims begin with."""
