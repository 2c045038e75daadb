"""What a pull found on a server, and what it took."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Pulled:
    """Every run that the server has is in one of the counts.

    Attributes:
        server: address of the server, and the experiment or project.
        taken: ids of the runs that are new or changed, and were written.
        values: values in them.
        unchanged: runs that were pulled before, and are as they were.
        left_out: what is not taken, a run each, with the reason.
        remarks: what else is to be known.
    """

    server: str
    taken: list[str] = field(default_factory=list)
    values: int = 0
    unchanged: int = 0
    left_out: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def runs(self) -> int:
        """Runs on the server."""
        return len(self.taken) + self.unchanged + len(self.left_out)
