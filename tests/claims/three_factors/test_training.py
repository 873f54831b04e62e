"""Networks that are trained for a claim: settings, images of any shape, and one whole run."""

import jax
import numpy as np
import pytest
from trained_ends import claim_of

import soret
from soret.claims.running import load_runs, run_claim
from soret.errors import SettingsError
from soret.runs import RunFolder


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("exchange", {"factors": (2,)}, "at least 2 values"),
        ("exchange", {"replicas": 4}, "at least 8"),
        ("interpolation", {"batch_sizes": (8, 32)}, "must have 3 values"),
        ("memorization", {"fraction": 1.0}, "above 0 and below 1"),
        ("minibatch-noise", {"batch_sizes": (1, 8, 512)}, "at most 256"),
        ("minibatch-noise", {"draws": 50}, "at least 200, for a covariance, got 50"),
    ],
)
def test_bad_settings(name, settings, message):
    """A setting that is noticed after hours of training."""
    with pytest.raises(SettingsError, match=message):
        claim_of(name, **settings).experiments()


def made_of(shape, examples=20):
    rng = np.random.default_rng(5)
    inputs = rng.uniform(size=(examples, *shape))
    classes = tuple(map(str, range(10)))
    return soret.Dataset("made", inputs, np.arange(examples) % 10, classes, "made")


IMAGES = {"digits": (8, 8), "mnist": (28, 28), "cifar-10": (3, 32, 32)}


@pytest.mark.parametrize("shape", IMAGES.values(), ids=IMAGES)
@pytest.mark.parametrize(
    "settings",
    [{"net": "conv"}, {"net": "dense"}, {"net": "dense", "batch_normalization": True}],
    ids=["conv", "dense", "normalized"],
)
def test_every_network_takes_images_of_every_shape(shape, settings):
    """A network that a setting names and that cannot be built on some of the data sets."""
    problem = claim_of("generalization", **settings).problem(made_of(shape))
    params = jax.eval_shape(problem.initial, jax.random.key(0))
    assert jax.eval_shape(problem.batch_loss, params, problem.evaluation_batch()).shape == ()


@pytest.mark.slow
def test_a_conv_net_is_trained_and_measured(tmp_path):
    """A kind of network that no default runs, and that breaks in one of the measurements."""
    settings = {
        "net": "conv",
        "images": 200,
        "channels": (2,),
        "learning_rates": (0.1, 0.2),
        "batch_sizes": (4, 8),
        "rules": ("epochs",),
        "epochs": 2,
        "replicas": 3,
        "hessian_examples": 50,
    }
    outcome = run_claim(
        claim_of("flatness", **settings), scale="quick", seed=1, out=tmp_path / "run"
    )
    ends = load_runs(RunFolder(outcome.folder))["epochs"]
    assert ends.attrs["network"] == "conv net 2"
    for name in ("loss", "validation_accuracy", "frobenius", "trace"):
        assert ends[name].shape == (4, 3)
        assert np.isfinite(ends[name]).all()
