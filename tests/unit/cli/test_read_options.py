"""How a file is read is said on the command line: every verb that maps columns takes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from scaling.cli.commands._options import READ_OPTIONS
from scaling.cli.main import app
from tests.support import ROOT

SEMICOLONS = "size;toks;day;val_loss\n" + "".join(
    f"{n} million;{d},5B;{day}/02/2025;{3.5 - n / 100 - d / 200:.2f}\n".replace(".", ",")
    for day, (n, d) in enumerate(((n, d) for n in (10, 20, 40, 80) for d in (1, 4, 9)), start=13)
)
MAPS = {"params": "size", "tokens": "toks", "loss": "val_loss"}
FLAGS = ["--law=chinchilla", *(f"--map={ours}={theirs}" for ours, theirs in MAPS.items())]


def _scaling(*arguments: object, given: str = "", code: str = "pass") -> tuple[int, str, str]:
    """Exit status, output and error of the command in a process of its own."""
    start = f"import sys; {code}; sys.argv = ['scaling', *sys.argv[1:]]; "
    command = [sys.executable, "-c", start + "from scaling.cli.main import main; main()"]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
    )
    return done.returncode, done.stdout, done.stderr


def _verbs(command: object, name: str = "scaling") -> list[tuple[str, set[str]]]:
    found = [(name, {one.name for one in getattr(command, "params", ())})]
    for sub, inner in getattr(command, "commands", {}).items():
        found += _verbs(inner, f"{name} {sub}")
    return found


def test_every_verb_that_maps_columns_takes_the_options() -> None:
    verbs = _verbs(typer.main.get_command(app))
    mapping = [(name, options) for name, options in verbs if "maps" in options]
    assert len(mapping) > 20 and all(set(READ_OPTIONS) <= options for _, options in mapping)
    assert {"scaling add", "scaling fit", "scaling forecast", "scaling mapping"} <= {
        name for name, _ in mapping
    }


def test_a_fit_needs_no_pyarrow(tmp_path: Path) -> None:
    """The core reads text tables with polars and the standard library."""
    path = tmp_path / "runs.csv"
    path.write_text(SEMICOLONS)
    blocked = "sys.modules['pyarrow'] = None"
    status, out, said = _scaling("fit", path, "--resamples=0", *FLAGS, code=blocked)
    assert status == 0, said
    assert "12 rows" in out and "numbers have a decimal comma" in said
    status, _, said = _scaling("fit", tmp_path / "a.parquet", "--law", "chinchilla", code=blocked)
    assert status == 2 and "no such file" in said
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    status, _, said = _scaling("fit", tmp_path / "a.parquet", "--law", "chinchilla", code=blocked)
    assert status == 2 and "Parquet needs the package pyarrow" in said


def test_standard_input_is_a_table(tmp_path: Path) -> None:
    status, out, said = _scaling("fit", "-", "--resamples=0", *FLAGS, given=SEMICOLONS)
    assert status == 0 and "12 rows" in out, said
    status, _, said = _scaling("fit", "-", "--law", "chinchilla", given="run;loss\na;1;2\n")
    assert status == 2 and "standard input, row 1: 3 cells" in said, said
    status, _, said = _scaling("fit", "-", "--law", "chinchilla")
    assert status == 2 and "standard input: the file is empty" in said, said


@pytest.mark.parametrize(
    ("day", "options", "status", "said"),
    [
        ("{day}/02/2025", (), 0, "observed: days are read as %d/%m/%Y, which '13/02/2025' shows."),
        ("05/02/2025", (), 2, "row 1, column 'day': a day that may be read in two ways"),
        ("05/02/2025", ("--date-format", "%m/%d/%Y"), 0, ""),
        ("05/02/2025", ("--date-format", "%m"), 2, "not a format of days"),
    ],
)
def test_days_are_proved_or_stated(
    day: str, options: tuple[str, ...], status: int, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "runs.csv"
    rows = enumerate((n, d) for n in (1, 2, 4, 8) for d in (1, 4, 9))
    lines = [f"{n}e7,{d}e9,{day.format(day=13 + i)},{3 - n / 9 - d / 99}" for i, (n, d) in rows]
    path.write_text("params,tokens,day,loss\n" + "\n".join(lines) + "\n")
    found, _, heard = _scaling(
        *("fit", path, "--law", "chinchilla", "--resamples", 0, "--map=observed=day", *options)
    )
    assert found == status and said in heard, heard


def test_an_option_that_a_format_does_not_take_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(SEMICOLONS)
    status, _, said = _scaling("fit", path, "--sheet=runs", *FLAGS)
    assert status == 2 and "--sheet says nothing of a file of this format (csv)" in said


def test_a_log_is_fitted_with_its_own_sizes(tmp_path: Path) -> None:
    """L = 2 + 500 D^-0.3, at 1000 tokens a step; step 0 has seen none."""
    path = tmp_path / "nano.log"
    steps = range(0, 40_001, 2_000)
    lines = [f"step {s}: val loss {2 + 500 * (1000 * s or 1) ** -0.3:.8f}" for s in steps]
    header = "number of parameters: 124.34M\ntokens per iteration will be: 1,000\n"
    path.write_text(header + "\n".join(lines) + "\n")
    status, out, said = _scaling(
        *("fit", path, "--law=power_law", "--metric=val loss", "--resamples=0", "--json"),
        *("--map=x=step*config.tokens_per_step", "--map=params=124M"),
    )
    assert status == 0, said
    assert "1 value left out where step*config.tokens_per_step is 0." in said
    found = json.loads(out)["parameters"]
    assert found["E"]["value"] == pytest.approx(2.0, rel=1e-4)
    assert found["alpha"]["value"] == pytest.approx(0.3, rel=1e-4)


RUNS = "params,tokens,loss\n" + "".join(
    f"{n}e7,{d}e9,{3 - n / 9 - d / 99}\n" for n in (1, 2, 4, 8) for d in (1, 4, 9)
)
FORECAST = ("forecast", "--law=chinchilla", "--json")


def _predicted(*arguments: object) -> tuple[int, str, str]:
    return _scaling(*FORECAST, *arguments)


def _runs(text: str) -> list[dict[str, float]]:
    """The planned runs that were understood."""
    return [one["run"] for one in json.loads(text)["targets"]]


def test_how_numbers_are_written_holds_for_planned_runs_too(tmp_path: Path) -> None:
    """What a refusal of the planned runs advises is heard by them: 1.500 M is 1,500 million."""
    rows = [line.split(",") for line in RUNS.splitlines()[1:]]
    names = ("params", "tokens", "loss")
    lines = [json.dumps(dict(zip(names, map(float, row), strict=True))) for row in rows]
    (tmp_path / "runs.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "at.csv").write_text("params;tokens\n1.500M;30,125B\n")
    (tmp_path / "plain.csv").write_text("params,tokens\n1500M,30.125B\n")
    runs, at = tmp_path / "runs.jsonl", tmp_path / "at.csv"
    status, out, said = _predicted(runs, "--at", at, "--decimal", ",")
    assert status == 0, said
    plain = _predicted(runs, "--at", tmp_path / "plain.csv")
    assert _runs(out) == _runs(plain[1]) == [{"params": 1.5e9, "tokens": 30.125e9}]
    assert "points are between thousands: 1.500M is read as 1500M" in said


def test_a_sheet_is_that_of_the_file_that_has_sheets(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["note"])
    book.active.append(["not a run"])
    planned = book.create_sheet("planned")
    planned.append(["params", "tokens"])
    planned.append([1.5e9, 3e10])
    runs = book.create_sheet("runs")
    for line in RUNS.splitlines():
        cells = line.split(",")
        runs.append(cells if cells[0] == "params" else [float(cell) for cell in cells])
    file, table = tmp_path / "book.xlsx", tmp_path / "runs.csv"
    book.save(file)
    table.write_text(RUNS)
    (tmp_path / "plan.csv").write_text("params,tokens\n1.5e9,3e10\n")
    expected = _predicted(table, "--at", tmp_path / "plan.csv")[1]
    status, out, said = _predicted(table, "--at", file, "--sheet", "planned")
    assert status == 0 and _runs(out) == _runs(expected), said
    status, out, said = _predicted(file, "--at", tmp_path / "plan.csv", "--sheet", "runs")
    assert status == 0 and _runs(out) == _runs(expected), said
    # Of two workbooks it is that of the runs; advice that could not be followed is not given.
    status, _, said = _predicted(file, "--at", file, "--sheet", "runs")
    assert status == 2 and "--sheet holds for the table of runs" in said, said
    status, _, said = _predicted(table, "--at", tmp_path / "plan.csv", "--sheet", "runs")
    assert status == 2 and "--sheet says nothing of a file of this format" in said
