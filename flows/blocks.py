"""Prefect blocks of our own: e-mail over SMTP, which Prefect's own blocks do not send."""

from __future__ import annotations

from prefect.blocks.notifications import AppriseNotificationBlock
from pydantic import Field, SecretStr


class SmtpEmail(AppriseNotificationBlock):
    """E-mail over SMTP through Apprise, from a ``mailto://`` or ``mailtos://`` address."""

    _block_type_name = "SMTP e-mail"
    _block_type_slug = "smtp-e-mail"

    url: SecretStr = Field(
        default=...,
        title="Address of the mail server",
        description="mailtos://USER:PASSWORD@SERVER?from=FROM&to=TO, kept as a secret.",
    )
