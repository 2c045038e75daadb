"""``--plot`` and ``--open``, and one answer on the command line and in Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import scaling
from tests.support.command import cli
from tests.support.simulated import chinchilla_runs

RUNS = chinchilla_runs()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    RUNS.write_csv(tmp_path / "runs.csv")
    pl.DataFrame({"params": ["70B"], "tokens": ["1.4T"]}).write_csv(tmp_path / "at.csv")
    return tmp_path / "runs.csv"


def verbs(runs: Path) -> dict[str, tuple[list[object], Any]]:
    """Of each verb its arguments, and the same from Python."""
    at = runs.with_name("at.csv")
    return {
        "fit": (["fit", runs, "--law", "chinchilla"], lambda: scaling.fit(runs, "chinchilla")),
        "forecast": (["forecast", runs, "--at", at], lambda: scaling.forecast(runs, at)),
        "exponents": (["exponents", runs], lambda: scaling.exponents(runs)),
        "compare": (["compare", runs], lambda: scaling.compare(runs)),
        "optimal": (
            ["plan", "optimal", "--runs", runs, "--flops", "1e23"],
            lambda: scaling.plan.optimal(runs, flops=1e23),
        ),
        "backtest": (["backtest", runs], lambda: scaling.backtest(runs)),
        "cost": (["plan", "cost", "--flops", "1e24"], lambda: scaling.plan.cost(flops=1e24)),
    }


NAMES = ["fit", "forecast", "exponents", "compare", "optimal", "backtest", "cost"]


@pytest.mark.parametrize("name", NAMES)
def test_python_gives_what_the_command_line_prints(name: str, runs: Path) -> None:
    from scaling.io.json_files import json_text

    arguments, ask = verbs(runs)[name]
    chart = runs.with_name("chart.svg")
    done = cli(*arguments, "--json", "--plot", chart)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(json_text(ask().to_dict()))
    assert chart.read_bytes().startswith(b"<svg")
    assert f"Chart -> {chart}" in done.stderr


def test_a_chart_opens_in_the_browser(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > {tmp_path / "opened"}\n')
    script.chmod(0o755)
    monkeypatch.setattr("webbrowser._tryorder", None)
    monkeypatch.setenv("BROWSER", str(script))
    done = cli("fit", runs, "--law", "chinchilla", "--resamples", "0", "--open")
    assert done.returncode == 0, done.stderr
    opened = (tmp_path / "opened").read_text().strip().removeprefix("file://")
    assert Path(opened).is_relative_to(tmp_path) and opened.endswith(".html")
    assert f"Chart -> {opened}" in done.stderr


def test_a_chart_in_the_terminal(runs: Path) -> None:
    done = cli("fit", runs, "--law", "chinchilla", "--resamples", "0", "--plot", "-")
    assert done.returncode == 0, done.stderr
    assert "training compute, FLOP (6ND)" in done.stdout
    assert not list(runs.parent.glob("*.html")) and not Path("-").exists()


def test_another_ending_is_refused_before_anything_is_computed(runs: Path) -> None:
    done = cli("fit", runs, "--law", "chinchilla", "--plot", runs.with_name("chart.pdf"))
    assert done.returncode == 2 and done.stdout == ""
    assert "no file for a chart; found '.pdf'; allowed: .html .svg .png" in done.stderr
