"""The decoupling claim: what the judge says of spectra whose relation is known."""

import numpy as np
import pytest
import xarray as xr
from by_statement import by_statement

from soret.claims import configure, find
from soret.claims.escape.decoupling import factors, isotropic_distance
from soret.claims.finding import conclude
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


@pytest.fixture(scope="module")
def claim():
    return configure(find("escape/decoupling")[0], "quick", {"epochs": (5,)})


def made(*, factor=1.1, bulk=1.0, replicas=4, spread=0.0, apart=0.1):
    """Spectra over eight decades; the exact one is off by a factor, and another one in the bulk."""
    random = np.random.default_rng(0)
    one = np.geomspace(10, 1e-7, 80)
    decoupled = np.broadcast_to(one, (replicas, 2, 80)).copy()
    noisy = factor ** (1 + spread * random.normal(size=(replicas, 2, 1)))
    exact = decoupled * noisy * np.where(one < 1e-3 * one[0], bulk, 1.0)
    grid = ("replica", "epoch")
    variables = {"exact": ((*grid, "rank"), exact), "decoupled": ((*grid, "rank"), decoupled)}
    variables |= {name: (grid, np.ones((replicas, 2))) for name in ("loss", "trace_ratio")}
    variables["distance"] = (grid, apart * np.linspace(0.9, 1.1, replicas)[:, None] * [1, 1])
    variables["random_distance"] = (grid, np.full((replicas, 2), 0.05))
    spectra = xr.Dataset(variables, {"epoch": [0, 5]}, {"parameters": 1000, "examples": 80})
    return {"training": xr.Dataset(), "spectra": spectra}


@pytest.mark.parametrize(
    ("settings", "expected", "matrices"),
    [
        ({}, S, S),
        ({"bulk": 1e-6}, S, S),
        ({"factor": 1.9}, S, S),
        ({"factor": 0.55}, S, S),
        ({"factor": 2.1}, C, S),
        ({"factor": 0.4, "apart": 0.4}, C, C),
        ({"factor": 2.0, "spread": 0.3, "apart": 0.25}, N, N),
        ({"replicas": 1}, N, N),
    ],
)
@pytest.mark.known_answer("escape/decoupling", "prediction", "rival", "few")
def test_judged_by_the_factor(claim, settings, expected, matrices):
    """Small eigenvalues judged, a factor below one that helps, one replica with an interval."""
    found = claim.judge(made(**settings))
    assert [result.verdict for result in found] == [expected] * 2 + [matrices] * 2
    assert by_statement(claim, found) == {"similar-spectra": expected, "matrices": matrices}


def test_the_control_is_isotropic(claim):
    """A control with another trace, or one that the test supports."""
    runs = made()
    control = claim.control(runs)
    assert [result.verdict for result in claim.judge(control)] == [C, C, C, C]
    rows = control["spectra"].exact
    assert float(rows.std("rank").max()) == pytest.approx(0)
    trace = runs["spectra"].exact.sum("rank") / 1000
    np.testing.assert_allclose(rows.isel(rank=0), trace)


def test_typical_factor_by_hand():
    """A mean of ratios, in which a half and a two are 1.25; a rank below a thousandth counted."""
    decoupled = np.array([[1.0, 0.5, 1e-4]])
    exact = np.array([[2.0, 0.25, 1e-9]])
    assert factors(exact, decoupled) == pytest.approx([2.0])
    assert factors(np.array([[1.0, 0.0, 0.0]]), decoupled)[0] > 1e50


def test_an_isotropic_matrix_is_as_far_off_as_counted_entry_by_entry():
    """Catches: eigenvalues that are zero left out of the norm."""
    random = np.random.default_rng(2)
    half = random.normal(size=(3, 7))
    decoupled = half.T @ half
    exact = decoupled + np.diag(random.uniform(size=7))
    isotropic = np.trace(exact) / 7 * np.eye(7)
    spectra = xr.Dataset(
        {
            name: ("rank", np.linalg.eigvalsh(matrix)[::-1])
            for name, matrix in (("exact", exact), ("decoupled", decoupled))
        },
        attrs={"parameters": 7},
    )
    expected = np.linalg.norm(isotropic - decoupled) / np.linalg.norm(decoupled)
    assert float(isotropic_distance(spectra)) == pytest.approx(expected)


def test_the_stage_furthest_off_is_told(claim):
    """Catches: a finding that quotes the best of the stages, where an interval is nearest to 1."""
    runs = made(factor=1.05)
    runs["spectra"]["exact"][:, 1] *= 1.6 / 1.05
    told, _ = conclude(claim, claim.judge(runs))
    assert told.deciding == 1
    assert "typical factor 1.6 where furthest off" in told.clause
