"""Forecast planned runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling.cli.commands._options import (
    TABLE,
    Inputs,
    Maps,
    Metric,
    Seed,
    Table,
    Target,
    WithoutDiverged,
    remark,
    working,
)
from scaling.errors import counted

if TYPE_CHECKING:
    from scaling.cli.commands._table import Given

PANEL = TABLE


def forecast(
    runs: Table,
    at: Annotated[Path, typer.Option(help="Table of planned runs with the input columns.")],
    out: Annotated[Path, typer.Option(help="File to write: .csv, .parquet or .jsonl.")],
    inputs: Inputs = None,
    target: Target = "loss",
    quantile: Annotated[
        list[float] | None,
        typer.Option(min=0.0, max=1.0, help="Probability level; repeat for more."),
    ] = None,
    law: Annotated[
        list[str] | None, typer.Option(help="Use only this law; repeat for more.")
    ] = None,
    companion: Annotated[
        list[str] | None,
        typer.Option(
            help="Column (or metric, with --metric) that was also measured on runs of other sizes; "
            "repeat."
        ),
    ] = None,
    maps: Maps = None,
    metric: Metric = None,
    seed: Seed = 0,
    without_diverged: WithoutDiverged = False,
) -> None:
    """Forecast planned runs from a table of finished ones, with intervals."""
    from scaling.cli.commands._table import read
    from scaling.fitting.data import law_inputs
    from scaling.forecasting.engine import LEVELS
    from scaling.forecasting.engine import forecast as run
    from scaling.forecasting.inputs import (
        check_companions,
        check_targets,
        decades_beyond,
        default_inputs,
        is_general,
        with_target,
    )
    from scaling.forecasting.law_choice import applicable, sole_law
    from scaling.forecasting.per_law import forecast_per_law
    from scaling.io.tables import write_table

    table = read(runs, maps)
    given = table.of_metric(metric, target, sparse=bool(companion))
    given = given.without_diverged(target, without_diverged)
    remark(given.repeated())
    if metric is not None and companion:
        given = given.beside(companion, table)
    planned = read(at, maps, optional=True)
    targets = planned.frame
    with given.placed():
        names, left_out = default_inputs(given.frame, targets, target)
        if inputs:
            names, left_out = tuple(inputs), {}
        general = not law and not companion and is_general(given.frame, names, target)
    check_companions(companion or (), names, law or "auto")
    if general:
        _forecast_table(given, planned, names, left_out, target, quantile, out)
        return
    special = sole_law(names, law or "auto")
    if special is None:
        applicable(names, law or "auto")
    with planned.placed():
        if special is None:
            check_targets(targets, names)
        elif special.bind is None:
            law_inputs(targets, special, to_fit=False)
    with given.placed(), working(f"Forecasting {counted(targets.height, 'target')}"):
        made = run(
            given.frame,
            targets,
            inputs=names,
            target=target,
            quantiles=quantile or LEVELS,
            laws=law or "auto",
            companions=companion or (),
            seed=seed,
        )
    write_table(out, made)
    remark("\n".join(made.notes))
    typer.echo(
        f"{counted(made.height, 'quantile')} of {counted(targets.height, 'target')} -> {out}"
    )
    from scaling.cli.display.forecast import show_forecast

    frame = with_target(given.frame, target) if companion else given.frame
    beyond = None if special is not None else decades_beyond(frame, targets, names)
    both = beyond is not None and not law and len(names) < 3
    beside = forecast_per_law(frame, targets, names, target) if both else {}
    show_forecast(made, targets, names, beyond, beside)


def _forecast_table(
    given: Given,
    planned: Given,
    names: tuple[str, ...],
    left_out: dict[str, str],
    target: str,
    quantile: list[float] | None,
    out: Path,
) -> None:
    """Forecast with the model of any table, and say which columns it reads."""
    from scaling.cli.display.forecast import columns_used, show_table_forecast
    from scaling.forecasting.engine import LEVELS, forecast_table, model_of
    from scaling.io.tables import write_table

    if left_out:
        typer.echo(columns_used(names, left_out))
    with given.placed(), working("Fitting the forms"):
        model = model_of(given.frame, names, target)
    with planned.placed():
        made = forecast_table(model, planned.frame, quantile or LEVELS)
        reach = model.reach(planned.frame)
    write_table(out, made)
    count = counted(planned.frame.height, "target")
    typer.echo(f"{counted(made.height, 'quantile')} of {count} -> {out}")
    show_table_forecast(made, planned.frame, model.inputs, reach)
