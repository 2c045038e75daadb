"""Run the pipeline, now or on schedules; alerts; sharing."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import PIPELINE
from scaling.errors import InputError


class Kind(StrEnum):
    """How an alert is sent."""

    webhook = "webhook"
    slack = "slack"
    email = "email"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (refit, serve, alerts, share):
        app.command(rich_help_panel=PIPELINE)(command)


def serve(
    only: Annotated[
        list[str] | None, typer.Argument(help="Deployments of prefect.yaml. Default: all.")
    ] = None,
    port: Annotated[int, typer.Option(help="Of the embedded server, on 127.0.0.1.")] = 4200,
    seconds: Annotated[float, typer.Option(help="Between two looks at the inbox.")] = 2.0,
) -> None:
    """Run the schedules of prefect.yaml on this machine, and refit when runs land in the inbox."""
    from scaling.orchestration.server.serve import main

    raise typer.Exit(main(Path(), port, only or (), seconds))


def alerts(
    kind: Annotated[Kind, typer.Argument(help="How to send.")],
    to: Annotated[
        str | None,
        typer.Option(
            envvar="SCALING_ALERTS_TO",
            help="Address, kept as a secret by Prefect: https://... for webhook and slack, "
            "mailtos://USER:PASSWORD@SERVER?from=FROM&to=TO for email. Asked for if not given.",
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove these alerts instead.")] = False,
) -> None:
    """Have the server send word of failures, drift, and runs at compute thresholds."""
    from scaling.orchestration.server.alerts import declare, withdraw

    if remove:
        done = withdraw(kind) or [f"{kind}: there were none"]
    else:
        done = declare(kind, to or typer.prompt("Address", hide_input=True))
    for line in done:
        typer.echo(line)


def share(
    git_remote: Annotated[str | None, typer.Option(help="Git's name of a remote.")] = None,
    dvc_remote: Annotated[str | None, typer.Option(help="DVC's name of a remote.")] = None,
) -> None:
    """Commit and tag the published version, and push it to remotes that are named."""
    from scaling.orchestration.project_lock import alone
    from scaling.orchestration.sharing.push import ShareError
    from scaling.orchestration.sharing.push import share as run
    from scaling.record.versions.fingerprint import fingerprint
    from scaling.record.versions.store import is_published

    root = Path().resolve()
    if not is_published(root):
        raise InputError("the present outputs are not published", hint="Run `scaling refit`.")
    try:
        with alone(root):
            done = run(root, fingerprint(root).version, git_remote, dvc_remote)
    except ShareError as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
    typer.echo("\n".join(done) or "shared already")


def refit() -> None:
    """Ingest, validate, fit, forecast, report and publish whatever is out of date."""
    from scaling.orchestration.run_local import main as run

    raise typer.Exit(run())
