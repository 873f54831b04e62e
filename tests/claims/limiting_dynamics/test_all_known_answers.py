"""Judges of the claims on limiting dynamics on data whose answer is known; nothing is simulated.

Data that the prediction made is the linear recursion itself, drawn with NumPy: it must be
supported in every statement. Data that the rival made must be supported in none, and of too few
replicas and records nothing may be concluded. False alarms: intervals are many times narrower
than tolerances, or wider, and every draw is fixed.
"""

import functools

import numpy as np
import pytest
import xarray as xr

import soret
from soret.claims import configure, find
from soret.claims.finding import assigned, conclude, finding
from soret.claims.limiting_dynamics import _regressions as r
from soret.claims.limiting_dynamics._grid import NAMES
from soret.verdict import Verdict

PAPER = "limiting-dynamics"
GAUSSIAN = {"data": ("gaussian",)}
STEPS = 4000


def walk(modes, *, replicas, steps, every=1, start=None, seed=0):
    """Return θ and v of the recursion at records, (records, R, n), from stationarity or a start."""
    random = np.random.default_rng(seed)
    law = soret.theory.phase_space.Discrete(modes).stationary
    z, v = np.moveaxis(
        random.standard_normal((replicas, modes.size, 1, 2))
        @ np.linalg.cholesky(np.moveaxis(law, -1, 0)).swapaxes(-1, -2),
        -1, 0,
    )[..., 0]  # fmt: skip
    if start is not None:
        z, v = np.tile(start, (replicas, 1)), np.zeros((replicas, modes.size))
    noise = np.sqrt(modes.step_noise)
    found = [(z, v)]
    for step in range(1, steps + 1):
        v = modes.momentum * v + modes.stiffness * z
        v = v + noise * random.standard_normal(z.shape)
        z = z - modes.learning_rate * v
        if step % every == 0:
            found.append((z, v))
    return tuple(np.stack(part) for part in zip(*found, strict=True))


def dataset(every, **values):
    """Return records over (step, replica, …), as `soret.simulate` has them."""
    records = len(next(iter(values.values())))
    made = {}
    for name, value in values.items():
        dims = ("step", "replica", f"{name}_dim_0")[: value.ndim]
        made[name] = (dims, value.astype(np.float32))
    return xr.Dataset(made, {"step": np.arange(records) * every})


@functools.cache
def gaussian_walk(every, replicas, excess):
    """Return the recursion of the settings that the claims on stationary runs share."""
    law = of("constant-speed").theory("gaussian").modes
    return walk(law.with_noise(excess * law.c), replicas=replicas, steps=STEPS, every=every)


def stationary(claim, replicas, excess=1.0):
    """Return what a claim on stationary runs would observe of the recursion."""
    theory = claim.theory("gaussian")
    z, v = gaussian_walk(claim.steps // claim.records, replicas, excess)
    chosen = r.chosen(theory, claim.softest)
    return dataset(
        claim.steps // claim.records,
        position=z[..., chosen],
        velocity=v[..., chosen],
        squared_velocity=(v**2).sum(-1),
    )


def verdicts(claim, runs):
    """Return the verdict of every statement that is tested, by name; the finding can be written."""
    found = conclude(claim, assigned(claim, claim.judge(runs)))
    assert finding(found).endswith(".")
    return {one.name: one.verdict for one in found if one.verdict is not None}


STATIONARY = {
    "constant-speed": {"constant", "size", "recursion"},
    "modified-loss": {"not-the-loss", "size", "velocity"},
    "isotropic-exploration": {"isotropic", "size", "recursion"},
    "oscillations": {"turning", "oscillator"},
}
STATIONARY_IDS = [
    "limiting-dynamics/constant-speed",
    "limiting-dynamics/modified-loss",
    "limiting-dynamics/isotropic-exploration",
    "limiting-dynamics/oscillations",
]


def of(name, **settings):
    return configure(find(f"{PAPER}/{name}")[0], "quick", GAUSSIAN | settings)


@pytest.fixture(scope="module", params=STATIONARY)
def made(request):
    """A claim on stationary runs, and data that its prediction made."""
    every, replicas = (1, 200) if request.param == "oscillations" else (20, 400)
    claim = of(request.param, steps=STEPS, records=STEPS // every)
    return claim, STATIONARY[request.param], {"gaussian": stationary(claim, replicas)}


@pytest.mark.known_answer(STATIONARY_IDS, "prediction")
def test_what_the_prediction_made_is_supported(made):
    """Catches: a judge that supports nothing, or a factor in what it compares with."""
    claim, names, runs = made
    assert verdicts(claim, runs) == dict.fromkeys(names, Verdict.SUPPORTED)


@pytest.mark.known_answer(STATIONARY_IDS, "rival")
def test_what_the_rival_made_is_not(made):
    """Catches: a judge that supports anything."""
    claim, names, runs = made
    told = verdicts(claim, claim.control(runs))
    assert set(told) == names
    assert Verdict.SUPPORTED not in told.values()
    assert Verdict.CONTRADICTED in told.values()


@pytest.mark.known_answer(STATIONARY_IDS, "few")
def test_of_too_few_nothing_is_concluded(made):
    """Catches: a verdict from an interval that is too narrow for its replicas.

    A sign is told by few, that of 1.45 in log-likelihood and that of a current.
    """
    claim, _, runs = made
    burn_in = claim.burn_in("gaussian")
    here = runs["gaussian"]
    first = int(np.searchsorted(here.step.values, burn_in))
    records = 40 if claim.records == claim.steps else 4
    few = here.isel(replica=slice(8), step=[0, *range(first, first + records)])
    told = verdicts(claim, {"gaussian": few})
    assert Verdict.CONTRADICTED not in told.values()
    assert Verdict.INCONCLUSIVE in told.values()


def test_noise_of_another_size_is_told_from_the_closed_forms():
    """Catches: a size that is compared with itself."""
    for name in ("constant-speed", "modified-loss", "isotropic-exploration"):
        claim = of(name, steps=STEPS, records=STEPS // 20)
        told = verdicts(claim, {"gaussian": stationary(claim, 400, 1.5)})
        assert told["size"] is Verdict.CONTRADICTED
        assert told.get("recursion", Verdict.CONTRADICTED) is Verdict.CONTRADICTED
        shapes = {"constant", "isotropic", "not-the-loss", "velocity"} & set(told)
        assert {told[shape] for shape in shapes} == {Verdict.SUPPORTED}


@pytest.fixture(scope="module")
def diffusing():
    """The claim on diffusion, and data that its prediction made."""
    settings = {
        "learning_rates": (0.1, 0.05),
        "batch_sizes": (32,),
        "momenta": (0.9, 0.6),
        "weight_decays": (1e-4, 0.02),
        "others": ("gaussian",),
        "burn_in": 0,
        "steps": 2400,
    }
    claim = configure(find(f"{PAPER}/anomalous-diffusion")[0], "quick", settings)
    base, runs = claim._base(), {}
    for name, values in [*claim._scans().items(), ("gaussian", (None,))]:
        kind, each = "gaussian" if name == "gaussian" else "long power-law", []
        for i, value in enumerate(values):
            point = base if value is None else base | {name: value}
            law = r.exact(kind, *point.values()).modes
            z, _ = walk(law, replicas=40, steps=2400, every=10, seed=i)
            each.append(dataset(10, position=z))
        runs[name] = each[0]
        if name != "gaussian":
            runs[name] = xr.concat(each, xr.Variable(name, list(values)))
    return claim, runs


@pytest.mark.known_answer("limiting-dynamics/anomalous-diffusion", "prediction")
def test_diffusion_that_the_prediction_made_is_supported(diffusing):
    """Catches: an exponent that is compared with that of other lags or another spectrum."""
    claim, runs = diffusing
    names = ("anomalous", "spectrum", "interplay")
    assert verdicts(claim, runs) == dict.fromkeys(names, Verdict.SUPPORTED)


@pytest.mark.known_answer("limiting-dynamics/anomalous-diffusion", "rival")
def test_diffusion_that_the_rival_made_is_not(diffusing):
    """Catches: Brownian motion called anomalous."""
    claim, runs = diffusing
    told = verdicts(claim, claim.control(runs))
    assert told["anomalous"] is Verdict.CONTRADICTED
    assert told["spectrum"] is Verdict.CONTRADICTED
    assert told["interplay"] is not Verdict.SUPPORTED


def placed(squares):
    """Return records (T, T) whose squared distances at lags of 1 to T − 1 records are given."""
    squares = np.concatenate([[0.0], squares])
    record = np.arange(squares.size)
    apart = squares[abs(record[:, None] - record)]
    values, vectors = np.linalg.eigh((squares[:, None] + squares - apart) / 2)
    return vectors * np.sqrt(np.maximum(values, 0))


@pytest.mark.known_answer("limiting-dynamics/anomalous-diffusion", "few")
def test_of_too_few_no_exponent_is_told(diffusing):
    """Catches: an interval too narrow for eight replicas, whose exponents scatter evenly by ±0.2.

    Nothing is drawn: on average they have the predicted exponent.
    """
    claim, runs = diffusing
    lags, few = np.arange(1, 41), {}
    for name, run in runs.items():
        values = claim._scans().get(name, (None,))
        each = []
        for value in values:
            kind = "gaussian" if value is None else "long power-law"
            point = claim._base() if value is None else claim._base() | {name: value}
            law, _ = claim._theories(kind, tuple(point.values()), 10 * lags)
            each.append([placed(law * lags**off) for off in np.linspace(-0.2, 0.2, 8)])
        position = np.moveaxis(np.array(each if name in run.dims else each[0]), -2, -3)
        few[name] = xr.Dataset({"position": (run.position.dims, position)})
        if name in run.dims:
            few[name] = few[name].assign_coords({name: run[name]})
    told = verdicts(claim, few)
    assert told["spectrum"] is told["interplay"] is Verdict.INCONCLUSIVE
    assert told["anomalous"] is not Verdict.CONTRADICTED


class TestPhaseSpace:
    SETTINGS = {  # noqa: RUF012
        "data": ("gaussian",),
        "learning_rates": (0.05, 0.5, 2.7),
        "batch_sizes": (256, 512),
        "momenta": (0.5, 0.9),
        "weight_decays": (1e-3, 0.05),
        "steps": 160,
    }

    def made(self, replicas, law="exact", **changes):
        """Return the claim, and records drawn from the moments of a theory, apart in time."""
        settings = self.SETTINGS | {"replicas": replicas} | changes
        claim = configure(find(f"{PAPER}/phase-space")[0], "quick", settings)
        random = np.random.default_rng(1)
        grid = claim._grid("gaussian")
        shape = [len(values) for values in claim._axes()]
        parts = []
        for point in claim._points():
            moments = getattr(grid, law)(point)
            root = np.linalg.cholesky(np.moveaxis(moments.covariance, -1, 1))  # (T, n, 2, 2)
            draws = random.standard_normal((replicas, *root.shape[:2], 2, 1))
            states = moments.mean.swapaxes(1, 2) + (root @ draws)[..., 0]
            moved = r.exact("gaussian", *point).frozen.centre - grid.base.frozen.centre
            states[..., 0] += moved[grid.modes]
            parts.append(np.concatenate([np.zeros_like(states[:, :1]), states], 1))
        whole = np.stack(parts).reshape(*shape, *parts[0].shape)
        dims = (*NAMES, "replica", "step", "mode")
        coords = dict(zip(NAMES, map(list, claim._axes()), strict=True))
        coords["step"] = [0, *grid.steps]
        run = xr.Dataset(
            {"position": (dims, whole[..., 0]), "velocity": (dims, whole[..., 1])}, coords
        )
        return claim, {"gaussian": run}

    @pytest.mark.known_answer("limiting-dynamics/phase-space", "prediction", "rival")
    def test_what_the_exact_recursion_made(self):
        """Catches: moments compared with those of another point, mode or step."""
        claim, runs = self.made(400)
        names = ("mean", "covariance", "recursion", "near-the-limit")
        assert verdicts(claim, runs) == dict.fromkeys(names, Verdict.SUPPORTED)
        told = verdicts(claim, claim.control(runs))
        assert told.pop("mean") is Verdict.CONTRADICTED
        assert Verdict.SUPPORTED not in told.values()

    @pytest.mark.known_answer("limiting-dynamics/phase-space", "few")
    def test_of_too_few_nothing_is_concluded(self):
        """Catches: a right theory refused, or supported, by the errors of eight replicas."""
        names = ("mean", "covariance", "recursion", "near-the-limit")
        told = verdicts(*self.made(8, steps=20, records=2))
        assert told == dict.fromkeys(names, Verdict.INCONCLUSIVE)

    def test_what_the_closed_form_made(self):
        """Catches: the recursion supported wherever the closed form is."""
        claim, runs = self.made(400, "closed")
        told = verdicts(claim, runs)
        assert told["mean"] is told["covariance"] is Verdict.SUPPORTED
        assert told["recursion"] is told["near-the-limit"] is Verdict.CONTRADICTED


class TestDeepNetwork:
    """Nets that are quadratics: eigenvalues and noise along them are given."""

    STEPS = 5000
    NET = "dense-digits"

    def made(self, noise, replicas=60):
        """Return the claim, and motion of the modes that it takes the nets for.

        `noise` is what each net's noise is over the one measured.
        """
        names = {"networks": (self.NET,), "steps": self.STEPS, "trained": len(noise)}
        claim = configure(find(f"{PAPER}/deep-network")[0], "quick", names)
        ends = [[1.0] * len(noise)] * 2
        runs = {
            f"{self.NET}/training": xr.Dataset(
                dict.fromkeys(("accuracy", "full_loss"), (("step", "replica"), ends))
            )
        }
        for number, excess in enumerate(noise):
            curvature = np.geomspace(1, 0.02, 12) * (1 + number / 10)
            spectra = xr.Dataset(
                {
                    "curvature": ("mode", curvature),
                    "noise": ("mode", 0.1 * curvature),
                    "gradient": ("mode", np.zeros(12)),
                    "parameter": ("parameter", np.arange(13)),
                },
                attrs={"rest_noise": 1e-9, "rest": 1},
            )
            modes = claim._modes(spectra)
            modes = modes.with_noise(excess * modes.c)
            z, v = walk(modes, replicas=replicas, steps=self.STEPS, every=5, seed=2 * number)
            short, fast = walk(modes, replicas=replicas, steps=1000, seed=2 * number + 1)
            one = f"{self.NET}/{number}"
            runs |= {
                f"{one}/spectra": spectra,
                f"{one}/running on": dataset(
                    5,
                    squared_velocity=(v**2).sum(-1),
                    squared_displacement=((z - z[0]) ** 2).sum(-1),
                ),
                f"{one}/portrait": dataset(1, position=short[..., :2], velocity=fast[..., :2]),
            }
        return claim, runs

    @pytest.mark.known_answer("limiting-dynamics/deep-network", "prediction")
    def test_what_the_prediction_made_is_supported(self):
        """Catches: a judge that supports nothing."""
        claim, runs = self.made([1.0] * 5)
        names = ("constant", "anomalous", "speed", "displacement", "exponent", "turning")
        assert verdicts(claim, runs) == dict.fromkeys(names, Verdict.SUPPORTED)

    @pytest.mark.known_answer("limiting-dynamics/deep-network", "rival")
    def test_what_the_rival_made_is_not(self):
        """Catches: a walk that slows down taken for a stationary motion."""
        claim, runs = self.made([1.0] * 5)
        told = verdicts(claim, claim.control(runs))
        assert Verdict.SUPPORTED not in told.values()
        assert told["constant"] is told["anomalous"] is Verdict.CONTRADICTED

    @pytest.mark.slow
    def test_twice_the_noise_moves_faster_and_turns_as_before(self):
        """Catches: a speed or a displacement that is compared with itself."""
        claim, runs = self.made([2.0] * 5)
        told = verdicts(claim, runs)
        assert told["speed"] is told["displacement"] is Verdict.CONTRADICTED
        assert told["constant"] is told["exponent"] is told["turning"] is Verdict.SUPPORTED

    def test_nets_that_disagree_decide_nothing(self):
        """Catches: an interval over the replicas of one net, however many it has."""
        claim, runs = self.made([0.5, 1.0, 3.0], replicas=200)
        told = verdicts(claim, runs)
        assert told["speed"] is told["displacement"] is Verdict.INCONCLUSIVE

    @pytest.mark.known_answer("limiting-dynamics/deep-network", "few")
    def test_of_too_few_nets_nothing_is_concluded(self):
        """Catches: what three nets' scatter leaves open taken for known."""
        claim, runs = self.made([0.6, 1.0, 1.7], replicas=8)
        told = verdicts(claim, runs)
        assert told["speed"] is told["displacement"] is Verdict.INCONCLUSIVE
