"""Points on a log–log plot: read from replicas or with standard errors, checked, in logarithms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import InferenceError, SettingsError
from soret.inference.checks import numbers
from soret.inference.curves import MIN_REPLICAS
from soret.inference.jackknife import means_without
from soret.inference.line import Errors

Floats = NDArray[np.float64]
Average = Literal["logarithm", "mean"]

#: Fewest replicas with an event where a mean is divided by events.
MIN_EVENTS = 8
# Of a point's variance: what is left of it at least without the replica that makes it.
_LEFT = 1e-4


@dataclass(frozen=True)
class Points:
    """Points in logarithms, in the order of x.

    Attributes
    ----------
    x, y : ndarray, shape (n,)
        Logarithms.
    errors : Errors
        Of the logarithms.
    without : Points, or None
        Where there are replicas, the same without each of them, (R, n): errors, too, for what is
        weighed by them errs with them.
    """

    x: Floats
    y: Floats
    errors: Errors
    without: Points | None = None

    @property
    def replicas(self) -> int:
        """Number R of replicas; 0 where there are none."""
        return 0 if self.without is None else len(self.without.y)

    def part(self, chosen: slice | NDArray[np.intp]) -> Points:
        """Return some of the points."""
        return Points(
            self.x[..., chosen],
            self.y[..., chosen],
            self.errors.part(chosen),
            None if self.without is None else self.without.part(chosen),
        )


def read_points(
    x: ArrayLike,
    y: ArrayLike,
    x_error: ArrayLike | None,
    y_error: ArrayLike | None,
    per: ArrayLike | None,
    *,
    average: Average,
) -> Points:
    """Check points as `loglog_slope` takes them, and lay them out.

    Raises
    ------
    InferenceError
        If they do not have the form described there.
    """
    xs, ys = positive("x", x), positive("y", y)
    for name, values, array in (("x", x, xs), ("y", y, ys)):
        if array.ndim == 2:
            numbers(name, values, replicas=0)
    if not {xs.ndim, ys.ndim} <= {1, 2} or xs.shape[-1] != ys.shape[-1]:
        raise InferenceError(
            f"x and y must hold the same points, (n,) or (replicas, n), but have the shapes "
            f"{xs.shape} and {ys.shape}."
        )
    if 2 in (xs.ndim, ys.ndim):
        if x_error is not None or y_error is not None:
            raise InferenceError("give replicas or standard errors, not both.")
        made = _from_replicas(xs, ys, per, average)
    elif per is not None:
        raise InferenceError("a ratio of means needs replicas of both.")
    else:
        made = _from_errors(xs, ys, x_error, y_error)
    ordered = made.part(np.argsort(made.x, kind="stable"))
    if not ordered.x[0] < ordered.x[-1]:
        raise InferenceError("all points lie at one x; a slope needs two places.")
    return ordered


def _from_replicas(x: Floats, y: Floats, per: ArrayLike | None, average: Average) -> Points:
    replicas = len(y) if y.ndim == 2 else len(x)
    if replicas < MIN_REPLICAS:
        raise InferenceError(f"an interval needs at least {MIN_REPLICAS} replicas, not {replicas}.")
    if x.ndim == y.ndim == 2 and len(x) != len(y):
        raise InferenceError(f"x has {len(x)} replicas and y {len(y)}; they must be the same.")
    if average not in ("logarithm", "mean"):
        raise SettingsError(f"average must be 'logarithm' or 'mean', not {average!r}.")
    if per is not None and (average != "mean" or y.ndim != 2):
        raise SettingsError("a ratio of means needs average='mean' and replicas of y.")
    along = [(1, _Mean.of(x, average, replicas))]
    above = [(1, _Mean.of(y, average, replicas))]
    if per is not None:
        above.append((-1, _Mean.of(events(y, per), average, replicas)))

    def product(first: _Parts, second: _Parts) -> tuple[Floats, Floats]:
        """The covariance of the two logarithms, from all replicas and without each."""
        pairs = [(a * b, u, v) for a, u in first for b, v in second]
        whole = sum(sign * (u.away * v.away).sum(0) for sign, u, v in pairs)
        left = sum(sign * _product_without(u, v) for sign, u, v in pairs)
        n = replicas
        return np.asarray(whole / (n * (n - 1))), np.asarray(left / ((n - 1) * (n - 2)))

    whole, without = _errors(product(along, along), product(above, above), product(along, above))
    logs = [sum(sign * part.log for sign, part in parts) for parts in (along, above)]
    left = [sum(sign * part.without for sign, part in parts) for parts in (along, above)]
    return Points(
        np.asarray(logs[0]),
        np.asarray(logs[1]),
        whole,
        Points(np.asarray(left[0]), np.asarray(left[1]), without),
    )


@dataclass(frozen=True)
class _Mean:
    """The logarithm of a mean, or the mean of logarithms.

    Attributes
    ----------
    log : ndarray, shape (n,)
    without : ndarray, shape (R, n)
        Without each replica.
    away : ndarray, shape (R, n)
        What each replica moves it by, times R.
    grown : ndarray, shape (R, n)
        What that is multiplied by, but for a constant, where another replica is left out.
    """

    log: Floats
    without: Floats
    away: Floats
    grown: Floats

    @classmethod
    def of(cls, values: Floats, average: Average, replicas: int) -> _Mean:
        shape = (replicas, values.shape[-1])
        if values.ndim == 1:
            log = np.log(values)
            return cls(log, np.broadcast_to(log, shape), np.zeros(shape), np.ones(shape))
        if average == "logarithm":
            logs = np.log(values)
            log = logs.mean(0)
            return cls(log, means_without(logs), logs - log, np.ones(shape))
        mean, without = values.mean(0), means_without(values)
        return cls(np.log(mean), np.log(without), values / mean - 1, mean / without)


_Parts = list[tuple[int, _Mean]]


def _product_without(u: _Mean, v: _Mean) -> Floats:
    """The sum, without each replica, of the products of what the others move two logarithms by."""
    n = len(u.away)
    products = u.away * v.away
    return (products.sum(0) - products * n / (n - 1)) * u.grown * v.grown


def _errors(*products: tuple[Floats, Floats]) -> tuple[Errors, Errors]:
    """Return the errors of points, and those without each replica, from (co)variances."""
    (x, y, both), (left_x, left_y, left_both) = zip(*products, strict=True)
    left_x, left_y = np.maximum(left_x, _LEFT * x), np.maximum(left_y, _LEFT * y)
    shared, left_shared = _correlation(x, y, both), _correlation(left_x, left_y, left_both)
    _check_errors(Errors(np.sqrt(x), np.sqrt(y), shared))
    (x, left_x), (y, left_y) = _steadied(x, left_x), _steadied(y, left_y)
    return (
        Errors(np.sqrt(x), np.sqrt(y), shared),
        Errors(np.sqrt(left_x), np.sqrt(left_y), left_shared),
    )


def _correlation(x: Floats, y: Floats, both: Floats) -> Floats:
    product = np.sqrt(x) * np.sqrt(y)
    shared = np.divide(both, product, out=np.zeros_like(product), where=product > 0)
    # Errors that are wholly correlated leave nothing to weigh by.
    return np.clip(shared, -0.999, 0.999)


def _steadied(variance: Floats, without: Floats) -> tuple[Floats, Floats]:
    """Return variances of points, and those without each replica, less what is chance in them.

    Variances of a few replicas scatter, and weights taken from that make estimates worse, most
    for skewed values, of which a low mean has a low variance. Their logarithms are therefore drawn
    to their mean, as James and Stein do, by the share of their spread over points that chance has,
    which leaving out replicas tells.
    """
    if not (variance > 0).all():
        return variance, without
    n = len(without)
    logs, others = np.log(variance), np.log(without)
    chance = ((others - others.mean(0)) ** 2).sum(0).mean() * (n - 1) / n
    spread = logs.var(ddof=1) if logs.size > 1 else 0.0
    kept = 1 - chance / spread if chance < spread else 0.0

    def drawn(values: Floats) -> Floats:
        middle = values.mean(-1, keepdims=True)
        return np.asarray(np.exp(middle + kept * (values - middle)))

    return drawn(logs), drawn(others)


def events(y: Floats, per: ArrayLike) -> Floats:
    """The denominators of a ratio of means, which may be 0 in most replicas."""
    below = numbers("per", per, replicas=0)
    if below.shape != y.shape or not (np.isfinite(below) & (below >= 0)).all():
        raise InferenceError("per must be finite, not negative, and of the shape of y.")
    if not ((below > 0).sum(0) >= MIN_EVENTS).all():
        raise InferenceError(
            f"fewer than {MIN_EVENTS} replicas have something to divide by: leave out points with "
            "so few events."
        )
    return below


def _from_errors(
    x: Floats, y: Floats, x_error: ArrayLike | None, y_error: ArrayLike | None
) -> Points:
    if x_error is None and y_error is None:
        raise InferenceError("give replicas, or standard errors of x or y.")
    relative = []
    for name, value, error in (("x", x, x_error), ("y", y, y_error)):
        errors = np.zeros_like(value) if error is None else numbers(f"{name}_error", error)
        if errors.ndim == 0:
            errors = np.full_like(value, float(errors))
        if errors.shape != value.shape or not (np.isfinite(errors) & (errors >= 0)).all():
            raise InferenceError(f"{name}_error must be finite, not negative, one for each point.")
        # Too large an error is refused below, however large.
        with np.errstate(over="ignore"):
            relative.append(errors / value)
    made = Errors(relative[0], relative[1], np.zeros_like(x))
    _check_errors(made)
    return Points(np.log(x), np.log(y), made)


def _check_errors(errors: Errors) -> None:
    if not ((errors.x > 0) | (errors.y > 0)).all():
        raise InferenceError("a point has no error in x nor in y, and would outweigh all others.")
    worst = max(float(errors.x.max()), float(errors.y.max()))
    if not worst < 0.5:
        raise InferenceError(
            f"a point has an error of {100 * worst:.0f} % of its value; logarithms need below 50 %."
        )


def positive(name: str, values: ArrayLike) -> Floats:
    array = numbers(name, values)
    if array.size == 0 or not (np.isfinite(array) & (array > 0)).all():
        raise InferenceError(f"{name} must be positive and finite to take logarithms.")
    return array
