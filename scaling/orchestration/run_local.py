"""Run the flow ``refit`` here and now: what ``scaling refit`` calls.

Nothing to do is found out without Prefect. Otherwise the flow runs against the server that
``PREFECT_API_URL`` names or, without one, against a temporary server in ``.prefect/``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaling.errors import InputError
from scaling.orchestration.dvc.graph import up_to_date
from scaling.orchestration.dvc.process import StageFailed
from scaling.orchestration.project_flows import load_flow
from scaling.orchestration.project_lock import alone
from scaling.orchestration.server.temporary import ServerError, drain, temporary_server
from scaling.orchestration.server.watchdog import impatient, of_the_server
from scaling.orchestration.watch_inbox import settle
from scaling.record.versions.fingerprint import fingerprint
from scaling.record.versions.ledger import PublishError


def main(root: Path | None = None) -> int:
    """Refit and publish; returns the exit status: 0, 2 for bad input, 130 for Ctrl-C, or 1."""
    root = (root or Path.cwd()).resolve()
    try:
        with alone(root):
            _refit(root)
    except StageFailed as failure:  # what it said is on the screen already
        return 2 if failure.code == 2 else 1
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except (PublishError, ServerError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _refit(root: Path) -> None:
    settle(root)
    if up_to_date(root):
        version = fingerprint(root).version
        print(f"everything is up to date: {version}")
        print(f"report: {root / 'reports' / version / 'report.html'}")
        return
    with _api(_home(root)), impatient():
        refit = load_flow(root, "refit.py:refit")
        try:
            refit(root)
        except Exception as error:
            if not of_the_server(error):  # but the flow's own
                raise
            raise ServerError(
                f"Prefect's server failed ({type(error).__name__}): is it still there, and is "
                "there space on its disk? What was published is whole; the same command goes on "
                "from here"
            ) from error
        finally:
            drain()


def _home(root: Path) -> Path:
    """Prefect's folder; when it is the one in the repository, Git is told to ignore it."""
    home = Path(os.environ.get("PREFECT_HOME", root / ".prefect"))
    if home.parent == root:
        home.mkdir(exist_ok=True)
        (home / ".gitignore").write_text("*\n", encoding="utf-8")
    return home


@contextmanager
def _api(home: Path) -> Iterator[None]:
    """Prefect pointed at a server: the one that was set, or a temporary one."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    if PREFECT_API_URL.value():
        yield
        return
    with temporary_server(home) as url, temporary_settings({PREFECT_API_URL: url}):
        yield


if __name__ == "__main__":
    sys.exit(main())
