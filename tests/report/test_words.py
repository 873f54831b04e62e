"""Settings in words: values, functions, and the parts of an optimizer."""

from typing import Any

import pytest

from soret.report.partial import _nested
from soret.report.words import setting


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ((0.1, 0.2), "0.1,0.2"),
        ({"name": "my.loss", "sha256": "8c5553e11930f77f"}, "my.loss, source 8c5553e11930"),
        ([{"name": "optax.clip", "max_delta": 1.0}], "optax.clip(max_delta=1.0)"),
        ({"warm": {"name": "a.b", "steps": 3}}, "(warm=a.b(steps=3))"),
        (None, "None"),
    ],
)
def test_a_setting_in_words(value: Any, said: str) -> None:
    """Catches: a Python dictionary on a page."""
    assert setting(value) == said


def test_parts_of_an_optimizer_are_no_axis() -> None:
    """Catches: a grid with an axis of an optimizer's parts, in a run that is watched live."""
    assert _nested([{"name": "optax.clip"}])
    assert not _nested([0.1, 0.2])
