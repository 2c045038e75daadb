"""Evidence packs as files: one folder per entity and per rule, an index, and a manifest of hashes.

    OUT/entities/<name>/pack.md|html|json, crossings.csv     the same for OUT/rules/<rule>/
    OUT/index.md|html, crossings.csv (every comparison), alerts.csv, manifest.json

The folder is made beside and renamed, so a reader sees the old packs or the new ones.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from scaling.compute import footprint
from scaling.document.blocks import Block, Cell, Column, Group, Report, Section, Table, Text, table
from scaling.document.format import clean, scientific, share
from scaling.document.render import html, markdown
from scaling.errors import InputError
from scaling.govern import redact
from scaling.govern.alerts import alerts
from scaling.govern.at_threshold import at_thresholds, beside, model_hash
from scaling.govern.crossings import VERDICTS, Asked, crossings
from scaling.govern.models import MODELS, runs_of_models
from scaling.govern.pack import LEAD, Provenance, Tables, closed, counted, of_entity, of_rule
from scaling.govern.registry import FOLDER, Registry, believed, load
from scaling.govern.runs import Files, history, prepare, read
from scaling.io import atomic
from scaling.io.json_files import json_text
from scaling.io.tables import csv_text, unguarded

MANIFEST = "manifest.json"
_DROPPED = ("exceeds", "clock_zone")


@dataclass(frozen=True)
class Sources:
    """Where the inputs lie; without a runs file, the public table of models."""

    runs: Path | None
    details: Files = field(default_factory=Files)
    registry: Path = FOLDER
    root: Path = Path()
    # (root, study) -> the version that has the study's stored fit
    version_of: Callable[[Path, str], str] = model_hash


def gather(sources: Sources, asked: Asked) -> tuple[Tables, Registry]:
    """Every table of the packs, unredacted. Raises InputError for a bad file."""
    registry = load(sources.registry)
    if sources.runs is None:
        cells = runs_of_models(sources.root / MODELS)
        ready, past = prepare(cells, registry, asked.on), history(cells, registry)
    else:
        ready, past = read(sources.runs, registry, asked.on, sources.details)
    crossed = crossings(ready, registry, asked, past)
    compared = crossed.filter(
        pl.col("quantity").is_in(["training_compute", "modification_compute"])
    )
    forecasts = at_thresholds(
        compared["threshold"].unique().to_list(), sources.root, sources.version_of
    )
    rules = believed(registry.rules, asked.known)
    crossed = beside(crossed, forecasts)
    return Tables(crossed, ready, past, footprint.of_runs(ready), forecasts, rules), registry


def made_by(
    sources: Sources, asked: Asked, registry: Registry, command: str, code: str
) -> Provenance:
    """Where the pack comes from: days, command, versions, and the hash of each input."""
    named = [sources.runs or sources.root / MODELS, *sources.details.given()]
    inputs = [(path.name, _sha256(path.read_bytes())) for path in named]
    inputs += sorted(registry.hashes.items())
    return Provenance(asked.on, asked.known, command, registry.version, code, tuple(inputs))


def redacted(made: Tables, by: Provenance) -> tuple[Tables, Provenance]:
    """The variant for others: sensitive columns out, magnitudes left, and the record of it."""
    listed = (made.crossings, made.runs, made.history, made.footprint)
    crossed, ready, past, energy = (redact.redact(one) for one in listed)
    record = tuple(redact.record(*listed))
    # The hash of a short file can be guessed back to its figures.
    inputs = tuple((n, d if n in _PUBLIC else "withheld") for n, d in by.inputs)
    return (
        Tables(crossed, ready, past, energy, made.forecasts, made.rules),
        Provenance(by.on, by.known, by.command, by.registry, by.code, inputs, record),
    )


_PUBLIC = (MODELS.name, "rules.csv", "counts.csv", "errors.csv", "chips.csv")


@dataclass(frozen=True)
class Written:
    """What was written: packs, files, alerts, verdicts."""

    packs: int
    files: int
    alerts: pl.DataFrame
    verdicts: dict[str, int]


def write(out: Path, made: Tables, by: Provenance) -> Written:
    """Write every pack. The crossings that stood in ``out`` tell which are new.

    Raises:
        InputError: ``out`` holds something else.
    """
    with atomic.new_folder(out) as folder:
        found = alerts(made.crossings, by.on, _before(out))
        packs = _packs(folder, made, by)
        files = _index(folder, made, by, found)
    counts = dict(made.crossings["verdict"].value_counts().iter_rows())
    return Written(packs, files, found, {name: counts.get(name, 0) for name in VERDICTS})


def _before(out: Path) -> pl.DataFrame | None:
    """The crossings of the last time."""
    if not out.exists() or not any(out.iterdir()):
        return None
    if not (out / MANIFEST).exists():
        raise InputError("holds something else", file=out, hint="Name a new or empty folder.")
    last = unguarded(pl.read_csv(out / "crossings.csv", infer_schema=False))
    return last.select("run", "rule", "by_compute", "verdict")


def _packs(folder: Path, made: Tables, by: Provenance) -> int:
    """One pack per entity and per rule; entities and rules without an open row are in the index."""
    number = 0
    kinds = (("entity", "entities", of_entity), ("rule", "rules", of_rule))
    for column, plural, build in kinds:
        for (name,), rows in made.crossings.group_by(column, maintain_order=True):
            if rows.filter(~closed()).is_empty():
                continue
            place = folder / plural / slug(str(name))
            _pack(place, build(str(name), made, by), rows)
            number += 1
    return number


def _pack(place: Path, report: Report, rows: pl.DataFrame) -> None:
    place.mkdir(parents=True)
    flat = rows.filter(~closed()).drop(_DROPPED)
    content = {
        "pack.md": markdown(report),
        "pack.html": html(report),
        "pack.json": json_text({"title": report.title, "lead": LEAD, "crossings": _plain(flat)}),
        "crossings.csv": csv_text(flat),
    }
    for name, text in content.items():
        (place / name).write_text(text, encoding="utf-8")


def _plain(frame: pl.DataFrame) -> list[dict[str, object]]:
    times = pl.selectors.temporal().cast(pl.String)
    return frame.with_columns(times).to_dicts()


def _index(folder: Path, made: Tables, by: Provenance, found: pl.DataFrame) -> int:
    report = index(made, by, found)
    texts = {
        "index.md": markdown(report),
        "index.html": html(report),
        "crossings.csv": csv_text(made.crossings.drop(_DROPPED)),
        "alerts.csv": csv_text(found),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    listed = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {
        "command": by.command,
        "report_date": str(by.on),
        "known": str(by.known),
        "registry": by.registry,
        "code": by.code,
        "redacted": by.redacted,
        "inputs": dict(by.inputs),
        "files": {p.relative_to(folder).as_posix(): _sha256(p.read_bytes()) for p in listed},
    }
    (folder / MANIFEST).write_text(json_text(manifest), encoding="utf-8")
    return len(listed) + 1


def index(made: Tables, by: Provenance, found: pl.DataFrame) -> Report:
    """The overview: alerts, then entities and rules with their verdicts."""
    facts = (
        Cell(f"on {by.on}"),
        Cell(counted(made.crossings, "run")),
        Cell(counted(made.crossings, "rule")),
        Cell(f"registry {by.registry}"),
    )
    blocks: tuple[Block, ...]
    blocks = (_alert_table(found),) if found.height else (Text("Nothing new, near or due."),)
    sections = (
        Section("headline", "What deserves a look", blocks),
        Section("entities", "Entities", (_verdict_table("entity", made.crossings),)),
        Section("rules", "Rules", (_verdict_table("rule", made.crossings),)),
    )
    return Report("Compute thresholds", LEAD, facts, sections)


def _alert_table(found: pl.DataFrame) -> Table:
    columns = tuple(
        Column(name, long=True)
        for name in ("run", "rule and provision", "verdict", "compared", "P(final)", "last day")
    )
    groups = tuple(
        Group(
            str(part["alert"][0]),
            tuple(
                (
                    Cell(clean(f"{r['run']} ({r['entity']})")),
                    Cell(clean(f"{r['rule']}, {r['provision']}")),
                    Cell(r["verdict"] + (f" ({r['missing']})" if r["missing"] else "")),
                    Cell(scientific(r["central_2sf"]), r["central_2sf"]),
                    Cell(share(r["p_final"]), r["p_final"]),
                    Cell(str(r["notify_by"] or "\u2014")),
                )
                for r in part.to_dicts()
            ),
        )
        for part in found.partition_by("alert", maintain_order=True)
    )
    note = (
        "By compute; an unknown condition hides nothing. Whether a notice was given is not known."
    )
    return table("alert-table", "New, near and due", columns, groups, note, "alert")


def _verdict_table(column: str, crossed: pl.DataFrame) -> Table:
    counted = crossed.group_by(column, maintain_order=True).agg(
        (pl.col("verdict") == verdict).sum().alias(verdict) for verdict in VERDICTS
    )
    columns = (Column(column, long=True), *(Column(v, numeric=True) for v in VERDICTS))
    rows = tuple(
        (Cell(clean(r[column])), *(Cell(str(r[v]), r[v]) for v in VERDICTS))
        for r in counted.to_dicts()
    )
    return table(f"{column}-table", "Comparisons by verdict", columns, (Group("", rows),))


def slug(name: str) -> str:
    """A folder name: letters, digits and dashes, and what keeps two names apart."""
    plain = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")[:60] or "x"
    return plain if plain == name else f"{plain}-{_sha256(name.encode())[:6]}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def check(out: Path) -> list[str]:
    """Files of a pack folder that its manifest does not know, or knows otherwise."""
    known: dict[str, str] = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["files"]
    there = {
        p.relative_to(out).as_posix(): _sha256(p.read_bytes())
        for p in out.rglob("*")
        if p.is_file() and p.name != MANIFEST
    }
    return sorted(n for n in known.keys() | there.keys() if known.get(n) != there.get(n))
