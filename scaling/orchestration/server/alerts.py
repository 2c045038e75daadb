"""Alerts: Prefect's own blocks and automations, declared from here.

A message says what happened, how often and in which run of a flow: never what was found, because
the run's log has names that may be internal, and a message leaves the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from prefect.blocks.notifications import AppriseNotificationBlock
from pydantic import Field, SecretStr

from scaling.errors import InputError

FLOWS = ["refit", "audit", "govern", "backtest"]
ENDED = {"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"}
TEXTS = {
    "failure": "{{ flow.name }} did not complete: {{ flow_run.state.name }}, run {{ flow_run.id }}",
    "drift": "New rows are unlike earlier ones in {{ event.payload['sources'] }} sources",
    "threshold": "{{ event.payload['alerts'] }} alerts of compute thresholds",
    "run": "{{ event.payload['runs'] }} run under way left its interval of the day before",
}
SCHEMES = {
    "webhook": ("http://", "https://"),
    # json:// is Apprise's plain POST, for services that take Slack's place.
    "slack": ("https://hooks.slack.com/", "https://hooks.slack-gov.com/", "json://", "jsons://"),
    "email": ("mailto://", "mailtos://"),
}


def declare(kind: str, to: str) -> list[str]:
    """Save the block and one automation for each kind of news; what was done, in lines.

    The same command again replaces both. Raises InputError for an address of the wrong kind.
    """
    if not to.startswith(SCHEMES[kind]):
        # The address may hold a password, so it is not repeated.
        allowed = " or ".join(SCHEMES[kind])
        raise InputError(f"not an address for {kind}", column="--to", allowed=f"{allowed}...")
    _need_server()
    block = _block(kind, to)
    identity = block.save(f"scaling-{kind}", overwrite=True)
    withdraw(kind)
    for news, trigger in _triggers().items():
        _automation(kind, news, trigger, _action(kind, news, identity)).create()
    return [f"{kind}: tells of {', '.join(TEXTS)}"]


def withdraw(kind: str) -> list[str]:
    """Delete the automations of this kind; the block with the address stays until replaced."""
    from prefect import get_client

    _need_server()
    removed = []
    with get_client(sync_client=True) as client:
        for found in client.request("POST", "/automations/filter", json={}).json():
            if found["name"] in set(_names(kind)):
                client.request("DELETE", "/automations/{id}", path_params={"id": found["id"]})
                removed.append(f"removed {found['name']}")
    return removed


def _names(kind: str) -> Iterator[str]:
    yield from (f"scaling: {news} by {kind}" for news in TEXTS)


def _need_server() -> None:
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        raise InputError(
            "no Prefect server is named",
            hint="Start `scaling serve` and set PREFECT_API_URL to http://127.0.0.1:4200/api",
        )


def _block(kind: str, to: str) -> Any:
    from prefect.blocks.notifications import SlackWebhook
    from prefect.blocks.webhook import Webhook

    address = SecretStr(to)
    if kind == "webhook":
        return Webhook(url=address)
    return SlackWebhook(url=address) if kind == "slack" else SmtpEmail(url=address)


def _triggers() -> dict[str, Any]:
    from prefect.events import EventTrigger
    from prefect.events.schemas.automations import Posture
    from prefect.events.schemas.events import ResourceSpecification

    flows: dict[str, str | list[str]] = {
        "prefect.resource.role": "flow",
        "prefect.resource.name": FLOWS,
    }
    return {
        "failure": EventTrigger(
            expect=ENDED, match_related=ResourceSpecification(flows), posture=Posture.Reactive
        ),
        "drift": EventTrigger(expect={"scaling.drift"}, posture=Posture.Reactive),
        "threshold": EventTrigger(expect={"scaling.threshold"}, posture=Posture.Reactive),
        "run": EventTrigger(expect={"scaling.watch.left_interval"}, posture=Posture.Reactive),
    }


def _action(kind: str, news: str, block: Any) -> Any:
    from prefect.events.actions import CallWebhook, SendNotification

    if kind == "webhook":
        payload = json.dumps({"news": news, "text": TEXTS[news]})
        return CallWebhook(block_document_id=block, payload=payload)
    return SendNotification(block_document_id=block, subject=f"scaling: {news}", body=TEXTS[news])


def _automation(kind: str, news: str, trigger: Any, action: Any) -> Any:
    from prefect.automations import Automation

    return Automation(
        name=f"scaling: {news} by {kind}",
        description=f"Sends word of {news} by {kind}.",
        trigger=trigger,
        actions=[action],
    )


class SmtpEmail(AppriseNotificationBlock):
    """E-mail over SMTP through Apprise, from a ``mailto://`` or ``mailtos://`` address."""

    _block_type_name = "SMTP e-mail"
    _block_type_slug = "smtp-e-mail"

    url: SecretStr = Field(
        default=...,
        title="Address of the mail server",
        description="mailtos://USER:PASSWORD@SERVER?from=FROM&to=TO, kept as a secret.",
    )
