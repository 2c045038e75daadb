"""Evidence packs as files: one folder per entity and per rule, an index, and a manifest of hashes.

    OUT/entities/<name>/pack.md|html|json, timeline.svg, crossings.csv
    OUT/rules/<rule>/                                       the same
    OUT/index.md|html|json, crossings.csv (every comparison), alerts.csv
    OUT/registry/                                           the rules that were applied
    OUT/manifest.json                                       the hash of every file, and its own

The folder is made beside and renamed, so a reader sees the old packs or the new ones.
`scaling.govern.verify` checks it by itself.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from scaling.compute import footprint
from scaling.document.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    Group,
    Report,
    Section,
    Table,
    Text,
    all_blocks,
    table,
)
from scaling.document.format import clean, scientific
from scaling.document.render import html, markdown
from scaling.document.report_json import to_json
from scaling.errors import InputError, counted
from scaling.govern import redact
from scaling.govern.alerts import alerts
from scaling.govern.at_threshold import at_thresholds, beside, model_hash
from scaling.govern.cells import chance, figure, text
from scaling.govern.crossings import VERDICTS, Asked, crossings
from scaling.govern.models import MODELS, runs_of_models
from scaling.govern.pack import LEAD, Provenance, Tables, closed, of_entity, of_rule
from scaling.govern.private import tidy
from scaling.govern.registry import FILES, FOLDER, Registry, believed, load
from scaling.govern.runs import Files, history, prepare, read
from scaling.io import atomic, library
from scaling.io.json_files import json_text
from scaling.io.tables import csv_text, unguarded

MANIFEST = "manifest.json"
FORMAT = "scaling evidence packs, 2"
RULES = "registry"
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
    rules = believed(registry.rules, asked.known, asked.entered)
    crossed = beside(crossed, forecasts)
    made = (crossed, ready, past, footprint.of_runs(ready), forecasts, rules)
    return Tables(*(tidy(one) for one in made)), registry


def made_by(
    sources: Sources, asked: Asked, registry: Registry, command: str, code: str
) -> Provenance:
    """Where the pack comes from: days, command, versions, and the hash of each input."""
    named = [sources.runs or sources.root / MODELS, *sources.details.given()]
    inputs = [(path.name, _sha256(library.found(path).read_bytes())) for path in named]
    inputs += sorted(registry.hashes.items())
    return Provenance(
        asked.on,
        asked.known,
        command,
        registry.version,
        _days(believed(registry.rules, asked.known, asked.entered)),
        code,
        tuple(inputs),
    )


def _days(rules: pl.DataFrame) -> dict[str, str]:
    """The days of a registry: to when sources confirm its rows, and when the newest was added."""
    ends = rules.select(
        pl.col("checked_to").min().alias("oldest row checked to"),
        pl.col("checked_to").max().alias("newest row checked to"),
        pl.col("recorded_from").max().alias("newest row public since"),
        pl.col("entered").max().alias("newest row entered on"),
    )
    return {name: str(day) for name, day in ends.to_dicts()[0].items() if day is not None}


def redacted(made: Tables, by: Provenance) -> tuple[Tables, Provenance]:
    """The variant for others: what may be shown, magnitudes, and the record of what was left out.

    Files of one's own have no name and no hash: that of a short file can be guessed back to its
    figures.
    """
    listed = (made.crossings, made.runs, made.history, made.footprint)
    names = redact.aliases(made.runs)
    crossed, ready, past, energy = (redact.redact(one, names) for one in listed)
    own = {name: f"input {n}" for n, (name, _) in enumerate(by.inputs, 1) if name not in _PUBLIC}
    inputs = tuple((own.get(n, n), "withheld" if n in own else d) for n, d in by.inputs)
    command = by.command
    for name, shown in own.items():
        command = command.replace(name, shown.replace(" ", "-"))
    return (
        Tables(crossed, ready, past, energy, made.forecasts, made.rules),
        replace(by, command=command, inputs=inputs, redactions=tuple(redact.record(*listed))),
    )


_PUBLIC = (MODELS.name, *(file for file, _ in FILES.values()))


@dataclass(frozen=True)
class Written:
    """What was written: packs, files, alerts, verdicts."""

    packs: int
    files: int
    alerts: pl.DataFrame
    verdicts: dict[str, int]
    # Hash of the manifest: whoever has it can tell these packs from any others.
    pack: str = ""


def write(out: Path, made: Tables, by: Provenance, registry: Path = FOLDER) -> Written:
    """Write every pack, with a copy of the registry. The crossings in ``out`` tell which are new.

    Raises:
        InputError: ``out`` holds something else.
    """
    with atomic.new_folder(out) as folder:
        found = alerts(made.crossings, by.on, _before(out))
        packs = _packs(folder, made, by)
        _index(folder, made, by, found)
        _registry(folder / RULES, registry, by)
        files, pack = _manifest(folder, by)
    counts = dict(made.crossings["verdict"].value_counts().iter_rows())
    return Written(packs, files, found, {name: counts.get(name, 0) for name in VERDICTS}, pack)


def _registry(folder: Path, registry: Path, by: Provenance) -> None:
    """The files of the registry as they were read.

    Raises:
        InputError: a file has changed since.
    """
    folder.mkdir()
    for name, digest in by.inputs:
        if name in _PUBLIC[1:]:
            content = (registry / name).read_bytes()
            if _sha256(content) != digest:
                raise InputError("changed while the packs were made", file=registry / name)
            (folder / name).write_bytes(content)


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
    _page(place, "pack", report, {"crossings": _plain(flat)})
    (place / "crossings.csv").write_text(csv_text(flat), encoding="utf-8")
    for block in all_blocks(report):
        if isinstance(block, Figure):
            (place / block.file).write_text(block.sheet, encoding="utf-8")


def _page(place: Path, stem: str, report: Report, more: dict[str, object]) -> None:
    """One report in three forms, and the rows behind it."""
    content = {
        ".md": markdown(report),
        ".html": html(report, fitted=True),
        ".json": _compact({"title": report.title, "lead": LEAD} | more, to_json(report)),
    }
    for suffix, text_ in content.items():
        (place / f"{stem}{suffix}").write_text(text_, encoding="utf-8")


def _compact(facts: dict[str, object], report: str) -> str:
    """JSON on one line: the encoder that indents took a fifth of the time of all packs."""
    text = json.dumps(facts, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return f'{text[:-1]}, "report": {report.rstrip()}}}\n'


def _plain(frame: pl.DataFrame) -> list[dict[str, object]]:
    times = pl.selectors.temporal().cast(pl.String)
    return frame.with_columns(times).to_dicts()


def _index(folder: Path, made: Tables, by: Provenance, found: pl.DataFrame) -> None:
    flat = made.crossings.drop(_DROPPED)
    _page(folder, "index", index(made, by, found), {})
    (folder / "crossings.csv").write_text(csv_text(flat), encoding="utf-8")
    (folder / "alerts.csv").write_text(csv_text(found), encoding="utf-8")


def _manifest(folder: Path, by: Provenance) -> tuple[int, str]:
    """Write the manifest; how many files there are, and its own hash."""
    listed = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest: dict[str, object] = {
        "format": FORMAT,
        "command": by.command,
        "report_date": str(by.on),
        "known": str(by.known),
        "registry": by.registry,
        "registry_days": by.registry_days,
        "code": by.code,
        "redacted": by.redacted,
        "inputs": dict(by.inputs),
        "files": {p.relative_to(folder).as_posix(): _sha256(p.read_bytes()) for p in listed},
    }
    manifest["pack"] = seal(manifest)
    (folder / MANIFEST).write_text(json_text(manifest), encoding="utf-8")
    return len(listed) + 1, str(manifest["pack"])


def seal(manifest: dict[str, object]) -> str:
    """Hash of a manifest without the entry ``pack``, which holds it."""
    rest = {name: value for name, value in manifest.items() if name != "pack"}
    return _sha256(json_text(rest).encode())


def index(made: Tables, by: Provenance, found: pl.DataFrame) -> Report:
    """The overview: alerts, then entities and rules with their verdicts."""
    facts = (
        Cell(f"on {by.on}"),
        Cell(counted(made.crossings["run"].n_unique(), "run")),
        Cell(counted(made.crossings["rule"].n_unique(), "rule")),
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
    absent = "withheld or none" if "redacted" in found.columns else "none"
    groups = tuple(
        Group(
            str(part["alert"][0]),
            tuple(
                (
                    Cell(clean(f"{r['run']} ({r['entity']})")),
                    Cell(clean(f"{r['rule']}, {r['provision']}")),
                    Cell(r["verdict"] + (f" ({r['missing']})" if r["missing"] else "")),
                    figure(r["central_2sf"], scientific(r["central_2sf"]), ""),
                    chance(r["p_final"]),
                    text(r["notify_by"], absent),
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
