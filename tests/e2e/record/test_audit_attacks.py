"""What a dishonest publisher may try on outcomes, scores, dates and what is derived from them.

Each attack is tried alone and with every hash, chain line, tag and page recomputed.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.io.hashing import sha256
from scaling.record.audit.run import (
    audit,
    audit_problems,
    outcome_problems,
    rewrite,
    uncovered,
    write,
)
from scaling.record.derived.cache import FILES, FOLDERS
from scaling.record.derived.check import derived_before, derived_problems
from scaling.record.site import build
from scaling.record.versions import dates
from scaling.record.versions.ledger import PublishError
from scaling.record.versions.outcomes import OUTCOMES, outcomes_head, outcomes_problems
from scaling.record.versions.verify import verify
from tests.support.audit_project import (
    ANSWER,
    ANSWERED,
    FIRST,
    SMALL,
    VALIDATED,
    audited,
    clock,
    commit,
    copy,
    forged,
    project,
    publish,
    rechained,
    run,
    table,
    without_history,
)
from tests.support.authority import Authority
from tests.support.command import cli
from tests.support.needs import OPENSSH, OPENSSL, TIMESTAMPS, installed
from tests.support.publish_project import git

THEN = datetime.combine(ANSWERED + timedelta(days=1), FIRST.timetz())
REVISED = run("large", 1e9, 2.2, ANSWERED)
OTHER = run("another", 1.02e9, 2.3, ANSWERED)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions, audited, revised and audited again; in Git and tagged."""
    root = project(tmp_path_factory.mktemp("audit") / "project")
    table(root, [*SMALL, ANSWER, OTHER])
    audited(root, THEN)
    table(root, [*SMALL, REVISED, OTHER])
    audited(root, THEN + timedelta(days=1))
    commit(root, "audit", THEN + timedelta(days=2))
    tag(root)
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return copy(template, tmp_path / "project")


def tag(root: Path) -> None:
    """Tags of every version at the present commit, old ones moved."""
    for line in git(root, "tag", "--list").split():
        git(root, "tag", "-d", line)
    for version in _names(root):
        git(root, "tag", f"forecast/{version}", "HEAD")


def _names(root: Path) -> list[str]:
    lines = (root / "reports/ledger.jsonl").read_text().splitlines()
    return [json.loads(line)["version"] for line in lines]


def all_problems(root: Path) -> list[str]:
    return [*verify(root), *dates.problems(root), *derived_problems(root)]


def test_what_is_honest_has_no_problem(root: Path) -> None:
    assert all_problems(root) == []
    lines = [json.loads(line) for line in (root / OUTCOMES).read_text().splitlines()]
    assert [(line["run"], line["value"]) for line in lines] == [
        ("large", 2.08), ("another", 2.3), ("large", 2.2),
    ]  # fmt: skip
    assert lines[2]["revises"] == sha256((root / OUTCOMES).read_bytes().splitlines(True)[0])
    assert lines[0]["row"] == "final"
    assert lines[0]["study"] == "own"
    assert lines[2]["table_sha256"] == sha256((root / VALIDATED).read_bytes())
    made = audit(root, now=THEN + timedelta(days=3))
    assert made.added == 0
    by_value = dict(made.scores.select("value", "revised").unique().iter_rows())
    assert by_value == {2.08: True, 2.2: False}
    assert made.scores["date_rests_on"].unique().to_list() == ["publisher's word"]


def test_the_command_names_them(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert cli("verify").returncode == 0
    (root / OUTCOMES).write_bytes((root / OUTCOMES).read_bytes().replace(b"2.08", b"2.09"))
    found = cli("verify")
    assert found.returncode == 1
    assert "outcomes.jsonl: line 2 does not continue from the line before it" in found.stderr
    found = cli("audit")
    assert found.returncode == 2
    assert "nothing was scored: reports/audit/outcomes.jsonl" in found.stderr


# Outcomes --------------------------------------------------------------------------------------


def edit(lines: list[dict[str, Any]]) -> None:
    lines[0]["value"] = 2.1


def swap(lines: list[dict[str, Any]]) -> None:
    lines[0]["value"], lines[1]["value"] = lines[1]["value"], lines[0]["value"]


def date_back(lines: list[dict[str, Any]]) -> None:
    lines[0]["observed"] = "2024-02-01"


def rename(lines: list[dict[str, Any]]) -> None:
    lines[1]["run"] = "someone else"


def forget(lines: list[dict[str, Any]]) -> None:
    """The revision never was."""
    del lines[2:]


def forget_the_first(lines: list[dict[str, Any]]) -> None:
    """The revised figure was there from the start."""
    lines[0]["value"] = lines[2]["value"]
    del lines[2:]


def reverse(lines: list[dict[str, Any]]) -> None:
    lines[0], lines[1] = lines[1], lines[0]


EDITS = (edit, swap, date_back, rename, forget, forget_the_first, reverse)


@pytest.mark.parametrize("change", EDITS)
def test_an_outcome_changed_alone_is_named(root: Path, change: Callable[..., None]) -> None:
    path = root / OUTCOMES
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines)
    texts = (json.dumps(line, sort_keys=True, separators=(",", ":")) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts))
    assert any(str(OUTCOMES) in one for one in all_problems(root))
    with pytest.raises(InputError, match="nothing was scored"):
        audit(root)


@pytest.mark.parametrize("change", EDITS)
def test_an_outcome_changed_with_everything_recomputed_is_named(
    root: Path, change: Callable[..., None]
) -> None:
    path = root / OUTCOMES
    head = outcomes_head(root)
    path.write_bytes(rechained(path.read_bytes(), change))
    rewrite(root)
    build(root)
    assert any("as Git has it" in one for one in derived_problems(root))
    commit(root, "nothing to see", THEN + timedelta(days=5))
    (found, *_) = derived_problems(root)
    assert "is not as Git's history has it" in found
    without_history(root, THEN + timedelta(days=5))
    (found, *_) = derived_problems(root)
    assert "is not as the commit of a tagged version has it" in found
    tag(root)
    # Now no copy in Git is left. The table that the lines name is at hand to an auditor.
    assert outcome_problems(root) == [] or "says of run" in outcome_problems(root)[0]
    # A head that someone kept, or that a version binds, catches every rewrite.
    (found,) = outcomes_problems(root, {"9ac3574d3f37": str(head)})
    assert f"does not have the line {str(head)[:12]} that version 9ac3574d3f37 binds" in found


def test_a_line_that_is_not_as_its_table_says_is_named(tmp_path: Path) -> None:
    """Even where no copy is left: the table whose hash the line states is at hand."""
    root = project(tmp_path / "project")
    table(root, [*SMALL, ANSWER])
    audited(root, THEN)
    path = root / OUTCOMES
    for change in (edit, date_back):
        whole = path.read_bytes()
        path.write_bytes(rechained(whole, change))
        rewrite(root)
        build(root)
        (found, *_) = derived_problems(root)
        assert "line 1 is not what data/validated/own.parquet says of run 'large'" in found
        path.write_bytes(whole)


@pytest.mark.parametrize("what", ["the file", "the folder"])
def test_deleted_outcomes_are_named(root: Path, what: str) -> None:
    path = root / OUTCOMES
    path.unlink() if what == "the file" else shutil.rmtree(path.parent)
    build(root)
    assert any("is missing, but was there" in one for one in derived_problems(root))
    commit(root, "nothing to see", THEN + timedelta(days=5))
    assert any("Git's history" in one for one in derived_problems(root))
    with pytest.raises(InputError, match="is missing, but was there"):
        audit(root)
    without_history(root, THEN + timedelta(days=5))
    assert any("the commit of a tagged version" in one for one in derived_problems(root))
    tag(root)
    # Only a head that was bound or kept says now that there was something.
    assert outcome_problems(root) == []
    (_, found) = outcomes_problems(root, {"9ac3574d3f37": "0" * 64})
    assert "that version 9ac3574d3f37 binds" in found


def test_a_version_that_binds_a_head_holds_the_file_to_it(tmp_path: Path) -> None:
    root = project(tmp_path / "project")
    audited(root, THEN)
    head = outcomes_head(root)
    forged(root, {1: lambda manifest, folder: manifest.update(outcomes_head=head)})
    assert outcome_problems(root) == []
    (root / OUTCOMES).unlink()
    assert any(f"the line {str(head)[:12]} that version" in one for one in outcome_problems(root))


def test_a_withdrawn_outcome_is_put_on_record_and_its_score_stays(root: Path) -> None:
    table(root, [*SMALL, OTHER])
    made = audited(root, THEN + timedelta(days=3))
    assert made.filter(~made["revised"])["run"].unique().to_list() == ["another"]
    assert made.filter(made["revised"])["value"].unique().sort().to_list() == [2.08, 2.2]
    last = json.loads((root / OUTCOMES).read_text().splitlines()[-1])
    assert (last["run"], last["value"]) == ("large", None)
    table(root, [*SMALL, REVISED, OTHER])
    made = audited(root, THEN + timedelta(days=4))
    assert made.filter(~made["revised"])["value"].unique().to_list() == [2.2]
    assert derived_problems(root) == []
    # A source that is not here says nothing of its results.
    (root / VALIDATED).unlink()
    assert audit(root, now=THEN + timedelta(days=5)).added == 0


# What is derived -------------------------------------------------------------------------------


def test_each_byte_of_what_is_derived_is_held_to_the_record(root: Path) -> None:
    rng = random.Random(0)
    files = [*(root / "reports/audit").iterdir(), *(root / "reports").glob("index.*")]
    assert len(files) == 8
    for path in files:
        whole = path.read_bytes()
        for _ in range(3):
            place = rng.randrange(len(whole))
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            name = path.relative_to(root).as_posix()
            assert any(name in one for one in derived_problems(root)), (name, place)
        path.unlink()
        assert derived_problems(root), path.name
        path.write_bytes(whole)
    assert derived_problems(root) == []
    (root / "reports/audit/better.csv").write_text("error\n0\n")
    assert derived_problems(root) == ["reports/audit/better.csv: is no file of the audit"]


def test_what_was_derived_before_is_known_by_every_byte_that_goes_in_or_comes_out(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert derived_before(root) is None
    assert derived_problems(root) == []
    assert derived_before(root) == []
    # Another project, or another certificate, is another state.
    assert derived_before(copy(root, tmp_path / "other")) == []
    assert derived_before(root, Path("params.yaml")) is None
    rng = random.Random(1)
    files = [*(root / "reports").rglob("*"), root / "params.yaml"]
    for path in (path for path in files if path.is_file()):
        whole = path.read_bytes()
        place = rng.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert derived_before(root) is None, path
        path.unlink()
        assert derived_before(root) is None, path
        path.write_bytes(whole)
    for name in ("reports/audit/better.csv", "reports/study-better.html", "laws/mine.py"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("<p>better</p>\n")
        assert derived_before(root) is None, name
        (root / name).unlink()
    assert derived_before(root) == []
    # Files that change places are other files.
    one, other = root / "reports/audit/scores.csv", root / "reports/audit/open.csv"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    assert derived_before(root) is None


def test_nothing_is_read_that_is_no_part_of_the_state(root: Path) -> None:
    """Else what was derived before could pass though something it rests on has changed."""
    code = """
import sys
from pathlib import Path
read = set()
def note(what, given):
    if what == "open" and not isinstance(given[0], int):
        read.add(Path(str(given[0])).absolute())
sys.addaudithook(note)
from scaling.record.audit.run import audit_problems
from scaling.record.derived.check import index_problems
assert audit_problems(Path()) + index_problems(Path()) == []
here = Path.cwd()
print(*sorted(str(one.relative_to(here)) for one in read if one.is_relative_to(here)), sep="\\n")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    read = [Path(line) for line in done.stdout.splitlines()]
    assert Path("reports/index.html") in read
    beyond = {path for path in read if path.parts[0] not in (*FOLDERS, *FILES)}
    # The tables of today are compared with the outcomes each time.
    assert all(path.is_relative_to("data/validated") for path in beyond), beyond


def test_the_command_derives_once_and_finds_an_edited_page(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert "derived them before" not in cli("verify").stdout
    again = cli("verify")
    assert (again.returncode, "derived them before" in again.stdout) == (0, True)
    assert "derived them before" not in cli("verify", "--no-cache").stdout
    page = root / "reports/index.html"
    whole = page.read_bytes()
    page.write_bytes(whole.replace(b"<svg", b"<svg ", 1))
    for options in ((), ("--no-cache",)):
        found = cli("verify", *options)
        assert found.returncode == 1
        assert "reports/index.html: line" in found.stderr
    # A cache that is no text, or cannot be written, is none.
    page.write_bytes(whole)
    (state,) = (tmp_path / "cache").rglob("states.txt")
    state.write_bytes(b"\xff\xfe")
    assert cli("verify").returncode == 0
    state.unlink()
    state.mkdir()
    assert cli("verify").returncode == 0


def test_an_audit_that_is_older_than_the_newest_version_is_said_to_be(root: Path) -> None:
    assert uncovered(root) == []
    publish(root, SMALL, THEN + timedelta(days=9), median=2.3)
    build(root)
    assert derived_problems(root) == []
    (found,) = uncovered(root)
    assert "does not score 1 newer version yet" in found


def test_an_audit_of_an_older_form_is_named_in_one_sentence(root: Path) -> None:
    (root / "reports/audit/audit.json").write_text('{"forecasts_scored": 0, "open": []}\n')
    (found,) = audit_problems(root)
    assert "was written before outcomes were put on record; `scaling audit`" in found


def test_scores_of_a_version_with_another_forecast_are_named(root: Path) -> None:
    """A forecast moved to its outcome, and every hash of the version recomputed."""

    def better(manifest: dict[str, Any], folder: Path) -> None:
        text = (folder / "forecast.csv").read_text()
        (folder / "forecast.csv").write_text(text.replace(",2.1\n", ",2.2\n"))

    forged(root, {0: better})
    assert verify(root)  # Git has the ledger that there was
    commit(root, "nothing to see", THEN + timedelta(days=5))
    (found, *_) = audit_problems(root)
    assert "line 2 of reports is not the one that was audited" in found


# Runs that a version fitted ----------------------------------------------------------------------

FITTED = run("mine", 1e9, 2.05, date(2024, 1, 1))
LATER = {"observed": ANSWERED, "recorded": ANSWERED}
DISGUISES: dict[str, dict[str, Any]] = {
    "dated later": {},
    "renamed": {"run": "yours"},
    "renamed and rounded": {"run": "yours", "value": 2.0505, "params": 1.0004e9},
    "renamed, with another seed": {"run": "yours", "seed": "7"},
    "renamed, without compute": {"run": "yours", "flops": None, "flops_method": None},
    "revised": {"value": 2.11},
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_run_that_a_version_fitted_never_scores_it_ahead(tmp_path: Path, disguise: str) -> None:
    root = project(tmp_path / "project", versions=0)
    publish(root, [*SMALL, FITTED], FIRST, median=2.05)
    build(root)
    table(root, [*SMALL, FITTED | LATER | DISGUISES[disguise]])
    made = audited(root, THEN)
    assert made["kind"].unique().to_list() == ["fitted"]
    assert "| fitted | ensemble | 1 |" in (root / "reports/audit/audit.md").read_text()
    # Someone who writes "ahead" over it and recomputes nothing, or everything derived.
    scores = root / "reports/audit/scores.csv"
    scores.write_text(scores.read_text().replace(",fitted,", ",ahead,"))
    assert any("scores.csv: line 2" in one for one in derived_problems(root))


def test_a_run_of_another_study_of_the_version_counts_by_its_content(tmp_path: Path) -> None:
    root = project(tmp_path / "project", versions=0)
    publish(root, SMALL, FIRST)
    table(root, [*SMALL, ANSWER])

    def more(manifest: dict[str, Any], folder: Path) -> None:
        (folder / "fits/elsewhere.csv").write_text("run,at,params,loss\nmine,final,1e9,2.08\n")
        manifest["files"]["fits/elsewhere.csv"] = {}

    forged(root, {0: more})
    assert audited(root, THEN)["kind"].unique().to_list() == ["fitted"]


def test_a_new_run_is_ahead_though_the_version_fitted_smaller_ones(tmp_path: Path) -> None:
    root = project(tmp_path / "project")
    assert audited(root, THEN)["kind"].unique().to_list() == ["ahead"]
    # An honest run answers before one that was fitted, however near.
    other = project(tmp_path / "other", versions=0)
    publish(other, [*SMALL, FITTED], FIRST)
    table(other, [*SMALL, FITTED | LATER, OTHER])
    made = audited(other, THEN)
    assert made.select("run", "kind").unique().rows() == [("another", "ahead")]


def test_a_run_of_the_day_of_issue_is_not_scored(root: Path, tmp_path: Path) -> None:
    other = project(tmp_path / "other", versions=1)
    table(other, [*SMALL, run("large", 1e9, 2.1, FIRST.date())])
    assert audited(other, THEN).height == 0
    text = (other / "reports/audit/open.csv").read_text()
    assert "run large: observed on the day of issue, so it cannot be known which was first" in text
    assert "on the day of issue" in (other / "reports/audit/audit.md").read_text()


# Dates -------------------------------------------------------------------------------------------


def test_a_version_dated_back_is_refused_with_everything_recomputed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issued after the outcome, dated eighteen months before it, and every hash recomputed."""
    names = forged(
        root, {1: lambda manifest, folder: manifest.update(issued_at="2022-09-01T12:00:00+00:00")}
    )
    audit_folder = root / "reports/audit"
    shutil.rmtree(audit_folder)
    without_history(root, THEN + timedelta(days=5))
    tag(root)
    made = audited(root, THEN + timedelta(days=6))
    found = dates.problems(root)
    assert set(verify(root)) == set(found)
    assert all(
        one.startswith(f"reports/{names[1]}: issued_at is 2022-09-01T12:00:00") for one in found
    )
    # Where the commit is no longer in Git, the rows and the version before are still there.
    assert any(
        "before a row that it fitted: 'small-3e+08' of study own is of 2024-01-01" in one
        for one in found
    )
    assert any(f"before {names[0]}, which is before it in the ledger" in one for one in found)
    kinds = dict(made.select("version", "kind").iter_rows())
    assert kinds == {names[0]: "ahead", names[1]: "contradicted"}
    rests = dict(made.select("version", "date_rests_on").iter_rows())
    assert rests[names[1]] == "publisher's word contradicted"
    assert "publisher's word contradicted" in (audit_folder / "audit.md").read_text()
    monkeypatch.chdir(root)
    assert "issued_at is 2022-09-01T12:00:00" in cli("verify").stderr
    assert "before a row that it fitted" in cli("audit").stderr


def test_dates_are_held_against_each_thing_alone(root: Path) -> None:
    before = (FIRST - timedelta(hours=2)).isoformat()
    names = forged(root, {0: lambda manifest, folder: manifest.update(issued_at=before)})
    (found,) = dates.problems(root)
    assert found.startswith(f"reports/{names[0]}: issued_at is")
    assert "before the commit that it names" in found


def test_a_correction_may_be_dated_before_the_version_whose_clock_ran_ahead(root: Path) -> None:
    """And not before the one before that."""
    ahead = (FIRST + timedelta(days=900)).isoformat()
    reason = {"reason": "the clock ran ahead"}
    publish(root, SMALL, FIRST + timedelta(days=901), median=2.4)

    def correct(issued: timedelta) -> dict[int, Any]:
        names = _names(root)
        dated = {"issued_at": (FIRST + issued).isoformat(), "revision": None}
        more = reason | dated | {"corrects": names[1]}
        return {
            1: lambda manifest, folder: manifest.update(issued_at=ahead),
            2: lambda manifest, folder: manifest.update(more),
        }

    forged(root, correct(timedelta(days=2)))
    assert dates.problems(root) == []
    names = forged(root, correct(timedelta(days=-1)))
    assert any(f"before {names[0]}, which is before it" in one for one in dates.problems(root))


def test_a_row_of_the_day_after_in_an_early_zone_contradicts_nothing(tmp_path: Path) -> None:
    for hours, contradicted in ((14, False), (38, True)):
        # At noon UTC a day has begun at UTC+14; the one after it begins nowhere.
        root = project(tmp_path / str(hours), versions=0)
        day = (FIRST + timedelta(hours=hours)).date()
        runs = [*SMALL, run("new", 5e8, 2.2, day)]
        if contradicted:
            with pytest.raises(PublishError, match="before a row that it fitted"):
                publish(root, runs, FIRST)
        else:
            publish(root, runs, FIRST)
            assert dates.problems(root) == []


# What dates rest on ------------------------------------------------------------------------------


def rests(scores: pl.DataFrame) -> set[str]:
    return set(scores.filter(~scores["revised"])["date_rests_on"])


def sign(root: Path, folder: Path, when: datetime) -> None:
    """Sign the tags of all versions with a key that Git here trusts."""
    folder.mkdir()
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")]
    subprocess.run(command, check=True)
    public = (folder / "key.pub").read_text()
    (folder / "allowed").write_text(f"a@example.org {public}")
    for name, value in {
        "gpg.format": "ssh",
        "gpg.ssh.allowedSignersFile": str(folder / "allowed"),
        "user.signingKey": str(folder / "key"),
    }.items():
        git(root, "config", name, value)
    with clock(when):
        for version in _names(root):
            git(root, "tag", "-s", "-m", version, f"forecast/{version}", "HEAD")


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason=OPENSSH.reason())
def test_a_date_rests_on_a_signature_that_git_verifies(tmp_path: Path) -> None:
    root = project(tmp_path / "project")
    assert rests(audited(root, THEN)) == {"publisher's word"}
    sign(root, tmp_path / "keys", FIRST + timedelta(days=3))
    assert derived_problems(root) == []  # what was said is less than what can be shown
    assert rests(audited(root, THEN)) == {"signature"}
    rows = json.loads((root / "reports/audit/audit.json").read_text())["dates"]
    assert {row["rests_on"] for row in rows} == {"signature"}
    assert rows[0]["signed_by"] == f"tag forecast/{rows[0]['version']}"
    assert "| signature |" in (root / "reports/audit/audit.md").read_text()
    assert "signature" in (root / "reports/index.md").read_text()
    assert derived_problems(root) == []
    # Another key, no tag: what the audit says is then not confirmed.
    (tmp_path / "keys/allowed").write_text("")
    assert any("which Git does not confirm here" in one for one in derived_problems(root))
    tag(root)
    assert any("which Git does not confirm here" in one for one in derived_problems(root))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason=OPENSSH.reason())
def test_a_signature_later_than_the_outcome_shows_nothing(tmp_path: Path) -> None:
    root = project(tmp_path / "project")
    sign(root, tmp_path / "keys", THEN)
    assert rests(audited(root, THEN)) == {"publisher's word"}


@TIMESTAMPS.unless(installed("rfc3161_client"))
@OPENSSL.unless(shutil.which("openssl") is not None)
def test_a_date_rests_on_a_third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority.made(tmp_path / "authority")
    root = project(tmp_path / "project")
    audited(root, THEN)
    shutil.copy(authority.root, root / "root.pem")
    monkeypatch.chdir(root)
    with authority.served() as url:
        done = cli("timestamp", "--url", url, "--certificate", "root.pem")
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("timestamped") == 2
        again = cli("timestamp", "--url", url, "--certificate", "root.pem")
        assert "Every line of the ledger has its token." in again.stdout
    # The tokens are of today: they show nothing of an outcome of 2024.
    assert cli("verify", "--certificate", "root.pem").returncode == 0
    assert "root certificate is given" in cli("verify").stderr
    tomorrow = run("later", 1e9, 2.3, datetime.now().date() + timedelta(days=2))
    table(root, [*SMALL, tomorrow])
    made = audit(root, root / "root.pem", now=datetime.now(UTC) + timedelta(days=3))
    write(made, root)
    build(root)
    assert rests(made.scores) == {"third party"}
    assert derived_problems(root, Path("root.pem")) == []
    assert "| third party |" in (root / "reports/audit/audit.md").read_text()
    # A byte that is not signed is named all the same.
    (token, _) = sorted((root / "reports/timestamps").iterdir())
    whole = token.read_bytes()
    for place in range(0, len(whole), 11):
        token.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert audit_problems(root, Path("root.pem")), place
    token.unlink()
    assert any("audit.json" in one for one in audit_problems(root, Path("root.pem")))
