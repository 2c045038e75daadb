"""Sections that publishing fills in: a stage knows of no other version, so it leaves a place."""

from __future__ import annotations

from scaling.document.blocks import Section, Text

HISTORY_TEXT = "Publishing says here what the parameters were in earlier versions."
HISTORY = Section("history", "Parameters over versions", (Text(HISTORY_TEXT),))
CHANGES_TEXT = "Publishing says here what changed since the version before."
CHANGES = Section("changes", "What changed, and why", (Text(CHANGES_TEXT),))
