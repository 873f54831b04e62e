"""The change of time: what the judge says of paths whose answer is known."""

import numpy as np
import pytest
import xarray as xr
from by_statement import by_statement

from soret.claims import configure, find
from soret.claims.escape import time_change
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


def configured(name, **changes):
    return configure(find(f"escape/{name}")[0], "quick", changes)


def made_paths(*, slope=-1.0, clock=1.0, lost=0, paths=400, samples=200):
    """Losses with densities L^{−4} and, in t, L^{−4+slope}; exponential passage times."""
    rng = np.random.default_rng(0)
    runs = {}
    for kind, power in (("t", 4.0 - slope), ("tau", 4.0)):
        loss = 0.5 * rng.uniform(size=(paths, samples)) ** (-1 / (power - 1))
        passage = rng.exponential(size=paths)
        if kind == "tau":
            passage *= clock
        passage[:lost] = np.nan
        runs[f"1-D/{kind}"] = xr.Dataset(
            {"loss": (("replica", "sample"), loss), "passage": ("replica", passage)}
        )
    runs["1-D/tau"]["passage_tau"] = runs["1-D/tau"].passage * 0.8
    return runs


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"paths": 20_000, "samples": 10}, [S, S]),
        ({"slope": 0.0, "paths": 20_000, "samples": 10}, [S, C]),
        ({"clock": 1.3, "paths": 20_000, "samples": 10}, [C, S]),
        ({"clock": 2.0}, [C, S]),
        ({}, [N, S]),
        ({"paths": 100, "samples": 4}, [N, N]),
        ({"lost": 1, "paths": 20_000, "samples": 10}, [N, S]),
    ],
)
@pytest.mark.known_answer("escape/time-change", "prediction", "rival", "few")
def test_time_changes_are_judged_by_what_was_made(settings, expected):
    """A ratio of times taken upside down, paths that never passed left out, a slope in L."""
    claim = configured("time-change")
    found = claim.judge(made_paths(**settings))
    assert [result.verdict for result in found] == expected
    assert by_statement(claim, found) == dict(zip(("paths", "density"), expected, strict=True))


def test_slopes_are_those_of_the_densities():
    """Counts that are not divided by how many samples there are, or an error as a weight."""
    for slope in (-2.0, -1.0, 0.5):
        runs = made_paths(slope=slope, samples=300)
        found = time_change._slopes(runs["1-D/t"], runs["1-D/tau"])
        assert abs(found.mean() - slope) < 5.5 * found.std() / np.sqrt(found.size) + 0.01
