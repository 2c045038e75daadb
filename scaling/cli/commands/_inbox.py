"""What verbs that change the inbox share: one at a time, and DVC is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from scaling.errors import InputError

Many = list[str] | None
# How a source is read, as in `scaling.runs.inbox.mapping.Options`.
MapColumns = Annotated[
    Many, typer.Option("--map", help="OURS=THEIRS[:UNIT]: their column for ours; repeat.")
]
MapMetrics = Annotated[
    Many,
    typer.Option("--metric", help="THEIRS=KIND@DATASET:UNIT[:TO]: a metric and its unit; repeat."),
]
SetValues = Annotated[
    Many, typer.Option("--set", help="OURS=VALUE: a value for every row; repeat.")
]
Ignore = Annotated[
    Many, typer.Option(help="Column or pattern to leave out, as in config.*; repeat.")
]
WhichRows = Annotated[
    str | None, typer.Option(help="Which checkpoints of a tracker's run: every or final.")
]
BytesPerToken = Annotated[
    float | None,
    typer.Option(help="Bytes per token of the tokenizer, to convert loss per byte."),
]
As = Annotated[str | None, typer.Option("--as", help="Name of the source.")]


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
