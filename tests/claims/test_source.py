"""Sources: papers that are known, and others."""

import pytest

from soret.claims import PAPERS, Source
from soret.errors import SettingsError


@pytest.mark.parametrize("name", PAPERS)
def test_what_is_known_of_a_paper_comes_with_its_name(name):
    source = Source(name, "Sec. 2")
    assert source.title == PAPERS[name].title
    assert source.citation.startswith(PAPERS[name].authors)
    assert source.citation.endswith(f"({PAPERS[name].year}), Sec. 2")


def test_a_source_of_ones_own_says_who_when_and_where():
    source = Source(
        "mine", "Fig. 2", title="Noise", authors="A. Author", year=2026, url="https://example.org/a"
    )
    assert source.citation == "A. Author, Noise (2026), Fig. 2"
    assert str(source) == "Noise, Fig. 2"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "give its title"),
        ({"title": "t", "year": "2026"}, "whole number"),
        ({"title": "t", "year": True}, "whole number"),
        ({"title": "t", "url": "javascript:alert(1)"}, "https"),
    ],
)
def test_a_source_that_is_wrong_is_refused(wrong, says):
    with pytest.raises(SettingsError, match=says):
        Source("mine", "Fig. 2", **wrong)
