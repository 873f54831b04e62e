"""Images that are not on this machine: what is asked for is refused, what stands in is said."""

import json

import pytest

from soret.claims import configure, find, images
from soret.claims.dry_run import dry_run
from soret.claims.running import default_folder, run_claim
from soret.data.lookup import COLLECTIONS
from soret.errors import SettingsError
from soret.report.saved import read_run
from soret.report.table import table
from soret.runs import RunFolder

TINY = {"hidden": 3, "images": 200, "steps": 40, "replicas": 2, "batch_size": 20}


@pytest.fixture(autouse=True)
def no_images(monkeypatch, tmp_path):
    """A machine with nothing but the digits."""
    monkeypatch.setenv("SORET_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("soret.data.lookup.SYSTEM_ROOT", tmp_path / "system")


def claim_of(id):
    return find(id)[0]


@pytest.mark.parametrize(
    ("id", "setting", "title"),
    [
        ("escape/decoupling", "data=mnist", "MNIST"),
        ("thermophoresis/image-two-layer", "data=cifar-10", "CIFAR-10"),
        ("three-factors/flatness", "data=fashion-mnist", "Fashion-MNIST"),
        ("limiting-dynamics/deep-network", "networks=dense-fashion-mnist", "Fashion-MNIST"),
        ("escape/noise-loss", "conv_data=cifar-10", "CIFAR-10"),
    ],
)
def test_images_that_were_asked_for_are_refused(id, setting, title):
    """Catches: a run on digits that verdict and page call MNIST's."""
    asked = configure(claim_of(id), "quick", [setting])
    with pytest.raises(SettingsError, match="is not on this machine") as error:
        dry_run(asked)
    told = str(error.value)
    assert title in told
    assert "SORET_DATA" in told
    assert "soret.data.load" in told


@pytest.mark.parametrize("made", [lambda cls: cls(), lambda cls: cls(data="mnist")])
def test_from_python_too(made):
    with pytest.raises(SettingsError, match="data=digits"):
        dry_run(made(claim_of("escape/hessian-outliers")))


def test_a_default_falls_back_and_everything_says_so(tmp_path):
    """Catches: a table that counts a run on digits as one at the paper's setting."""
    claim = configure(claim_of("escape/hessian-outliers"), "paper", TINY)
    assert claim.data == "digits"
    heard = []
    outcome = run_claim(claim, scale="paper", out=tmp_path / "run", say=heard.append)
    sentence = "on digits, in place of MNIST, which is not on this machine"
    assert sentence in heard
    assert outcome.as_json()["substitutes"] == [sentence]
    assert sentence in json.loads((tmp_path / "run" / "verdict.json").read_text())["notes"]
    about = RunFolder(tmp_path / "run").record()["description"]
    assert about["settings"]["data"] == "digits"
    assert about["substitutes"] == {"data": sentence}
    assert len(about["data"]["digits"]["sha256"]) == 64
    saved = read_run(tmp_path / "run")
    assert saved.substitutes == [sentence]
    assert "data=" not in saved.command
    assert sentence in table([saved])
    training = saved.experiments()["training"]
    assert "in place of MNIST" in training.attrs["problem_data"]


def test_digits_that_are_asked_for_stand_for_nothing():
    quick = configure(claim_of("escape/decoupling"), "quick", ["data=digits"])
    assert images.in_words(quick) == []
    assert "in place" not in images.load(quick).description


def test_other_data_has_another_folder():
    """Catches: a folder that goes on with MNIST where it began with digits."""
    instead = configure(claim_of("escape/decoupling"), "paper")
    asked = configure(claim_of("escape/decoupling"), "paper", ["data=digits"])
    assert default_folder(instead, "paper", 0) != default_folder(asked, "paper", 0)
    assert images.described(asked).keys() == {"digits"}


def test_networks_without_images_are_left_out():
    claim = configure(claim_of("limiting-dynamics/deep-network"), "paper")
    assert claim.networks == ("dense-digits", "conv-digits")
    (sentence,) = images.in_words(claim)
    assert "without the networks on Fashion-MNIST" in sentence


def test_part_of_a_data_set_is_said(monkeypatch):
    """Catches: 20,000 images called CIFAR-10."""
    claim = configure(claim_of("thermophoresis/image-two-layer"), "quick")
    object.__setattr__(claim, "data", "cifar-10")
    digits = images.load(configure(claim_of("escape/decoupling"), "quick"))
    monkeypatch.setattr("soret.data.load", lambda *args, **kwargs: digits)
    (sentence,) = images.in_words(claim)
    whole = COLLECTIONS["cifar-10"].counts["train"]
    assert f"on {len(digits):,} of the {whole:,} training images of CIFAR-10" in sentence


@pytest.mark.parametrize(
    ("id", "settings"),
    [
        ("escape/decoupling", {"images": 5000}),
        ("escape/decoupling", {"measured": 5000}),
        ("three-factors/flatness", {"hessian_examples": 5000}),
        ("thermophoresis/conv-gradient-variance", {"examples": 5000}),
        ("three-factors/minibatch-noise", {"batch_sizes": (1, 4, 800)}),
    ],
)
def test_more_than_there_is_is_refused(id, settings):
    """Catches: numbers that are lowered in silence to what there is."""
    with pytest.raises(SettingsError, match="at most"):
        dry_run(configure(claim_of(id), "quick", settings))
