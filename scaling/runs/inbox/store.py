"""Where a team's runs are kept: files as received, and a log of additions.

    data/internal/store/aliases.json              the name under which each source is published
    data/internal/store/NAME/log.jsonl            one line an addition, never edited
    data/internal/store/NAME/mapping.yaml         all versions of the mapping
    data/internal/store/NAME/names.json           the numbers of its runs, families and series
    data/internal/store/NAME/payloads/ID/...      a file or folder as received; ID is its SHA-256

A line of the log says that from that day on this payload counts, read with that version of the
mapping. A later line for the same payload (with another version) takes the place of the earlier.
So the table of any past day is made by leaving out the lines after it. Payloads without a line
are leftovers of a killed `add`; they count for nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from scaling.errors import InputError
from scaling.io import atomic

STORE = "store"
LOG = "log.jsonl"
PAYLOADS = "payloads"
# Beside the store: what `scaling pull` took from servers, until it is added.
PULLED = ".pulled"
ALIASES = "aliases.json"
_ID_LENGTH = 16


@dataclass(frozen=True)
class Line:
    """One line of the log: the day, the payload and the version of the mapping.

    ``path`` leads from the payload's folder to what is read there. ``change`` numbers the changes
    of the mapping, each of which has a line for every payload that it reads anew; None for an
    addition. ``undoes`` is the row of the log where the change begins that is taken back.
    """

    recorded: date
    payload: str
    path: str
    mapping: int
    change: int | None = None
    undoes: int | None = None

    def text(self) -> str:
        """The line, with its end."""
        plain = asdict(self) | {"recorded": self.recorded.isoformat()}
        given = {name: value for name, value in plain.items() if value is not None}
        return json.dumps(given, ensure_ascii=False) + "\n"

    def place(self, folder: Path) -> Path:
        """The file or folder to read, in the folder of the source."""
        return folder / PAYLOADS / self.payload / self.path


def sources(internal: Path) -> list[str]:
    """Names of the sources that have a log.

    Raises:
        InputError: DVC tracks a store that is not here: tables would silently lack its sources.
    """
    if (internal / f"{STORE}.dvc").is_file() and not (internal / STORE).is_dir():
        hint = "`dvc checkout` brings it back from the cache, `dvc pull` from a remote."
        raise InputError("the runs that DVC tracks are not here", file=internal / STORE, hint=hint)
    return sorted(path.parent.name for path in (internal / STORE).glob(f"*/{LOG}"))


def read_log(folder: Path) -> list[Line]:
    """All lines, oldest first; none where there is no log.

    Raises:
        InputError: a line that is not as it was written, or days that go back.
    """
    file = folder / LOG
    if not file.is_file():
        return []
    lines: list[Line] = []
    for row, text in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        lines.append(_line(text, file, row))
        if row > 1 and lines[-1].recorded < lines[-2].recorded:
            raise InputError(
                "days are out of order", file=file, row=row, value=str(lines[-1].recorded)
            )
    return lines


def _line(text: str, file: Path, row: int) -> Line:
    try:
        given = json.loads(text)
        line = Line(**given | {"recorded": date.fromisoformat(given["recorded"])})
    except (ValueError, TypeError, KeyError) as error:
        problem = f"not a line of the log: {error!r}"
        raise InputError(problem, file=file, row=row, value=text) from None
    if Path(line.path).is_absolute() or ".." in Path(line.path).parts or "/" in line.payload:
        raise InputError("leads out of its folder", file=file, row=row, value=text)
    return line


def in_force(lines: Sequence[Line], as_of: date | None) -> list[Line]:
    """The lines that count on that day, in the order in which their payloads first came.

    A payload that was added again under another mapping counts as it was read last.
    """
    known: dict[str, Line] = {}
    for line in lines:
        if as_of is None or line.recorded <= as_of:
            known[line.payload] = line
    return list(known.values())


def append(folder: Path, *lines: Line) -> None:
    """Add lines, all or none: a reader sees the old log or the new one."""
    old = (folder / LOG).read_bytes() if (folder / LOG).is_file() else b""
    atomic.write(folder / LOG, old + "".join(line.text() for line in lines).encode())


def digest(folder: Path) -> str:
    """The id of a payload: the start of the SHA-256 over its files' names and bytes."""
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        total.update(f"{len(name.encode())} {name} {file.stat().st_size} ".encode())
        with file.open("rb") as stream:
            while block := stream.read(2**20):
                total.update(block)
    return total.hexdigest()[:_ID_LENGTH]


def aliases(internal: Path) -> dict[str, str]:
    """Name of a source -> the name under which it is published.

    Raises:
        InputError: a damaged file.
    """
    file = internal / STORE / ALIASES
    if not file.is_file():
        return {}
    try:
        return {str(name): str(alias) for name, alias in json.loads(file.read_text()).items()}
    except (ValueError, AttributeError) as error:
        raise InputError(f"not readable: {error}", file=file) from None


def give_alias(internal: Path, name: str) -> str:
    """The alias of a source: internal-1 for the first that came, and so on."""
    known = aliases(internal)
    if name not in known:
        known[name] = f"internal-{len(known) + 1}"
        text = json.dumps(known, indent=1, ensure_ascii=False) + "\n"
        atomic.write(internal / STORE / ALIASES, text.encode())
    return known[name]
