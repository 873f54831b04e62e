"""Saved runs for the tests of reports."""

from pathlib import Path

import pytest
from report_runs import Make, maker


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return maker(tmp_path)
