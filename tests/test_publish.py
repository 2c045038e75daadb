"""Publishing: one version for one content, whole after any kill, restored after any damage."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scaling.errors import InputError
from scaling.publish import PublishError, is_published, publish, verify

NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
FILES = {
    "dvc.yaml": """
        stages:
          validate:
            cmd: python -m scaling.pipeline.validate
            deps: [data/runs, scaling/schema.py]
            outs: [data/validated, data/quarantine]
          fit:
            foreach: ${studies}
            do:
              cmd: python -m scaling.pipeline.fit ${key}
              deps:
                - data/validated/${item.source}.parquet
                - scaling/fit
                - scaling/laws
              outs:
                - data/fits/${key}.json:
                    cache: false
        """,
    "params.yaml": "seed: 7\nstudies:\n  a: {source: a}\n",
    "requirements.lock": "polars==2.1.0\n",
    "scaling/schema.py": "COLUMNS = 3\n",
    "scaling/cli.py": "# no stage needs it\n",
    "scaling/fit/solver.py": "DELTA = 1e-3\n",
    "scaling/laws/chinchilla.py": "E = 1.69\n",
    "data/validated/a.parquet": "rows\n",
    "data/fits/a.json": '{"E": 1.8}\n',
    "data/forecasts/forecast.csv": "target,q0.5\nx,2.0\n",
    "reports/current/report.md": "# Report\n",
    "reports/current/report.html": "<p>Report</p>\n",
    "reports/current/report.json": "{}\n",
    "reports/current/forecast.csv": "target,q0.5\nx,2.0\n",
}
PUBLISHED = [
    "fits/a.json",
    "forecast.csv",
    "manifest.json",
    "report.html",
    "report.json",
    "report.md",
]


def fill(root: Path) -> Path:
    """The outputs and sources of a small pipeline, all as a run of it would leave them."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fill(tmp_path / "project")


def content(root: Path) -> dict[str, bytes]:
    """Everything published: path under reports -> bytes; without the index and what was seen."""
    reports = root / "reports"
    files = [path for path in reports.rglob("*") if path.is_file()]
    inside = {path.relative_to(reports).as_posix(): path.read_bytes() for path in files}
    return {
        name: inside[name]
        for name in inside
        if not name.startswith(("current/", "index.", ".seen"))
    }


def ledger(root: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (root / "reports/ledger.jsonl").read_text().splitlines()]


def write_report(root: Path, text: str) -> None:
    (root / "reports/current/report.md").write_text(text)


def test_a_version_has_every_output_and_a_manifest(root: Path) -> None:
    made = publish(root, now=NOON)
    assert made.new
    assert sorted(content(root)) == sorted(
        ["ledger.jsonl", *(f"{made.version}/{name}" for name in PUBLISHED)]
    )
    manifest = json.loads((made.folder / "manifest.json").read_text())
    assert manifest["issued_at"] == "2020-01-01T12:00:00+00:00"
    assert manifest["made_by"]["seed"] == 7
    assert list(manifest["made_by"]["laws"]) == ["scaling/laws/chinchilla.py"]
    assert list(manifest["made_by"]["engine"]) == ["scaling/fit/solver.py", "scaling/schema.py"]
    assert list(manifest["made_by"]["data"]) == ["data/validated/a.parquet"]
    assert sorted([*manifest["files"], "manifest.json"]) == PUBLISHED
    assert verify(root) == []
    assert is_published(root)


def test_publishing_twice_is_one_version(root: Path) -> None:
    first = publish(root, now=NOON)
    before = content(root)
    second = publish(root)
    assert (second.version, second.new, second.restored) == (first.version, False, ())
    assert "already published" in second.sentence
    assert content(root) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("params.yaml", "seed: 8\nstudies:\n  a: {source: a}\n"),
        ("requirements.lock", "polars==2.1.1\n"),
        ("scaling/laws/chinchilla.py", "E = 1.7\n"),
        ("scaling/laws/new.py", "E = 1.7\n"),
        ("scaling/fit/solver.py", "DELTA = 1e-2\n"),
        ("data/validated/a.parquet", "other rows\n"),
        ("data/fits/a.json", '{"E": 1.9}\n'),
        ("reports/current/report.md", "# Other\n"),
    ],
)
def test_what_makes_a_version_makes_another_one(root: Path, name: str, text: str) -> None:
    first = publish(root, now=NOON).version
    (root / name).write_text(text)
    assert not is_published(root)
    assert publish(root, now=NOON).version != first
    assert ledger(root)[0]["version"] == first
    assert verify(root) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("params.yaml", "# a comment\n" + FILES["params.yaml"]),
        ("scaling/cli.py", "# other\n"),
        ("data/fits/a-study-that-is-gone.json", '{"E": 1.9}\n'),
        ("data/backtests/a-study-that-is-gone.json", "{}\n"),
    ],
)
def test_what_makes_no_number_makes_no_version(root: Path, name: str, text: str) -> None:
    first = publish(root, now=NOON).version
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(text)
    assert is_published(root)
    assert publish(root).version == first


def test_the_ledger_is_a_chain(root: Path) -> None:
    for number in range(4):
        write_report(root, f"# Report {number}\n")
        publish(root, now=NOON)
    lines = (root / "reports/ledger.jsonl").read_bytes().splitlines(keepends=True)
    told = [json.loads(line)["previous"] for line in lines]
    assert told[0] is None
    assert told[1:] == [sha256(line) for line in lines[:-1]]


def sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def delete(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1])


def change(path: Path) -> None:
    path.write_bytes(b"x" + path.read_bytes()[1:])


@pytest.mark.parametrize("harm", [delete, truncate, change])
@pytest.mark.parametrize("name", [*PUBLISHED, "../ledger.jsonl"])
def test_a_damaged_file_is_named_and_restored(
    root: Path, harm: Callable[[Path], None], name: str
) -> None:
    write_report(root, "# First\n")
    publish(root, now=NOON)
    write_report(root, "# Second\n")
    version = publish(root, now=NOON).version
    before = content(root)
    harm(root / "reports" / version / name)
    assert any(Path(name).name in problem for problem in verify(root))
    again = publish(root)
    assert not again.new
    assert any(Path(name).name in file for file in again.restored)
    assert content(root) == before
    assert verify(root) == []


def test_a_lost_folder_is_made_again(root: Path) -> None:
    made = publish(root, now=NOON)
    before = content(root)
    shutil.rmtree(made.folder)
    assert f"reports/{made.version}/manifest.json: is missing" in verify(root)
    assert len(publish(root).restored) == len(PUBLISHED)
    assert content(root) == before


def test_ledger_and_manifest_both_lost_is_said(root: Path) -> None:
    made = publish(root, now=NOON)
    (root / "reports/ledger.jsonl").unlink()
    (made.folder / "manifest.json").unlink()
    with pytest.raises(PublishError, match=made.version):
        publish(root)


def test_what_is_nowhere_any_more_stops_publishing(root: Path) -> None:
    old = publish(root, now=NOON)
    write_report(root, "# Second\n")
    (old.folder / "report.md").unlink()
    with pytest.raises(PublishError, match=rf"reports/{old.version}/report.md: is missing"):
        publish(root)
    assert len(ledger(root)) == 1


def test_what_another_version_still_has_is_restored(root: Path) -> None:
    old = publish(root, now=NOON)
    write_report(root, "# Second\n")
    before = (old.folder / "report.html").read_bytes()
    (old.folder / "report.html").unlink()
    assert publish(root).new
    assert (old.folder / "report.html").read_bytes() == before


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(root), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_what_git_has_is_restored(root: Path) -> None:
    git(root, "init", "-q")
    old = publish(root, now=NOON)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    before = content(root)
    shutil.rmtree(old.folder)
    (root / "reports/ledger.jsonl").unlink()
    write_report(root, "# Second\n")
    new = publish(root, now=NOON)
    assert {name: data for name, data in content(root).items() if name in before} == {
        **before,
        "ledger.jsonl": (root / "reports/ledger.jsonl").read_bytes(),
    }
    assert [line["version"] for line in ledger(root)] == [old.version, new.version]


def test_a_line_cut_from_the_end_of_a_committed_ledger_is_found(root: Path) -> None:
    git(root, "init", "-q")
    publish(root, now=NOON)
    write_report(root, "# Second\n")
    last = publish(root, now=NOON)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    path = root / "reports/ledger.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    shutil.rmtree(last.folder)
    assert any("ledger.jsonl" in problem for problem in verify(root))


def test_the_revision_and_whether_the_tree_differs_from_it(root: Path) -> None:
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    revision = git(root, "rev-parse", "HEAD").strip()
    clean = json.loads((publish(root, now=NOON).folder / "manifest.json").read_text())
    assert (clean["revision"], clean["dirty"]) == (revision, False)
    assert revision in clean["reproduce"]
    (root / "scaling/laws/new.py").write_text("E = 2\n")
    dirty = json.loads((publish(root, now=NOON).folder / "manifest.json").read_text())
    assert (dirty["revision"], dirty["dirty"]) == (revision, True)


def test_a_foreign_file_in_a_version_is_said(root: Path) -> None:
    made = publish(root, now=NOON)
    (made.folder / "notes.txt").write_text("mine\n")
    problem = f"reports/{made.version}/notes.txt: is not part of the version; move it elsewhere"
    assert verify(root) == [problem]
    with pytest.raises(PublishError, match="notes"):
        publish(root)


def test_a_changed_line_is_found_and_written_again(root: Path) -> None:
    for number in range(3):
        write_report(root, f"# Report {number}\n")
        publish(root, now=NOON)
    path = root / "reports/ledger.jsonl"
    before = path.read_bytes()
    for number in range(3):
        lines = before.splitlines(keepends=True)
        lines[number] = lines[number].replace(b"2020", b"2019")
        path.write_bytes(b"".join(lines))
        assert any("ledger.jsonl: line" in problem for problem in verify(root))
        publish(root)
        assert path.read_bytes() == before


@pytest.mark.parametrize(
    "name", ["reports/current", "data/forecasts/forecast.csv", "data/validated", "params.yaml"]
)
def test_a_missing_output_is_named(root: Path, name: str) -> None:
    path = root / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    with pytest.raises(InputError, match=f"{name}: is missing"):
        publish(root)
    assert not is_published(root)
    assert content(root) == {}


def test_a_report_of_other_forecasts_is_refused(root: Path) -> None:
    (root / "data/forecasts/forecast.csv").write_text("target,q0.5\nx,3.0\n")
    with pytest.raises(InputError, match="differs from"):
        publish(root)


def test_an_issue_time_without_a_zone_is_refused(root: Path) -> None:
    with pytest.raises(InputError, match="no time zone"):
        publish(root, now=datetime(2020, 1, 1))
    assert content(root) == {}


def test_nothing_published_is_no_problem(tmp_path: Path) -> None:
    assert verify(tmp_path) == []


def test_a_full_disk_leaves_the_history_as_it_was(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(root, now=NOON)
    write_report(root, "# Second\n")
    before = content(root)
    sync = os.fsync
    for fatal in range(100):
        calls = iter(range(10_000))

        def full(handle: int, fatal: int = fatal, calls: object = calls) -> None:
            if next(calls) == fatal:  # type: ignore[call-overload]
                raise OSError(errno.ENOSPC, "No space left on device")
            sync(handle)

        monkeypatch.setattr(os, "fsync", full)
        try:
            publish(root, now=NOON)
            break
        except PublishError as error:
            assert "no space left" in str(error)
        monkeypatch.setattr(os, "fsync", sync)
        if len(content(root)) > len(before):  # past the point of no return: completed next time
            break
        assert content(root) == before
    assert fatal > len(PUBLISHED)
    monkeypatch.setattr(os, "fsync", sync)
    publish(root, now=NOON)
    assert len(ledger(root)) == 2
    assert verify(root) == []


# Killed before its nth call of the system that changes or syncs a file, for every n. A process of
# its own, because it forks.
KILLER = """
import os, shutil, signal, sys, traceback
from datetime import UTC, datetime
from pathlib import Path
from scaling.publish import publish, verify

root, harm = Path(sys.argv[1]), sys.argv[2]
NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
NAMES = ("fsync", "replace", "rename", "mkdir", "open", "unlink", "chmod")

def die_at(fatal):
    left = [fatal]
    def deadly(call):
        def wrapped(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)
        return wrapped
    for name in NAMES:
        setattr(os, name, deadly(getattr(os, name)))

# All work is done in children: publishing reads tables with polars, whose threads would leave
# a lock behind in the parent that the next child waits for.
def forked(work):
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitpid(child, 0)[1]

def complete():
    publish(root, now=NOON)

def killed(fatal):
    die_at(fatal)
    complete()

def no_half():
    assert not [wrong for wrong in verify(root) if "no line for" not in wrong]

def whole():
    assert verify(root) == [], verify(root)

(root / "reports/current/report.md").write_text("# First")
assert forked(complete) == 0
published = [path for path in root.glob("reports/*/**/*") if path.is_file()]
first = {path: path.read_bytes() for path in published if "current" not in path.parts}
if harm == "new":
    (root / "reports/current/report.md").write_text("# Second")
safe = root.with_name("safe")
shutil.copytree(root, safe)
points = 0
while True:
    for path in first if harm == "damaged" else ():
        path.unlink()
    if forked(lambda: killed(points)) == 0:
        break
    if harm == "new":  # no half version, whatever is still to do
        assert forked(no_half) == 0, points
    assert forked(complete) == 0, points
    assert forked(whole) == 0, points
    lines = (root / "reports/ledger.jsonl").read_text().splitlines()
    assert len(lines) == (2 if harm == "new" else 1), points
    assert not list((root / "reports").glob(".tmp-*"))
    assert all(path.read_bytes() == data for path, data in first.items())
    shutil.rmtree(root)
    shutil.copytree(safe, root)
    points += 1
print(points)
"""


@pytest.mark.parametrize("harm", ["new", "damaged"])
def test_killed_anywhere_the_same_command_completes(root: Path, harm: str) -> None:
    command = [sys.executable, "-c", KILLER, str(root), harm]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def test_publishers_at_the_same_time_make_one_version(root: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from scaling.publish import publish;"
        "sys.stdin.readline(); print(publish(Path(sys.argv[1])).new)"
    )
    command = [sys.executable, "-c", script, str(root)]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for process in running:  # all have started before the first is let go
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[0].strip() for process in running]
    assert sorted(said) == ["False", "False", "False", "True"]
    assert len(ledger(root)) == 1
    assert verify(root) == []


@pytest.mark.parametrize("inbox", [None, "outs:\n- md5: 1234.dir\n  path: store\n", "before"])
def test_a_lost_manifest_comes_back_with_what_it_said_of_the_inbox(
    root: Path, monkeypatch: pytest.MonkeyPatch, inbox: str | None
) -> None:
    """Also one from before manifests said anything of it; the id does not depend on it."""
    if inbox == "before":
        monkeypatch.setattr("scaling.publish.inputs", lambda root: {})
    elif inbox is not None:
        (root / "data/internal").mkdir()
        (root / "data/internal/store.dvc").write_text(inbox)
    made = publish(root, now=NOON)
    file = made.folder / "manifest.json"
    kept = file.read_bytes()
    assert json.loads(kept).get("inbox", "before") == inbox
    file.unlink()
    monkeypatch.undo()
    again = publish(root)
    assert again.restored and file.read_bytes() == kept
    assert (again.version, verify(root)) == (fill_version(root), [])


def fill_version(root: Path) -> str:
    shutil.rmtree(root / "data/internal", ignore_errors=True)
    return publish(root).version
