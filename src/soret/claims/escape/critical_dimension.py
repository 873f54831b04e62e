"""A minimum of more than n_c dimensions does not hold the walker (Eq. 16)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret.claims import Experiments, Result, Runs, Source, Statement, Verdict, claim
from soret.claims.judging import RATIO_TOLERANCE, Interval, judged, mean_interval, near
from soret.claims.memory import refuse_beyond
from soret.claims.ranges import COUNT, LARGEST_COUNT, POSITIVE, REPLICAS, In, Several
from soret.claims.settings import show
from soret.errors import SettingsError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Standard deviation of starts, over that of residuals: so far out only the inputs' noise counts.
FAR = 1e4
_RESAMPLES = 1000
_BOOTSTRAP_SEED = 0xD1
# The paper has no experiment: Eq. 16 is of any minimum whose outliers are equal.
_ANY = (
    "learning_rates",
    "batch_sizes",
    "shares",
    "relaxations",
    "held_shares",
    "held_relaxations",
)


@claim(
    "escape/critical-dimension",
    statement="A minimum is stable only if its effective dimension n is below "
    "n_c = 2(B/(ηh_e) + 1); beyond, it does not hold the walker.",
    source=Source("escape", "Sec. 4, Eq. 16"),
    quick={
        "learning_rates": (0.1, 0.02, 0.4),
        "batch_sizes": (1, 1, 4),
        "shares": (0.65, 0.85, 1.05),
        "replicas": 256,
        "held_replicas": 128,
    },
    statements=[
        Statement(
            name="unstable-above",
            text="No minimum of more than n_c = 2(B/(ηh_e) + 1) outliers is stable.",
            where="Sec. 4, Eq. 16",
            origin="restored",
            tolerance="none: of the dimensions run the next above n_c must grow, with its whole "
            "interval.",
            holds="above n_c SGD is lost, at all {count} settings",
            fails="above n_c SGD is not lost at {failed} of {count} settings",
            unclear="whether SGD is lost above n_c is undecided (growth of {low} to {high} a step)",
            regardless=_ANY,
        ),
        Statement(
            name="place",
            text="The dimension from which SGD is lost is n_c to within a tenth.",
            where="not in the paper, which says that n < n_c is necessary",
            origin="ours",
            tolerance="10 % of n_c, the tolerance of all ratios: n_c is of leading order in η.",
            holds="the dimension from which SGD is lost is n_c within 10 % at all {count} settings",
            fails="SGD is lost from another dimension than n_c at {failed} of {count} settings, "
            "from {measured} ({low} to {high}) where n_c is {predicted}",
            unclear="whether SGD is lost from n_c on is undecided ({low} to {high} dimensions "
            "where n_c is {predicted})",
            regardless=_ANY,
        ),
    ],
)
class CriticalDimension:
    """Linear regression on standard Gaussian inputs, fresh at every step: all n = d outliers are 1.

    From far out SGD multiplies |θ − θ*| by a random factor a step; if its logarithm is above 0 on
    average the walker is lost. That average, times 2, is the slope of log(L − L*) in steps. It is
    measured over d, and where it crosses 0 is the critical dimension. Beside the paper's, from
    noise 2LH, stand 3 + 2B/(ηh) from Gaussian noise of the exact covariance, and the zero of the
    recursion's own exponent (`soret.theory.escape.lyapunov_exponent`). The rival is noise that does
    not follow the loss: then |θ − θ*| shrinks by 1 − η a step, whatever d.

    Eq. 16 is tested as it is printed, a condition that every stable minimum meets: just above n_c
    SGD must be lost. And as the place of the change: the measured one within a tenth of n_c.
    The paper has no experiment on this; the settings are ours.
    """

    learning_rates: Annotated[
        tuple[float, ...],
        "learning rates η, with a batch size each",
        Several(In(above=0, below=1), distinct=False),
    ] = (
        0.1,
        0.05,
        0.02,
        0.4,
    )
    batch_sizes: Annotated[tuple[int, ...], "batch sizes B", Several(COUNT, distinct=False)] = (
        1,
        1,
        1,
        4,
    )
    shares: Annotated[
        tuple[float, ...], "d/n_c of the regressions", Several(POSITIVE, fewest=3, why="a parabola")
    ] = (0.6, 0.75, 0.9, 1.05, 1.2)
    relaxations: Annotated[
        float, "length of a run from far out, in units of 1/η steps", POSITIVE
    ] = 15.0
    replicas: Annotated[int, "replicas from far out", REPLICAS] = 4096
    held_shares: Annotated[
        tuple[float, ...], "d/n_c of the runs from the minimum", Several(POSITIVE)
    ] = (
        0.5,
        0.8,
        1.1,
    )
    held_relaxations: Annotated[float, "their length, in units of 1/η steps", POSITIVE] = 100.0
    held_replicas: Annotated[int, "replicas from the minimum", REPLICAS] = 1024

    def check(self) -> None:
        """Refuse dimensions that do not surround n_c, or that cannot be run."""
        if len(self.learning_rates) != len(self.batch_sizes):
            raise SettingsError(
                f"learning_rates and batch_sizes must be equally long, got "
                f"{len(self.learning_rates)} and {len(self.batch_sizes)} values."
            )
        points = list(zip(self.learning_rates, self.batch_sizes, strict=True))
        if len({f"{eta:g}-{batch}" for eta, batch in points}) < len(points):
            raise SettingsError("learning_rates and batch_sizes must name no point twice.")
        for eta, batch in points:
            critical = 2 * (batch / eta + 1)
            where = f"at η = {eta:g}, B = {batch} (n_c = {critical:.3g})"
            d = self._dimensions(critical, self.shares)
            if len(d) < 3 or not d[0] < critical < d[-1]:
                raise SettingsError(
                    f"shares must give 3 or more dimensions d, from below n_c to above, got "
                    f"d = {show(tuple(d))} {where}."
                )
            largest = max(d[-1], *self._dimensions(critical, self.held_shares))
            # The Hessian and its like, in float64 and float32.
            refuse_beyond(
                32.0 * largest**2, f"{largest:,} dimensions {where}", shares=show(self.shares)
            )
            for name in ("relaxations", "held_relaxations"):
                steps = getattr(self, name) / eta
                if not 10 <= steps <= LARGEST_COUNT:
                    raise SettingsError(
                        f"{name} must make 10 to 2³¹ steps of 1/η, got {steps:.3g} {where}."
                    )

    @staticmethod
    def _dimensions(critical: float, shares: tuple[float, ...]) -> list[int]:
        """Return the dimensions d of shares of n_c, rising."""
        return sorted({max(1, round(share * critical)) for share in shares})

    def experiments(self) -> Experiments:
        """Run from far out, and for the first (η, B) from the minimum."""
        made = {}
        for i, (eta, batch) in enumerate(zip(self.learning_rates, self.batch_sizes, strict=True)):
            critical = float(soret.theory.escape.critical_dimension(eta, batch))
            groups = [("far", self.shares, self.relaxations, self.replicas, FAR)]
            if i == 0:
                held = self.held_shares, self.held_relaxations, self.held_replicas
                groups.append(("held", *held, 0.0))
            for kind, shares, relaxations, replicas, spread in groups:
                steps = round(relaxations / eta) // 10 * 10
                for d in self._dimensions(critical, shares):
                    name = f"{kind}/{eta:g}-{batch}-{d}"
                    made[name] = soret.Experiment(
                        problem=soret.problems.linear_regression(d, None, spread=spread),
                        algorithm=soret.SGD(eta, batch_size=batch),
                        observe=soret.observables.full_loss,
                        steps=steps,
                        replicas=replicas,
                        record_every=steps if kind == "far" else steps // 10 if steps < 100 else 10,
                    )
        return made

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: lost above n_c, and not below it. Rival: held in any dimension."""
        escape, results = soret.theory.escape, []
        for eta, batch in zip(self.learning_rates, self.batch_sizes, strict=True):
            critical = float(escape.critical_dimension(eta, batch))
            growth = _growth(runs, eta, batch)
            above = min(d for d in growth if d > critical)
            results.append(_judge_above(growth[above], above, eta, batch))
            measured, interval, nowhere = _crossing(growth)
            result = judged(
                f"critical dimension at η = {eta:g}, B = {batch}",
                measured,
                interval,
                predicted=critical,
                rival="none: held in any dimension",
                within=near(critical, RATIO_TOLERANCE * critical),
                note=f"exact recursion {recursion_critical_dimension(eta, batch):.2f}, Gaussian "
                "noise of the exact covariance "
                f"{float(escape.regression_critical_dimension(eta, batch)):g}",
                statement="place",
            )
            # Growth that crosses zero nowhere, in no resample of the replicas, contradicts.
            if nowhere:
                result = replace(result, verdict=Verdict.CONTRADICTED)
            results.append(result)
        return results

    def control(self, runs: Runs) -> Runs:
        """Return growth that is the same in any dimension, −2η a step, with the runs' scatter."""
        made = {}
        for name, run in runs.items():
            kind, _, setting = name.partition("/")
            made[name] = run
            if kind != "far":
                continue
            eta = float(setting.split("-")[0])
            logs = np.log(run.full_loss.astype(float))
            steps = run.step - run.step[0]
            scatter = logs - logs.isel(step=0) - (logs - logs.isel(step=0)).mean("replica")
            shrinks = logs.isel(step=0) - 2 * eta * steps + scatter
            # At L* = ½ nothing is left to shrink.
            made[name] = run.assign(
                full_loss=np.exp(shrinks).clip(min=0.5 + 1e-6).transpose(*run.full_loss.dims)
            )
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Growth against d/n_c with its theories; L from the minimum below and above n_c."""
        from soret.claims.escape._critical_dimension_figure import (
            GrowthCurve,
            critical_dimension_figure,
        )

        escape, curves = soret.theory.escape, []
        for i, (eta, batch) in enumerate(zip(self.learning_rates, self.batch_sizes, strict=True)):
            growth = _growth(runs, eta, batch)
            d = np.array(list(growth))
            critical = float(escape.critical_dimension(eta, batch))
            fine = np.unique(np.linspace(d[0], d[-1], 15).astype(int))
            exact = [2 * escape.lyapunov_exponent(eta, batch, 1.0, int(n)) for n in fine]
            curves.append(
                GrowthCurve(
                    f"η = {eta:g}, B = {batch}",
                    d / critical,
                    np.stack(list(growth.values())) / eta,
                    fine / critical,
                    np.array(exact) / eta,
                    # Of log(L − L*) in t, under noise 2LH (rates.critical_dimension).
                    eta / batch * (fine - 2) - 2,
                    results[2 * i + 1],
                )
            )
        eta, batch = self.learning_rates[0], self.batch_sizes[0]
        held = {
            int(name.rpartition("-")[2]): (
                run.step.values * eta,
                run.full_loss.values.astype(float) / 0.5,
            )
            for name, run in runs.items()
            if name.startswith("held")
        }
        critical = float(escape.critical_dimension(eta, batch))
        title = "Does a minimum of more than n_c dimensions hold SGD? Linear regression"
        figure = critical_dimension_figure(
            curves, held, f"η = {eta:g}, B = {batch}, n_c = {critical:g}", title=title
        )
        return {"critical-dimension": figure}


def recursion_critical_dimension(eta: float, batch: int) -> float:
    """Return the dimension at which the recursion's Lyapunov exponent is 0, between integers."""

    def exponent(d: int) -> float:
        return soret.theory.escape.lyapunov_exponent(eta, batch, 1.0, d)

    low, high = 0, int(2 * soret.theory.escape.critical_dimension(eta, batch))
    if exponent(1) >= 0 or exponent(high) < 0:
        return np.nan
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if exponent(middle) < 0 else (low, middle)
    before, after = exponent(low), exponent(high)
    return low - before / (after - before)


def _growth(runs: Runs, eta: float, batch: int) -> dict[int, Floats]:
    """Return the growth of log(L − L*) a step, one for every replica, by d."""
    found = {}
    for name, run in runs.items():
        kind, _, setting = name.partition("/")
        if kind == "far" and setting.rpartition("-")[0] == f"{eta:g}-{batch}":
            found[int(setting.rpartition("-")[2])] = _rate(run)
    return dict(sorted(found.items()))


def _rate(run: xr.Dataset) -> Floats:
    logs = np.log(run.full_loss.values.astype(float) - 0.5)
    steps = float(run.step[-1] - run.step[0])
    return np.asarray((logs[..., -1] - logs[..., 0]) / steps).reshape(-1)


def _judge_above(growth: Floats, d: int, eta: float, batch: int) -> Result:
    """Test that just above n_c the walker is lost."""
    return judged(
        f"growth of log(L − L*) a step from far out at d = {d} > n_c (η = {eta:g}, B = {batch})",
        *mean_interval(growth),
        predicted="above 0",
        rival=round(2 * float(np.log1p(-eta)), 4),
        within=(0.0, np.inf),
        note=f"exact recursion {2 * soret.theory.escape.lyapunov_exponent(eta, batch, 1.0, d):.4g}",
        statement="unstable-above",
    )


def _crossing(growth: dict[int, Floats]) -> tuple[float, Interval, bool]:
    """Return the dimension where a parabola through the mean growth crosses 0.

    NaN where it does not do so within the dimensions that were run. With it the interval over
    resampled replicas, NaN where some of these cross nowhere or there are fewer than eight, and
    whether none of them crosses.
    """
    bootstrap = soret.inference.bootstrap
    d = np.array(list(growth), dtype=float)
    samples = np.stack(list(growth.values()))
    count, measured = samples.shape[1], _zero(d, samples.mean(1))
    if count < soret.inference.curves.MIN_REPLICAS or not np.isfinite(samples).all():
        return measured, (np.nan, np.nan), False
    # A replica has the same stream of random numbers in every dimension: resampled together.
    weights = bootstrap.resampling_weights(
        count, _RESAMPLES, np.random.default_rng(_BOOTSTRAP_SEED)
    )
    found = np.array([_zero(d, mean) for mean in weights @ samples.T])
    crosses = np.isfinite(found)
    if not crosses.all():
        return measured, (np.nan, np.nan), not crosses.any()
    return measured, bootstrap.expanded_percentile(found, 0.95, count), False


def _zero(d: Floats, growth: Floats) -> float:
    if not np.isfinite(growth).all():
        return np.nan
    roots = np.roots(np.polyfit(d, growth, 2))
    inside = [r.real for r in roots if abs(r.imag) < 1e-9 and d[0] <= r.real <= d[-1]]
    return float(inside[0]) if len(inside) == 1 else np.nan
