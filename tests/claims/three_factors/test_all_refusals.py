"""Settings of claims that do not fit each other are refused."""

import pytest

from soret.claims import configure, find
from soret.errors import SettingsError


def configured(name, **changes):
    return configure(find(f"three-factors/{name}")[0], "quick", changes)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("minima-ratio", {"surfaces": ("flat",)}),
        ("minima-ratio", {"variances": (1.0,)}),
        ("fokker-planck", {"steps": (0, 5)}),
        ("open-questions", {"momenta": (0.5, 0.9)}),
        ("langevin-limit", {"learning_rates": (0.4, 0.2)}),
        ("langevin-limit", {"net_rates": (0.5, 0.3, 0.1)}),
    ],
)
def test_settings_that_do_not_fit_are_refused(name, changes):
    with pytest.raises(SettingsError):
        configured(name, **changes).experiments()
