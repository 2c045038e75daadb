"""Make the trackers' files with the trackers' own libraries.

    pip install '.[trackers]'
    python -m tests.support.trackers.make_files [NAME ...]

Each maker writes into a folder; the folder is packed into ``files/NAME.tar.xz``, which tests read.
What is logged is fixed (`loss`), so the readers' results are known; ids and times differ from one
making to the next. Where a library is installed, tests also make fresh folders and read those.
Names of machines, people and folders are kept out of the files.
"""

from __future__ import annotations

import importlib.util
import io
import json
import math
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from scaling.io.archives import extract

FILES = Path(__file__).parent / "files"
STEPS_WANDB = 2_000
STEPS_TENSORBOARD = 3_000
CONFIG = {"lr": 0.003, "width": 64, "model": "tiny"}


def loss(step: int) -> float:
    """What every maker logs as its loss."""
    return 2.0 + 3.0 / (step + 1) ** 0.5


def hf(folder: Path) -> None:
    """A trainer state after 500 steps, logged every 50, evaluated every 250."""
    from transformers.trainer_callback import TrainerState

    history: list[dict[str, float]] = []
    for step in range(50, 501, 50):
        history.append(
            {"loss": loss(step), "learning_rate": 1e-3, "epoch": step / 250, "step": step}
        )
        if step % 250 == 0:
            history.append({"eval_loss": loss(step) + 0.1, "epoch": step / 250, "step": step})
    history[2]["grad_norm"] = math.nan
    state = TrainerState(epoch=2.0, global_step=500, max_steps=500, log_history=history)
    state.total_flos = 6e15
    (folder / "small/checkpoint-500").mkdir(parents=True)
    state.save_to_json(str(folder / "small/checkpoint-500/trainer_state.json"))


def lightning(folder: Path) -> None:
    """Training loss every 10 steps and validation loss every 50, on lines of their own."""
    from pytorch_lightning.loggers import CSVLogger

    logger = CSVLogger(str(folder), name="small", version=0)
    logger.log_hyperparams(CONFIG)
    for step in range(0, 200, 10):
        logger.log_metrics({"train_loss": loss(step), "epoch": 0}, step=step)
        if step % 50 == 0:
            logger.log_metrics({"val_loss": loss(step) + 0.1, "epoch": 0}, step=step)
    logger.save()


def tensorboard(folder: Path) -> None:
    """``a``: plain scalars; ``b``: tensor scalars, texts and hyperparameters."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import summary_v2 as hparams
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.plugins.text.summary_v2 import text_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    old, new = (EventFileWriter(str(folder / name), max_queue_size=10_000) for name in "ab")
    for step in range(STEPS_TENSORBOARD):
        found = Summary(value=[Summary.Value(tag="loss", simple_value=loss(step))])
        old.add_event(Event(wall_time=1.7e9 + step, step=step, summary=found))
    new.add_event(Event(wall_time=1.7e9, step=0, summary=hparams.hparams_pb(CONFIG)))
    for step in range(20):
        for found in (scalar_pb("loss", loss(step)), text_pb("note", "no number")):
            new.add_event(Event(wall_time=1.7e9 + step, step=step, summary=found))
    for writer in (old, new):
        writer.close()
    for file in folder.glob("*/events*"):
        file.rename(file.with_name("events.out.tfevents.1700000000.host"))


def _mlflow(folder: Path, uri: str) -> Any:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    client = MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("scaling", artifact_location="file:///artifacts")
    run = client.create_run(experiment, start_time=1_700_000_000_000, run_name="small")
    params = [Param(name, str(value)) for name, value in CONFIG.items()]
    # The job died after step 119 and went on from its checkpoint at step 100.
    steps = [(s, 1_700_000_000_000 + s) for s in range(120)]
    steps += [(s, 1_700_000_100_000 + s) for s in range(100, 200)]
    metrics = [Metric("train/loss", loss(s), t, s) for s, t in steps]
    metrics += [Metric("odd", v, 1_700_000_000_000 + i, i) for i, v in enumerate(_ODD)]
    client.log_batch(run.info.run_id, metrics=metrics[:200], params=params)
    client.log_batch(run.info.run_id, metrics=metrics[200:])
    client.set_terminated(run.info.run_id, "FINISHED", end_time=1_700_000_200_000)
    return client


_ODD = (math.nan, math.inf, -math.inf, 1e-300)


def mlflow_folder(folder: Path) -> None:
    """A resumed run in a tracking folder."""
    _mlflow(folder, (folder / "mlruns").as_uri())
    for file in folder.rglob("meta.yaml"):
        file.write_text(file.read_text().replace((folder / "mlruns").as_uri(), "mlruns"))


def mlflow_sqlite(folder: Path) -> None:
    """The same in an SQLite store."""
    import sqlite3
    from contextlib import closing

    file = folder / "mlflow.db"
    _mlflow(folder, f"sqlite:///{file}")
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("UPDATE experiments SET artifact_location = 'file:///artifacts'")
        database.execute("VACUUM")


def wandb(folder: Path) -> None:
    """A finished run of some thousand steps, and the same log cut within a record."""
    _wandb(folder, "long", STEPS_WANDB)
    log = next(folder.glob("wandb/offline-run-*-long/run-long.wandb"))
    log.rename(folder / "run-long.wandb")
    data = (folder / "run-long.wandb").read_bytes()
    (folder / "run-cut.wandb").write_bytes(data[: len(data) * 3 // 5])


def wandb_media(folder: Path) -> None:
    """Nested names, text, histograms, NaN, and a change of the configuration on the way."""
    _wandb(folder, "media", 5, media=True)
    log = next(folder.glob("wandb/offline-run-*-media/run-media.wandb"))
    target = folder / "kept/offline-run-20240101_000000-media"
    target.mkdir(parents=True)
    log.rename(target / log.name)


def _wandb(folder: Path, name: str, steps: int, media: bool = False) -> None:
    import wandb as client

    settings = client.Settings(
        console="off",
        silent=True,
        host="host",
        disable_git=True,
        save_code=False,
        x_disable_meta=True,
        x_disable_stats=True,
    )
    config = {**CONFIG, "data": {"name": "corpus", "seeds": [1, 2]}}
    run = client.init(
        mode="offline",
        project="scaling",
        id=name,
        name=f"run {name}",
        config=config,
        dir=str(folder),
        settings=settings,
    )
    for step in range(steps):
        odd = {"nan": math.nan, "note": "text", "flag": True, "eval": {"loss": loss(step) + 0.1}}
        odd["histogram"] = client.Histogram([1, 2, 3]) if media else None
        run.log({"loss": loss(step), **(odd if media else {})})
    run.config.update({"late": 1})
    run.finish()


def xlsx(folder: Path) -> None:
    """A run table; another with a formula that was never calculated."""
    from openpyxl import Workbook

    book = Workbook()
    book.create_sheet("empty")
    sheet = book.active
    sheet.append(["run", "observed", "params", "tokens", "value", "seed", "note"])
    for i in range(5):
        day = datetime(2024, 3, i + 1)
        sheet.append([f"r{i}", day, 10**6 * (i + 1), 2e7 * (i + 1), loss(i), "007", None])
    book.save(folder / "runs.xlsx")
    sheet["E2"] = "=1+1"
    book.save(folder / "formula.xlsx")


def neptune(folder: Path) -> None:
    """Two parts of a run in the exporter's documented schema (no client: it reads a service)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    value = {"attribute_type": "float_series", "attribute_path": "train/loss"}
    rows: list[dict[str, Any]] = [
        {"attribute_path": "params/lr", "attribute_type": "float", "float_value": 0.003},
        {"attribute_path": "sys/name", "attribute_type": "string", "string_value": "small"},
        {
            "attribute_path": "sys/tags",
            "attribute_type": "string_set",
            "string_set_value": ["a", "b"],
        },
    ]
    rows += [{**value, "step": Decimal(s), "float_value": loss(s)} for s in range(100)]
    note = {"attribute_path": "log", "attribute_type": "string_series", "string_value": "text"}
    rows.append({**note, "step": Decimal("99.5")})
    times = [datetime.fromtimestamp(1_700_000_000 + i, UTC) for i in range(len(rows))]
    same = {"project_id": "team/scaling", "run_id": "RUN-1"}
    rows = [
        {**same, **row, "timestamp": time if "step" in row else None}
        for row, time in zip(rows, times, strict=True)
    ]
    (folder / "team_scaling").mkdir()
    for part, some in enumerate((rows[:60], rows[60:])):
        file = folder / f"team_scaling/RUN-1_part_{part}.parquet"
        pq.write_table(pa.Table.from_pylist(some, schema=_neptune_schema(pa)), file)


def _neptune_schema(pa: Any) -> Any:
    text, number = pa.string(), pa.float64()
    return pa.schema(
        {
            "project_id": text,
            "run_id": text,
            "attribute_path": text,
            "attribute_type": text,
            "step": pa.decimal128(18, 6),
            "timestamp": pa.timestamp("ms", tz="UTC"),
            "int_value": pa.int64(),
            "float_value": number,
            "string_value": text,
            "bool_value": pa.bool_(),
            "datetime_value": pa.timestamp("ms", tz="UTC"),
            "string_set_value": pa.list_(text),
            "file_value": pa.struct({"path": text}),
            "histogram_value": pa.struct(
                {"type": text, "edges": pa.list_(number), "values": pa.list_(number)}
            ),
        }
    )


_TASK = """\
task: toy
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}, train: {data}}}}}
test_split: test
fewshot_split: train
output_type: multiple_choice
doc_to_text: "{{{{q}}}}"
doc_to_choice: "{{{{c}}}}"
doc_to_target: "{{{{a}}}}"
num_fewshot: 2
metric_list: [{{metric: acc, aggregation: mean}}, {{metric: acc_norm, aggregation: mean}}]
metadata: {{version: 1.0}}
"""


def lm_eval(folder: Path) -> None:
    """The harness's own dummy model on a task of 40 questions, two of them shown."""
    with tempfile.TemporaryDirectory() as made:
        data = Path(made, "d.jsonl")
        rows = ({"q": f"what is {i}?", "c": list("abcd"), "a": i % 4} for i in range(40))
        data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        Path(made, "toy.yaml").write_text(_TASK.format(data=data))
        command = [sys.executable, "-m", "lm_eval", "--model", "dummy", "--tasks", "toy"]
        command += ["--include_path", made, "--output_path", str(folder / "out")]
        subprocess.run(
            command, check=True, capture_output=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}
        )
        for file in folder.rglob("results_*.json"):
            kept = {k: v for k, v in json.loads(file.read_text()).items() if k not in _OF_MACHINE}
            file.write_text(json.dumps(kept).replace(made, "made"))


# Keys of the harness's results that speak of the machine.
_OF_MACHINE = ("pretty_env_info", "git_hash", "upper_git_hash")


def dvclive(folder: Path) -> None:
    """The metrics file of ten steps."""
    from dvclive import Live

    with Live(str(folder / "small/dvclive"), save_dvc_exp=False, dvcyaml=None) as live:
        for step in range(10):
            live.log_metric("train/loss", loss(step))
            live.log_metric("val/loss", loss(step) + 0.1)
            live.next_step()


def tensorboard_download(folder: Path) -> None:
    """What TensorBoard's server sends for its download buttons, under the page's names."""
    from tensorboard import program
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    with tempfile.TemporaryDirectory() as logs:
        writer = EventFileWriter(f"{logs}/small")
        for step in range(30):
            value = math.nan if step == 7 else loss(step)
            event = Event(step=step, wall_time=1.7e9 + step, summary=scalar_pb("loss", value))
            writer.add_event(event)
        writer.close()
        board = program.TensorBoard()
        board.configure(argv=["", "--logdir", logs, "--port", "0", "--load_fast", "false"])
        url = board.launch() + "data/plugin/scalars/scalars?run=small&tag=loss&format="
        for end in ("csv", "json"):
            target = folder / end / f"run-small-tag-loss.{end}"
            target.parent.mkdir()
            target.write_bytes(_sent(url + end))


def _sent(url: str) -> bytes:
    """What the server sends, once it has read its files."""
    for _ in range(120):
        try:
            with urllib.request.urlopen(url) as answer:
                return answer.read()
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(url)


@dataclass(frozen=True)
class Maker:
    """A folder that a library (the module to import) makes."""

    library: str
    make: Callable[[Path], None]

    @property
    def absent(self) -> bool:
        """Whether the library is not installed."""
        return importlib.util.find_spec(self.library) is None


MAKERS: dict[str, Maker] = {
    "hf": Maker("transformers", hf),
    "lightning": Maker("pytorch_lightning", lightning),
    "tensorboard": Maker("tensorboard", tensorboard),
    "mlflow-folder": Maker("mlflow", mlflow_folder),
    "mlflow-sqlite": Maker("mlflow", mlflow_sqlite),
    "wandb": Maker("wandb", wandb),
    "wandb-media": Maker("wandb", wandb_media),
    "xlsx": Maker("openpyxl", xlsx),
    "neptune": Maker("pyarrow", neptune),
    "lm-eval": Maker("lm_eval", lm_eval),
    "dvclive": Maker("dvclive", dvclive),
    "tensorboard-download": Maker("tensorboard", tensorboard_download),
}


def pack(folder: Path, archive: Path) -> None:
    """The files of a folder, without owners and times; a client's own notes are left out."""
    with tarfile.open(archive, "w:xz", preset=9) as out:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            name = file.relative_to(folder).as_posix()
            if not name.startswith("wandb/"):
                entry = tarfile.TarInfo(name)
                entry.size = file.stat().st_size
                out.addfile(entry, io.BytesIO(file.read_bytes()))


def unpack(name: str, folder: Path) -> Path:
    """The folder that was packed under this name."""
    with tarfile.open(FILES / f"{name}.tar.xz") as archive:
        extract(archive, folder)
    return folder


def main() -> None:
    """Make and pack the folders named on the command line, by default all."""
    FILES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or MAKERS:
        with tempfile.TemporaryDirectory() as made:
            MAKERS[name].make(Path(made))
            pack(Path(made), FILES / f"{name}.tar.xz")
        print(f"{name}: {(FILES / f'{name}.tar.xz').stat().st_size} bytes")


if __name__ == "__main__":
    main()
