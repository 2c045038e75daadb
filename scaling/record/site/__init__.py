"""The page over all published versions: ``reports/index.html``, ``index.md``, ``index.json``.

``records`` reads the ledger and the versions, ``page`` makes a report of them, ``write`` puts the
files in place. Nothing here enters a version, so a change to these pages makes no new version.
"""

from scaling.record.site.write import build, refresh

__all__ = ["build", "refresh"]
