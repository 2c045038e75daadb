"""Compare laws on a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling.cli.commands._options import JUDGE, Json, Maps, Table, Target, print_json, working
from scaling.errors import InputError

if TYPE_CHECKING:
    import polars as pl

PANEL = JUDGE


def compare(
    runs: Table,
    law: Annotated[
        list[str] | None,
        typer.Option(help="Law family; repeat. Default: the usual ones that the columns allow."),
    ] = None,
    maps: Maps = None,
    target: Target = "loss",
    by: Annotated[
        str | None,
        typer.Option(help="Also predict the runs of each value of this column from the others."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare laws: AIC, AICc, BIC, and errors beyond the compute they were fitted on."""
    from scaling.cli.commands._table import read

    given = read(runs, maps).with_target(target)
    with given.placed(), working("Comparing laws", quiet=as_json):
        made = _comparison(given.frame, law, target, by)
    if as_json:
        print_json(made)
        return
    from scaling.cli.display.diagnostics import show_comparison

    show_comparison(made)


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
