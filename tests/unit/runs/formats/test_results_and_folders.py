"""Result files, and folders that hold several runs or checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from scaling.errors import InputError
from scaling.runs import formats


def _read(path: Path, **options: str) -> tuple[Any, str]:
    said: list[str] = []
    return formats.read_table(path, formats.ReadOptions(**options, say=said.append)), "\n".join(
        said
    )


def _json(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


# lm-evaluation-harness before 0.4 wrote no filters and no numbers of examples.
OLD = {
    "results": {"lambada": {"ppl": 5.5, "ppl_stderr": 0.1, "acc": 0.6, "acc_stderr": 0.007}},
    "versions": {"lambada": 0},
    "config": {
        "model": "gpt2",
        "model_args": "pretrained=gpt2,revision=step3000",
        "num_fewshot": 0,
    },
}


def test_results_of_an_old_harness(tmp_path: Path) -> None:
    frame, _ = _read(_json(tmp_path / "out.json", OLD))
    assert frame.select("run", "metric", "unit", "value", "value_se", "task_version").rows() == [
        ("gpt2@step3000", "score@lambada/ppl", "score", 5.5, 0.1, "0"),
        ("gpt2@step3000", "accuracy@lambada/acc", "fraction", 0.6, 0.007, "0"),
    ]


def test_results_with_filters_groups_and_what_is_no_number(tmp_path: Path) -> None:
    tasks = {
        "gsm8k": {"alias": "gsm8k", "exact_match,strict-match": 0.5, "exact_match,flexible": 0.75},
        "wikitext": {"bits_per_byte,none": 0.8, "bits_per_byte_stderr,none": "N/A"},
        "odd": {"alias": " - odd", "score,none": "n/a"},
    }
    about = {"n-shot": {"gsm8k": 5}, "n-samples": {"gsm8k": {"original": 9, "effective": 8}}}
    frame, said = _read(_json(tmp_path / "r.json", {"results": tasks, "date": 1.7e9, **about}))
    assert frame.select("metric", "unit", "shots").rows() == [
        ("accuracy@gsm8k/exact_match/strict-match", "fraction", 5.0),
        ("accuracy@gsm8k/exact_match/flexible", "fraction", 5.0),
        ("bits_per_byte@wikitext/bits_per_byte", "bits/byte", None),
    ]
    assert frame["evaluated"].to_list() == [8.0, 8.0, None]
    assert frame["note"].to_list() == ["filter strict-match", "filter flexible", "filter none"]
    # date -u -d @1700000000 +%F
    assert str(frame["observed"][0]) == "2023-11-14"
    assert "r.json: 1 value no numbers: ['odd/score,none']" in said


def test_a_folder_of_results(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _json(tmp_path / f"out/{name}/results_2024.json", {**OLD, "model_name": name})
    frame, _ = _read(tmp_path / "out")
    assert frame["run"].to_list() == ["a@step3000"] * 2 + ["b@step3000"] * 2


@pytest.mark.parametrize("name", ["all_results.json", "eval_results.json"])
def test_results_of_hugging_face(name: str, tmp_path: Path) -> None:
    value = {"epoch": 1.0, "eval_loss": 2.5, "eval_samples": 40, "perplexity": 12.18}
    frame, said = _read(_json(tmp_path / "small" / name, value))
    assert dict(frame.select("metric", "value").iter_rows()) == value
    assert frame["run"][0] == "small" and frame["step"].null_count() == 4
    assert said.startswith("metrics of one run, no step: ['epoch', 'eval_loss'")


def test_a_metrics_file_of_dvc_is_nested(tmp_path: Path) -> None:
    value = {"train": {"loss": 2.5}, "val": {"loss": 2.75, "best": "yes"}, "step": 9}
    frame, _ = _read(_json(tmp_path / "small.json", value))
    assert frame.select("run", "step", "metric", "value", "value_text").rows() == [
        ("small", 9.0, "train.loss", 2.5, None),
        ("small", 9.0, "val.loss", 2.75, None),
        ("small", 9.0, "val.best", None, "yes"),
    ]


def test_every_version_of_lightning_is_a_run(tmp_path: Path) -> None:
    for version in (0, 1, 10):
        folder = tmp_path / f"lightning_logs/version_{version}"
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text(f"epoch,step,loss\n0,0,{version}\n0,1,2.5\n")
        (folder / "hparams.yaml").write_text(f"lr: {version}\n")
    for top in (tmp_path, tmp_path / "lightning_logs"):
        frame, said = _read(top)
        assert frame["run"].unique(maintain_order=True).to_list() == [
            f"lightning_logs/version_{version}" for version in (0, 1, 10)
        ]
        assert set(frame["config.lr"]) == {"0", "1", "10"}
        assert "each version is a run" in said


def _state(step: int, *logged: int) -> dict[str, Any]:
    history = [{"step": at, "loss": at / 4} for at in logged]
    return {"global_step": step, "max_steps": 30, "log_history": history}


def test_of_checkpoints_the_last_is_read(tmp_path: Path) -> None:
    _json(tmp_path / "small/checkpoint-9/trainer_state.json", _state(9, 5, 9))
    _json(tmp_path / "small/checkpoint-30/trainer_state.json", _state(30, 5, 20, 30))
    frame, said = _read(tmp_path / "small")
    assert frame["run"].unique().to_list() == ["small"]
    assert frame["step"].to_list() == [5.0, 20.0, 30.0]
    assert said == "checkpoint-30 is read, checkpoint-9 is not (1 entry that it lacks)"


def test_a_sheet_is_named_among_several(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "notes"
    book.active.append(["by hand"])
    sheet = book.create_sheet("runs")
    for row in (["Results of March"], [], ["run", "loss"], ["a", 2.5]):
        sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    frame, said = _read(tmp_path / "a.xlsx", sheet="runs")
    assert frame.rows() == [("a", 2.5)] and "'Results of March'" in said
    with pytest.raises(InputError, match=r"not one table.*'notes', 'runs'.*--sheet 'notes'"):
        _read(tmp_path / "a.xlsx")
    with pytest.raises(InputError, match=r"no such sheet; found 'run'; allowed: .*Did you mean"):
        _read(tmp_path / "a.xlsx", sheet="run")
    assert _read(tmp_path / "a.xlsx", sheet="runs", header="3")[0].height == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.h5", b"\x89HDF\r\n", "an HDF5 file.*Instead: load it"),
        ("a.pkl", b"\x80\x04\x95", "a pickle, which could run any code.*to_csv"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "an old Excel workbook.*Instead: save it as .xlsx"),
        ("a.feather", b"ARROW1\0\0", "an Arrow or Feather table.*write_parquet"),
        ("a.zip", b"PK\x03\x04" + b"\0" * 30, "a ZIP archive.*Instead: unpack it"),
        ("a.csv.xz", b"\xfd7zXZ\0", "an xz, bzip2 or 7z file.*unpack it"),
        ("a.yaml", b"loss: 2.5\n", "YAML or TOML.*save it as JSON"),
        ("a.weird", b"run,loss\na,1\n", "it looks like text.*the ending .csv"),
        ("a.weird", b"\0\1\2", "no kind that is known here"),
        ("a.csv", b"PAR1\0\0", "not a text file. It looks like a Parquet table.*ending .parquet"),
        ("a.csv", b"<!DOCTYPE html><html></html>", "It looks like a web page"),
        ("a.xlsx", b"%PDF-1.4\n", "It looks like a PDF"),
        ("a.csv", b'[{"run": "a"}]', "It looks like JSON. Give it the ending .json"),
    ],
)
def test_what_is_not_read_says_what_it_looks_like(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}.*{message}") as caught:
        _read(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_read_names_what_is(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("run,loss\na,1\n")
    with pytest.raises(InputError, match=r"found \['a.csv'\].*Inside, a.csv is read \(csv\)"):
        _read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="Folders that are read: "):
        _read(tmp_path / "empty")
