"""Points on a log–log plot: read from replicas or with standard errors, checked, in logarithms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import InferenceError, SettingsError
from soret.inference.bootstrap import resampling_weights
from soret.inference.checks import numbers
from soret.inference.curves import MIN_REPLICAS
from soret.inference.line import Errors

Floats = NDArray[np.float64]
Average = Literal["logarithm", "mean"]


@dataclass(frozen=True)
class Points:
    """Points in logarithms, in the order of x.

    Attributes
    ----------
    x, y : ndarray, shape (n,)
        Logarithms.
    errors : Errors
        Of the logarithms.
    many_x, many_y : ndarray, shape (B, n), or None
        Resampled means, where there are replicas.
    replicas : int
        0 where there are none.
    """

    x: Floats
    y: Floats
    errors: Errors
    many_x: Floats | None
    many_y: Floats | None
    replicas: int

    def part(self, chosen: slice | NDArray[np.intp]) -> Points:
        """Return some of the points."""
        return Points(
            self.x[chosen],
            self.y[chosen],
            self.errors.part(chosen),
            None if self.many_x is None else self.many_x[:, chosen],
            None if self.many_y is None else self.many_y[:, chosen],
            self.replicas,
        )


def read_points(
    x: ArrayLike,
    y: ArrayLike,
    x_error: ArrayLike | None,
    y_error: ArrayLike | None,
    per: ArrayLike | None,
    *,
    average: Average,
    resamples: int,
    seed: int,
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
        made = _from_replicas(xs, ys, per, average, resamples, seed)
    elif per is not None:
        raise InferenceError("a ratio of means needs replicas of both.")
    else:
        made = _from_errors(xs, ys, x_error, y_error)
    ordered = made.part(np.argsort(made.x, kind="stable"))
    if not ordered.x[0] < ordered.x[-1]:
        raise InferenceError("all points lie at one x; a slope needs two places.")
    return ordered


def _from_replicas(
    x: Floats, y: Floats, per: ArrayLike | None, average: Average, resamples: int, seed: int
) -> Points:
    replicas = len(y) if y.ndim == 2 else len(x)
    if replicas < MIN_REPLICAS:
        raise InferenceError(f"an interval needs at least {MIN_REPLICAS} replicas, not {replicas}.")
    if x.ndim == y.ndim == 2 and len(x) != len(y):
        raise InferenceError(f"x has {len(x)} replicas and y {len(y)}; they must be the same.")
    if average not in ("logarithm", "mean"):
        raise SettingsError(f"average must be 'logarithm' or 'mean', not {average!r}.")
    if per is not None and (average != "mean" or y.ndim != 2):
        raise SettingsError("a ratio of means needs average='mean' and replicas of y.")
    shares = resampling_weights(replicas, resamples, np.random.default_rng(seed))

    def over(values: Floats) -> tuple[Floats, Floats, Floats]:
        """The logarithm, what each replica moves it by, and resamples of it."""
        if values.ndim == 1:
            log = np.log(values)
            return log, np.zeros((replicas, log.size)), np.broadcast_to(log, (resamples, log.size))
        if average == "logarithm":
            logs = np.log(values)
            return logs.mean(0), logs - logs.mean(0), shares @ logs
        mean = values.mean(0)
        return np.log(mean), values / mean - 1, np.log(shares @ values)

    (log_x, dx, many_x), (log_y, dy, many_y) = over(x), over(y)
    if per is not None:
        log_per, d_per, many_per = _mean_below(y, per, shares)
        log_y, dy, many_y = log_y - log_per, dy - d_per, many_y - many_per
    count = replicas * (replicas - 1)
    x_error = np.sqrt((dx**2).sum(0) / count)
    y_error = np.sqrt((dy**2).sum(0) / count)
    product = x_error * y_error
    with np.errstate(invalid="ignore"):
        shared = np.where(product > 0, (dx * dy).sum(0) / count / product, 0.0)
    # Errors that are wholly correlated leave nothing to weigh by.
    errors = Errors(x_error, y_error, np.clip(shared, -0.999, 0.999))
    _check_errors(errors)
    return Points(log_x, log_y, errors, many_x, many_y, replicas)


def _mean_below(y: Floats, per: ArrayLike, shares: Floats) -> tuple[Floats, Floats, Floats]:
    """The same of the denominators of a ratio of means, which may be 0 in most replicas."""
    below = numbers("per", per, replicas=0)
    if below.shape != y.shape or not (np.isfinite(below) & (below >= 0)).all():
        raise InferenceError("per must be finite, not negative, and of the shape of y.")
    mean, many = below.mean(0), shares @ below
    if not (many > 0).all():
        raise InferenceError(
            "some resample has nothing to divide by: leave out points with so few events."
        )
    return np.log(mean), below / mean - 1, np.log(many)


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
    return Points(np.log(x), np.log(y), made, None, None, 0)


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
