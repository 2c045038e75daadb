"""Whether the audit's tables and the index are what the record gives.

They are derived from published versions, outcomes on record, timestamps and params.yaml, so a byte
that differs in them is named. What an older code wrote differs too, and is written again.
"""

from __future__ import annotations

from pathlib import Path

from scaling.record.audit.run import audit_problems, differences
from scaling.record.site.write import JSON, OLDER, SUBJECT, derived
from scaling.record.versions.ledger import LEDGER

AGAIN = "`scaling site` writes it again"


def derived_problems(root: Path, certificate: Path | None = None) -> list[str]:
    """The outcomes that are not as they were, and the derived files that are not as the record
    gives them.

    ``certificate`` verifies the timestamps on which dates rest.
    """
    return audit_problems(root, certificate) + index_problems(root)


def index_problems(root: Path) -> list[str]:
    """The files of the index that the ledger and the versions do not give."""
    reports = root / "reports"
    if not (reports / LEDGER).is_file():
        return []
    there = [
        path.name
        for path in reports.iterdir()
        if OLDER.fullmatch(path.name) or SUBJECT.fullmatch(path.name)
    ]
    if not (reports / JSON).is_file() and not there:
        return [f"reports/{JSON}: is missing; {AGAIN}"]
    made = derived(root)
    strange = [f"reports/{name}: is no page of the index" for name in there if name not in made]
    return differences(reports, made, "reports", AGAIN) + strange
