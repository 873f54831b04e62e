"""`python -m soret`, and what `soret` starts: Ctrl-C ends it quietly while modules load, too."""

import contextlib
import sys
from typing import NoReturn


def main() -> None:
    """Load the command line, and run it."""
    try:
        from soret import system

        system.stop_like_ctrl_c()
    except KeyboardInterrupt:
        _stopped(130)
    try:
        with system.stop_later():
            from soret import cli

        cli.main()
    except KeyboardInterrupt:
        _stopped(128 + (system.ended_by() or 2))


def _stopped(status: int) -> NoReturn:
    with contextlib.suppress(OSError):  # there is nowhere to say that it cannot be said
        if sys.stderr is not None:
            print("stopped", file=sys.stderr, flush=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
