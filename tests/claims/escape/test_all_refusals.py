"""Settings of claims that do not fit each other are refused."""

import pytest

from soret.claims import configure, find
from soret.errors import SettingsError


def configured(name, **changes):
    return configure(find(f"escape/{name}")[0], "quick", changes)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("time-change", {"threshold": 1.0}),
        ("time-change", {"paths": 10}),
        ("escape-rate", {"ratios": (1.5, 3.0)}),
        ("escape-rate", {"learning_rate": 0.1}),
        ("critical-dimension", {"batch_sizes": (1,)}),
        ("critical-dimension", {"shares": (0.5, 0.6, 0.7)}),
    ],
)
def test_settings_that_do_not_fit_are_refused(name, changes):
    with pytest.raises(SettingsError):
        configured(name, **changes).experiments()
