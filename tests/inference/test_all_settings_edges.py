"""Settings of every inference at their edges: refused in a sentence, or answered in order."""

import inspect

import numpy as np
import pytest
from hostile_numbers import CASES, in_order

from soret import inference
from soret.errors import SoretError

EDGES = (None, np.nan, np.inf, -1, 0, 1.5, 1e300, 10**18, "x", [], (1,), (2.0, 1.0), (np.nan, 1.0))
DATA = {"x_error", "y_error", "per", "sample"}
FUNCTIONS = sorted({name.split(",")[0] for name in CASES} - {"LagDisplacement"})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_settings_at_their_edges(name, monkeypatch):
    """Catches: TypeError, IndexError or MemoryError, or a wrong answer, from a bad setting."""
    good, take = CASES[name]
    function = getattr(inference, name)
    good = np.asarray(good())
    wrong = []
    for setting, parameter in inspect.signature(function).parameters.items():
        if parameter.default is inspect.Parameter.empty or setting in DATA:
            continue
        for value in EDGES:

            def changed(*args, setting=setting, value=value, **settings):
                given = inspect.signature(function).bind(*args, **settings)
                given.arguments[setting] = value
                return function(*given.args, **given.kwargs)

            monkeypatch.setattr(inference, name, changed)
            try:
                if (setting, value) != ("tolerance", np.inf):  # anything is within it
                    in_order(name, take(good))
            except SoretError as error:
                if not str(error).endswith("."):
                    wrong.append(f"{setting}={value!r}: {error}")
            except Exception as error:
                wrong.append(f"{setting}={value!r}: {type(error).__name__}: {str(error)[:90]}")
    assert wrong == []


@pytest.mark.parametrize("seed", [2.0, np.int64(2), np.float32(2)])
def test_a_whole_number_is_one_whatever_its_type(seed):
    """Catches: a seed from a table, which is a float there, refused by NumPy."""
    times = CASES["mean_passage"][0]()
    one = str(inference.mean_passage(times, 1e9, resamples=100, seed=2))
    assert str(inference.mean_passage(times, 1e9, resamples=100.0, seed=seed)) == one
