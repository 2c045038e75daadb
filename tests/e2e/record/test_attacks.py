"""What a dishonest publisher may try with the record, and who finds it out.

Each attack runs twice: with the one change alone, and with every hash, line of the ledger and tag
recomputed and committed, as a publisher who knows the code would do it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scaling.io.hashing import sha256
from scaling.pipeline.publish import publish
from scaling.record.versions import checkpoint
from scaling.record.versions.ledger import LEDGER, MANIFEST, entry_of, version_of
from scaling.record.versions.tags import TAG, tag_versions
from scaling.record.versions.verify import verify
from tests.support.needs import OPENSSH
from tests.support.publish_project import NOON, fill, git, write_report

RULES = "data/thresholds/rules.csv"
DAYS = "run,observed,recorded,loss\nx,{day},{day},2.0\n"


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Three committed and tagged versions, an honest publisher's."""
    root = fill(tmp_path / "project")
    (root / "data/thresholds").mkdir()
    (root / RULES).write_text("rule,flop\nact,1e25\n")
    (root / "data/fits/a.csv").write_text(DAYS.format(day="2019-12-01"))
    git(root, "init", "-q")
    for name, who in (("user.name", "a"), ("user.email", "a@example.org")):
        git(root, "config", name, who)
    git(root, "config", "commit.gpgsign", "false")
    commit(root, "code and data")
    for number in range(3):
        write_report(root, f"# Report {number}\n")
        commit(root, f"data of day {number}")
        publish(root, now=NOON + timedelta(days=number))
        commit(root, f"publish {number}")
    assert all(line.startswith("tagged") for line in tag_versions(root))
    assert verify(root) == []
    return root


def commit(root: Path, message: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", message, "--allow-empty")


def versions(root: Path) -> list[str]:
    lines = (root / "reports" / LEDGER).read_text().splitlines()
    return [json.loads(line)["version"] for line in lines]


def edited(root: Path, version: str, **facts: Any) -> None:
    """The manifest with other facts."""
    path = root / "reports" / version / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_bytes()) | facts, indent=1, sort_keys=True))


def recomputed(root: Path, order: list[str] | None = None) -> None:
    """Every hash, id, folder name, ledger line and tag as the changed files ask for."""
    chain, previous = [], None
    for name in versions(root) if order is None else order:
        folder = root / "reports" / name
        if not (folder / MANIFEST).is_file():
            continue
        content = json.loads((folder / MANIFEST).read_bytes())
        for file in content["files"]:
            if (folder / file).is_file():
                data = (folder / file).read_bytes()
                content["files"][file] = {"sha256": sha256(data), "bytes": len(data)}
        content |= {"previous": previous, "version": version_of(content["made_by"])}
        text = (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()
        (folder / MANIFEST).write_bytes(text)
        chain.append(entry_of(text))
        if content["version"] != name:
            folder.rename(folder.with_name(content["version"]))
        previous = chain[-1].digest()
    (root / "reports" / LEDGER).write_bytes(b"".join(entry.line() for entry in chain))
    commit(root, "nothing to see")
    for tag in git(root, "tag").split():
        git(root, "tag", "-d", tag)
    assert all(line.startswith("tagged") for line in tag_versions(root))


def forecast(root: Path) -> None:
    path = root / "reports" / versions(root)[0] / "forecast.csv"
    path.write_text(path.read_text().replace("2.0", "2.06"))


def report(root: Path) -> None:
    path = root / "reports" / versions(root)[0] / "report.html"
    path.write_text("<p>Another story</p>\n")


def date_back(root: Path) -> None:
    edited(root, versions(root)[0], issued_at="2018-06-01T12:00:00+00:00")


def date_between(root: Path) -> None:
    """After the commit, before the version that was published first."""
    edited(root, versions(root)[2], issued_at="2019-07-01T12:00:00+00:00")


def deletion(root: Path) -> None:
    shutil.rmtree(root / "reports" / versions(root)[1])


def deletion_of_the_last(root: Path) -> None:
    shutil.rmtree(root / "reports" / versions(root)[2])
    path = root / "reports" / LEDGER
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))


def reordering(root: Path) -> None:
    path = root / "reports" / LEDGER
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(second + first + third)


def swapped_files(root: Path) -> None:
    """One version's report under another's name."""
    first, second, _ = versions(root)
    shutil.copy(root / "reports" / second / "report.md", root / "reports" / first / "report.md")


def extra_file(root: Path) -> None:
    (root / "reports" / versions(root)[0] / "forecast-better.csv").write_text("target,q0.5\n")


def path_outside(root: Path) -> None:
    name = versions(root)[0]
    known = json.loads((root / "reports" / name / MANIFEST).read_bytes())["files"]
    edited(root, name, files=known | {"../../params.yaml": {"sha256": "0" * 64, "bytes": 1}})


def other_inputs(root: Path) -> None:
    """A version that claims the code of the commit and was made by other."""
    name = versions(root)[1]
    made_by = json.loads((root / "reports" / name / MANIFEST).read_bytes())["made_by"]
    made_by["code"]["scaling/cli"] = sha256(b"three lines more")
    edited(root, name, made_by=made_by)


def other_pipeline(root: Path) -> None:
    name = versions(root)[1]
    made_by = json.loads((root / "reports" / name / MANIFEST).read_bytes())["made_by"]
    made_by["code"]["dvc.yaml"] = sha256(b"another pipeline")
    edited(root, name, made_by=made_by)


def other_choices(root: Path) -> None:
    name = versions(root)[1]
    made_by = json.loads((root / "reports" / name / MANIFEST).read_bytes())["made_by"]
    edited(root, name, made_by=made_by | {"params": sha256(b"a lucky seed")})


def retroactive_rule(root: Path) -> None:
    """The registry as it is today in a version of last year."""
    name = versions(root)[1]
    made_by = json.loads((root / "reports" / name / MANIFEST).read_bytes())["made_by"]
    made_by["data"][RULES] = sha256(b"rule,flop\nact,1e26\n")
    edited(root, name, made_by=made_by)


def other_commit(root: Path) -> None:
    """A version that names a later commit, whose code it does not have."""
    (root / "scaling/cli/main.py").write_text("# three lines more\n")
    commit(root, "a better command line")
    edited(root, versions(root)[2], revision=git(root, "rev-parse", "HEAD").strip())


def fitted_later(root: Path) -> None:
    """A version that has a run of two years later in its fits."""
    name = versions(root)[1]
    folder = root / "reports" / name
    (folder / "fits/a.csv").write_text(DAYS.format(day="2022-01-01"))


def moved_tag(root: Path) -> None:
    first = versions(root)[0]
    git(root, "tag", "-f", f"{TAG}{first}", "HEAD~6")


def tag_of_nothing(root: Path) -> None:
    git(root, "tag", f"{TAG}{'ab' * 32}", "HEAD")


ATTACKS: dict[Callable[[Path], None], tuple[str, str]] = {
    forecast: ("forecast.csv: is not what was published", "line 1 was another in the commit"),
    report: ("report.html: is not what was published", "line 1 was another in the commit"),
    date_back: ("is not what was published", "before the commit"),
    date_between: ("is not what was published", "which is before it in the ledger"),
    deletion: ("manifest.json: is missing", "line 2 was another in the commit"),
    deletion_of_the_last: ("does not begin with the ledger that is in Git", "line 3 was another"),
    reordering: ("does not continue from the line before", "line 1 was another in the commit"),
    swapped_files: ("report.md: is not what was published", "line 1 was another in the commit"),
    extra_file: ("is not part of the version", "is not part of the version"),
    path_outside: ("is not what was published", "not a file inside the version"),
    other_inputs: ("is not what was published", r"other code \(scaling/cli\) than the commit"),
    other_pipeline: ("is not what was published", r"other code \(dvc.yaml\) than"),
    other_choices: ("is not what was published", r"other choices \(params.yaml\) than"),
    retroactive_rule: ("is not what was published", "another data/thresholds/rules.csv"),
    other_commit: ("is not what was published", "before the commit|other code"),
    fitted_later: ("fits/a.csv: is not what was published", "before a row that it fitted"),
    moved_tag: ("its commit has another manifest", ""),
    tag_of_nothing: ("no ledger has this version", ""),
}


def names(attack: Callable[[Path], None]) -> str:
    return attack.__name__


@pytest.mark.parametrize("attack", ATTACKS, ids=names)
def test_the_change_alone_is_named(record: Path, attack: Callable[[Path], None]) -> None:
    attack(record)
    found(verify(record), ATTACKS[attack][0])


@pytest.mark.parametrize("attack", [one for one in ATTACKS if ATTACKS[one][1]], ids=names)
def test_with_everything_recomputed_it_is_named(
    record: Path, attack: Callable[[Path], None]
) -> None:
    kept = checkpoint.heads(record)
    order = None
    if attack is reordering:
        one, two, three = versions(record)
        order = [two, one, three]
    else:
        attack(record)
    recomputed(record, order)
    found(verify(record), ATTACKS[attack][1])
    if attack is not extra_file:
        # Who kept the line needs none of the publisher's Git.
        found(list(checkpoint.since(record, kept)), "reports/ledger.jsonl: ")


def found(problems: list[str], pattern: str) -> None:
    import re

    assert any(re.search(pattern, one) for one in problems), problems


def test_a_history_rewritten_whole_is_found_by_a_witness_alone(record: Path) -> None:
    """A new repository with other forecasts, other hashes and other tags is whole by itself."""
    kept = checkpoint.read(checkpoint.text(record))
    forecast(record)
    shutil.rmtree(record / ".git")
    git(record, "init", "-q")
    for name in versions(record):
        edited(record, name, revision=None, dirty=None)
    recomputed(record)
    assert verify(record) == []
    found(list(checkpoint.since(record, kept)), "its first 3 lines are not those")


def test_a_record_that_grew_is_what_the_checkpoint_says(record: Path) -> None:
    kept = checkpoint.read(checkpoint.text(record))
    write_report(record, "# Report 3\n")
    publish(record, now=NOON + timedelta(days=9))
    assert list(checkpoint.since(record, kept)) == []
    shutil.rmtree(record / "reports")
    found(list(checkpoint.since(record, kept)), "is not there")


@OPENSSH.unless(shutil.which("ssh-keygen") is not None)
def test_a_checkpoint_is_signed_by_the_key_that_git_has(record: Path, tmp_path: Path) -> None:
    assert checkpoint.signed(record, checkpoint.text(record)) is None
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "allowed").write_text(f"a@example.org {key.with_suffix('.pub').read_text()}")
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingkey", str(key)),
        ("gpg.ssh.allowedSignersFile", str(tmp_path / "allowed")),
    ):
        git(record, "config", name, value)
    text = checkpoint.signed(record, checkpoint.text(record))
    assert text is not None and checkpoint.read(text) == checkpoint.heads(record)
    said, good = checkpoint.signature(record, text)
    assert good and "signature is good" in said
    said, good = checkpoint.signature(record, text.replace(" 3 ", " 2 "))
    assert not good and "not good" in said
