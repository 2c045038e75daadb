"""Setting up: what the lock promises, and that make does not install twice."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support import ROOT

TARGETS = [
    "refit",
    "release",
    "sizes",
    "test",
    "test-all",
    "lint",
    "docs",
    "cluster",
    "audit-deps",
    "setup",
    "lock",
    "clean",
    "help",
]


def locked(*names: str) -> dict[str, str]:
    """Package -> its entry in these lock files (none: those that set-up installs), with hashes."""
    files = names or ("requirements.lock", "requirements-dev.lock")
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in files)
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    return {re.split(r"[=\[;@ ]", entry)[0]: entry for entry in entries}


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-dev.lock", "requirements-cluster.lock"]
)
def test_every_locked_package_is_exact_and_hashed(name: str) -> None:
    entries = locked(name)
    assert len(entries) > 20
    for name, entry in entries.items():
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z0-9, -]+\])?==\S+", entry), name
        assert "--hash=sha256:" in entry, name


def test_what_the_project_names_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=\[; ]", line)[0] for line in named}
    assert names - set(locked()) == set()


def test_the_extras_for_clusters_add_to_the_lock_and_change_nothing_in_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = [line for extra in ("dask", "ray", "s3", "cluster-dev") for line in extras[extra]]
    added = set(locked("requirements-cluster.lock"))
    assert {re.split(r"[<>=\[; ]", line)[0] for line in named} <= added
    assert not added & set(locked())


def test_what_installing_the_project_needs_is_locked() -> None:
    # The project is installed without build isolation, so its build back end comes from the lock.
    assert {"hatchling", "editables"} <= set(locked())


@pytest.mark.parametrize("target", TARGETS)
def test_the_target_exists(target: str) -> None:
    done = make("--dry-run", target)
    assert done.returncode == 0, done.stderr


def test_help_names_every_target() -> None:
    said = make("help").stdout
    assert sorted(line.split()[1] for line in said.splitlines()) == sorted(TARGETS)


@pytest.mark.parametrize("target", ["refit", "test"])
def test_a_target_sets_up_once(tmp_path: Path, target: str) -> None:
    for name in ("Makefile", "requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    assert ".ci/setup" in make("--dry-run", target, root=tmp_path).stdout
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.ready").touch()
    assert ".ci/setup" not in make("--dry-run", target, root=tmp_path).stdout


def test_another_python_is_refused_in_a_sentence() -> None:
    command = ["sh", str(ROOT / ".ci/python"), "/bin/sh"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "PYTHON=/bin/sh does not run as Python 3.11, 3.12 or 3.13" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_ci_can_be_run() -> None:
    for script in sorted((ROOT / ".ci").iterdir()):
        if script.suffix == ".py":
            continue
        assert script.stat().st_mode & 0o100, script
        shell = "bash" if script.name == "run" else "sh"
        assert subprocess.run([shell, "-n", str(script)]).returncode == 0, script


# What pip-audit says: with a database, behind a mirror without advisories, without a network.
FAKE = """#!/bin/sh
echo "$@" >> "$0.asked"
case "$*" in *known.txt*) ;; *) echo "{locks}"; exit {status} ;; esac
{known}
"""
SKIPPED = """echo "No known vulnerabilities found"
echo "pyyaml Dependency not found on PyPI and could not be audited: pyyaml (5.3)" """
OSV_ALONE = 'case "$*" in *osv*) echo "pyyaml 5.3 GHSA-6757-jp84-gxfx"; exit 1 ;; esac; exit 1'


@pytest.mark.parametrize(
    ("known", "locks", "status", "said"),
    [
        ("echo pyyaml 5.3 PYSEC-2020-96; exit 1", "none", 0, "asking pypi"),
        ("echo pyyaml 5.3 PYSEC-2020-96; exit 1", "jinja2 CVE-1", 1, "jinja2 CVE-1"),
        (OSV_ALONE, "none", 0, "asking osv"),
        (SKIPPED, "none", 3, "not audited: no vulnerability database was reached"),
        ("echo cannot resolve host >&2; exit 1", "none", 3, "cannot resolve host"),
    ],
)
def test_an_audit_without_a_database_is_no_clean_audit(
    tmp_path: Path, known: str, locks: str, status: int, said: str
) -> None:
    fake = tmp_path / "pip-audit"
    fake.write_text(FAKE.format(known=known, locks=locks, status=status % 3))
    fake.chmod(0o755)
    command = ["sh", str(ROOT / ".ci/audit"), str(fake), "one.lock", "two.lock"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == status
    assert said in done.stdout + done.stderr
    asked = Path(f"{fake}.asked").read_text().splitlines()[-1]
    whole = "--strict --require-hashes --disable-pip -r one.lock -r two.lock"
    assert asked.endswith(whole) == (status != 3)


def make(*arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", "-C", str(root), *arguments]
    # These tests may themselves run under make, whose options are not meant for this one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(command, env=environment, capture_output=True, text=True)
