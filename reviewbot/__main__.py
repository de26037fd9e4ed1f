"""`python -m reviewbot` and the console script: the only place that exits."""

import sys


def run() -> None:
    """Exit with the code of the command line."""
    from reviewbot.cli import main

    sys.exit(main())


if __name__ == "__main__":
    run()
