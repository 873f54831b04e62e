"""Claims on trained networks: what their judges say of runs whose answer is known."""

import jax
import numpy as np
import pytest
import xarray as xr
from trained_ends import claim_of, ends

import soret
from soret.claims.run import load_runs, run_claim
from soret.claims.three_factors.interpolation import widths
from soret.claims.verdict import Verdict
from soret.errors import SettingsError
from soret.runs import RunFolder


@pytest.mark.parametrize(("slope", "told"), [(0.1, "supported"), (-0.1, "contradicted")])
def test_generalization(slope, told):
    """A sign lost."""
    made = ends("validation_accuracy", lambda x, z: slope * (x - z))
    (result,) = claim_of("generalization").judge({"epochs": made})
    assert str(result.verdict) == told


@pytest.mark.parametrize("name", ["generalization"])
def test_runs_that_did_not_get_there_are_left_out(name):
    """Half-trained networks compared with trained ones."""
    variable = "frobenius" if name == "flatness" else "validation_accuracy"
    made = ends(variable, lambda x, z: x - z, reached=False)
    for result in claim_of(name).judge({"loss": made}):
        assert result.verdict is Verdict.INCONCLUSIVE


def exchanged(apart_ratio, apart_rate, apart_last, norm=0.0):
    """Return arms whose curves lie so far apart from the first, in logarithms."""
    rng = np.random.default_rng(2)
    base = -np.linspace(1, 4, 12) + 0.02 * rng.normal(size=(8, 12))

    def arm(apart, norm=0.0):
        noise = 0.02 * rng.normal(size=(8, 12))
        return xr.Dataset(
            {
                "log_loss": (("replica", "epoch"), base + apart + noise),
                "frobenius": ("replica", np.exp(norm) * np.ones(8)),
                "accuracy": ("replica", np.ones(8)),
            }
        )

    return {
        "ratio/k-1": arm(0.0),
        "ratio/k-2": arm(apart_ratio, norm),
        "rate/k-2": arm(apart_rate),
        "ratio/k-16": arm(apart_last),
        "rate/k-16": arm(apart_rate),
    }


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (exchanged(0.0, 1.0, 1.0), ["supported"] * 4),
        (exchanged(1.0, 0.0, 1.0), ["contradicted", "contradicted", "supported", "supported"]),
        (exchanged(0.0, 1.0, 0.0), ["supported", "supported", "contradicted", "supported"]),
        (exchanged(0.0, 1.0, 1.0, norm=1.0), ["supported"] * 3 + ["contradicted"]),
    ],
)
def test_exchange(made, told):
    """Arms mixed up; curves that came apart, or did not."""
    found = claim_of("exchange", factors=(2, 16)).judge(made)
    assert [str(result.verdict) for result in found] == told


def test_curves_that_diverged_are_not_equal():
    """A diverged arm left out of the comparison."""
    made = exchanged(0.0, 1.0, 1.0)
    made["ratio/k-16"]["log_loss"][0, 5] = np.nan
    found = claim_of("exchange", factors=(2, 16)).judge(made)
    assert found[2].verdict is Verdict.SUPPORTED
    assert "diverged" in found[2].note


def test_widths_of_parabolas():
    """Ends swapped, the way to the other end counted, a level not above the end's own."""
    at = np.linspace(-1, 2, 601)
    loss = np.minimum(0.5 + (at / 0.2) ** 2, 0.3 + ((at - 1) / 0.1) ** 2)[None]
    ratio, start, end = widths(at, loss, 0.25)
    assert start[0] == pytest.approx(0.2 * 0.5, rel=0.02)
    assert end[0] == pytest.approx(0.1 * 0.5, rel=0.02)
    assert ratio[0] == pytest.approx(np.log(2), abs=0.03)


def test_widths_of_what_has_no_edge():
    """A flat line taken for a narrow one; a loss beyond the floats taken for a low one."""
    at = np.linspace(-1, 2, 31)
    flat = np.zeros((1, 31))
    _, start, end = widths(at, flat, 0.1)
    assert start[0] == pytest.approx(1)
    assert end[0] == pytest.approx(1)
    flat[0, at > 1.5] = np.inf
    _, _, end = widths(at, flat, 0.1)
    assert end[0] == pytest.approx(0.5)


def lines(ratio):
    """Return lines whose start is exp(ratio) times as wide as the end."""
    at = np.linspace(-1.5, 2.5, 161)
    spread = 1 + 0.05 * np.random.default_rng(3).normal(size=(8, 1))
    width = 0.2 * np.exp(ratio) * spread
    loss = np.minimum((at / width) ** 2, ((at - 1) / 0.2) ** 2)
    return {
        "lines": xr.Dataset(
            {
                "loss": (("replica", "position"), loss),
                "validation_loss": (("replica", "position"), loss + 0.1),
                "distance": ("replica", np.ones(8)),
                "reached": ("replica", np.ones(8, bool)),
            },
            {"position": at},
        )
    }


@pytest.mark.parametrize(("ratio", "told"), [(0.5, "supported"), (-0.5, "contradicted")])
def test_interpolation(ratio, told):
    """Ends swapped."""
    found = claim_of("interpolation").judge(lines(ratio))
    assert [str(result.verdict) for result in found] == [told, told]


def minibatch(power, *, heavy=False, replacement=1.0):
    """Return draws of noise of covariance C/S^power in 3 dimensions, tr C = 3."""
    rng = np.random.default_rng(4)
    sizes = np.array([1.0, 8.0, 64.0])
    draws = rng.standard_t(5, size=(3, 4000, 3)) if heavy else rng.normal(size=(3, 4000, 3))
    draws *= np.sqrt(3 / 5 if heavy else 1) / sizes[:, None, None] ** (power / 2)

    def part(scale):
        made = draws * np.sqrt(scale)
        return xr.Dataset(
            {
                "square": (("epoch", "batch_size", "draw"), (made**2).sum(-1)[None]),
                "projection": (("epoch", "batch_size", "draw", "rank"), made[None]),
            },
            {"epoch": [0], "batch_size": sizes},
        )

    points = {name: ("epoch", [value]) for name, value in (("trace", 3.0), ("loss", 1.0))}
    points["accuracy"] = ("epoch", [0.5])
    return {
        "with_replacement": part(1.0),
        "without_replacement": part(replacement),
        "points": xr.Dataset(points, {"epoch": [0]}, {"examples": 128}),
    }


def test_minibatch_noise():
    """Powers of S confused, a factor of the number of examples lost, tails not seen."""
    claim = claim_of("minibatch-noise")
    share = (128 - 64) / 127
    told = [str(result.verdict) for result in claim.judge(minibatch(1, replacement=share))]
    assert told == ["supported"] * 4
    told = [str(r.verdict) for r in claim.judge(minibatch(2, heavy=True, replacement=64.0))]
    assert told == ["contradicted"] * 4
    told = [str(result.verdict) for result in claim.judge(minibatch(1))]
    assert told == ["supported", "supported", "contradicted", "supported"]


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
