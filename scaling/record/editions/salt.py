"""The secret behind the salts of redacted editions: given by a person, never written or shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from scaling.errors import InputError

VARIABLE = "SCALING_REDACT_SECRET"
DIGITS = 64
ALLOWED = f"{DIGITS} hexadecimal digits (256 bits)"
MAKE = "(umask 077; openssl rand -hex 32 > FILE) makes one; keep a copy in a safe place"


def read(file: Path | None, root: Path) -> bytes:
    """The secret in ``file``, else in the environment; 32 bytes.

    Raises InputError, which never holds the secret: neither is given, the file lies in the project
    at ``root`` or can be read by others, or it holds something else.
    """
    if file is not None:
        return _parsed(_owned(file, root), file)
    text = os.environ.get(VARIABLE)
    if text is None:
        allowed = f"--secret FILE, or {ALLOWED} in {VARIABLE}"
        raise InputError("no secret for the salts", allowed=allowed, hint=MAKE)
    return _parsed(text, VARIABLE)


def _owned(file: Path, root: Path) -> str:
    place = file.resolve()
    if not place.is_file():
        raise InputError("no such file", file=file, hint=MAKE)
    if place.is_relative_to(root.resolve()):
        raise InputError("a secret must not lie in the project, which is shared", file=file)
    with place.open(encoding="ascii", errors="replace") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if stat.S_IMODE(mode) & 0o077:
            found = f"mode {stat.S_IMODE(mode):o}"
            raise InputError("others may read the secret", file=file, value=found, allowed="600")
        return stream.read(4096)


def _parsed(text: str, place: object) -> bytes:
    digits = text.strip()
    try:
        secret = bytes.fromhex(digits) if len(digits) == DIGITS else b""
    except ValueError:
        secret = b""
    # A repeated byte is a placeholder, not a secret.
    if len(set(secret)) < 8:
        raise InputError("not a secret", file=place, allowed=ALLOWED, hint=MAKE)
    return secret
