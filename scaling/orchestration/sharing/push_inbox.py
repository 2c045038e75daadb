"""Push the inbox of versions that were not committed before more runs came.

`dvc push` sends what is in the folder now. A version whose run was killed between its publication
and its commit may be of an earlier inbox: its manifest keeps DVC's text of it, and by the hash in
it the runs are sent too, so that whoever clones can reproduce the version. DVC's command line
does not do it: it pushes a folder whose files its cache has lost, and reports success.

Rests on internals of dvc 3.67.1: `Repo.cloud.push` of hashes, and the list of a folder's files in
the cache (`dvc_data`).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from scaling.record.versions.fingerprint import inputs
from scaling.record.versions.tables import recorded

SECONDS = 1800.0


def earlier(root: Path, versions: Iterable[str]) -> dict[str, str]:
    """Version -> hash of its inbox, of those whose inbox is not the present one."""
    now, found = inputs(root)["inbox"], {}
    for version in versions:
        text = recorded(root / "reports" / version).get("inbox")
        if text and text != now:
            found[version] = str(yaml.safe_load(text)["outs"][0]["md5"])
    return found


def push(root: Path, remote: str, hashes: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Send these inboxes from DVC's cache, in a process of its own; its status says whether all."""
    command = [
        sys.executable,
        "-m",
        "scaling.orchestration.sharing.push_inbox",
        str(root),
        remote,
        *sorted(set(hashes)),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)


def _main(root: str, remote: str, hashes: list[str]) -> int:
    from dvc.repo import Repo

    with Repo(root) as repo:
        problems = [problem for one in hashes if (problem := _pushed(repo, remote, one))]
    print("\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


def _pushed(repo: Any, remote: str, digest: str) -> str:
    """What stood in the way; empty when the remote has all of it."""
    from dvc.exceptions import DvcException
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree
    from dvc_objects.errors import ObjectDBError

    whole = HashInfo("md5", digest)
    try:
        # The files first: who has the list of a folder can then get all of it.
        files = [file for _, _, file in Tree.load(repo.cache.local, whole)]
        failed = repo.cloud.push([*files, whole], remote=remote).failed
    except (DvcException, ObjectDBError, OSError) as error:
        return f"{digest}: {error}"
    return f"{digest}: not all of it came there" if failed else ""


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], sys.argv[2], sys.argv[3:]))
