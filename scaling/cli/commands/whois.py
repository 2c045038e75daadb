"""Ask who an alias of your own runs is."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import PIPELINE, Json, answer

PANEL = PIPELINE

Alias = Annotated[str, typer.Argument(help="internal-3, internal-3/run-52, ...")]


def whois(alias: Alias, as_json: Json = False) -> None:
    """Tell which source, run, family or series of your own an alias stands for."""
    from scaling.runs.inbox.add import INTERNAL
    from scaling.runs.inbox.whois import owner

    text = owner(INTERNAL, alias)
    answer(as_json, {"alias": alias, "owner": text}, [text])
