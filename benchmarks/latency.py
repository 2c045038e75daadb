"""From a file in the inbox to a published version: where the time goes.

    python -m benchmarks.latency [RUNS] [--nothing-new N]

The small project of the tests (seven stages that copy a file: their computing is next to nothing,
so what is left is the cost of the machinery) is served by `scaling serve refit`. Each run changes a
source, drops a file into the inbox and waits for the published version. Every Python process writes
down, when it ends, how long it lived and how much CPU it used; Prefect's server is asked when the
run was created and began. Printed are medians and 95th percentiles: first wall seconds one after
the other, then CPU seconds by kind of process, which a busy machine stretches less.
"""

from __future__ import annotations

import argparse
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

import psutil

from tests.support.ops_project import ask, ended, environment, free_port, make
from tests.support.waiting import until

# Runs in every Python process, before anything else.
NOTE = """
import atexit, json, os, sys, time
def note(began=time.time()):
    with open(os.environ["SCALING_NOTES"], "a") as file:
        line = [sys.orig_argv[1:], began, time.time(), time.process_time()]
        file.write(json.dumps(line) + "\\n")
atexit.register(note)
"""
KINDS = {"stage": "stage.py", "DVC": "-m dvc", "flow": "prefect"}


def main() -> None:
    """Serve, land files, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int, nargs="?", default=20)
    parser.add_argument("--nothing-new", type=int, default=5, help="runs of `scaling refit` after")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        root = make(place / "project")
        (place / "site").mkdir()
        (place / "site/sitecustomize.py").write_text(NOTE)
        env = environment(place / "prefect")
        env["PYTHONPATH"] = os.pathsep.join([str(place / "site"), env["PYTHONPATH"]])
        env["SCALING_NOTES"] = str(place / "notes.jsonl")
        rows = serve_and_land(root, env, given.runs)
        same = [nothing_new(root, env) for _ in range(given.nothing_new)]
    show("runs that land", rows)
    show("`scaling refit` with nothing new", same)


def serve_and_land(root: Path, env: dict[str, str], number: int) -> list[dict[str, float]]:
    """One row a run."""
    port = free_port()
    rows: list[dict[str, float]] = []
    command = [sys.executable, "-m", "scaling", "serve", "refit", "--port", str(port)]
    with subprocess.Popen(command, cwd=root, env=env, stdout=subprocess.DEVNULL) as child:
        try:
            until(lambda: any(d["status"] == "READY" for d in ask(port, "deployments")))
            for run in range(-1, number):  # the first makes Prefect's and DVC's own files
                row = land(root, child.pid, port, run, Path(env["SCALING_NOTES"]))
                print(json.dumps({name: round(value, 2) for name, value in row.items()}))
                sys.stdout.flush()
                rows += [row] if run >= 0 else []
        except KeyboardInterrupt:  # what was measured so far is shown
            pass
        finally:
            child.terminate()
            child.wait(120)
    return rows


def land(root: Path, serving: int, port: int, run: int, notes: Path) -> dict[str, float]:
    """Wall seconds from the file to the published version, and CPU seconds of each kind."""
    before, noted, used = len(ended(port)), _notes(notes), _used(serving)
    published = _lines(root / "reports/ledger.jsonl")
    start = time.time()
    (root / "data/published/more.csv").write_text(f"{run}\n")
    (root / "data/internal/landed.csv").write_text(f"{run}\n")
    # Prefect's server is not asked before the end: answering would be counted as its work.
    until(lambda: _lines(root / "reports/ledger.jsonl") > published)
    until(lambda: any(_kind(p[0]) == "flow" for p in _notes(notes)[len(noted) :]))
    used = {name: value - used[name] for name, value in _used(serving).items()}
    until(lambda: len(ended(port)) > before)
    found = max((r for r in ask(port, "flow_runs") if r["end_time"]), key=lambda r: r["end_time"])
    created, began, end = (_at(found[key]) for key in ("created", "start_time", "end_time"))
    processes = _notes(notes)[len(noted) :]
    kinds = {kind: [p for p in processes if _kind(p[0]) == kind] for kind in KINDS}
    flow = min((p[1] for p in kinds["flow"]), default=began)
    within = _covered([(p[1], p[2]) for p in kinds["DVC"]])
    stages = _covered([(p[1], p[2]) for p in kinds["stage"]])
    return {
        "inbox to run created": created - start,
        "to its process": flow - created,
        "to its first line": began - flow,
        "Prefect within the flow": end - began - within,
        "DVC": within - stages,
        "stages": stages,
        "in all": end - start,
        **{f"CPU: {kind}": sum(p[3] for p in kinds[kind]) for kind in KINDS},
        **{f"CPU: {name}": value for name, value in used.items()},
        "processes": float(len(processes)),
    }


def nothing_new(root: Path, env: dict[str, str]) -> dict[str, float]:
    """Wall and CPU seconds of `scaling refit` when everything is published."""
    begun, start = os.times(), time.monotonic()
    command = [sys.executable, "-m", "scaling", "refit"]
    said = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=True)
    assert said.stdout.startswith("everything is up to date"), said.stdout
    wall, now = time.monotonic() - start, os.times()
    cpu = now.children_user + now.children_system - begun.children_user - begun.children_system
    return {"in all": wall, "CPU": cpu}


def show(title: str, rows: list[dict[str, float]]) -> None:
    """A table of medians and 95th percentiles."""
    print(
        f"\n{title}, {len(rows)} times; load {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores\n"
    )
    print("| | median | 95 % |\n|---|---|---|")
    for name in rows[0] if rows else ():
        values = sorted(row[name] for row in rows)
        high = values[min(len(values) - 1, round(0.95 * len(values)))]
        print(f"| {name} | {statistics.median(values):.2f} | {high:.2f} |")


def _used(serving: int) -> dict[str, float]:
    """CPU seconds so far of the serving process and of Prefect's server."""
    used = {"server": 0.0, "serve": sum(psutil.Process(serving).cpu_times()[:2])}
    for child in psutil.Process(serving).children():
        if "scaling.orchestration.server.temporary" in " ".join(child.cmdline()):
            used["server"] = sum(child.cpu_times()[:2])
    return used


def _kind(command: list[str]) -> str | None:
    words = " ".join(command)
    return next((kind for kind, mark in KINDS.items() if mark in words), None)


def _covered(spans: list[tuple[float, float]]) -> float:
    """The length of the union of spans."""
    total, reached = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _notes(file: Path) -> list[Any]:
    text = file.read_text() if file.is_file() else ""
    return [json.loads(line) for line in text.splitlines()]


def _lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.is_file() else 0


def _at(text: Any) -> float:
    return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()


if __name__ == "__main__":
    main()
