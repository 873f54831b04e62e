"""`python -m soret`, and what `soret` starts: Ctrl-C ends it quietly while modules load, too."""

import sys


def main() -> None:
    """Load the command line, and run it."""
    try:
        from soret import cli

        cli.main()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
