"""Inputs that are not as Git has them: edits in progress, or damage."""

from __future__ import annotations

from pathlib import Path

from scaling.io.git import git

# What versions are made from and Git keeps; a team's own runs are DVC's to check (`dvc status`).
INPUTS = (
    "data/published",
    "data/thresholds",
    "data/trends",
    "data/declared",
    "data/releases",
    "laws",
    "params.yaml",
    "dvc.yaml",
    "requirements.lock",
)


def changed(root: Path) -> list[str]:
    """One line for each input that differs from the last commit, or is gone.

    No version is worse for it, so this is said and is no failure: whoever edits an input knows, and
    whoever did not has found a damaged file before the next refit reads it.
    """
    said = git(root, "diff", "--name-only", "--relative", "HEAD", "--", *INPUTS)
    names = (said or b"").decode(errors="replace").splitlines()
    return [
        f"{name} is not as Git has it: an edit to commit, or damage (git checkout -- {name})"
        for name in names
    ]
