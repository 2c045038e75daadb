"""A dishonest publisher: a forecast multiplied, every hash made to fit, and code that hides it.

Each commit is real, and so are DVC and bubblewrap.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaling.io.hashing import sha256
from scaling.record.reproduce.published import read_inside
from scaling.record.reproduce.reproduce import CAVEAT, Reproduced, reproduce
from scaling.record.reproduce.sandbox import Isolation, isolation
from scaling.record.versions.fingerprint import Current
from scaling.record.versions.store import issue
from scaling.record.versions.verify import verify
from tests.support import ROOT
from tests.support.needs import SANDBOX
from tests.support.publish_project import git
from tests.support.stage_project import build, commit, published, write

HONEST = "target,q0.5\nx,2.0\n"
FORGED = "target,q0.5\nx,2.06\n"
FORECAST = "data/forecasts/forecast.csv"
sandboxed = SANDBOX.unless(isolation() is Isolation.FULL)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("honest") / "project")


@pytest.fixture
def root(honest: Path, tmp_path: Path) -> Path:
    return shutil.copytree(honest, tmp_path / "project")


def run_after_report(root: Path, module: str, code: str) -> None:
    """Have the last stage run a module of the command line that is no stage's code."""
    write(root, {f"scaling/cli/commands/{module}.py": code})
    report = root / "scaling/pipeline/report.py"
    report.write_text(f"{report.read_text()}\nimport scaling.cli.commands.{module}\n")


def forge(root: Path) -> str:
    """Publish the multiplied forecast, every hash as it should be, in the commit of the code."""
    assert (root / FORECAST).read_text() == HONEST
    (root / FORECAST).write_text(FORGED)
    version = published(root)
    assert verify(root) == []
    assert (root / "reports" / version / "forecast.csv").read_text() == FORGED
    return version


def tried(root: Path, version: str) -> tuple[Reproduced, str]:
    said: list[str] = []
    [result] = reproduce(root, [version], say=said.append)
    return result, "\n".join(said)


def test_an_honest_version_is_the_same_and_its_code_is_announced_before_it_runs(root: Path) -> None:
    version = published(root)
    result, said = tried(root, version)
    assert result.same and result.files == 3, result
    revision = git(root, "rev-parse", "HEAD").strip()[:12]
    sentence = f"Now the code of commit {revision} runs on this machine, {isolation().value}."
    assert said.index(sentence) < said.index(f"reproducing {version[:12]}")
    assert git(root, "worktree", "list").count("\n") == 1
    assert git(root, "status", "--porcelain") == ""


# Everywhere that the published bytes could be taken from: beside, by their address, in Git.
COPY = """
    import subprocess
    from pathlib import Path

    here = Path("data/forecasts/forecast.csv")
    for root in (Path(), Path("..", "project"), Path({root!r})):
        for file in sorted(root.glob("reports/[0-9a-f]*/forecast.csv")):
            here.write_bytes(file.read_bytes())
        try:
            found = subprocess.run(
                ["git", "-C", str(root), "show", "HEAD:data/forecasts/forecast.csv"],
                capture_output=True,
            )
        except OSError:
            continue
        if found.returncode == 0:
            here.write_bytes(found.stdout)
    """


@sandboxed
def test_a_command_that_copies_the_published_files_finds_none(root: Path) -> None:
    run_after_report(root, "site", textwrap.dedent(COPY).format(root=str(root)))
    result, said = tried(root, forge(root))
    assert [str(one) for one in result.differences] == [
        "forecast.csv: 1 of 1 numbers differ, at most by 0.029 (2.06 is now 2.0)"
    ]
    assert "scaling/cli/commands/site.py (changed, " in said


@sandboxed
def test_a_link_to_the_published_file_is_not_followed(root: Path) -> None:
    place = root / "reports"
    code = f"""
        import os
        from pathlib import Path

        os.remove("{FORECAST}")
        # The version is not known when this is written; the folder of the newest is a link too.
        os.symlink("{place}/newest/forecast.csv", "{FORECAST}")
        """
    run_after_report(root, "site", code)
    version = forge(root)
    (place / "newest").symlink_to(place / version)
    result, _ = tried(root, version)
    assert "No such file or directory" in result.failure and FORECAST in result.failure


def test_a_link_out_of_a_folder_is_no_file_of_it(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text(FORGED)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "forecast.csv").symlink_to("../outside")
    (folder / "more").symlink_to("..")
    assert read_inside(folder, "forecast.csv") is None
    assert read_inside(folder, "more/outside") is None


# Writes as it should be read, at a place that exists outside too, and leads its folder there.
LEAD_OUT = """
    import shutil
    from pathlib import Path

    outside = Path({outside!r})
    shutil.copytree("reports", outside, dirs_exist_ok=True)
    shutil.rmtree("reports")
    Path("reports").symlink_to(outside)
    Path(".reproduced").symlink_to(outside)
    """
CHANGES = """
    import sys
    from pathlib import Path

    seen = sorted(path.name for path in Path(sys.argv[1]).parent.glob("*"))
    Path(sys.argv[2]).mkdir()
    Path(sys.argv[2], "changes.json").write_text(f'{{"told_by": {{}}, "seen": {len(seen)}}}')
    """


def with_changes(root: Path) -> str:
    """A second version, with a file on what changed since the first."""
    published(root)
    write(root, {"scaling/record/__init__.py": "", "scaling/record/changes/__init__.py": ""})
    write(root, {"scaling/record/changes/between.py": CHANGES})
    write(root, {"reports/current/changes.json": '{"told_by": {}, "seen": 2}'})
    return published(root)


def test_only_earlier_versions_are_shown_to_what_writes_changes(root: Path) -> None:
    """The ledger up to the version before and that version: not the version itself."""
    result, _ = tried(root, with_changes(root))
    assert result.same, result


@sandboxed
def test_a_folder_that_became_a_link_leads_nothing_out(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write(outside, {"ledger.jsonl": "mine\n", "current/report.md": "mine\n"})
    run_after_report(root, "site", textwrap.dedent(LEAD_OUT).format(outside=str(outside)))
    result, _ = tried(root, with_changes(root))
    assert not result.same
    found = {path.name: path.read_text() for path in outside.rglob("*") if path.is_file()}
    assert found == {"ledger.jsonl": "mine\n", "report.md": "mine\n"}


def test_a_copy_in_another_form_goes_through_and_its_file_is_named(root: Path) -> None:
    """What no sandbox can find: the code brings the number along."""
    code = f"""
        from pathlib import Path

        Path("{FORECAST}").write_text({HONEST!r}.replace("2.0", "2.06"))
        """
    run_after_report(root, "site", code)
    result, said = tried(root, forge(root))
    assert result.same and "of its code are not as here" in str(result)
    assert "scaling/cli/commands/site.py (changed, +1 -" in said


def test_a_copy_among_the_inputs_is_left_out_and_named(root: Path) -> None:
    write(root, {"data/published/weights.csv": FORGED})
    code = f"""
        from pathlib import Path

        copy = Path("data/published/weights.csv")
        Path("{FORECAST}").write_text(copy.read_text() if copy.exists() else "{{}}")
        """
    run_after_report(root, "site", code)
    version = forge(root)
    result, said = tried(root, version)
    assert [one.file for one in result.differences] == ["forecast.csv"]
    copied = f"left out data/published/weights.csv: it has the bytes of the published {version}"
    assert copied in said


def test_a_module_named_dvc_does_not_drive(root: Path) -> None:
    """Nor does one that Python loads by itself when it starts."""
    take_over = f"""
        from pathlib import Path

        Path("{FORECAST}").write_text("{FORGED!r}")
        raise SystemExit(0)
        """
    write(root, {f"{name}.py": take_over for name in ("dvc/__main__", "sitecustomize", "json")})
    result, _ = tried(root, forge(root))
    assert [one.file for one in result.differences] == ["forecast.csv"]


def test_bytecode_in_the_commit_is_named(root: Path) -> None:
    """Python may prefer it to the source beside it."""
    write(root, {"scaling/cli/__pycache__/site.cpython-311.pyc": "x"})
    git(root, "add", "-f", "scaling/cli/__pycache__")
    _, said = tried(root, published(root))
    assert "scaling/cli/__pycache__/site.cpython-311.pyc (only in the version, +1 -0)" in said


def test_commands_of_stages_that_are_not_the_own_ones_are_listed(root: Path) -> None:
    pipeline = root / "dvc.yaml"
    text = pipeline.read_text()
    pipeline.write_text(text.replace("python -m scaling.pipeline.report", "sh report.sh", 1))
    write(root, {"report.sh": "python -m scaling.pipeline.report\n"})
    result, said = tried(root, published(root))
    assert "stage report: `sh report.sh`; here: `python -m scaling.pipeline.report`" in said
    # It is not laid out, as nothing is beside the code, choices and data.
    assert "report.sh" in result.failure


# A replay, which the version's own command line computes ----------------------------------

REPLAY = """
    import sys
    from pathlib import Path

    out = Path(sys.argv[sys.argv.index("--out") + 1])
    """
COMPUTED = f"out.mkdir()\n(out / 'forecast.csv').write_text({HONEST!r})\n"


def replay(root: Path, text: str, command: str) -> str:
    """A published replay with this forecast, in a commit with this command line."""
    write(root, {"scaling/__main__.py": textwrap.dedent(REPLAY) + textwrap.dedent(command)})
    write(root, {"replayed.csv": text})
    lock = sha256((root / "requirements.lock").read_bytes())
    made_by = {"engine": {}, "laws": {}, "data": {}, "requirements": lock, "as_of": "2024-01-01",
               "outputs": {"forecast.csv": sha256(text.encode())}}  # fmt: skip
    made = Current(made_by, {"forecast.csv": root / "replayed.csv"}, "2024-01-01")
    version = issue(root, root / "reports/history", lambda: made).version
    commit(root, "a replay")
    return version


def test_a_replay_is_computed_by_the_command_line_of_its_commit(root: Path) -> None:
    result, said = tried(root, replay(root, HONEST, COMPUTED))
    assert result.same and result.files == 1, result
    assert "scaling/__main__.py (changed, " in said


LINK = "out.symlink_to({history!r} + '/newest')\n"
COPIED = """
    found = sorted(Path({history!r}).glob("*/forecast.csv"))
    out.mkdir()
    (out / "forecast.csv").write_text(found[0].read_text() if found else "target,q0.5\\nx,2.0\\n")
    """


@sandboxed
@pytest.mark.parametrize(
    ("command", "what"), [(LINK, "was not reproduced"), (COPIED, "2.06 is now 2.0")]
)
def test_a_replay_is_no_copy_and_no_link_to_one(root: Path, command: str, what: str) -> None:
    """Nor is the whole folder of its files, which is a link here."""
    history = root / "reports/history"
    version = replay(root, FORGED, textwrap.dedent(command).format(history=str(history)))
    (history / "newest").symlink_to(history / version)
    result, _ = tried(root, version)
    assert what in str(result)
    assert (history / version / "forecast.csv").read_text() == FORGED


# What the code sees and reaches -------------------------------------------------------------------


def outcome(root: Path, code: str) -> str:
    """What became of a version whose last stage runs this code too; it ends by failing."""
    run_after_report(root, "site", code)
    result, _ = tried(root, published(root))
    assert result.failure, result
    return result.failure


def test_no_secret_of_the_environment_is_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SSH_AUTH_SOCK", "HTTPS_PROXY",
               "PIP_INDEX_URL", "SCALING_REDACT_SECRET")  # fmt: skip
    for name in secrets:
        monkeypatch.setenv(name, "hunter2")
    failure = outcome(root, "import os; raise SystemExit(str(sorted(os.environ)))")
    assert "'HOME'" in failure
    assert not [name for name in secrets if name in failure]


@sandboxed
def test_no_environment_of_another_process_is_there(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        from pathlib import Path

        found = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/environ")]
        raise SystemExit(f"{len(found) > 0} {any(b'hunter2' in one for one in found)}")
        """
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2")
    assert "True False" in outcome(root, code)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@sandboxed
def test_a_socket_reaches_nothing_and_the_failure_says_why(
    root: Path, listener: socket.socket
) -> None:
    address = listener.getsockname()
    failure = outcome(root, f"import socket; socket.create_connection({address!r}, 5)")
    assert "It had no network and no files but its own" in failure
    with pytest.raises(BlockingIOError):
        listener.accept()


@sandboxed
def test_no_file_outside_is_read_or_written(root: Path, tmp_path: Path) -> None:
    """Nor a folder of the person's: what it writes elsewhere is gone with the sandbox."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "key").write_text("hunter2")
    places = [str(outside / "new"), str(Path.home() / "scaling-new"), "/tmp/scaling-new"]
    code = f"""
        from pathlib import Path

        found = [Path("{outside}/key").exists(), Path("/etc/shadow").exists()]
        for place in map(Path, {places!r}):
            try:
                place.write_text("new")
            except OSError:
                pass
        raise SystemExit(str(found))
        """
    assert "[False, False]" in outcome(root, code)
    assert not [place for place in places if Path(place).exists()]


@sandboxed
def test_nothing_that_it_starts_lives_on(root: Path, tmp_path: Path) -> None:
    code = """
        import subprocess, sys

        command = [sys.executable, "-c", "import time; time.sleep(100)", "left-by-a-version"]
        subprocess.Popen(command, start_new_session=True)
        raise SystemExit(1)
        """
    outcome(root, code)
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [one for one in running if b"left-by-a-version" in one]


@contextlib.contextmanager
def only(folder: Path, *programs: str) -> Iterator[None]:
    """A system that has these programs and no others on its path."""
    folder.mkdir()
    for name in programs:
        (folder / name).symlink_to(shutil.which(name) or name)
    isolation.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder))
        yield
    isolation.cache_clear()


def test_without_a_sandbox_a_copy_is_possible_which_is_said_before_and_with_the_result(
    root: Path, tmp_path: Path
) -> None:
    run_after_report(root, "site", textwrap.dedent(COPY).format(root=str(root)))
    version = forge(root)
    with only(tmp_path / "bin", "git"):
        result, said = tried(root, version)
    assert "runs on this machine, without a sandbox (install bubblewrap to have one)" in said
    assert "files of its code are not as here" in str(result)
    assert result.same and CAVEAT in str(result)
    assert "scaling/cli/commands/site.py (changed, " in said


def test_with_namespaces_alone_a_socket_reaches_nothing(
    root: Path, tmp_path: Path, listener: socket.socket
) -> None:
    code = f"import socket; socket.create_connection({listener.getsockname()!r}, 5)"
    with only(tmp_path / "bin", "git", "unshare", "true"):
        if isolation() is not Isolation.NETWORK:
            SANDBOX.skip("namespaces that a user may make")
        failure = outcome(root, code)
    assert "It had no network: a stage that needs more fails" in failure
    with pytest.raises(BlockingIOError):
        listener.accept()


# What its files state -----------------------------------------------------------------------------


def test_a_file_that_the_manifest_does_not_name_is_a_difference(root: Path) -> None:
    version = published(root)
    (root / "reports" / version / "more.csv").write_text("x\n")
    result, _ = tried(root, version)
    assert [str(one) for one in result.differences] == [
        "more.csv: is in the published folder, and manifest.json does not name it"
    ]


@pytest.mark.parametrize("text", ["{}", "[]", "not json", '{"files": {"a": 1}}'])
def test_a_manifest_that_states_too_little_is_a_failure(root: Path, text: str) -> None:
    version = published(root)
    (root / "reports" / version / "manifest.json").write_text(text)
    result, _ = tried(root, version)
    assert "manifest.json: " in result.failure


def test_an_inbox_that_fetches_from_elsewhere_is_refused(root: Path) -> None:
    inbox = """
        outs:
        - {md5: d41d8cd98f00b204e9800998ecf8427e, path: store}
        deps:
        - {path: data, repo: {url: https://example.org/evil.git}}
        """
    write(root, {"data/internal/store.dvc": inbox})
    result, _ = tried(root, published(root))
    assert "the inbox in its manifest is not what `dvc add` writes" in result.failure


def test_output_of_its_code_is_shown_without_control_characters(root: Path) -> None:
    failure = outcome(root, "raise SystemExit('\\x1b]0;owned\\x07 \\u202e')")
    assert "\x1b" not in failure and "\u202e" not in failure
    assert r"\x1b]0;owned\x07 \u202e" in failure


def test_the_project_of_the_publisher_is_not_run_outside(root: Path, tmp_path: Path) -> None:
    """Modules and laws in the folder in which the command is given."""
    witness = tmp_path / "ran"
    code = f"open({str(witness)!r}, 'w').close()\n"
    write(root, {"laws/evil.py": code, "dvc/__init__.py": code, "yaml.py": code})
    version = published(root)
    script = Path(sys.executable).parent / "scaling"
    done = subprocess.run(
        [script, "reproduce", version],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"against the code that runs this command ({ROOT})" in done.stderr
    assert not witness.exists()
