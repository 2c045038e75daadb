"""The group ``scaling pull``: a file a server."""

from __future__ import annotations

import typer

from scaling.cli.commands import folder
from scaling.cli.commands._options import PIPELINE

PANEL = PIPELINE
GROUP = typer.Typer(
    cls=folder(__path__, __name__),
    no_args_is_help=True,
    help="Take runs that are new from a tracker's server.",
)


@GROUP.callback()
def _group() -> None:
    """The group itself takes no options."""
