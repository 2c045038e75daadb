"""Checking evidence packs by themselves: no repository, no network, no runs file.

Bytes against the manifest, the manifest against its own hash, the registry against the hash that
the packs name, the pages and tables against the JSON, and each shown number against its value.
`edited` compares the registry with another copy: what was edited afterwards shows.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from scaling.document.format import clean
from scaling.document.render import escape_markdown
from scaling.document.report_json import load
from scaling.errors import InputError
from scaling.govern import registry
from scaling.govern.evidence import FORMAT, MANIFEST, RULES, seal
from scaling.io.hashing import sha256
from scaling.io.json_files import json_text
from scaling.io.tables import unguarded

# Packs of one day are some megabytes; a small archive can hold a disk full of zeros.
LARGEST = 2_000_000_000
# What tells one row of each table of the registry from another.
KEYS = {"counts": ("counts", "category"), "errors": ("method",), "chips": ("chip",)}


def is_packs(path: Path) -> bool:
    """Whether this is a folder of evidence packs, or an archive."""
    if path.suffix == ".zip" or not path.is_dir():
        return path.suffix == ".zip"
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((path / MANIFEST).read_bytes())
        return isinstance(found, dict) and ("report_date" in found or "pack" in found)
    return (path / RULES / "rules.csv").is_file() or (path / "entities").is_dir()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder of the packs; an archive is unpacked into a temporary one.

    Raises:
        InputError: not an archive, too large, or without a manifest at its top.
    """
    if path.is_dir():
        yield path
        return
    if not path.exists():
        raise InputError("no such file or folder", file=path)
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(one.file_size for one in archive.infolist()) > LARGEST:
                    raise InputError("is too large", file=path, allowed=f"{LARGEST:g} bytes")
                archive.extractall(folder)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise InputError(f"cannot be unpacked: {error}", file=path) from None
        yield _top(Path(folder))


def _top(folder: Path) -> Path:
    """Where the manifest is: at the top, or in the one folder there."""
    inside = list(folder.iterdir())
    alone = len(inside) == 1 and inside[0].is_dir() and not (folder / MANIFEST).is_file()
    return inside[0] if alone else folder


def check(folder: Path) -> list[str]:
    """What is wrong with the packs by themselves, a line each; none where nothing is."""
    try:
        manifest = read(folder)
    except InputError as error:
        return [str(error)]
    problems = [*_seal(folder, manifest), *_bytes(folder, manifest["files"])]
    if manifest.get("format") != FORMAT:
        return [*problems, *_old(manifest)]
    problems += _registry(folder, manifest)
    for path in sorted(folder.rglob("*.json")):
        if path != folder / MANIFEST:
            problems += _report(folder, path, manifest)
    return problems


def read(folder: Path) -> dict[str, Any]:
    """The manifest. Raises InputError where there is none, or it is not one."""
    path = folder / MANIFEST
    if not path.is_file():
        hint = "Name the folder that `scaling govern --out` wrote, which holds every pack."
        raise InputError("is missing", file=path, hint=hint)
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise InputError("is not JSON", file=path) from None
    files = found.get("files") if isinstance(found, dict) else None
    if not isinstance(files, dict):
        raise InputError("is no manifest of evidence packs", file=path, allowed="files: {...}")
    return dict(found)


def _old(manifest: dict[str, Any]) -> list[str]:
    """Packs of before have hashes and nothing else to check; other forms are not known here."""
    if "format" in manifest:
        return [f"{MANIFEST}: format {manifest['format']!r} is not known; allowed: {FORMAT!r}"]
    return []


def _seal(folder: Path, manifest: dict[str, Any]) -> list[str]:
    if "format" not in manifest:
        return []
    if manifest.get("pack") != seal(manifest):
        return [f"{MANIFEST}: was changed: its hash is not the one it names"]
    if (folder / MANIFEST).read_bytes() != json_text(manifest).encode():
        return [f"{MANIFEST}: was changed: same entries, other bytes"]
    return []


def _bytes(folder: Path, files: dict[str, str]) -> list[str]:
    """Files that were changed, are missing, or that nobody put there."""
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if not p.is_dir()}
    problems = []
    for name, digest in sorted(files.items()):
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts:
            problems.append(f"{MANIFEST}: names a file outside of the packs: {clean(name)!r}")
        elif name not in there:
            problems.append(f"{clean(name)}: is missing")
        elif there[name].is_symlink() or sha256(there[name].read_bytes()) != digest:
            problems.append(f"{clean(name)}: was changed: its SHA-256 is not that of the manifest")
    extra = sorted(there.keys() - files.keys() - {MANIFEST})
    return problems + [f"{clean(name)}: is not part of the packs" for name in extra]


# --------------------------------------------------------------------------- registry


def _registry(folder: Path, manifest: dict[str, Any]) -> list[str]:
    """Whether the copy of the registry is the one whose hash the packs name."""
    hashes, problems = {}, []
    inputs = manifest.get("inputs")
    stated = inputs if isinstance(inputs, dict) else {}
    for name, _ in registry.FILES.values():
        path = folder / RULES / name
        if not path.is_file():
            continue  # named as missing already
        hashes[name] = sha256(path.read_bytes())
        if hashes[name] != stated.get(name):
            problems.append(f"{RULES}/{name}: is not the registry that the packs were made with")
    version = registry.version_of(hashes)
    if version != manifest.get("registry"):
        found = f"{version}; the packs name {manifest.get('registry')}"
        problems.append(f"{RULES}: the registry here is {found}")
    return problems


def edited(folder: Path, current: Path) -> list[str]:
    """What the registry ``current`` now says otherwise of the day as of which the packs speak.

    Rows that were entered, and periods that ended, after the packs were made are no edits of the
    past.

    Raises:
        InputError: either registry cannot be read.
    """
    manifest = read(folder)
    if not (folder / RULES).is_dir():
        return []
    known = date.fromisoformat(manifest["known"])
    then, now = registry.load(folder / RULES), registry.load(current)
    problems = _rules(then.rules, now.rules, known, str(current / registry.FILES["rules"][0]))
    for name, keys in KEYS.items():
        old, new = getattr(then, name), getattr(now, name)
        problems += _rows(old, new, keys, str(current / registry.FILES[name][0]))
    return problems


def _rules(then: pl.DataFrame, now: pl.DataFrame, known: date, place: str) -> list[str]:
    """Statements on record on ``known`` that are other ones now, or new ones that claim to be.

    Both registries are read as they had been entered on the last day on which the older one was.
    """
    last = then.select(pl.max_horizontal(pl.col("entered").max(), pl.col("closed").max())).item()
    # When the sources were looked at again, and that the record ended later, change no statement.
    later = ("recorded_to", "closed", "checked_to", "verified")
    old, new = (registry.believed(one, known, last).drop(later) for one in (then, now))
    keys = ("rule", "effective_from", "recorded_from")
    added = new.join(old, on=keys, how="anti", nulls_equal=True).to_dicts()
    claims = f"as public by {known} and entered by {last}, which the packs do not have"
    return _rows(old, new, keys, place) + [
        f"{place}: {_named(one, keys)}: {claims}" for one in added
    ]


def _rows(then: pl.DataFrame, now: pl.DataFrame, keys: tuple[str, ...], place: str) -> list[str]:
    """Rows that are gone, and cells that are other ones."""
    current = {tuple(row[key] for key in keys): row for row in now.to_dicts()}
    problems = []
    for row in then.drop("row", strict=False).to_dicts():
        other = current.get(tuple(row[key] for key in keys))
        if other is None:
            problems.append(f"{place}: {_named(row, keys)}: is gone since the packs were made")
            continue
        problems += [
            f"{place}: {_named(row, keys)}, column {name!r}: was {value} in the packs, "
            f"is {other[name]} now"
            for name, value in row.items()
            if name in other and other[name] != value
        ]
    return problems


def _named(row: dict[str, Any], keys: tuple[str, ...]) -> str:
    return ", ".join(f"{key} {row[key]}" for key in keys)


# --------------------------------------------------------------------------- page against JSON


def _report(folder: Path, path: Path, manifest: dict[str, Any]) -> list[str]:
    """Whether the page, the Markdown and the CSV beside a JSON file say what it says."""
    name = path.relative_to(folder).as_posix()
    try:
        whole = json.loads(path.read_bytes())
        report = load(json.dumps(whole["report"]))
        tables = list(_tables(report["sections"]))
        problems = [f"{name}: {text}" for text in _values(tables)]
        if f"registry {manifest.get('registry')}" not in [one["text"] for one in report["facts"]]:
            problems.append(f"{name}: names another registry than {MANIFEST}")
        for suffix, compare in ((".html", _page), (".md", _markdown)):
            beside = path.with_suffix(suffix)
            if beside.is_file():
                shown = beside.relative_to(folder).as_posix()
                content = beside.read_text(encoding="utf-8", errors="replace")
                problems += [f"{shown}: {text}" for text in compare(content, report, tables)]
        rows = path.with_name("crossings.csv")
        if "crossings" in whole and rows.is_file():
            shown = rows.relative_to(folder).as_posix()
            problems += [f"{shown}: {text}" for text in _csv(rows, whole["crossings"])]
    except (KeyError, TypeError, ValueError, AttributeError, pl.exceptions.PolarsError) as error:
        return [f"{name}: cannot be read as a pack ({type(error).__name__}: {error})"]
    return problems


def _tables(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every table in its order, those in sections and folds too."""
    for block in blocks:
        if block.get("kind") == "table":
            yield block
        yield from _tables(block.get("blocks", []))


def _cells(table: dict[str, Any]) -> list[list[dict[str, Any]]]:
    return [row for group in table["groups"] for row in group["rows"]]


_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")


def _values(tables: list[dict[str, Any]]) -> list[str]:
    """Cells whose text is another number than their value."""
    return [
        f"table {table['id']!r}: shows {cell['text']!r} for {cell['value']}"
        for table in tables
        for row in _cells(table)
        for cell in row
        if not _shows(cell["text"], cell["value"])
    ]


def _shows(text: str, value: Any) -> bool:
    """Whether a text is the value, to the digits that it has."""
    found = _NUMBER.search(text)
    if isinstance(value, bool | str | list) or value is None or found is None:
        return True
    number = found.group().replace(",", "")
    mantissa, _, power = number.partition("e")
    digits = len(mantissa.partition(".")[2])
    half = 0.51 * 10.0 ** (int(power or 0) - digits)
    scale = 0.01 if text[found.end() :].lstrip().startswith("%") else 1.0
    return bool(abs(float(number) * scale - value) <= half * scale)


class _Text(HTMLParser):
    """The cells of a page's tables in their order, and its other texts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.texts: list[str] = []
        self._inside: list[str] = []
        self._cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("style", "script", "svg", "thead"):
            self._inside.append(tag)
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and not self._inside:
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()
        elif tag == "table":
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._cell and not self._inside:
            self.rows[-1][-1] += data
        elif not self._inside or self._inside[-1] == "thead":
            self.texts.append(_plain(data))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _page(content: str, report: dict[str, Any], tables: list[dict[str, Any]]) -> list[str]:
    """Where the HTML says something else than the JSON."""
    parser = _Text()
    parser.feed(content)
    parser.close()
    shown = [[_plain(cell) for cell in row] for row in parser.rows if row]
    said: list[list[str]] = []
    for table in tables:
        for group in table["groups"]:
            said += [[group["title"]]] if group["title"] else []
            said += [[_plain(cell["text"]) for cell in row] for row in group["rows"]]
    problems = _differing(shown, said)
    known = {_plain(text) for text in _strings(report)}
    return (
        problems
        + [
            f"says {text!r}, which the JSON does not"
            for text in parser.texts
            if any(char.isdigit() for char in text) and text not in known
        ]
        + [f"does not say {text!r}" for text in _paragraphs(report) if text not in parser.texts]
    )


def _paragraphs(report: dict[str, Any]) -> list[str]:
    """Texts that a page must have: paragraphs, list items and the titles of folds."""
    found = [report["title"], report["lead"]]

    def below(blocks: list[dict[str, Any]]) -> None:
        for block in blocks:
            kind = block.get("kind")
            found.extend([block["text"]] if kind in ("text", "command") else [])
            found.extend([block["title"]] if kind == "fold" else [])
            found.extend(block["items"] if kind == "points" else [])
            below(block.get("blocks", []))

    below(report["sections"])
    return [_plain(text) for text in found]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def _markdown(content: str, report: dict[str, Any], tables: list[dict[str, Any]]) -> list[str]:
    """Where the tables of the Markdown say something else than the JSON."""
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in content.splitlines() if line[:1] == "|"]
    shown = [[_plain(cell) for cell in line] for line in lines]
    said: list[list[str]] = []
    for table in tables:
        grouped = bool(table["group_label"]) or any(group["title"] for group in table["groups"])
        heads = [_head(column) for column in table["columns"]]
        said.append([table["group_label"], *heads] if grouped else heads)
        said.append([])
        said += [
            [*([group["title"]] if grouped else []), *(cell["text"] for cell in row)]
            for group in table["groups"]
            for row in group["rows"]
        ]
    wanted = [[_plain(str(escape_markdown(cell))) for cell in row] for row in said]
    rules = [[] if set("".join(row)) <= set(":-") and row else row for row in shown]
    return _differing(rules, wanted)


def _head(column: dict[str, Any]) -> str:
    return f"{column['label']}, {column['unit']}" if column["unit"] else str(column["label"])


def _differing(shown: list[list[str]], said: list[list[str]]) -> list[str]:
    """Rows of tables that differ, and that there are more or fewer of them."""
    problems = [
        f"row {number} of its tables ({theirs[0] if theirs else ''}) says {_only(mine, theirs)}, "
        f"the JSON {_only(theirs, mine)}"
        for number, (mine, theirs) in enumerate(zip(shown, said, strict=False), 1)
        if mine != theirs
    ]
    if len(shown) != len(said):
        problems.append(f"its tables have {len(shown)} rows, those of the JSON {len(said)}")
    return problems


def _only(row: list[str], other: list[str]) -> str:
    """The cells of a row that another one has not in the same place."""
    cells = [cell for at, cell in enumerate(row) if at >= len(other) or other[at] != cell]
    return ", ".join(map(repr, cells)) or "nothing"


def _csv(path: Path, rows: list[dict[str, Any]]) -> list[str]:
    """Where a CSV file says something else than the JSON."""
    table = unguarded(pl.read_csv(path, infer_schema=False)).to_dicts()
    problems = [
        f"row {number}, column {name!r} says {one.get(name)!r}, the JSON {value!r}"
        for number, (one, other) in enumerate(zip(table, rows, strict=False), 1)
        for name, value in other.items()
        if not _same(one.get(name), value)
    ]
    if len(table) != len(rows):
        problems.append(f"has {len(table)} rows, the JSON {len(rows)}")
    return problems


def _same(cell: str | None, value: Any) -> bool:
    if value is None or cell is None:
        return (cell or "") == ("" if value is None else value)
    if isinstance(value, bool):
        return cell == str(value).lower()
    if isinstance(value, int | float):
        return float(cell) == value
    return _plain(cell) == _plain(str(value)) or _moment(cell) == _moment(str(value))


def _moment(text: str) -> str:
    """A moment's digits: CSV and JSON write the same one in two ways."""
    digits = re.sub(r"\D", "", text.removesuffix("+00:00").removesuffix("+0000"))
    return digits.rstrip("0") if re.match(r"\d{4}-\d{2}-\d{2}[T ]", text) else text
