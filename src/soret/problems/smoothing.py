"""Label smoothing: a cross-entropy whose targets are not quite sure."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Real

from soret.errors import SettingsError
from soret.problems.losses import binary_cross_entropy, cross_entropy


@dataclass(frozen=True)
class LabelSmoothing:
    """The loss that `label_smoothing` returns."""

    amount: float

    def __call__(
        self, output: Float[Array, "*classes"], label: Real[Array, ""] | Bool[Array, ""]
    ) -> Float[Array, ""]:
        """Return the loss of one example: of one logit, or of one score for each class."""
        if output.size == 1:
            target = label.astype(output.dtype)
            return binary_cross_entropy(output, (1 - self.amount) * target + self.amount / 2)
        # The mean over all classes of the cross-entropy, ln Σ exp f − mean f, less what they share.
        shifted = output - jax.lax.stop_gradient(jnp.max(output))
        unsure = jax.nn.logsumexp(shifted) - jnp.mean(shifted)
        return (1 - self.amount) * cross_entropy(output, label) + self.amount * unsure


def label_smoothing(amount: float) -> LabelSmoothing:
    """Return the cross-entropy against targets (1 − α)·e_y + α/K of K classes.

    For a scalar output, of two classes, the target is (1 − α)y + α/2 in place of the label y.

    Parameters
    ----------
    amount : float
        α, from 0 (cross-entropy) to 1, where labels say nothing any more; often 0.1.

    Returns
    -------
    callable
        ``loss(output, label)``, for `soret.Problem` and every net's `loss`.

    Raises
    ------
    SettingsError
        If the amount is no such number.

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens, Wojna (2016), "Rethinking the Inception architecture for
    computer vision", CVPR; arXiv:1512.00567, Sec. 7.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount <= 1:
        raise SettingsError(
            f"the amount of label smoothing must be a number from 0 to 1, got {amount!r}."
        )
    return LabelSmoothing(float(amount))
