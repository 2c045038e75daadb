"""The law families, and which apply to a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import LOOK, Json, Maps, Metric, Target, print_json

PANEL = LOOK


def laws(
    name: Annotated[str | None, typer.Argument(help="Show this law in full.")] = None,
    table: Annotated[
        Path | None, typer.Option("--for", help="Show which laws apply to this table of runs.")
    ] = None,
    exponents: Annotated[
        bool, typer.Option("--exponents", help="Show published exponents by architecture.")
    ] = False,
    maps: Maps = None,
    metric: Metric = None,
    target: Target = "loss",
    as_json: Json = False,
) -> None:
    """List the law families, show one in full, or show which apply to a table and why not."""
    from scaling import laws as registry
    from scaling.cli.display import fits as show

    if exponents:
        from scaling.analysis.published_exponents import published_exponents

        known = published_exponents()
        if as_json:
            print_json({"exponents": known.to_dicts()})
        else:
            show.show_published_exponents(known)
    elif table is not None:
        from scaling.cli.commands._table import read
        from scaling.fitting.applicability import applicable

        given = read(table, maps).of_metric(metric, target)
        with given.placed():
            found = applicable(given.frame, target, name)
        if as_json:
            verdicts = [show.verdict_facts(one) for one in found]
            print_json({"table": str(table), "verdicts": verdicts})
        else:
            show.show_applicable(found)
    elif as_json:
        chosen = registry.load().values() if name is None else [registry.get(name)]
        print_json({"laws": [show.law_facts(law) for law in chosen]})
    elif name is None:
        show.show_laws()
    else:
        show.show_law(name)
