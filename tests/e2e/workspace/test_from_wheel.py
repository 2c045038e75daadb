"""A workspace from nothing but a wheel, to the next engine and back."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.needs import SANDBOX

# Nobody can reach the system's Python, and not one in root's home.
PYTHON = next((one for one in ("/usr/bin/python3.11",) if Path(one).is_file()), sys.executable)


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder that every user can reach."""
    with tempfile.TemporaryDirectory(prefix="scaling-wheel-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.slow
@SANDBOX.unless(shutil.which("bwrap") is not None)
def test_an_old_version_is_the_same_byte_for_byte_after_an_upgrade(work: Path) -> None:
    """As nobody where root runs the tests."""
    build = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "-w", work / "dist", ROOT], check=True)
    [wheel] = (work / "dist").glob("*.whl")
    (work / "walk").mkdir()
    command = [sys.executable, ROOT / ".ci/workspace.py", wheel, work / "walk", PYTHON]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert "reproduced by its own engine after an upgrade" in done.stdout
