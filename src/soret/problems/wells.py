r"""Analytic surfaces with two wells, whose minima, saddle and Hessians are known.

In n dimensions L = V(x) + ½ Σ h_i y_i²: the wells lie along the first coordinate, and each of the
others is confined by a curvature of its own, which in `FunnelWells` depends on x. All work on
NumPy's arrays and on JAX's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soret.errors import SettingsError
from soret.problems.arguments import real

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Well(ABC):
    """What the surfaces have in common; V is what tells them apart.

    Parameters
    ----------
    barrier : float
        How high the saddle stands above minima of equal depth, in the unit of the loss.
    floor : float
        L at the lowest minimum.
    across : tuple of n − 1 floats
        h_i > 0, the curvatures of the other directions; empty in one dimension.

    Raises
    ------
    SettingsError
        If barrier or a curvature is not above 0, or the floor is below it.
    """

    barrier: float = 1.0
    floor: float = 0.0
    across: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        real(barrier=self.barrier, floor=self.floor)
        if not isinstance(self.across, tuple | list):
            raise SettingsError(f"across is {self.across!r}; it must be a tuple of numbers.")
        for curvature in self.across:
            real(across=curvature)
        sizes = (self.barrier, *self.across)
        if not all(np.isfinite(size) and size > 0 for size in sizes):
            raise SettingsError(f"barrier and across are {sizes}; they must be above 0.")
        if not (np.isfinite(self.floor) and self.floor >= 0):
            raise SettingsError(f"floor is {self.floor:g}; it must be at least 0.")

    @property
    def dimensions(self) -> int:
        """n."""
        return 1 + len(self.across)

    def potential(self, theta: Any) -> Any:
        """Return L at points: (..., n) to (...)."""
        total = self.along(theta[..., 0])
        for i, curvature in enumerate(self.across):
            total = total + 0.5 * curvature * theta[..., i + 1] ** 2
        return total

    @abstractmethod
    def along(self, x: Any) -> Any:
        """Return V."""

    @abstractmethod
    def slope(self, x: Any) -> Any:
        """Return V′."""

    @abstractmethod
    def curvature(self, x: Any) -> Any:
        """Return V″."""

    @abstractmethod
    def stationary(self) -> tuple[float, float, float]:
        """Return where V′ = 0: the left minimum, the saddle, the right minimum."""

    @property
    def minima(self) -> Floats:
        """The left and the right minimum, shape (2, n)."""
        left, _, right = self.stationary()
        return np.stack([self._on_axis(left), self._on_axis(right)])

    @property
    def saddles(self) -> Floats:
        """The one saddle, shape (1, n)."""
        return self._on_axis(self.stationary()[1])[None]

    def hessian(self, theta: Floats) -> Floats:
        """Return the Hessian at a point (n,), shape (n, n)."""
        return np.diag([float(self.curvature(theta[0])), *self.across])

    def gradient(self, theta: Floats) -> Floats:
        """Return ∇L at points, shape (..., n)."""
        slopes = [self.slope(theta[..., 0])]
        slopes += [h * theta[..., i + 1] for i, h in enumerate(self.across)]
        return np.stack(slopes, axis=-1)

    def basin(self, theta: Floats) -> NDArray[np.int64]:
        """Return 0 left of the saddle and 1 right of it, at points (..., n)."""
        return np.asarray(np.asarray(theta)[..., 0] > self.stationary()[1], dtype=np.int64)

    def _on_axis(self, x: float) -> Floats:
        return np.array([x] + [0.0] * len(self.across))


@dataclass(frozen=True)
class DoubleWell(Well):
    """V = floor + barrier·(x² − 1)²: equal wells at ±1, the saddle at 0."""

    def along(self, x: Any) -> Any:
        return self.floor + self.barrier * (x**2 - 1) ** 2

    def slope(self, x: Any) -> Any:
        return 4 * self.barrier * (x**3 - x)

    def curvature(self, x: Any) -> Any:
        return 4 * self.barrier * (3 * x**2 - 1)

    def stationary(self) -> tuple[float, float, float]:
        return -1.0, 0.0, 1.0


@dataclass(frozen=True)
class TiltedDoubleWell(Well):
    """V = barrier·[(x² − 1)² + tilt·x] + constant: the left well is deeper where tilt > 0.

    Parameters
    ----------
    tilt : float
        Between −1.5 and 1.5; beyond 8/√27 = 1.54 there is only one well.
    """

    tilt: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        real(tilt=self.tilt)
        if not abs(self.tilt) <= 1.5:
            raise SettingsError(f"tilt is {self.tilt:g}; two wells need it within −1.5 to 1.5.")

    def along(self, x: Any) -> Any:
        left, _, right = self.stationary()
        lowest = min(self._shape(left), self._shape(right))
        return self.floor + self.barrier * (self._shape(x) - lowest)

    def slope(self, x: Any) -> Any:
        return self.barrier * (4 * (x**3 - x) + self.tilt)

    def curvature(self, x: Any) -> Any:
        return 4 * self.barrier * (3 * x**2 - 1)

    def stationary(self) -> tuple[float, float, float]:
        # Three real roots of x³ − x + tilt/4, by Viète.
        third = np.arccos(-self.tilt * 27**0.5 / 8) / 3
        roots = [2 / 3**0.5 * np.cos(third - 2 * np.pi * k / 3) for k in range(3)]
        left, middle, right = sorted(float(root) for root in roots)
        return left, middle, right

    def _shape(self, x: Any) -> Any:
        return (x**2 - 1) ** 2 + self.tilt * x


@dataclass(frozen=True)
class WideAndNarrowWells(Well):
    r"""V = barrier·[(u² − 1)² + tilt·u] + constant, u = x + k(√(x² + ¼) − √(5/4)): unequally wide.

    u is ±1 at x = ±1 and grows everywhere, by 1 ± 2k/√5 there: the left well is the wide one.

    Parameters
    ----------
    ratio : float
        Curvature at the right minimum over that at the left, if they are equally deep; from 1 up
        to 300.
    tilt : float
        Between −1.5 and 1.5; below 0 the narrow well is the deeper one.
    """

    ratio: float = 4.0
    tilt: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real(ratio=self.ratio, tilt=self.tilt)
        if not 1 <= self.ratio <= 300:
            raise SettingsError(f"ratio is {self.ratio:g}; it must be from 1 to 300.")
        # Refuses a tilt that leaves one well.
        self._even()

    def along(self, x: Any) -> Any:
        return self._even().along(self._warp(x))

    def slope(self, x: Any) -> Any:
        return self._even().slope(self._warp(x)) * self._stretch(x)

    def curvature(self, x: Any) -> Any:
        even, u = self._even(), self._warp(x)
        bend = self._k * 0.25 / (x**2 + 0.25) ** 1.5
        return even.curvature(u) * self._stretch(x) ** 2 + even.slope(u) * bend

    def stationary(self) -> tuple[float, float, float]:
        left, saddle, right = (self._unwarp(u) for u in self._even().stationary())
        return left, saddle, right

    @property
    def _k(self) -> float:
        root = float(np.sqrt(self.ratio))
        return (root - 1) / (root + 1) * 5**0.5 / 2

    def _even(self) -> Well:
        """V as a function of u."""
        if not self.tilt:
            return DoubleWell(self.barrier, self.floor)
        return TiltedDoubleWell(self.barrier, self.floor, tilt=self.tilt)

    def _warp(self, x: Any) -> Any:
        return x + self._k * ((x**2 + 0.25) ** 0.5 - 1.25**0.5)

    def _unwarp(self, u: float) -> float:
        # (w − x)² = k²(x² + ¼), of which x < w is the root.
        k, w = self._k, u + self._k * 1.25**0.5
        return float((w - k * np.sqrt(w**2 + (1 - k**2) / 4)) / (1 - k**2))

    def _stretch(self, x: Any) -> Any:
        return 1 + self._k * x / (x**2 + 0.25) ** 0.5


@dataclass(frozen=True)
class FunnelWells(DoubleWell):
    r"""L = floor + barrier·(x² − 1)² + ½h(x)y²: wells of equal depth that differ in width across.

    ln h(x) = ln h̄ + ½ ln ratio·√2x³/√(1 + x⁶): h is √ratio·h̄ at the right minimum and h̄/√ratio at
    the left. h′ is 0 at the saddle, so that x = 0 is where the basins meet for every y.

    Parameters
    ----------
    across : (float,)
        h̄ > 0, the one direction across.
    ratio : float
        Curvature across at the right minimum over that at the left, from 1 up to 300.
    """

    across: tuple[float, ...] = (4.0,)
    ratio: float = 16.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real(ratio=self.ratio)
        if len(self.across) != 1 or not 1 <= self.ratio <= 300:
            raise SettingsError(
                f"across is {self.across} and ratio {self.ratio:g}; there is one direction across, "
                "and the ratio is from 1 to 300."
            )

    def potential(self, theta: Any) -> Any:
        x, y = theta[..., 0], theta[..., 1]
        return self.along(x) + 0.5 * self.hessian_across(x) * y**2

    def gradient(self, theta: Floats) -> Floats:
        x, y = theta[..., 0], theta[..., 1]
        h, first, _ = self._widths(x)
        return np.stack([self.slope(x) + 0.5 * first * y**2, h * y], axis=-1)

    def hessian(self, theta: Floats) -> Floats:
        x, y = float(theta[0]), float(theta[1])
        h, first, second = self._widths(np.float64(x))
        mixed = float(first * y)
        corner = float(self.curvature(x) + 0.5 * second * y**2)
        return np.array([[corner, mixed], [mixed, float(h)]])

    def hessian_across(self, x: Any) -> Any:
        """Return h."""
        return self.across[0] * self.ratio ** (0.5**0.5 * x**3 / (1 + x**6) ** 0.5)

    def _widths(self, x: Any) -> tuple[Any, Any, Any]:
        """Return h, h′ and h″."""
        h, size = self.hessian_across(x), float(np.log(self.ratio)) * 0.5**0.5
        first = size * 3 * x**2 / (1 + x**6) ** 1.5
        second = size * (6 * x / (1 + x**6) ** 1.5 - 27 * x**7 / (1 + x**6) ** 2.5)
        return h, h * first, h * (second + first**2)
