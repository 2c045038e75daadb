"""The outputs and sources of a small pipeline, with which publishing is tested."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from datetime import UTC, datetime
from pathlib import Path

NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
FILES = {
    "dvc.yaml": """
        stages:
          validate:
            cmd: python -m scaling.pipeline.validate
            deps: [data/runs, scaling/runs/schema.py]
            outs: [data/validated, data/quarantine]
          fit:
            foreach: ${studies}
            do:
              cmd: python -m scaling.pipeline.fit ${key}
              deps:
                - data/validated/${item.source}.parquet
                - scaling/fitting
                - scaling/laws
              outs:
                - data/fits/${key}.json:
                    cache: false
        """,
    "params.yaml": "seed: 7\nstudies:\n  a: {source: a}\n",
    "requirements.lock": "polars==2.1.0\n",
    "scaling/runs/schema.py": "COLUMNS = 3\n",
    "scaling/cli/main.py": "# no stage needs it\n",
    "scaling/fitting/solver.py": "DELTA = 1e-3\n",
    "scaling/laws/chinchilla.py": "E = 1.69\n",
    "data/validated/a.parquet": "rows\n",
    "data/fits/a.json": '{"E": 1.8}\n',
    "data/forecasts/forecast.csv": "target,q0.5\nx,2.0\n",
    "reports/current/report.md": "# Report\n",
    "reports/current/report.html": "<p>Report</p>\n",
    "reports/current/report.json": "{}\n",
    "reports/current/forecast.csv": "target,q0.5\nx,2.0\n",
}
PUBLISHED = [
    "fits/a.json",
    "forecast.csv",
    "manifest.json",
    "report.html",
    "report.json",
    "report.md",
]


def fill(root: Path) -> Path:
    """The outputs and sources of a small pipeline, all as a run of it would leave them."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return root


def content(root: Path) -> dict[str, bytes]:
    """Everything published: path under reports -> bytes; without the index."""
    reports = root / "reports"
    files = [path for path in reports.rglob("*") if path.is_file()]
    inside = {path.relative_to(reports).as_posix(): path.read_bytes() for path in files}
    return {name: inside[name] for name in inside if not name.startswith(("current/", "index."))}


def ledger(root: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (root / "reports/ledger.jsonl").read_text().splitlines()]


def write_report(root: Path, text: str) -> None:
    """Another report, of other data: outputs alone make no other version."""
    (root / "reports/current/report.md").write_text(text)
    (root / "data/validated/a.parquet").write_text(text)


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(root), *who, *arguments]
    # Before `NOON`: no version is older than its commit.
    day = "2019-06-01T12:00:00+00:00"
    dated = {"GIT_AUTHOR_DATE": day, "GIT_COMMITTER_DATE": day} | os.environ
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=dated)
    return done.stdout
