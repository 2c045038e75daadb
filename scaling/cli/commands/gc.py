"""Free DVC's cache of what can be computed again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import PIPELINE, Json, answer, working

PANEL = PIPELINE


def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove tables of old versions from DVC's cache: those that stages can compute again.

    The runs behind every version stay, and so does everything that the newest versions need
    (whole_versions in scaling.toml). What Git keeps is not touched, nor is any remote.
    """
    from scaling.orchestration.dvc.unused import collect
    from scaling.orchestration.project_lock import hold_project

    # Not while a refit writes into the cache.
    with hold_project(Path().resolve()), working("Looking at the cache", quiet=as_json):
        found = collect(Path().resolve(), dry=dry_run)
    answer(as_json, asdict(found), found.sentences)
