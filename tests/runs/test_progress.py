"""Progress: said on standard error alone, and only when work proves to be long."""

import threading

import pytest

from soret.runs import progress
from soret.runs.progress import ProgressBar


def test_short_work_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """A bar that flickers by."""
    with ProgressBar(10, "short", enabled=True) as bar:
        bar(10)
    assert capfd.readouterr() == ("", "")


def test_long_work_is_shown_on_standard_error(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar among the results on standard output."""
    monkeypatch.setattr(progress, "_QUIET_SECONDS", -1.0)
    with ProgressBar(10, "long work", enabled=True) as bar:
        bar(4)
        bar(6)
    out, err = capfd.readouterr()
    assert out == ""
    assert "long work" in err
    assert "100 %" in err


def test_silent_where_nobody_looks(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control sequences in a log file: the default asks whether it is a terminal."""
    monkeypatch.setattr(progress, "_QUIET_SECONDS", -1.0)
    with ProgressBar(10, "long work") as bar:
        bar(10)
    assert capfd.readouterr() == ("", "")


def test_steps_of_all_threads_are_counted() -> None:
    """Steps lost between threads."""
    bar = ProgressBar(4000, "threads", enabled=False)
    threads = [threading.Thread(target=lambda: [bar(1) for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bar.done == bar.total


@pytest.mark.parametrize(
    ("value", "text"), [(12.0, "12 "), (1234.0, "1.23 k"), (2.5e6, "2.5 M"), (3e9, "3e+03 M")]
)
def test_speeds_are_short(value: float, text: str) -> None:
    """A speed of eleven digits."""
    assert progress._metric(value) == text
