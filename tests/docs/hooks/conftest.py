"""Saved runs for the tests of what the documentation is made by."""

import pytest
from report_runs import Make, maker


@pytest.fixture
def make(tmp_path) -> Make:
    """Make a saved run, as a claim's or an ensemble's."""
    return maker(tmp_path)
