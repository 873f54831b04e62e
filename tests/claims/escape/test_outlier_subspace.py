"""The claim on the outliers' space: what the judge says of matrices and motion that are known."""

import numpy as np
import pytest
import xarray as xr
from by_statement import by_statement

from soret.claims import configure, find
from soret.claims.escape.outlier_subspace import apart, random_foremost
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE
SIZE, K = 400, 10
NAMES = ("noise", "gauss-newton", "frozen", "eigenvectors", "path")


@pytest.fixture(scope="module")
def claim():
    return configure(find("escape/outlier-subspace")[0], "quick", {})


def made(*, off=0.05, flat=0.05, along=0.95, common=0.98, nets=5, passed=True):
    """Nets that differ by a tenth in what is off, and replicas that do in nothing."""
    spread = np.linspace(0.9, 1.1, nets)
    grid = ("net", "replica")
    ones = np.ones((nets, 6))
    share = np.full((nets, 6, K), (1 - along) / (K - 1))
    share[..., 2] = along
    share *= 1 - flat * spread[:, None, None]
    minimum = {f"{name}_apart": ("net", off * spread) for name in ("noise", "outputs")}
    minimum |= {f"{name}_isotropic": ("net", np.ones(nets)) for name in ("noise", "outputs")}
    minimum |= {
        f"{name}_ratio": (("net", "rank"), np.ones((nets, K))) for name in ("noise", "outputs")
    }
    minimum |= {f"{name}_share": ("net", spread / 2) for name in ("noise", "outputs")}
    ends = {
        "share": ((*grid, "rank"), share),
        "overlap": (grid, 1 - (1 - common) * spread[:, None] * ones),
        "foremost": (grid, ones),
        "passed": (grid, np.full((nets, 6), passed)),
    }
    attrs = {"parameters": SIZE, "problem_data": "made"}
    return {"minimum": xr.Dataset(minimum, attrs=attrs), "ends": xr.Dataset(ends)}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [S, S, S, S, S]),
        ({"off": 0.6}, [C, C, S, S, S]),
        ({"flat": 0.6}, [S, S, C, S, S]),
        ({"along": 0.4}, [S, S, S, S, C]),
        ({"common": 0.5}, [S, S, S, C, S]),
        ({"off": 1.0, "flat": 0.9, "along": 0.3, "common": 0.03}, [C, C, C, C, C]),
        ({"off": 0.25, "flat": 0.24}, [N, N, N, S, S]),
        ({"nets": 1}, [N, N, N, N, N]),
        ({"passed": False}, [S, S, N, N, N]),
    ],
)
@pytest.mark.known_answer("escape/outlier-subspace", "prediction", "rival", "few")
def test_judged_by_what_was_made(claim, settings, expected):
    """Catches: one statement's number given to another; runs that never escaped judged."""
    found = claim.judge(made(**settings))
    assert by_statement(claim, found) == dict(zip(NAMES, expected, strict=True))


def test_the_control_is_isotropic(claim):
    runs = made()
    assert {r.verdict for r in claim.judge(claim.control(runs))} == {C}


def test_difference_counts_what_is_outside_of_the_space():
    """Catches: a matrix that maps an eigenvector out of the space and is called the same."""
    vectors, values = np.eye(2, 3), np.array([4.0, 3.0])
    same = np.diag([4.0, 3.0, 1.0])
    mixed = same.copy()
    mixed[2, 0] = mixed[0, 2] = 2.0
    assert apart(vectors @ same, vectors, values) == 0
    assert apart(vectors @ mixed, vectors, values) == pytest.approx(2 / 5)


def test_foremost_component_of_a_random_direction():
    """Mean of max(cos², sin²) over the circle: ½ + 1/π."""
    assert random_foremost(2) == pytest.approx(0.5 + 1 / np.pi, abs=0.003)
