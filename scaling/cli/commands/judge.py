"""Commands that judge fits: which law, which runs carry it, which choices move it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling.cli.commands._options import JUDGE, Json, Maps, OneLaw, Table, Target, working
from scaling.errors import InputError

if TYPE_CHECKING:
    import polars as pl

At = Annotated[
    Path | None, typer.Option(help="Table of planned runs, whose predictions are shown too.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (compare, influence, sensitivity):
        app.command(rich_help_panel=JUDGE)(command)


def compare(
    runs: Table,
    law: Annotated[
        list[str] | None,
        typer.Option(
            help="Law family; repeat for more. Default: the usual ones that the columns allow."
        ),
    ] = None,
    maps: Maps = None,
    target: Target = "loss",
    by: Annotated[
        str | None, typer.Option(help="Also predict each value of this column from the others.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare laws: AIC, AICc, BIC, and errors beyond the compute they were fitted on."""
    from scaling.cli.commands._table import read

    given = read(runs, maps)
    with given.placed(), working("Comparing laws", quiet=as_json):
        made = _comparison(given.frame, law, target, by)
    if as_json:
        _print_json(made)
        return
    from scaling.cli.display.diagnostics import show_comparison

    show_comparison(made)


def influence(
    runs: Table,
    law: OneLaw,
    top: Annotated[int, typer.Option(min=1, help="How many to show.")] = 10,
    by: Annotated[
        str | None, typer.Option(help="Leave out each value of this column, not each run.")
    ] = None,
    at: At = None,
    maps: Maps = None,
    target: Target = "loss",
    as_json: Json = False,
) -> None:
    """Show which runs carry a fit: what leaving each out does to it."""
    from scaling.cli.commands._table import read
    from scaling.fitting.diagnostics.influence import influence_table
    from scaling.fitting.engine import prepare, solve

    given = read(runs, maps)
    targets = None if at is None else read(at, maps, optional=True).frame
    with given.placed(), working(f"Leaving runs out of {law}", quiet=as_json):
        problem = prepare(given.frame, law, target=target)
        made, _ = solve(problem, target)
        table = influence_table(given.frame, problem, made, by=by, targets=targets).head(top)
    if as_json:
        _print_json({"law": law, "outcome": str(made.outcome), "influence": table.to_dicts()})
        return
    from scaling.cli.display.diagnostics import show_influence

    show_influence(made, table)


def sensitivity(
    runs: Table,
    law: OneLaw,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="SQL condition of rows to leave out; each is also lifted. Repeat."),
    ] = None,
    budget: Annotated[
        float, typer.Option(help="FLOP of the compute-optimal tokens per parameter.")
    ] = 5.76e23,
    at: At = None,
    cluster: Annotated[
        str | None, typer.Option(help="Column of the cluster standard errors.")
    ] = None,
    maps: Maps = None,
    target: Target = "loss",
    as_json: Json = False,
) -> None:
    """Show how far a fit depends on delta, loss space, exclusions and clusters."""
    from scaling.cli.commands._table import read
    from scaling.fitting.diagnostics.exclusions import Exclusion
    from scaling.fitting.diagnostics.sensitivity import panel

    given = read(runs, maps)
    targets = None if at is None else read(at, maps, optional=True).frame
    rules = [Exclusion(where) for where in exclude or ()]
    with given.placed(), working(f"Fitting {law} in many ways", quiet=as_json):
        table = panel(
            given.frame,
            law,
            rules=rules,
            target=target,
            cluster=cluster,
            budget=budget,
            targets=targets,
        )
    if as_json:
        _print_json({"law": law, "budget": budget, "panel": table.to_dicts()})
        return
    from scaling.cli.display.diagnostics import show_panel

    show_panel(law, budget, table)


def _comparison(
    frame: pl.DataFrame, names: list[str] | None, target: str, by: str | None
) -> dict[str, Any]:
    """Criteria, rolling-origin errors, group errors and notes, as plain values."""
    from scaling import laws
    from scaling.fitting.diagnostics.compare import compare as judge
    from scaling.fitting.diagnostics.rolling import errors_by_group, errors_by_horizon
    from scaling.fitting.engine import prepare, solve

    chosen = [laws.get(name) for name in names] if names else _possible(frame)
    problems = [prepare(frame, one, target=target) for one in chosen]
    fits = [(problem, solve(problem, target)[0]) for problem in problems]
    beyond, notes = errors_by_horizon(frame, problems)
    made = {"criteria": judge(fits).to_dicts(), "rolling_origin": beyond.to_dicts()}
    if by is not None:
        groups, more = errors_by_group(frame, problems, by)
        made, notes = made | {"groups": groups.to_dicts()}, notes + more
    return made | {"notes": notes}


def _possible(frame: pl.DataFrame) -> list[Any]:
    """The usual laws whose inputs are columns of the table."""
    from scaling import laws

    have = set(frame.columns)
    compute = "flops" in have or {"params", "tokens"} <= have
    usual = [laws.get(name) for name in laws.of_role("forecast")]
    found = [law for law in usual if set(law.inputs) <= have or (law.generic and compute)]
    if not found:
        raise InputError(
            "no law takes these columns",
            value=frame.columns[:30],
            allowed="params and tokens, flops, or x",
            hint="Name them with --map.",
        )
    return found


def _print_json(value: dict[str, Any]) -> None:
    from scaling.io.json_files import json_text

    typer.echo(json_text(value), nl=False)
