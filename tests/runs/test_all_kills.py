"""Every state that a kill or a full disk can leave: the same call goes on from it, to the same end.

The calls are those of a whole small run: begun, a block saved, data written, sealed, drawn, judged.
"""

import errno
from pathlib import Path

import pytest
from interrupted import Killed, contents, no_time_passes, orphan_locks, stopped_at, work

from soret.errors import RunError, SettingsError
from soret.runs import manifest

__all__ = ["no_time_passes"]  # a fixture

# A lock whose process plays dead cannot be given back.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    work(tmp_path / "whole")
    return contents(tmp_path / "whole")


def every(step: int) -> range:
    return range(0, 10_000, step)


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_call(
    tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Catches: a run that can neither be gone on with nor begun anew; files left for ever."""
    for number in every(step):
        place = tmp_path / str(number)
        ended = False
        with stopped_at(monkeypatch, number, tmp_path) as calls:
            try:
                work(place)
                ended = True
            except Killed:
                pass
        orphan_locks(tmp_path)
        work(place)
        assert contents(place) == whole, f"killed at {calls[number]}"
        manifest.verify(place)
        if ended:
            assert number > 50
            return


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_judged_again_and_killed_at_any_call(
    tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Catches: a verdict newer than the manifest, figures of which half are old, left so."""
    place = tmp_path / "judged"
    work(place)
    for number in every(step):
        ended = False
        with stopped_at(monkeypatch, number, tmp_path) as calls:
            try:
                work(place)
                ended = True
            except Killed:
                pass
        orphan_locks(tmp_path)
        work(place)
        assert contents(place) == whole, f"killed at {calls[number]}"
        if ended:
            assert number > 5
            return


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (errno.ENOSPC, 7),
        pytest.param(errno.ENOSPC, 1, marks=pytest.mark.slow),
        pytest.param(errno.EROFS, 1, marks=pytest.mark.slow),
    ],
)
def test_refused_at_any_call(
    tmp_path: Path,
    whole: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    error: int,
    step: int,
) -> None:
    """Catches: a traceback from a full disk, what is half-written left, a run that is stuck."""
    said: list[str] = []
    for number in every(step):
        place = tmp_path / f"{error}-{number}"
        ended = False
        with stopped_at(monkeypatch, number, tmp_path, error) as calls:
            try:
                work(place)
                ended = len(calls) <= number
            except (RunError, SettingsError) as refusal:
                said.append(str(refusal))
        assert not list(place.rglob(".soret-lock")), f"refused at {calls[number]}"
        work(place)
        assert contents(place) == whole, f"refused at {calls[number]}"
        if ended:
            break
    assert number > 50
    assert len(said) > number / step / 2
    assert all(str(tmp_path) in each and "cannot be written" in each for each in said), said
