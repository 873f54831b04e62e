"""Statements: well made, and tested where they say."""

from dataclasses import replace
from typing import Annotated

import pytest

from soret.claims import Origin, Setting, Source, Statement, claim, configure, find
from soret.claims.claim import CLAIMS
from soret.claims.ranges import In, Several
from soret.claims.statement import FIELDS, setting_of
from soret.errors import SettingsError

GOOD = Statement(
    name="tail",
    text="The tail is a power law.",
    where="Fig. 3a",
    origin="printed",
    tolerance="a tenth.",
    holds="the power law fits ({measured})",
    fails="the power law does not fit ({measured}, {low} to {high}, not {predicted})",
    unclear="the tail is undecided",
)
STATEMENTS = [
    pytest.param(claim, statement, id=f"{claim.about.id}-{statement.name}")
    for claim in find()
    for statement in claim.about.statements
]


@pytest.mark.parametrize(("claim", "statement"), STATEMENTS)
def test_each_is_well_made(claim, statement):
    """Catches: a clause that cannot be filled in, or a sentence without its end."""
    assert statement.text.endswith(".")
    assert statement.where
    numbers = dict.fromkeys(FIELDS, "1")
    for clause in (statement.holds, statement.fails, statement.unclear):
        assert clause.format(**numbers)
        assert not clause.endswith(".")
    stated = len(claim.about.statements) > 1 or statement.name != "claim"
    assert bool(statement.tolerance) == stated
    for scale in ("quick", "paper"):
        setting, differs = setting_of(configure(claim, scale), statement)
        assert (setting is Setting.PAPER) != bool(differs)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": "The tail"}, "small letters"),
        ({"text": "The tail"}, "ends with a period"),
        ({"origin": "guessed"}, "printed, restored, ours"),
        ({"at": "easier"}, "paper or other"),
        ({"at": "other"}, "differs says"),
        ({"differs": "digits"}, "differs says"),
        ({"holds": ""}, "holds is no clause"),
        ({"fails": "It fails."}, "fails is no clause"),
        ({"unclear": "{slope}"}, "field slope"),
    ],
)
def test_what_is_wrong_is_said(wrong, told):
    """Catches: a KeyError when the finding is put together, after an hour."""
    with pytest.raises(SettingsError, match=told) as error:
        replace(GOOD, **wrong)
    assert "\n" not in str(error.value)


class Plain:
    """A claim with a setting of each kind."""

    steps: Annotated[int, "steps", In(at_least=1)] = 100
    rates: Annotated[tuple[float, ...], "η", Several(In(above=0))] = (0.1, 0.2)
    lags: Annotated[int, "lags", In(at_least=1)] = 5
    replicas: Annotated[int, "replicas", In(at_least=1)] = 64
    net_records: Annotated[int, "records", In(at_least=1)] = 10

    def experiments(self):
        return {}

    judge = control = draw = experiments


@pytest.fixture
def registered():
    """Return a function that registers a claim for the time of a test."""

    def register(**about):
        made = type("Plain", (), dict(Plain.__dict__))
        told = {
            "statement": "It is plain.",
            "source": Source("escape", "Sec. 1"),
            "quick": {"steps": 50, "rates": (0.1,), "replicas": 8, "net_records": 5},
        }
        return claim("escape/plain", **told | about)(made)

    yield register
    CLAIMS.pop("escape/plain", None)


def test_a_setting_is_the_papers_easier_or_other(registered):
    """Catches: a quick run, or one with somebody's own --set, counted as the paper's."""
    kind = registered(statements=[GOOD])
    assert setting_of(configure(kind, "paper"), GOOD) == (Setting.PAPER, "")
    setting, differs = setting_of(configure(kind, "quick"), GOOD)
    assert setting is Setting.EASIER
    assert differs == "steps 50 (paper: 100), rates 0.1 (paper: 0.1,0.2)"
    setting, differs = setting_of(configure(kind, "paper", {"lags": 6}), GOOD)
    assert (setting, differs) == (Setting.OTHER, "lags 6 (paper: 5)")
    fewer = configure(kind, "paper", {"rates": (0.2,)})
    assert setting_of(fewer, GOOD) == (Setting.EASIER, "rates 0.2 (paper: 0.1,0.2)")
    assert setting_of(configure(kind, "paper", {"rates": (0.3,)}), GOOD)[0] is Setting.OTHER
    same = {"lags": 5, "replicas": 2}
    assert setting_of(configure(kind, "paper", same), GOOD)[0] is Setting.PAPER
    own = configure(kind, "quick", {"steps": 100, "rates": (0.1, 0.2)})
    assert setting_of(own, GOOD)[0] is Setting.PAPER


def test_resolution_and_what_does_not_matter(registered):
    """Catches: more steps of a stationary run called another setting."""
    kind = registered(statements=[GOOD], resolution=["steps"])
    setting, differs = setting_of(configure(kind, "quick"), GOOD)
    assert (setting, differs) == (Setting.EASIER, "rates 0.1 (paper: 0.1,0.2)")
    alone = replace(GOOD, regardless=["rates"])
    assert setting_of(configure(kind, "quick"), alone) == (Setting.PAPER, "")
    twice = replace(GOOD, also={"lags": [6]})
    assert setting_of(configure(kind, "paper", {"lags": 6}), twice) == (Setting.PAPER, "")
    assert setting_of(configure(kind, "paper", {"lags": 7}), twice)[0] is Setting.OTHER
    elsewhere = replace(GOOD, at="other", differs="a surface in place of a net")
    setting, differs = setting_of(configure(kind, "quick"), elsewhere)
    assert setting is Setting.OTHER
    assert differs == "a surface in place of a net, rates 0.1 (paper: 0.1,0.2)"


def test_images_that_stand_in_make_it_easier():
    """Catches: digits counted as the paper's CIFAR-10."""
    (kind,) = find("escape/decoupling")
    made = configure(kind, "paper", {"data": "digits"})
    object.__setattr__(made, "substitutes", {"data": "on digits, in place of MNIST"})
    setting, differs = setting_of(made, GOOD)
    assert setting is Setting.EASIER
    assert "on digits, in place of MNIST" in differs


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"statements": [GOOD, GOOD]}, "two statements 'tail'"),
        ({"resolution": ["speed"]}, "resolution names speed"),
        ({"statements": [replace(GOOD, regardless=["speed"])]}, "tail names speed"),
        ({"statements": [replace(GOOD, also={"speed": [1]})]}, "tail names speed"),
    ],
)
def test_a_claim_with_other_statements_than_it_can_have(registered, about, told):
    """Catches: a misspelt setting that then counts after all."""
    with pytest.raises(SettingsError, match=told):
        registered(**about)


def test_a_claim_without_statements_makes_one(registered):
    """Catches: a claim of one's own that must learn all of this first."""
    (one,) = registered().about.statements
    assert (one.text, one.where, one.origin) == ("It is plain.", "Sec. 1", Origin.PRINTED)
