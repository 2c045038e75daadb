"""What makes a version: the hashes of data, laws, engine, choices and outputs, and the manifest."""

from __future__ import annotations

import functools
import json
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scaling.errors import InputError
from scaling.io.git import git
from scaling.io.hashing import canonical, sha256
from scaling.laws._project import FOLDER as LAWS
from scaling.record.versions import engine_file
from scaling.record.versions.files import BASELINES, FORECAST
from scaling.record.versions.ledger import FORMAT, MANIFEST, version_of
from scaling.record.versions.outcomes import BOUND, outcomes_head
from scaling.record.versions.sources import CODE, ENGINE_FILE, code_of, listing_hash

# What DVC says of the inbox: the hash of the runs that a team dropped.
INBOX = "data/internal/store.dvc"
# The packages that run, and no tool of development.
PACKAGES = "requirements.lock"
# What a stage makes of the rows, before whoever publishes can have committed it.
VALIDATION = "data/validation.json"
# Beside the tables of the studies: what the report reads.
DATA = ("data/declared", "data/thresholds", "data/trends/models.csv", VALIDATION)


@dataclass(frozen=True)
class Current:
    """What would be published now: the hashes of what made it, and where each file stands."""

    # The inputs, of which the id is made (`made_by`).
    made_by: dict[str, Any]
    files: dict[str, Path]
    as_of: str | None = None
    command: str = "python -m dvc repro"
    # Beside code, choices and packages: whether they differ from Git makes the version dirty too.
    sources: tuple[str, ...] = ()
    # Files that are too large to publish; the manifest has one hash of them.
    withheld: tuple[Path, ...] = ()
    # From the folder of the version before (None: there is none) and a folder with this one's
    # files: what is written over and beside them, which the id does not depend on.
    change_files: Callable[[Path | None, Path, str | None], Mapping[str, bytes]] = (
        lambda previous, folder, issued_at: {}
    )
    # Inputs that may have changed before the version is committed; the id does not depend on them.
    inputs: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def version(self) -> str:
        return version_of(self.made_by)

    @functools.cached_property
    def outputs(self) -> dict[str, str]:
        """Name within the version -> hash, as the stages left the file."""
        return {name: sha256(path.read_bytes()) for name, path in self.files.items()}


def fingerprint(root: Path) -> Current:
    """The hashes of everything that made the present outputs, and where these are.

    Raises InputError when something is missing.
    """
    params = yaml.safe_load(_need(root / "params.yaml").read_text(encoding="utf-8"))
    studies = params.get("studies") or {}
    as_of = params.get("as_of")
    return Current(
        made_by(root, _data(root, studies), params),
        _outputs(root, studies),
        None if as_of is None else str(as_of),
        sources=tuple(one for one in DATA if one != VALIDATION),
        withheld=tuple(_of_studies(root / "data" / "fits", ".parquet", studies)),
    )


def made_by(root: Path, data: Iterable[Path], choices: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that make a version, of which its id is the hash.

    - ``format``: the form of the manifest (`scaling.record.versions.ledger.FORMAT`)
    - ``code``: one hash a folder (`scaling.record.versions.sources`), the command line included
    - ``data``: path -> hash of the tables that were used and of what else the report reads
    - ``packages``: hash of the packages that run, those of development left out
    - ``params``: hash of the choices as parsed, so that a new comment makes no new version
    - ``seed``: of the choices

    Raises:
        InputError: the installed engine is not the one that the workspace names.
    """
    if (root / ENGINE_FILE).is_file():
        engine_file.check(root)
    return {
        "format": FORMAT,
        "code": code_of(root),
        "data": {path.relative_to(root).as_posix(): _hash(_need(path)) for path in data},
        "packages": _hash(_need(root / PACKAGES)),
        "params": sha256(canonical(choices)),
        "seed": choices.get("seed"),
    }


def _data(root: Path, studies: Mapping[str, Any]) -> list[Path]:
    """The tables of the studies, and what else the report is made of, its citations included.

    Of a source that no study uses the report says how many rows passed, which stands in
    data/validation.json.
    """
    used = sorted({str((one or {}).get("source", name)) for name, one in studies.items()})
    tables = [_need(root / "data" / "validated" / f"{name}.parquet") for name in used]
    cited = [root / "data" / "published" / name / "source.yaml" for name in used]
    more = [path for place in DATA for path in _tree(root / place) if path.suffix != ".md"]
    return sorted(path for path in [*tables, *cited, *more] if path.is_file())


def manifest(
    current: Current, facts: Mapping[str, str | bool | None], change_files: Mapping[str, bytes]
) -> bytes:
    """The manifest's bytes: a function of what is published and of the facts in the ledger.

    ``change_files`` are files that are not outputs, or that differ from the outputs.
    """
    files = {
        name: {"sha256": digest, "bytes": current.files[name].stat().st_size}
        for name, digest in current.outputs.items()
    }
    files |= {name: {"sha256": sha256(b), "bytes": len(b)} for name, b in change_files.items()}
    content = {
        **facts,
        **current.inputs,
        "version": current.version,
        "made_by": current.made_by,
        "files": files,
        "reproduce": _reproduce(facts["revision"], facts["dirty"], current.command),
    }
    if current.withheld:
        content["withheld"] = listing_hash((one.name, _hash(one)) for one in current.withheld)
    return (json.dumps(content, indent=1, sort_keys=True, default=str) + "\n").encode()


def inputs(root: Path) -> dict[str, str | None]:
    """What the manifest keeps beside what made the version.

    - ``inbox``: the text of `INBOX`, word for word, None without one. Its hash binds the runs, and
      `scaling reproduce` fetches them by it, however much later the version is committed.
    - `BOUND`: the head of the outcomes on record, so that none of them is forgotten later.
    """
    path = root / INBOX
    inbox = path.read_text(encoding="utf-8") if path.is_file() else None
    head = outcomes_head(root)
    return {"inbox": inbox} | ({} if head is None else {BOUND: head})


def code(root: Path, more: Iterable[str] = ()) -> tuple[str | None, bool | None]:
    """The Git revision, and whether what makes the numbers differs from it; None outside Git."""
    revision = git(root, "rev-parse", "HEAD")
    if revision is None:
        return None, None
    there = [name for name in CODE if (root / name).exists()]
    paths = [*there, "params.yaml", PACKAGES, INBOX, "data/published", *more]
    changed = git(root, "status", "--porcelain", "--", *paths)
    return revision.decode().strip(), None if changed is None else bool(changed)


def machine() -> str:
    """The kind of processor, as far as the system tells it: compiled code and linear algebra choose
    their instructions by it, so it can change the last digits of a number."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    first = dict(line.split("\t", 1) for line in text.split("\n\n")[0].splitlines() if "\t" in line)
    cpu = {name.strip(): value.strip(" \t:") for name, value in first.items()}
    kind = [cpu.get(name, "") for name in ("vendor_id", "cpu family", "model")]
    return " ".join([platform.machine(), *filter(None, kind)])


def _reproduce(revision: object, dirty: object, makes: str) -> str:
    """The command that makes the outputs again, as far as Git knows."""
    if revision is None:
        return "no Git revision: made_by names the bytes that are needed"
    command = f"git checkout {revision} && make setup && .venv/bin/{makes}"
    return command + (" # after making the sources what made_by says" if dirty else "")


def _of_studies(folder: Path, suffix: str, studies: Iterable[str]) -> list[Path]:
    """The files of these studies: DVC leaves those of a study that is no longer in params.yaml."""
    known = set(map(str, studies))
    return sorted(path for path in folder.glob(f"*{suffix}") if path.stem in known)


# Files of each study that a version holds: folder, ending.
_STUDY_FILES = (("fits", ".json"), ("fits", ".csv"), ("models", ".json"), ("backtests", ".json"))


def _outputs(root: Path, studies: Iterable[str]) -> dict[str, Path]:
    """Name within the version -> where the stages left the file."""
    present = _need(root / "reports" / "current")
    files = {path.relative_to(present).as_posix(): path for path in _tree(present)}
    forecast = _need(root / "data" / "forecasts" / FORECAST)
    shown = files.setdefault(FORECAST, forecast)
    if _hash(shown) != _hash(forecast):
        raise InputError(f"differs from {forecast}", file=shown, hint="Run `scaling refit`")
    for name, suffix in _STUDY_FILES:
        for path in _of_studies(root / "data" / name, suffix, studies):
            files[f"{name}/{path.name}"] = path
    baselines = root / "data" / "forecasts" / BASELINES
    if baselines.is_file():
        files[BASELINES] = baselines
    if MANIFEST in files:
        raise InputError(f"the name {MANIFEST} belongs to publishing", file=files[MANIFEST])
    return dict(sorted(files.items()))


def blind_to_laws(root: Path) -> list[str]:
    """The stages that read laws and would not be run again for a law of the project's own."""
    text = _need(root / "dvc.yaml").read_text(encoding="utf-8")
    found = {
        name: _names(spec.get("do", spec).get("deps"))
        for name, spec in yaml.safe_load(text)["stages"].items()
    }
    return [name for name, d in found.items() if "scaling/laws" in d and str(LAWS) not in d]


def stages(root: Path) -> list[dict[str, Any]]:
    """What ``dvc.yaml`` says of each stage; of one for each study, once."""
    stages = yaml.safe_load(_need(root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return [spec.get("do", spec) for spec in stages.values()]


def _names(listed: list[str | dict[str, object]] | None) -> list[str]:
    return [item if isinstance(item, str) else next(iter(item)) for item in listed or []]


def _need(path: Path) -> Path:
    if not path.exists():
        raise InputError("is missing", file=path, hint="`scaling refit` makes every output")
    return path


def _tree(place: Path) -> list[Path]:
    """The file, or the files of the folder, sorted; without what Python and DVC leave behind."""
    if place.is_file():
        return [place]
    found = [path for path in place.rglob("*") if path.is_file()]
    return sorted(p for p in found if "__pycache__" not in p.parts and p.name != ".gitignore")


def _hash(path: Path) -> str:
    return sha256(path.read_bytes())
