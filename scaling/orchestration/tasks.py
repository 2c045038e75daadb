"""The tasks of the flows: one runs a batch of DVC stages, one publishes, one shares.

Retried is only what may work the second time: a stage that the system killed (another one beside
it took the memory) and a remote that was not reached. Bad data is as bad a minute later.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.events import emit_event
from prefect.tasks import exponential_backoff

from scaling.io.atomic import little_space
from scaling.orchestration.dvc.clones import (
    CLONES,
    CloneInputs,
    CloneResults,
    collect,
    push_inputs,
    run_in_clone,
)
from scaling.orchestration.dvc.graph import STAGE_SECONDS, reproduce, rounds, stale
from scaling.orchestration.dvc.process import Outcome, StageFailed
from scaling.orchestration.server.task_runner import batches
from scaling.orchestration.sharing.push import ShareError, catch_up, share
from scaling.pipeline.publish import publish
from scaling.record.versions.files import place_of_page
from scaling.record.versions.ledger import PublishError, short
from scaling.record.versions.store import PublishedVersion
from scaling.runs.held_back import sentences

# The checks that compare new rows with earlier ones.
DRIFT = ("drift", "above_trend")


class BatchFailed(RuntimeError):
    """Stages of a batch failed; the outcomes of the others are kept too."""

    def __init__(self, outcomes: list[Outcome], failures: list[StageFailed]) -> None:
        self.outcomes, self.failures = outcomes, failures
        super().__init__("\n".join(map(str, failures)))

    def __reduce__(self) -> tuple[type[BatchFailed], tuple[Any, ...]]:
        """To survive pickling, as a worker process returns it."""
        return BatchFailed, (self.outcomes, self.failures)


def _was_killed(task: Any, run: Any, state: Any) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, BatchFailed) and any(one.killed for one in error.failures)


def _was_not_reached(task: Any, run: Any, state: Any) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, ShareError) and error.retryable


@task(
    task_run_name="{label}",
    tags=["stage"],
    retries=1,
    retry_delay_seconds=5,
    retry_condition_fn=_was_killed,
)
def run_stages(
    stages: list[str],
    label: str,
    root: Path,
    seconds: float = STAGE_SECONDS,
    keep_going: bool = False,
    offered: CloneInputs | None = None,
) -> CloneResults:
    """Bring a batch of DVC stages up to date, here or in a clone. Raises BatchFailed."""
    if offered is None:
        results = CloneResults(*reproduce(root, stages, seconds, keep_going=keep_going), {}, {})
    else:
        results = run_in_clone(offered, stages, seconds, keep_going)
    for one in results.outcomes:
        get_run_logger().info(str(one))
    if results.failures:
        raise BatchFailed(results.outcomes, results.failures)
    return results


def run_rounds(root: Path, needs: dict[str, list[str]], seconds: float) -> None:
    """Bring all of these stages up to date: rounds of several fan out, others follow here.

    After a failure the others of its round are finished, and nothing after it is started. Raises
    StageFailed, the first in order.
    """
    chain: list[str] = []
    for stages in [*rounds(needs), []]:
        if len(stages) == 1:
            chain += stages
            continue
        if chain:
            _report([run_stages.submit(chain, _label(chain), root, seconds)])
            chain = []
        if stages:
            _fan_out(
                root, stages, sorted({one for stage in stages for one in needs[stage]}), seconds
            )


def _fan_out(root: Path, stages: list[str], needs: list[str], seconds: float) -> None:
    """Run what is stale of these stages in batches, wherever the flow's runner does."""
    todo = stages
    # One question finds the stale ones of many; a stage with a process of its own asks there.
    if len(batches(stages)) < len(stages):
        changed = stale(root, stages)
        todo = [stage for stage in stages if stage in changed]
    for stage in stages:
        if stage not in todo:
            say(str(Outcome(stage, "up to date", 0.0)))
    remote = os.environ.get(CLONES)
    offered = push_inputs(root, remote, needs) if remote and todo else None
    runs = [
        run_stages.submit(batch, _label(batch), root, seconds, True, offered)
        for batch in batches(todo)
    ]
    results = _report(runs)
    if remote:
        collect(root, remote, results)


def _report(runs: list[Any]) -> list[CloneResults]:
    """Wait for batches and print the outcome of each stage. Raises StageFailed: the first."""
    results, failures = [], []
    for run in runs:
        try:
            results.append(run.result())
            outcomes = results[-1].outcomes
        except BatchFailed as failed:
            outcomes = failed.outcomes
            failures += failed.failures
        for one in outcomes:
            say(str(one))
            if one.warnings:
                say(one.warnings, logging.WARNING)
    for failure in failures:
        say(str(failure), logging.ERROR)
    if failures:
        raise failures[0]
    return results


def _label(stages: list[str]) -> str:
    return stages[0] if len(stages) == 1 else f"{stages[0]} and {len(stages) - 1} more"


@task(task_run_name="publish")
def publish_outputs(root: Path) -> PublishedVersion:
    """Publish the outputs, unless DVC calls one of them stale. Raises PublishError."""
    if changed := stale(root):
        raise PublishError(
            f"nothing was published: still stale after the run: {sorted(changed)}"
            f"{little_space(root)}; run the same command again to continue"
        )
    published = publish(root)
    say(f"{published.sentence}\nreport: {place_of_page(published.folder)}")
    for line in sentences(root):
        say(line, logging.WARNING)
    return published


@task(task_run_name="pull from {git_remote}", tags=["remote"])
def pull_published(root: Path, git_remote: str, dvc_remote: str | None) -> None:
    """Merge what others have published since. Raises ShareError."""
    say(catch_up(root, git_remote, dvc_remote) or f"nothing new in {git_remote}")


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
    say("\n".join(done) or f"{short(version)} is shared already")
    return done


@task(task_run_name="look for drift")
def announce_drift(root: Path) -> list[str]:
    """Emit an event, once a version, when sources have new rows unlike their earlier ones."""
    import polars as pl

    file = root / "data" / "findings.parquet"
    if not file.is_file():
        return []
    drifted = pl.scan_parquet(file).filter(pl.col("check").is_in(DRIFT))
    sources = sorted(drifted.select("source").unique().collect()["source"].to_list())
    if sources:
        emit_event(
            "scaling.drift",
            {"prefect.resource.id": "scaling.runs.formats"},
            payload={"sources": len(sources)},
        )
        say(f"drift: {', '.join(sources)}", logging.WARNING)
    return sources


def say(text: str, level: int = logging.INFO) -> None:
    """Print, and write to the log of the run."""
    print(text, file=sys.stdout if level == logging.INFO else sys.stderr, flush=True)
    get_run_logger().log(level, text)
