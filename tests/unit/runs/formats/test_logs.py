"""Text logs of training, as their tools print them (from the public source of each)."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.runs import formats
from scaling.runs.formats.training_log import NO_STEP

# karpathy/nanoGPT, train.py and model.py.
NANOGPT = """\
tokens per iteration will be: 491,520
number of parameters: 124.34M
compiling the model... (takes a ~minute)
step 0: train loss 10.9886, val loss 10.9882
iter 0: loss 10.9886, time 65028.18ms, mfu -100.00%
iter 10: loss 9.5312, time 244.92ms, mfu 41.52%
step 2000: train loss 3.5101, val loss 3.6
saving checkpoint to out
"""
# NVIDIA/Megatron-LM, megatron/training/training.py and arguments.py.
MEGATRON = """\
  seq_length ...................................... 2048
 > number of parameters on (tensor, pipeline) model parallel rank (0, 0): 1917599744
 > number of parameters on (tensor, pipeline) model parallel rank (0, 1): 3178459136
 [2024-06-12 10:11:12] iteration      100/     500 | consumed samples:         1600 | \
elapsed time per iteration (ms): 1234.5 | learning rate: 6.000000E-05 | \
global batch size:    16 | lm loss: 7.123456E+00 | loss scale: 1.0 | grad norm: 1.234 | \
number of skipped iterations:   0 | number of nan iterations:   0 |
(min, max) time across ranks (ms):
    forward-backward ...............................: (1068.68, 1068.68)
 validation loss at iteration 100 | lm loss value: 7.000000E+00 | lm loss PPL: 1.096633E+03 |
 [2024-06-12 10:21:12] iteration      500/     500 | consumed samples:         8000 | \
elapsed time per iteration (ms): 1230.5 | learning rate: 6.000000E-05 | \
global batch size:    16 | lm loss: NAN | loss scale: 1.0 | grad norm: 1.234 |
"""
# karpathy/llm.c, train_gpt2.cu and llmc/logger.h.
LLMC = """\
| num_parameters        | 124475904                                          |
val loss 11.009
step    1/19560 | loss 11.009354 (+nanz)| norm 15.3387 (+nanz)| lr 8.57e-07 | 3056.36 ms | \
42.6% bf16 MFU | 171545 tok/s
step    2/19560 | loss 10.9 (+nanz)| norm 15.1 (+nanz)| lr 1.71e-06 | 3000.1 ms | \
42.9% bf16 MFU | 171000 tok/s
"""
LLMC_LOG = "s:0 tel:11.0093\ns:0 eval:0.2464\ns:1 trl:11.0093 lr:0.000001 norm:15.33\n"
# pytorch/torchtitan, components/metrics.py, with the colours of its console.
TORCHTITAN = """\
[titan] 2025-10-30 14:32:50,897 - root - INFO - Model llama3 size: 6,139,136 total parameters
[rank0]:[titan] 2025-10-30 14:32:58,897 - root - INFO - \x1b[31mstep:  1  \x1b[32mloss:  8.1661  \
\x1b[33mgrad_norm:  3.6855  memory:  2.47GiB(3.12%)  tps: 3,502  tflops: 1.90  mfu: 0.19%\x1b[39m
[rank0]:[titan] 2025-10-30 14:32:58,900 - root - INFO - Synchronizing ProcessGroups to 0:01:40
[rank0]:[titan] 2025-10-30 14:32:59,990 - root - INFO - \x1b[31mstep:  2  \x1b[32mloss:  6.1098  \
\x1b[33mgrad_norm:  4.6416  memory:  2.49GiB(3.14%)  tps: 177,138  tflops: 96.17  mfu: 9.72%\x1b[39m
"""
# allenai/OLMo, olmo/train.py.
OLMO = """\
[2024-04-17 09:42:00] INFO     [olmo.train:816, rank=0] Total number of parameters: 1,176,764,416
[2024-04-17 09:42:26] INFO     [olmo.train:816, rank=0] [step=1/739328,epoch=0]
    train/CrossEntropyLoss=11.25
    train/Perplexity=76,631
    throughput/total_tokens=4,194,304
[2024-04-17 09:42:38] INFO     [olmo.train:816, rank=0] [step=2/739328,epoch=0]
    train/CrossEntropyLoss=10.73
    throughput/total_tokens=8,388,608
"""


def _read(folder: Path, name: str, text: str) -> tuple[pl.DataFrame, str]:
    (folder / name).write_text(text)
    said: list[str] = []
    return formats.read_cells(folder / name, formats.ReadOptions(say=said.append)), "\n".join(said)


def _metric(frame: pl.DataFrame, name: str) -> list[tuple[float, float]]:
    return frame.filter(pl.col("metric") == name).select("step", "value").rows()


@pytest.mark.parametrize(
    ("text", "tool", "metric", "points", "sizes", "unread"),
    [
        (NANOGPT, "nanoGPT", "loss", [(0, 10.9886), (10, 9.5312)],
         {"params": "124.34M", "tokens_per_step": "491520"}, 2),
        (NANOGPT, "nanoGPT", "val loss", [(0, 10.9882), (2000, 3.6)], {}, 2),
        (NANOGPT, "nanoGPT", "mfu (%)", [(0, -100.0), (10, 41.52)], {}, 2),
        (MEGATRON, "Megatron-LM", "lm loss value", [(100, 7.0)],
         {"params": "5096058880", "seq_length": "2048"}, 2),
        (MEGATRON, "Megatron-LM", "consumed samples", [(100, 1600.0), (500, 8000.0)], {}, 2),
        (LLMC, "llm.c", "loss", [(1, 11.009354), (2, 10.9)], {"params": "124475904"}, 0),
        (LLMC, "llm.c", "bf16 MFU (%)", [(1, 42.6), (2, 42.9)], {}, 0),
        (LLMC_LOG, "llm.c", "trl", [(1, 11.0093)], {}, 0),
        (LLMC_LOG, "llm.c", "tel", [(0, 11.0093)], {}, 0),
        (TORCHTITAN, "torchtitan", "loss", [(1, 8.1661), (2, 6.1098)],
         {"params": "6139136"}, 1),
        (TORCHTITAN, "torchtitan", "tps", [(1, 3502.0), (2, 177138.0)], {}, 1),
        (OLMO, "OLMo", "train/CrossEntropyLoss", [(1, 11.25), (2, 10.73)],
         {"params": "1176764416"}, 0),
        (OLMO, "OLMo", "throughput/total_tokens", [(1, 4194304.0), (2, 8388608.0)], {}, 0),
        ("Epoch: 1, Step: 1, Loss: 2.5\nEpoch: 1, Step: 2, Loss: 2.25\nend\n", "key: value",
         "Loss", [(1, 2.5), (2, 2.25)], {}, 1),
        ("step=1,000 loss=2.5 lr=1e-3\n", "key: value", "loss", [(1000, 2.5)], {}, 0),
        ('{"step": 1, "loss": 2.5}\n{"step": 2, "loss": 2.25}\n', "key: value", "loss",
         [(1, 2.5), (2, 2.25)], {}, 0),
    ],
)  # fmt: skip
def test_a_log_of_each_tool(
    text: str,
    tool: str,
    metric: str,
    points: list[tuple[float, float]],
    sizes: dict[str, str],
    unread: int,
    tmp_path: Path,
) -> None:
    frame, said = _read(tmp_path, "small.log", text)
    assert _metric(frame, metric) == points
    assert frame["run"].unique().to_list() == ["small"]
    assert {name: frame[f"config.{name}"][0] for name in sizes} == sizes
    assert f"a log as of {tool}" in said and metric in said
    many = f"{unread} line{'s' * (unread != 1)} not read"
    assert many in said if unread else "not read" not in said


def test_steps_metrics_and_sizes_are_said(tmp_path: Path) -> None:
    _, said = _read(tmp_path, "small.log", NANOGPT)
    assert said.splitlines() == [
        "a log as of nanoGPT: 10 values of train loss, val loss, loss, time (ms), mfu (%); "
        "steps 0 to 2000",
        "sizes in its header: config.tokens_per_step = 491520, config.params = 124.34M",
        "2 lines not read (the first: 'compiling the model... (takes a ~minute)')",
    ]


def test_a_diverged_loss_is_a_value(tmp_path: Path) -> None:
    frame, said = _read(tmp_path, "small.log", MEGATRON)
    points = _metric(frame, "lm loss")
    assert points[0] == (100, 7.123456) and math.isnan(points[1][1])
    assert "the sum of 2 ranks" in said and "read as UTC" in said
    assert frame["expected_last_step"][0] == 500.0
    # 2024-06-12 10:11:12 UTC: date -u -d '2024-06-12 10:11:12' +%s
    assert frame["wall_time"][0] == 1718187072.0


def test_values_without_a_step_are_left_out_by_name(tmp_path: Path) -> None:
    frame, _ = _read(tmp_path, "small.log", LLMC)
    left = frame.filter(pl.col("left_out").is_not_null())
    assert left.select("metric", "value", "left_out").rows() == [("val loss", 11.009, NO_STEP)]
    # transformers prints dicts without a step: they all count.
    frame, _ = _read(
        tmp_path, "hf.log", "{'loss': 2.5, 'epoch': 0.1}\n{'loss': 2.25, 'epoch': 0.2}\n"
    )
    assert _metric(frame, "loss") == [(None, 2.5), (None, 2.25)]
    assert frame["left_out"].null_count() == 4


def test_a_line_that_is_still_written_is_said(tmp_path: Path) -> None:
    frame, said = _read(tmp_path, "small.log", "step 1: loss 2.5\nstep 2: loss 2.2")
    assert _metric(frame, "loss") == [(1, 2.5)] and frame["truncated"].all()
    assert "the last line has no end and is not read" in said


def test_files_with_a_name_that_every_run_has_are_called_after_their_folder(tmp_path: Path) -> None:
    (tmp_path / "log124M").mkdir()
    frame, _ = _read(tmp_path / "log124M", "main.log", LLMC_LOG)
    assert frame["run"].unique().to_list() == ["log124M"]


def test_a_text_file_is_a_log_if_it_has_steps(tmp_path: Path) -> None:
    frame, _ = _read(tmp_path, "small.txt", NANOGPT)
    assert _metric(frame, "val loss") == [(0, 10.9882), (2000, 3.6)]
    path = tmp_path / "table.txt"
    path.write_text("step\tloss\n1\t2.5\n")
    assert formats.format_of(path).name == "csv"


@pytest.mark.parametrize("text", ["hello\n", "date: 2024-01-01\nversion: 1.2.3\n", "x" * 100_000])
def test_a_log_without_metrics_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.log: no line with a metric"):
        _read(tmp_path, "a.log", text)


def _steps(path: Path, metric: str) -> list[tuple[float | None, float]]:
    rows = formats.settled(formats.read_cells(path)).filter(
        pl.col("left_out").is_null() & (pl.col("metric") == metric)
    )
    return list(rows.select("step", "value").iter_rows())


@pytest.mark.parametrize(
    ("line", "first", "metric"),
    [
        ("Epoch [{e}/3], Step [{s}/500], Loss: {v}", 1, "Loss"),
        ("epoch {e} | step {s}/500 | loss: {v}", 0, "loss"),
        ("epoch: {e}, iter: {s}/500, loss: {v}", 1, "loss"),
        ("epoch={e} step={s}/500 loss={v}", 0, "loss"),
        ("=== Epoch {e} ===\nstep {s}/500: loss = {v}", 1, "loss"),
    ],
)
def test_steps_of_an_epoch_become_steps_of_the_run(
    line: str, first: int, metric: str, tmp_path: Path
) -> None:
    path = tmp_path / "small.log"
    places = [(e, s) for e in range(3) for s in (100, 300, 500)]
    lines = [line.format(e=e + first, s=s, v=4 - e - s / 1000) for e, s in places]
    path.write_text("\n".join(lines) + "\n")
    expected = [(500.0 * e + s, 4 - e - s / 1000) for e, s in places]
    assert _steps(path, metric) == expected
    said: list[str] = []
    formats.read_cells(path, formats.ReadOptions(say=said.append))
    assert f"the global step is made, (epoch - {first}) * 500 + step" in " ".join(said)
    assert "steps 100 to 1500" in " ".join(said)


def test_a_log_of_the_ends_of_epochs(tmp_path: Path) -> None:
    path = tmp_path / "small.log"
    path.write_text("".join(f"epoch {e}/4 step 50/50 loss: {5 - e}\n" for e in range(1, 5)))
    assert _steps(path, "loss") == [(50.0 * e, 5.0 - e) for e in range(1, 5)]


def test_a_restart_within_epochs_of_a_run_is_a_restart(tmp_path: Path) -> None:
    """The step goes back with the epoch, or in one: what was written before does not count."""
    path = tmp_path / "small.log"
    places = [(1, 100), (1, 500), (2, 100), (2, 300), (2, 200), (2, 300), (1, 500), (2, 100)]
    lines = [f"epoch {e} step {s}/500 loss: {i}\n" for i, (e, s) in enumerate(places)]
    path.write_text("".join(lines))
    assert _steps(path, "loss") == [(100.0, 0.0), (500.0, 6.0), (600.0, 7.0)]
    # Steps of the whole run beside an epoch are left as they are.
    lines = [f"epoch {s // 500} step {s}/1500 loss: {s}\n" for s in (100, 600, 1100, 600, 1500)]
    path.write_text("".join(lines))
    assert _steps(path, "loss") == [(100.0, 100.0), (600.0, 600.0), (1500.0, 1500.0)]


@pytest.mark.parametrize("of", ["", "/500 /400"])
def test_steps_of_an_epoch_of_unknown_length_are_refused(of: str, tmp_path: Path) -> None:
    path = tmp_path / "small.log"
    sizes = of.split() or ["", ""]
    places = [(e, s) for e in range(2) for s in (100, 200)]
    path.write_text("".join(f"epoch {e} step {s}{sizes[e]} loss: 2\n" for e, s in places))
    with pytest.raises(InputError, match=r"small\.log, row 3: steps start anew in each epoch"):
        formats.read_cells(path)
