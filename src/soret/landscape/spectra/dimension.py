"""How many eigenvalues of a spectrum count."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr

from soret.errors import SettingsError

Form = Literal["participation", "entropy"]

# Negative eigenvalues that rounding makes of zeros, relative to the largest.
_ROUNDING = 1e-5


def effective_dimension(eigenvalues: ArrayLike, form: Form = "participation") -> float:
    """Return the effective number of eigenvalues from their weights w_i = h_i/Σh (escape, Eq. 45).

    The formula of Eq. 45 is lost in the text that this was written from; both usual ones are
    offered. n equal eigenvalues among zeros give n by either; otherwise the participation ratio
    is the smaller, because it leaves more of a long tail out.

    Parameters
    ----------
    eigenvalues : (k,) array_like
        Of a positive semidefinite matrix; zeros do not matter.
    form : {"participation", "entropy"}
        1/Σw_i², or exp(−Σ w_i ln w_i).

    Raises
    ------
    SettingsError
        If the eigenvalues are not finite, one is negative beyond rounding, or all are zero.
    """
    values = np.asarray(eigenvalues, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all() or not (values > 0).any():
        raise SettingsError("the eigenvalues must be finite, in one row, and not all zero.")
    if values.min() < -_ROUNDING * values.max():
        raise SettingsError(
            f"an eigenvalue is {values.min():.3g}; weights are for positive semidefinite matrices, "
            "such as soret.landscape.gauss_newton."
        )
    # Relative to the largest first, so that the sum does not overflow.
    weights = values[values > 0] / values.max()
    weights /= weights.sum()
    if form == "participation":
        return float(1 / np.sum(weights**2))
    if form == "entropy":
        return float(np.exp(np.sum(entr(weights))))
    raise SettingsError(f"form is {form!r}; use 'participation' or 'entropy'.")
