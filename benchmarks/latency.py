"""From a file in the inbox to a published version: where the time goes.

    nice -n 10 python -m benchmarks.latency [RUNS]

A copy of this project is made in a temporary folder with `scaling serve refit`; each run changes
one study's source, drops a file into the inbox and waits for the published version. Wall seconds,
split by what Prefect recorded and by timing the parts alone: `computing` and `stage start` are from
running the stages' commands without DVC and from importing what they import.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.ops_project import ask, ended, environment, free_port, make, serving, until


def main() -> None:
    """Print medians and 95th percentiles of the small project of the tests."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        root = make(Path(folder) / "project")
        env = environment(Path(folder) / "prefect")
        alone = parts(root, env)
        port = free_port()
        rows = []
        with serving(root, env, port):
            for run in range(number):
                rows.append(one(root, port, run))
                print(json.dumps(rows[-1]), flush=True)
    for name in rows[0]:
        values = sorted(row[name] for row in rows)
        high = values[min(len(values) - 1, round(0.95 * len(values)))]
        print(f"{name:<28} median {statistics.median(values):6.1f}   95 % {high:6.1f}")
    print(json.dumps(alone))


def one(root: Path, port: int, run: int) -> dict[str, float]:
    """Seconds until the event, the start of the flow, its end, and within stages."""
    before = len(ended(port))
    start = time.time()
    (root / "data/published/more.csv").write_text(f"{run}\n")
    (root / "data/internal/landed.csv").write_text(f"{run}\n")
    until(lambda: len(ended(port)) > before)
    found = sorted(
        (run for run in ask(port, "flow_runs") if run["end_time"]), key=lambda r: str(r["end_time"])
    )[-1]
    tasks = [t for t in ask(port, "task_runs") if t["flow_run_id"] == found["id"]]
    began, ends = _at(found["start_time"]), _at(found["end_time"])
    return {
        "inbox to run created": _at(found["created"]) - start,
        "created to flow started": began - _at(found["created"]),
        "flow": ends - began,
        "of it stages (sum)": sum(t["total_run_time"] for t in tasks if "stage" in t["tags"]),
        "total": ends - start,
    }


def parts(root: Path, env: dict[str, str]) -> dict[str, float]:
    """Wall seconds of a DVC no-op, of `import prefect`, of Python alone, of a stage's command."""
    commands: dict[str, list[str]] = {
        "python": ["-c", "pass"],
        "import prefect": ["-c", "import prefect; prefect.flow"],
        "dvc status": ["-m", "dvc", "status"],
        "stage alone": ["stage.py", "ingest", "data/published", "data/none"],
    }
    return {name: round(_timed(root, env, command), 2) for name, command in commands.items()}


def _timed(root: Path, env: dict[str, str], command: list[str]) -> float:
    took = []
    for _ in range(3):
        start = time.monotonic()
        subprocess.run(
            [sys.executable, *command], cwd=root, env={**os.environ, **env}, capture_output=True
        )
        took.append(time.monotonic() - start)
    return statistics.median(took)


def _at(text: Any) -> float:
    return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()


if __name__ == "__main__":
    main()
