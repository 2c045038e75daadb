"""The data sets of the library."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import LOOK, Json, print_json

PANEL = LOOK


def sources(
    name: Annotated[str | None, typer.Argument(help="Show this source in full.")] = None,
    as_json: Json = False,
) -> None:
    """List the data sets of the library, or show one in full."""
    from scaling.cli.display import fits as show

    if as_json:
        chosen = show.library().values() if name is None else [show.source_named(name)]
        print_json({"sources": [show.source_facts(one) for one in chosen]})
    elif name is None:
        show.show_sources()
    else:
        show.show_source(show.source_named(name))
