"""How long work is cut: into calls that Ctrl-C can come between, and saves that a crash can."""

# Long enough that a call's overhead does not show, short enough that Ctrl-C is heard at once.
CALL_SECONDS = 0.5
# What a killed process may lose.
SAVE_SECONDS = 10.0


def next_length(length: int, seconds: float) -> int:
    """Return how much the next call should do: at most four times as much as this.

    Parameters
    ----------
    length : int
        How much the last call did, in any unit.
    seconds : float
        How long it took.
    """
    return max(1, min(4 * length, int(length * CALL_SECONDS / max(seconds, 1e-6))))
