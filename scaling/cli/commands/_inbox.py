"""What verbs that change the inbox share: one at a time, and DVC is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from scaling.errors import InputError


@contextmanager
def changing_inbox(*, track: bool = True) -> Iterator[None]:
    """Hold the project, and with ``track`` have DVC track what changed in the store.

    Raises:
        InputError: this is no project's folder, or DVC fails.
    """
    from scaling.extras import need
    from scaling.io import atomic

    need("pipeline")
    if not Path("params.yaml").is_file():
        raise InputError("no params.yaml here", hint="Run this in the project's folder.")
    with atomic.locked(Path(), waiting=_waiting):
        yield
        if track:
            _track()


def _waiting() -> None:
    typer.echo("another command is running here; waiting for it to finish", err=True)


def _track() -> None:
    """Have DVC track the store; its file names no source."""
    from scaling.runs.inbox.add import INTERNAL
    from scaling.runs.inbox.store import STORE

    if not Path(".dvc").is_dir() or not (INTERNAL / STORE).is_dir():
        return
    command = [sys.executable, "-P", "-m", "dvc", "--wait-for-lock", "add", "--quiet"]
    done = subprocess.run(
        [*command, str(INTERNAL / STORE)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        output = done.stderr.strip() or done.stdout.strip()
        hint = f"The inbox is changed all the same. Once DVC works: dvc add {INTERNAL / STORE}"
        raise InputError(f"DVC could not add the inbox: {output}", hint=hint)
