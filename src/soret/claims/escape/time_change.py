"""In the time τ = ∫L dt noise that follows the loss is additive, and P_st ∝ P_st^τ/L."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret.claims import Experiments, Measurement, Result, Runs, Source, Statement, claim
from soret.claims.judging import RATIO_TOLERANCE, judge_number, judged, near, unmeasured
from soret.claims.memory import refuse_beyond
from soret.claims.ranges import LARGEST_COUNT, POSITIVE, In
from soret.errors import SettingsError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Euler–Maruyama's error is of the order of a step times the curvature, a few per cent at the steps
# used; without the factor 1/L the slope would be 0 and not −1. Chosen before any run.
SLOPE_TOLERANCE = 0.1

_GROUPS = 25
_BINS = 16
# Of a slope through them.
_FEWEST_LEVELS = 3
# A level that no path reaches: paths are followed to the end.
_NEVER = 1e30
# The paper has no experiment: both statements are of any surface, start and noise.
_ANY = ("temperature", "minimum_loss", "barrier", "across", "threshold")


@claim(
    "escape/time-change",
    statement="SDE (12) in t, with noise that follows the loss, and SDE (14) in τ = ∫L dt, with "
    "additive noise on log L, have the same paths, and so P_st ∝ P_st^τ/L.",
    source=Source("escape", "Sec. 3.2, Eq. 12–14; App. C, Eq. 41–43"),
    quick={"step": 0.008, "paths": 5000, "time": 16.0},
    resolution=["step", "paths", "time"],
    statements=[
        Statement(
            name="paths",
            text="SDE (12) in t, with noise that follows the loss, and SDE (14) in τ = ∫L dt, "
            "with additive noise on the logarithm of the loss, have the same paths.",
            where="Sec. 3.2, Eq. 12–14",
            origin="restored",
            tolerance="10 % of a mean passage time: integration in steps leaves a few per cent, "
            "and a clock at the minimum's rate is off by the mean of L/L*.",
            holds="mean passage times are the same in t and, by its clock, in τ ({measured} of "
            "each other where furthest off)",
            fails="mean passage times in τ, by its clock, are {measured} ({low} to {high}) of "
            "those in t",
            unclear="whether mean passage times in τ are those in t is undecided ({low} to {high} "
            "of each other)",
            regardless=_ANY,
        ),
        Statement(
            name="density",
            text="The stationary densities in t and in τ differ by the factor 1/L.",
            where="App. C, Eq. 41–43",
            origin="restored",
            tolerance="0.1 in the slope of −1: integration in steps leaves a few per cent, and "
            "one density for both would make it 0.",
            holds="the stationary densities in t and τ differ by the factor 1/L (power {measured} "
            "of L where furthest off)",
            fails="the stationary densities in t and τ differ by L to the power {measured} ({low} "
            "to {high}), not −1",
            unclear="by which power of L the stationary densities in t and τ differ is undecided "
            "({low} to {high})",
            regardless=_ANY,
        ),
    ],
)
class TimeChange:
    """Paths of both equations, made independently, on double wells in one and two dimensions.

    (12) is integrated in t. (14) is integrated in τ together with the clock dt = dτ/L. If they have
    the same paths, the mean time at which L first reaches a threshold (at most `time`, so that it
    is known of every path) is the same by the clock as in (12); the rival is a clock that runs at
    the minimum's rate, t = τ/L*, as in Eq. 24. And the logarithm of the ratio of the stationary
    densities of L in t and in τ is a line of slope −1 against log L; the rival, that both have one
    density, makes it 0.

    The surfaces are ours, the paper has none: L = L* + b(x² − 1)², and with ½h_⊥y² in addition.
    """

    temperature: Annotated[float, "η/B", In(above=0, at_most=1)] = 0.15
    minimum_loss: Annotated[float, "L*", POSITIVE] = 0.5
    barrier: Annotated[float, "b, the height of the saddle above the minima", POSITIVE] = 0.5
    across: Annotated[float, "h_⊥, curvature of the second direction; along it is 8b", POSITIVE] = (
        2.0
    )
    threshold: Annotated[float, "of L/L*, where passages are timed", In(above=1, at_most=1000)] = (
        3.0
    )
    step: Annotated[float, "Δt; in τ the step is L*Δt", POSITIVE] = 0.0025
    time: Annotated[float, "length of a path in t, and what later passages count as", POSITIVE] = (
        40.0
    )
    paths: Annotated[
        int,
        "paths of either equation on either surface",
        In(at_least=2 * _GROUPS, why="groups of paths"),
    ] = 20_000

    def check(self) -> None:
        """Refuse paths that are too short, or too long to be counted or kept."""
        if not self.time > 100 * self.step:
            raise SettingsError(
                f"time must be above 100 steps, got time={self.time:g} and step={self.step:g}."
            )
        stiffest = max(8 * self.barrier, self.across)
        if not self.step * stiffest < 1:
            raise SettingsError(
                f"step must be below 1 over the largest curvature, {stiffest:g} for "
                f"barrier={self.barrier:g} and across={self.across:g}, got {self.step:g}."
            )
        if not self.temperature * self.minimum_loss <= 10 * self.barrier:
            raise SettingsError(
                "temperature times minimum_loss must be at most 10 times barrier, for wells to be "
                f"seen, got {self.temperature:g}, {self.minimum_loss:g} and {self.barrier:g}."
            )
        steps = self.time / self.step
        if not 2 * steps <= LARGEST_COUNT:
            raise SettingsError(
                f"time={self.time:g} and step={self.step:g} make {2 * steps:.3g} steps of a path, "
                "and 2³¹ is the most; use a longer step."
            )
        records = 2 * steps / max(1, 0.25 / self.step)
        refuse_beyond(
            16 * 3 * records * self.paths,
            "the paths",
            paths=self.paths,
            time=self.time,
            step=self.step,
        )

    def experiments(self) -> Experiments:
        """Integrate both equations on both surfaces."""
        wells = {
            name: soret.problems.DoubleWell(self.barrier, self.minimum_loss, across)
            for name, across in (("1-D", ()), ("2-D", (self.across,)))
        }

        def paths(well: Any, kind: str) -> Measurement:
            return Measurement(lambda given: self._paths(well, kind, given.seed))

        return {
            f"{name}/{kind}": paths(well, kind)
            for name, well in wells.items()
            for kind in ("t", "tau")
        }

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: equal mean times, slope −1. Rivals: the clock t = τ/L*, slope 0."""
        results = []
        for name in _surfaces(runs):
            direct, changed = runs[f"{name}/t"], runs[f"{name}/tau"]
            results.append(self._judge_times(name, direct, changed))
            results.append(_judge_slope(name, direct, changed))
        return results

    def control(self, runs: Runs) -> Runs:
        """Return a clock that runs at the minimum's rate, and in t the density of τ."""
        made = {}
        for name in _surfaces(runs):
            direct, changed = runs[f"{name}/t"], runs[f"{name}/tau"]
            made[f"{name}/t"] = direct.drop_vars("loss").assign(loss=changed.loss)
            made[f"{name}/tau"] = changed.assign(passage=changed.passage_tau / self.minimum_loss)
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Passage times by all clocks; ratio of the densities against L."""
        from soret.claims.escape._time_change_figure import TimeChangeRow, time_change_figure

        rows = []
        for i, name in enumerate(_surfaces(runs)):
            direct, changed = runs[f"{name}/t"], runs[f"{name}/tau"]
            level, ratio, error = _densities(direct.loss.values, changed.loss.values)
            rows.append(
                TimeChangeRow(
                    name,
                    direct.passage.values,
                    changed.passage.values,
                    changed.passage_tau.values / self.minimum_loss,
                    level / self.minimum_loss,
                    ratio,
                    error,
                    results[2 * i : 2 * i + 2],
                )
            )
        title = f"SGD's noise in t and in τ = ∫L dt, η/B = {self.temperature:g}"
        return {"time-change": time_change_figure(rows, self.threshold, title=title)}

    def _paths(self, well: Any, kind: str, seed: int) -> xr.Dataset:
        """Return the loss along paths after they settled, and when it first passed."""
        import jax.numpy as jnp
        import xarray as xr

        from soret.numerics import double_precision

        lab = soret.theory.langevin
        n, start, hessian = well.dimensions, well.minima[0], well.hessian(well.minima[0])
        steps, every = round(self.time / self.step), max(1, round(0.25 / self.step))
        step = self.step
        if kind == "t":
            sde = lab.overdamped(
                well.potential, lab.loss_noise(well.potential, hessian, self.temperature)
            )
        else:
            # As long in t, or longer: L ≥ L*, and on average L stays below 2L*.
            inner = lab.log_loss(well.potential, hessian, self.temperature)
            sde = lab.SDE(
                lambda y: jnp.append(inner.drift(y[:n]), 1 / well.potential(y[:n])),
                lambda y: jnp.vstack([inner.noise(y[:n]), jnp.zeros((1, n))]),
            )
            start, step, steps = np.append(start, 0.0), step * self.minimum_loss, 2 * steps
        steps -= steps % every
        height = self.threshold * self.minimum_loss
        run = lab.integrate(
            sde,
            start,
            step=step,
            steps=steps,
            replicas=self.paths,
            record_every=every,
            # The two equations share no noise.
            seed=int(np.random.SeedSequence([seed, n, kind == "t"]).generate_state(1)[0]),
            watch=lab.FirstPassage(
                lambda y: well.potential(y[:n]), [height, _NEVER], corrected=True
            ),
        )
        place, passage = run.theta.values, run.first_passage.values[:, 0]
        passage = np.where(np.isnan(passage), np.inf, passage)
        # As long as every path was watched, min(passage, time) is known of all of them.
        variables = {"passage": ("replica", np.minimum(passage, self.time))}
        if kind == "tau":
            clock = place[..., n]
            times = np.array(
                [np.interp(tau, run.time, row) for tau, row in zip(passage, clock, strict=True)]
            )
            known = np.isfinite(passage) | (clock[:, -1] >= self.time)
            times = np.where(known, np.minimum(times, self.time), np.nan)
            slow = np.minimum(passage, self.time * self.minimum_loss)
            variables = {"passage": ("replica", times), "passage_tau": ("replica", slow)}
        settled = run.time.values > 0.2 * run.time.values[-1]
        with double_precision():
            losses = np.asarray(well.potential(place[:, settled, :n]))
        return xr.Dataset(variables | {"loss": (("replica", "sample"), losses)})

    def _judge_times(self, name: str, direct: xr.Dataset, changed: xr.Dataset) -> Result:
        """Test that the mean passage time is the same by the clock of (14)."""
        from scipy import stats

        first, second = direct.passage.values, changed.passage.values
        lost = int(np.isnan(first).sum() + np.isnan(second).sum())
        quantity = f"mean passage time by the clock of (14) over that in (12) ({name})"
        slow = float(np.mean(changed.passage_tau.values) / self.minimum_loss / np.mean(first))
        # With a path that was not watched long enough there is no mean.
        ratio, interval = np.nan, (np.nan, np.nan)
        if not lost:
            log_ratio, ends = soret.inference.function_of_means(
                lambda means: np.log(means[..., 1] / means[..., 0]),
                np.stack([first, second], axis=1),
            )
            ratio, interval = float(np.exp(log_ratio)), (np.exp(ends[0]), np.exp(ends[1]))
        apart = stats.ks_2samp(first, second)
        note = (
            f"{lost} paths were not watched long enough; largest difference of the distributions "
            f"{apart.statistic:.3f} (p = {apart.pvalue:.2g})"
        )
        return judged(
            quantity,
            ratio,
            interval,
            predicted=1.0,
            rival=round(slow, 3),
            within=near(1.0, RATIO_TOLERANCE),
            note=note,
            statement="paths",
        )


def _judge_slope(name: str, direct: xr.Dataset, changed: xr.Dataset) -> Result:
    """Test that the densities differ by the factor 1/L."""
    quantity = f"slope of log(P_st/P_st^τ) against log L ({name})"
    told: Any = {"predicted": -1.0, "rival": 0.0, "statement": "density"}
    if _levels(direct.loss.values, changed.loss.values)[1].sum() < _FEWEST_LEVELS:
        why = "too few paths to compare densities; raise paths or time"
        return unmeasured(quantity, why, within=near(-1.0, SLOPE_TOLERANCE), **told)
    return judge_number(
        quantity,
        _slopes(direct, changed),
        tolerance=SLOPE_TOLERANCE,
        note=f"jackknife over {_GROUPS} groups of paths",
        **told,
    )


def _surfaces(runs: Runs) -> list[str]:
    return list(dict.fromkeys(name.partition("/")[0] for name in runs))


def _slopes(direct: xr.Dataset, changed: xr.Dataset) -> Floats:
    """Jackknife pseudo-values of the slope of log(P_t/P_τ) against log L, (groups,).

    Levels and weights are those of all paths: chosen anew for each group left out, they would
    differ by jumps that the jackknife takes for noise, or misses.
    """
    first, second = direct.loss.values, changed.loss.values
    edges, kept = _levels(first, second)
    groups = np.array_split(np.arange(len(first)), _GROUPS)
    counts = np.array([[_counts(x[g], edges)[kept] for g in groups] for x in (first, second)])
    whole = counts.sum(1)
    weights = 1 / (1 / whole).sum(0)
    x = ((edges[1:] + edges[:-1]) / 2)[kept]
    x = x - np.average(x, weights=weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Where one group holds all of a level, nothing is known.
        logs = [np.log(n[0] / n[1]) for n in (whole, *np.moveaxis(whole[:, None] - counts, 1, 0))]
    slopes = np.array(logs) @ (weights * x) / (weights * x**2).sum()
    return np.asarray(_GROUPS * slopes[0] - (_GROUPS - 1) * slopes[1:])


def _densities(first: Floats, second: Floats) -> tuple[Floats, Floats, Floats]:
    """Return levels of L, the ratio of its densities there, and its error as if independent."""
    edges, kept = _levels(first, second)
    direct, changed = (_counts(x, edges)[kept] for x in (first, second))
    ratio = direct / first.size / (changed / second.size)
    levels = np.exp((edges[1:] + edges[:-1]) / 2)[kept]
    return levels, ratio, np.sqrt(1 / direct + 1 / changed)


def _levels(first: Floats, second: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return edges in log L, and which levels between them hold enough samples of both."""
    both = np.log(np.concatenate([first.ravel(), second.ravel()]))
    low, high = np.quantile(both, [0.005, 0.995])
    edges = np.linspace(low, high, _BINS + 1)
    # Fewer have no error bar.
    return edges, np.minimum(_counts(first, edges), _counts(second, edges)) >= 10


def _counts(losses: Floats, edges: Floats) -> NDArray[np.intp]:
    return np.histogram(np.log(losses), edges)[0]
