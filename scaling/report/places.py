"""What publishing fills in: a stage knows of no version, so it leaves places.

A place is a text that stands in all three formats of a report and is replaced there.
"""

from __future__ import annotations

from datetime import date

from scaling.document.blocks import ISSUE, Cell, Entries, Entry, Section, Text

HISTORY_TEXT = "Publishing says here what the parameters were in earlier versions."
HISTORY = Section("history", "Parameters over versions", (Text(HISTORY_TEXT),), folded=True)
CHANGES_TEXT = "Publishing says here what changed since the version before."
CHANGES = Section("changes", "What changed, and why", (Text(CHANGES_TEXT),))

VERSION_PLACE = "no version yet: not published"
ISSUED_PLACE = "no day of issue yet"
VERIFIED_PLACE = "nothing to verify yet"
CHANGED_PLACE = "Publishing says here in one line what changed."


def issue_section(day: date | None) -> Section:
    """The header of a version: which one, when, on which data, and what changed.

    ``day`` is that of the newest row behind the studies.
    """
    known = "unknown: no row has a day" if day is None else day_text(day)
    facts = (
        Entry("Version", Cell(VERSION_PLACE)),
        Entry("Issued", Cell(ISSUED_PLACE)),
        Entry("Data as of", Cell(known, origin="data/validated#recorded, else observed")),
        Entry("Verification", Cell(VERIFIED_PLACE)),
        Entry("What changed", Cell(CHANGED_PLACE)),
    )
    return Section(ISSUE, "This version", (Entries("facts", facts),))


def day_text(day: date) -> str:
    """A day as people write it: 29 November 2026."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


# Not from the locale: the same bytes everywhere.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
