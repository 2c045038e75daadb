"""Servers of trackers, from which `scaling pull` takes runs: a file a server.

Each writes a file that a reader of `scaling.runs.formats` reads, so that a name, a step or a unit
means the same wherever a run comes from. What was pulled is remembered by those files alone.
"""

from __future__ import annotations

from scaling.runs.servers._pulled import Pulled

__all__ = ["Pulled"]
