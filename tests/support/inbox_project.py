"""A small project with an inbox, in this process: one published source, and files to add."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import chdir
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from scaling.pipeline import ingest
from scaling.runs.inbox.add import add
from scaling.runs.inbox.mapping import Options
from tests.support.command import scaling

METADATA = """
title: T
citations: [A]
licence: MIT
origin: a/b@c
accessed: 2025-01-01
observed: 2024-01-01
changed: []
notes: []
defects: []
"""
TABLE = "name,N,D,day,val_loss,remark\na,7B,140B,2026-01-02,2.1,x\nb,1.3e10,260B,2026-01-03,2.0,y\n"
OPTIONS = Options(
    maps=["run=name", "params=N", "tokens=D", "observed=day"],
    metrics=["val_loss=loss@c4:nats/token"],
    ignore=["remark"],
)
# The same on the command line.
MAPS = (
    *(word for one in OPTIONS.maps for word in ("--map", one)),
    *("--metric", OPTIONS.metrics[0], "--ignore", "remark"),
)
STORE = Path("data/internal/store")


def fill(folder: Path, files: Mapping[str, str] | None = None, *, disclosed: bool = True) -> Path:
    """Write the project, with these files beside or in place of its own."""
    own = {
        "params.yaml": f"as_of: null\ndisclose_internal: {str(disclosed).lower()}\n",
        "data/published/paper/source.yaml": METADATA,
        "data/published/paper/runs.csv": "run,params,value\na,7e9,2.5\n",
        "data/internal/README.md": "Inbox",
        "in/team.csv": TABLE,
    }
    for name, text in {**own, **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """The project, entered."""
    with chdir(fill(tmp_path)):
        yield tmp_path


def table(name: str, *columns: str) -> pl.DataFrame:
    """What ingest makes of a source."""
    ingest.main()
    rows = pl.read_parquet(f"data/runs/{name}.parquet")
    return rows.select(columns) if columns else rows


def tree(folder: str | os.PathLike[str] = "data") -> dict[str, bytes]:
    """Every file below the folder, with its bytes."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {path.as_posix(): path.read_bytes() for path in files}


def scaling_add(*arguments: object) -> int:
    """The exit status of `scaling add ...`."""
    return scaling("add", *arguments)


def add_text(text: str, day: int, options: Options = OPTIONS) -> list[str]:
    """Add a table to the source `team` on that day of January 2026; what is said."""
    path = Path("in/team.csv")
    path.write_text(text)
    return add(path, None, options, today=date(2026, 1, day)).remarks
