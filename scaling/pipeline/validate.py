"""Stage 2: good rows go on, bad rows go to quarantine with the reason, none is lost.

    data/runs/<source>.parquet -> data/validated/<source>.parquet   valid rows, run columns only
                                  data/quarantine/<source>.parquet  other rows as they came, reasons
                                  data/validation.json              what was checked, what failed
                                  data/findings.parquet             each row that broke each check
                                  data/docs/                        the same as pages (Data Docs)

Every source has both tables, either of which may be empty. Rows that were withdrawn (`scaling
remove`) go neither way and are counted: no check looks at them, nor compares others with them. A
source of more than 400,000 rows is checked in parts that hold whole runs, and its rows come out
part by part. Rows that `data/releases/` names pass the checks that it names. Run this in the
project's folder.
"""

from __future__ import annotations

import contextlib
import gc
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from scaling.errors import InputError, counted
from scaling.io import atomic
from scaling.io.tables import parts_file
from scaling.runs.inbox import withdrawals
from scaling.runs.schema import WITHDRAWAL
from scaling.runs.validation import releases

if TYPE_CHECKING:
    from scaling.runs.validation.partition import Checked, Summary

RUNS = Path("data/runs")
VALIDATED = Path("data/validated")
QUARANTINE = Path("data/quarantine")
REPORT = Path("data/validation.json")
FINDINGS = Path("data/findings.parquet")
DOCS = Path("data/docs")
# A source with more rows is checked in parts of about so many.
LARGE = 400_000
PART = 300_000


def main() -> None:
    """Check every source, then write all tables and the report; one line per source."""
    try:
        sizes = sizes_of(RUNS)
        released = releases.released(releases.read())
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    # Great Expectations takes seconds to import: not before there is something to check. Of the
    # objects that imports make none goes, and looking through them is a sixth of that time.
    gc.disable()
    from scaling.runs.validation.data_docs import pages

    gc.freeze()
    gc.enable()
    summaries = {}
    with (
        atomic.new_folder(VALIDATED) as valid,
        atomic.new_folder(QUARANTINE) as bad,
        atomic.new_file(FINDINGS) as file,
        parts_file(file) as found,
    ):
        for name, results in checked_sources(RUNS, sizes, released):
            acts, out = _withdrawals(RUNS / f"{name}.parquet")
            one = replace(_write(name, results, (valid, bad), found), withdrawals=acts)
            if one.valid + one.quarantined + out != sizes[name]:
                raise RuntimeError(f"{name}: {sizes[name]} rows came, others went")
            summaries[name] = one
    summaries = dict(sorted(summaries.items()))
    atomic.write(REPORT, report(summaries).encode())
    with atomic.new_folder(DOCS) as folder:
        atomic.fill(folder, pages(summaries))
    for name, one in summaries.items():
        out = sizes[name] - one.valid - one.quarantined
        more = f", {out} withdrawn" if out else ""
        print(
            f"{name}: {counted(sizes[name], 'row')}, {one.valid} valid, "
            f"{one.quarantined} quarantined{more}"
        )


def sizes_of(folder: Path) -> dict[str, int]:
    """Rows of the ingested tables, by source.

    Raises:
        InputError: there are none.
    """
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise InputError("no run tables", file=folder, hint="Run the ingest stage first.")
    return {path.stem: pq.read_metadata(path).num_rows for path in files}


def checked_sources(
    folder: Path, sizes: Mapping[str, int], released: releases.Released
) -> Iterator[tuple[str, Iterable[Checked]]]:
    """The results of every source: of all usual ones at once, of a large one part by part."""
    from scaling.runs.validation.partition import validate, validate_all

    usual = [name for name, size in sizes.items() if size <= LARGE]
    tables = {name: _counting(pl.read_parquet(folder / f"{name}.parquet")) for name in usual}
    for name, result in validate_all(tables, released).items():
        yield name, [result]
    tables.clear()
    for name in (name for name in sizes if name not in usual):
        with by_run(folder / f"{name}.parquet", -(-sizes[name] // PART)) as parts:
            yield name, (validate(_counting(part), name, released) for part in parts)


def _counting(table: pl.DataFrame) -> pl.DataFrame:
    """The rows that were not withdrawn."""
    return table.filter(~withdrawals.rows_out(table)).drop(WITHDRAWAL, strict=False)


def _withdrawals(file: Path) -> tuple[tuple[Mapping[str, Any], ...], int]:
    """What of a source was withdrawn or restored, and how many rows are withdrawn."""
    if WITHDRAWAL not in pl.read_parquet_schema(file):
        return (), 0
    table = pl.read_parquet(file, columns=["run", WITHDRAWAL])
    return tuple(withdrawals.acts(table)), int(withdrawals.rows_out(table).sum())


@contextlib.contextmanager
def by_run(path: Path, number: int) -> Iterator[Iterator[pl.DataFrame]]:
    """The rows of a table in about so many parts, each with whole runs, which keep their order.

    What holds between the rows of a run is so checked in full; what holds between runs, among the
    runs of a part. A run with more rows than `LARGE` comes in pieces.
    """
    beside = path.parent.with_name(f".{path.parent.name}.parts")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    files = [beside / f"{i}.parquet" for i in range(number)]
    try:
        with contextlib.ExitStack() as stack, pq.ParquetFile(path) as table:
            adds = [stack.enter_context(parts_file(file)) for file in files]
            for batch in table.iter_batches(PART, use_threads=False):
                rows = pl.DataFrame(pa.Table.from_batches([batch]))
                which = rows["run"].fill_null("").hash() % number
                for i, add in enumerate(adds):
                    add(rows.filter(which == i))
        yield (part for file in files for part in _pieces(file))
    finally:
        shutil.rmtree(beside)


def _pieces(file: Path) -> Iterator[pl.DataFrame]:
    rows = pl.read_parquet(file, parallel="none")
    file.unlink()
    return rows.iter_slices(LARGE)


def _write(
    name: str,
    results: Iterable[Checked],
    folders: tuple[Path, Path],
    found: Callable[[pl.DataFrame], None],
) -> Summary:
    """Write the rows of a source each to its place; returns the numbers."""
    summary = None
    with contextlib.ExitStack() as stack:
        valid, bad = (stack.enter_context(parts_file(f / f"{name}.parquet")) for f in folders)
        for result in results:
            valid(result.valid)
            bad(result.quarantine)
            found(result.findings.select(pl.lit(name).alias("source"), pl.all()))
            summary = result.summary if summary is None else summary + result.summary
    if summary is None:
        raise RuntimeError(f"{name}: no table")
    return summary


def report(checked: Mapping[str, Summary]) -> str:
    """Rows in, valid and quarantined of each source, and how many rows broke each check.

    JSON, one check a line, so that a change shows as the lines that changed.
    """
    sources = [f" {json.dumps(name)}: {_summary(checked[name])}" for name in sorted(checked)]
    return "{\n" + ",\n".join(sources) + "\n}\n"


def _summary(result: Summary) -> str:
    """JSON of a source; ``held_by`` and ``withdrawals`` stand there where there are any.

    ``rows`` counts those that were checked: valid and quarantined ones.
    """
    rows = result.valid + result.quarantined
    facts: dict[str, Any] = {"rows": rows, "valid": result.valid, "quarantined": result.quarantined}
    more = {"held_by": result.held_by, "withdrawals": result.withdrawals}
    facts |= {name: value for name, value in more.items() if value}
    lines = [
        f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in facts.items()
    ]
    checks = [
        {"name": c.name, "column": c.column, "severity": c.severity, "failed": failed}
        for c, failed in result.failed
    ]
    listed = ",\n".join(f"   {json.dumps(check)}" for check in checks)
    return "{\n" + ",\n".join([*lines, f'  "expectations": [\n{listed}\n  ]']) + "\n }"


if __name__ == "__main__":
    main()
