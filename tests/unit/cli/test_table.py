"""Messages name the row and the column of the file, whatever a command left out or renamed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scaling
from scaling.cli.commands._table import read
from scaling.errors import InputError
from tests.support.command import cli
from tests.support.trackers.histories import straight, wandb_jsonl


def long_table(folder: Path, bad: tuple[str, int]) -> Path:
    """Rows of metrics a and b in turn, with 0 as the value of b's or a's n-th row."""
    x = np.geomspace(1e8, 1e10, 10)
    rows = []
    for i, one in enumerate(x):
        for metric in ("a", "b"):
            value = 0.0 if (metric, i) == bad else 2.0 + 500.0 * one**-0.3
            rows.append({"metric": metric, "N": one, "D": 20.0 * one, "value": value})
    pl.DataFrame(rows).write_csv(folder / "long.csv")
    pl.DataFrame({"N": [1e11], "D": [2e12]}).write_csv(folder / "at.csv")
    return folder / "long.csv"


MAPS = ("--map", "params=N", "--map", "tokens=D")


@pytest.mark.parametrize(
    "command",
    [
        ("fit", "--law", "chinchilla", *MAPS),
        ("forecast", "--at", "at.csv", "--out", "made.csv", *MAPS),
        ("returns", "--params", "1e11", "--tokens", "2e12", *MAPS),
        ("growth", "--date", "N", "--score", "s"),
    ],
)
def test_the_row_is_the_files_with_a_metric(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = long_table(tmp_path, ("b", 3))
    monkeypatch.chdir(tmp_path)
    verb, *options = command
    done = cli(verb, table, *options, "--metric", "b")
    assert done.returncode == 2
    assert f"{table}, row 8, column 'value': not a positive finite number" in done.stderr


@pytest.mark.parametrize(("bad", "row"), [(("a", 3), 7), (("b", 3), 8)])
def test_the_row_is_the_files_with_companions_too(
    bad: tuple[str, int], row: int, tmp_path: Path
) -> None:
    table = long_table(tmp_path, bad)
    # A value above 1, so that 0 is no share, of the one metric and of the companion.
    done = cli(
        "forecast", table, "--at", tmp_path / "at.csv", "--out", tmp_path / "made.csv",
        "--input", "N", "--metric", "a", "--companion", "b",
    )  # fmt: skip
    assert done.returncode == 2
    assert f"{table}, row {row}, column 'value': not a positive finite number" in done.stderr


def test_the_row_is_the_tables_in_python() -> None:
    x = np.geomspace(1e8, 1e10, 12)
    y = 2.0 + 500.0 * x**-0.3
    hidden = np.where(np.arange(12) % 3 == 1, np.nan, y)
    at = pl.DataFrame({"x": [2e10]})
    for name, row in (("y", 6), ("z", 5)):
        columns = {"x": x, "y": hidden.copy(), "z": y.copy()}
        columns[name][row - 1] = -1.0
        with pytest.raises(InputError, match=f"row {row}, column '{name}'"):
            scaling.forecast(pl.DataFrame(columns), at, inputs=["x"], target="y", companions=["z"])


def test_a_mapped_column_goes_by_its_own_name(tmp_path: Path) -> None:
    runs = pl.DataFrame({"N": [1e8, -1.0, 1e9], "D": [1e9] * 3, "loss": [3.0, 2.9, 2.8]})
    runs.write_csv(tmp_path / "runs.csv")
    done = cli("fit", tmp_path / "runs.csv", "--law", "chinchilla", *MAPS)
    assert f"{tmp_path / 'runs.csv'}, row 2, column 'N': not a positive" in done.stderr


def test_rows_that_a_plan_leaves_out_are_counted(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "how": ["b", "a"] * 8,
            "params": np.repeat(np.geomspace(1e8, 1e9, 8), 2),
            "tokens": np.repeat(np.geomspace(1e9, 1e10, 8), 2)[::-1],
            "loss": [3.0] * 9 + [-1.0] + [3.0] * 6,
        }
    )
    table.write_csv(tmp_path / "runs.csv")
    done = cli(
        "plan", "compare", "--runs", tmp_path / "runs.csv", "--by", "how", "--a", "a", "--b", "b",
        "--flops", "1e21",
    )  # fmt: skip
    assert done.returncode == 2
    assert "runs.csv, row 10, column 'loss'" in done.stderr
    mixtures = pl.DataFrame(
        {
            "size": [1, 2] * 6,
            "mixture": [f"web={0.05 * i:.2f};code={1 - 0.05 * i:.2f}" for i in range(1, 13)],
            "value": [3.0, 2.9] * 2 + [-1.0] + [2.7] * 7,
        }
    )
    mixtures.write_csv(tmp_path / "mixtures.csv")
    done = cli("plan", "mixture", "--runs", tmp_path / "mixtures.csv", "--where", "size = 1")
    assert done.returncode == 2
    assert "mixtures.csv, row 5, column 'value'" in done.stderr


def test_rows_without_a_score_are_counted(tmp_path: Path) -> None:
    x = np.geomspace(1e20, 1e24, 9).tolist()
    table = pl.DataFrame({"flops": [None, *x], "value": [0.1, 0.1, 0.2, 0.2, 3.0] + [0.4] * 5})
    table.write_csv(tmp_path / "scores.csv")
    done = cli("emergence", tmp_path / "scores.csv")
    assert done.returncode == 2
    assert "scores.csv, row 5" in done.stderr


def test_a_table_without_metrics_says_so(tmp_path: Path) -> None:
    pl.DataFrame({"flops": [1e20], "loss": [3.0]}).write_csv(tmp_path / "runs.csv")
    done = cli("fit", tmp_path / "runs.csv", "--law", "power_law", "--metric", "loss@pile")
    assert done.returncode == 2
    assert "runs.csv, column 'metric': missing column" in done.stderr


def named_otherwise(folder: Path) -> Path:
    table = folder / "team.csv"
    rows = [f"{n},{d:.3e},{2 + 50 / d**0.2}" for n in ("85M", "1.3B") for d in (1e9, 1e10)]
    table.write_text("\n".join(["\ufeffmodel_size,n_tokens,val_loss", *rows]) + "\n")
    return table


def test_a_missing_column_says_how_to_name_it(tmp_path: Path) -> None:
    table = named_otherwise(tmp_path)
    for command in (("fit", "--law", "chinchilla"), ("compare",), ("emergence",)):
        done = cli(command[0], table, *command[1:])
        assert done.returncode == 2 and "--map" in done.stderr, done.stderr
    done = cli("laws", "--for", table)
    assert done.returncode == 2
    assert "column 'loss': missing column; allowed: model_size, n_tokens, val_loss" in done.stderr
    assert "--map loss=THEIRS" in done.stderr


def test_counts_may_have_a_letter_and_loss_any_name(tmp_path: Path) -> None:
    table = named_otherwise(tmp_path)
    given = read(table, ["params=model_size", "tokens=n_tokens", "loss=val_loss"])
    assert given.frame["params"].to_list() == [8.5e7, 8.5e7, 1.3e9, 1.3e9]
    table.write_text(table.read_text().replace("1.3B", "1.3 gigs"))
    done = cli("fit", table, "--law", "power_law", "--map", "params=model_size", "--map",
               "tokens=n_tokens", "--map", "loss=val_loss")  # fmt: skip
    assert done.returncode == 2
    assert (
        "row 3, column 'model_size': text where a number belongs; found '1.3 gigs'" in done.stderr
    )


def test_a_row_that_is_there_twice_is_told(tmp_path: Path) -> None:
    x = np.geomspace(1e20, 1e23, 8)
    table = pl.DataFrame({"flops": [*x, x[3]], "loss": 2.0 + np.append(x, x[3]) ** -0.05})
    table.write_csv(tmp_path / "runs.csv")
    done = cli("fit", tmp_path / "runs.csv", "--law", "power_law", "--resamples", "0")
    assert done.returncode == 0
    assert "runs.csv: 1 row repeated cell by cell (the first: row 9); each counts" in done.stderr


def test_an_empty_cell_is_called_empty(tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    table.write_text("flops,loss,observed\n1e20,,2026-01-01\n1e21,2.0,soon\n,1.9,\n")
    done = cli("fit", table, "--law", "kaplan_compute")
    assert "1 row without loss left out." in done.stderr
    assert "runs.csv, row 3, column 'flops': is empty; allowed: > 0" in done.stderr
    done = cli("growth", table, "--score", "flops")
    assert "row 2, column 'observed': not a date; found 'soon'; allowed: YYYY-MM-DD" in done.stderr


def test_what_is_wrong_with_an_option_is_not_said_of_the_file(tmp_path: Path) -> None:
    table = long_table(tmp_path, ("b", -1))
    done = cli(
        "forecast", table, "--metric", "a", "--at", tmp_path / "at.csv", "--quantile", "95",
        "--out", tmp_path / "made.csv", "--input", "N",
    )  # fmt: skip
    assert done.returncode == 2 and "--quantile" in done.stderr and "long.csv" not in done.stderr


def test_what_falls_halves(tmp_path: Path) -> None:
    table = tmp_path / "prices.csv"
    table.write_text("".join(["day,usd\n", *(f"202{i}-01-01,{8 / 2**i}\n" for i in range(5))]))
    assert "; halving in 365 days" in cli("growth", table, "--date", "day", "--score", "usd").stdout


def test_columns_may_change_places_and_are_the_files(tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    table.write_text("params,tokens\n1e9,2e9\n")
    swapped = read(table, ["params=tokens", "tokens=params"]).frame
    assert swapped.row(0) == (2e9, 1e9)
    with pytest.raises(InputError, match="column 'mine': missing column"):
        read(table, ["mine=tokens", "loss=mine"])


def test_abandoned_branches_of_a_tracker_are_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = wandb_jsonl(tmp_path, straight(1, 2, 3, 2))
    given = read(file)
    assert given.frame["value"].to_list() == [1.0, 2.0]
    assert list(given.rows) == [1, 4]
    said = "2 values left out: written before a restart from its step or an earlier one."
    assert capsys.readouterr().err == f"{file}: {said}\n"
