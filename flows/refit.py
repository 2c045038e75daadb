"""The flow ``refit``: every stage of ``dvc.yaml`` in order, then publishing.

The stages come from DVC, so a new study or a new stage needs no edit here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, unmapped
from prefect.task_runners import ThreadPoolTaskRunner

from flows.local import main
from flows.pipeline import stage_groups, up_to_date
from flows.stages import publish_outputs, run_stage
from scaling.publish import Published

__all__ = ["main", "refit", "up_to_date"]

# Two stages of a group at a time: a fit keeps one core busy. (Any: Prefect declares the flow's
# parameter too narrowly for its own runner.)
RUNNER: Any = ThreadPoolTaskRunner(max_workers=2)


@flow(name="refit", task_runner=RUNNER)
def refit(root: Path = Path()) -> Published:
    """Refit what is stale and publish it.

    Raises StageFailed when a stage fails (the others of its group are finished first, nothing
    after it is started), PublishError when publishing does.
    """
    for group in stage_groups(root):
        runs = run_stage.map(group, unmapped(root))
        runs.wait()
        # Waiting alone would let the flow go on after a failure. The first in order is raised.
        for run in runs:
            run.result()
    return publish_outputs(root)
