"""Every verb of the command line: help, --json with a schema, exit codes. A new verb is found by
itself, and needs an example in `tests.support.verbs` and a run of ``python -m tools.schemas``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scaling.cli import exit_codes
from tests.support import ROOT
from tests.support.command import cli
from tests.support.verbs import ELSEWHERE, EXAMPLES, commands, outputs, project

VERBS = dict(commands())
SCHEMAS: dict[str, Any] = json.loads((ROOT / "scaling/cli/schemas.json").read_bytes())["$defs"]


def test_every_verb_has_an_example_and_a_schema() -> None:
    assert set(VERBS) == set(EXAMPLES) | ELSEWHERE
    assert set(VERBS) == set(SCHEMAS)
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_json_and_says_what_it_does(verb: str) -> None:
    options = {name for param in VERBS[verb].params for name in param.opts}
    assert "--json" in options
    shown = cli(*verb.split(), "--help")
    assert shown.returncode == exit_codes.OK
    assert (VERBS[verb].help or "").split(".")[0].split()[0] in shown.stdout
    for param in VERBS[verb].params:
        assert getattr(param, "help", None), f"{verb}: {param.name} has no help"


@pytest.mark.parametrize("verb", VERBS)
def test_an_option_that_there_is_not_ends_with_2(verb: str) -> None:
    done = cli(*verb.split(), "--no-such-option")
    assert done.returncode == exit_codes.BAD_INPUT
    assert "no-such-option" in done.stderr and done.stdout == ""


def test_the_list_of_verbs_is_read_from_their_files() -> None:
    shown = cli("--help").stdout
    listed = {verb: command for verb, command in VERBS.items() if not command.hidden}
    for verb in {one.split()[0] for one in listed}:
        assert re.search(rf"^  {verb} ", shown, re.M), verb
    shown = "".join(shown.split())
    for verb, command in listed.items():
        if " " not in verb:
            first = "".join((command.help or "").split("\n\n")[0].split())
            assert first in shown, f"the list says otherwise what {verb} does"


def test_help_imports_no_verb_and_no_library_of_numbers() -> None:
    script = (
        "import sys\nfrom scaling.cli.main import main\n"
        "sys.argv = ['scaling', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'polars', 'scipy', 'rich', 'numba', 'pandas', 'prefect', 'dvc'}\n"
        "verbs = [m for m in sys.modules if m.startswith('scaling.cli.commands.')]\n"
        "print(sorted(heavy & set(sys.modules)), verbs, file=sys.stderr)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )
    assert done.stderr.strip() == "[] ['scaling.cli.commands._options']"


def test_exit_codes_are_documented() -> None:
    page = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    for code, meaning in exit_codes.MEANINGS.items():
        assert f"| {code} | {meaning} |" in page


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    rows = "\n".join(f"{10**i},{2 * 10**i}e2,{4 - i / 4}" for i in range(5, 12))
    (tmp_path / "runs.csv").write_text(f"params,tokens,loss\n{rows}\n")
    out = tmp_path / "runs.csv" / "out.csv"
    done = cli(
        *("forecast", tmp_path / "runs.csv", "--params", "70B", "--tokens", "1T", "--out", out)
    )
    assert done.returncode == exit_codes.BAD_INPUT
    assert str(tmp_path / "runs.csv") in done.stderr and "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    before = Path.cwd()
    os.chdir(project(tmp_path_factory.mktemp("verbs")))
    try:
        return outputs()
    finally:
        os.chdir(before)


@pytest.mark.parametrize("verb", EXAMPLES)
def test_what_a_verb_prints_meets_its_schema(verb: str, made: dict[str, list[Any]]) -> None:
    for one in made[verb]:
        jsonschema.validate(one, SCHEMAS[verb])
