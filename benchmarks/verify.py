"""What `scaling verify` and a checkpoint cost as the record grows.

Run it from the repository root with::

    python -m benchmarks.verify [--versions 500] [--lines 10000]

A made project in Git gets that many versions, published and committed one after another, each of
another revision. Prints CPU seconds of verifying all of them, bytes, dates, commits and tags
included, and of a checkpoint over a ledger of that many lines.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from scaling.pipeline.publish import publish
from scaling.record.versions import checkpoint
from scaling.record.versions.ledger import LEDGER
from scaling.record.versions.tags import tag_versions
from scaling.record.versions.verify import verify
from tests.support.publish_project import NOON, fill, git, write_report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=500)
    parser.add_argument("--lines", type=int, default=10_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = _project(Path(folder) / "project", asked.versions)
        start = time.process_time(), _children()
        assert verify(root) == []
        spent = time.process_time() - start[0] + _children() - start[1]
        print(f"verify of {asked.versions} versions: {spent:.1f} CPU s")
        line = (root / "reports" / LEDGER).read_bytes().splitlines(keepends=True)[0]
        (root / "reports" / LEDGER).write_bytes(line * asked.lines)
        kept = checkpoint.heads(root)
        began = time.process_time()
        assert list(checkpoint.since(root, kept)) == []
        print(f"checkpoint of {asked.lines} lines: {time.process_time() - began:.2f} CPU s")


def _children() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _project(root: Path, versions: int) -> Path:
    fill(root)
    git(root, "init", "-q")
    for name, who in (("user.name", "a"), ("user.email", "a@example.org")):
        git(root, "config", name, who)
    for number in range(versions):
        (root / "scaling/fitting/solver.py").write_text(f"DELTA = {number}\n")
        write_report(root, f"# Report {number}\n")
        git(root, "add", "-A")
        git(root, "commit", "-qm", f"data {number}")
        publish(root, now=NOON + timedelta(days=number))
        git(root, "add", "-A")
        git(root, "commit", "-qm", f"publish {number}")
    for _ in tag_versions(root):
        pass
    return root


if __name__ == "__main__":
    main()
