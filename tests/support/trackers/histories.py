"""A history, call by call, written in the format of each tracker that keeps one."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tests.support.trackers.records import (
    EXIT,
    RUN,
    float_value,
    history,
    item,
    scalar,
    tf_record,
    wandb_log,
)


@dataclass(frozen=True)
class Call:
    """One logging call: a step, and the numbers logged; None is an absent value."""

    step: int
    values: dict[str, float | None]


def calls(*given: tuple[int, float | None] | tuple[int, float | None, float | None]) -> list[Call]:
    """Calls of (step, train) or (step, train, evaluation)."""
    return [Call(s, dict(zip(("train", "eval"), values, strict=False))) for s, *values in given]


def straight(*steps: int) -> list[Call]:
    """The training loss at these steps, in this order; a step's own number is its loss."""
    return [Call(step, {"train": float(step)}) for step in steps]


def _given(call: Call) -> dict[str, float]:
    return {name: value for name, value in call.values.items() if value is not None}


def tensorboard(folder: Path, made: list[Call]) -> Path:
    records = [
        tf_record(scalar(call.step, float_value(value), name, 1e9 + i))
        for i, call in enumerate(made)
        for name, value in _given(call).items()
    ]
    path = folder / "run/events.out.tfevents.1"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(records))
    return path.parent


def wandb(folder: Path, made: list[Call]) -> Path:
    logged = [history(c.step, *(item(n, v) for n, v in c.values.items())) for c in made]
    path = folder / "run-run.wandb"
    path.write_bytes(wandb_log([RUN, *logged, EXIT]))
    return path


def mlflow(folder: Path, made: list[Call], run: str = "run", meta: str | None = None) -> Path:
    path = folder / f"mlruns/1/{run}"
    (path / "metrics").mkdir(parents=True)
    if meta != "":
        text = meta or f"run_id: {run}\nstatus: 3\nlifecycle_stage: active\n"
        (path / "meta.yaml").write_text(text)
    for i, call in enumerate(made):
        for name, value in _given(call).items():
            with (path / "metrics" / name).open("a") as file:
                file.write(f"{1_700_000_000_000 + 1000 * i} {value!r} {call.step}\n")
    return folder / "mlruns"


def _names(made: list[Call]) -> list[str]:
    return list(dict.fromkeys(name for call in made for name in call.values))


def lightning(folder: Path, made: list[Call], absent: str = "") -> Path:
    return _table(folder / "run.metrics.csv", "step", made, absent)


def _table(path: Path, step: str, made: list[Call], absent: str) -> Path:
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow([step, "epoch", *_names(made)])
        for call in made:
            found = _given(call)
            out.writerow([call.step, 0, *(found.get(name, absent) for name in _names(made))])
    return path


def wandb_csv(folder: Path, made: list[Call], absent: str = "") -> Path:
    return _table(folder / "run.wandb.csv", "_step", made, absent)


def wandb_jsonl(folder: Path, made: list[Call]) -> Path:
    path = folder / "run.wandb.jsonl"
    path.write_text("".join(json.dumps({"_step": c.step} | c.values) + "\n" for c in made))
    return path


def wandb_parquet(folder: Path, made: list[Call]) -> Path:
    path = folder / "run.wandb.parquet"
    columns = {name: [call.values.get(name) for call in made] for name in _names(made)}
    schema = {"_step": pl.Int64} | dict.fromkeys(columns, pl.Float64)
    steps = {"_step": [call.step for call in made]}
    pl.DataFrame(steps | columns, schema=schema).write_parquet(path)
    return path


def wandb_table(path: Path, made: list[tuple[str, Call]]) -> Path:
    """The calls of several runs, by a column ``run_name``."""
    columns = {name: [call.values.get(name) for _, call in made] for name in ("train", "eval")}
    runs = {"run_name": [run for run, _ in made], "_step": [call.step for _, call in made]}
    frame = pl.DataFrame(runs | columns, schema_overrides=dict.fromkeys(columns, pl.Float64))
    writers = {".csv": frame.write_csv, ".jsonl": frame.write_ndjson}
    writers.get(path.suffix, frame.write_parquet)(path)
    return path


def hf(folder: Path, made: list[Call], planned: int | None = None) -> Path:
    """The state at the last call, which is the run's end unless more steps are planned."""
    path = folder / "run.trainer_state.json"
    state = {"global_step": made[-1].step, "max_steps": planned or made[-1].step}
    log = [{"step": call.step} | call.values for call in made]
    path.write_text(json.dumps({**state, "log_history": log}))
    return path


def _log(folder: Path, made: list[Call], line: str, between: str, pair: str) -> Path:
    """A text log; ``line`` has the step, and {} where the metrics stand."""
    lines = ["number of parameters: 124.34M", "compiling the model..."]
    for call in made:
        metrics = between.join(pair.format(name, value) for name, value in _given(call).items())
        lines += [line.format(metrics, step=call.step, last=made[-1].step)] * bool(metrics)
    path = folder / "run.log"
    path.write_text("\n".join(lines) + "\n")
    return path


def tensorboard_download(folder: Path, made: list[Call], end: str = "csv") -> Path:
    """A file a metric, as TensorBoard's page downloads them."""
    below = folder / "run"
    below.mkdir()
    for name in _names(made):
        points = [
            [1e9 + i, call.step, _given(call)[name]]
            for i, call in enumerate(made)
            if name in _given(call)
        ]
        path = below / f"run-run-tag-{name}.{end}"
        lines = [["Wall time", "Step", "Value"], *points]
        text = "".join(",".join(map(str, line)) + "\r\n" for line in lines)
        path.write_text(json.dumps(points) if end == "json" else text)
    return below


WRITERS: dict[str, Callable[[Path, list[Call]], Path]] = {
    "tensorboard": tensorboard,
    "wandb": wandb,
    "mlflow": mlflow,
    "lightning": lightning,
    "lightning-nan": lambda folder, made: lightning(folder, made, "NaN"),
    "wandb-csv": wandb_csv,
    "wandb-csv-nan": lambda folder, made: wandb_csv(folder, made, "NaN"),
    "wandb-csv-null": lambda folder, made: wandb_csv(folder, made, "null"),
    "wandb-jsonl": wandb_jsonl,
    "wandb-parquet": wandb_parquet,
    "hf": hf,
    "megatron": lambda folder, made: _log(
        folder, made, " iteration {step:8d}/{last:8d} | {} |", " | ", "{}: {:.17E}"
    ),
    "nanogpt": lambda folder, made: _log(folder, made, "step {step}: {}", ", ", "{} {}"),
    "torchtitan": lambda folder, made: _log(
        folder,
        made,
        "[rank0]:[titan] - root - INFO - step: {step:2}  {}  tps: 3,502",
        "  ",
        "{}: {:8}",
    ),
    "olmo": lambda folder, made: _log(
        folder, made, "[step={step}/{last}]\n    {}", "\n    ", "{}={}"
    ),
    "key-value": lambda folder, made: _log(folder, made, "step={step} {}", " ", "{}={}"),
    "tensorboard-csv": tensorboard_download,
    "tensorboard-json": lambda folder, made: tensorboard_download(folder, made, "json"),
}
