"""No value is lost in silence: what a tracker's file holds is a result, or counted as left out.

Histories are made as training makes them: from a checkpoint on, with a training loss every few
steps and an evaluation now and then, sometimes late, sometimes twice; after a crash it goes on from
an earlier step. What counts is what the last branch of each run had.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling.pipeline import ingest
from scaling.runs.inbox.add import add
from scaling.runs.inbox.mapping import Options
from tests.support.trackers.histories import WRITERS, Call, mlflow, tensorboard, wandb_table

EXAMPLES = int(os.environ.get("SCALING_FUZZ", "200")) // 20


@dataclass
class Training:
    """A run as it is logged, and what of it counts."""

    calls: list[Call] = field(default_factory=list)
    truth: dict[tuple[str, float], float] = field(default_factory=dict)

    def log(self, step: int, **numbers: float) -> None:
        # As small as losses are, and still what 32 bits hold.
        values = {name: number / 4096 for name, number in numbers.items()}
        self.calls.append(Call(step, {"train": None, "eval": None} | values))
        self.truth |= {(name, float(step)): value for name, value in values.items()}

    def restart(self, step: int) -> None:
        self.truth = {key: value for key, value in self.truth.items() if key[1] < step}


@st.composite
def trainings(draw: st.DrawFn) -> Training:
    every, evaluation = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    late, beside = draw(st.booleans()), draw(st.booleans())
    run, start, number = Training(), 1, 0
    for _ in range(draw(st.integers(1, 4))):
        run.restart(start * every)
        pending: list[int] = []
        last = start + draw(st.integers(0, 9))
        for at in range(start, last + 1):
            step, number = at * every, number + 1
            # Numbers that 32 bits hold, each of them once.
            due = {"eval": 1000.0 + number} if at % evaluation == 0 else {}
            run.log(step, train=float(number), **(due if beside else {}))
            if draw(st.integers(0, 9)) == 0:
                run.log(step, train=number + 0.5)
            for old in pending:
                run.log(old, eval=1000.5 + number)
            pending = [step] if due and not beside and late else []
            if due and not beside and not late:
                run.log(step, **due)
        for old in pending:
            run.log(old, eval=2000.0 + number)
        start = draw(st.integers(1, last))
    return run


def _mlflow(folder: Path, runs: list[Training]) -> Path:
    """The last run is a deleted one."""
    gone = f"run_id: r{len(runs) - 1}\nlifecycle_stage: deleted\n"
    for i, run in enumerate(runs):
        path = mlflow(folder, run.calls, f"r{i}", gone if i == len(runs) - 1 else None)
    return path


def _tensorboard(folder: Path, runs: list[Training]) -> Path:
    for i, run in enumerate(runs):
        tensorboard(folder, run.calls).rename(folder / f"r{i}")
    return folder


def _history(end: str) -> Callable[[Path, list[Training]], Path]:
    def write(folder: Path, runs: list[Training]) -> Path:
        longest = max(len(run.calls) for run in runs)
        mixed = [
            (f"r{i}", run.calls[at])
            for at in range(longest)
            for i, run in enumerate(runs)
            if at < len(run.calls)
        ]
        return wandb_table(folder / f"history.wandb.{end}", mixed)

    return write


SEVERAL: dict[str, Callable[[Path, list[Training]], Path]] = {
    "mlflow": _mlflow,
    "tensorboard": _tensorboard,
    **{f"wandb-{end}": _history(end) for end in ("csv", "jsonl", "parquet")},
}
OPTIONS = Options(
    metrics=[f"{name}=loss@{name}:nats/token" for name in ("train", "eval")],
    sets=["observed=2026-01-02"],
    ignore=["*"],
)


def _outcome(write: Callable[[Path], Path]) -> tuple[list[tuple[str, str, float, float]], int]:
    """The results that come out, and how many are said to be left out."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("in").mkdir()
        Path("data/published").mkdir(parents=True)
        made = add(write(Path("in")), "team", OPTIONS, today=date(2026, 1, 5))
        tables = ingest.ingest(Path("data/published"), Path("data/internal"))
        rows = pl.concat(next(iter(tables.values())))
        said = sum(made.left_out.values())
        remarked = [line for line in made.remarks if line.startswith("left out: ")]
        assert bool(said) == bool(remarked)
        dataset = pl.col("metric").str.strip_prefix("loss@")
        return rows.select("run", dataset, "step", "value").rows(), said


def _values(runs: list[Training], gaps: bool = False) -> int:
    cells = [v for run in runs for call in run.calls for v in call.values.values()]
    return len(cells) if gaps else len([v for v in cells if v is not None])


fuzzed = settings(
    max_examples=EXAMPLES,
    database=None,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("form", WRITERS)
def test_one_run(form: str) -> None:
    @fuzzed
    @given(run=trainings())
    def attempt(run: Training) -> None:
        rows, said = _outcome(lambda folder: WRITERS[form](folder, run.calls))
        assert len(rows) + said == _values([run], gaps=form.endswith("-nan"))
        assert {(name, step): value for _, name, step, value in rows} == run.truth
        assert len(rows) == len(run.truth)

    attempt()


@pytest.mark.parametrize("form", SEVERAL)
def test_several_runs(form: str) -> None:
    @fuzzed
    @given(runs=st.lists(trainings(), min_size=2, max_size=3))
    def attempt(runs: list[Training]) -> None:
        rows, said = _outcome(lambda folder: SEVERAL[form](folder, runs))
        assert len(rows) + said == _values(runs)
        kept = runs[:-1] if form == "mlflow" else runs
        found: list[dict[tuple[str, float], float]] = [{} for _ in kept]
        for alias, name, step, value in rows:
            found[int(alias.rpartition("-")[2]) - 1][name, step] = value
        assert found == [run.truth for run in kept]

    attempt()
