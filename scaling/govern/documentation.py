"""What packs say of each run: the EU's documentation form, its estimates, energy, and forecasts."""

from __future__ import annotations

from typing import Any

import polars as pl

from scaling.document.blocks import Cell, Column, Group, Points, Table, Text, table
from scaling.document.format import clean, scientific
from scaling.govern.cells import NOT_STATED, band, day_of, figure, known, ratio, text, wide


def documentation(runs: pl.DataFrame, energy: pl.DataFrame) -> Table:
    """Fields of the EU's Model Documentation Form that the runs file can fill.

    Compute to two significant figures goes to the AI Office, the order of magnitude to national
    authorities; training time as a range to the latter.
    """
    joined = runs.join(
        energy.select("run", "energy_kwh", "inference_flop_100k_tokens"),
        on="run",
        how="left",
    )
    groups = tuple(Group(clean(r["run"]), _form(r)) for r in joined.to_dicts())
    note = (
        "Fields of the Model Documentation Form (EU Code of Practice, Transparency chapter). AIO: "
        "what the form gives to the AI Office; NCA: to national authorities. Not stated: not in "
        "the runs file."
    )
    return table(
        "documentation-table",
        "Model documentation",
        (*wide("field"), Column("entry", long=True)),
        groups,
        note,
        "run",
    )


def _form(r: dict[str, Any]) -> tuple[tuple[Cell, ...], ...]:
    days = _length(r)
    hours = r["chip_hours"] or _product(r["chips"], r["hours"])
    order = None if r["best"] is None else 10 ** int(f"{r['best']:e}".split("e")[1])
    fields: list[tuple[str, Cell]] = [
        ("Provider", text(r["entity"])),
        ("Model name", text(r["model"] or r["run"])),
        ("Release date", text(day_of(r["released_at"]))),
        ("Base model (dependency)", text(r["parent"])),
        (
            "Total parameters (AIO, 2 significant figures)",
            figure(r["params"], scientific(r["params"]), ""),
        ),
        ("Training time (AIO): wall-clock days", text(days)),
        (
            "Training time (AIO): hardware days",
            text(None if hours is None else scientific(hours / 24)),
        ),
        (
            "Training compute (AIO, 2 significant figures)",
            figure(r["best"], scientific(r["best"]), "FLOP"),
        ),
        ("Training compute (NCA, order of magnitude)", figure(order, scientific(order), "FLOP")),
        ("How it was estimated", text(_method(r))),
        ("Energy of training (AIO, 2 significant figures)", _mwh(r["energy_kwh"])),
        ("Inference compute for 100,000 tokens", _flop(r["inference_flop_100k_tokens"])),
    ]
    if r.get("redacted"):
        # Rounded figures of a redacted row are magnitudes, which only the last of these may state.
        fields = [(k, NOT_STATED if "(AIO" in k else cell) for k, cell in fields]
    return tuple((text(k), cell) for k, cell in fields)


def _length(r: dict[str, Any]) -> str | None:
    if r["started_at"] is None or r["ended_at"] is None:
        return None
    return f"{(r['ended_at'] - r['started_at']).days}"


def _product(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a * b


def _quotient(a: float | None, b: float | None) -> float | None:
    return None if a is None or not b else a / b


def _mwh(kwh: float | None) -> Cell:
    return NOT_STATED if kwh is None else figure(kwh / 1000, scientific(kwh / 1000), "MWh")


def _flop(value: float | None) -> Cell:
    return figure(value, scientific(value), "FLOP")


def _method(r: dict[str, Any]) -> str | None:
    words = {"6ND": "architecture-based, 6 x parameters x tokens", "hardware": "hardware-based"}
    words |= {"counted": "architecture-based, operations of a full pass counted"}
    words |= {"combined": "geometric mean of hardware-based and architecture-based"}
    method: str | None = r["best_method"]
    return words.get(method or "", method)


# --------------------------------------------------------------------------- estimates, energy


def estimates(runs: pl.DataFrame, history: pl.DataFrame) -> list[Any]:
    regimes = [
        name[: -len("_own_central")] for name in runs.columns if name.endswith("_own_central")
    ]
    columns = (
        Column("run", long=True),
        *(Column(name.replace("_", " "), numeric=True) for name in regimes),
    )
    rows = tuple(
        (
            text(r["run"]),
            *(band(*(r[f"{n}_{e}"] for e in ("central", "low", "high"))) for n in regimes),
        )
        for r in runs.to_dicts()
    )
    counted = table(
        "counted-table",
        "The same run under each way of counting",
        columns,
        (Group("", rows),),
        "FLOP over the model's life. 5 and 95 % points in brackets. Ways of counting are rows of "
        "counts.csv, each with its provision.",
    )
    names = (
        "run",
        "row",
        "estimated on",
        "state",
        "compute",
        "method",
        "error",
        "of the newest",
        "flags",
    )
    flags = dict(runs.select("run", "flags").iter_rows())
    newest = dict(runs.select("run", "best").iter_rows())
    assumed = dict(runs.select("run", pl.coalesce("assumptions", "source")).iter_rows())
    odd = NOT_STATED.text if "redacted" in runs.columns else "nothing odd"
    past = tuple(
        (
            text(r["run"]),
            text(r["row"]),
            text(r["estimated_on"]),
            text(r["state"]),
            figure(r["best"], scientific(r["best"], 3), "FLOP"),
            text(r["best_method"]),
            text(None if r["sigma"] is None else f"{r['sigma']:.2f}"),
            ratio(_quotient(r["best"], newest.get(r["run"]))),
            text(flags.get(r["run"]), odd),
        )
        for r in history.to_dicts()
    )
    listed = tuple(f"{clean(run)}: {clean(text)}" for run, text in assumed.items() if text)
    blocks: list[Any] = [counted]
    blocks.append(
        table(
            "history-table",
            "Estimates before, during and after",
            wide(*names),
            (Group("", past),),
            "Error: standard deviation of ln(estimate / truth). Of the newest: the estimate over "
            "the newest one, with which the rules were compared.",
        )
    )
    return [*blocks, Points(listed)] if listed else blocks


def footprint(rows: pl.DataFrame) -> Table:
    """Energy and both carbon figures, each with its boundary and day."""
    columns = (
        *wide("run"),
        Column("energy", "MWh", numeric=True),
        Column("boundary"),
        Column("location-based", "t CO2e", numeric=True),
        Column("market-based", "t CO2e", numeric=True),
        Column("intensity of"),
        Column("missing", long=True),
    )
    made = tuple(
        (
            text(r["run"]),
            *(_tonnes(r[n]) for n in ("energy_kwh",)),
            text(r["boundary"]),
            *(_tonnes(r[n]) for n in ("location_kg", "market_kg")),
            text(r["grid_dated"]),
            text(r["footprint_missing"], "nothing"),
        )
        for r in rows.to_dicts()
    )
    note = "No text fixes a boundary: figures with different ones cannot be compared."
    return table(
        "footprint-table", "Energy and carbon of training", columns, (Group("", made),), note
    )


def _tonnes(value: float | None) -> Cell:
    if not known(value):
        return NOT_STATED
    return Cell(f"{value / 1000:,.4g}", value / 1000)


def forecasts(rows: pl.DataFrame) -> list[Any]:
    if rows.is_empty():
        return [Text("No stored fits here: `scaling refit` makes them.")]
    columns = (
        *wide("study", "metric"),
        Column("threshold", "FLOP", numeric=True),
        Column("5 %", numeric=True),
        Column("50 %", numeric=True),
        Column("95 %", numeric=True),
        Column("outside the fitted runs", "decades"),
        Column("version"),
    )
    made = tuple(
        (
            text(r["study"]),
            text(r["metric"]),
            figure(r["threshold"], scientific(r["threshold"], 3), ""),
            *(Cell(f"{r[name]:.3f}", r[name]) for name in ("p05", "p50", "p95")),
            text(r["outside"]),
            text(r["version"]),
        )
        for r in rows.to_dicts()
    )
    note = (
        "Guidelines, section 2.3.3, name forecasts 'based on scaling analyses'. Loss of a model "
        "that spends the threshold's compute as each study's fit says is optimal, and benchmark "
        "error by compute. Outside: decades beyond the largest fitted run (+) or below the "
        "smallest (-), by each input. Far out a forecast rests on the laws' form alone."
    )
    return [table("forecast-table", "Forecast at the threshold", columns, (Group("", made),), note)]
