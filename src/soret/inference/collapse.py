"""Do curves at different hyperparameters become one curve when the step is rescaled by a power?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from soret.errors import InferenceError, SettingsError
from soret.inference.bootstrap import expanded_percentile, resampling_weights
from soret.inference.checks import answered, back, whole_number
from soret.inference.curves import read_curves
from soret.inference.mismatch import Mismatch
from soret.inference.search import Search

# Of the largest over the smallest rescaled step; 1e130 of them.
_FARTHEST = 300.0


@dataclass(frozen=True, eq=False)
class Collapse:
    """The exponent under which curves collapse best, and what is left of their differences.

    Attributes
    ----------
    exponent : float
        The a for which curves against ``s = step·(h/h_ref)**a`` lie closest together.
    interval : tuple of float
        Bootstrap interval of the exponent over replicas. Where it reaches the ends of the range
        searched, `bounded` is false and that end is only the end of the search.
    confidence : float
        Nominal coverage of `interval`.
    residual : float
        Root-mean-square difference between two rescaled curves at `exponent`, as a fraction of
        `extent`: 0.04 is 4 % of the range. It is what a figure shows, replica noise included.
    noise : float
        The residual that replica noise alone would produce there, on average. The residual of
        curves that do collapse is often smaller, for the exponent is fitted to the same noise.
    rivals : mapping of float to float
        Residual at each rival exponent; nan where the curves share no range to compare.
    tolerance : float
        Largest `excess` that still counts as a collapse.
    span : tuple of float
        Range of ``s`` over which curves were compared at `exponent`, in steps at ``h_ref``.
    extent : float
        Range of the mean curves over what was compared at `exponent`, in their own units. What a
        fast curve does after the others end is not in it: it was compared with nothing, and
        would make any mismatch look small.
    replicas, left_out : int
        Replicas used, and replicas left out because they were not finite at some hyperparameter.
    over, along : str
        The hyperparameter and the step dimension.
    h_ref : float
        Largest value of the hyperparameter; its curve is not rescaled.
    bounds : tuple of float
        Range of exponents searched.
    profile : xarray.DataArray, dims ("exponent",)
        Residual against exponent over `bounds`, densest near the best one; the coordinate
        ``noise`` holds the residual from replica noise alone. The exponent is where
        ``profile**2 - noise**2`` is least.
    """

    exponent: float
    interval: tuple[float, float]
    confidence: float
    residual: float
    noise: float
    rivals: Mapping[float, float]
    tolerance: float
    span: tuple[float, float]
    extent: float
    replicas: int
    left_out: int
    over: str
    along: str
    h_ref: float
    bounds: tuple[float, float]
    profile: xr.DataArray = field(repr=False)

    @property
    def excess(self) -> float:
        """Residual beyond replica noise: ``sqrt(residual**2 - noise**2)``, at least 0."""
        return math.sqrt(max(self.residual**2 - self.noise**2, 0.0))

    @property
    def resolved(self) -> bool:
        """Whether replica noise is small enough to see a mismatch of the size of `tolerance`."""
        return self.noise <= self.tolerance

    @property
    def collapsed(self) -> bool:
        """Whether the curves become one: `resolved`, and `excess` within `tolerance`."""
        return self.resolved and self.excess <= self.tolerance

    @property
    def bounded(self) -> bool:
        """Whether both ends of `interval` lie inside the range of exponents searched."""
        return self.bounds[0] < self.interval[0] and self.interval[1] < self.bounds[1]

    def rescale(self, curves: xr.DataArray, exponent: float | None = None) -> xr.DataArray:
        """Abscissae that draw the curves on top of each other.

        Parameters
        ----------
        curves : xarray.DataArray
            Any array with coordinates `over` and `along`, such as the one that was collapsed.
        exponent : float, optional
            The exponent to rescale by; the best one if not given.

        Returns
        -------
        xarray.DataArray, dims (over, along)
            ``step·(h/h_ref)**exponent``.
        """
        power = self.exponent if exponent is None else exponent
        s = (curves[self.over] / self.h_ref) ** power * curves[self.along]
        return s.transpose(self.over, self.along).rename("rescaled_" + self.along)

    def __repr__(self) -> str:
        rivals = ", ".join(f"{a:g}: {r:.2g}" for a, r in self.rivals.items())
        return (
            f"Collapse(exponent={self.exponent:.3g}, "
            f"interval=({self.interval[0]:.3g}, {self.interval[1]:.3g}), "
            f"residual={self.residual:.2g}, noise={self.noise:.2g}, rivals={{{rivals}}}, "
            f"collapsed={self.collapsed})"
        )

    def __str__(self) -> str:
        fit = (
            f"{self.over}^{self.exponent:.2f} ({100 * self.confidence:g} % interval "
            f"{self.interval[0]:.2f} to {self.interval[1]:.2f}"
            f"{'' if self.bounded else ', which the range searched cuts off'})"
        )
        if self.collapsed:
            verdict = f"collapses under {fit}"
        elif self.resolved:
            verdict = f"does not collapse; comes closest under {fit}"
        else:
            verdict = f"is too noisy to tell; comes closest under {fit}"
        parts = [
            f"{verdict}: {_percent(self.residual)} of the range is left, "
            f"noise alone leaves {_percent(self.noise)}"
        ]
        parts += [f"under ^{a:g}: {_percent(r)}" for a, r in self.rivals.items()]
        parts.append(f"{self.replicas} replicas")
        if self.left_out:
            parts.append(f"{self.left_out} left out that did not stay finite")
        return "; ".join(parts)


@answered("rivals")
def collapse(
    curves: xr.DataArray,
    over: str,
    *,
    along: str = "step",
    sample: str = "replica",
    rivals: Sequence[float] = (1.0,),
    confidence: float = 0.95,
    tolerance: float = 0.1,
    resamples: int = 2000,
    bounds: tuple[float, float] = (-4.0, 4.0),
    min_overlap: float = 0.25,
    seed: int = 0,
) -> Collapse:
    r"""Find the power of a hyperparameter by which to rescale steps so that curves become one.

    The exponent minimises the mean-square vertical difference between the replica means drawn
    against :math:`s = t\,(h/h_\mathrm{ref})^a`, over the ranges of s that curves share and with
    the contribution of replica noise subtracted
    (:class:`~soret.inference.mismatch.Mismatch` has the formula). It is the same as asking of
    the expected curves which exponent leaves the smallest residual, and so means something even
    when no exponent collapses them. Unlike the classical quality measures of a data collapse
    [1]_ [2]_, which judge each point by its own standard error, it makes no use of the
    independence of neighbouring points, and has none: each replica is one trajectory.

    The interval resamples whole replicas, the same ones at every hyperparameter. This keeps the
    correlation of replicas that share a start, and is right without it too: independent
    replicas paired by a meaningless index are still identically distributed pairs, as in a
    paired t-test on unpaired data. In each resample the subtracted noise is doubled, for a
    resampled mean carries the noise of the replicas and that of the resampling; without this
    *recentring* [3]_ the resamples would be drawn to another exponent than the data are. The
    interval is the :func:`~soret.inference.bootstrap.expanded_percentile` one.

    Parameters
    ----------
    curves : xarray.DataArray
        One observable with dimensions `over`, `sample` and `along` in any order. Values in any
        unit. A replica that is not finite throughout at some value of `over` is left out at all
        of them, and counted in the result.
    over : str
        The hyperparameter: at least two distinct, positive values.
    along, sample : str
        The dimensions of steps (recorded at the same steps for every hyperparameter, not
        negative) and of independent replicas.
    rivals : sequence of float
        Exponents whose residual is reported beside the best one's.
    confidence : float
        Nominal coverage of the interval.
    tolerance : float
        Largest residual beyond noise, as a fraction of the range compared, that counts as a
        collapse. A tenth, for curves a tenth of their range apart are distinguishable at a
        glance, while an exponent wrong by one leaves about two or three tenths for hyperparameters
        that differ by a factor of four. Set it before looking.
    resamples : int
        Bootstrap resamples.
    bounds : (float, float)
        Range of exponents to search.
    min_overlap : float
        Fraction of a curve's range of s that any two curves must share for an exponent to be
        considered, between 0 and 1. Matters only for records that do not start at step 0.
    seed : int
        Seed of the resampling.

    Returns
    -------
    Collapse

    Raises
    ------
    InferenceError
        If `curves` do not have the form described, are too few, or do not change along the steps
        beyond noise; if no exponent within `bounds` leaves enough overlap; or if the mismatch is
        least at an end of the search, so that no best exponent was found.
    SettingsError
        If another argument is outside its range.

    References
    ----------
    .. [1] S. M. Bhattacharjee and F. Seno, "A measure of data collapse for scaling",
       J. Phys. A 34, 6375 (2001).
    .. [2] J. Houdayer and A. K. Hartmann, "Low-temperature behavior of two-dimensional Gaussian
       Ising spin glasses", Phys. Rev. B 70, 014418 (2004).
    .. [3] P. Hall and J. L. Horowitz, "Bootstrap critical values for tests based on
       generalized-method-of-moments estimators", Econometrica 64, 891 (1996).
    """
    _check_settings(confidence, tolerance, resamples, bounds, min_overlap)
    data = read_curves(curves, over, along=along, sample=sample)
    if not data.change():
        raise InferenceError(
            f"the curves do not change along {along} beyond replica noise, "
            f"so no rescaling of {along} can be told from another."
        )
    mismatch = Mismatch(data)
    if mismatch.log_ratio < 1e-6:
        raise InferenceError(
            f"values of {over} are all the same but for {mismatch.log_ratio:.1g} of them; curves "
            "at values that differ by a factor of two or more tell exponents apart."
        )
    if max(map(abs, bounds)) * mismatch.log_ratio > _FARTHEST:
        raise InferenceError(
            f"steps rescaled by {over}^{max(map(abs, bounds)):g} would differ by a factor of more "
            f"than e^{_FARTHEST:g}: narrow bounds, or leave out the extreme values of {over}."
        )
    widest = mismatch.widest_exponent(min_overlap)
    low, high = max(bounds[0], -widest), min(bounds[1], widest)
    if not low < high:
        raise InferenceError(
            f"no exponent between {bounds[0]:g} and {bounds[1]:g} lets the curves overlap by "
            f"{100 * min_overlap:g} % of their range: record from step 0, or more steps."
        )

    rng = np.random.default_rng(seed)
    search = Search(mismatch, resampling_weights(data.replicas, resamples, rng), low, high)
    exponent = search.best()
    if not low < exponent < high:
        remedy = "widen bounds" if exponent in bounds else "record from step 0"
        raise InferenceError(
            f"the curves come ever closer up to {over}^{exponent:.3g}, the end of the search: "
            f"{remedy}, or record curves that change more over the range they share."
        )

    extent = mismatch.extent(exponent)
    if extent == 0:
        raise InferenceError(
            f"the curves do not change over the range they share under {over}^{exponent:.3g}: "
            f"record more steps."
        )

    at = np.array([exponent, *rivals], dtype=np.float64)
    shared = np.abs(at) <= widest
    square, floor = mismatch(at[shared], np.full((1, data.replicas), 1 / data.replicas))
    residuals = np.full(len(at), np.nan)
    residuals[shared] = np.sqrt(square[:, 0]) / extent
    ranges = mismatch.shared_range(exponent)
    return Collapse(
        exponent=exponent,
        interval=expanded_percentile(search.resampled(), confidence, data.replicas),
        confidence=confidence,
        residual=float(residuals[0]),
        noise=math.sqrt(floor[0]) / extent,
        rivals={float(a): float(r) for a, r in zip(rivals, residuals[1:], strict=True)},
        tolerance=tolerance,
        span=(float(ranges[:, 0].min()), float(ranges[:, 1].max())),
        extent=back(extent * data.extent, data.power),
        replicas=data.replicas,
        left_out=data.left_out,
        over=over,
        along=along,
        h_ref=float(data.scales.max()),
        bounds=(low, high),
        profile=search.profile(extent),
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g} %"


def _check_settings(
    confidence: float,
    tolerance: float,
    resamples: int,
    bounds: tuple[float, float],
    min_overlap: float,
) -> None:
    ends = np.asarray(bounds, dtype=np.float64)
    if not 0 < confidence < 1:
        raise SettingsError(f"confidence must be between 0 and 1, but is {confidence:g}.")
    if not tolerance > 0:
        raise SettingsError(f"tolerance must be positive, but is {tolerance:g}.")
    if not 0 < min_overlap <= 1:
        raise SettingsError(f"min_overlap must be above 0 and at most 1, but is {min_overlap:g}.")
    if ends.shape != (2,) or not (np.all(np.isfinite(ends)) and ends[0] < ends[1]):
        raise SettingsError(f"bounds must be two finite exponents in order, but are {bounds}.")
    whole_number("resamples", resamples, 1)
    needed = math.ceil(20 / (1 - confidence))
    if resamples < needed:
        raise SettingsError(
            f"an interval of confidence {confidence:g} needs at least {needed} resamples, "
            f"but {resamples} were asked for."
        )
