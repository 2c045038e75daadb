"""Run the flow ``refit`` here and now: what ``scaling refit`` calls.

Nothing to do is found out without Prefect. Otherwise the flow runs against the server that
``PREFECT_API_URL`` names or, without one, against a temporary server in ``.prefect/``.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scaling.errors import InputError
from scaling.extras import need
from scaling.orchestration.dvc.graph import needed, reproduce, up_to_date
from scaling.orchestration.dvc.process import StageFailed
from scaling.orchestration.project_flows import load_flow
from scaling.orchestration.project_lock import hold_project
from scaling.orchestration.server.temporary import ServerError, drain, temporary_server
from scaling.orchestration.watch_inbox import wait_for_writers
from scaling.record.reproduce.packages import not_as_locked
from scaling.record.versions import engine_file
from scaling.record.versions.files import place_of_page
from scaling.record.versions.fingerprint import PACKAGES
from scaling.record.versions.ledger import PublishError, short
from scaling.record.versions.sources import ENGINE_FILE
from scaling.record.versions.store import holding
from scaling.runs.held_back import sentences


def main(root: Path | None = None) -> int:
    """Refit and publish; returns the exit status of `exit_status`."""
    root = (root or Path.cwd()).resolve()

    def work() -> None:
        need("pipeline")
        engine_file.check(root)
        with hold_project(root):
            _refit(root)

    return exit_status(work)


def exit_status(work: Callable[[], object]) -> int:
    """Do the work; 0, 2 for bad input, 130 for Ctrl-C, or 1, with the reason on standard error."""
    try:
        work()
    except StageFailed as failure:  # its output is on the screen already
        return 2 if failure.code == 2 else 1
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except PublishError as error:
        print(error, file=sys.stderr)
        return 1
    except ServerError as error:
        print(error, file=sys.stderr, flush=True)
        sys.stdout.flush()
        # Prefect would try for most of a minute to send what is queued to a server that is gone.
        os._exit(1)
    except KeyboardInterrupt:
        print("stopped; run the same command again to continue", file=sys.stderr)
        return 130
    return 0


def _refit(root: Path) -> None:
    wait_for_writers(root)
    if up_to_date(root):
        held, note = holding(root)
        assert held is not None
        print(f"everything is up to date: {short(held.version)}{note}")
        print(f"report: {place_of_page(root / 'reports' / held.version)}")
        for line in sentences(root):
            print(line, file=sys.stderr)
        return
    for line in not_as_locked(root / PACKAGES) if (root / PACKAGES).is_file() else ():
        print(line, file=sys.stderr)
    if not has_flow(root):
        _refit_plainly(root)
        return
    # Loaded within the settings of the server.
    run_flow(root, lambda: load_flow(root, "refit.py:refit")(root))


def has_flow(root: Path) -> bool:
    """Whether the project has a flow `refit` of its own: in a workspace one that was written there.

    What else a person keeps in a folder `flows` is no matter of ours.
    """
    name = "flows/refit.py"
    known = not (root / ENGINE_FILE).is_file() or name in engine_file.read(root).managed
    return known and (root / name).is_file()


def _refit_plainly(root: Path) -> None:
    """Bring the stages up to date one after the other, and publish: no flow, and no server.

    Raises StageFailed: the first.
    """
    from scaling.pipeline.publish import publish

    outcomes, failures = reproduce(root, list(needed(root)))
    for one in outcomes:
        print(one)
        if one.warnings:
            print(one.warnings, file=sys.stderr)
    if failures:
        print(failures[0], file=sys.stderr)
        raise failures[0]
    published = publish(root)
    print(published.sentence)
    print(f"report: {place_of_page(published.folder)}")
    for line in sentences(root):
        print(line, file=sys.stderr)


def run_flow(root: Path, flow: Callable[[], object]) -> None:
    """Run a flow against the server that was set or a temporary one. Raises ServerError."""
    # Else a log line that does not reach a server that is gone is a traceback on the screen.
    logging.raiseExceptions = False
    with local_server(root):
        import httpx
        from prefect.exceptions import PrefectException

        try:
            flow()
        except (httpx.HTTPError, PrefectException) as error:
            # The flow's own errors are none of these; a server that died or whose disk is full is.
            raise ServerError(
                f"Prefect's server failed ({type(error).__name__}): is it still running, and is "
                "there space on its disk? What was published is whole; run the same command again "
                "to continue"
            ) from error


def prefect_home(root: Path) -> Path:
    """Prefect's folder; when it is the one in the repository, Git is told to ignore it."""
    home = Path(os.environ.get("PREFECT_HOME", root / ".prefect"))
    if home.parent == root:
        # Its database has names and parameters of runs, and Prefect's secrets.
        home.mkdir(exist_ok=True)
        home.chmod(0o700)
        (home / ".gitignore").write_text("*\n", encoding="utf-8")
    return home


@contextmanager
def local_server(root: Path) -> Iterator[None]:
    """Prefect pointed at a server: the one that was set, or a temporary one. At the end all that
    is queued for it is sent."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with ExitStack() as stack:
        if not PREFECT_API_URL.value():
            url = stack.enter_context(temporary_server(prefect_home(root)))
            stack.enter_context(temporary_settings({PREFECT_API_URL: url}))
        stack.callback(drain)
        yield


if __name__ == "__main__":
    sys.exit(main())
