"""Stage 2: good rows go on, bad rows go to quarantine with the reason, none is lost.

    data/runs/<source>.parquet -> data/validated/<source>.parquet   valid rows, run columns only
                                  data/quarantine/<source>.parquet  other rows as they came, reasons
                                  data/validation.json              what was checked, what failed
                                  data/findings.parquet             each row that broke each check
                                  data/docs/                        the same as pages (Data Docs)

Every source has both tables, either of which may be empty. Rows that `data/releases.jsonl` names
pass the checks that it names. Run from the top of the project.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from scaling import releases
from scaling.errors import InputError
from scaling.pipeline.files import write_parquet

if TYPE_CHECKING:
    from scaling.validate import Checked

RUNS = Path("data/runs")
VALIDATED = Path("data/validated")
QUARANTINE = Path("data/quarantine")
REPORT = Path("data/validation.json")
FINDINGS = Path("data/findings.parquet")
DOCS = Path("data/docs")


def main() -> None:
    """Check every source, then write all tables and the report; one line per source."""
    try:
        tables = read_runs(RUNS)
        released = releases.released(releases.read())
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    # Great Expectations takes seconds to import: not before there is something to check.
    from scaling.datadocs import pages
    from scaling.validate import validate_all

    checked = validate_all(tables, released)
    _replace_folder(VALIDATED, {name: result.valid for name, result in checked.items()})
    _replace_folder(QUARANTINE, {name: result.quarantine for name, result in checked.items()})
    _replace_file(REPORT, report(checked))
    write_parquet(FINDINGS, findings(checked))
    _replace_pages(DOCS, pages(checked))
    for name, result in checked.items():
        valid, bad = result.valid.height, result.quarantine.height
        print(f"{name}: {valid + bad} rows, {valid} valid, {bad} quarantined")


def read_runs(folder: Path) -> dict[str, pl.DataFrame]:
    """The ingested tables by source.

    Raises:
        InputError: there are none.
    """
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise InputError("no run tables", file=folder, hint="Run the ingest stage first.")
    return {path.stem: pl.read_parquet(path) for path in files}


def findings(checked: dict[str, Checked]) -> pl.DataFrame:
    """The findings of all sources, with the column ``source`` first."""
    return pl.concat(
        result.findings.select(pl.lit(name).alias("source"), pl.all())
        for name, result in checked.items()
    )


def report(checked: dict[str, Checked]) -> str:
    """Rows in, valid and quarantined of each source, and how many rows broke each check.

    JSON, one check a line, so that a change shows as the lines that changed.
    """
    sources = [f" {json.dumps(name)}: {_summary(checked[name])}" for name in sorted(checked)]
    return "{\n" + ",\n".join(sources) + "\n}\n"


def _summary(result: Checked) -> str:
    valid, bad = result.valid.height, result.quarantine.height
    counts = {"rows": valid + bad, "valid": valid, "quarantined": bad}
    lines = [f"  {json.dumps(name)}: {count}" for name, count in counts.items()]
    checks = [
        {"name": c.name, "column": c.column, "severity": c.severity, "failed": failed}
        for c, failed in result.failed
    ]
    listed = ",\n".join(f"   {json.dumps(check)}" for check in checks)
    return "{\n" + ",\n".join([*lines, f'  "expectations": [\n{listed}\n  ]']) + "\n }"


def _replace_folder(folder: Path, tables: dict[str, pl.DataFrame]) -> None:
    """Make the folder hold exactly these tables."""
    with _replaced(folder) as beside:
        for name, table in tables.items():
            table.write_parquet(beside / f"{name}.parquet", compression="zstd", compression_level=3)


def _replace_pages(folder: Path, pages: dict[str, bytes]) -> None:
    """Make the folder hold exactly these files."""
    with _replaced(folder) as beside:
        for name, content in pages.items():
            (beside / name).parent.mkdir(parents=True, exist_ok=True)
            (beside / name).write_bytes(content)


@contextlib.contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """A new folder to fill: written beside the old one, then renamed."""
    beside, old = (folder.with_name(f".{folder.name}.{word}") for word in ("new", "old"))
    for path in (beside, old):
        shutil.rmtree(path, ignore_errors=True)
    beside.mkdir(parents=True)
    yield beside
    if folder.exists():
        folder.rename(old)
    beside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _replace_file(path: Path, text: str) -> None:
    """Write the file beside and rename it."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


if __name__ == "__main__":
    main()
