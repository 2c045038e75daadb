"""Timestamps of a third party over the lines of the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, Certificate, Json, answer

PANEL = TRUST


def timestamp(
    url: Annotated[
        str | None,
        typer.Option(
            help="Time-stamping authority (RFC 3161). Default: audit.timestamps.url of params.yaml."
        ),
    ] = None,
    certificate: Certificate = None,
    as_json: Json = False,
) -> None:
    """Ask an authority for a token over each line of the ledger that has none.

    Only the hash of a line is sent. A token shows that the version was there at a time, by the
    authority's clock; `scaling audit` and `scaling verify` read it.
    """
    from scaling.record.audit.run import rewrite
    from scaling.record.audit.timestamps import stamp
    from scaling.record.site import refresh

    new = []
    for line in stamp(Path(), url, certificate):
        new.append(line)
        if not as_json:
            typer.echo(line)
    if new and rewrite(Path(), certificate):
        refresh(Path())
    answer(as_json, {"tokens": new}, [] if new else ["Every line of the ledger has its token."])
