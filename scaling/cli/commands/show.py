"""One published version in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, Json, open_page, print_json, remark

PANEL = TRUST


def show(
    version: Annotated[
        str | None,
        typer.Argument(help="A version, or the start of its id. Default: the one that holds."),
    ] = None,
    page: Annotated[
        bool, typer.Option("--open", help="Open its page in the browser instead.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a published version: its forecasts and how far to trust them."""
    from scaling.cli.display.version import page_file, show_version, version_facts

    if page:
        file = page_file(Path("reports"), version)
        remark(f"Page -> {file}")
        open_page(file)
    if as_json:
        print_json(version_facts(Path("reports"), version))
    elif not page:
        show_version(Path("reports"), version)
