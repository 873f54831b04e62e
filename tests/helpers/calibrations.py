"""Data whose answer is known, to see how often intervals of `soret.inference` hold it.

A case draws one data set of so many replicas and says, by quantity, whether the interval held the
truth, or whether the test rejected what is true. Intervals are nominally 95 %, tests 5 %.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import xarray as xr
from scipy import special, stats
from scipy.signal import lfilter

from soret import inference
from soret.errors import InferenceError, SettingsError
from soret.theory.equilibrium import LinearRecursion

REPLICAS = (4, 8, 16, 32, 64)
FEW = 16
#: Of a nominal 95 % interval, and of a nominal 5 % test.
COVERAGE, LEVEL = (0.92, 0.97), (0.0, 0.08)
#: Of the false one of two laws named.
WRONG = (0.0, 0.025)

Found = dict[str, bool]
Draw = Callable[[np.random.Generator, int], Found]


@dataclass(frozen=True)
class Case:
    """One way of drawing data for a function.

    Attributes
    ----------
    function : str
    data : str
        What is drawn, in words.
    draw : callable
    sets : int
        Data sets for the table, at each number of replicas.
    tests : tuple of str
        Which quantities are tests; the others are intervals.
    fast : int
        Replicas at which the case is tried by default; 0 for none.
    bounds, few : mapping
        By quantity, what is allowed where it is not what its name says, and said so in the
        function's docstring: with any number of replicas, and with fewer than sixteen.
    """

    function: str
    data: str
    draw: Draw
    sets: int
    tests: tuple[str, ...] = ()
    fast: int = 16
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    few: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.function}, {self.data}"

    def nominal(self, quantity: str) -> tuple[float, float]:
        """Return between what the share of hits lies if it is what the name says."""
        if quantity == "wrong law":
            return WRONG
        return LEVEL if quantity in self.tests else COVERAGE

    def allowed(self, quantity: str, replicas: int) -> tuple[float, float]:
        """Return between what the share of hits is to lie."""
        usual = self.bounds.get(quantity, self.nominal(quantity))
        return self.few.get(quantity, usual) if replicas < FEW else usual


CASES: list[Case] = []


def case(function: str, data: str, *, sets: int = 1000, **settings) -> Callable[[Draw], Draw]:
    """Register what draws data for a function."""

    def register(draw: Draw) -> Draw:
        CASES.append(Case(function, data, draw, sets, **settings))
        return draw

    return register


def measure(one: Case, replicas: int, sets: int) -> tuple[dict[str, int], int]:
    """Return how often each quantity hit, and how many data sets were answered."""
    rng = np.random.default_rng([zlib.crc32(one.name.encode()), replicas])
    hits: dict[str, int] = {}
    answered = 0
    for drawn in range(sets):
        try:
            found = one.draw(rng, replicas)
        except (InferenceError, SettingsError):
            if not answered and drawn > 20:
                break
            continue
        answered += 1
        for quantity, hit in found.items():
            hits[quantity] = hits.get(quantity, 0) + bool(hit)
    return hits, answered


def holds(interval, truth: float) -> bool:
    low, high = interval
    return bool(low <= truth <= high)


def noise(rng, *shape: int, skewed: bool = False, memory: float = 0.0) -> np.ndarray:
    """Of mean 0 and variance 1, normal or exponential, remembered along the last axis."""
    z = rng.normal(size=shape)
    if memory:
        z[..., 1:] *= np.sqrt(1 - memory**2)
        z = lfilter([1.0], [1.0, -memory], z, axis=-1)
    return -special.log_ndtr(-z) - 1 if skewed else z


KINDS = [
    (f"{'skewed' if skewed else 'normal'}, {'correlated' if memory else 'independent'}",
     {"skewed": skewed, "memory": memory})
    for skewed in (False, True)
    for memory in (0.0, 0.8)
]  # fmt: skip

X = np.geomspace(1, 100, 12)

for _kind, _of in KINDS:

    @case("loglog_slope", f"{_kind}; range chosen", sets=600)
    def _(rng, replicas, of=_of):
        y = X**1.5 * np.exp(0.3 * noise(rng, replicas, 12, **of))
        found = inference.loglog_slope(X, y)
        return {
            "interval": holds(found.interval, 1.5),
            "end_interval": holds(found.end_interval, 1.5),
        }

    @case("loglog_slope", f"{_kind}; range given", sets=600, tests=("straight_p",))
    def _(rng, replicas, of=_of):
        y = X**1.5 * np.exp(0.3 * noise(rng, replicas, 12, **of))
        found = inference.loglog_slope(X, y, within=(1, 100))
        return {"interval": holds(found.interval, 1.5), "straight_p": found.straight_p < 0.05}

    @case("loglog_slope", f"{_kind}; logarithm of means", sets=600, tests=("straight_p",))
    def _(rng, replicas, of=_of):
        y = X**1.5 * (1 + 0.4 * noise(rng, replicas, 12, **of).clip(-2.4))
        if not of["skewed"]:
            y = X**1.5 * (1 + 0.2 * noise(rng, replicas, 12, **of).clip(-4.9))
        found = inference.loglog_slope(X, y, average="mean", within=(1, 100))
        return {"interval": holds(found.interval, 1.5), "straight_p": found.straight_p < 0.05}

    @case("local_slope", f"{_kind}; first window")
    def _(rng, replicas, of=_of):
        y = X**1.5 * np.exp(0.3 * noise(rng, replicas, 12, **of))
        found = inference.local_slope(X[:4], y[:, :4])
        return {"interval": holds((found.low[0], found.high[0]), 1.5)}

    @case("isotropy", _kind)
    def _(rng, replicas, of=_of):
        h = np.geomspace(0.1, 1, 6)
        x = noise(rng, replicas, 6, 30, **of).swapaxes(1, 2) * h**-0.5
        return {"interval": holds(inference.isotropy(h, x).interval, -1)}

    @case("mean_power", _kind)
    def _(rng, replicas, of=_of):
        rates = np.array([0.1, 0.05, 0.025])
        y = -(rates**2) * (1 + 0.5 * noise(rng, replicas, 3, **of))
        return {"interval": holds(inference.mean_power(rates, y)[1], 2)}

    @case("curve_distance", f"{_kind}; apart")
    def _(rng, replicas, of=_of):
        apart = np.sin(2 * np.pi * np.linspace(0, 1, 20))
        first, second = noise(rng, 2, replicas, 20, **of)
        found = inference.curve_distance(first + apart, second)
        return {"interval": holds(found.interval, np.sqrt((apart**2).mean()))}

    @case("stationarity", _kind, tests=("drifting",))
    def _(rng, replicas, of=_of):
        x = 3 + noise(rng, replicas, 40, **of)
        if of["skewed"]:
            x = noise(rng, replicas, 40, **of) + 1
        found = inference.stationarity(x, tolerance=1e-9)
        return {"interval": holds(found.interval, 0), "drifting": found.verdict == "drifting"}

    @case("ratio_dependence", _kind)
    def _(rng, replicas, of=_of):
        eta, size = (g.ravel() for g in np.meshgrid([0.05, 0.1, 0.2], [8.0, 16, 32]))
        start = noise(rng, replicas, skewed=of["skewed"])
        y = -0.5 * np.log(eta)[:, None] + 0.4 * np.log(size)[:, None] + start
        y = y + 0.3 * noise(rng, replicas, 9, **of).T
        found = inference.ratio_dependence(eta, size, y)
        return {
            "rate": holds(found.rate_interval, -0.5),
            "batch": holds(found.batch_interval, 0.4),
            "both": holds(found.both_interval, -0.1),
            "exchange": holds(found.exchange_interval, 0.8),
        }


def log_odds(means):
    return np.log(means[..., 0] / (1 - means[..., 0]))


def log_ratio(means):
    return np.log(means[..., 0] / means[..., 1])


def slope_of_odds(means):
    """Of three log-odds against 0, 1 and 2, weighted by their variances."""
    share, square = np.split(means, 2, axis=-1)
    weights = (share * (1 - share)) ** 2 / (square - share**2)
    away = np.arange(3.0) - (weights * np.arange(3)).sum(-1, keepdims=True) / weights.sum(
        -1, keepdims=True
    )
    logs = np.log(share / (1 - share))
    return (weights * away * logs).sum(-1) / (weights * away**2).sum(-1)


def slope_of_rates(means):
    """Of three logarithms of rates against 0, 1 and 2, weighted by events."""
    events, watched = means[..., ::2], means[..., 1::2]
    share = events / events.sum(-1, keepdims=True)
    away = np.arange(3.0) - (share * np.arange(3)).sum(-1, keepdims=True)
    return (share * away * np.log(events / watched)).sum(-1) / (share * away**2).sum(-1)


def occupied(rng, replicas: int, *log_odds: float, records: int = 20) -> np.ndarray:
    """Shares of the time spent in a state with these odds, kept for some records at a time."""
    chance = special.expit(np.array(log_odds))
    fresh = rng.random((replicas, chance.size, records)) < chance[:, None]
    renewed = rng.random((replicas, 1, records)) < 0.3
    renewed[..., 0] = True
    last = np.maximum.accumulate(np.where(renewed, np.arange(records), 0), axis=-1)
    return np.take_along_axis(fresh, np.broadcast_to(last, fresh.shape), -1).mean(-1)


def counted(rng, replicas: int, *rates: float, limit: float) -> np.ndarray:
    """Whether an event came before a limit, and how long it was waited for, at several rates."""
    times = rng.exponential(size=(replicas, len(rates))) / np.array(rates)
    columns = (times <= limit).astype(float), np.minimum(times, limit)
    return np.stack(columns, -1).reshape(replicas, -1)


for _logs, _told in (((0.0,), "even"), ((2.0,), "7 to 1")):

    @case(
        "function_of_means",
        f"shares of time, correlated; log-odds, {_told}",
        few={"interval": (0.92, 0.985)},
    )
    def _(rng, replicas, logs=_logs):
        found = inference.function_of_means(log_odds, occupied(rng, replicas, *logs))
        return {"interval": holds(found[1], logs[0])}


@case("function_of_means", "shares of time, correlated; weighted slope of log-odds")
def _(rng, replicas):
    share = occupied(rng, replicas, 0.3, 0.8, 1.3)
    found = inference.function_of_means(slope_of_odds, np.hstack([share, share**2]))
    return {"interval": holds(found[1], 0.5)}


for _limit, _told in ((1e9, "none"), (1.2, "30 %"), (0.36, "70 %")):

    @case(
        "function_of_means",
        f"exponential waits, {_told} censored; logarithm of the rate",
        few={"interval": (0.92, 0.99)},
    )
    def _(rng, replicas, limit=_limit):
        found = inference.function_of_means(log_ratio, counted(rng, replicas, 1.0, limit=limit))
        return {"interval": holds(found[1], 0)}


@case("function_of_means", "exponential waits, 10 to 65 % censored; weighted slope of rates")
def _(rng, replicas):
    rates = np.exp([0.0, 0.8, 1.6])
    found = inference.function_of_means(slope_of_rates, counted(rng, replicas, *rates, limit=0.45))
    return {"interval": holds(found[1], 0.8)}


for _kind, _of in KINDS:

    @case("function_of_means", f"{_kind}; logarithm of a ratio of means")
    def _(rng, replicas, of=_of):
        pairs = (1 + 0.5 * noise(rng, replicas, 2, **of).clip(-1.9)) * np.array([2.0, 1.0])
        if of["skewed"]:
            pairs = (1 + noise(rng, replicas, 2, **of)) * np.array([2.0, 1.0])
        found = inference.function_of_means(log_ratio, pairs)
        return {"interval": holds(found[1], np.log(2))}


for _name, _law, _mean in [
    ("normal", stats.norm(), 0.0),
    ("skewed (exponential)", stats.expon(), 1.0),
    ("skewed (χ², 4 degrees)", stats.chi2(4), 4.0),
]:

    @case("student_interval", _name, sets=4000, few={"interval": (0.87, 0.97)})
    def _(rng, replicas, law=_law, mean=_mean):
        _, interval = inference.student_interval(law.isf(rng.random(replicas)))
        return {"interval": holds(interval, mean)}


for _name, _skewed in (("normal steps", False), ("skewed steps", True)):

    @case("diffusion_exponent", f"{_name}; displacements overlap", tests=("straight_p",))
    def _(rng, replicas, skewed=_skewed):
        lags = np.array([1, 2, 4, 8, 16])
        walk = noise(rng, replicas, 1, 64, skewed=skewed).cumsum(-1).swapaxes(1, 2)
        moved = inference.squared_displacement(walk, lags)
        found = inference.diffusion_exponent(lags, moved)
        return {
            "interval": holds(found.interval, 1),
            "end_interval": holds(found.end_interval, 1),
            "straight_p": found.straight_p < 0.05,
        }


for _name, _roots in [
    ("turning", (0.95 * np.exp(0.3j), 0.95 * np.exp(-0.3j))),
    ("overdamped", (0.9, 0.5)),
]:
    for _skewed in (False, True):

        @case(
            "oscillation",
            f"{_name}, {'skewed' if _skewed else 'normal'} noise",
            bounds={"frequency of 0": (0.92, 1.0)},
        )
        def _(rng, replicas, roots=_roots, skewed=_skewed):
            a, b = float(np.real(sum(roots))), float(np.real(np.prod(roots)))
            x = lfilter([1.0], [1.0, -a, b], noise(rng, replicas, 300, skewed=skewed))[:, 200:]
            found = inference.oscillation(x)
            return {
                "frequency" if np.imag(roots[0]) else "frequency of 0": holds(
                    found.frequency_interval, abs(np.angle(roots[0]))
                ),
                "damping": holds(found.damping_interval, -np.log(abs(roots[0]))),
            }


@case("pair_entropy", "normal; so many groups of 8 paths, by student_interval", sets=300)
def _(rng, replicas):
    chain = LinearRecursion([[0.8, -0.15], [0.15, 0.85]], np.diag([1.0, 0.5]))
    x = rng.multivariate_normal(np.zeros(2), chain.covariance, size=8 * replicas)
    path = [x]
    for _ in range(9):
        kicks = rng.multivariate_normal(np.zeros(2), chain.noise, size=len(x))
        path.append(path[-1] @ chain.matrix.T + kicks)
    values = inference.pair_entropy(np.stack(path, 1), groups=replicas)
    return {"interval": holds(inference.student_interval(values)[1], chain.entropy_production)}


def waits(rng, replicas: int, *, limit: float = np.inf, delay: float = 0.0) -> np.ndarray:
    """Times of mean 1, nan after the limit."""
    times = delay + (1 - delay) * rng.exponential(size=replicas)
    return np.where(times <= limit, times, np.nan)


for _name, _settings, _limit in [
    ("exponential, all passed", {}, 1e9),
    ("exponential, 30 % censored", {"limit": 1.2}, 1.2),
    ("delayed by 0.3, 25 % censored", {"limit": 1.3, "delay": 0.3}, 1.3),
]:
    for _function in ("mean_passage", "mean_passages"):

        @case(
            _function,
            _name,
            sets=500 if _function == "mean_passage" else 100,
            tests=("exponential_p",),
            fast=0,
        )
        def _(rng, replicas, settings=_settings, limit=_limit, function=_function):
            times = waits(rng, replicas, **settings)
            if function == "mean_passages":
                labelled = xr.DataArray(times[:, None], dims=("replica", "threshold"))
                found = inference.mean_passages(labelled, limit, resamples=400)
                return {"interval": holds((found.low[0], found.high[0]), 1)}
            found = inference.mean_passage(times, limit, resamples=400)
            made = {"interval": holds(found.interval, 1)}
            if "delay" not in settings:
                made["exponential_p"] = found.exponential_p < 0.05
            return made


for _limit in (1e9, 1.2):

    @case(
        "survival_curve", f"exponential, {'none' if _limit > 9 else '30 %'} censored; at the median"
    )
    def _(rng, replicas, limit=_limit):
        found = inference.survival_curve(waits(rng, replicas, limit=limit), limit)
        at = int(np.searchsorted(found.times, np.log(2), "right")) - 1
        interval = (found.low[at], found.high[at]) if at >= 0 else (0.0, 1.0)
        return {"interval": holds(interval, 0.5)}


def nested(rng, replicas: int, mean: np.ndarray) -> np.ndarray:
    """Passages of walkers that pass the next threshold at once, or wait for it anew."""
    share = 1 - np.concatenate([[0.0], mean[:-1]]) / mean
    waiting = rng.exponential(mean, (replicas, mean.size))
    return (waiting * (rng.random(waiting.shape) < share)).cumsum(1) + 1e-9


def step_by_step(rng, replicas: int, mean: np.ndarray) -> np.ndarray:
    """Passages of walkers that wait between any two thresholds."""
    steps = np.diff(mean, prepend=0.0)
    return (steps * rng.exponential(size=(replicas, mean.size))).cumsum(1)


LAWS = {
    "power": lambda c: 20 * c**6,
    "exponential": lambda c: 20 * np.exp(1.5 * c),
}
for _count in (9, 25):
    for _truth, _law in LAWS.items():
        for _name, _made, _cap in [
            ("exponential waits", nested, np.inf),
            ("exponential waits, 40 % censored", nested, 1.2),
            ("waits step by step", step_by_step, np.inf),
        ]:

            @case(
                "passage_growth",
                f"{_truth}, {_count} thresholds; {_name}",
                sets=600,
                tests=("fit", "wrong law"),
                fast=16 if _count == 9 else 0,
            )
            def _(rng, replicas, count=_count, truth=_truth, law=_law, made=_made, cap=_cap):
                c = np.geomspace(2, 6, count)
                mean = law(c)
                limit = min(cap * mean[-1], 1e15)
                times = made(rng, replicas, mean)
                found = inference.passage_growth(c, np.where(times <= limit, times, np.nan), limit)
                result = {
                    "fit": getattr(found, f"{truth}_p") < 0.05,
                    "wrong law": found.law not in (truth, "undecided"),
                }
                if truth == "power":
                    result["interval"] = holds(found.interval, 6)
                return result


for _name, _cap in (("exponential waits", np.inf), ("exponential waits, 40 % censored", 1.2)):

    @case("local_exponent", f"{_name}; last window of all")
    def _(rng, replicas, cap=_cap):
        c = np.geomspace(2, 6, 9)
        mean = LAWS["power"](c)
        limit = min(cap * mean[-1], 1e15)
        times = nested(rng, replicas, mean)
        found = inference.local_exponent(c, np.where(times <= limit, times, np.nan), limit)
        if not found[0].size:
            raise InferenceError("no window.")
        return {"interval": holds((found[2][-1], found[3][-1]), 6)}


for _points in (4, 8):
    for _truth in ("power", "exponential"):
        for _kind, _of in KINDS:

            @case(
                "power_or_exponential",
                f"{_truth}, {_points} points; {_kind}",
                tests=("fit", "wrong law"),
                sets=400,
                fast=16 if _points == 4 else 0,
            )
            def _(rng, replicas, points=_points, truth=_truth, of=_of):
                x = np.linspace(2, 8, points)
                y = x**3 if truth == "power" else np.exp(0.7 * x)
                y = y * (1 + 0.3 * noise(rng, replicas, points, **of).clip(-3))
                found = inference.power_or_exponential(x, y)
                interval, value = (
                    (found.exponent_interval, 3) if truth == "power" else (found.rate_interval, 0.7)
                )
                return {
                    "interval": holds(interval, value),
                    "fit": getattr(found, f"{truth}_p") < 0.05,
                    "wrong law": found.winner not in (truth, "neither"),
                }


def chains(rng, law, replicas: int, samples: int, memory: float) -> np.ndarray:
    """Stationary chains of a law, by the Gaussian copula of an autoregression."""
    return law.isf(special.ndtr(-noise(rng, replicas, samples, memory=memory)))


for _memory in (0.0, 0.8):
    _kind = f"skewed, {'correlated' if _memory else 'independent'}"

    @case("power_tail", f"{_kind}; xmin given", sets=300, tests=("goodness",), fast=0)
    def _(rng, replicas, memory=_memory):
        x = chains(rng, stats.pareto(3), replicas, 100, memory)
        found = inference.power_tail(x, 1.0)
        return {"interval": holds(found.interval, 4), "goodness": found.goodness < 0.05}

    @case("radial_fit", _kind, sets=300, tests=("goodness", "wrong law"), fast=0)
    def _(rng, replicas, memory=_memory):
        r = np.sqrt(chains(rng, stats.betaprime(0.5, 2.5), replicas, 60, memory))
        found = inference.radial_fit(r, 1.0, bins=4)
        return {
            "interval": holds(found.interval, 3),
            "goodness": found.goodness < 0.05,
            "wrong law": found.ratio_z < -2,
        }

    @case("histogram_p", _kind, tests=("level",))
    def _(rng, replicas, memory=_memory):
        x = chains(rng, stats.expon(), replicas, 100, memory)
        edges = -np.log([1, 0.6, 0.35, 0.15, 1e-300])
        counts = np.stack([((a <= x) & (x < b)).sum(1) for a, b in pairwise(edges)], 1)
        return {"level": inference.histogram_p(counts, [0.4, 0.25, 0.2, 0.15]) < 0.05}


@case("power_tail", "skewed, independent; so many times 25 samples, xmin chosen", sets=150, fast=0)
def _(rng, replicas):
    x = stats.pareto(3).isf(rng.random(25 * replicas))
    return {"interval": holds(inference.power_tail(x, resamples=100).interval, 4)}


BOUNDED = "interval, or lower end of 97.5 %"


@case(
    "gaussianity",
    "normal, 2 dimensions; so many times 50 vectors",
    sets=1000,
    tests=("kurtosis_p", "skewness_p"),
    bounds={BOUNDED: (0.92, 0.99)},
)
def _(rng, replicas):
    found = inference.gaussianity(rng.normal(size=(50 * replicas, 2)))
    return {
        BOUNDED: holds(found.interval, 0),
        "kurtosis_p": found.kurtosis_p < 0.05,
        "skewness_p": found.skewness_p < 0.05,
    }


for _name, _law, _excess in [
    ("skewed (exponential)", stats.expon(), 6 / 4),
    ("heavy-tailed (Laplace)", stats.laplace(), 3 / 4),
]:

    @case(
        "gaussianity",
        f"{_name}, 2 dimensions; so many times 50 vectors",
        sets=1000,
        fast=0,
        bounds={BOUNDED: (0.92, 0.99)},
    )
    def _(rng, replicas, law=_law, excess=_excess):
        found = inference.gaussianity(law.isf(rng.random((50 * replicas, 2))))
        return {BOUNDED: holds(found.interval, excess)}


for _skewed in (False, True):

    @case("collapse", f"{'skewed' if _skewed else 'normal'}, correlated", sets=300, fast=0)
    def _(rng, replicas, skewed=_skewed):
        rates = np.array([0.1, 0.05, 0.025])
        t = np.arange(60.0)
        s = t * (rates[:, None] / 0.1) ** 2 * 8 / 59
        paths = noise(rng, 3, replicas, 60, skewed=skewed, memory=0.9)
        values = 1 / (1 + s[:, None]) + 0.2 * paths
        curves = xr.DataArray(
            values, {"learning_rate": rates, "step": t}, ("learning_rate", "replica", "step")
        )
        return {"interval": holds(inference.collapse(curves, "learning_rate").interval, 2)}


# Public functions whose results have no interval and no level.
WITHOUT = {"expected_exponent", "power_spectrum", "squared_displacement"}
