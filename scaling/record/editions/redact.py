"""Redacted editions: a version without internal rows or names, bound to them by one hash.

An edition is built from a list of what may be shown, never by striking out. It holds the whole
fits, backtests, forecasts and checklist of the studies on published sources; of the others the
forecasts under aliases and how each fit ended. Everything else is a leaf of a sparse Merkle tree
(`scaling.record.editions.merkle`) whose root stands in the edition's manifest. A leaf is canonical
JSON (sorted keys, no spaces, UTF-8 without escapes, numbers as Python's ``repr``) of
``{"key": {...}, "value": ...}`` with one of

    key {"kind": "run", "run": R, "metric": M}         value: all validated rows of R's results
    key {"kind": "forecast", "file": F, "study": A}    value: lines of an internal study, aliased
    key {"kind": "name", "of": W, "alias": A}          value: the study, source, metric or target
    key {"kind": "file", "path": P}                    value: hash and size, of the full version

A key has one leaf, so nobody can prove one result of a run here and another there. Cells of a row
are those of `scaling.runs.schema.RUN`, days as YYYY-MM-DD, without empty ones and without
``payload``, the unsalted hash of a file. The edition's id is the SHA-256 of its manifest without
the id, in full: a shorter one would let a publisher make two editions with one id.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.fitting.study_record import StudyFits
from scaling.io import atomic
from scaling.io.hashing import canonical, sha256
from scaling.io.json_files import json_text as pretty
from scaling.record.editions.merkle import Tree, grow
from scaling.record.versions import tables
from scaling.record.versions.files import BASELINES, FORECAST, has, names, read
from scaling.record.versions.ledger import MANIFEST, PLACES, PublishError, entry_of
from scaling.record.versions.verify import verify
from scaling.runs.formats import published
from scaling.runs.schema import RUN

FORMAT = "scaling redacted edition, 2"
FOLDER = "redacted"
TABLES = "data/validated/"
STUDIES, PAGE = "studies.json", "edition.md"
HASH = "sparse Merkle tree over SHA-256, leaves 00 | salt (32 bytes) | data, placed by their key"
# Studies that are not shown; None for one that has forecasts and no fits.
Hidden = Mapping[str, StudyFits | None]
_CELLS = [column.name for column in RUN if column.name != "payload"]


@dataclass(frozen=True)
class Edition:
    """A redacted edition: its id, its files, and the tree that its root stands for."""

    id: str
    files: Mapping[str, bytes]
    tree: Tree


@dataclass(frozen=True)
class Leaf:
    """What is bound under one key."""

    key: Mapping[str, Any]
    value: Any

    @property
    def content(self) -> dict[str, Any]:
        return {"key": dict(self.key), "value": self.value}


@dataclass
class Partition:
    """A full version parted into the files that are shown and the leaves of what is not."""

    files: dict[str, bytes] = field(default_factory=dict)
    leaves: list[Leaf] = field(default_factory=list)


# Making an edition --------------------------------------------------------------------------------


def redact(root: Path, version: str, secret: bytes, *, sealed: bool = False) -> Edition:
    """The redacted edition of a published version; ``sealed`` keeps internal forecasts back too.

    Raises InputError when the version is not published, has no internal source, or its internal
    tables are not those in data/validated; PublishError when what was published is not whole.
    """
    full = root / PLACES[-1] / version
    if not has(full, MANIFEST):
        raise InputError("no such version", value=version, hint="`scaling publish` makes one")
    wrong = verify(root)
    if wrong:
        raise PublishError("nothing was redacted: " + "; ".join(wrong))
    full_manifest = tables.manifest(full)
    internal = internal_tables(root, full_manifest)
    if not internal:
        hint = "It can be shared as it is."
        raise InputError("no internal source made this version", value=version, hint=hint)
    parted = part(full, internal, sealed=sealed)
    runs = run_leaves(root, full_manifest, internal)
    context = bytes.fromhex(sha256(read(full, MANIFEST)))
    leaves = {canonical(one.key): canonical(one.content) for one in (*parted.leaves, *runs)}
    tree = grow(leaves, secret, context)
    rows = sum(len(one.value) for one in runs)
    commitment = {"root": tree.root.hex(), "rows": rows, "keys": len(runs), "hash": HASH}
    edition_manifest = manifest(full, internal, parted.files, commitment, sealed=sealed)
    files = parted.files | {MANIFEST: pretty(edition_manifest).encode()}
    return Edition(edition_manifest["edition"], files, tree)


def write(edition: Edition, place: Path) -> Path:
    """Put the edition into its folder below ``place``, whole, under the start of its id."""
    place.mkdir(parents=True, exist_ok=True)
    folder = place / edition.id[:12]
    with atomic.locked(place):
        atomic.remove_leftovers(place)
        if folder.exists():
            return folder
        with atomic.new_folder(folder) as beside:
            atomic.fill(beside, edition.files)
    return folder


def manifest(
    full: Path,
    internal: Collection[str],
    files: Mapping[str, bytes],
    commitment: Mapping[str, Any],
    *,
    sealed: bool,
    written_as: str = FORMAT,
) -> dict[str, Any]:
    """The edition's manifest, id included: a function of the full version and of the root."""
    content = read(full, MANIFEST)
    full_manifest, entry = json.loads(content), entry_of(content)
    made_by = full_manifest["made_by"]
    public = {k: v for k, v in tables_of(full_manifest).items() if table_of(k) not in internal}
    code = (
        {"code": sha256(canonical(made_by["code"]))}
        if "code" in made_by
        else {
            "engine": sha256(canonical(made_by["engine"])),
            "laws": sha256(canonical(made_by["laws"])),
        }
    )
    packages = "packages" if "packages" in made_by else "requirements"
    facts: dict[str, Any] = {
        "format": written_as,
        "sealed": sealed,
        "issued_at": entry.issued_at,
        "as_of": entry.as_of,
        "full": {
            "version": entry.version,
            "manifest_sha256": entry.manifest_sha256,
            "ledger_line_sha256": entry.digest(),
            "previous": entry.previous,
            "corrects": entry.corrects,
        },
        "made_by": {
            "data": public,
            **code,
            packages: made_by[packages],
            "seed": made_by["seed"],
        },
        "commitment": dict(commitment),
        "files": {
            name: {"sha256": sha256(data), "bytes": len(data)}
            for name, data in sorted(files.items())
        },
    }
    return facts | {"edition": edition_id(facts)}


def edition_id(edition_manifest: Mapping[str, Any]) -> str:
    """The SHA-256 of the manifest without its id."""
    return sha256(canonical({k: v for k, v in edition_manifest.items() if k != "edition"}))


def internal_tables(root: Path, full_manifest: Mapping[str, Any]) -> set[str]:
    """Tables in a version's manifest that no source in data/published has."""
    public = {one.name for one in published(root / "data" / "published")}
    return {table_of(path) for path in tables_of(full_manifest) if table_of(path) not in public}


def tables_of(full_manifest: Mapping[str, Any]) -> dict[str, str]:
    """Path -> hash of the validated tables that made a version; other inputs bear no runs."""
    every = full_manifest["made_by"]["data"].items()
    return {path: digest for path, digest in every if path.startswith(TABLES)}


def table_of(path: str) -> str:
    """The table's name in a path of the manifest."""
    return path.removeprefix(TABLES).removesuffix(".parquet")


def run_leaves(
    root: Path, full_manifest: Mapping[str, Any], internal: Iterable[str], where: str | None = None
) -> list[Leaf]:
    """A leaf for each run and metric of the internal tables that made a version, with all its rows.

    ``full_manifest`` is the version's manifest. With ``where``, a polars SQL condition, only where
    it is true of one row or more. Raises InputError when a table is not the one that made the
    version.
    """
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    wanted: set[tuple[str, str]] = set()
    for name in sorted(internal):
        path = f"{TABLES}{name}.parquet"
        file = root / path
        if (
            not file.is_file()
            or sha256(file.read_bytes()) != full_manifest["made_by"]["data"][path]
        ):
            hint = "Check out the version's dvc.lock, then `dvc checkout`."
            raise InputError("is not the table that made the version", file=file, hint=hint)
        table = pl.read_parquet(file, columns=_CELLS)
        chosen = table if where is None else _like(table, where)
        wanted |= set(chosen.select("run", "metric").iter_rows())
        for row in table.iter_rows(named=True):
            cells = {column: _cell(cell) for column, cell in row.items() if cell is not None}
            rows.setdefault((row["run"], row["metric"]), []).append(cells)
    return [
        Leaf({"kind": "run", "run": run, "metric": metric}, rows[run, metric])
        for run, metric in sorted(wanted)
    ]


def _like(rows: pl.DataFrame, where: str) -> pl.DataFrame:
    try:
        return rows.filter(pl.sql_expr(where))
    except pl.exceptions.PolarsError as error:
        problem = f"condition cannot be read: {str(error).splitlines()[0]}"
        allowed = "a polars SQL condition over the columns of the run table"
        raise InputError(problem, column="--where", value=where, allowed=allowed) from error


def _cell(cell: Any) -> Any:
    """JSON has no word for NaN and infinities; days become text when they are written."""
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell


# Parting a version --------------------------------------------------------------------------------


def part(full: Path, internal: Collection[str], *, sealed: bool) -> Partition:
    """Part a full version; a study whose source is internal, or unknown, is not shown.

    ``internal`` are the names of internal tables. Nothing but the version's own files is read.
    """
    known = tables_of(tables.manifest(full))
    sources = {table_of(path) for path in known} - set(internal)
    fits = tables.fits(full)
    lines = {name: _lines(full, name) for name in (FORECAST, BASELINES)}
    rows = [row for every in lines.values() for row in every]
    public = [name for name, one in fits.items() if one.source in sources]
    every_study: dict[str, StudyFits | None] = {row["study"]: None for row in rows} | fits
    hidden = {name: one for name, one in every_study.items() if name not in public}
    aliases = _aliases(hidden, rows)
    parted = Partition(leaves=_names(hidden, aliases))
    for pattern in ("fits/*.json", "fits/*.csv", "backtests/*.json"):
        for name in names(full, pattern):
            if PurePosixPath(name).stem in public:
                parted.files[name] = read(full, name)
    for name, every in lines.items():
        _part_lines(parted, name, every, aliases, sealed=sealed)
    asked = json.loads(_read(full, "checklist.json") or b"{}")
    shown = [one for one in asked.get("answers", []) if one.get("study") in public]
    checklist = {"questions": asked.get("questions"), "answers": shown}
    parted.files["checklist.json"] = pretty(checklist).encode()
    parted.files[STUDIES] = pretty(_studies(fits, public, aliases)).encode()
    parted.files[PAGE] = _page(parted.files[FORECAST], sealed=sealed).encode()
    parted.leaves += _withheld_files(full, parted.files)
    return parted


def _read(full: Path, name: str) -> bytes:
    return read(full, name) if has(full, name) else b""


def _lines(full: Path, name: str) -> list[dict[str, str]]:
    """The lines of a table with their cells as they are written."""
    return list(csv.DictReader(io.StringIO(_read(full, name).decode())))


def _aliases(hidden: Hidden, rows: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    """Names -> what stands for them: of internal studies and sources, and of every target."""
    sources = sorted({one.source for one in hidden.values() if one and one.source})
    targets = dict.fromkeys(row["target"] for row in rows)
    named = {"study": sorted(hidden), "source": sources, "target": list(targets)}
    words = {"study": "internal-study", "source": "internal-source", "target": "target"}
    # No alias is the name of something else, so that an edition reads one way only.
    real = {*(row["study"] for row in rows), *targets, *sources}
    aliases: dict[str, dict[str, str]] = {}
    for kind, known in named.items():
        free = (one for n in count(1) if (one := f"{words[kind]}-{n}") not in real)
        aliases[kind] = dict(zip(known, free, strict=False))
    return aliases


def _names(hidden: Hidden, aliases: Mapping[str, Any]) -> list[Leaf]:
    names = [
        Leaf({"kind": "name", "of": kind, "alias": alias}, name)
        for kind, names in aliases.items()
        for name, alias in names.items()
    ]
    metrics = [
        Leaf({"kind": "name", "of": "metric", "alias": aliases["study"][name]}, one.metric)
        for name, one in hidden.items()
        if one and one.metric
    ]
    return names + metrics


def _part_lines(
    parted: Partition,
    file: str,
    rows: list[dict[str, str]],
    aliases: Mapping[str, Any],
    *,
    sealed: bool,
) -> None:
    """Show the lines of published studies, and of internal ones the forecasts unless sealed.

    Naive methods are never shown for an internal study: the last value carried on is a run's own.
    """
    shown = []
    withheld: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        alias = aliases["study"].get(row["study"])
        line = row | {"target": aliases["target"][row["target"]], "study": alias or row["study"]}
        if alias is not None:
            withheld.setdefault(alias, []).append(line)
        if alias is None or (file == FORECAST and not sealed):
            shown.append(line)
    parted.leaves += [
        Leaf({"kind": "forecast", "file": file, "study": alias}, lines)
        for alias, lines in withheld.items()
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(shown)
    parted.files[file] = out.getvalue().encode()


def _studies(
    fits: Mapping[str, StudyFits], public: Collection[str], aliases: Mapping[str, Any]
) -> dict[str, Any]:
    """Of each study its source, and how the fit of each law ended (a word of a closed list)."""
    studies = []
    for name, one in fits.items():
        ended = {fit.law: fit.outcome for fit in one.fits}
        known = {"study": name, "source": one.source, "metric": one.metric}
        alias = {"study": aliases["study"].get(name), "metric": None}
        alias["source"] = aliases["source"].get(one.source)
        studies.append((known if name in public else alias) | {"laws": ended})
    return {"studies": sorted(studies, key=lambda one: str(one["study"]))}


def _withheld_files(full: Path, files: Mapping[str, bytes]) -> list[Leaf]:
    """A leaf for each file of the full version that does not stand in the edition as it is."""
    listed = tables.manifest(full)["files"]
    return [
        Leaf({"kind": "file", "path": path}, facts)
        for path, facts in listed.items()
        if path not in files or sha256(files[path]) != facts["sha256"]
    ]


def _page(table: bytes, *, sealed: bool) -> str:
    """A page for people: what this is, and the forecasts with their 90 % intervals."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in csv.DictReader(io.StringIO(table.decode())):
        if row["law"] == "ensemble":
            found.setdefault((row["study"], row["target"]), dict(row))[row["quantile"]] = row[
                "value"
            ]
    lines = [
        "# Forecasts, redacted edition",
        "",
        "Internal runs and names are left out. What was left out is bound by the root in",
        "manifest.json: `scaling verify FOLDER` checks this folder alone, and with",
        "`--disclosed FILE` that something shown later belongs to it.",
        "" if not sealed else "\nForecasts of internal studies are sealed: bound, and not shown.\n",
        "| study | target | params | tokens | median | 90 % interval |",
        "|---|---|---|---|---|---|",
    ]
    for (study, target), row in found.items():
        size = " | ".join(f"{float(row[name]):.3g}" for name in ("params", "tokens"))
        middle, low, high = (_shown(row, level) for level in ("0.5", "0.05", "0.95"))
        lines.append(f"| {study} | {target} | {size} | {middle} | {low} to {high} |")
    return "\n".join(lines) + "\n"


def _shown(row: Mapping[str, str], level: str) -> str:
    return f"{float(row[level]):.4f}" if level in row else "-"
