"""Exit codes of the ``scaling`` command.

Ctrl-C ends it with 130, as it does any program.
"""

from __future__ import annotations

from typing import Final

OK: Final = 0
NO: Final = 1
BAD_INPUT: Final = 2
FAULT: Final = 70  # EX_SOFTWARE of sysexits.h

MEANINGS: Final = {
    OK: "It did what was asked.",
    NO: "It looked, and the answer is no: a check failed, versions differ, a stage failed, "
    "or something stands in the way, such as a full disk.",
    BAD_INPUT: "An argument, a file or a cell cannot be used; the message says which. Nothing was "
    "written.",
    FAULT: "A fault in the program itself; the traceback is on standard error.",
}
