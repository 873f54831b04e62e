"""Long work in many steps: cut into short calls, saved on the way, stopped, and taken up again."""

import time
from collections.abc import Callable
from typing import TypeVar

from soret.runs import pace
from soret.system import stop_if_asked

State = TypeVar("State")


class Stopped(Exception):
    """The work was told to stop, and was saved if there was where to save it."""


def advance(
    count: int,
    state: State,
    step: Callable[[int, int, State], tuple[int, State]],
    *,
    done: int = 0,
    save: Callable[[int, State], None] | None = None,
    pause: Callable[[], None] = stop_if_asked,
    furthest: Callable[[int], int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> State:
    """Take work from `done` parts to `count`, some parts a call, and return its last state.

    A call takes about `pace.CALL_SECONDS`, so that a stop is heard soon; how the parts are cut
    into calls must not change the numbers. At least every `pace.SAVE_SECONDS` the state is saved,
    and once more where the work is stopped; not at the end, where the caller has it.

    Parameters
    ----------
    count : int
        Number of parts.
    state : any
        What `done` parts have made. Steps return a new one and leave it as it is: Ctrl-C may come
        in the middle of a step, and then the state before it is saved.
    step : callable
        ``step(done, until, state) -> (reached, state)`` makes the parts from `done` up to `until`,
        and returns when they are made. It may reach further, as to `count` where nothing is left
        to be done.
    done : int
        Parts made already, as read from a checkpoint.
    save : callable, optional
        ``save(done, state)`` keeps what can be resumed from.
    pause : callable
        Called before every step; raises `Stopped` or KeyboardInterrupt to stop there. By default
        it hears signals, on the main thread. A thread hears an event:
        ``if event.is_set(): raise Stopped``.
    furthest : callable, optional
        ``furthest(done)`` is the last part that a step from `done` may be asked for, above `done`.
    progress : callable, optional
        Told the number of parts made since it was last told: first `done`.

    Raises
    ------
    Stopped, KeyboardInterrupt
        Where `pause` raises it, or on Ctrl-C; the state is saved before.
    """
    at = done, state
    del state  # the first one is held no longer than the others
    length, last_saved = 1, time.monotonic()
    try:
        if progress is not None:
            progress(done)
        while at[0] < count:
            pause()
            began, done = time.monotonic(), at[0]
            until = min(count, done + length)
            if furthest is not None:
                until = min(until, furthest(done))
            # Bound together: Ctrl-C may come between two statements.
            at = step(done, until, at[1])
            if progress is not None:
                progress(at[0] - done)
            now = time.monotonic()
            length = pace.next_length(until - done, now - began)
            if save is not None and at[0] < count and now - last_saved > pace.SAVE_SECONDS:
                save(*at)
                last_saved = time.monotonic()
    except (Stopped, KeyboardInterrupt):
        if save is not None:
            save(*at)
        raise
    return at[1]
