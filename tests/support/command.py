"""The command line in this process, without a start of Python."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from unittest.mock import patch

from scaling.cli.main import main


def scaling(*arguments: object) -> int:
    """The exit status of `scaling ...`."""
    with patch.object(sys, "argv", ["scaling", *map(str, arguments)]):
        try:
            main()
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def cli(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The same with what it prints."""
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        status = scaling(*arguments)
    words = list(map(str, arguments))
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())
