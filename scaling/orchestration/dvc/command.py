"""DVC's command line, with a faster write of ``dvc.lock``.

For each stage that ran, DVC parses the whole of ``dvc.lock`` in pure Python, with its comments, and
writes it again: .5 CPU s of a file of 2,000 lines, as much as the small stages take. Here the lines
of one stage are replaced in the text. What DVC writes for the stage is DVC's own, so the file has
the bytes that ``dvc repro`` gives by hand. A file of any other form is left to DVC.

The new file is renamed into place, so a kill leaves the old one or the new one. Run as a file, not
with -m: the folder of the stages may have other code.

Rests on internals of dvc 3.67.1: `Lockfile.dump_stages`, and the form in which it writes a file.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dvc.cli import main
from dvc.dvcfile import Lockfile
from dvc.stage import serialize
from dvc.utils.serialize import dumps_yaml

HEAD = "schema: '2.0'\nstages:\n"
# The only top-level keys are those of HEAD, and no comment stands among the stages.
PLAIN = re.compile(re.escape(HEAD) + r"(?:  [^#\n]*\n)+")
_whole = Lockfile.dump_stages


def replaced(text: str, name: str, data: Any) -> str | None:
    """The text of a lock file with the lines of one stage replaced, or added at the end.

    None where the text, or what DVC writes for the stage, is of another form.
    """
    lines: str = dumps_yaml({"stages": {name: data}}).removeprefix("stages:\n")
    first = lines[: lines.index("\n") + 1]
    is_plain = PLAIN.fullmatch(text) and PLAIN.fullmatch(HEAD + lines) and first.endswith(":\n")
    if not is_plain:
        return None
    start = text.find(f"\n{first}") + 1
    if start == 0:
        return text + lines
    # The next line of the same depth is the next stage's.
    end = re.compile(r"^  (?! )", re.MULTILINE).search(text, start + len(first))
    return text[:start] + lines + (text[end.start() :] if end else "")


def dump_stages(self: Lockfile, stages: Iterable[Any], **kwargs: Any) -> None:
    """Write the stages into the lock file, as `Lockfile.dump_stages` does."""
    path = Path(self.path).resolve()
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    text: str | None = old
    for stage in stages:
        [(name, data)] = serialize.to_lockfile(stage, **kwargs).items()
        text = None if text is None else replaced(text, name, data)
    if text is None:
        _whole(self, stages, **kwargs)
    elif text != old:
        # DVC holds its lock here, so there is one writer; the next one overwrites a rest.
        beside = Path(self.repo.tmp_dir or path.parent, f".tmp-{path.name}")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
        self.repo.scm_context.track_file(self.relpath)


if __name__ == "__main__":
    # A process of seconds: looking for cycles takes a tenth of its time and finds little.
    gc.set_threshold(100_000)
    Lockfile.dump_stages = dump_stages
    sys.exit(main(sys.argv[1:]))
