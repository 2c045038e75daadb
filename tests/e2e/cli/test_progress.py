"""What a terminal shows while a verb works, and that nothing of it is in a file."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from scaling.io.progress import steps, watched
from tests.support import ROOT

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "80"}


def test_a_loop_is_counted_and_those_inside_it_are_not() -> None:
    seen: list[tuple[int, int]] = []
    with watched(lambda done, total: seen.append((done, total))):
        assert [(a, list(steps("xy"))) for a in steps([1, 2, 3])][2] == (3, ["x", "y"])
        list(steps([7]))
    list(steps([1, 2]))
    assert seen == [(0, 3), (1, 3), (2, 3), (0, 1)]


def test_a_bar_on_the_terminal_and_the_answer_in_the_file(tmp_path: Path) -> None:
    rows = [f"{10**i},{j}e{i + 1},{4 - i / 4 - j / 40}" for i in range(6, 11) for j in range(1, 5)]
    path = tmp_path / "runs.csv"
    path.write_text("params,tokens,loss\n" + "\n".join(rows) + "\n")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "scaling", "backtest", str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=ENVIRONMENT, cwd=tmp_path
    ) as child:
        os.close(theirs)
        shown = _read(ours)
        assert child.stdout is not None
        answer = child.stdout.read().decode()
    assert child.returncode == 0
    assert "Forecasting larger runs" in shown
    assert re.search(r"\d/\d", shown), "no steps are shown"
    # Commands to the terminal are carried out, not shown.
    assert "\x1b[?25l" in shown and "u001b" not in shown
    assert "method" in answer and "\x1b" not in answer and "Forecasting larger" not in answer


def _read(terminal: int) -> str:
    """All that is written to a terminal until its last writer ends."""
    found = b""
    try:
        while part := os.read(terminal, 4096):
            found += part
    except OSError:  # how Linux says that the other end is closed
        pass
    finally:
        os.close(terminal)
    return found.decode(errors="replace")
