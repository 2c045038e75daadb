"""The group ``scaling plan``: a verb a file."""

from __future__ import annotations

import typer

from scaling.cli.commands import folder
from scaling.cli.commands._options import PLAN

PANEL = PLAN
GROUP = typer.Typer(
    cls=folder(__path__, __name__),
    no_args_is_help=True,
    help="What to train next, and what it will cost.",
)


@GROUP.callback()
def _group() -> None:
    """The group itself takes no options."""
