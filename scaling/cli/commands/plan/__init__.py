"""The group ``scaling plan``: a verb a file."""

from __future__ import annotations

import typer

from scaling.cli.commands import register
from scaling.cli.commands._options import PLAN

PANEL = PLAN
GROUP = typer.Typer(no_args_is_help=True, help="What to train next, and what it will cost.")
register(GROUP, __path__, __name__)
