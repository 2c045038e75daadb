"""Small files that unfold to more than a memory can hold: refused, each in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from scaling.errors import InputError, shorten
from scaling.runs.formats import format_of, published
from tests.e2e.orchestration.test_flow import CHECKOUT
from tests.support.waiting import HANG

# Nine levels of nine: 3.9e8 values from 300 bytes.
LEVELS = [f"b{k}: &b{k} [{', '.join([f'*b{k - 1}'] * 9)}]" for k in range(1, 9)]
LAUGHS = "\n".join(["b0: &b0 [x, x, x, x, x, x, x, x, x]", *LEVELS]) + "\n"
DEEP = 100_000
ENTITIES = "".join(f'<!ENTITY e{k} "{f"&e{k - 1};" * 10}">' for k in range(1, 10))
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def lightning(folder: Path, text: str) -> Path:
    (folder / "metrics.csv").write_text("epoch,step,loss\n0,1,2.0\n")
    (folder / "hparams.yaml").write_text(text)
    return folder


def mlflow(folder: Path, text: str) -> Path:
    run = folder / "mlruns" / "0" / "r1"
    (run / "metrics").mkdir(parents=True)
    (run / "metrics" / "loss").write_text("1 2.0 1\n")
    (run / "meta.yaml").write_text(text + "\nrun_id: r1\nstatus: *b8\nrun_name: *b8\n")
    return folder / "mlruns"


def hugging_face(folder: Path, text: str) -> Path:
    file = folder / "trainer_state.json"
    file.write_text('{"log_history": ' + text + "}")
    return file


def json_lines(folder: Path, text: str) -> Path:
    file = folder / "runs.jsonl"
    file.write_text('{"run": ' + text + "}\n")
    return file


def workbook(folder: Path, entities: str) -> Path:
    """A workbook whose shared text is an entity that unfolds to 1e9 others."""
    file = folder / "runs.xlsx"
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
        'content-types"><Default Extension="xml" ContentType="application/xml"/><Override '
        'PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'spreadsheetml.sheet.main+xml"/><Override PartName="/xl/sharedStrings.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>',
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}"><sheets/></workbook>',
        "xl/sharedStrings.xml": f'<!DOCTYPE sst [<!ENTITY e0 "ha">{entities}]><sst xmlns="{SHEET}">'
        "<si><t>&e9;</t></si></sst>",
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file


def nested(kind: str) -> str:
    return "[" * DEEP + "]" * DEEP if kind == "list" else '{"a":' * DEEP + "1" + "}" * DEEP


BOMBS: dict[str, Callable[[Path], Path]] = {
    "lightning, aliases": lambda folder: lightning(folder, LAUGHS),
    "lightning, depth": lambda folder: lightning(folder, nested("list")),
    "mlflow, aliases": lambda folder: mlflow(folder, LAUGHS),
    "hugging face, depth": lambda folder: hugging_face(folder, nested("list")),
    "json lines, lists": lambda folder: json_lines(folder, nested("list")),
    "json lines, objects": lambda folder: json_lines(folder, nested("object")),
    "workbook, entities": lambda folder: workbook(folder, ENTITIES),
}
READ = """
import resource, sys
from pathlib import Path
import polars
from scaling.errors import InputError
from scaling.runs.formats import format_of
resource.setrlimit(resource.RLIMIT_AS, (6 * 1024**3, 6 * 1024**3))
for name in sys.argv[1:]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = Path(name)
    try:
        rows = format_of(path).read(path).height
    except InputError as error:
        assert len(str(error)) < 2000, len(str(error))
        print("refused")
    else:
        print(rows)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 400_000, (name, grown)
"""


def test_each_reader_refuses_what_unfolds_without_end(tmp_path: Path) -> None:
    """All in one process of little memory, which Python's start dominates."""
    paths = []
    for number, make in enumerate(BOMBS.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        paths.append(make(folder))
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-c", READ, *map(str, paths)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=HANG)
    assert done.returncode == 0, done.stderr[-2000:]
    # A run of MLflow that cannot be read is one row, left out with its reason.
    known = dict.fromkeys(BOMBS, "refused") | {"mlflow, aliases": "1"}
    assert dict(zip(BOMBS, done.stdout.split(), strict=True)) == known


@pytest.mark.parametrize(
    "text", [LAUGHS + "title: *b8\n", "title: " + nested("list"), "x" * 5_000_000]
)
def test_the_facts_beside_a_published_source_are_bounded(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "contributed"
    folder.mkdir()
    (folder / "runs.csv").write_text("run\na\n")
    (folder / "source.yaml").write_text(text)
    with pytest.raises(InputError) as refused:
        list(published(tmp_path))
    assert len(str(refused.value)) < 2000


def test_an_error_shows_the_start_of_a_value_that_unfolds_without_end() -> None:
    value: object = "x"
    for _ in range(40):
        value = [value] * 9
    assert len(shorten(value)) == 80
    assert shorten(["a", 1]) == "['a', 1]"
    assert shorten({"a": [1]}) == "{'a': [1]}"


def test_json_that_is_deep_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """As a whole file, which other readers take for a table."""
    file = tmp_path / "history.jsonl"
    file.write_text(json.dumps({"_step": 1, "loss": 2.0}) + "\n" + nested("object") + "\n")
    with pytest.raises(InputError):
        format_of(file).read(file)
