"""Alerts about failures, drift, threshold crossings and runs under way."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from scaling.cli.commands._options import PIPELINE, Json, answer

PANEL = PIPELINE


def alerts(
    kind: Annotated[Kind, typer.Argument(help="How alerts are sent.")],
    to: Annotated[
        str | None,
        typer.Option(
            envvar="SCALING_ALERTS_TO",
            help="Address, kept as a secret by Prefect: https://... for webhook and slack, "
            "mailtos://USER:PASSWORD@SERVER?from=FROM&to=TO for email. Prompted for if not given.",
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove these alerts instead.")] = False,
    as_json: Json = False,
) -> None:
    """Send alerts on failures, drift, threshold crossings and runs that leave their forecast."""
    from scaling.orchestration.server.alerts import declare, withdraw

    if remove:
        done = withdraw(kind) or [f"{kind}: there were no alerts to remove"]
    else:
        done = declare(kind, to or typer.prompt("Address", hide_input=True))
    answer(as_json, {"kind": kind.value, "removed": remove, "messages": done}, done)


class Kind(StrEnum):
    """How an alert is sent."""

    webhook = "webhook"
    slack = "slack"
    email = "email"
