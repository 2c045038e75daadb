"""Timestamps of a third party over lines of the ledgers (RFC 3161).

A token says that a line, and so the version whose hash it holds, existed at a time by the clock of
an authority. It lies beside the ledger, ``reports/timestamps/SHA256_OF_THE_LINE.tsr``, and is never
replaced. It is verified offline against a root certificate that the person who verifies trusts:
``--certificate`` or ``audit.timestamps.certificate`` of params.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling.errors import InputError, counted
from scaling.extras import DISTRIBUTION
from scaling.io import atomic
from scaling.io.git import git
from scaling.io.hashing import sha256
from scaling.io.json_files import as_map
from scaling.record.versions.dates import COMMIT, commit_dates
from scaling.record.versions.ledger import LEDGER, PLACES, Entry, read_lines
from scaling.runs.studies import load_params

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

FOLDER = Path("reports/timestamps")
# Answers of authorities are a few kB; what is longer is something else.
LONGEST_ANSWER = 2**20
SECONDS = 30
_CERTIFICATE = re.compile(r'Verify error: ?([^"]+)')
QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"


@dataclass(frozen=True)
class Authority:
    """What verifies tokens: the certificates that are trusted, and the file that has them."""

    file: Path
    certificates: tuple[Any, ...]


def authority(root: Path, certificate: Path | None = None) -> Authority | None:
    """The trusted certificates: of the file given, else of params.yaml; None where neither is.

    Raises:
        InputError: the file is missing or holds no certificate in PEM, or the extra is missing.
    """
    named = _chosen(root, "certificate") if certificate is None else certificate
    if named is None:
        return None
    _client()
    from cryptography import x509

    file = root / named
    try:
        found = tuple(x509.load_pem_x509_certificates(file.read_bytes()))
    except OSError:
        raise InputError("is missing", file=named, allowed="a root certificate in PEM") from None
    except ValueError as error:
        allowed = "a root certificate in PEM, with any intermediate ones"
        raise InputError(f"holds no certificate: {error}", file=named, allowed=allowed) from error
    return Authority(Path(named), found)


def _chosen(root: Path, name: str) -> str | None:
    """A choice under ``audit.timestamps`` of params.yaml."""
    file = root / "params.yaml"
    params = load_params(file) if file.is_file() else {}
    chosen = as_map(as_map((params or {}).get("audit")).get("timestamps")).get(name)
    return None if chosen is None else str(chosen)


def _client() -> Any:
    """The library that reads tokens.

    Raises:
        InputError: it is not installed.
    """
    try:
        import rfc3161_client
    except ImportError:
        hint = f"`python -m pip install '{DISTRIBUTION}[timestamps]'` installs it"
        raise InputError("timestamps need the package rfc3161-client", hint=hint) from None
    return rfc3161_client


# Verifying ---------------------------------------------------------------------------------------


def timestamp_of(root: Path, line: bytes, trusted: Authority) -> datetime | str | None:
    """The time of the line's token by the authority's clock; what is wrong with the token, in
    words; None where the line has none.

    ``line`` is the line of the ledger with its end.
    """
    path = root / FOLDER / name_of(line)
    if not path.is_file():
        return None
    client = _client()
    try:
        response = client.decode_timestamp_response(path.read_bytes())
        return _verified(client, response, line, trusted)
    except (ValueError, client.VerificationError) as error:
        return f"is no token that {trusted.file} vouches for: {_reason(error)}"


def _reason(error: Exception) -> str:
    """What OpenSSL says of a certificate or a signature, without the places in its code."""
    text = str(error)
    found = _CERTIFICATE.search(text)
    if found:
        return f"certificate of the authority: {found.group(1)}"
    return "its signature does not hold" if "PKCS7_" in text else text


def _verified(
    client: Any, response: TimeStampResponse, line: bytes, trusted: Authority
) -> datetime | str:
    imprint = response.tst_info.message_imprint.message
    if imprint.hex() != sha256(line):
        return f"is a token over something else: {imprint.hex()[:16]}, not {sha256(line)[:16]}"
    builder = client.VerifierBuilder()
    for one in trusted.certificates:
        builder = builder.add_root_certificate(one)
    builder.build().verify(response, imprint)
    time: datetime = response.tst_info.gen_time
    return time.astimezone(UTC)


def name_of(line: bytes) -> str:
    """The name of the line's token."""
    return f"{sha256(line)}.tsr"


def timestamp_problems(root: Path, certificate: Path | None = None) -> list[str]:
    """What is wrong with the tokens of the ledgers' lines; an empty list when nothing."""
    found = _changed(root)
    files = {path.name for path in (root / FOLDER).glob("*.tsr")}
    if not files:
        return found
    try:
        trusted = authority(root, certificate)
    except InputError as error:
        return [*found, f"{FOLDER}: {counted(len(files), 'token')} not verified: {error}"]
    if trusted is None:
        return [
            *found,
            f"{FOLDER}: {counted(len(files), 'token')} not verified, since no root certificate is "
            "given: --certificate FILE, or audit.timestamps.certificate in params.yaml",
        ]
    entries = lines(root)
    dates = commit_dates(root, (r for e in entries if COMMIT.fullmatch(r := str(e.revision))))
    for entry in entries:
        text = _problem(root, entry, dates.get(str(entry.revision)), trusted)
        found += [text] if text else []
    strange = sorted(files - {name_of(entry.line()) for entry in entries})
    return found + [f"{FOLDER / name}: belongs to no line of a ledger" for name in strange]


def _problem(
    root: Path, entry: Entry, committed: datetime | None, trusted: Authority
) -> str | None:
    place = f"{FOLDER / name_of(entry.line())} (version {entry.version})"
    stamped = timestamp_of(root, entry.line(), trusted)
    if isinstance(stamped, str):
        return f"{place}: {stamped}"
    if stamped is not None and committed is not None and stamped < committed:
        return (
            f"{place}: is of {stamped.isoformat()}, before the commit that the version names: "
            f"{str(entry.revision)[:12]} is of {committed.isoformat()}"
        )
    return None


def _changed(root: Path) -> list[str]:
    """Tokens that Git has had and that are not here, or not as they were."""
    log = ("log", "--first-parent", "-m", "--diff-filter=MD", "--name-only", "--format=")
    history = git(root, *log, "--relative", "--", FOLDER.as_posix())
    status = git(root, "diff", "HEAD", "--diff-filter=MD", "--name-only", "--relative", "--",
                 FOLDER.as_posix())  # fmt: skip
    now = set((status or b"").decode().split())
    before = set((history or b"").decode().split()) - now
    return [
        *(f"{name}: is not as Git has it; a token is never replaced" for name in sorted(now)),
        *(f"{name}: was replaced or removed in Git's history" for name in sorted(before)),
    ]


def lines(root: Path) -> list[Entry]:
    """The lines of both ledgers."""
    ledgers = [root / place / LEDGER for place in PLACES]
    return [one for path in ledgers if path.is_file() for one in read_lines(path.read_bytes())[0]]


# Asking ------------------------------------------------------------------------------------------


def stamp(root: Path, url: str | None = None, certificate: Path | None = None) -> Iterator[str]:
    """Ask the authority for a token over each line that has none; says what was done, line by line.

    A token is kept only when it verifies.

    Raises:
        InputError: no authority or no certificate is given, the authority does not answer, or its
            answer is no token over the line.
    """
    asked = url or _chosen(root, "url")
    if asked is None or not asked.startswith(("https://", "http://")):
        allowed = "--url or audit.timestamps.url of params.yaml: https://... or http://..."
        raise InputError("no time-stamping authority", value=asked, allowed=allowed)
    trusted = authority(root, certificate)
    if trusted is None:
        allowed = "--certificate FILE or audit.timestamps.certificate of params.yaml"
        raise InputError("no root certificate to verify the tokens with", allowed=allowed)
    for entry in lines(root):
        path = root / FOLDER / name_of(entry.line())
        if not path.exists():
            atomic.write(path, _token(asked, entry.line(), trusted))
            yield f"timestamped {entry.version}: {path.relative_to(root)}"


def _token(url: str, line: bytes, trusted: Authority) -> bytes:
    client = _client()
    request = client.TimestampRequestBuilder(
        data=line, hash_algorithm=client.HashAlgorithm.SHA256
    ).build()
    answer = _asked(url, request.as_bytes())
    try:
        response = client.decode_timestamp_response(answer)
        nonce = response.tst_info.nonce
        found = _verified(client, response, line, trusted)
    except (ValueError, client.VerificationError) as error:
        raise InputError(
            f"no token that {trusted.file} vouches for: {_reason(error)}", file=url
        ) from error
    if isinstance(found, str) or nonce != request.nonce:
        raise InputError("answered another request", file=url)
    return answer


def _asked(url: str, query: bytes) -> bytes:
    import httpx

    try:
        answer = httpx.post(url, content=query, headers={"Content-Type": QUERY}, timeout=SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise InputError(f"does not answer: {error}", file=url) from error
    kind = answer.headers.get("Content-Type", "").split(";")[0]
    if answer.status_code != 200 or kind != REPLY or len(answer.content) > LONGEST_ANSWER:
        found = f"status {answer.status_code}, {kind or 'no type'}, {len(answer.content)} bytes"
        raise InputError("no timestamp", file=url, value=found, allowed=f"status 200, {REPLY}")
    return answer.content
