"""Images: where their channels are."""

from typing import Any

import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.problems.inputs import channels_last

RNG = np.random.default_rng(9)


def images(*shape: int, n: int = 2, layout: Any = None) -> soret.Dataset:
    names = tuple("abcdef"[:n])
    return soret.Dataset(
        "i", RNG.uniform(size=(12, *shape)), np.arange(12) % n, names, layout=layout
    )


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 8, 8), (4, 12, 10), (2, 9, 12), (7, 9, 9)])
def test_channels_first_is_read_as_documented(shape: tuple[int, ...]) -> None:
    assert not channels_last(images(*shape))


@pytest.mark.parametrize("shape", [(12, 12, 3), (8, 8, 1), (10, 12, 4), (9, 12, 2), (16, 16, 7)])
def test_channels_last_is_refused_with_the_remedy(shape: tuple[int, ...]) -> None:
    """Catches: 12 channels of 12 x 3 pixels."""
    with pytest.raises(SettingsError, match=r"channels last; say .*np\.moveaxis\(inputs, -1, 1\)"):
        channels_last(images(*shape))


@pytest.mark.parametrize("shape", [(3, 3, 3), (4, 12, 3), (3, 32, 3), (16, 16, 16)])
def test_what_may_be_either_is_asked(shape: tuple[int, ...]) -> None:
    """Catches: a guess."""
    with pytest.raises(SettingsError, match="may be either; say"):
        channels_last(images(*shape))


@pytest.mark.parametrize(
    "build",
    [
        lambda data: soret.problems.conv(layers=1, channels=2, kernel=3, data=data),
        lambda data: soret.problems.conv_stack([(1, 2)], data=data),
    ],
    ids=["conv", "conv_stack"],
)
def test_the_same_images_either_way_are_the_same_problem(build: Any) -> None:
    """Catches: a net that reads the one layout and not the other."""
    first = images(3, 8, 6)
    last = soret.Dataset(
        "i", np.moveaxis(first.inputs, 1, -1), first.labels, first.classes, layout="channels_last"
    )
    one, other = build(first), build(last)
    assert one.data.inputs.shape == (12, 8, 6, 3)
    np.testing.assert_allclose(one.data.inputs, other.data.inputs, rtol=1e-5, atol=1e-6)
    # What a net made of them can be given to another.
    again = build(one.data)
    assert again.data.inputs.shape == (12, 8, 6, 3)


def test_the_layout_stays_with_the_data() -> None:
    """Catches: a part, or other labels, of images that forget where their channels are."""
    data = images(3, 3, 3, n=4, layout="channels_last")
    noisy, _ = soret.data.randomize_labels(data, 0.5)
    parts = soret.data.hold_out(data, 4)
    for made in (
        data.first(3),
        noisy,
        soret.data.even_odd(data),
        soret.data.subset(data, 5),
        *parts,
    ):
        assert made.layout == "channels_last"
