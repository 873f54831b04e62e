"""The loop of long work: every part once, however it is cut, stopped and taken up."""

import threading
from collections.abc import Callable

import pytest

from soret.runs import pace
from soret.runs.loop import Stopped, advance

NOTHING: tuple[int, ...] = ()


class Work:
    """Parts that append their number, and what was saved of them."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []
        self.saves: list[tuple[int, tuple[int, ...]]] = []
        self.told: list[int] = []

    def step(self, done: int, until: int, state: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        self.calls.append((done, until))
        return until, (*state, *range(done, until))

    def save(self, done: int, state: tuple[int, ...]) -> None:
        self.saves.append((done, state))


def whole(count: int) -> tuple[int, ...]:
    return tuple(range(count))


def stop_at(call: int, error: type[BaseException]) -> Callable[[], None]:
    left = iter(range(call))

    def pause() -> None:
        if next(left, None) is None:
            raise error

    return pause


def test_every_part_once_and_in_order() -> None:
    """Catches: parts left out or made twice between calls, the last ones above all."""
    work = Work()
    made = advance(1000, NOTHING, work.step, save=work.save, progress=work.told.append)
    assert made == whole(1000)
    assert work.told == [0, *(until - done for done, until in work.calls)]
    assert not work.saves  # it took no ten seconds
    lengths = [until - done for done, until in work.calls]
    assert lengths[:3] == [1, 4, 16]  # quick calls become longer


def test_slow_calls_become_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: a stop that is heard minutes later, because a call does too much."""
    work = Work()
    monkeypatch.setattr(pace, "CALL_SECONDS", 0.0)
    assert advance(5, NOTHING, work.step) == whole(5)
    assert work.calls == [(i, i + 1) for i in range(5)]


def test_saved_on_the_way_but_not_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: nothing saved before a stop; a last save that the caller makes once more."""
    work = Work()
    monkeypatch.setattr(pace, "SAVE_SECONDS", -1.0)
    monkeypatch.setattr(pace, "CALL_SECONDS", 0.0)
    advance(4, NOTHING, work.step, save=work.save)
    assert work.saves == [(i, whole(i)) for i in (1, 2, 3)]


@pytest.mark.parametrize("error", [Stopped, KeyboardInterrupt])
def test_stopped_it_is_saved_and_taken_up(error: type[BaseException]) -> None:
    """Catches: a stop that loses work; parts made twice, or a wrong share told, after it."""
    work = Work()
    with pytest.raises(error):
        advance(30, NOTHING, work.step, save=work.save, pause=stop_at(3, error))
    ((done, state),) = work.saves
    assert (done, state) == (21, whole(21))
    made = advance(30, state, work.step, done=done, save=work.save, progress=work.told.append)
    assert made == whole(30)
    assert work.told[0] == 21
    assert sum(work.told) == 30


def test_an_event_of_another_thread_stops_it() -> None:
    work, event = Work(), threading.Event()

    def pause() -> None:
        if event.is_set():
            raise Stopped

    def step(done: int, until: int, state: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        event.set()
        return work.step(done, until, state)

    with pytest.raises(Stopped):
        advance(9, NOTHING, step, save=work.save, pause=pause)
    assert work.saves == [(1, (0,))]


def test_ctrl_c_within_a_step_saves_what_was_before_it() -> None:
    """Catches: half a step saved with the number of the whole one."""
    work = Work()

    def step(done: int, until: int, state: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        if done >= 5:
            raise KeyboardInterrupt
        return work.step(done, until, state)

    with pytest.raises(KeyboardInterrupt):
        advance(30, NOTHING, step, save=work.save)
    assert work.saves == [(5, whole(5))]


def test_a_step_that_fails_saves_nothing() -> None:
    def step(done: int, until: int, state: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        raise ZeroDivisionError

    work = Work()
    with pytest.raises(ZeroDivisionError):
        advance(3, NOTHING, step, save=work.save)
    assert not work.saves


def test_a_step_may_reach_the_end_early() -> None:
    """Catches: steps made after all replicas have passed; less than everything told as done."""
    work = Work()

    def step(done: int, until: int, state: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        until, state = work.step(done, until, state)
        return (100, state) if until >= 5 else (until, state)

    assert advance(100, NOTHING, step, progress=work.told.append) == whole(5)
    assert sum(work.told) == 100


def test_no_call_goes_further_than_it_may() -> None:
    """Catches: more records in a call than it has room for."""
    work = Work()
    made = advance(50, NOTHING, work.step, furthest=lambda done: (done // 7 + 1) * 7)
    assert made == whole(50)
    assert all(until <= (done // 7 + 1) * 7 for done, until in work.calls)


def test_finished_work_is_not_begun_again() -> None:
    work = Work()
    assert advance(3, whole(3), work.step, done=3, save=work.save) == whole(3)
    assert not work.calls
    assert not work.saves
