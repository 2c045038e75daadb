"""The command line in this process."""

from __future__ import annotations

import sys

from scaling import cli


def scaling(*arguments: object) -> int:
    """The exit status of `scaling ...`."""
    old, sys.argv = sys.argv, ["scaling", *map(str, arguments)]
    try:
        cli.main()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    finally:
        sys.argv = old
    return 0
