"""What the index says of each version: a record made of its ledger line, its files and the version
before it. A part that cannot be read is left out, never guessed."""

from __future__ import annotations

import contextlib
import functools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from scaling.document.format import clean, shorten
from scaling.document.report_json import load
from scaling.io import settings
from scaling.io.json_files import as_list, as_map, as_number
from scaling.io.progress import steps
from scaling.io.tables import unguarded
from scaling.record.versions.files import FORECAST, KEPT, PAGE, has, page_in_tree, read
from scaling.record.versions.layouts import relocated
from scaling.record.versions.ledger import MANIFEST, VERSION_NAME, Entry
from scaling.record.versions.tags import TAG

FORM = 3  # raised when a record holds something else than before
# Of a record whose version is in Git alone.
IN_GIT = "in_git"
SHOWN = (PAGE, "report.md", "report.json", FORECAST, MANIFEST)
LEVELS = (50, 80, 90, 95)
LONGEST = 80
BACKTESTS = "backtest-table"
_KINDS = (("data", "data"), ("laws", "laws"), ("engine", "engine"), ("code", "code"))
_COLUMNS = ("study", "target", "law", "quantile", "value")

Record = dict[str, Any]


def link_of(record: Mapping[str, Any], name: str) -> str:
    """Where a page in reports/ finds a file of the version: beside it, or at the version's tag.

    Empty where there is no such file, or only a checkout of the tag has it.
    """
    version, at = clean(record["version"]), str(record.get(IN_GIT, ""))
    if name not in record["files"] or not VERSION_NAME.fullmatch(version):
        return ""
    if not at or name in KEPT:
        return f"{version}/{name}"
    return f"{at}/{name}" if at.startswith("https://") else ""


Medians = dict[tuple[str, str], float]


def records(
    reports: Path,
    entries: Iterable[Entry],
    known: Mapping[str, Record] | None = None,
    before: Entry | None = None,
) -> list[Record]:
    """One record a version, in the ledger's order; those in ``known`` are taken as they are.

    A known record is taken when it has the same form, manifest and predecessor. Every version is
    read once, so the time is linear in their number. ``before`` is the version before the
    first of them.
    """
    known = known or {}
    found: list[Record] = []
    # Each version stands beside the one before it, and is read once.
    facts = functools.lru_cache(maxsize=2)(_facts)
    for entry in steps(list(entries)):
        old = known.get(entry.version)
        fits = old is not None and _identity(old) == _identity(_names(entry))
        record = old if old is not None and fits else _record(reports, entry, before, facts)
        found.append(_placed(reports, record))
        before = entry
    return found


def _placed(reports: Path, record: Record) -> Record:
    """With ``in_git``, the address or the name of the commit that has its files, where the tree
    has none of its pages."""
    version, files = str(record["version"]), as_list(record.get("files"))
    record = {name: value for name, value in record.items() if name != IN_GIT}
    if PAGE not in files or page_in_tree(reports / version):
        return record
    tag, web = f"{TAG}{version}", settings.read(reports.parent).repository
    at = f"{web.rstrip('/')}/blob/{tag}/{reports.name}/{version}" if web else tag
    return record | {IN_GIT: at}


def _names(entry: Entry) -> Record:
    """What identifies a record."""
    return {
        "form": FORM,
        "version": entry.version,
        "manifest_sha256": entry.manifest_sha256,
        "previous": entry.previous,
    }


def _identity(record: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("form", "version", "manifest_sha256", "previous")
    return tuple(record.get(name) for name in names)


_Facts = tuple[Medians, Mapping[str, Any]]


def _facts(folder: Path | None) -> _Facts:
    """The medians of a version and what made it."""
    return _medians(folder), _made_by(folder)


def _record(
    reports: Path, entry: Entry, before: Entry | None, facts: Callable[[Path | None], _Facts]
) -> Record:
    folder = _folder(reports, entry)
    then, made_before = facts(None if before is None else _folder(reports, before))
    now, made_now = facts(folder)
    return _names(entry) | {
        "issued_at": clean(entry.issued_at),
        "revision": None if entry.revision is None else clean(entry.revision),
        "dirty": entry.dirty,
        "studies": len({study for study, _ in now}) or None,
        "targets": len({target for _, target in now}) or None,
        "corrects": None if entry.corrects is None else clean(entry.corrects),
        "reason": None if entry.reason is None else clean(entry.reason),
        "first": before is None,
        "changed": [] if before is None else changed(made_before, made_now),
        "moved": None if before is None else moved(then, now),
        "calibration": calibration(_backtest_blocks(folder)),
        "forecasts": _heads(folder),
        "files": [] if folder is None else [name for name in SHOWN if has(folder, name)],
    }


def _folder(reports: Path, entry: Entry) -> Path | None:
    """The version's folder; None for a name that is none."""
    return reports / entry.version if VERSION_NAME.fullmatch(str(entry.version)) else None


def _json(folder: Path | None, name: str) -> Mapping[str, Any]:
    """Nothing where it is lost or no JSON. Raises InputError where this clone does not have it."""
    try:
        content = b"" if folder is None else read(folder, name)
    except OSError:
        return {}
    with contextlib.suppress(ValueError, RecursionError):
        return as_map(json.loads(content))
    return {}


def _backtest_blocks(folder: Path | None) -> Mapping[str, Any]:
    """The version's report with nothing but its table of backtests, since making every cell of a
    report full takes longer than the rest of a record."""
    whole = _json(folder, "report.json")
    blocks = [b for s in as_list(whole.get("sections")) for b in as_list(as_map(s).get("blocks"))]
    tables = [block for block in blocks if as_map(block).get("id") == BACKTESTS]
    small = {**whole, "sections": [{"blocks": tables}]}
    with contextlib.suppress(ValueError, TypeError, LookupError, RecursionError):
        return as_map(load(json.dumps(small)))
    return {}


def _made_by(folder: Path | None) -> Mapping[str, Any]:
    return as_map(_json(folder, MANIFEST).get("made_by"))


# What changed ------------------------------------------------------------------------------------


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What made the version differs in, one phrase a kind; empty when a manifest is missing."""
    if not old or not new:
        return []
    if old.get("format") != new.get("format"):
        return ["the form of the manifest, which binds more"]
    phrases = [_phrase(label, as_map(old.get(k)), as_map(new.get(k))) for k, label in _KINDS]
    if old.get("params") != new.get("params"):
        phrases.append("choices in params.yaml")
    if any(old.get(name) != new.get(name) for name in ("requirements", "packages")):
        phrases.append("packages")
    if not any(phrases) and old.get("outputs") != new.get("outputs"):
        phrases.append("the report alone")
    return [phrase for phrase in phrases if phrase]


def _phrase(label: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    layout = relocated(old, new)
    if layout is not None:
        moved = layout.unchanged + layout.edited
        return f"{label}: {moved} files moved to a new layout; others added, removed or changed"
    added, removed = sorted(set(new) - set(old)), sorted(set(old) - set(new))
    other = sorted(name for name in set(old) & set(new) if old[name] != new[name])
    parts = (("new", added), ("removed", removed), ("changed", other))
    text = "; ".join(f"{word} {_some(names)}" for word, names in parts if names)
    return f"{label}: {text}" if text else ""


def _some(names: Sequence[str]) -> str:
    """Up to three names of files without folder and suffix, then how many more; those that begin
    with an underscore mean little to a reader and come last."""
    stems = sorted((clean(PurePosixPath(name).stem) for name in names), key=_inner)
    shown = ", ".join(shorten(stem, LONGEST) for stem in stems[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _inner(stem: str) -> tuple[bool, str]:
    return stem.startswith("_"), stem


# How the forecast moved ---------------------------------------------------------------------------


def _medians(folder: Path | None) -> Medians:
    """(study, target) -> median of all laws together."""
    if folder is None:
        return {}
    try:
        frame = unguarded(pl.read_csv(read(folder, FORECAST), columns=_COLUMNS))
        chosen = frame.filter((pl.col("law") == "ensemble") & (pl.col("quantile") == 0.5))
        rows = chosen.select("study", "target", pl.col("value").cast(pl.Float64)).iter_rows()
        return {(str(s), str(t)): v for s, t, v in rows if as_number(v) is not None and v > 0}
    except (OSError, pl.exceptions.PolarsError):
        return {}


_ENDS = {0.05: "low", 0.5: "median", 0.95: "high"}


def _heads(folder: Path | None) -> Record:
    """Study -> median and ends of the 90 % interval of all laws together at the target of most
    compute."""
    if folder is None:
        return {}
    try:
        frame = unguarded(pl.read_csv(read(folder, FORECAST)))
        chosen = frame.filter(pl.col("law") == "ensemble", pl.col("quantile").is_in(list(_ENDS)))
        rows = chosen.sort("flops", "target").select(
            "study", "target", "quantile", pl.col("value").cast(pl.Float64)
        )
    except (OSError, pl.exceptions.PolarsError):
        return {}
    heads: Record = {}
    for study, target, level, value in rows.iter_rows():
        head = heads.setdefault(clean(study), {"target": clean(target)})
        if head["target"] != clean(target):
            head = heads[clean(study)] = {"target": clean(target)}
        head[_ENDS[level]] = value
    return heads


def moved(old: Medians, new: Medians) -> Record | None:
    """The largest move of a median, as a log ratio, and how many targets both versions have."""
    both = sorted(set(old) & set(new))
    if not both:
        return None
    moves = [(math.log(new[key] / old[key]), key) for key in both]
    largest, (study, target) = max(moves, key=lambda move: abs(move[0]))
    return {
        "log_ratio": largest,
        "study": shorten(clean(study), LONGEST),
        "target": shorten(clean(target), LONGEST),
        "compared": len(both),
    }


# The calibration record ---------------------------------------------------------------------------


def calibration(report: Mapping[str, Any]) -> Record | None:
    """Backtests pooled over studies, each study's share weighted by its forecasts.

    They stand in the version's ``report.json``, in the table ``backtest-table``, whose rows of
    method "ensemble" at distance "all" cover every forecast of a study once.
    """
    lines = [line for line in _backtests(report) if as_number(line.get("forecasts"))]
    total = sum(line["forecasts"] for line in lines)
    if not total:
        return None
    names = ("error", *(f"in{level}" for level in LEVELS))
    return {"studies": len(lines), "forecasts": int(total)} | {
        name: _mean([(line["forecasts"], as_number(line.get(name))) for line in lines])
        for name in names
    }


def _mean(pairs: Sequence[tuple[float, float | None]]) -> float | None:
    known = [(weight, value) for weight, value in pairs if value is not None]
    total = sum(weight for weight, _ in known)
    return sum(weight * value for weight, value in known) / total if total else None


def _backtests(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    blocks = [b for s in as_list(report.get("sections")) for b in as_list(as_map(s).get("blocks"))]
    tables = [as_map(block) for block in blocks if as_map(block).get("id") == BACKTESTS]
    groups = [as_map(group) for table in tables for group in as_list(table.get("groups"))]
    rows = [_values(row) for group in groups for row in as_list(group.get("rows"))]
    return [
        {
            "forecasts": as_number(row[2]) or 0.0,
            "error": row[3],
            **dict(zip((f"in{level}" for level in LEVELS), row[5:9], strict=True)),
        }
        for row in rows
        if len(row) >= 9 and row[:2] == ["ensemble", "all"]
    ]


def _values(row: Any) -> list[Any]:
    return [as_map(cell).get("value") for cell in as_list(row)]
