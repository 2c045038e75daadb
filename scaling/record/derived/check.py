"""Whether the audit's tables and the index are what the record gives.

They are derived from published versions, outcomes on record, timestamps and params.yaml, so a byte
that differs in them is named. What an older code wrote differs too, and is written again.
"""

from __future__ import annotations

from pathlib import Path

from scaling.record.audit.run import (
    audit_problems,
    differences,
    outcome_problems,
    signature_problems,
)
from scaling.record.derived import cache
from scaling.record.versions.ledger import LEDGER

AGAIN = "`scaling site` writes it again"


def derived_problems(root: Path, certificate: Path | None = None) -> list[str]:
    """The outcomes that are not as they were, and the derived files that are not as the record
    gives them.

    ``certificate`` verifies the timestamps on which dates rest. The versions themselves are taken
    to be whole.
    """
    state = cache.state(root, certificate)
    problems = audit_problems(root, certificate) + index_problems(root)
    # Not when somebody wrote meanwhile.
    if not problems and cache.state(root, certificate) == state:
        cache.keep(state)
    return problems


def derived_before(root: Path, certificate: Path | None = None) -> list[str] | None:
    """As `derived_problems`, where this machine has derived the same bytes from the same record by
    the same code and found no problem; else None.

    What may differ all the same, the outcomes and signatures in Git, is read again.
    """
    if not cache.is_known(cache.state(root, certificate)):
        return None
    return outcome_problems(root) + signature_problems(root)


def index_problems(root: Path) -> list[str]:
    """The files of the index that the ledger and the versions do not give."""
    from scaling.record.site.write import JSON, OLDER, SUBJECT, derived

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
