"""Publish a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, Secret
from scaling.errors import InputError

PANEL = TRUST


def publish(
    corrects: Annotated[
        str | None, typer.Option(help="Id of the version that this one corrects.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Reason of the correction.")] = None,
    tag: Annotated[
        bool, typer.Option("--tag", help="Also tag every version that Git has.")
    ] = False,
    redact: Annotated[
        bool, typer.Option("--redact", help="Also write an edition without internal runs.")
    ] = False,
    sealed: Annotated[
        bool, typer.Option("--sealed", help="Leave internal forecasts out of the edition too.")
    ] = False,
    secret: Secret = None,
) -> None:
    """Publish the current report as an immutable version; `scaling refit` does so too."""
    from scaling.orchestration.project_lock import hold_project
    from scaling.pipeline.publish import publish as run
    from scaling.record.editions import salt as secrets

    if (sealed or secret) and not redact:
        raise InputError("--sealed and --secret need --redact")
    salt = secrets.read(secret, Path()) if redact else None
    # Not while a refit writes what is to be published.
    with hold_project(Path().resolve()):
        made = run(Path(), corrects=corrects, reason=reason)
    typer.echo(made.sentence)
    if salt is not None:
        from scaling.record.editions.redact import FOLDER, write
        from scaling.record.editions.redact import redact as edition_of

        edition = edition_of(Path(), made.version, salt, sealed=sealed)
        folder = write(edition, Path("reports") / FOLDER)
        typer.echo(f"redacted edition {edition.id}\n{folder}")
    if tag:
        from scaling.record.versions.tags import tag_versions

        for line in tag_versions(Path()):
            typer.echo(line)
