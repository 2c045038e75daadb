"""What a file looks like that no format reads, what it would need, and the nearest that works.

A kind is one row of `KINDS`: told by the first bytes, or by the ending where any text may have it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from scaling.runs.formats._source import PACKED, bare_name

_LOOK = 65_536
_EXCEL = "save it as .xlsx or .csv"
_PANDAS = "load it where it was written and save it: table.to_csv('runs.csv', index=False)"
_UNPACK = "unpack it and give the file inside; .gz and .zst are read as they are, if they hold text"


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    - ``name``: what it is called.
    - ``start``: pattern of its first bytes; None where only the ending tells.
    - ``ends``: endings of its names.
    - ``ending``: the one under which it is read here; None where it is not.
    - ``nearest``: what to do instead.
    """

    name: str
    start: bytes | None
    ends: tuple[str, ...]
    ending: str | None
    nearest: str


KINDS = (
    Kind("an Excel workbook", rb"PK\x03\x04.{0,4000}xl/", (".xlsx", ".xlsm"), ".xlsx", ""),
    Kind("an OpenDocument sheet", rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis", (".ods",),
         None, _EXCEL),
    Kind("a PyTorch checkpoint", rb"PK\x03\x04.{0,200}data\.pkl", (".pt", ".pth", ".ckpt", ".bin"),
         None, "it holds weights; give the log or the tracker's folder of the run"),
    Kind("a NumPy archive", rb"PK\x03\x04.{0,200}\.npy", (".npz",), None, _PANDAS),
    Kind("a ZIP archive", rb"PK\x03\x04", (".zip",), None, _UNPACK),
    Kind("a Parquet table", rb"PAR1", (".parquet", ".pq"), ".parquet", ""),
    Kind("a gzip file", rb"\x1f\x8b", (".gz", ".tgz"), None, _UNPACK),
    Kind("a Zstandard file", rb"\x28\xb5\x2f\xfd", (".zst",), None, _UNPACK),
    Kind("an xz, bzip2 or 7z file", rb"\xfd7zXZ|BZh|7z\xbc\xaf", (".xz", ".bz2", ".7z"), None,
         _UNPACK),
    Kind("a tar archive", rb".{257}ustar", (".tar",), None, _UNPACK),
    Kind("an old Excel workbook (.xls)", rb"\xd0\xcf\x11\xe0", (".xls",), None, _EXCEL),
    Kind("an Arrow or Feather table", rb"ARROW1|FEA1", (".arrow", ".feather", ".ipc"), None,
         "polars.read_ipc(path).write_parquet('runs.parquet')"),
    Kind("an ORC or Avro table", rb"ORC|Obj\x01", (".orc", ".avro"), None, _PANDAS),
    Kind("an HDF5 file", rb"\x89HDF", (".h5", ".hdf5"), None, _PANDAS),
    Kind("a pickle, which could run any code", rb"\x80[\x02-\x05]", (".pkl", ".pickle"), None,
         _PANDAS),
    Kind("a NumPy array without names", rb"\x93NUMPY", (".npy",), None, _PANDAS),
    Kind("an SQLite database", rb"SQLite format 3", (".db", ".sqlite", ".sqlite3"), None,
         "export its table of runs as CSV; MLflow's is read as mlflow.db"),
    Kind("a PDF", rb"%PDF", (".pdf",), None, "type the table in, or save it as .csv"),
    Kind("an image", rb"\x89PNG|\xff\xd8\xff|GIF8", (".png", ".jpg", ".jpeg", ".gif", ".svg"), None,
         "read the points off and save them as .csv"),
    Kind("a web page", rb"\s*(?i:<!doctype html|<html)", (".html", ".htm"), None,
         "copy its table into a sheet, or export it as CSV from there"),
    Kind("XML", rb"\s*<\?xml", (".xml",), None, "save it as .csv"),
    Kind("JSON", rb"\s*[\[{]\s*[\[{\"]", (".json", ".jsonl", ".ndjson"), ".json", ""),
    Kind("a table in Markdown", rb"\s*\|[^\n]*\|\s*\n\s*\|[ :|-]+\|", (".md",), None,
         "save it as .csv"),
    Kind("YAML or TOML", None, (".yaml", ".yml", ".toml", ".ini"), None,
         "save it as JSON: one object of metrics, or an array of objects"),
    Kind("a notebook or a script", None, (".ipynb", ".py", ".r"), None, "save its table as .csv"),
)  # fmt: skip


def looked_at(path: Path) -> Kind | None:
    """The kind of a file by its first bytes, else by its ending; None where neither tells."""
    start = _start(path)
    for kind in KINDS:
        if kind.start is not None and re.match(kind.start, start, re.DOTALL):
            return kind
    name = bare_name(path)
    return next((kind for kind in KINDS if kind.start is None and name.endswith(kind.ends)), None)


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_LOOK)
    except OSError:
        return b""


def is_text(path: Path) -> bool:
    """Whether the file starts as text does."""
    start = _start(path)
    return bool(start) and b"\0" not in start


def as_what(path: Path) -> tuple[str, str]:
    """What a file looks like, and the nearest thing that works, in words."""
    kind = looked_at(path)
    if kind is not None and kind.ending is not None:
        return f"it looks like {kind.name}", f"Give it the ending {kind.ending}."
    if kind is not None:
        return f"it looks like {kind.name}", f"Instead: {kind.nearest}."
    if is_text(path):
        table = "a table: the ending .csv; a training log: .log; one JSON object a line: .jsonl"
        return "it looks like text", f"If it is {table}."
    return "its bytes are of no kind that is known here", "Save its table as .csv."


def wrong_ending(path: Path, ends: tuple[str, ...]) -> str | None:
    """A hint where a file of another kind has an ending that is read; None where it fits."""
    kind = None if path.name.lower().endswith(PACKED) else looked_at(path)
    if kind is None or kind.start is None or set(kind.ends) & set(ends):
        return None
    what, nearest = as_what(path)
    return f"{what[0].upper()}{what[1:]}. {nearest}"


def ending_of(data: bytes) -> str:
    """The ending under which bytes from standard input are read."""
    for kind in KINDS:
        if kind.start is not None and re.match(kind.start, data[:_LOOK], re.DOTALL):
            first = kind.ends[0]
            return {".gz": ".csv.gz", ".zst": ".csv.zst"}.get(first, kind.ending or first)
    return ".txt"
