"""The flow ``refit``: every stage of ``dvc.yaml`` in order, then publishing.

The stages come from DVC, so a new study or a new stage needs no edit here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, unmapped
from prefect.task_runners import ThreadPoolTaskRunner

from flows.alone import alone
from flows.artifacts import name_run, show_published
from flows.local import main
from flows.pipeline import STAGE_SECONDS, stage_groups, up_to_date
from flows.stages import announce_drift, publish_outputs, run_stage, say, share_published
from scaling.publish import Published, publish

__all__ = ["main", "refit", "up_to_date"]

# Two stages of a group at a time: a fit keeps one core busy. (Any: Prefect declares the flow's
# parameter too narrowly for its own runner.)
RUNNER: Any = ThreadPoolTaskRunner(max_workers=2)


@flow(name="refit", flow_run_name="refit", task_runner=RUNNER)
def refit(
    root: Path = Path(),
    stage_seconds: float = STAGE_SECONDS,
    commit: bool = False,
    git_remote: str | None = None,
    dvc_remote: str | None = None,
) -> Published:
    """Refit what is stale, publish it, and share it if told to.

    ``commit`` puts a published version in Git with a tag; a remote's name pushes it there. Raises
    StageFailed when a stage fails (the others of its group are finished first, nothing after it is
    started), PublishError when publishing does, ShareError when committing or pushing does: the
    version is published then, and the next run shares it.
    """
    root = root.resolve()
    with alone(root) as looks:
        # Who holds the lock already has looked.
        if looks and up_to_date(root):
            published = publish(root)
            say(f"nothing new: {published.version}")
        else:
            published = _refitted(root, stage_seconds)
        if commit or git_remote or dvc_remote:
            share_published(root, published.version, git_remote, dvc_remote)
    name_run(f"published {published.version}" if published.new else "nothing new")
    return published


def _refitted(root: Path, stage_seconds: float) -> Published:
    for group in stage_groups(root):
        runs = run_stage.map(group, unmapped(root), unmapped(stage_seconds))
        runs.wait()
        # Waiting alone would let the flow go on after a failure. The first in order is raised.
        for run in runs:
            run.result()
    published = publish_outputs(root)
    if published.new:
        show_published(root, published)
        announce_drift(root)
    return published
