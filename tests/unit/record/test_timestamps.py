"""Timestamps of a third party: asked for, kept, verified offline, and each wrong one named."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scaling.errors import InputError
from scaling.pipeline.publish import publish
from scaling.record.audit import timestamps
from scaling.record.versions.ledger import LEDGER
from tests.support.authority import Authority
from tests.support.needs import OPENSSL, TIMESTAMPS, installed
from tests.support.publish_project import fill, git, write_report

pytestmark = [
    TIMESTAMPS.unless(installed("rfc3161_client")),
    OPENSSL.unless(shutil.which("openssl") is not None),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("authority") / "ours")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two versions in Git."""
    project = fill(tmp_path / "project")
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "one")
    for number in range(2):
        write_report(project, f"# Report {number}\n")
        publish(project)
    return project


def stamped(root: Path, authority: Authority) -> list[Path]:
    """The tokens in the order of the ledger, asked for where there is none."""
    with authority.served() as url:
        list(timestamps.stamp(root, url, authority.root))
    lines = (root / "reports" / LEDGER).read_bytes().splitlines(keepends=True)
    return [root / timestamps.FOLDER / timestamps.name_of(line) for line in lines]


def problem(root: Path, authority: Authority) -> str:
    (one,) = timestamps.timestamp_problems(root, authority.root)
    return one


def test_each_line_gets_one_token_that_is_never_replaced(root: Path, authority: Authority) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)  # tokens have whole seconds
    with authority.served() as url:
        said = list(timestamps.stamp(root, url, authority.root))
        tokens = {path: path.read_bytes() for path in (root / timestamps.FOLDER).iterdir()}
        assert len(said) == len(tokens) == 2
        assert list(timestamps.stamp(root, url, authority.root)) == []
        write_report(root, "# Another\n")
        publish(root)
        assert len(list(timestamps.stamp(root, url, authority.root))) == 1
    assert all(path.read_bytes() == content for path, content in tokens.items())
    # Offline: the server is gone.
    assert timestamps.timestamp_problems(root, authority.root) == []
    trusted = timestamps.authority(root, authority.root)
    assert trusted is not None
    for entry in timestamps.lines(root):
        found = timestamps.timestamp_of(root, entry.line(), trusted)
        assert isinstance(found, datetime)
        assert before <= found <= datetime.now(UTC)
    assert timestamps.timestamp_of(root, b"another line\n", trusted) is None


def test_authority_and_certificate_may_stand_in_the_choices(
    root: Path, authority: Authority
) -> None:
    shutil.copy(authority.root, root / "root.pem")
    with authority.served() as url, (root / "params.yaml").open("a") as choices:
        choices.write(f"audit: {{timestamps: {{url: '{url}', certificate: root.pem}}}}\n")
        choices.flush()
        assert len(list(timestamps.stamp(root))) == 2
    assert timestamps.timestamp_problems(root) == []


def test_a_token_over_another_line_is_named(root: Path, authority: Authority) -> None:
    first, second = stamped(root, authority)
    first.write_bytes(second.read_bytes())
    assert first.name in problem(root, authority)
    assert "is a token over something else" in problem(root, authority)


def test_a_token_of_another_authority_is_named(
    root: Path, authority: Authority, tmp_path: Path
) -> None:
    other = Authority.made(tmp_path / "other")
    first, _ = stamped(root, authority)
    first.unlink()
    stamped(root, other)
    assert first.name in problem(root, authority)
    assert "certificate of the authority: unable to get local issuer" in problem(root, authority)
    # A root of the same name with another key vouches for nothing either.
    assert len(timestamps.timestamp_problems(root, other.root)) == 1


def test_a_token_by_an_expired_certificate_is_named(root: Path, tmp_path: Path) -> None:
    good, expired = (Authority.made(tmp_path / name) for name in ("good", "expired"))
    expired.certify(("20200101000000Z", "20210101000000Z"))
    with expired.served() as url, pytest.raises(InputError, match="certificate has expired"):
        list(timestamps.stamp(root, url, expired.root))
    assert not (root / timestamps.FOLDER).exists()
    for path in stamped(root, good):
        path.write_bytes(expired.reply(_query(root, path)))
    found = timestamps.timestamp_problems(root, expired.root)
    assert len(found) == 2
    assert all("certificate has expired" in one for one in found)


def _query(root: Path, token: Path) -> bytes:
    import rfc3161_client as client

    (line,) = (
        e.line() for e in timestamps.lines(root) if timestamps.name_of(e.line()) == token.name
    )
    hashed = client.HashAlgorithm.SHA256
    return bytes(
        client.TimestampRequestBuilder(data=line, hash_algorithm=hashed).build().as_bytes()
    )


def test_a_token_with_one_other_byte_is_named(root: Path, authority: Authority) -> None:
    first, _ = stamped(root, authority)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    whole = first.read_bytes()
    seen = 0
    for place in range(0, len(whole), 7):
        first.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        found = timestamps.timestamp_problems(root, authority.root)
        assert any("is not as Git has it" in one for one in found), place
        seen += any(f"{first.name} (version" in one for one in found)
    # A few bytes are not signed, such as the names of algorithms: these Git alone knows.
    assert seen > 0.95 * len(range(0, len(whole), 7))


def test_a_token_that_was_replaced_or_removed_in_git_is_named(
    root: Path, authority: Authority
) -> None:
    first, second = stamped(root, authority)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    first.unlink()
    assert "is not as Git has it" in problem(root, authority)
    git(root, "commit", "-qam", "three")
    assert "was replaced or removed in Git's history" in problem(root, authority)
    assert first.name in problem(root, authority)
    assert second.is_file()


def test_a_token_before_the_commit_that_the_version_names_is_named(
    root: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code of the version is committed with a date after the token's: one of both is wrong."""
    later = datetime.now(UTC) + timedelta(days=2)
    monkeypatch.setenv("GIT_COMMITTER_DATE", later.isoformat(timespec="seconds"))
    git(root, "commit", "-q", "--allow-empty", "-m", "of the day after tomorrow")
    write_report(root, "# Another\n")
    made = publish(root, now=later + timedelta(hours=1))
    *_, token = stamped(root, authority)
    assert token.name in problem(root, authority)
    assert "before the commit that the version names" in problem(root, authority)
    assert made.version in problem(root, authority)


def test_a_token_of_no_line_is_named(root: Path, authority: Authority) -> None:
    first, _ = stamped(root, authority)
    shutil.copy(first, first.with_name("0" * 64 + ".tsr"))
    assert "belongs to no line of a ledger" in problem(root, authority)


def test_tokens_without_a_certificate_are_said_not_to_be_verified(
    root: Path, authority: Authority
) -> None:
    assert timestamps.timestamp_problems(root) == []
    stamped(root, authority)
    (found,) = timestamps.timestamp_problems(root)
    assert "2 tokens not verified, since no root certificate is given" in found


@pytest.mark.parametrize(
    ("url", "certificate", "message"),
    [
        (None, None, "no time-stamping authority"),
        ("ftp://127.0.0.1", None, "no time-stamping authority"),
        ("http://127.0.0.1:9", None, "no root certificate"),
        ("http://127.0.0.1:9", "params.yaml", "params.yaml: holds no certificate"),
        ("http://127.0.0.1:9", "none.pem", "none.pem: is missing"),
        ("http://127.0.0.1:9", "root.pem", "does not answer"),
    ],
)
def test_what_is_missing_is_named(
    root: Path, authority: Authority, url: str | None, certificate: str | None, message: str
) -> None:
    shutil.copy(authority.root, root / "root.pem")
    with pytest.raises(InputError, match=message):
        list(timestamps.stamp(root, url, None if certificate is None else Path(certificate)))
    assert not (root / timestamps.FOLDER).exists()


def test_an_answer_to_another_request_is_refused(root: Path, authority: Authority) -> None:
    first, _ = stamped(root, authority)
    old = first.read_bytes()
    first.unlink()

    class Replaying(Authority):
        def reply(self, query: bytes) -> bytes:
            return old

    with Replaying(authority.folder).served() as url, pytest.raises(InputError, match="another"):
        list(timestamps.stamp(root, url, authority.root))
    assert not first.exists()


def test_without_the_extra_a_sentence_has_the_command(
    root: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamped(root, authority)
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(InputError, match=r"pip install 'scaling-forecast\[timestamps\]'"):
        timestamps.authority(root, authority.root)
    (found,) = timestamps.timestamp_problems(root, authority.root)
    assert "pip install" in found
    assert os.listdir(root / timestamps.FOLDER)
