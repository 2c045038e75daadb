"""Every command of docs/planning.md works as it stands, and absurd ones exit with a message."""

from __future__ import annotations

import json
import re
import shlex

import pytest
from typer.testing import CliRunner

from scaling.cli.main import app
from scaling.errors import InputError
from tests.support import ROOT

PAGE = (ROOT / "docs" / "planning.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^scaling (plan .*)$", PAGE, re.MULTILINE)


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_command(command: str) -> None:
    made = CliRunner().invoke(app, shlex.split(command))
    assert made.exit_code == 0, made.exception
    assert "Made by: " in made.output
    assert "Assumes: " in made.output


def test_all_plans_are_documented() -> None:
    named = {command.split()[1] for command in COMMANDS}
    listed = CliRunner().invoke(app, ["plan", "--help"]).output
    assert all(f" {name} " in listed for name in named)
    want = {"optimal", "serve", "cost", "data", "moe", "hparams", "next", "target", "compare"}
    want |= {"experts", "sparsity"}
    assert named == want | {"mixture"}


def test_json_has_the_same_parts() -> None:
    made = CliRunner().invoke(
        app, ["plan", "optimal", "published:chinchilla", "--flops", "1e24", "--json"]
    )
    found = json.loads(made.output)
    assert {"figures", "assumptions", "version", "decades_beyond", "warnings"} <= set(found)


@pytest.mark.parametrize(
    "command",
    [
        "plan optimal published:chinchilla --flops 0",
        "plan optimal published:chinchilla --flops 1e40",
        "plan optimal --flops 1e24",
        "plan optimal published:routed --flops 1e24",
        "plan serve published:chinchilla --like-params 13e9 --read 2",
        "plan serve published:chinchilla --params 8e9",
        "plan data --flops 1e24",
        "plan data --flops 1e24 --unique -5",
        "plan cost --flops 1e25 --grid 400",
        "plan moe --flops 0",
        "plan experts --flops 0",
        "plan experts --flops 1e22 --memory 80",
        "plan sparsity --params 1e8 --flops 0",
        "plan sparsity --params 1e11 --flops 1e20",
        "plan mixture --runs data/published/regmix/runs.parquet --where split=='dev'",
        "plan mixture --runs data/published/regmix/runs.parquet --weigh loss@pile-x",
        "plan hparams --params -1 --tokens 1e12",
        "plan target --runs docs/examples/ladder-runs.csv --accuracy 85 --resamples 2",
        "plan compare --runs docs/examples/ladder-runs.csv --by kind --a x --b y --flops 1e23",
    ],
)
def test_absurd_command(command: str) -> None:
    made = CliRunner().invoke(app, shlex.split(command))
    assert made.exit_code != 0
    assert isinstance(made.exception, InputError)
    assert "allowed: " in str(made.exception) or "must" in str(made.exception)
