"""Verdicts over seeds."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from soret.claims import Verdict
from soret.claims.finding import conclude
from soret.claims.judging import judged, near
from soret.claims.pooling import pool, pool_results, pooled_verdict
from soret.claims.statement import Statement
from soret.errors import SettingsError

S, C, U = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


def result(measured, half=0.02, predicted=1.0, tolerance=0.1, within=None):
    return judged(
        "ratio",
        measured,
        (measured - half, measured + half),
        predicted=predicted,
        rival=0.0,
        within=within or near(predicted, tolerance),
        statement="ratio",
    )


def test_seeds_that_scatter_more_than_their_intervals_say_decide_nothing():
    """Catches: one trained net's narrow interval taken for the spread over nets."""
    results = [result(m) for m in (0.99, 1.54, 1.14, 1.31, 0.7)]
    assert {one.verdict for one in results} == {S, C}
    assert pooled_verdict(results) is U


def test_seeds_that_are_each_too_wide_may_decide_together():
    results = [result(m, half=0.15) for m in (1.01, 0.99, 1.0, 1.02, 0.98)]
    assert {one.verdict for one in results} == {U}
    assert pooled_verdict(results) is S
    assert pooled_verdict([result(m, half=0.5) for m in (2.01, 1.99, 2.0)]) is C


def test_a_prediction_that_differs_from_net_to_net_is_judged_on_its_own_scale():
    results = [result(p * 1.01, predicted=p, tolerance=0.1 * p) for p in (2.0, 5.0, 9.0)]
    assert pooled_verdict(results) is S


def test_a_one_sided_bound_is_judged_as_it_is():
    results = [result(m, within=(0.0, math.inf)) for m in (0.5, 0.6, 0.7)]
    assert pooled_verdict(results) is S
    assert pooled_verdict([result(m, within=(0.0, math.inf)) for m in (-0.5, -0.6, -0.7)]) is C


def test_a_test_without_power_at_one_seed_is_not_supported_by_all():
    """Catches: a seed whose control passed too, outvoted by its interval."""
    results = [result(1.0), result(1.01), replace(result(0.99), verdict=U)]
    assert pooled_verdict(results) is U


def test_two_seeds_have_one_verdict_only_if_they_agree():
    assert pooled_verdict([result(1.0), result(1.0)]) is S
    assert pooled_verdict([result(1.0), result(2.0)]) is U
    assert np.isnan(pool_results([result(1.0), result(1.0)]).interval).all()


def test_what_could_not_be_measured_at_a_seed_is_not_left_out():
    missing = replace(result(1.0), measured=math.nan, interval=(math.nan, math.nan), verdict=U)
    assert pooled_verdict([result(1.0), result(1.0), missing]) is U


def test_the_interval_over_seeds_covers_as_it_says():
    """Verdicts aside: 95 % of intervals of five normal estimates hold the mean; 4,000 trials."""
    rng = np.random.default_rng(0)
    hits = 0
    for row in rng.normal(1.0, 0.3, (4000, 5)):
        low, high = pool_results([result(float(m)) for m in row]).interval
        hits += low <= 1.0 <= high
    assert abs(hits / 4000 - 0.95) < 5 * math.sqrt(0.95 * 0.05 / 4000)


def outcome(seed, *results):
    statement = Statement(
        name="ratio",
        text="The ratio is 1.",
        where="Eq. 1",
        origin="printed",
        tolerance="a tenth",
        holds="the ratio is {measured}",
        fails="the ratio is {measured}",
        unclear="the ratio is {measured}",
    )
    about = SimpleNamespace(id="mine/ratio", statements=(statement,), resolution=(), quick={})
    claim = SimpleNamespace(about=about)
    tested = conclude(claim, results)
    return SimpleNamespace(
        about=about, scale="quick", seed=seed, results=list(results), statements=tested
    )


@pytest.fixture
def made(monkeypatch):
    from soret.claims import finding as module

    monkeypatch.setattr(module, "setting_of", lambda claim, statement: ("paper", ""))
    return outcome


def test_a_statement_that_flips_says_so(made):
    pooled = pool([made(0, result(1.0)), made(1, result(2.0)), made(2, result(1.0))])
    assert pooled.flips == ["ratio"]
    assert pooled.statements[0].marks == "✓✗✓"
    assert "flips with the seed" in pooled.statements[0].in_words
    told = pooled.as_json()["statements"][0]
    assert told["verdicts"] == ["supported", "contradicted", "supported"]


def test_only_runs_of_one_claim_at_different_seeds_are_pooled(made):
    with pytest.raises(SettingsError, match="at different seeds"):
        pool([made(0, result(1.0)), made(0, result(1.0))])
    with pytest.raises(SettingsError, match="at different seeds"):
        pool([])


def test_seeds_are_run_in_folders_of_their_own_and_pooled(tmp_path, monkeypatch, capsys):
    """The command line, on a real claim: a line of JSON a seed, and one on all."""
    import json
    import sys

    from soret import cli
    from soret.claims.claim import CLAIMS

    monkeypatch.chdir(tmp_path)
    known = dict(CLAIMS)
    (tmp_path / "drift.py").write_text(DRIFT)
    monkeypatch.setattr(
        sys,
        "argv",
        ["soret", "run", "./drift.py", "--seeds", "3", "--jobs", "1", "--json", "--out", "all"],
    )
    try:
        assert cli._status() == 0
    finally:
        CLAIMS.clear()
        CLAIMS.update(known)
    told = capsys.readouterr()
    *runs, pooled = map(json.loads, told.out.splitlines())
    assert [run["seed"] for run in runs] == [0, 1, 2]
    assert len(list((tmp_path / "all").iterdir())) == 3
    assert pooled["seeds"] == [0, 1, 2]
    assert pooled["statements"][0]["verdict"] == "supported"
    assert "✓✓✓" in told.err


DRIFT = """
import soret
from soret.claims import Source, claim
from soret.claims.judging import judge_number


@claim("drift/rest", statement="It rests.", source=Source("drift", "1", title="t"), quick={})
class Rest:
    def experiments(self):
        return {
            "walk": soret.Experiment(
                problem=soret.problems.surface(lambda x: 0.5 * x @ x, start=[0.0]),
                algorithm=soret.SGD(0.01),
                observe=soret.observables.parameters,
                steps=2,
                replicas=8,
            )
        }

    def judge(self, runs):
        last = runs["walk"].parameters.isel(step=-1, parameters_dim_0=0).values
        return [judge_number("θ", last, predicted=0.0, rival=1.0, tolerance=0.5)]

    def control(self, runs):
        return {"walk": runs["walk"] + 1.0}

    def draw(self, runs, results):
        return {}
"""
