"""The mechanism: what the judge says of data whose parts are known."""

import numpy as np
import pytest
import xarray as xr
from told import told

from soret.claims import configure, find
from soret.claims.thermophoresis._drift_parts import parts_of
from soret.errors import InferenceError, SettingsError
from soret.verdict import Verdict

RATES = (0.1, 0.05, 0.025)
REPLICAS, RECORDS = 32, 40


def made(gradient, noise, *, lost=0.0, power=2.0):
    """Runs of which both observables fall at given speeds per η²t, with noise over replicas.

    The gradient part per step goes as η^power; `lost` is a speed that neither part accounts for.
    """
    rng = np.random.default_rng(0)
    runs = {}
    for rate in RATES:
        steps = np.arange(RECORDS + 1) * round(20 / rate**2 / RECORDS)
        tau = steps * rate**2
        carried = gradient * (rate / RATES[0]) ** (power - 2)
        values = (carried + noise + lost) * tau + 0.05 * rng.normal(size=(1, REPLICAS, tau.size))
        drift = np.broadcast_to([rate * carried, noise], (1, REPLICAS, tau.size, 2))
        drift = drift * (1 + 0.1 * rng.normal(size=drift.shape))
        dims = ("learning_rate", "replica", "step")
        variables = {"balanced_drift": (dims, np.full((1, REPLICAS, tau.size), -0.02))}
        for name in ("activation_rate", "weight_norm"):
            variables[name] = (dims, values, {"long_name": name})
            variables[f"{name}_drift"] = ((*dims, "part"), drift)
        coordinates = {"learning_rate": [rate], "step": steps}
        runs[f"pytorch/{rate:g}"] = xr.Dataset(variables, coordinates)
    return runs


@pytest.fixture(scope="module")
def claim():
    settings = {"initializations": ("pytorch",), "records": RECORDS, "replicas": REPLICAS}
    return configure(find("thermophoresis/mechanism")[0], "quick", settings)


def verdicts(claim, runs):
    """Return the verdicts on shares, and that on exponents."""
    found = told(claim, runs)
    shares = {found["activation-rate"], found["weight-norm"]}
    return {Verdict(one) for one in shares}, {Verdict(found["gradient-part"])}


def test_what_fails_of_v_is_not_held_against_the_activation_rate(claim):
    """Catches: shares of one observable counted for the other's statement."""
    runs, other = made(gradient=-0.005, noise=-0.03), made(gradient=-0.03, noise=-0.001)
    for name, run in runs.items():
        for variable in ("weight_norm", "weight_norm_drift"):
            run[variable] = other[name][variable]
    found = told(claim, runs)
    assert found["activation-rate"] == "supported"
    assert found["weight-norm"] == "contradicted"


@pytest.mark.known_answer("thermophoresis/mechanism", "few")
def test_two_replicas_say_nothing(claim):
    """Catches: shares told from what chance makes of two replicas."""
    runs = {
        name: run.isel(replica=slice(2)) for name, run in made(gradient=-0.02, noise=-0.02).items()
    }
    assert set(told(claim, runs).values()) == {"inconclusive"}


@pytest.mark.known_answer("thermophoresis/mechanism", "prediction")
def test_the_papers_story_is_supported(claim):
    """A test that nothing could pass."""
    runs = made(gradient=-0.005, noise=-0.03, power=1.0)
    assert verdicts(claim, runs) == ({Verdict.SUPPORTED}, {Verdict.SUPPORTED})


@pytest.mark.known_answer("thermophoresis/mechanism", "rival")
def test_the_rivals_story_is_contradicted(claim):
    runs = made(gradient=-0.03, noise=-0.001)
    assert verdicts(claim, runs) == ({Verdict.CONTRADICTED}, {Verdict.CONTRADICTED})


def test_noise_that_raises_does_not_carry_a_fall(claim):
    """A share of a sum near zero, which can be any number."""
    shares, _ = verdicts(claim, made(gradient=-0.03, noise=0.0299))
    assert shares == {Verdict.CONTRADICTED}


def test_parts_that_do_not_add_up_say_nothing(claim):
    """Verdicts on parts that leave out something."""
    runs = made(gradient=-0.005, noise=-0.03, lost=-0.02, power=1.0)
    assert verdicts(claim, runs) == ({Verdict.INCONCLUSIVE}, {Verdict.INCONCLUSIVE})
    assert all("do not add up" in result.note for result in claim.judge(runs))


def test_the_control_of_the_papers_story_is_refused(claim):
    """A control that hands the paper's own data back."""
    runs = claim.control(made(gradient=-0.005, noise=-0.03, power=1.0))
    assert verdicts(claim, runs) == ({Verdict.CONTRADICTED}, {Verdict.CONTRADICTED})


def test_diverged_replicas_are_left_out_at_every_rate():
    """A mean of NaN, or replicas paired with others than themselves."""
    runs = made(gradient=-0.01, noise=-0.01)
    runs["pytorch/0.1"]["weight_norm"][0, 3, 5:] = np.nan
    found = parts_of([runs[f"pytorch/{rate:g}"] for rate in RATES], "weight_norm")
    assert found.total.shape == (3, REPLICAS - 1, RECORDS + 1)
    assert np.isfinite(found.total).all()
    assert found.times[-1] == pytest.approx(20)
    runs["pytorch/0.1"]["weight_norm"][0, :, 5:] = np.nan
    with pytest.raises(InferenceError, match="0 of 32 replicas stayed finite"):
        parts_of([runs[f"pytorch/{rate:g}"] for rate in RATES], "weight_norm")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rates": (0.1,)}, "at least 2 values"),
        ({"windows": (5.0, 1.0)}, "rising"),
        ({"learning_rates": (0.3, 0.1)}, "use fewer records"),
        ({"windows": (1.1, 5.0, 20.0)}, "no multiple"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    """Curves compared at different η²t, or found to have nothing to compare after a long run."""
    with pytest.raises(SettingsError, match=message):
        configure(find("thermophoresis/mechanism")[0], "quick", settings)
