"""Settings of a claim: typed, listed, refused with the list of what exists."""

import pytest

from soret.claims import configure, find, settings_of
from soret.errors import SettingsError

CLAIM = "thermophoresis/activation-rate"


@pytest.fixture
def claim():
    return find(CLAIM)[0]


def test_scales(claim):
    assert configure(claim, "paper").inputs == 100
    assert configure(claim, "quick").inputs == 10


def test_every_setting_says_what_it_means():
    for claim in find():
        assert all(setting.meaning for setting in settings_of(claim)), claim


def test_every_claim_has_a_statement_and_a_source():
    for claim in find():
        assert claim.about.statement.endswith(".")
        assert claim.about.source.title in str(claim.about.source)
        assert claim.about.id.startswith(claim.about.source.paper)


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("inputs=20", 20),
        ("learning_rates=0.2, 0.1", (0.2, 0.1)),
        ("learning_rates=1,0.5", (1.0, 0.5)),
        ("initializations=he,normal:0.5", ("he", "normal:0.5")),
    ],
)
def test_assignments_are_read_by_type(claim, assignment, value):
    name = assignment.partition("=")[0]
    assert getattr(configure(claim, "quick", [assignment]), name) == value


@pytest.mark.parametrize(
    "assignment",
    [
        "inputs=ten",
        "inputs=1.5",
        "inputs=",
        "learning_rates=fast",
        "learning_rates=",
        "=3",
        "inputs",
    ],
)
def test_wrong_types_are_refused(claim, assignment):
    with pytest.raises(SettingsError) as error:
        configure(claim, "quick", [assignment])
    assert assignment.partition("=")[2] in str(error.value)


def test_an_unknown_name_is_refused_with_the_list(claim):
    with pytest.raises(SettingsError) as error:
        configure(claim, "quick", ["batch=3"])
    assert all(setting.name in str(error.value) for setting in settings_of(claim))


def test_an_unknown_scale_is_refused(claim):
    with pytest.raises(SettingsError, match="quick, paper"):
        configure(claim, "huge")


def test_a_choice_is_refused_with_the_choices():
    claim = find("thermophoresis/image-two-layer")[0]
    with pytest.raises(SettingsError, match="digits, mnist, fashion-mnist, cifar-10"):
        configure(claim, "quick", ["data=imagenet"])


def test_find_takes_patterns_and_refuses_what_is_not_there():
    assert len(find("thermophoresis/*")) >= 5
    assert [c.about.id for c in find(CLAIM, CLAIM)] == [CLAIM]
    with pytest.raises(SettingsError, match="activation-rate"):
        find("thermophoresis/activation")
