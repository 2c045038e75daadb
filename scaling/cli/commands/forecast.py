"""Forecast planned runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling.cli.commands._options import (
    FLOPS,
    PARAMS,
    TABLE,
    TOKENS,
    Inputs,
    Json,
    Maps,
    Metric,
    Mixed,
    Open,
    Partial,
    Plot,
    Schedule,
    Seed,
    Study,
    Table,
    Target,
    WithoutDiverged,
    draw,
    print_json,
    remark,
    working,
)
from scaling.errors import InputError, counted

if TYPE_CHECKING:
    from scaling.cli.commands._table import Given
    from scaling.forecasting.informed import Informed

PANEL = TABLE


def forecast(
    runs: Table,
    at: Annotated[
        Path | None, typer.Option(help="Table of planned runs with the input columns.")
    ] = None,
    params: Annotated[
        float | None, typer.Option(parser=PARAMS, help="Or one planned run: its params ...")
    ] = None,
    tokens: Annotated[float | None, typer.Option(parser=TOKENS, help="... and tokens.")] = None,
    flops: Annotated[
        float | None,
        typer.Option(parser=FLOPS, help="Its FLOP, where the table has a column flops."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .csv, .parquet or .jsonl.")
    ] = None,
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
    mixed: Mixed = None,
    schedule: Schedule = None,
    seed: Seed = 0,
    without_diverged: WithoutDiverged = False,
    partial: Partial = None,
    study: Study = None,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """Forecast planned runs from a table of finished ones, with intervals."""
    from scaling.api.forecast import refuse
    from scaling.cli.commands._table import read
    from scaling.fitting.data import unit_of_target
    from scaling.forecasting.display import as_json as json_of
    from scaling.forecasting.engine import LEVELS
    from scaling.forecasting.engine import forecast as run
    from scaling.forecasting.informed import along
    from scaling.forecasting.inputs import chosen_inputs, is_general, with_target
    from scaling.forecasting.partial import WEIGHT, finished, offer
    from scaling.forecasting.per_law import forecast_per_law
    from scaling.io.tables import write_table

    planned = _planned(at, maps, params=params, tokens=tokens, flops=flops)
    table = read(runs, maps)
    whole = table.of_metric(metric, target, sparse=True)
    if partial is None:
        remark(None if companion else offer(whole, target, "--partial CURVES"))
    given = whole if companion else finished(whole, target, under_way=partial is not None)
    given = given.without_diverged(target, without_diverged)
    remark(given.repeated())
    if metric is not None and companion:
        given = given.beside(companion, table)
    targets = planned.frame
    inputs = inputs or ([along(given.frame, targets)] if study else None)
    with given.placed():
        grow = not law and not companion
        chosen = (
            (tuple(inputs or targets.columns), [])
            if inputs or at is None
            else chosen_inputs(given.frame, targets, target, grow=grow)
        )
    (names, notes), laws, others = chosen, law or "auto", companion or ()
    refuse(given, planned, names, target, laws, mixed or (), others)
    used = {"--law": law, "--companion": companion, "--without-diverged": without_diverged}
    beside_it = [name for name, value in used.items() if value]
    ended, what = given, (names, target, metric, schedule)
    informed_by = _other_runs(given, study, what, [*beside_it, *["--partial"] * bool(partial)])
    if partial is not None:
        given, schedule = _with_partial(whole, (partial, maps), what, beside_it), None
    with given.placed(), working(f"Forecasting {counted(targets.height, 'target')}", quiet=as_json):
        made = run(
            given.frame,
            targets,
            inputs=names,
            target=target,
            quantiles=quantile or LEVELS,
            laws=laws,
            companions=others,
            mixed=mixed or (),
            schedule=schedule,
            weights=None if partial is None else WEIGHT,
            informed=informed_by,
            seed=seed,
        )
    made.notes = (*notes, *made.notes)
    if out is not None:
        write_table(out, made)
    if as_json:
        print_json(json_of(made))
        draw(made, plot, opened)
        return
    if out is not None:
        count = counted(targets.height, "target")
        typer.echo(f"{counted(made.height, 'quantile')} of {count} -> {out}")
    from scaling.cli.display.forecast import show_forecast

    frame = with_target(given.frame, target) if companion else ended.frame
    if made.runs is not None and made.runs.height < frame.height:
        frame = made.runs  # of the one run that the targets name
    single = not law and len(names) < 3 and not is_general(frame, names, target)
    beside = forecast_per_law(frame, targets, names, target) if single else {}
    unit = unit_of_target(given.frame, target) if target in given.frame.columns else ""
    show_forecast(made, targets, names, beside, target=target, unit=unit)
    draw(made, plot, opened)


What = tuple[Sequence[str], str, str | None, str | None]


def _other_runs(
    given: Given, study: str | None, what: What, others: Sequence[str]
) -> Informed | None:
    """What informs a curve, where nothing among ``others`` is named; ``what`` is (inputs, target,
    metric, schedule).

    Raises:
        InputError: a study beside other options.
    """
    from scaling.cli.commands._table import read
    from scaling.forecasting.informed import informed
    from scaling.forecasting.study_end import finished_runs

    names, target, metric, schedule = what
    if others:
        if study is not None:
            raise InputError("cannot be combined", value=", ".join(["--study", *others]))
        return None
    table = None if study is None else read(Path(study))
    known = None if table is None else finished_runs(str(study), table, metric, target)
    return informed(given.frame, names, target, metric, known, schedule)


def _with_partial(
    whole: Given, partial: tuple[Path, list[str] | None], what: What, others: Sequence[str]
) -> Given:
    """The runs with those under way, by the file of their curves and its mapped columns."""
    from scaling.cli.commands._table import read
    from scaling.forecasting import partial as under_way

    names, target, metric, schedule = what
    under_way.refuse_with_partial(others)
    curves = read(*partial, optional=True).of_metric(metric, target)
    scatter = under_way.model_scatter(names, target)
    return under_way.with_partial(whole, curves, target, scatter, under_way.WEIGHT, schedule)


def _planned(at: Path | None, maps: list[str] | None, **sizes: float | None) -> Given:
    """The planned runs: of a table, or the one that options describe.

    Raises:
        InputError: neither, or both.
    """
    from scaling.cli.commands._table import of_options, read

    named = [f"--{name}" for name, value in sizes.items() if value is not None]
    if (at is None) != bool(named):
        found = " and ".join(["--at", *named]) if named else None
        allowed = "--params and --tokens (or --flops) of one run, or --at FILE"
        raise InputError("which planned runs?", value=found, allowed=allowed)
    return of_options(**sizes) if at is None else read(at, maps, optional=True)
