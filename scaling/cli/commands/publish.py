"""Publish a version, and check what was published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST
from scaling.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(rich_help_panel=TRUST)(publish)
    app.command(rich_help_panel=TRUST)(verify)


def publish(
    corrects: Annotated[str | None, typer.Option(help="Version that this one corrects.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is corrected.")] = None,
    tag: Annotated[
        bool, typer.Option("--tag", help="Also tag every version that is committed to Git.")
    ] = False,
    redact: Annotated[
        bool, typer.Option("--redact", help="Also make the edition without internal runs.")
    ] = False,
    sealed: Annotated[
        bool, typer.Option("--sealed", help="The edition keeps internal forecasts back too.")
    ] = False,
    secret: Annotated[Path | None, typer.Option(help="File with the edition's secret.")] = None,
) -> None:
    """Publish the current report as an immutable version (refit does this by itself)."""
    from scaling.orchestration.project_lock import alone
    from scaling.pipeline.publish import publish as run
    from scaling.record.editions import salt as secrets

    if (sealed or secret) and not redact:
        raise InputError("--sealed and --secret are about an edition", allowed="with --redact")
    salt = secrets.read(secret, Path()) if redact else None
    # Not while a refit writes what is to be published.
    with alone(Path().resolve()):
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


def verify(
    edition: Annotated[
        Path | None, typer.Argument(help="Folder of a redacted edition, to check it alone.")
    ] = None,
    disclosed: Annotated[
        Path | None, typer.Option(help="Proof that something belongs to the edition.")
    ] = None,
    full: Annotated[
        Path | None, typer.Option(help="Folder of the full version, to compare with.")
    ] = None,
) -> None:
    """Check every published version, or one redacted edition with nothing else at hand.

    Inputs that are not as Git has them are named too.
    """
    if edition is not None:
        from scaling.cli.display.edition import verified

        problems, good = verified(edition, disclosed, full)
    elif disclosed or full:
        raise InputError("which edition?", allowed="the folder of a redacted edition")
    else:
        from scaling.record.editions.verify import check_all
        from scaling.record.reproduce.git_state import changed
        from scaling.record.versions.check import verify as run

        for line in changed(Path()):
            typer.echo(line, err=True)
        problems, good = run(Path()) + check_all(Path()), ["Every published version is whole."]
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo("\n".join(good))
