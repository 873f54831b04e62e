"""Finding a data set by name: in a folder of the user's, on the machine, or on the network."""

import difflib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from soret.data.cifar import CIFAR_10
from soret.data.collection import Collection
from soret.data.dataset import Dataset
from soret.data.digits import SPLITS, load_digits
from soret.data.download import Progress, fetch
from soret.data.mnist import FASHION_MNIST, MNIST
from soret.data.progress import shown
from soret.errors import DataError, SettingsError

SYSTEM_ROOT = Path("/usr/share/datasets")
"""Where Debian's packages put data sets, each in a folder of its name."""

DATA_VARIABLE = "SORET_DATA"
"""Environment variable that names a folder of data sets."""

MIRROR_VARIABLE = "SORET_DATA_MIRROR"
"""Environment variable with the URL of such a folder, used in place of the public mirrors."""

COLLECTIONS: dict[str, Collection] = {c.name: c for c in (MNIST, FASHION_MNIST, CIFAR_10)}
"""The data sets that live in files."""


def available() -> tuple[str, ...]:
    """Return the names that :func:`load` knows."""
    return ("digits", *COLLECTIONS)


def load(
    name: str,
    split: str = "train",
    *,
    path: str | os.PathLike[str] | None = None,
    download: bool = True,
    progress: Progress | bool = True,
) -> Dataset:
    """Load a data set by name.

    ``digits`` comes with scikit-learn. The others are looked for in this order:

    1. the folder ``path``, if given: nowhere else then;
    2. ``$SORET_DATA/<name>``, if that folder exists; it must hold the files of the split;
    3. ``<name>`` in the user's cache folder, where downloads are kept;
    4. ``/usr/share/datasets/<name>``, where Debian's packages put data sets;
    5. the network, from public mirrors or from ``$SORET_DATA_MIRROR/<name>/``, verified by
       SHA-256 and kept in the cache.

    Parameters
    ----------
    name
        ``"digits"``, ``"mnist"``, ``"fashion-mnist"`` or ``"cifar-10"``.
    split
        ``"train"`` or ``"test"``.
    path
        Folder with the files: gzipped or plain IDX files for the two MNISTs; for CIFAR-10 the
        files ``*.bin`` of its binary version, of which some may be absent.
    download
        Whether the network may be used.
    progress
        ``True`` draws a bar on standard error, if that is a terminal; a function is called as
        ``progress(file_name, bytes_so_far, bytes_in_all)``.

    Returns
    -------
    dataset
        With pixels in [0, 1], and a description that says how much of the set was there.

    Raises
    ------
    SettingsError
        If there is no such data set or split.
    DataError
        If the files are missing, damaged or cannot be downloaded.

    Examples
    --------
    >>> load("digits", "test").description
    'Digits of scikit-learn (355 test images)'
    """
    _check("data set", name, available())
    if name == "digits":
        _check("split of digits", split, SPLITS)
        if path is not None:
            raise SettingsError(
                "the data set 'digits' comes with scikit-learn and is read from no folder; "
                "path should be left out"
            )
        return load_digits(split)

    collection = COLLECTIONS[name]
    _check(f"split of {name}", split, tuple(collection.counts))
    if path is not None:
        folder = Path(os.path.expanduser(path))
        _demand(collection, folder, split, named_by="path")
    else:
        folder = _find(collection, split) or _download(collection, split, download, progress)
    return collection.load(folder, split)


def is_here(name: str, split: str = "train") -> bool:
    """Return whether a data set can be loaded without the network.

    Raises
    ------
    SettingsError
        If there is no such data set.
    DataError
        If its files are there and incomplete.
    """
    _check("data set", name, available())
    return name == "digits" or _find(COLLECTIONS[name], split) is not None


def load_or_digits(name: str, split: str = "train") -> Dataset:
    """Load a data set that is on this machine, and ``digits`` where it is not.

    Nothing is downloaded. What stands in says so in its description, which figures and saved runs
    carry.

    Parameters
    ----------
    name, split
        As for :func:`load`.

    Raises
    ------
    SettingsError
        If there is no such data set or split.
    DataError
        If the files are there and incomplete or damaged.
    """
    _check("data set", name, available())
    if name == "digits" or _find(COLLECTIONS[name], split) is not None:
        return load(name, split, download=False)
    digits = load_digits(split)
    return replace(
        digits,
        description=f"{digits.description}, in place of {COLLECTIONS[name].title}",
    )


def cache_root() -> Path:
    """Return the folder that keeps downloads, one folder for each data set."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("soret"))


def _find(collection: Collection, split: str) -> Path | None:
    user = _user_folder(collection)
    if user is not None and os.path.isdir(user):
        _demand(collection, user, split, named_by=DATA_VARIABLE)
        return user
    cached = cache_root() / collection.name
    # The cache must have the whole split: an interruption between two files of an unpacked
    # archive would otherwise pass for a smaller data set.
    if not collection.missing(cached, split, whole=True):
        return cached
    system = SYSTEM_ROOT / collection.name
    return None if collection.missing(system, split) else system


def _download(collection: Collection, split: str, allowed: bool, progress: Progress | bool) -> Path:
    folder = cache_root() / collection.name
    if not allowed:
        raise _not_found(collection, split, "download=False keeps it from being downloaded")
    mirrors = _mirrors(collection)
    remotes = collection.remote(split)
    with shown(progress) as report:
        for remote in remotes:
            # What an earlier, interrupted download has finished need not come again.
            if remote.unpack is None and os.path.isfile(folder / remote.name):
                continue
            try:
                fetch(remote, folder, mirrors, report)
            except DataError as error:
                raise _not_found(collection, split, str(error)) from error
    return folder


def _mirrors(collection: Collection) -> Sequence[str]:
    own = os.environ.get(MIRROR_VARIABLE)
    if not own:
        return collection.mirrors
    if not own.startswith(("http://", "https://")):
        raise SettingsError(
            f"{MIRROR_VARIABLE} is {own!r}; it should be a URL that begins with http:// or "
            f"https:// and has a folder for each data set (for a folder on this machine, set "
            f"{DATA_VARIABLE})"
        )
    return (f"{own.rstrip('/')}/{collection.name}/",)


def _user_folder(collection: Collection) -> Path | None:
    root = os.environ.get(DATA_VARIABLE)
    return Path(os.path.expanduser(root)) / collection.name if root else None


def _demand(collection: Collection, folder: Path, split: str, *, named_by: str) -> None:
    missing = collection.missing(folder, split)
    if not os.path.isdir(folder):
        raise DataError(
            f"{folder}, which {named_by} names, is not a folder; it should be the folder that "
            f"holds {', '.join(missing)}"
        )
    if missing:
        raise DataError(
            f"{folder}, which {named_by} names, lacks {', '.join(missing)}; it should hold the "
            f"{split} split of {collection.title}"
        )


def _not_found(collection: Collection, split: str, why: str) -> DataError:
    cached = cache_root() / collection.name
    user = _user_folder(collection)
    looked = [folder for folder in (user, cached, SYSTEM_ROOT / collection.name) if folder]
    files = collection.missing(user or cached, split, whole=True)
    return DataError(
        f"the {split} split of {collection.title} is in none of "
        f"{', '.join(map(str, looked))}, and {why}; to read it without the network, put "
        f"{', '.join(files)} into {user or cached}"
        + (
            ""
            if user
            else f", or into a folder {collection.name} under one that {DATA_VARIABLE} names"
        )
    )


def _check(what: str, given: str, known: Sequence[str]) -> None:
    if given in known:
        return
    near = difflib.get_close_matches(str(given).lower(), known, n=1)
    guess = f"did you mean {near[0]!r}? it" if near else "it"
    raise SettingsError(
        f"there is no {what} {given!r}; {guess} should be one of {', '.join(known)}"
    )
