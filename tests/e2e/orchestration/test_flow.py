"""The flow on a small repository of its own, with the real Git, DVC and Prefect."""

from __future__ import annotations

import os
import pickle
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from scaling.orchestration import environment as settings
from scaling.orchestration.dvc.graph import needed, reproduce, rounds, stale, up_to_date
from scaling.orchestration.dvc.process import StageFailed
from tests.support import ROOT
from tests.support.waiting import until

CHECKOUT = ROOT
STAGE = '''
"""Copy what came in to what goes out; fail when told to."""
import sys
from pathlib import Path

name, source, *targets = sys.argv[1:]
source = Path(source)
files = sorted(f for f in source.rglob("*") if f.is_file()) if source.is_dir() else [source]
text = "".join(f.read_text() for f in files if f.suffix not in ("", ".parquet"))
if f"break {name}\\n" in text:
    sys.exit(f"inbox.csv, row 3: found -1 in {name}; allowed: > 0")
if f"refuse {name}\\n" in text:
    print(f"inbox.csv, row 3: found -1 in {name}; allowed: > 0", file=sys.stderr)
    sys.exit(2)
for target in map(Path, targets):
    file = target if target.suffix else target / "report.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    # A version is bound to the table of each study.
    for study in "abc" if name == "validate" else "":
        (target / f"{study}.parquet").write_text(text)
'''
PIPELINE = """
stages:
  ingest:
    cmd: python stage.py ingest data/published data/runs
    deps: [data/published, scaling/runs/schema.py]
    outs: [data/runs]
  validate:
    cmd: python stage.py validate data/runs data/validated
    deps: [data/runs]
    outs: [data/validated]
  fit:
    foreach: ${studies}
    do:
      cmd: python stage.py ${key} data/validated data/fits/${key}.json data/fits/${key}.parquet
      params:
        - studies.${key}
      deps: [data/validated, scaling/laws]
      outs:
        - data/fits/${key}.json:
            cache: false
        - data/fits/${key}.parquet
  forecast:
    cmd: python stage.py forecast data/fits data/forecasts/forecast.csv
    deps: [data/fits]
    outs:
      - data/forecasts/forecast.csv:
          cache: false
  report:
    cmd: python stage.py report data/forecasts reports/current
    deps: [data/forecasts]
    outs: [reports/current]
"""
FILES = {
    "stage.py": STAGE,
    "dvc.yaml": PIPELINE,
    "params.yaml": "seed: 0\nstudies:\n  a: {law: x}\n  b: {law: x}\n  c: {law: x}\n",
    "requirements.lock": "polars==2.1.0\n",
    "scaling/runs/schema.py": "COLUMNS = 3\n",
    "scaling/laws/chinchilla.py": "E = 1.69\n",
    "data/published/runs.csv": "row\n",
    ".gitignore": "__pycache__/\n",
    ".dvc/config": (CHECKOUT / ".dvc" / "config").read_text(),
    **{f"flows/{one.name}": one.read_text() for one in (CHECKOUT / "flows").glob("*.py")},
}
# As the command line does it.
RUN = "import sys; from scaling.orchestration.run_local import main; sys.exit(main())"
STAGES = ["ingest", "validate", "fit@a", "fit@b", "fit@c", "forecast", "report"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    return root


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(root), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One home for Prefect in all these tests: making its database costs ten seconds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    home = str(tmp_path_factory.mktemp("prefect"))
    return {**kept, "PYTHONPATH": str(CHECKOUT), "PREFECT_HOME": home}


def refit(root: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    log = Path(environment["PREFECT_HOME"], "server.log")
    for text in (done.stdout, done.stderr, log.read_text() if log.exists() else ""):
        assert "Traceback" not in text
        assert "WARNING" not in text
    return done


def told(stdout: str) -> dict[str, str]:
    """Stage -> what became of it, from the lines on the screen."""
    line = re.compile(r"^(\S+) +(ran|up to date|restored)\b", re.MULTILINE)
    return dict(line.findall(stdout))


def versions(root: Path) -> int:
    return len((root / "reports/ledger.jsonl").read_text().splitlines())


def test_the_stages_come_from_dvc(root: Path) -> None:
    needs = needed(root)
    assert needs["forecast"] == ["fit@a", "fit@b", "fit@c"]
    assert rounds(needs) == [
        ["ingest"],
        ["validate"],
        ["fit@a", "fit@b", "fit@c"],
        ["forecast"],
        ["report"],
    ]
    assert rounds({name: needs[name] for name in ("fit@a", "forecast")}) == [
        ["fit@a"],
        ["forecast"],
    ]


def bring(root: Path, stage: str) -> str:
    outcomes, failures = reproduce(root, [stage])
    for failure in failures:
        raise failure
    return outcomes[0].what


def test_what_became_of_a_stage(root: Path) -> None:
    source = root / "data/published/runs.csv"
    assert bring(root, "ingest") == "ran"
    assert bring(root, "ingest") == "up to date"
    source.write_text("another\n")
    assert bring(root, "ingest") == "ran"
    source.write_text("row\n")
    assert bring(root, "ingest") == "restored"
    source.write_text("refuse ingest\n")
    with pytest.raises(StageFailed, match=r"ingest failed \(exit status 2\)") as failed:
        bring(root, "ingest")
    assert failed.value.output == "inbox.csv, row 3: found -1 in ingest; allowed: > 0"
    with pytest.raises(StageFailed, match=r"report failed \(did not run\)") as failed:
        bring(root, "report")
    assert "data/forecasts" in failed.value.output
    assert "ingest" in stale(root)
    assert not up_to_date(root)


def test_what_became_of_each_stage_of_a_batch(root: Path) -> None:
    source = root / "data/published/runs.csv"
    source.write_text("refuse b\nbreak c\n")
    outcomes, failures = reproduce(root, ["ingest", "validate"])
    assert [(one.stage, one.what) for one in outcomes] == [("ingest", "ran"), ("validate", "ran")]
    fits = ["fit@a", "fit@b", "fit@c"]
    outcomes, failures = reproduce(root, fits, keep_going=True)
    assert [one.stage for one in outcomes] == ["fit@a"]
    assert [(one.stage, one.code) for one in failures] == [("fit@b", 2), ("fit@c", 1)]
    assert "in b" in failures[0].output and "in c" not in failures[0].output
    # A chain ends at the first failure.
    outcomes, failures = reproduce(root, ["fit@b", "fit@a"])
    assert (outcomes, [one.stage for one in failures]) == ([], ["fit@b"])
    again = pickle.loads(pickle.dumps(failures[0]))  # as a worker process sends it back
    assert (str(again), again.code) == (str(failures[0]), 2)
    with pytest.raises(StageFailed, match=r"ended after 0\.01 s"):
        reproduce(root, ["fit@a"], 0.01)


def test_a_refit_publishes_once_and_a_failure_publishes_nothing(
    root: Path, environment: dict[str, str]
) -> None:
    first = refit(root, environment)
    assert first.stderr == "" and first.returncode == 0
    assert told(first.stdout) == dict.fromkeys(STAGES, "ran")
    assert "\npublished " in first.stdout
    report = Path(first.stdout.splitlines()[-1].removeprefix("report: "))
    assert report.name == "report.html" and report.is_file()

    log = Path(environment["PREFECT_HOME"], "server.log")
    log.unlink()
    second = refit(root, environment)
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout.startswith("everything is up to date: ")
    assert not log.exists(), "a server was started for nothing"
    assert versions(root) == 1

    (root / "data/published/runs.csv").write_text("row\nrefuse b\nbreak c\n")
    failed = refit(root, environment)
    assert failed.returncode == 2
    assert told(failed.stdout) == dict.fromkeys(["ingest", "validate", "fit@a"], "ran")
    assert "found -1 in b; allowed: > 0" in failed.stderr
    assert "found -1 in c; allowed: > 0" in failed.stderr
    assert versions(root) == 1


@pytest.mark.slow
def test_a_new_study_needs_one_entry_and_refits_alone(
    root: Path, environment: dict[str, str]
) -> None:
    assert refit(root, environment).returncode == 0
    with (root / "params.yaml").open("a") as params:
        params.write("  d: {law: x, source: a}\n")
    done = refit(root, environment)
    assert done.returncode == 0
    ran = [stage for stage, what in told(done.stdout).items() if what == "ran"]
    assert ran == ["fit@d", "forecast", "report"]
    assert versions(root) == 2


@pytest.mark.slow
def test_a_refit_in_a_fresh_clone_leaves_only_what_belongs_in_git(
    root: Path, environment: dict[str, str]
) -> None:
    here = {name: value for name, value in environment.items() if name != "PREFECT_HOME"}
    command = [sys.executable, "-m", "scaling.orchestration.run_local"]
    subprocess.run(command, cwd=root, env=here, check=True, capture_output=True)
    assert (root / ".prefect/prefect.db").is_file()
    new = git(root, "status", "--porcelain", "--untracked-files=all")
    assert ".prefect" not in new
    assert "data/runs" not in new and "data/fits/a.json" in new


MANY = """
import sys
from pathlib import Path
from prefect import flow, task
from prefect.settings import PREFECT_API_URL, temporary_settings
from scaling.orchestration.server.temporary import drain, temporary_server

@task
def one(number):
    return number

@flow
def many():
    return one.map(range(40)).result()

with temporary_server(Path(sys.argv[1])) as url, temporary_settings({PREFECT_API_URL: url}):
    assert many() == list(range(40))
    drain()
"""


@pytest.mark.slow
def test_forty_tasks_end_without_a_traceback_and_all_are_recorded(
    environment: dict[str, str], tmp_path: Path
) -> None:
    home = environment["PREFECT_HOME"]
    quiet_console = {**environment, "PREFECT_LOGGING_LEVEL": "WARNING"}
    command = [sys.executable, "-c", MANY, home]
    done = subprocess.run(command, cwd=tmp_path, env=quiet_console, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert Path(home, "server.log").read_text() == ""
    query = "select state_type from task_run where name like 'one%'"
    with sqlite3.connect(Path(home, "prefect.db")) as database:
        assert database.execute(query).fetchall() == [("COMPLETED",)] * 40
    database.close()


@pytest.mark.slow
def test_the_server_ends_when_its_parent_is_killed(environment: dict[str, str]) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from scaling.orchestration.server.temporary import temporary_server\n"
        "with temporary_server(Path(sys.argv[1])) as url:\n"
        "    print(url, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, environment["PREFECT_HOME"]]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline().split(":")[2].split("/")[0])
        parent.send_signal(signal.SIGKILL)
    until(lambda: not answers(port))
    assert Path(environment["PREFECT_HOME"], "server.log").read_text() == ""


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_telemetry_is_off_unless_a_person_says_otherwise() -> None:
    script = (
        "import os, scaling.orchestration; "
        "print(os.environ['DO_NOT_TRACK'], os.environ['DVC_NO_ANALYTICS'])"
    )
    kept = {name: value for name, value in os.environ.items() if name not in settings.TELEMETRY}
    environment = {**kept, "DVC_NO_ANALYTICS": "mine", "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-c", script]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["1", "mine"]


def test_dvc_still_refuses_an_output_that_git_tracks(root: Path) -> None:
    assert bring(root, "ingest") == "ran"
    git(root, "add", "--force", "data/runs")
    (root / "data/published/runs.csv").write_text("another\n")
    with pytest.raises(StageFailed, match="already tracked by SCM"):
        bring(root, "ingest")
