"""What `scaling watch` prints of a look at a run."""

from __future__ import annotations

from scaling.watching.text import answered, facts, line, lines, score_lines

__all__ = ["answered", "facts", "line", "lines", "score_lines"]
