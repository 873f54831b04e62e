"""Ends of trained networks whose answer is known, for the judges of claims."""

import numpy as np
import xarray as xr

from soret.claims import configure, find

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
