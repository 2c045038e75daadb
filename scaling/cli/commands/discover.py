"""Which formula a table of runs follows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import (
    TABLE,
    Inputs,
    Json,
    Maps,
    Metric,
    Table,
    Target,
    print_json,
    remark,
    working,
)
from scaling.errors import InputError

PANEL = TABLE


def discover(
    runs: Table,
    at: Annotated[
        Path | None,
        typer.Option(
            help="Table of planned runs: rank by error on the runs nearest to them. Default: on "
            "the largest runs."
        ),
    ] = None,
    inputs: Inputs = None,
    target: Target = "loss",
    save: Annotated[
        str | None,
        typer.Option(
            help="Write the best formula (of fewest constants among those tied with the first) as "
            "this law: laws/NAME.py in this folder."
        ),
    ] = None,
    form: Annotated[
        int | None, typer.Option(help="Number of the formula that is saved and shown in full.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite a law file of that name.")
    ] = False,
    maps: Maps = None,
    metric: Metric = None,
    as_json: Json = False,
) -> None:
    """Rank formulas for a table by error on held-out runs, with constants and intervals."""
    from scaling.cli.commands._table import read
    from scaling.forecasting.discovery import discover as run
    from scaling.forecasting.law_file import place_of
    from scaling.forecasting.ranking import default_columns, study_of

    if replace and save is None:
        raise InputError("--replace without --save", allowed="--save NAME --replace")
    if save is not None:
        place_of(save, replace)
    given = read(runs, maps).of_metric(metric, target)
    remark(given.repeated())
    planned = None if at is None else read(at, maps, optional=True)
    frame = None if planned is None else planned.frame
    with given.placed():
        given.require(target)
        names = inputs or default_columns(given.frame, frame, target)[0]
        read_as = study_of(given.frame, names, target).inputs
    if planned is not None:
        with planned.placed():
            for name in names:
                planned.require(name)
            read_as.points(planned.frame)
    with given.placed(), working("Fitting formulas", quiet=as_json):
        found = run(given.frame, frame, inputs=inputs, target=target)
    chosen = found.best if form is None else found.form(form)
    if as_json:
        print_json(found.to_dict())
    else:
        from scaling.cli.display.discovery import show_discovery

        show_discovery(found, chosen)
    if save is not None:
        path = found.save(save, chosen.number, replace=replace)
        remark(f"{chosen.name} -> {path}; `scaling fit {runs} --law {save}` fits it.")
        remark(_unnoticed())


def _unnoticed() -> str | None:
    """Which stages of the project here would not run again for a new law."""
    if not Path("dvc.yaml").is_file():
        return None
    from scaling.record.versions.fingerprint import blind_to_laws

    stages = blind_to_laws(Path())
    return f"Add `- laws` to the deps of {', '.join(stages)} in dvc.yaml." if stages else None
