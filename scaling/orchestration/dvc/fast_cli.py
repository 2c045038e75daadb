"""DVC's command line, with one of its questions to Git put to Git.

Before DVC keeps an output, it asks whether Git tracks it, and reads Git's whole index in Python to
answer: 15 us for each file that Git tracks, once for each such output of a stage that ran. With
every version in Git that grew with each refit. ``git ls-files`` answers the same in some
milliseconds. Run as a file, not with -m: the folder of the stages may have other code.
"""

from __future__ import annotations

import os
import subprocess
import sys

from dvc.cli import main
from scmrepo.git.backend.dulwich import DulwichBackend

_read_whole = DulwichBackend.is_tracked


def is_tracked(self: DulwichBackend, path: str) -> bool:
    """Whether Git's index has the file, or a file in the folder."""
    top = str(self.root_dir)
    name = os.path.relpath(path, top)
    command = ["git", "--literal-pathspecs", "-C", top, "ls-files", "-z", "--", name]
    try:
        asked = subprocess.run(command, capture_output=True)
    except FileNotFoundError:
        return bool(_read_whole(self, path))
    return bool(asked.stdout if asked.returncode == 0 else _read_whole(self, path))


if __name__ == "__main__":
    DulwichBackend.is_tracked = is_tracked  # type: ignore[method-assign]
    sys.exit(main(sys.argv[1:]))
