"""Begin a workspace of one's own."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._inbox import changing_inbox
from scaling.cli.commands._options import PIPELINE, Flows, Json, Wheel, answer

PANEL = PIPELINE
ANYWHERE = True
Many = list[str] | None


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the workspace.")] = Path(),
    runs: Annotated[
        Path | None, typer.Option("--from", help="Table of runs for the first study.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--as", help="Name of the study. Default: the file's name.")
    ] = None,
    maps: Annotated[
        Many, typer.Option("--map", help="OURS=THEIRS[:UNIT]: as of `scaling add`; repeat.")
    ] = None,
    metric: Annotated[
        Many, typer.Option(help="THEIRS=KIND@DATASET:UNIT[:TO]: as of `scaling add`; repeat.")
    ] = None,
    sets: Annotated[
        Many, typer.Option("--set", help="OURS=VALUE: as of `scaling add`; repeat.")
    ] = None,
    ignore: Annotated[Many, typer.Option(help="Column or pattern to leave out; repeat.")] = None,
    schedule: Flows = False,
    wheel: Wheel = None,
    as_json: Json = False,
) -> None:
    """Begin a workspace: a folder for your own studies, that `scaling refit` fits and publishes."""
    from datetime import UTC, datetime

    from scaling.runs.inbox.mapping import Options
    from scaling.workspace.init import begin

    options = Options(maps or (), metric or (), sets or (), ignore or (), None, None)
    today = datetime.now(UTC).date()
    made = begin(folder, runs, name, options, today=today, schedule=schedule, wheel=wheel)
    if made.study:
        with contextlib.chdir(made.root), changing_inbox():
            pass
    there = "" if made.root == Path.cwd() else f"cd {shlex.quote(str(made.root))} && "
    then = (
        f"next: {there}git add -A && git commit -m 'Begin' && scaling refit"
        if made.study
        else f"next: {there}scaling add FILE, and name the study in params.yaml"
    )
    named = f"workspace {made.root}" + (f", study {made.study}" if made.study else "")
    facts = {"workspace": str(made.root), "study": made.study or None, "remarks": made.remarks}
    answer(as_json, facts, [*made.remarks, named, then])
