"""The claim on flatness: what its judge says of ends whose answer is known."""

import numpy as np
import pytest
import xarray as xr

from soret.claims import configure, find
from soret.claims.three_factors._training import unrelated
from soret.claims.verdict import Verdict
from soret.errors import SettingsError

ETA, SIZE = (a.ravel() for a in np.meshgrid([0.05, 0.1, 0.2], [4.0, 8.0, 16.0], indexing="ij"))


def claim_of(name, **settings):
    return configure(find(f"three-factors/{name}")[0], "quick", settings)


def ends(name, effect, *, replicas=4, reached=True):
    """Return ends at which `name` is exp or plain `effect(ln η, ln S)`, with a little noise."""
    rng = np.random.default_rng(0)
    noise = 0.02 * rng.normal(size=(len(ETA), replicas))
    values = effect(np.log(ETA), np.log(SIZE))[:, None] + noise
    ones = np.ones_like(values)
    made = {name: np.exp(values) if name == "frobenius" else values}
    for other in ("frobenius", "trace", "loss", "validation_accuracy", "validation_loss"):
        made.setdefault(other, ones)
    made["reached"] = np.full(values.shape, reached)
    return xr.Dataset(
        {key: (("point", "replica"), value) for key, value in made.items()},
        {"learning_rate": ("point", ETA), "batch_size": ("point", SIZE)},
        {"problem_data": "made", "network": "none", "rule": "loss"},
    )


@pytest.mark.parametrize(
    ("effect", "told"),
    [
        (lambda x, z: -0.5 * (x - z), ["supported", "supported"]),
        (lambda x, z: 0.5 * (x - z), ["contradicted", "supported"]),
        # η alone: the ratio goes with it, and is not what counts.
        (lambda x, z: -0.5 * x, ["supported", "contradicted"]),
    ],
)
def test_flatness(effect, told):
    """A sign lost; η taken for η/S."""
    found = claim_of("flatness").judge({"loss": ends("frobenius", effect)})
    assert [str(result.verdict) for result in found] == told


def test_runs_that_did_not_get_there_are_left_out():
    """Half-trained networks compared with trained ones."""
    made = ends("frobenius", lambda x, z: x - z, reached=False)
    for result in claim_of("flatness").judge({"loss": made}):
        assert result.verdict is Verdict.INCONCLUSIVE


def test_what_is_unrelated_has_no_mean_effect():
    """A control that the test would accept one time in forty."""
    values = unrelated(np.random.default_rng(1).normal(size=(7, 4)))
    np.testing.assert_allclose(values.mean(axis=1), values.mean())


def test_unknown_rules():
    """A stopping rule that never stops."""
    with pytest.raises(SettingsError, match="rules holds ever"):
        claim_of("flatness", rules=("ever",)).simulate(None)
