"""The flow ``refit``: every stage of ``dvc.yaml`` in order, then publishing.

The stages come from DVC, so a new study or a new stage needs no edit here.
"""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from scaling.orchestration.dvc.graph import STAGE_SECONDS, needed, up_to_date
from scaling.orchestration.project_lock import hold_project
from scaling.orchestration.server.artifacts import link_report, name_run, show_published
from scaling.orchestration.server.task_runner import runner
from scaling.orchestration.tasks import (
    announce_drift,
    publish_outputs,
    pull_published,
    run_rounds,
    say,
    share_published,
)
from scaling.orchestration.watch_inbox import wait_for_writers
from scaling.pipeline.publish import publish
from scaling.record.versions.store import PublishedVersion


@flow(name="refit", flow_run_name="refit", task_runner=runner())
def refit(
    root: Path = Path(),
    stage_seconds: float = STAGE_SECONDS,
    commit: bool = False,
    git_remote: str | None = None,
    dvc_remote: str | None = None,
) -> PublishedVersion:
    """Refit what is stale, publish it, and share it if asked to.

    ``commit`` puts a published version in Git with a tag; a remote's name pushes it there, after
    what others pushed was taken over. Raises StageFailed when a stage fails (the others of its
    round are finished first, nothing after it is started), PublishError when publishing does,
    ShareError when committing or pushing does: the version is published then, and the next run
    shares it.
    """
    root = root.resolve()
    with hold_project(root) as first:
        if git_remote:
            pull_published(root, git_remote, dvc_remote)
        # `scaling refit` holds the lock already, and has looked.
        if first:
            wait_for_writers(root)
        if first and up_to_date(root):
            published = publish(root)
            say(f"nothing new: {published.version}")
            link_report(root, published)
        else:
            published = _refitted(root, stage_seconds)
        if commit or git_remote or dvc_remote:
            share_published(root, published.version, git_remote, dvc_remote)
    name_run(f"published {published.version}" if published.new else "nothing new")
    return published


def _refitted(root: Path, stage_seconds: float) -> PublishedVersion:
    run_rounds(root, needed(root), stage_seconds)
    published = publish_outputs(root)
    if published.new:
        show_published(root, published)
        announce_drift(root)
    return published
