"""The flow ``govern``: check the registry, compare every run with every rule, flag what is new.

    python -m flows.govern     once, here and now
    scaling serve govern       on the schedule of ``prefect.yaml``, until stopped

It runs against the server that ``PREFECT_API_URL`` names or, without one, against a temporary one.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from prefect import flow, task

from scaling.errors import InputError, counted
from scaling.govern.evidence import Written
from scaling.orchestration.run_local import exit_status, run_flow
from scaling.orchestration.server.artifacts import name_run, show_alerts
from scaling.orchestration.tasks import say

# A team's own runs; without the file the public table of models is used.
RUNS = Path("data/governance/runs.csv")
OUT = Path("reports/governance")
SHOWN = 20


@task(task_run_name="check the registry")
def check_registry(root: Path) -> int:
    """Great Expectations over ``data/thresholds``; raises InputError naming each wrong row."""
    from scaling.govern.check import check

    wrong, ran = check(root / "data" / "thresholds")
    if wrong:
        raise InputError("the registry is wrong: " + "; ".join(wrong), file="data/thresholds")
    say(f"registry: {ran} expectations hold")
    return ran


@task(task_run_name="write the packs")
def write_packs(root: Path, runs: Path | None, out: Path, on: date) -> Written:
    """Evidence packs of the day; what stood in ``out`` tells which crossings are new."""
    from scaling.pipeline.packs import packs

    return packs(root, runs, out, on)


@flow(name="govern", flow_run_name="govern")
def govern(
    root: Path = Path(), runs: Path | None = None, out: Path = OUT, on: date | None = None
) -> int:
    """One report; returns how many alerts it has. Raises InputError for a bad registry or file."""
    own = runs or (RUNS if (root / RUNS).exists() else None)
    check_registry(root)
    written = write_packs(root, None if own is None else root / own, root / out, on or date.today())
    for row in written.alerts.head(SHOWN).to_dicts():
        due = f", last day {row['notify_by']}" if row["notify_by"] else ""
        place = f"{row['rule']} ({row['provision']})"
        say(f"{row['alert']}: {row['run']}, {place}: {row['verdict']}{due}", logging.WARNING)
    number = written.alerts.height
    show_alerts(root, written, root / out / "index.html")
    name_run(counted(number, "alert"))
    say(
        f"{counted(number, 'alert')}, {counted(written.packs, 'pack')}: {root / out / 'index.html'}"
    )
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow once; returns the exit status: 0, 2 for bad input, 130 for Ctrl-C, or 1."""
    parser = argparse.ArgumentParser(prog="python -m flows.govern", description=__doc__)
    parser.add_argument("--runs", type=Path, help="file of the runs")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the packs")
    parser.add_argument("--on", type=date.fromisoformat, help="date of the report, YYYY-MM-DD")
    given = parser.parse_args(arguments)
    root = Path.cwd().resolve()
    return exit_status(
        lambda: run_flow(root, lambda: govern(root, given.runs, given.out, given.on))
    )


if __name__ == "__main__":
    sys.exit(main())
