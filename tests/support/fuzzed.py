"""Strange files, made from a number: the same number makes the same file.

Each is a table of a few rows whose cells are figures, figures that no type holds, text that means
something elsewhere (formulas, paths, JSON), or nothing; written in one format, in an encoding that
may be wrong, and often cut, flipped or garbled afterwards.
"""

from __future__ import annotations

import datetime
import io
import json
import math
from collections.abc import Callable
from random import Random
from typing import Any

import polars as pl

from scaling.runs.schema import RUN

_NUMBERS: tuple[Any, ...] = (0, 1, -1, 2.5, 1e9, 7e9, 2e10, 1.2e20, 1e17, 4e18, 1e308, -1e308)
_NUMBERS += (5e-324, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**40, 0.1 + 0.2)
_BEYOND = (math.nan, math.inf, -math.inf)
_TEXTS = ("NaN", "inf", "-Infinity", "1e400", "1e999999", "9223372036854775808", "0x1F", "1_000")
_TEXTS += ("7B", "1,5", "١٢", "½", "true", "null", "None", "N/A", " ", "", "''", '"', '""', "a,b")
_TEXTS += ("=1+1", "=HYPERLINK(1)", "@SUM(A1)", "+1", "-", "../../etc/passwd", "C:\\x", "/dev/zero")
_TEXTS += ('{"a": [1, {"b": null}]}', "[1, 2", "\u202e", "\ufeff", "a\nb", "a\r\nb", "a\tb")
_TEXTS += ("a;b", "2024-01-01", "2024-02-30", "9999-12-31", "01/02/2024", "loss", "x" * 5000)
_WORDS = ("loss", "accuracy", "nats/token", "fraction", "6ND", "final", "gpt2", "c4", "r1", "yes")
_NAMES = tuple(column.name for column in RUN)
_CODES = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "cp037")

Row = dict[str, Any]


def rows_of(random: Random) -> list[Row]:
    """A table: mostly rows that are right in most cells."""
    names = [*random.sample(_NAMES, random.randint(1, 12))]
    if random.random() < 0.7:
        names = list(dict.fromkeys(["run", "metric", "metric_kind", "unit", "value", *names]))
    if random.random() < 0.1:
        names.append(random.choice(("parms", "../x", "", "1", "a b", "=x", "Ⅷ")))
    wild = random.choice((0.0, 0.05, 0.5))
    count = random.choice((1, 2, 5, 30))
    return [{name: _cell(random, name, wild) for name in names} for _ in range(count)]


def _cell(random: Random, name: str, wild: float) -> Any:
    if random.random() < wild:
        return random.choice((random.choice(_TEXTS), random.choice(_BEYOND), None, [1, None]))
    if name in ("observed", "recorded"):
        return "2024-05-01"
    numeric = any(column.name == name and column.dtype == pl.Float64 for column in RUN)
    return random.choice(_NUMBERS) if numeric else random.choice(_WORDS)


def _plain(cell: Any) -> str:
    return "" if cell is None else json.dumps(cell) if isinstance(cell, list) else str(cell)


def _separated(separator: str) -> Callable[[Random, list[Row]], bytes]:
    def write(random: Random, rows: list[Row]) -> bytes:
        names = list(rows[0])
        if random.random() < 0.05:
            names.append(random.choice(names))
        lines = [names] + [[_plain(row[name]) for name in names] for row in rows]
        if random.random() < 0.05:
            random.choice(lines).append("more")
        quoted = random.random() < 0.9
        text = "".join(separator.join(_quoted(c, quoted) for c in line) + "\n" for line in lines)
        code = random.choice(_CODES) if random.random() < 0.15 else "utf-8"
        return text.encode(code, errors="replace")

    return write


def _quoted(cell: str, quoted: bool) -> str:
    return '"' + cell.replace('"', '""') + '"' if quoted else cell


def _jsonl(random: Random, rows: list[Row]) -> bytes:
    lines = [json.dumps(row, ensure_ascii=random.random() < 0.5) for row in rows]
    if random.random() < 0.1:
        deep = 10 ** random.randint(1, 4)
        lines.append(random.choice(('{"a": ' + "[" * deep, '{"a": 1, "a": 2}', "[1]", "1", '""')))
        lines.append('{"run": ' + "[" * deep + "]" * deep + "}")
    code = random.choice(_CODES) if random.random() < 0.15 else "utf-8"
    return "\n".join(lines).encode(code, errors="replace")


def _parquet(random: Random, rows: list[Row]) -> bytes:
    columns = [_series(random, name, [row[name] for row in rows]) for name in rows[0]]
    stream = io.BytesIO()
    pl.DataFrame(columns).write_parquet(stream)
    return stream.getvalue()


def _series(random: Random, name: str, cells: list[Any]) -> pl.Series:
    if random.random() < 0.7:
        numbers = all(c is None or isinstance(c, int | float) for c in cells)
        small = [None if c is None else float(c) for c in cells] if numbers else None
        return pl.Series(name, small if numbers else [_plain(c) for c in cells])
    day = datetime.date(2024, 1, 1)
    kinds: tuple[Any, ...] = (True, day, [1.0], {"a": 1}, b"\xff", datetime.timedelta(1), None)
    kinds += (datetime.datetime(2024, 1, 1), datetime.time(1), 7)
    kind = random.choice(kinds)
    made = pl.Series(name, [kind] * len(cells))
    whole = isinstance(kind, int) and not isinstance(kind, bool)
    return made.cast(random.choice((pl.UInt64, pl.Int8, pl.Float32))) if whole else made


def _xlsx(random: Random, rows: list[Row]) -> bytes:
    import openpyxl  # type: ignore[import-untyped,unused-ignore]
    from openpyxl.utils.exceptions import (  # type: ignore[import-untyped,unused-ignore]
        IllegalCharacterError,
    )

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(list(rows[0]))
    for row in rows:
        cells = [_plain(c) if isinstance(c, list) else c for c in row.values()]
        try:
            sheet.append([None if c in _BEYOND or c != c else c for c in cells])
        except (IllegalCharacterError, ValueError):
            sheet.append(["?"])
    if random.random() < 0.1:
        book.create_sheet("other")["B7"] = random.choice((1, "=1+1", True, datetime.date.today()))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _history(write: Callable[[Random, list[Row]], bytes]) -> Callable[[Random, list[Row]], bytes]:
    """A tracker's table: steps and metrics under any name."""

    def made(random: Random, rows: list[Row]) -> bytes:
        extra = [
            {"_step": i, "_timestamp": 1.7e9 + i, "step": i, "epoch": 0.1 * i}
            for i in (range(len(rows)))
        ]
        return write(random, [{**added, **row} for added, row in zip(extra, rows, strict=True)])

    return made


def _chart(random: Random, rows: list[Row]) -> bytes:
    """A chart of one run: the steps, then every metric with its lowest and highest value."""
    shown = [
        {"Step": i} | {f"r - {n}{end}": c for n, c in row.items() for end in ("", "__MIN", "__MAX")}
        for i, row in enumerate(rows)
    ]
    return _separated(",")(random, shown)


def _state(random: Random, rows: list[Row]) -> bytes:
    history = [{"step": i + 1, **row} for i, row in enumerate(rows)]
    state = {"global_step": random.choice(_NUMBERS), "log_history": history, "max_steps": 10}
    return json.dumps(state).encode()


# Suffix or name of the file, and what writes it.
FORMATS: dict[str, tuple[str, Callable[[Random, list[Row]], bytes]]] = {
    "csv": ("{}.csv", _separated(",")),
    "tsv": ("{}.tsv", _separated("\t")),
    "jsonl": ("{}.jsonl", _jsonl),
    "parquet": ("{}.parquet", _parquet),
    "xlsx": ("{}.xlsx", _xlsx),
    "wandb-history-csv": ("{}.wandb.csv", _history(_separated(","))),
    "wandb-history-jsonl": ("{}.wandb.jsonl", _history(_jsonl)),
    "wandb-history-parquet": ("{}.wandb.parquet", _history(_parquet)),
    "wandb-chart": ("{}.chart.csv", _chart),
    "lightning": ("metrics.csv", _history(_separated(","))),
    "hf": ("trainer_state.json", _state),
}
_STEMS = (
    "runs",
    "a b",
    "-x",
    "..x",
    "x;y",
    "CON",
    "ü",
    "%2e%2e%2f",
    "a'b",
    "$(x)",
    "x.y",
    "\u202e",
)


def file_of(name: str, number: int) -> tuple[str, bytes, int | None]:
    """The file's name and bytes, and how many rows it holds (None: it was damaged)."""
    random = Random(number)
    pattern, write = FORMATS[name]
    rows = rows_of(random)
    data = write(random, rows)
    damaged = _damaged(random, data) if random.random() < 0.3 else data
    stem = random.choice(_STEMS) if random.random() < 0.2 else "runs"
    return pattern.format(stem), damaged, len(rows) if damaged == data else None


def _damaged(random: Random, data: bytes) -> bytes:
    at = random.randrange(max(len(data), 1))
    kind = random.choice(("cut", "flip", "insert", "zeros", "twice", "ones"))
    if kind == "cut":
        return data[:at]
    if kind == "flip":
        return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]
    if kind == "insert":
        return data[:at] + random.randbytes(random.randint(1, 9)) + data[at:]
    if kind == "twice":
        return data[:at] + data
    return data[:at] + {"zeros": b"\0", "ones": b"\xff"}[kind] * 8 + data[at + 8 :]
