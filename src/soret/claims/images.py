"""Images that claims train on: which are on this machine, what stands in, and how it is said.

What was asked for is used or refused. Only where the scale's own images are not on this machine do
the digits of scikit-learn stand in; the claim's settings then name the digits, and everything that
shows the run says in place of what.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from soret.claims.ranges import Several
from soret.errors import SettingsError

if TYPE_CHECKING:
    from soret.data import Dataset

DIGITS = "digits"


@dataclass(frozen=True)
class Images:
    """The range of a setting that names images.

    Attributes
    ----------
    splits : sequence of str
        What is read of them.
    """

    splits: tuple[str, ...] = ("train",)

    def fault(self, value: str) -> str:
        """Return nothing: the setting's type says which names there are."""
        return ""

    def __str__(self) -> str:
        return "images that are on this machine"

    def data_sets(self, value: str) -> tuple[str, ...]:
        """Return the data sets that a value names."""
        return (value,)

    def instead(self, value: str, missing: Mapping[str, str]) -> str:
        """Return what is used where data sets are missing."""
        return DIGITS

    def told(self, value: str, missing: str) -> str:
        """Say what is used in place of a value."""
        return f"on digits, in place of {missing}, which is not on this machine"


@dataclass(frozen=True)
class Networks(Several):
    """The range of a list of networks called "<kind>-<images>"; what has no images is left out."""

    splits: tuple[str, ...] = ("train",)

    def data_sets(self, value: tuple[str, ...]) -> tuple[str, ...]:
        """Return the data sets that a value names."""
        return tuple(dict.fromkeys(name.partition("-")[2] for name in value))

    def instead(self, value: tuple[str, ...], missing: Mapping[str, str]) -> tuple[str, ...]:
        """Return the networks whose images are there."""
        return tuple(name for name in value if name.partition("-")[2] not in missing)

    def told(self, value: tuple[str, ...], missing: str) -> str:
        """Say what is left out of a value."""
        return f"without the networks on {missing}, which is not on this machine"


def on_this_machine(
    claim: Any, usual: Mapping[str, Any], asked: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Replace a scale's own images by what is on this machine.

    Returns
    -------
    settings : dict
        The scale's, with what stands in.
    substitutes : dict
        What was replaced: setting to sentence.
    """
    settings, substitutes = dict(usual), {}
    for name, images in _settings(claim):
        if name in asked:
            continue
        missing = _missing(images, usual[name])
        if missing:
            settings[name] = images.instead(usual[name], missing)
            substitutes[name] = images.told(usual[name], " and ".join(missing.values()))
    return settings, substitutes


def check(claim: Any) -> None:
    """Refuse images that are not on this machine.

    Raises
    ------
    SettingsError
        With what to do.
    """
    for name, images in _settings(type(claim)):
        missing = _missing(images, getattr(claim, name))
        for data_set, title in missing.items():
            raise SettingsError(
                f"{name} asks for {data_set}, and {title} is not on this machine; download it with "
                f"python -c \"import soret; [soret.data.load('{data_set}', split) for split in "
                f"('train', 'test')]\", or set SORET_DATA to a folder that holds {data_set}/, or "
                f"use {name}={_others(claim, name, missing)}."
            )


def load(claim: Any, name: str = "data", split: str = "train") -> Dataset:
    """Load the images that a setting names; where they stand in, their description says so."""
    import soret

    found = soret.data.load(getattr(claim, name), split, download=False)
    if name not in claim.substitutes:
        return found
    instead = claim.substitutes[name].partition(", which")[0].partition(", ")[2]
    return replace(found, description=f"{found.description}, {instead}")


def first(claim: Any, data: Dataset, name: str = "images") -> Dataset:
    """Return the first so many images, as many as a setting says.

    Raises
    ------
    SettingsError
        If more were asked for than there are. The scale's own number means "or all there are".
    """
    return data.first(at_most(claim, name, data))


def at_most(claim: Any, name: str, data: Dataset) -> int:
    """Return a number of examples that a setting gives, or all where there are fewer.

    Raises
    ------
    SettingsError
        If more were asked for than there are.
    """
    number = int(getattr(claim, name))
    if name in claim.asked and number > len(data):
        raise SettingsError(
            f"{name} must be at most {len(data):,}, all that there are of {data.description}, got "
            f"{number:,}."
        )
    return min(number, len(data))


def described(claim: Any) -> dict[str, Any]:
    """Return which images are used, and their digest, for a run's description."""
    import soret

    found: dict[str, Any] = {}
    for name, images in _settings(type(claim)):
        for data_set in images.data_sets(getattr(claim, name)):
            for split in images.splits if data_set in soret.data.available() else ():
                key = data_set if split == "train" else f"{data_set}, {split}"
                data = soret.data.load(data_set, split, download=False)
                found[key] = {"images": len(data), "sha256": _digest(data)}
    return found


def in_words(claim: Any) -> list[str]:
    """Return sentences on what is not what the scale, or the name, says."""
    import soret
    from soret.data.lookup import COLLECTIONS

    said = list(claim.substitutes.values())
    for name, images in _settings(type(claim)):
        for data_set in images.data_sets(getattr(claim, name)):
            for split in images.splits if data_set in COLLECTIONS else ():
                whole = COLLECTIONS[data_set].counts[split]
                read = len(soret.data.load(data_set, split, download=False))
                if read < whole:
                    said.append(
                        f"on {read:,} of the {whole:,} "
                        f"{'training' if split == 'train' else split} images of "
                        f"{COLLECTIONS[data_set].title}, all that are on this machine"
                    )
    return list(dict.fromkeys(said))


def _settings(claim: Any) -> list[tuple[str, Any]]:
    from soret.claims.settings import settings_of

    return [(s.name, s.range) for s in settings_of(claim) if isinstance(s.range, Images | Networks)]


def _missing(images: Any, value: Any) -> dict[str, str]:
    """Return the data sets that are not here, with their titles."""
    from soret.data.lookup import COLLECTIONS, is_here

    return {
        name: COLLECTIONS[name].title
        for name in images.data_sets(value)
        if name in COLLECTIONS and not all(is_here(name, split) for split in images.splits)
    }


def _others(claim: Any, name: str, missing: Mapping[str, str]) -> str:
    from soret.claims.settings import settings_of, show

    images = next(s.range for s in settings_of(type(claim)) if s.name == name)
    assert isinstance(images, Images | Networks)
    return show(images.instead(getattr(claim, name), missing)) or "others"


def _digest(data: Dataset) -> str:
    found = hashlib.sha256(repr((data.inputs.shape, data.classes)).encode())
    for array in (data.inputs, data.labels):
        found.update(array.tobytes())
    return found.hexdigest()
