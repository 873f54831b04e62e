"""How many outputs a network has, and by which loss: from its data and what was asked."""

import math
from typing import NamedTuple

from soret.errors import SettingsError
from soret.problems import losses
from soret.problems.arguments import at_least
from soret.problems.losses import Loss, in_words


class Targets(NamedTuple):
    """What data have for labels.

    Attributes
    ----------
    name : str
        The data's.
    classes : int or None
        How many; None of real labels.
    label : tuple of int
        The shape of one label.
    """

    name: str
    classes: int | None
    label: tuple[int, ...] = ()


class Outputs(NamedTuple):
    """A network's outputs.

    Attributes
    ----------
    loss : str or callable
    number : int
    scalar : bool
        Whether a single output is a number, and not a vector of one.
    """

    loss: str | Loss
    number: int
    scalar: bool

    @property
    def words(self) -> str:
        """The loss in words."""
        return in_words(self.loss)


_NAMES = {
    "cross_entropy": ("binary_cross_entropy", "cross_entropy"),
    "mean_square": ("mean_square_sign", "mean_square_one_hot"),
}
_OF_EACH_CLASS = (losses.cross_entropy, losses.mean_square_one_hot)


def choose(loss: str | Loss, targets: Targets, outputs: int | None) -> Outputs:
    """Return the loss and the outputs of a network.

    Parameters
    ----------
    loss : {"cross_entropy", "mean_square"} or callable
    targets : Targets
        Two classes take a scalar output, more take one a class, real labels one for each number.
    outputs : int or None
        How many, where that is asked for.

    Raises
    ------
    SettingsError
        If the loss is none of these, or is for classes and the labels are real numbers.
    """
    named = isinstance(loss, str) and loss in _NAMES
    if not named and not callable(loss):
        raise SettingsError(
            f"loss is {loss!r}; use 'cross_entropy', 'mean_square' or a function of output and "
            "label."
        )
    if outputs is not None:
        at_least("outputs", outputs, 1)
    if targets.classes is None:
        if loss == "cross_entropy":
            raise SettingsError(
                f"{targets.name} has real labels, and loss='cross_entropy' takes classes; use "
                "loss='mean_square', or give the data classes."
            )
        if outputs is None:
            if len(targets.label) > 1:
                raise SettingsError(
                    f"{targets.name} has labels of shape {targets.label} for each example; a net "
                    "has a vector of outputs, so flatten them."
                )
            outputs = math.prod(targets.label)
        return Outputs(loss, outputs, outputs == 1 and targets.label == ())
    classes = targets.classes
    of_each = any(loss is known for known in _OF_EACH_CLASS)
    if outputs is None:
        outputs = 1 if classes == 2 and not of_each else classes
    if named:
        assert isinstance(loss, str)
        loss = _NAMES[loss][0 if outputs == 1 else 1]
    return Outputs(loss, int(outputs), outputs == 1)
