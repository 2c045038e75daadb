"""The flow ``backtest``: forecasts that studies could have made of their own larger runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from prefect import flow, unmapped
from prefect.artifacts import create_table_artifact
from prefect.task_runners import ThreadPoolTaskRunner

from flows.alone import alone
from flows.artifacts import name_run
from flows.pipeline import STAGE_SECONDS, stage_groups
from flows.stages import run_stage
from scaling.errors import counted

RUNNER: Any = ThreadPoolTaskRunner(max_workers=2)
SHOWN = ("method", "forecasts", "error", "crps", "in90", "skill")


@flow(name="backtest", flow_run_name="backtest", task_runner=RUNNER)
def backtest(root: Path = Path(), stage_seconds: float = STAGE_SECONDS) -> int:
    """Bring the backtests up to date and show their scores; returns how many there are.

    Publishes nothing. Raises StageFailed.
    """
    root = root.resolve()
    with alone(root):
        groups = stage_groups(root)
        last = max(i for i, group in enumerate(groups) if group[0].startswith("backtest"))
        for group in groups[: last + 1]:
            if group[0].startswith("fit@"):  # not needed for a backtest
                continue
            runs = run_stage.map(group, unmapped(root), unmapped(stage_seconds))
            runs.wait()
            for run in runs:
                run.result()
        rows = scores(root / "data" / "backtests")
    create_table_artifact(table=rows, key="backtest-scores", description="Errors are of logs.")
    name_run(counted(len(rows), "score"))
    return len(rows)


def scores(folder: Path) -> list[dict[str, Any]]:
    """One row a study and method, over all distances."""
    made = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    return [
        {"study": study["study"], **{name: line.get(name) for name in SHOWN}}
        for study in made
        for line in study["methods"]
        if line.get("low") is None
    ]
