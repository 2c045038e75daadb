"""Writing outputs whole: beside, synced, renamed."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` so that ``path`` holds either the old bytes or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.partial")
    with beside.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


def canonical(value: Any) -> str:
    """JSON with sorted keys, two spaces, NaN and infinities as null, and a final newline."""
    text = json.dumps(_plain(value), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return text + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write canonical JSON, whole."""
    write_bytes(path, canonical(value).encode())


def write_table(path: Path, frame: pl.DataFrame) -> None:
    """Write CSV, Parquet or JSONL by the suffix, whole."""
    writers = {
        ".csv": lambda: frame.write_csv().encode(),
        ".jsonl": lambda: frame.write_ndjson().encode(),
    }
    if path.suffix == ".parquet":
        write_parquet(path, frame)
    elif path.suffix in writers:
        write_bytes(path, writers[path.suffix]())
    else:
        raise InputError(
            "unknown kind of file", file=path, value=path.suffix, allowed=".csv, .parquet, .jsonl"
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Parquet with fixed settings, so that the same frame gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.partial")
    frame.write_parquet(beside, compression="zstd", compression_level=3, statistics=False)
    beside.replace(path)
