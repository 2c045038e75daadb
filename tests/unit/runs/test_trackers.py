"""Trackers' files: what their own libraries wrote is read in full, and damage is never silent.

``SCALING_FUZZ`` sets how many damaged files per format are tried (200 unless told).
"""

from __future__ import annotations

import functools
import math
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling.errors import InputError
from scaling.runs import formats
from scaling.runs.formats._raw import RAW
from scaling.runs.schema import RUN
from tests.support.needs import TRACKER
from tests.support.trackers.make_files import MAKERS, STEPS_TENSORBOARD, STEPS_WANDB, loss, unpack

FUZZ = int(os.environ.get("SCALING_FUZZ", "200"))
MANY = 10_000


def _metric(frame: pl.DataFrame, name: str) -> dict[str, list[float]]:
    rows = frame.filter(pl.col("metric") == name)
    return {"step": rows["step"].to_list(), "value": rows["value"].to_list()}


TABLES = ("csv", "json", "jsonl", "lm-eval", "parquet", "xlsx")


def _losses(steps: list[int]) -> dict[str, list[float]]:
    return {"step": [float(s) for s in steps], "value": [loss(s) for s in steps]}


def _same(frame: pl.DataFrame, **expected: object) -> None:
    for name, value in expected.items():
        assert frame[name.replace("__", ".")].unique().to_list() == [value], name


def _check_hf(folder: Path) -> None:
    frame = formats.read_table(folder / "small/checkpoint-500/trainer_state.json")
    _same(frame, run="small", expected_last_step=500.0, truncated=False, config__max_steps="500")
    assert _metric(frame, "loss") == _losses(list(range(50, 501, 50)))
    assert _metric(frame, "eval_loss")["step"] == [250.0, 500.0]
    assert math.isnan(_metric(frame, "grad_norm")["value"][0])
    assert frame.equals(formats.read_table(folder / "small/checkpoint-500"))


def _check_lightning(folder: Path) -> None:
    frame = formats.read_table(folder / "small/version_0/metrics.csv")
    _same(frame, run="small/version_0", truncated=False, config__lr="0.003", config__model="tiny")
    assert _metric(frame, "train_loss") == _losses(list(range(0, 200, 10)))
    assert _metric(frame, "val_loss")["step"] == [0.0, 50.0, 100.0, 150.0]
    assert set(frame["metric"]) == {"epoch", "train_loss", "val_loss"}
    assert frame.equals(formats.read_table(folder / "small/version_0"))


def _check_tensorboard(folder: Path) -> None:
    frame = formats.read_table(folder)
    old, new = (frame.filter(pl.col("run") == name) for name in "ab")
    assert old.height == STEPS_TENSORBOARD and new.height == 20
    for run, steps in ((old, STEPS_TENSORBOARD), (new, 20)):
        expected = [struct.unpack("<f", struct.pack("<f", loss(s)))[0] for s in range(steps)]
        assert _metric(run, "loss") == {"step": list(range(steps)), "value": expected}
        assert run["wall_time"].to_list() == [1.7e9 + s for s in range(steps)]
    _same(new, truncated=False, config__lr="0.003", config__width="64.0", config__model="tiny")
    assert old["config.lr"].null_count() == old.height


def _check_mlflow(folder: Path) -> None:
    path = folder / "mlruns" if (folder / "mlruns").is_dir() else folder / "mlflow.db"
    frame = formats.read_table(path)
    _same(frame, run_name="small", group="scaling", status="FINISHED", truncated=False)
    _same(frame, config__lr="0.003", config__width="64", config__model="tiny")
    last = frame.filter(pl.col("metric") == "train/loss")
    _same(last, expected_last_step=199.0 if path.suffix else None)
    assert _metric(frame, "train/loss") == _losses([*range(120), *range(100, 200)])
    odd = _metric(frame, "odd")
    assert odd["step"] == [0, 1, 2, 3] and math.isnan(odd["value"][0])
    assert odd["value"][1:] == [math.inf, -math.inf, 1e-300]
    assert frame["wall_time"].min() == 1_700_000_000.0


def _check_wandb(folder: Path) -> None:
    frame = formats.read_table(folder / "run-long.wandb")
    _same(frame, run="long", run_name="run long", group="scaling", status="exit code 0")
    _same(frame, truncated=False, expected_last_step=STEPS_WANDB - 1.0, config__late="1")
    _same(frame, config__data__name="corpus", config__data__seeds="[1, 2]", config__lr="0.003")
    assert _metric(frame, "loss") == _losses(list(range(STEPS_WANDB)))
    cut = formats.read_table(folder / "run-cut.wandb")
    _same(cut, run="long", truncated=True, status=None)
    assert 0 < cut.height < frame.height
    assert cut.select("step", "metric", "value").equals(
        frame.head(cut.height).select("step", "metric", "value")
    )


def _check_wandb_media(folder: Path) -> None:
    run = next(folder.glob("kept/offline-run-*"))
    (run.parent / "latest-run").symlink_to(run.name)
    frame = formats.read_table(run.parent)
    assert frame.equals(formats.read_table(run))
    assert _metric(frame, "eval.loss")["step"] == [0, 1, 2, 3, 4]
    assert all(math.isnan(value) for value in _metric(frame, "nan")["value"])
    texts = dict(frame.filter(pl.col("value").is_null()).select("metric", "value_text").rows())
    assert texts["note"] == "text" and texts["flag"] == "true"
    assert texts["histogram._type"] == "histogram"


def _check_xlsx(folder: Path) -> None:
    table = formats.to_schema(formats.read_cells(folder / "runs.xlsx"), RUN)
    # openpyxl writes 16 digits, one less than a double may need.
    assert table["value"].to_list() == pytest.approx([loss(i) for i in range(5)], rel=1e-15)
    assert table["params"].to_list() == [1e6, 2e6, 3e6, 4e6, 5e6]
    assert table["seed"].to_list() == ["007"] * 5
    assert str(table["observed"][4]) == "2024-03-05" and table["unparsed"].null_count() == 5
    with pytest.raises(InputError, match=r"formula\.xlsx: a formula without a saved value.*1\+1"):
        formats.read_cells(folder / "formula.xlsx")


def _check_lm_eval(folder: Path) -> None:
    said: list[str] = []
    frame = formats.read_table(folder, formats.ReadOptions(say=said.append))
    assert frame["metric"].to_list() == ["accuracy@toy/acc", "accuracy@toy/acc_norm"]
    _same(frame, dataset="toy", metric_kind="accuracy", unit="fraction", shots=2.0)
    _same(frame, task_version="1.0", evaluated=40.0)
    # The standard error of a share p of n examples: sqrt(p (1 - p) / (n - 1)).
    for value, error in frame.select("value", "value_se").iter_rows():
        assert error == pytest.approx(math.sqrt(value * (1 - value) / 39), rel=1e-12)
    assert "2 results of lm-evaluation-harness, 2 with a standard error" in said[0]
    assert str(frame["origin"][0]).startswith("lm-evaluation-harness 0.4.")


def _check_dvclive(folder: Path) -> None:
    frame = formats.read_table(folder / "small/dvclive/metrics.json")
    _same(frame, run="dvclive", step=9.0, truncated=False)
    values = dict(frame.select("metric", "value").iter_rows())
    assert values == {"train.loss": loss(9), "val.loss": loss(9) + 0.1}


def _check_tensorboard_download(folder: Path) -> None:
    for end in ("csv", "json"):
        frame = formats.read_table(folder / end)
        _same(frame, run="small", metric="loss", truncated=False)
        numbers = frame["value"].to_list()
        assert math.isnan(numbers.pop(7)) and frame.height == 30
        expected = [struct.unpack("<f", struct.pack("<f", loss(s)))[0] for s in range(30)]
        del expected[7]
        assert numbers == pytest.approx(expected, rel=1e-15)
        assert frame["wall_time"].to_list() == [1.7e9 + s for s in range(30)]
        assert formats.read_table(folder / f"{end}/run-small-tag-loss.{end}").equals(frame)


def _check_neptune(folder: Path) -> None:
    frame = formats.read_table(folder)
    _same(frame, run="RUN-1", run_name="small", group="team/scaling", truncated=False)
    assert frame["config.params/lr"][0] == "0.003" and frame["config.sys/tags"][0] == '["a", "b"]'
    assert _metric(frame, "train/loss") == _losses(list(range(100)))
    assert frame.filter(pl.col("metric") == "log")["step"].to_list() == [99.5]
    first = folder / "team_scaling/RUN-1_part_0.parquet"
    assert formats.format_of(first).name == "neptune"
    first.unlink()
    with pytest.raises(InputError, match=r"part_0\.parquet: a part of the run is missing"):
        formats.read_table(folder)


CHECKS: dict[str, Callable[[Path], None]] = {
    "hf": _check_hf,
    "lightning": _check_lightning,
    "tensorboard": _check_tensorboard,
    "mlflow-folder": _check_mlflow,
    "mlflow-sqlite": _check_mlflow,
    "wandb": _check_wandb,
    "wandb-media": _check_wandb_media,
    "xlsx": _check_xlsx,
    "neptune": _check_neptune,
    "lm-eval": _check_lm_eval,
    "dvclive": _check_dvclive,
    "tensorboard-download": _check_tensorboard_download,
}


@pytest.mark.parametrize("name", MAKERS)
def test_packed_files_are_read_in_full(name: str, tmp_path: Path) -> None:
    CHECKS[name](unpack(name, tmp_path))


@pytest.mark.parametrize("name", MAKERS)
def test_fresh_files_are_read_in_full(name: str, tmp_path: Path) -> None:
    if MAKERS[name].absent:
        TRACKER.skip(MAKERS[name].library)
    code = (
        "import sys; from pathlib import Path;"
        "from tests.support.trackers.make_files import MAKERS;"
        "MAKERS[sys.argv[1]].make(Path(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, name, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    CHECKS[name](tmp_path)


def test_every_tracker_gives_the_raw_columns() -> None:
    for form in formats.load().values():
        assert form.raw == (form.name not in TABLES)
    with tempfile.TemporaryDirectory() as folder:
        frame = formats.read_table(unpack("tensorboard", Path(folder)))
    assert dict(list(frame.schema.items())[: len(RAW)]) == RAW


# Damage.

TARGETS = {
    "hf": "small/checkpoint-500/trainer_state.json",
    "lightning": "small/version_0/metrics.csv",
    "tensorboard": "b/events.out.tfevents.1700000000.host",
    "mlflow-folder": "mlruns",
    "mlflow-sqlite": "mlflow.db",
    "wandb": "run-cut.wandb",
    "wandb-media": "kept/offline-run-20240101_000000-media/run-media.wandb",
    "xlsx": "runs.xlsx",
    "neptune": "team_scaling/RUN-1_part_0.parquet",
}
# Every byte is under a check sum, or a cut line shows: damage leaves whole rows or an error.
CHECKED = ("tensorboard", "wandb", "wandb-media")
STREAMS = (*CHECKED, "lightning", "mlflow-folder")


@functools.cache
def _target(name: str) -> tuple[Path, Path, bytes]:
    """What is read, the file that is damaged, and its bytes."""
    top = unpack(name, Path(tempfile.mkdtemp(prefix="trackers")))
    if name == "mlflow-folder":
        file = next(top.glob("mlruns/*/*/metrics/train/loss"))
        next(top.glob("mlruns/*/*/metrics/odd")).unlink()
        return top / "mlruns", file, file.read_bytes()
    file = top / TARGETS[name]
    return file, file, file.read_bytes()


@functools.cache
def _rows(name: str) -> list[str]:
    path, file, data = _target(name)
    file.write_bytes(data)
    return _plain(formats.read_cells(path))


def _plain(frame: pl.DataFrame) -> list[str]:
    return [
        repr(row) for row in frame.select("run", "step", "metric", "value", "value_text").rows()
    ]


# Where, how, and with what; not the damaged bytes, because hypothesis keeps what it draws.
Damage = tuple[int, str, int, bytes]


def _damage(name: str) -> st.SearchStrategy[Damage]:
    return st.tuples(
        st.integers(0, len(_target(name)[2]) - 1),
        st.sampled_from(("cut", "bit", "lengths", "zeros", "insert", "text")),
        st.integers(0, 7),
        st.binary(min_size=1, max_size=9),
    )


def _damaged(whole: bytes, damage: Damage) -> bytes:
    at, kind, bit, more = damage
    data = bytearray(whole)
    if kind == "cut":
        return bytes(data[:at])
    if kind == "bit":
        data[at] ^= 1 << bit
    elif kind == "insert":
        data[at:at] = more
    else:
        data[at : at + 8] = {"lengths": b"\xff" * 8, "zeros": b"\0" * 8, "text": b"nan,1e99"}[kind]
    return bytes(data)


def _survives(name: str, damaged: bytes) -> None:
    """No crash other than an error that names the file; where sums allow it, no changed row."""
    path, file, data = _target(name)
    whole = _rows(name) if name in CHECKED else []
    file.write_bytes(damaged)
    try:
        frame = formats.read_cells(path)
    except InputError as error:
        assert any(part in str(error) for part in (file.name, path.name))
        return
    if name in CHECKED and damaged != data:
        rows = _plain(frame)
        assert rows == whole[: len(rows)]
        # An event file has no end mark: cut between two records, it looks whole.
        unseen = name == "tensorboard" and data.startswith(damaged)
        assert frame["truncated"].all() or len(rows) == len(whole) or unseen


def _fuzz(name: str, count: int, fixed: bool) -> None:
    @settings(
        max_examples=count,
        database=None,
        derandomize=fixed,
        suppress_health_check=list(HealthCheck),
    )
    @given(damage=_damage(name))
    def attempt(damage: Damage) -> None:
        _survives(name, _damaged(_target(name)[2], damage))

    attempt()


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "wandb"])
def test_damage_is_refused_or_marked(name: str) -> None:
    _fuzz(name, FUZZ, fixed=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_damage_is_refused_or_marked_at_length(name: str) -> None:
    _fuzz(name, max(FUZZ, 10_000), fixed=False)


@pytest.mark.parametrize("name", STREAMS)
def test_a_prefix_of_the_file_gives_a_prefix_of_the_rows(name: str) -> None:
    path, file, data = _target(name)
    whole = _rows(name)

    @settings(max_examples=max(10, FUZZ // 4), database=None, derandomize=True)
    @given(size=st.integers(0, len(data) - 1))
    def attempt(size: int) -> None:
        file.write_bytes(data[:size])
        try:
            frame = formats.read_cells(path)
        except InputError as error:
            assert path.name in str(error)
            return
        assert _plain(frame) == whole[: frame.height]
        # Only W&B says where a run ends; the others look whole when cut between two records.
        unseen = name == "tensorboard" or data[:size].endswith(b"\n")
        lost = frame.height < len(whole)
        assert frame["truncated"][0] or not lost or (unseen and not name.startswith("wandb"))

    attempt()
