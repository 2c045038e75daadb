"""Share what was published: DVC's data first, then a commit and a tag, then Git's remote.

Every step looks at what is there and does only what is missing, so a run that was killed or could
not reach a remote is finished by the next. Only what stages and publishing made is committed: what
a person is editing stays as it is. A remote is the name of one that Git or DVC has been given, so
no address and no password pass through here.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path, PurePosixPath

from scaling.orchestration.dvc.graph import dvc
from scaling.orchestration.sharing.push_inbox import earlier, push
from scaling.record.versions.files import has, is_pruned
from scaling.record.versions.fingerprint import INBOX, stages
from scaling.record.versions.ledger import LEDGER, MANIFEST, VERSION_NAME, short
from scaling.record.versions.tags import TAG, tag_versions, tagged

PUSH_SECONDS = 1800.0
# The index of all versions is rewritten by every publication and audit, so the one here is given
# up where another's comes.
INDEX = re.compile(r"index(-\d+-\d+)?\.(html|json|md)")
KINDS = ("outs", "metrics", "plots")
REJECTED = re.compile(r"\[(remote )?rejected\]|non-fast-forward|fetch first")
LONGEST = 4000
PASSWORD = re.compile(r"://[^/@\s]+@")


class ShareError(RuntimeError):
    """Sharing failed; ``retryable`` says whether it may work a minute later."""

    def __init__(self, text: str, *, retryable: bool = False) -> None:
        self.retryable = retryable
        # What a remote answered may be noise, or commands for a terminal.
        plain = "".join(c if c.isprintable() or c == "\n" else "?" for c in text[:LONGEST])
        super().__init__(PASSWORD.sub("://***@", plain))


def share(root: Path, version: str, git_remote: str | None, dvc_remote: str | None) -> list[str]:
    """Commit and tag the version, push it to the remotes that are named; what was done, in lines.

    Raises ShareError: then the version is published here, and the same call goes on from there.
    """
    _check_names(root, git_remote, dvc_remote)
    done = (
        [_push_data(root, dvc_remote), *_push_earlier_inboxes(root, dvc_remote)]
        if dvc_remote
        else []
    )
    if (commit := _commit(root, version)) is not None:
        done.append(f"committed {short(version)}")
    # Every version: an earlier run may have got no further than publishing.
    done += tag_versions(root)
    if git_remote:
        missing = sorted(tagged(root) - _sent(root, git_remote))
        if commit is not None or missing:
            done.append(_push_commits(root, git_remote, missing))
    return done


def catch_up(root: Path, git_remote: str, dvc_remote: str | None) -> str | None:
    """Take over what others have pushed, when nothing of ours is missing there; what was done.

    Several workers with a clone each then go on from the newest version, whoever published it. A
    remote that is not reached, commits of ours that it does not have, and edits that are in the
    way change nothing: the run goes on with what is here, and sharing says what is wrong. Data
    that is not there is recomputed. Raises ShareError for a remote that is not known here.
    """
    _check_names(root, git_remote, dvc_remote)
    branch = (_git_or_none(root, "symbolic-ref", "--short", "HEAD") or "").strip()
    # With the tags: a tag of one's own for a version that another tagged could not be pushed.
    if not branch or _git_or_none(root, "fetch", "--quiet", "--tags", git_remote, branch) is None:
        return None
    before = _git(root, "rev-parse", "HEAD")
    if _git(root, "rev-parse", "FETCH_HEAD") == before:
        return None
    _restore_index(root)
    if _git_or_none(root, "merge", "--quiet", "--ff-only", "FETCH_HEAD") is None:
        return None
    if _git(root, "rev-parse", "HEAD") == before:
        return None
    done = f"took over what {git_remote}/{branch} has"
    if dvc_remote:
        done += "" if _pull_data(root, dvc_remote) else f"; {dvc_remote} does not have all data"
    return done


def _restore_index(root: Path) -> None:
    """Put back the committed index, or none: one made anew here would be in the way of a merge."""
    listed = _git(root, "ls-tree", "--name-only", "HEAD", "reports/").splitlines()
    known = [name for name in listed if INDEX.fullmatch(Path(name).name)]
    if known:
        _git(root, "checkout", "--quiet", "HEAD", "--", *known)
    for name in set(_index(root)) - set(known):
        (root / name).unlink()


def _index(root: Path) -> list[str]:
    found = os.listdir(root / "reports") if (root / "reports").is_dir() else []
    return [f"reports/{name}" for name in sorted(found) if INDEX.fullmatch(name)]


def _check_names(root: Path, git_remote: str | None, dvc_remote: str | None) -> None:
    """Refuse a remote that is not one: before anything is done."""
    known = _git(root, "remote").split()
    if git_remote and git_remote not in known:
        raise ShareError(f"Git has no remote {git_remote!r} here; it has {known or 'none'}")
    if not dvc_remote:
        return
    listed = [line.split()[0] for line in dvc(root, "remote", "list").stdout.splitlines() if line]
    if dvc_remote not in listed:
        raise ShareError(f"DVC has no remote {dvc_remote!r} here; it has {listed or 'none'}")


def _push_data(root: Path, remote: str) -> str:
    pushed = dvc(root, "push", "--remote", remote, seconds=PUSH_SECONDS)
    if pushed.returncode != 0:
        raise ShareError(f"DVC could not push to {remote}: {pushed.stderr.strip()}", retryable=True)
    return f"DVC's {remote} has the data"


def _pull_data(root: Path, remote: str) -> bool:
    """Whether all data came, every byte of it hashed; DVC trusts a remote unless it is set not to.

    Set in .dvc/config.local, so that a pull by hand in this clone is checked from then on too.
    """
    set_up = dvc(root, "remote", "modify", "--local", remote, "verify", "true")
    pulled = dvc(root, "pull", "--remote", remote, seconds=PUSH_SECONDS)
    return set_up.returncode == pulled.returncode == 0


def _push_earlier_inboxes(root: Path, remote: str) -> list[str]:
    """The runs behind versions without a commit, where more have come since.

    What DVC's cache has lost keeps no other version back: it is reported, here and by `reproduce`.
    """
    found = earlier(root, _untagged(root))
    if not found:
        return []
    names, pushed = ", ".join(found), push(root, remote, found.values())
    if pushed.returncode != 0:
        error = pushed.stderr.strip()
        return [f"{remote} does not have all of the earlier runs of {names}: {error}"]
    return [f"{remote} has the earlier runs of {names}"]


def _commit(root: Path, version: str) -> str | None:
    """Commit what was made, and nothing else; None when Git has it already.

    The index goes with a version: by itself it changes with every audit, on each worker.
    """
    new = [f"reports/{one}" for one in _untagged(root)]
    paths = [*_kept_by_git(root), INBOX, f"reports/{LEDGER}", *new]
    paths = [path for path in paths if (root / path).exists()]
    _git(root, "add", "--", *paths)
    pruned = _pruned(root)
    if not pruned and not _git(root, "diff", "--cached", "--name-only", "--", *paths).strip():
        return None
    chosen = "\0".join([*paths, *pruned, *_index(root)])
    from_input = ("--pathspec-from-file=-", "--pathspec-file-nul")
    _git(root, "add", *from_input, given=chosen)
    message = f"Publish {short(version)}"
    _git(root, "commit", "--quiet", "--message", message, *from_input, given=chosen)
    return _git(root, "rev-parse", "HEAD").strip()


def _pruned(root: Path) -> list[str]:
    """Files that publishing removed from the tree, because the commit of their version has them."""
    lost = _git(root, "ls-files", "-z", "--deleted", "--", "reports").split("\0")
    folders = {path: PurePosixPath(path).parts[:2] for path in lost if path}
    versions = {one for one in folders.values() if VERSION_NAME.fullmatch(one[-1])}
    pruned = {one for one in versions if is_pruned(root.joinpath(*one))}
    return [path for path, folder in folders.items() if folder in pruned]


def _kept_by_git(root: Path) -> list[str]:
    """What stages make and Git keeps: the outputs in ``dvc.yaml`` that DVC does not cache."""
    listed = [one for spec in stages(root) for kind in KINDS for one in spec.get(kind) or []]
    kept = [next(iter(one.items())) for one in listed if isinstance(one, dict)]
    # Of an output of each study, the folder.
    names = {name.split("${")[0].rstrip("/") for name, how in kept if how.get("cache") is False}
    return ["dvc.lock", *sorted(names)]


def _untagged(root: Path) -> list[str]:
    """Versions without a tag. One that has it is committed: what has become of its files since is
    not shared."""
    reports, had = root / "reports", tagged(root)
    new = [name for name in sorted(os.listdir(reports)) if name not in had]
    return [name for name in new if has(reports / name, MANIFEST)]


def _sent(root: Path, remote: str) -> set[str]:
    """Versions that the remote was seen to take, with their tags; asks no network."""
    place = f"refs/scaling/{remote}/"
    listed = _git(root, "for-each-ref", "--format=%(refname)", place).split()
    return {name.removeprefix(place) for name in listed}


def _push_commits(root: Path, remote: str, versions: list[str]) -> str:
    branch = (_git_or_none(root, "symbolic-ref", "--short", "HEAD") or "").strip()
    if not branch:
        raise ShareError("Git is on no branch, so there is none to push; check one out")
    places = [f"HEAD:refs/heads/{branch}", *(f"refs/tags/{TAG}{one}" for one in versions)]
    pushed = _run(root, "push", "--quiet", "--atomic", remote, *places)
    if pushed.returncode == 0:
        for one in versions:
            _git(root, "update-ref", f"refs/scaling/{remote}/{one}", "HEAD")
        return f"pushed to {remote}/{branch}"
    error = pushed.stderr.strip()
    if REJECTED.search(error):
        raise ShareError(
            f"{remote}/{branch} has commits that are not here, so nothing was pushed. The version "
            f"is published and committed here. Bring them together (git pull --no-rebase {remote} "
            f"{branch}) and run the refit again.\n{error}"
        )
    raise ShareError(f"Git could not push to {remote}: {error}", retryable=True)


def _git(root: Path, *arguments: str, given: str | None = None) -> str:
    done = _run(root, *arguments, given=given)
    if done.returncode != 0:
        error = done.stderr.strip() or done.stdout.strip()
        raise ShareError(f"git {arguments[0]} failed: {error}")
    return done.stdout


def _git_or_none(root: Path, *arguments: str) -> str | None:
    done = _run(root, *arguments)
    return done.stdout if done.returncode == 0 else None


def _run(root: Path, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Git with ``given`` on its input, which never waits for a person to type a password."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            errors="replace",  # a remote may answer with anything
            timeout=PUSH_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ShareError(
            f"git {arguments[0]} took over {PUSH_SECONDS:g} s", retryable=True
        ) from None
    except FileNotFoundError:
        raise ShareError("there is no git on this machine") from None
