"""What a run was trained from: its parent, looked up in the same file.

A parent outside the run's own model counts once, whichever of the model's runs names it: as
``original_run`` where the same developer trained it, as ``initialised_from`` where another did.
The weights of both are in ``counts.csv``. A parent inside the model is an earlier run of it.
"""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from scaling.errors import InputError

OWN, OTHERS = "original_run", "initialised_from"
_STATED = ("parent", "parent_entity", "parent_flop", "parent_systemic")
Row = dict[str, Any]


@dataclass(frozen=True)
class Parent:
    """A parent outside the model.

    - ``categories``: of counts.csv; both where its developer is not known
    - ``run``: place of its run in the table, None where the file has none
    - ``stated``: place of the row whose ``parent_flop`` states its compute, or None
    """

    categories: tuple[str, ...]
    run: int | None
    stated: int | None


def has_parent() -> pl.Expr:
    """Whether a row says anything of a parent."""
    return pl.any_horizontal(pl.col(name).is_not_null() for name in _STATED)


def ordered(table: pl.DataFrame) -> pl.DataFrame:
    """Sorted by start, an undated parent before what was trained from it.

    Adds ``parent_at``, the place of the parent's run (null where the file has none), and fills
    ``parent_entity`` from there.

    Raises:
        InputError: a run is trained from itself, or from one that starts later.
    """
    table = table.sort("started_at", maintain_order=True, nulls_last=True)
    found = _found(table) if table["parent"].null_count() < table.height else {}
    order = _order(table, found) if found else list(range(table.height))
    place = {old: new for new, old in enumerate(order)}
    at = [place[found[old]] if old in found else None for old in order]
    made = table[order].with_columns(pl.Series("parent_at", at, dtype=pl.Int64))
    return made.with_columns(
        parent_entity=pl.coalesce("parent_entity", pl.col("entity").gather("parent_at"))
    )


def _found(table: pl.DataFrame) -> dict[int, int]:
    """Place of a run -> place of its parent: the run of that name, else the last earlier run of
    the model of that name."""
    rows = table.select("run", "entity", "model", "parent", "parent_entity").to_dicts()
    runs = {row["run"]: i for i, row in enumerate(rows)}
    latest: dict[tuple[str, str], int] = {}
    found = {}
    for i, row in enumerate(rows):
        name, entity = row["parent"], row["parent_entity"]
        of = [runs[name]] if name in runs else [j for (m, _), j in latest.items() if m == name]
        of = [j for j in of if entity is None or rows[j]["entity"] == entity]
        if name is not None and len(of) == 1:
            found[i] = of[0]
        if row["model"] is not None:
            latest[row["model"], row["entity"]] = i
    return found


def _order(table: pl.DataFrame, found: Mapping[int, int]) -> list[int]:
    """Places by start, parents first where undated."""
    days = table["started_at"].to_list()
    try:
        line = list(graphlib.TopologicalSorter({i: {j} for i, j in found.items()}).static_order())
    except graphlib.CycleError as error:
        raise _wrong(table, min(error.args[1]), "leads back to the run itself") from None
    key = {i: day for i, day in enumerate(days) if day is not None}
    for child in reversed(line):
        parent = found.get(child)
        if parent is None or child not in key:
            continue
        if days[parent] is None:
            key[parent] = min(key.get(parent, key[child]), key[child])
        elif days[parent] > key[child]:
            raise _wrong(table, child, "starts later than the run that was trained from it")
    depth: dict[int, int] = {}
    for i in line:
        depth[i] = depth[found[i]] + 1 if i in found else 0
    dated = sorted(key, key=lambda i: (key[i], depth.get(i, 0), i))
    rest = (i for i in range(len(days)) if i not in key)
    return dated + sorted(rest, key=lambda i: (depth.get(i, 0), i))


def _wrong(table: pl.DataFrame, at: int, problem: str) -> InputError:
    row = table.row(at, named=True)
    return InputError(
        problem, row=row["row"], column="parent", value=row["parent"], allowed="an earlier run"
    )


def parents(table: pl.DataFrame, without: Collection[str] = ()) -> dict[int, tuple[Parent, ...]]:
    """Place of a run -> the parents of its model's runs so far; places without any are left out.

    ``without``: runs whose ledger has the parent's compute already.
    """
    stated = table.select(has_parent()).to_series().to_list()
    if not any(stated):
        return {}
    found: dict[int, tuple[Parent, ...]] = {}
    models: dict[Any, dict[Any, Parent]] = {}
    rows = table.select("run", "entity", "model", "parent_at", *_STATED).to_dicts()
    for i, row in enumerate(rows):
        key = i if row["model"] is None else (row["entity"], row["model"])
        listed = models.setdefault(key, {})
        if stated[i] and row["run"] not in without and not _inside(rows, row):
            _join(listed, rows, i)
        if listed:
            found[i] = tuple(listed.values())
    return found


def _inside(rows: list[Row], row: Row) -> bool:
    """Whether the parent is an earlier run of the same model, which counts as such."""
    of = None if row["parent_at"] is None else rows[row["parent_at"]]
    same = ("entity", "model")
    return of is not None and of["model"] is not None and all(of[k] == row[k] for k in same)


def _join(listed: dict[Any, Parent], rows: list[Row], i: int) -> None:
    """Each parent once, with the largest compute that a row states of it."""
    row = rows[i]
    entity, flop = row["parent_entity"], row["parent_flop"]
    categories = (OWN if entity == row["entity"] else OTHERS,) if entity else (OWN, OTHERS)
    name = (row["parent"], entity) if row["parent"] is not None else (flop, entity, "unnamed")
    key = name if row["parent_at"] is None else row["parent_at"]
    past = listed.get(key)
    known = None if past is None or past.stated is None else past.stated
    if flop is not None and (known is None or flop > rows[known]["parent_flop"]):
        known = i
    listed[key] = Parent(categories, row["parent_at"], known)
