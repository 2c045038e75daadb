"""The command that runs schedules, and the one that declares alerts."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scaling.errors import InputError

PANEL = "Run the pipeline"


class Kind(StrEnum):
    """How an alert is sent."""

    webhook = "webhook"
    slack = "slack"
    email = "email"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (serve, alerts, share):
        app.command(rich_help_panel=PANEL)(command)


def serve(
    only: Annotated[
        list[str] | None, typer.Argument(help="Deployments of prefect.yaml. Default: all.")
    ] = None,
    port: Annotated[int, typer.Option(help="Of the embedded server, on 127.0.0.1.")] = 4200,
    seconds: Annotated[float, typer.Option(help="Between two looks at the inbox.")] = 2.0,
) -> None:
    """Run the schedules of prefect.yaml on this machine, and refit when runs land in the inbox."""
    from flows.serve import main

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
    from flows.alerts import declare, withdraw

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
    from flows.alone import alone
    from flows.share import ShareError
    from flows.share import share as run
    from scaling.publish import is_published
    from scaling.version import fingerprint

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
