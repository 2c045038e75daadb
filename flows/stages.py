"""The tasks of the flows: one runs a DVC stage, one publishes, one shares.

Retried is only what may work the second time: a stage that the system killed (another one beside
it took the memory) and a remote that was not reached. Bad data is as bad a minute later.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.events import emit_event
from prefect.tasks import exponential_backoff

from flows.pipeline import STAGE_SECONDS, StageFailed, reproduce, stale
from flows.share import ShareError, share
from scaling.publish import Published, PublishError, publish

# The checks that compare new rows with earlier ones.
DRIFT = ("drift", "above_trend")


def _was_killed(task: Any, run: Any, state: Any) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, StageFailed) and error.killed


def _was_not_reached(task: Any, run: Any, state: Any) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, ShareError) and error.again


@task(
    task_run_name="{stage}",
    tags=["stage"],
    retries=1,
    retry_delay_seconds=5,
    retry_condition_fn=_was_killed,
)
def run_stage(stage: str, root: Path, seconds: float = STAGE_SECONDS) -> str:
    """Bring one DVC stage up to date and return what became of it. Raises StageFailed."""
    try:
        outcome = reproduce(root, stage, seconds)
    except StageFailed as failure:
        say(str(failure), logging.ERROR)
        raise
    say(str(outcome))
    if outcome.warnings:
        say(outcome.warnings, logging.WARNING)
    return outcome.what


@task(task_run_name="publish")
def publish_outputs(root: Path) -> Published:
    """Publish the outputs, unless DVC calls one of them stale. Raises PublishError."""
    if changed := stale(root):
        raise PublishError(f"nothing was published: still stale after the run: {sorted(changed)}")
    published = publish(root)
    say(f"{published.sentence}\nreport: {published.folder / 'report.html'}")
    return published


@task(
    task_run_name="share {version}",
    tags=["remote"],
    retries=3,
    retry_delay_seconds=exponential_backoff(2),
    retry_condition_fn=_was_not_reached,
)
def share_published(
    root: Path, version: str, git_remote: str | None, dvc_remote: str | None
) -> list[str]:
    """Commit, tag and push a published version. Raises ShareError."""
    try:
        done = share(root, version, git_remote, dvc_remote)
    except ShareError as error:
        say(str(error), logging.ERROR)
        raise
    say("\n".join(done) or f"{version} is shared already")
    return done


@task(task_run_name="look for drift")
def announce_drift(root: Path) -> list[str]:
    """Say with an event, once a version, which sources have new rows unlike their earlier ones."""
    import polars as pl

    file = root / "data" / "findings.parquet"
    if not file.is_file():
        return []
    drifted = pl.scan_parquet(file).filter(pl.col("check").is_in(DRIFT))
    sources = sorted(drifted.select("source").unique().collect()["source"].to_list())
    if sources:
        emit_event(
            "scaling.drift",
            {"prefect.resource.id": "scaling.sources"},
            payload={"sources": len(sources)},
        )
        say(f"drift: {', '.join(sources)}", logging.WARNING)
    return sources


def say(text: str, level: int = logging.INFO) -> None:
    """Tell the person at the screen, and the log of the run."""
    print(text, file=sys.stdout if level == logging.INFO else sys.stderr, flush=True)
    get_run_logger().log(level, text)
