"""Every claim with settings as small as its ranges allow: results, or one sentence before."""

import pytest
from small_claims import SMALL
from small_runs import smallest_integers, smallest_lists

from soret.claims import configure, find
from soret.claims.dry_run import dry_run
from soret.claims.running import run_claim
from soret.errors import RunError, SettingsError


def judged(id, settings, folder):
    """Return what a claim finds with some settings changed, or the sentence that refuses them."""
    try:
        claim = configure(find(id)[0], "quick", SMALL[id] | settings)
        dry_run(claim)
    except SettingsError as error:
        return str(error)
    try:
        return run_claim(claim, scale="quick", seed=1, out=folder, say=lambda _: None)
    except RunError as error:
        # What only the replicas tell, as that none of them escaped.
        if isinstance(error.__cause__, SettingsError):
            return str(error)
        raise


def cases():
    for id in SMALL:
        each = smallest_integers(find(id)[0]) | smallest_lists(find(id)[0])
        yield pytest.param(id, each, id=f"{id}-all")
        for name, value in each.items():
            yield pytest.param(id, {name: value}, id=f"{id}-{name}")


@pytest.mark.slow
@pytest.mark.parametrize(("id", "settings"), list(cases()))
def test_results_or_one_sentence(id, settings, tmp_path):
    """Catches: a whole simulation that ends in an IndexError or has nothing to judge."""
    outcome = judged(id, settings, tmp_path / "run")
    if isinstance(outcome, str):
        assert "\n" not in outcome
        assert len(outcome) < 600
    else:
        assert outcome.results
        assert outcome.figures
