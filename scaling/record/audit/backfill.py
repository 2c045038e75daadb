"""Publish the replayed history: a version for each day of history.yaml, in a chain of its own.

``reports/history/VERSION/`` holds the forecasts, the naive methods', the facts of each study and
the manifest. Its as-of day lies before its issue, so every reader can tell it from a forecast that
was made ahead.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from scaling.errors import InputError
from scaling.forecasting.scores import CARRY, TAIL
from scaling.io.hashing import sha256
from scaling.io.json_files import json_text as canonical_json
from scaling.io.tables import csv_text
from scaling.record.audit import replay, trends
from scaling.record.audit.read import HISTORY
from scaling.record.versions.files import BASELINES, names, read
from scaling.record.versions.files import FORECAST as FORECAST_FILE
from scaling.record.versions.fingerprint import Current, made_by
from scaling.record.versions.ledger import LEDGER, MANIFEST, read_lines
from scaling.record.versions.store import PublishedVersion, issue
from scaling.runs.schema import FORECAST, dtypes

NAIVE = (CARRY, TAIL)
VALIDATED = Path("data/validated")
REPLACED = "the same day replayed again, by other code or data"


def backfill(
    root: Path = Path(),
    *,
    only: date | None = None,
    done: Callable[[date, PublishedVersion], None] = lambda day, made: None,
) -> list[PublishedVersion]:
    """Replay and publish every day of the plan (or ``only`` one); days published before stay.

    ``done`` is called with each as it is published. Raises InputError when ``only`` is not in the
    plan.
    """
    plan = replay.read_plan(root / replay.FILE)
    if only is not None and only not in plan.days:
        allowed = ", ".join(map(str, plan.days))
        raise InputError("not a day of the plan", value=str(only), allowed=allowed)
    published = []
    for day in plan.days if only is None else (only,):
        with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
            made = current(root, plan, day, Path(folder))
            if made is not None:
                published.append(_issued(root, made))
                done(day, published[-1])
    return published


def make(root: Path, day: date, folder: Path) -> list[str]:
    """Write the files of one day's version into ``folder``, and publish nothing."""
    plan = replay.read_plan(root / replay.FILE)
    folder.mkdir(parents=True, exist_ok=True)
    made = current(root, plan, day, folder)
    return [] if made is None else list(made.files)


def _issued(root: Path, outputs: Current) -> PublishedVersion:
    """Publish it; where the day has a version already, as the correction of the last one.

    A replay whose files are all as they were published stays that version: other code that gives
    the same forecasts corrects nothing.
    """
    reports = root / "reports" / HISTORY
    ledger = reports / LEDGER
    chain = read_lines(ledger.read_bytes())[0] if ledger.is_file() else []
    same = [entry.version for entry in chain if entry.as_of == outputs.as_of]
    if same and _published(reports / same[-1]) == outputs.outputs:
        return PublishedVersion(same[-1], reports / same[-1], new=False)
    replaces = bool(same) and outputs.version not in same
    more = {"corrects": same[-1], "reason": REPLACED} if replaces else {}
    return issue(root, reports, lambda: outputs, more=more)


def _published(folder: Path) -> dict[str, str]:
    """Name -> hash of the version's files as they are."""
    return {name: sha256(read(folder, name)) for name in names(folder) if name != MANIFEST}


def current(root: Path, plan: replay.ReplayPlan, day: date, folder: Path) -> Current | None:
    """The version of one day, its files written into ``folder``; None when nothing was known."""
    parts = list(_parts(root, plan, day))
    if not parts:
        return None
    table = pl.concat([rows for rows, _ in parts])
    naive = pl.col("law").is_in(NAIVE)
    contents = {
        FORECAST_FILE: _csv(table.filter(~naive)),
        BASELINES: _csv(table.filter(naive)),
    }
    for _, facts in parts:
        name = facts["study"].replace(" ", "-").replace("+", "")
        contents[f"fits/{name}.json"] = canonical_json(facts).encode()
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    files = {name: folder / name for name in sorted(contents)}
    command = f"python -m scaling backfill --as-of {day}"
    sources = (replay.FILE.as_posix(), str(trends.COPIES))
    return Current(_made_by(root, plan, day), files, str(day), command, sources)


def _made_by(root: Path, plan: replay.ReplayPlan, day: date) -> dict[str, Any]:
    """The inputs of one day's version, in the form of an ordinary one."""
    used = sorted({study.source for study in plan.studies})
    tables = [root / VALIDATED / f"{source}.parquet" for source in used]
    return made_by(root, [*tables, root / trends.COPIES], plan.text) | {"as_of": str(day)}


def _csv(table: pl.DataFrame) -> bytes:
    """Ten digits: enough for every score, and small."""
    ten = [pl.col(name).round_sig_figs(10) for name in ("params", "tokens", "flops", "value")]
    return csv_text(table.with_columns(ten)).encode()


def _parts(
    root: Path, plan: replay.ReplayPlan, day: date
) -> Iterator[tuple[pl.DataFrame, dict[str, Any]]]:
    types = dtypes(FORECAST)
    for study in plan.studies:
        made = replay.replay(study, day, plan, root / VALIDATED)
        if made is not None:
            yield made[0].select(list(types)), made[1]
    seed = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8")).get("seed", 0)
    yield from trends.replay(root, plan.trends, day, int(seed))
