"""What a watch reads, and where its record is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scaling.errors import InputError
from scaling.watching.journal import Journal
from scaling.watching.source import local


@dataclass(frozen=True)
class Place:
    """A log and its record.

    Attributes:
        file: what is read.
        record: folder of the forecasts and the score.
        name: what the record calls the log.
        chosen: whether the person named the folder.
        fetch: brings the file of a server's runs up to date; None for a log on disk.
    """

    file: Path
    record: Path
    name: str
    chosen: bool
    fetch: Callable[[], object] | None = None

    def refuse_another(self, journal: Journal) -> None:
        """A folder that was not chosen may have the record of another log of that name.

        Raises:
            InputError: it has.
        """
        before = journal.rows[-1].get("log") if journal.rows else None
        if not self.chosen and before is not None and before != self.name:
            raise InputError(
                "its folder has the forecasts of another log",
                file=journal.folder,
                value=before,
                allowed=f"{self.name}, or a folder of its own: --out FOLDER",
            )


def place_of(log: str, experiment: str | None, out: Path | None, workspace: bool) -> Place:
    """The place of a log: a file, a folder, an MLflow URI, or an MLflow server's address.

    Args:
        log: as the person writes it; it may not be there yet.
        experiment: of a server.
        out: folder of the record; None for reports/watch/LOG in a workspace, else LOG.watch.
        workspace: whether this is a workspace.

    Raises:
        InputError: an experiment of a file, or a server without one.
    """
    if not log.startswith(("http://", "https://")):
        file = local(log)
        if experiment is not None:
            raise InputError(
                "--experiment is of an MLflow server", value=log, allowed="https://HOST[:PORT]"
            )
        return Place(file, out or _folder(file, workspace), str(file), out is not None)
    if experiment is None:
        raise InputError("which experiment?", value="none", allowed="--experiment NAME")
    from scaling.runs.servers._rest import Rest
    from scaling.runs.servers.mlflow import pull

    plain = re.sub(r"[^\w.-]+", "-", experiment).strip(".-") or "mlflow"
    folder = out or _folder(Path(plain), workspace)
    file, name = folder / f"{plain}.db", f"{Rest(log, {}).address}, experiment {experiment}"
    return Place(file, folder, name, out is not None, lambda: pull(log, experiment, file))


def _folder(log: Path, workspace: bool) -> Path:
    """Where the record of a log is kept, if the person does not say."""
    name = log.absolute().stem
    if workspace:
        return Path("reports", "watch", f"{log.absolute().parent.name}-{name}")
    return Path(f"{name}.watch")
