"""The flow ``backtest``: forecasts that studies could have made of their own larger runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from prefect import flow

from scaling.errors import counted
from scaling.orchestration.dvc.graph import STAGE_SECONDS, needed
from scaling.orchestration.project_lock import hold_project
from scaling.orchestration.server.artifacts import name_run, show_backtests
from scaling.orchestration.server.task_runner import runner
from scaling.orchestration.tasks import run_rounds

SHOWN = ("method", "forecasts", "error", "crps", "in90", "skill")


@flow(name="backtest", flow_run_name="backtest", task_runner=runner())
def backtest(root: Path = Path(), stage_seconds: float = STAGE_SECONDS) -> int:
    """Bring the backtests up to date and show their scores; returns how many there are.

    Publishes nothing. Raises StageFailed.
    """
    root = root.resolve()
    with hold_project(root):
        needs = needed(root)
        run_rounds(root, {stage: needs[stage] for stage in _wanted(needs)}, stage_seconds)
        rows = scores(root / "data" / "backtests")
    show_backtests(root, rows)
    name_run(counted(len(rows), "score"))
    return len(rows)


def _wanted(needs: dict[str, list[str]]) -> list[str]:
    """The backtests and all that they need, in the order of ``dvc.yaml``."""
    found: set[str] = set()
    more = {stage for stage in needs if stage.startswith("backtest")}
    while more:
        found |= more
        more = {one for stage in more for one in needs[stage]} - found
    return [stage for stage in needs if stage in found]


def scores(folder: Path) -> list[dict[str, Any]]:
    """One row a study and method, over all distances."""
    made = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    return [
        {"study": study["study"], **{name: line.get(name) for name in SHOWN}}
        for study in made
        for line in study["methods"]
        if line.get("low") is None
    ]
