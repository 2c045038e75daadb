"""A commit laid out in a plain folder: code, choices and inputs, and nothing that was published.

What the stages should compute is not there, nor is Git's history, which has it. So the code of a
version can write a published number only by computing it, or by bringing it along in its own files,
which `code_changes` lists.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from scaling.io.archives import extract
from scaling.io.git import git
from scaling.io.hashing import sha256
from scaling.record.reproduce.git_state import INPUTS
from scaling.record.reproduce.published import Published, ReproduceError
from scaling.record.reproduce.sandbox import execute, printable
from scaling.record.versions.fingerprint import INBOX
from scaling.record.versions.sources import CODE, ENGINE_FILE

# Of a commit, only this is laid out; all code, since the id in a version's report is made of it.
OTHER = (ENGINE_FILE, "history.yaml", "data/internal", "data/withdrawn")
KEPT = tuple(dict.fromkeys((*CODE, *OTHER, *INPUTS)))
# DVC of the tree: no Git, no remote, no questions to a server.
CONFIG = "[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n"
# A remote for one fetch: the cache of the project, whose objects are hashed as they are read.
CACHE = """
['remote "cache-of-the-project"']
    url = {cache}
    verify = true
"""
# What `dvc add` writes of a folder; anything else could fetch from elsewhere.
TRACKED = {"hash", "md5", "nfiles", "path", "size"}


def lay_out(root: Path, commit: str, tree: Path) -> None:
    """Write what is kept of the commit into the folder ``tree``; raises ReproduceError."""
    folder, at = (git(root, "rev-parse", one) for one in ("--absolute-git-dir", f"{commit}:./"))
    if folder is None or at is None:
        raise ReproduceError(f"Git cannot read {commit} of {root}")
    store, content = Path(folder.decode().strip()), at.decode().strip()
    listed = (git(store, "ls-tree", "-r", "-z", "--name-only", content) or b"").decode().split("\0")
    kept = [one for one in KEPT if any((name + "/").startswith(one + "/") for name in listed)]
    packed = git(store, "archive", "--format=tar", content, "--", *kept) if kept else None
    if packed is None:
        raise ReproduceError(f"Git cannot read the files of {commit}")
    try:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            extract(archive, tree)
    except tarfile.TarError as error:
        raise ReproduceError(
            f"{commit} has a file that leads out of its folder: {error}"
        ) from error
    (tree / ".dvc").mkdir()
    (tree / ".dvc" / "config").write_text(CONFIG, encoding="utf-8")


def remove_copies(tree: Path, versions: Iterable[Published]) -> Iterator[str]:
    """Remove files of the tree with the bytes of a published file; one line for each."""
    published = {
        sha256(content): f"{one.name}/{name}"
        for one in versions
        for name in one.files
        if (content := one.content(name)) is not None
    }
    for path in sorted(tree.rglob("*")):
        if path.is_file() and path.stat().st_size:
            copied = published.get(sha256(path.read_bytes()))
            if copied is not None:
                path.unlink()
                name = printable(str(path.relative_to(tree)))
                yield f"left out {name}: it has the bytes of the published {copied}"


# The inbox ---------------------------------------------------------------------------------------


def inbox_of(root: Path, commit: str, version: Published) -> str:
    """The text of `INBOX` at the issue, which may be older than the commit; empty: there was none.

    A manifest from before inboxes were kept leaves it to the commit.
    """
    return version.inbox((git(root, "show", f"{commit}:./{INBOX}") or b"").decode())


def put_inbox(root: Path, tree: Path, inbox: str, work: Path) -> None:
    """Lay the runs of an inbox into the tree; raises ReproduceError where they are nowhere.

    They are fetched in a folder of their own, by the remotes of this project: neither the code nor
    the DVC settings of the version see what the remotes ask for.
    """
    (tree / INBOX).unlink(missing_ok=True)
    if not inbox:
        return
    fetched = fetch(root, INBOX, inbox, work)
    (tree / INBOX).parent.mkdir(parents=True, exist_ok=True)
    (tree / INBOX).write_text(inbox, encoding="utf-8")
    shutil.copytree(fetched, tree / Path(INBOX).with_suffix(""))


def fetch(root: Path, name: str, text: str, work: Path) -> Path:
    """The folder that DVC's file ``name`` of this ``text`` tracks, from the project's cache or one
    of its remotes; raises ReproduceError where it is nowhere."""
    _check(name, text)
    fetched = work / Path(name).stem
    (fetched / ".dvc").mkdir(parents=True)
    git(fetched, "init", "--quiet")
    cache = _dvc(root, "cache", "dir").strip()
    for config, more in (("config", ""), ("config.local", CACHE.format(cache=cache))):
        own = root / ".dvc" / config
        known = own.read_text(encoding="utf-8") if own.is_file() else ""
        (fetched / ".dvc" / config).write_text(known + more, encoding="utf-8")
    (fetched / name).parent.mkdir(parents=True, exist_ok=True)
    (fetched / name).write_text(text, encoding="utf-8")
    _pull(fetched, name)
    return (fetched / name).with_suffix("")


def _check(name: str, text: str) -> None:
    """Refuse a file of DVC that is more than the hash of a folder: more can fetch from afar."""
    try:
        content = yaml.safe_load(text)
        [out] = content["outs"]
        plain = set(content) == {"outs"} and set(out) <= TRACKED
        named = out["path"] == Path(name).stem
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        plain = named = False
    if not (plain and named):
        allowed = f"one entry under `outs`, of {', '.join(sorted(TRACKED))}"
        what = "the inbox in its manifest" if name == INBOX else name
        raise ReproduceError(f"{what} is not what `dvc add` writes: {allowed}")


def _pull(folder: Path, tracked: str) -> None:
    """Fetch what ``tracked`` of the folder names, from the first remote that has them."""
    problems = []
    for remote in _dvc(folder, "remote", "list").splitlines():
        name = remote.split()[0]
        try:
            # DVC trusts a remote unless its settings say otherwise.
            _dvc(folder, "remote", "modify", "--quiet", "--local", name, "verify", "true")
            _dvc(folder, "pull", "--quiet", "--remote", name, tracked)
        except ReproduceError as error:
            problems.append(f"{name}: {error}")
        else:
            return
    runs = "the runs of the inbox at that time are"
    what = runs if tracked == INBOX else f"what {tracked} names is"
    problem = f"{what} neither in DVC's cache nor in a remote:"
    raise ReproduceError("\n".join([problem, *problems]))


def _dvc(folder: Path, *arguments: str) -> str:
    """What this installation's DVC prints; ``-P``: never a module of the folder."""
    command = [sys.executable, "-P", "-m", "dvc", *arguments]
    return execute(command, folder, os.environ, command)
