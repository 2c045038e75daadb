"""What changed from one version to the next, and why: worked out when a version is published.

Written into the version as ``changes.json``, and into its report where that has a place for it
(`scaling.record.changes.section`). The version's id does not depend on it: it tells of two
versions. Revised data are distinguished from new data by the rows that both versions list
and by what quarantine, releases and the log of internal data know of them.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from scaling.errors import InputError
from scaling.fitting.study_record import StudyFits
from scaling.io.json_files import as_map, json_text
from scaling.record.changes import new_run_test
from scaling.record.changes.attribution import attribute_changes
from scaling.record.changes.parameters import input_changes, median_changes, parameters
from scaling.record.changes.rows import ADDED, RECORDED, WITHDRAWN, Rows, compared, read
from scaling.record.versions import tables
from scaling.record.versions.ledger import version_of
from scaling.runs.row_identity import listed
from scaling.runs.schema import RESTORED, WITHDRAWAL
from scaling.runs.schema import WITHDRAWN as TAKEN_BACK
from scaling.runs.studies import PARAMS, load_params
from scaling.runs.validation.releases import RELEASES, row_id
from scaling.runs.validation.releases import read as releases

NAME = "changes.json"
PUBLISHED = Path("data/published")
# Of parameters and of forecasts, the most moved.
MAX_LISTED = 8


def changes_between(
    root: Path, old: Path, new: Path, made_by: Mapping[str, Any], most: int | None = MAX_LISTED
) -> dict[str, Any]:
    """All that changed between two versions' folders; ``made_by`` is that of the new one.

    Of parameters and of forecasts the ``most`` moved (None: all). ``root`` has params.yaml, whose
    choices the refits use, and what is known of rows added or withdrawn. Raises InputError when a
    version's files cannot be read.
    """
    first = tables.manifest(old)
    before, after = tables.fits(old), tables.fits(new)
    studies = [
        _study(root, (old, new), (before.get(name), record), name, first["issued_at"], most)
        for name, record in after.items()
    ]
    far = sorted(median_changes(old, new).to_dicts(), key=lambda row: -abs(row["change"]))
    return {
        "old": first["version"],
        "made_by": input_changes(first["made_by"], made_by),
        "studies": [one for one, _ in studies],
        "gone": sorted(before.keys() - after.keys()),
        "surprise": new_run_test.outside(
            {one["study"]: table for one, table in studies if table is not None}
        ),
        "parameters": list(parameters(old, new))[:most],
        "forecasts": far[:most],
    }


def change_files(
    root: Path,
    old: Path | None,
    new: Path,
    made_by: Mapping[str, Any],
    issued_at: str | None = None,
) -> dict[str, bytes]:
    """The files of a version that compare it with the one before: its changes, and its report with
    them and with the version's header; empty where the report has no place for them. ``new`` has
    the version's other files, ``issued_at`` is the moment of issue (ISO 8601)."""
    from scaling.record.changes.history_section import parameter_history
    from scaling.record.changes.history_section import section as history
    from scaling.record.changes.issue_facts import facts
    from scaling.record.changes.issue_facts import filled as with_facts
    from scaling.record.changes.section import has_place, section, written
    from scaling.record.changes.steps_section import median_steps
    from scaling.report.places import CHANGES_TEXT, HISTORY_TEXT

    reports = {name: new / name for name in ("report.md", "report.html", "report.json")}
    waiting = {name: path.read_text("utf-8") for name, path in reports.items() if has_place(path)}
    if not waiting:
        return {}
    changes: dict[str, Any] = {"old": None}
    if old is not None:
        changes = changes_between(root, old, new, made_by)
    changes["history"] = {} if old is None else parameter_history(old, new)
    changes["steps"] = {} if old is None else median_steps(old, new)
    titles, targets = _titles(root)
    filled, before = section(changes, titles, targets), history(changes["history"], titles)
    known = facts(version_of(made_by), issued_at, changes)
    texts = {}
    for name, text in waiting.items():
        kind = reports[name].suffix
        whole = written(kind, written(kind, text, filled, CHANGES_TEXT), before, HISTORY_TEXT)
        texts[name] = with_facts(kind, whole, known).encode()
    return {NAME: json_text(changes).encode(), **texts}


def _titles(root: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What readers call the studies and the targets of params.yaml."""
    from scaling.report.names import study_titles, target_titles

    params = load_params(root / PARAMS) if (root / PARAMS).is_file() else {}
    targets = as_map(as_map(params.get("forecast")).get("targets"))
    return study_titles(as_map(params.get("studies"))), target_titles(targets)


# One study ---------------------------------------------------------------------------------------


def _study(
    root: Path,
    versions: tuple[Path, Path],
    records: tuple[StudyFits | None, StudyFits],
    study: str,
    issued: str,
    most: int | None,
) -> tuple[dict[str, Any], pl.DataFrame | None]:
    """Counts of rows, what moved each law, and the forecasts of the new rows."""
    before, after = records
    facts: dict[str, Any] = {"study": study, "new": before is None}
    if before is None:
        return facts, None
    old, new = (read(one, study) for one in versions)
    if old is None or new is None:
        return facts | {"reason": "the earlier version does not list its rows"}, None
    rows = compared(old, new)
    facts |= {"rows": rows.counts(), "choices": _choices(before, after)}
    facts |= _reasons(root, after, rows, datetime.fromisoformat(issued).date())
    facts |= {"corrected": list(islice(rows.corrections(), most))}
    facts["laws"] = list(_laws(root, study, rows, before, after))
    table, reason = new_run_test.of_study(rows.table.filter(pl.Series(rows.old)), rows.of(ADDED))
    return facts | ({"no_test": reason} if reason else {}), table


def _choices(old: StudyFits, new: StudyFits) -> list[str]:
    """What the study chooses otherwise than before."""
    pairs = (("source", old.source, new.source), ("metric", old.metric, new.metric))
    other = [f"{name}: {was} is now {now}" for name, was, now in pairs if was != now]
    rules = [[rule.where for rule in one.excluded] for one in (old, new)]
    other += [f"no longer left out: {rule}" for rule in rules[0] if rule not in rules[1]]
    return other + [f"now left out: {rule}" for rule in rules[1] if rule not in rules[0]]


def _laws(
    root: Path, study: str, rows: Rows, old: StudyFits, new: StudyFits
) -> Iterator[dict[str, Any]]:
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    delta = float(params["fit"]["delta"])
    mixed = (params["studies"].get(study) or {}).get("mixed", ())
    for now in new.fits:
        before = old.fit(now.law)
        if before is not None:
            yield {"law": now.law, **attribute_changes(rows, before, now, delta, mixed)}


# Why rows were added and withdrawn ----------------------------------------------------------------


def _reasons(root: Path, record: StudyFits, rows: Rows, issued: date) -> dict[str, Any]:
    """Why rows were added and withdrawn, counted, and which runs `scaling remove` took or gave."""
    acts = _acts(root, record)
    words = {"added": _reasons_added(root, record, rows.of(ADDED), acts, issued)}
    words |= {"withdrawn": _reasons_withdrawn(root, record, rows.of(WITHDRAWN), acts)}
    runs = {
        act: list(dict.fromkeys(run for run, word in given if word == act))
        for which, act in (("withdrawn", TAKEN_BACK), ("added", RESTORED))
        if (given := words[which])
    }
    counts = {which: dict(Counter(word for _, word in given)) for which, given in words.items()}
    return {
        "why": {which: count for which, count in counts.items() if count},
        "acts": {act: named for act, named in runs.items() if named},
    }


def _acts(root: Path, record: StudyFits) -> dict[tuple[str, str], str]:
    """What `scaling remove` last did to a row, in the schema's word, by run and place."""
    table = _rows_of(root / "data/runs", record)
    if WITHDRAWAL not in table.columns:
        return {}
    told = table.filter(pl.col(WITHDRAWAL).is_not_null())
    words = told[WITHDRAWAL].str.split(" ").list.first()
    rows = listed(told)
    return dict(zip(zip(rows["run"], rows["at"], strict=True), words, strict=True))


def _reasons_added(
    root: Path,
    record: StudyFits,
    rows: pl.DataFrame,
    acts: Mapping[tuple[str, str], str],
    issued: date,
) -> list[tuple[str, str]]:
    """The run of each row added, and why: restored, released from quarantine since, known before
    by the log of internal data, or new.

    A published source has no such log: its rows were added on the day on which it was taken in.
    """
    if rows.is_empty():
        return []
    let_pass = _places_released(root, record)
    logged = RECORDED in rows.columns and not (root / PUBLISHED / record.source).is_dir()
    days = rows[RECORDED].to_list() if logged else [None] * rows.height
    reasons = []
    for key, day in zip(zip(rows["run"], rows["at"], strict=True), days, strict=True):
        known = day is not None and str(day) < issued.isoformat()
        word = "released" if key in let_pass else ("known before" if known else "new")
        reasons.append((key[0], RESTORED if acts.get(key) == RESTORED else word))
    return reasons


def _places_released(root: Path, record: StudyFits) -> set[tuple[str, str]]:
    """Run and place of the source's rows that a person let pass."""
    named = {one.row for one in releases(root / RELEASES) if one.source == record.source}
    if not named:
        return set()
    table = _rows_of(root / "data/validated", record)
    let_pass = [row_id(row) in named for row in table.iter_rows(named=True)]
    rows = listed(table).filter(pl.Series(let_pass, dtype=pl.Boolean))
    return set(zip(rows["run"], rows["at"], strict=True))


def _reasons_withdrawn(
    root: Path, record: StudyFits, rows: pl.DataFrame, acts: Mapping[tuple[str, str], str]
) -> list[tuple[str, str]]:
    """The run of each row that is no longer fitted, and why: withdrawn, in quarantine now, left
    out by a rule of the study, or no longer in the data."""
    places = {TAKEN_BACK: {key for key, act in acts.items() if act == TAKEN_BACK}}
    for word, folder in (("quarantined", "quarantine"), ("left out by a rule", "validated")):
        table = _rows_of(root / "data" / folder, record)
        found = listed(table) if table.height else table
        places[word] = set(zip(found["run"], found["at"], strict=True)) if found.height else set()
    gone = "no longer in the data"
    return [
        (key[0], next((word for word, keys in places.items() if key in keys), gone))
        for key in zip(rows["run"], rows["at"], strict=True)
    ]


def _rows_of(folder: Path, record: StudyFits) -> pl.DataFrame:
    """The source's rows of the study's metric in that folder."""
    path = folder / f"{record.source}.parquet"
    if not path.is_file():
        return pl.DataFrame()
    return pl.scan_parquet(path).filter(pl.col("metric") == record.metric).collect()


# For `scaling reproduce` -------------------------------------------------------------------------


def rewrite_change_files(
    root: Path, old: Path | None, out: Path, issued_at: str | None = None
) -> None:
    """Write the files that publishing adds to the outputs at ``root`` into the folder ``out``."""
    from scaling.record.versions.fingerprint import fingerprint

    current = fingerprint(root)
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        for name, path in current.files.items():
            copy = Path(folder) / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
        files = change_files(root, old, Path(folder), current.made_by, issued_at)
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (out / name).write_bytes(content)


if __name__ == "__main__":
    try:
        before, out, *issued = sys.argv[1:]
        rewrite_change_files(Path(), Path(before) if before else None, Path(out), *issued[:1])
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
