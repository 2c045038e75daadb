"""The tasks of the flows: one runs a DVC stage, one publishes."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from prefect import get_run_logger, task

from flows.pipeline import StageFailed, reproduce, stale
from scaling.publish import Published, PublishError, publish


@task(task_run_name="{stage}")
def run_stage(stage: str, root: Path) -> str:
    """Bring one DVC stage up to date and return what became of it. Raises StageFailed."""
    try:
        outcome = reproduce(root, stage)
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


def say(text: str, level: int = logging.INFO) -> None:
    """Tell the person at the screen, and the log of the run."""
    print(text, file=sys.stdout if level == logging.INFO else sys.stderr, flush=True)
    get_run_logger().log(level, text)
