"""The pictures of pages in docs/img: `python -m tools.screenshots` after `scaling refit`.

Needs Chromium. Each page is taken at the width of a desktop and of a phone, in light and dark.
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

from scaling.cli.commands.explore import explore
from scaling.record.versions.lookup import find
from tests.support.browser import started

IMAGES = Path("docs/img")
SHOW = "scrollIntoView({behavior: 'instant'})"


def main() -> None:
    """Write the pictures of the newest report's first card and of the explorer."""
    with tempfile.TemporaryDirectory() as folder:
        explorer = Path(folder) / "explorer.html"
        explore(None, explorer)
        report = find(Path.cwd()) / "report.html"
        with started(Path(folder)) as browser:
            for width, scheme in itertools.product((390, 1280), ("light", "dark")):
                for name, page, top in (
                    ("report", report, "#forecasts ~ * h3"),
                    ("explorer", explorer, "h1"),
                ):
                    browser.open(page, width, 1000, scheme)
                    browser.run(f"document.querySelector('{top}').{SHOW}")
                    browser.picture(IMAGES / f"{name}-{width}-{scheme}.png")


if __name__ == "__main__":
    main()
