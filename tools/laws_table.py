"""Write the table of laws into docs/laws.md: python -m tools.laws_table"""

from __future__ import annotations

import re
from pathlib import Path

from scaling import laws
from scaling.cli.display.fits import inputs_text

PAGE = Path("docs/laws.md")
BETWEEN = re.compile(r"(<!-- laws:[^\n]*-->\n).*(<!-- end -->)", re.S)


def table() -> str:
    """One row a law, as Markdown."""
    lines = ["| law | formula | inputs | paper |", "|---|---|---|---|"]
    for law in laws.load().values():
        cells = (f"`{law.name}`", f"`{law.formula}`", inputs_text(law), law.citation)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def page(text: str) -> str:
    """The page with the table of today."""
    return BETWEEN.sub(lambda found: found[1] + table() + found[2], text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
