"""Traces and norms: exact where the operator is small, else estimated from random signs."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matfree import stochtrace

from soret.data.subsets import whole_number
from soret.errors import ConvergenceError, SettingsError
from soret.landscape.operators import SymmetricOperator
from soret.landscape.spectra.host import hosted, random_signs, traceable

DENSE = 256
"""At most so many rows are taken as a dense matrix: products with the identity are exact and no
dearer than the estimates."""
# Bytes of random signs and their products held at once: more is slower, for it is fresh memory.
_SIGNS = 2**26


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error.

    Attributes
    ----------
    value : float
    standard_error : float
        0 where the number is exact up to rounding.
    samples : int
        Random vectors that it took; 0 where the number is exact.
    """

    value: float
    standard_error: float
    samples: int

    @property
    def exact(self) -> bool:
        """Whether no chance was involved."""
        return self.samples == 0


def trace(
    operator: SymmetricOperator,
    samples: int = 100,
    rtol: float | None = None,
    seed: int = 0,
) -> Estimate:
    """Return tr A: the sum of the diagonal where A is small, else Hutchinson's estimate.

    The estimate is the mean of zᵀAz over random signs z; its variance per sample is
    2 Σ_{i≠j} A_ij².

    Parameters
    ----------
    operator : SymmetricOperator
    samples : int
        Random vectors; at least 2.
    rtol : float, optional
        Refuse an estimate whose standard error is more than so many times its size.
    seed : int

    Raises
    ------
    ConvergenceError
        If products are not finite, or the standard error is larger than `rtol` allows.
    SettingsError
        If `samples` or `rtol` is out of range.

    References
    ----------
    Hutchinson (1990), Commun. Stat. Simul. Comput. 19, 433.
    """
    _check(rtol)
    if operator.size <= DENSE:
        return Estimate(float(np.trace(operator.dense())), 0.0, 0)
    forms = _quadratic_forms(operator, stochtrace.monte_carlo_trace(), samples, seed)
    return _accepted(_estimate(forms), rtol, operator, "trace")


def frobenius_norm(
    operator: SymmetricOperator,
    samples: int = 100,
    rtol: float | None = None,
    seed: int = 0,
) -> Estimate:
    """Return ‖A‖_F: of A itself where it is small, else from the mean of ‖Az‖² over signs z.

    The standard error of the root is that of the mean over twice the root.

    Parameters
    ----------
    operator, samples, rtol, seed
        As for `trace`.

    Raises
    ------
    ConvergenceError
        If products are not finite, or the standard error is larger than `rtol` allows.
    """
    _check(rtol)
    if operator.size <= DENSE:
        return Estimate(float(np.linalg.norm(operator.dense())), 0.0, 0)
    integrand = stochtrace.monte_carlo_frobeniusnorm_squared()
    squared = _estimate(_quadratic_forms(operator, integrand, samples, seed))
    root = float(np.sqrt(squared.value))
    error = squared.standard_error / (2 * root) if root > 0 else 0.0
    return _accepted(Estimate(root, error, squared.samples), rtol, operator, "Frobenius norm")


def _check(rtol: float | None) -> None:
    if rtol is not None and not 0 < rtol < np.inf:
        raise SettingsError(f"`rtol` must be a positive number, got {rtol!r}.")


def _quadratic_forms(
    operator: SymmetricOperator, integrand: Any, samples: int, seed: int
) -> np.ndarray:
    """Return matfree's integrand for each of so many vectors of random signs."""
    samples = whole_number(samples, "samples", least=2)
    together = max(1, _SIGNS // (32 * operator.size))
    # Groups of one length but for the last, so that little is compiled.
    together = -(-samples // -(-samples // together))
    found = []
    for start in range(0, samples, together):
        # Each group has a seed of its own, so that not all vectors are held at once.
        signs = random_signs(operator, min(together, samples - start), seed, start)
        with hosted():
            matvec = traceable(operator)
            forms = jax.vmap(lambda z: integrand(matvec, z))(jnp.asarray(signs))  # noqa: B023
            found.append(np.asarray(forms))
    return np.concatenate(found)


def _estimate(forms: np.ndarray) -> Estimate:
    error = forms.std(ddof=1) / np.sqrt(len(forms))
    return Estimate(float(forms.mean()), float(error), len(forms))


def _accepted(
    found: Estimate, rtol: float | None, operator: SymmetricOperator, name: str
) -> Estimate:
    if rtol is not None and not found.standard_error <= rtol * abs(found.value):
        raise ConvergenceError(
            f"the {name} of the {operator.name} is {found.value:.4g} ± {found.standard_error:.2g} "
            f"after {found.samples} samples, where rtol={rtol:g} is asked for; raise samples or "
            "rtol."
        )
    return found
