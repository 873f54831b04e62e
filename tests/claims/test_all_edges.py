"""Settings at their edges: every one is refused in a sentence, or the claim can be run with it.

Nothing is simulated. What passes the ranges goes through the claim's dry run: one combination of
each claim by default, all of them where slow tests are run.
"""

import functools
import typing
import zlib

import pytest

from soret.claims import configure, find, settings_of
from soret.claims.dry_run import dry_run
from soret.claims.ranges import Range
from soret.errors import SettingsError

CLAIMS = [claim.about.id for claim in find()]
EDGES = (
    *("nan", "inf", "-inf", "0", "-1", "1e300", "1e-300", "1000000000", "1000000000000000000"),
    *("2147483648", "0.5", "abc", "", "1", "2", "-0.0", "1e-45", "9" * 5000, "1,", "1;2", "\x1b"),
)
# A dry run of theirs takes seconds: laws are solved for, or there are a dozen experiments.
SLOW = {
    "escape/critical-dimension",
    "escape/escape-rate",
    "escape/first-passage-linear",
    "escape/stationary-tail",
    "thermophoresis/mechanism",
    "three-factors/boltzmann-equilibrium",
    "three-factors/minima-ratio",
    "three-factors/open-questions",
}


def values(setting):
    """Return the texts that a setting is given: the edges, lists of one, and lists with an edge."""
    if typing.get_origin(setting.type) is not tuple:
        return list(EDGES)
    one = str(setting.default[0])
    return [*EDGES, one, f"{one},{one}", *(f"{one},{edge}" for edge in EDGES)]


@functools.cache
def those_that_pass(id):
    """Return the combinations that ranges and checks let pass; all others are refused in words."""
    (claim,), found = find(id), []
    for setting in settings_of(claim):
        for value in values(setting):
            try:
                found.append(configure(claim, "quick", [f"{setting.name}={value}"]))
            except SettingsError as error:
                told = str(error)
            else:
                continue
            assert setting.name in told, f"{setting.name}={value[:20]}: {told}"
            assert "\n" not in told
            assert len(told) < 600
    return found


@pytest.mark.parametrize("id", CLAIMS)
def test_every_setting_has_a_range(id):
    """Catches: a setting that takes anything, and fails in the middle of a run."""
    for setting in settings_of(find(id)[0]):
        closed = setting.type is bool or typing.get_origin(setting.type) is typing.Literal
        assert closed or isinstance(setting.range, Range), setting.name
        assert setting.allowed


@pytest.mark.parametrize("id", CLAIMS)
def test_edges_are_refused_in_a_sentence(id):
    """Catches: ZeroDivisionError, OverflowError, IndexError, a NaN that is made a number of steps.

    A range is wrong too where it refuses the paper's own values.
    """
    (claim,) = find(id)
    assert those_that_pass(id)
    for scale in ("quick", "paper"):
        configure(claim, scale)


@pytest.mark.parametrize("id", sorted(set(CLAIMS) - SLOW))
def test_what_passes_can_be_run(id):
    """Catches: a combination that is let through and fails when its experiments are made."""
    passed = those_that_pass(id)
    check(passed[zlib.crc32(id.encode()) % len(passed)])


@pytest.mark.slow
@pytest.mark.parametrize("id", CLAIMS)
def test_all_that_passes_can_be_run(id):
    """Catches: as above, over every combination of a setting and an edge."""
    for claim in those_that_pass(id):
        check(claim)


def check(claim):
    try:
        dry_run(claim)
    except SettingsError as error:
        told = str(error)
        assert any(name in told for name in claim.asked), told


@pytest.mark.parametrize(
    ("id", "setting", "words"),
    [
        ("thermophoresis/activation-rate", {"learning_rates": (0.1,)}, "at least 2 values"),
        ("thermophoresis/weight-norm", {"replicas": 1}, "for an interval of an exponent, got 1"),
        ("thermophoresis/weight-norm", {"replicas": 7}, "at least 8, for an interval of an expo"),
        ("thermophoresis/batch-size", {"replicas": 2}, "at least 8, for an interval of an expon"),
        ("thermophoresis/two-layer-flow", {"replicas": 5}, "at least 8, for an interval of an e"),
        ("three-factors/interpolation", {"batch_sizes": (8, 32)}, "3 values, got 2"),
        ("three-factors/exchange", {"factors": (4, 2)}, "rising"),
        ("three-factors/langevin-limit", {"time": 2.1}, "multiple of every η"),
        ("limiting-dynamics/oscillations", {"records": 10}, "records must be steps"),
        ("limiting-dynamics/phase-space", {"momenta": (1.0,)}, "above 0 and below 1"),
        ("escape/critical-dimension", {"shares": (0.9, 0.91, 0.92)}, "from below n_c to above"),
        ("escape/time-change", {"step": 1.0}, "above 100 steps"),
    ],
)
def test_what_is_needed_is_said(id, setting, words):
    """Catches: a run of minutes that ends in an IndexError, for what it had to compare."""
    with pytest.raises(SettingsError) as error:
        configure(find(id)[0], "quick", setting)
    assert words in str(error.value)
    assert next(iter(setting)) in str(error.value)


@pytest.mark.parametrize(
    ("id", "setting"),
    [
        ("thermophoresis/activation-rate", "inputs=1000000000"),
        ("thermophoresis/mechanism", "fresh_inputs=1000000000"),
        ("thermophoresis/monotone-variance", "pairs=1000000000"),
        ("thermophoresis/fading", "inputs=1000000000"),
        ("escape/stationary-tail", "examples=2000000000"),
        ("escape/hessian-outliers", "hidden=1000000000"),
        ("three-factors/open-questions", "paths=1000000000"),
        ("limiting-dynamics/phase-space", "replicas=1000000000"),
    ],
)
def test_sizes_beyond_memory_are_refused_in_bytes(id, setting, monkeypatch):
    """Catches: a process that is killed for memory, or an array of terabytes."""
    monkeypatch.setattr("soret.memory.free_bytes", lambda: 4 * 2**30)
    with pytest.raises(SettingsError, match=r"would take .*B of memory") as error:
        dry_run(configure(find(id)[0], "quick", [setting]))
    assert setting.partition("=")[0] in str(error.value)


@pytest.mark.parametrize(
    ("id", "settings"),
    [
        ("three-factors/flatness", {"channels": (3,)}),
        ("three-factors/generalization", {"target_loss": 0.1}),
        ("escape/noise-loss", {"nets": ("dense",), "conv_learning_rate": 0.2}),
        ("thermophoresis/same-training-error", {"inputs": 5}),
    ],
)
def test_settings_without_effect_are_refused(id, settings):
    """Catches: a number that is asked for, recorded, and never used."""
    with pytest.raises(SettingsError, match="no effect"):
        configure(find(id)[0], "quick", settings)


def test_from_python_ranges_hold_too():
    """Catches: a claim that is made without `configure`."""
    (claim,) = find("thermophoresis/activation-rate")
    with pytest.raises(SettingsError, match="learning_rates must have at least 2 values"):
        claim(learning_rates=[0.1])
    assert claim(learning_rates=[0.1, 0.05]).learning_rates == (0.1, 0.05)


def test_messages_tell_the_value_at_the_scale_in_use():
    """Catches: "inputs (whole number, 100)" at quick scale, where it is 10."""
    (claim,) = find("thermophoresis/activation-rate")
    for scale, usual in (("quick", 10), ("paper", 100)):
        with pytest.raises(SettingsError, match=f"at {scale} scale it is {usual} "):
            configure(claim, scale, ["inputs=-3"])
        with pytest.raises(SettingsError, match=f"inputs \\(a whole number, {usual}\\)"):
            configure(claim, scale, ["batch=3"])
