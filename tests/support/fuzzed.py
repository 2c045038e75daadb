"""Strange files, made from a number: the same number makes the same file.

Each is a table of a few rows whose cells are figures, figures that no type holds, text that means
something elsewhere (formulas, paths, JSON), or nothing; written in one format, in an encoding that
may be wrong, and often cut, flipped or garbled afterwards.
"""

from __future__ import annotations

import datetime
import gzip
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


def _json(random: Random, rows: list[Row]) -> bytes:
    """Records, columns, or what pandas writes."""
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    nested = {name: dict(enumerate(cells)) for name, cells in columns.items()}
    split = {"columns": list(columns), "data": [list(row.values()) for row in rows]}
    lines = "\n".join(json.dumps(row) for row in rows)
    made = random.choice((rows, columns, nested, split, {"runs": rows, "version": 1}, lines))
    text = made if isinstance(made, str) else json.dumps(made, ensure_ascii=random.random() < 0.5)
    return text.encode(random.choice(_CODES) if random.random() < 0.1 else "utf-8", "replace")


def _as_people_write(random: Random, rows: list[Row]) -> bytes:
    """A text table with comments, titles, an index, another separator, packed or not."""
    sign = random.choice((",", ";", "\t", "|"))
    names = [f" {name} " if random.random() < 0.1 else name for name in rows[0]]
    lines = [names, *([_plain(cell) for cell in row.values()] for row in rows)]
    if random.random() < 0.3:
        lines = [["" if i == 0 else str(i - 1), *line] for i, line in enumerate(lines)]
    text = [sign.join(_quoted(cell, random.random() < 0.7) for cell in line) for line in lines]
    if random.random() < 0.3:
        text.insert(random.randrange(len(text) + 1), random.choice(("# note", "#a;b", "#", "#1,2")))
    if random.random() < 0.2:
        text = [random.choice(("Results", "Results" + sign * (len(names) - 1))), "", *text]
    if random.random() < 0.2:
        text.insert(0, f"sep={sign}")
    if random.random() < 0.1:
        del text[0]
    end = random.choice(("\n", "\r\n", "\r"))
    return "".join(line + end for line in text).encode("utf-8", "replace")


def _packed(random: Random, rows: list[Row]) -> bytes:
    return gzip.compress(_separated(",")(random, rows), mtime=0)


def _log(random: Random, rows: list[Row]) -> bytes:
    """Lines as training logs have them, and others."""
    forms = ("step {}: {}", "iteration {:8d}/ 999 | {} |", "[step={}/9]\n    {}", "s:{} {}")
    forms += ("step={} {}", "step: {}  {}  tps: 1", "{}{}", "Epoch 1, Step: {}, {}", "iter {}: {}")
    pairs = ("{}: {}", "{}={}", "{} {}", "'{}': {}", "{}: {} ms", "{}: {}%", "{}:{}")
    form, pair = random.choice(forms), random.choice(pairs)
    lines = ["number of parameters: 124.34M", "  seq_length ..... 2048"]
    for i, row in enumerate(rows):
        if random.random() < 0.2:
            form, pair = random.choice(forms), random.choice(pairs)
        cells = (pair.format(name, _plain(cell)) for name, cell in row.items())
        between = random.choice((", ", " | ", "  ", " ", "\n    "))
        lines.append(form.format(random.choice((i, i, 10**9, 0)), between.join(cells)))
    if random.random() < 0.1:
        lines.append(random.choice(("a" * 30_000, "loss" * 20_000, "1 " * 9_000, "a:" * 9_000)))
    code = random.choice(_CODES) if random.random() < 0.1 else "utf-8"
    return ("\n".join(lines) + "\n").encode(code, errors="replace")


def _lm_eval(random: Random, rows: list[Row]) -> bytes:
    """Results of tasks; every part may be missing or of another kind."""

    def some(value: Any) -> Any:
        return random.choice((value, value, value, value, None, "N/A", [], {"a": 1}, *_BEYOND))

    tasks = [f"task{i}" for i in range(len(rows))]
    results = {
        task: some({f"{name},none": cell for name, cell in row.items()} | {"acc_stderr,none": 0.1})
        for task, row in zip(tasks, rows, strict=True)
    }
    about = {
        "versions": some(dict.fromkeys(tasks, 1.0)),
        "n-shot": some(dict.fromkeys(tasks, 5)),
        "n-samples": some({task: some({"effective": 40}) for task in tasks}),
        "config": some({"model_args": some("pretrained=x,revision=step3"), "model": some("hf")}),
        "date": some(1.7e9),
        "model_name": some("m"),
    }
    return json.dumps({"results": results} | about).encode()


def _metrics(random: Random, rows: list[Row]) -> bytes:
    """One object of metrics, perhaps nested."""
    values: dict[str, Any] = {**rows[0], "eval_loss": 2.5, "step": random.choice((3, "x", None))}
    return json.dumps({"train": values, "epoch": 1.0} if random.random() < 0.3 else values).encode()


def _points(random: Random, rows: list[Row]) -> list[list[Any]]:
    return [[1.7e9 + i, i, random.choice(list(row.values()))] for i, row in enumerate(rows)]


def _tensorboard_csv(random: Random, rows: list[Row]) -> bytes:
    made = [
        dict(zip(("Wall time", "Step", "Value"), p, strict=True)) for p in _points(random, rows)
    ]
    return _separated(",")(random, made).replace(b'"', b"", 6)


def _tensorboard_json(random: Random, rows: list[Row]) -> bytes:
    return json.dumps([[1.7e9, 0, 2.5], *_points(random, rows)]).encode()


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
    "json": ("{}.json", _json),
    "as-people-write": ("{}.csv", _as_people_write),
    "packed": ("{}.csv.gz", _packed),
    "log": ("{}.log", _log),
    "txt": ("{}.txt", _log),
    "lm-eval": ("{}.results.json", _lm_eval),
    "metrics": ("all_results.json", _metrics),
    "tensorboard-csv": ("run-{}-tag-loss.csv", _tensorboard_csv),
    "tensorboard-json": ("run-{}-tag-loss.json", _tensorboard_json),
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
