"""A project with published versions and validated runs, with which audits are tested and attacked.

The study ``own`` fits loss = 2 + 40 N^-0.3 over small runs; its target ``next`` is N = 1e9 at
D = 2e10, forecast at 2.1. Versions are issued through `scaling.record.versions.store.issue`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scaling.io.hashing import canonical, sha256
from scaling.record.audit.run import audit, write
from scaling.record.site import build
from scaling.record.versions.fingerprint import Current
from scaling.record.versions.ledger import LEDGER, MANIFEST, entry_of, version_of
from scaling.record.versions.store import issue
from scaling.runs.row_identity import listed
from scaling.runs.schema import FORECAST, RUN, dtypes
from tests.support.publish_project import git

LEVELS = [0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975]
FIRST = datetime(2024, 1, 10, 12, tzinfo=UTC)
ANSWERED = date(2024, 3, 1)
SIZES = (1e7, 3e7, 1e8, 3e8)
VALIDATED = Path("data/validated/own.parquet")


def run(name: str, params: float, value: float, observed: date, **more: Any) -> dict[str, Any]:
    """A row of the validated table."""
    return {
        "source": "own",
        "run": name,
        "observed": observed,
        "recorded": observed,
        "params": params,
        "tokens": 20 * params,
        "metric": "loss@x",
        "metric_kind": "loss",
        "unit": "nats/token",
        "value": value,
        "checkpoint": "final",
        "flops_method": "6ND",
        "flops": 120 * params**2,
        **more,
    }


SMALL = [run(f"small-{n:g}", n, 2 + 40 * n**-0.3, date(2024, 1, 1)) for n in SIZES]
ANSWER = run("large", 1e9, 2.08, ANSWERED)


def table(root: Path, rows: list[dict[str, Any]]) -> None:
    """Put these validated rows in place."""
    (root / VALIDATED).parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, schema=dtypes(RUN)).write_parquet(root / VALIDATED)


def project(root: Path, versions: int = 2) -> Path:
    """A project in Git with versions a day apart, the first at `FIRST`, and their index."""
    root.mkdir(parents=True)
    (root / "params.yaml").write_text(
        "audit: {tolerance: {params: 0.05, tokens: 0.05, flops: 0.1}}\n"
    )
    (root / "dvc.yaml").write_text("stages: {}\n")
    (root / ".gitignore").write_text("data/validated\nmade\n")
    git(root, "init", "-q", "-b", "main")
    commit(root, "the code", FIRST - timedelta(hours=1))
    for number in range(versions):
        publish(root, SMALL, FIRST + timedelta(days=number), median=2.1 + 0.01 * number)
    table(root, [*SMALL, ANSWER])
    if versions:
        build(root)
    commit(root, "versions", FIRST + timedelta(days=versions))
    return root


def commit(root: Path, message: str, when: datetime) -> None:
    """Commit everything, by a clock of its own."""
    with clock(when):
        git(root, "add", "-A")
        git(root, "commit", "-q", "--allow-empty", "-m", message)


@contextlib.contextmanager
def clock(when: datetime) -> Iterator[None]:
    """Git's clock shows this time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GIT_COMMITTER_DATE", "GIT_AUTHOR_DATE"):
            patch.setenv(name, when.isoformat(timespec="seconds"))
        yield


def publish(root: Path, fitted: list[dict[str, Any]], now: datetime, median: float = 2.1) -> str:
    """Publish a version that fitted these rows; returns its id."""
    quantiles = [median * (1 + 0.02 * (level - 0.5)) for level in LEVELS]
    forecast = pl.DataFrame(
        {
            "study": "own",
            "target": "next",
            "params": 1e9,
            "tokens": 2e10,
            "flops": 1.2e20,
            "law": "ensemble",
            "quantile": LEVELS,
            "value": quantiles,
        }
    ).select(list(dtypes(FORECAST)))
    rows = pl.DataFrame(fitted, schema=dtypes(RUN)).rename({"value": "loss"})
    facts = {"study": "own", "source": "own", "metric": "loss@x", "excluded": []}
    ranges = {"flops": [min(row["flops"] for row in fitted), max(row["flops"] for row in fitted)]}
    files = {
        "forecast.csv": forecast.write_csv(),
        "fits/own.json": json.dumps(facts | {"ranges": ranges}),
        "fits/own.csv": listed(rows).write_csv(),
    }
    places = {}
    for name, text in files.items():
        places[name] = root / "made" / name
        places[name].parent.mkdir(parents=True, exist_ok=True)
        places[name].write_text(text)
    outputs = {name: sha256(text.encode()) for name, text in files.items()}
    return issue(
        root, root / "reports", lambda: Current({"outputs": outputs}, places), now=now
    ).version


def audited(root: Path, now: datetime) -> pl.DataFrame:
    """The scores of an audit at this time, which is written."""
    made = audit(root, now=now)
    write(made, root)
    build(root)
    return made.scores


Change = Callable[[dict[str, Any], Path], None]


def forged(root: Path, changes: dict[int, Change]) -> list[str]:
    """Rewrite versions and recompute every hash: file hashes, ids, folders, chain, index.

    ``changes`` get the manifest and the folder of the version at that place in the ledger. Returns
    the new ids.
    """
    reports = root / "reports"
    ledger = reports / LEDGER
    names = [json.loads(line)["version"] for line in ledger.read_text().splitlines()]
    previous, lines, found = None, [], []
    for place, name in enumerate(names):
        folder = reports / name
        manifest = json.loads((folder / MANIFEST).read_bytes())
        changes.get(place, lambda manifest, folder: None)(manifest, folder)
        for file, facts in manifest["files"].items():
            content = (folder / file).read_bytes()
            facts |= {"sha256": sha256(content), "bytes": len(content)}
            manifest["made_by"]["outputs"][file] = facts["sha256"]
        manifest |= {"version": version_of(manifest["made_by"]), "previous": previous}
        text = (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()
        (folder / MANIFEST).write_bytes(text)
        folder.rename(reports / str(manifest["version"]))
        lines.append(entry_of(text).line())
        previous = sha256(lines[-1])
        found.append(str(manifest["version"]))
    ledger.write_bytes(b"".join(lines))
    build(root)
    return found


def rechained(content: bytes, change: Callable[[list[dict[str, Any]]], None]) -> bytes:
    """The outcomes with a change, and the chain recomputed, with which line revises which."""
    lines = [json.loads(line) for line in content.splitlines()]
    old = {id(line): sha256(canonical(line) + b"\n") for line in lines}
    change(lines)
    previous, made = None, b""
    renamed: dict[str | None, str | None] = {None: None}
    for line in lines:
        line |= {"previous": previous, "revises": renamed[line["revises"]]}
        text = canonical(line) + b"\n"
        previous = renamed[old[id(line)]] = sha256(text)
        made += text
    return made


def without_history(root: Path, when: datetime) -> None:
    """Rewrite Git's history: what is here now becomes the only commit."""
    git(root, "checkout", "-q", "--orphan", "other")
    commit(root, "all of it", when)
    git(root, "branch", "-q", "-D", "main")
    git(root, "branch", "-q", "-m", "main")


def copy(root: Path, to: Path) -> Path:
    """The project again, elsewhere."""
    shutil.copytree(root, to, symlinks=True)
    return to
