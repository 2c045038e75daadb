"""Begin a workspace: a folder of a team's own studies, without any code of the engine."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.extras import need
from scaling.io import atomic
from scaling.io.git import git
from scaling.record.reproduce.packages import not_as_locked
from scaling.record.versions.sources import ENGINE_FILE
from scaling.runs.inbox.mapping import Options
from scaling.workspace import engine, files
from scaling.workspace.root import MARK, find
from scaling.workspace.wheel import keep

# Laws that a new study fits, where its table allows them: the families that most papers fit.
LAWS = ("chinchilla", "coupled", "kaplan_joint", "power_law")


@dataclass
class Begun:
    """What was written, and what a person should know.

    Attributes:
        root: the workspace.
        study: its first study, "" without runs.
        remarks: about the runs that were added, and what to do next.
    """

    root: Path
    study: str = ""
    remarks: list[str] = field(default_factory=list)


def begin(
    folder: Path,
    runs: Path | None = None,
    name: str | None = None,
    options: Options | None = None,
    *,
    today: date,
    schedule: bool = False,
    wheel: Path | None = None,
) -> Begun:
    """Write a workspace into ``folder``, and add ``runs`` as its first study.

    With ``schedule`` it has flows and their schedule. ``wheel`` is that of the installed engine,
    for DVC to keep; without it, it is sought (`scaling.workspace.wheel`). The mark of a
    workspace is written last, so that the same command goes on after a kill.

    Raises:
        InputError: the folder lies in a workspace, has other files of these names, or the runs
            cannot be added; in the first two cases nothing was written.
    """
    need("pipeline")
    folder = folder.resolve()
    _refuse_inside(folder)
    written = files.first(folder.name, files.params({}), schedule=schedule)
    wheel = None if wheel is None else wheel.absolute()
    runs = None if runs is None else runs.absolute()
    _refuse_others(folder, written)
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in written.items():
        if path != MARK:
            atomic.write(folder / path, text.encode())
    if git(folder, "rev-parse", "--is-inside-work-tree") is None:
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    kept, remark = keep(folder, wheel)
    engine.write(folder, files.managed(schedule=schedule), kept)
    made = Begun(folder, remarks=[remark, *not_as_locked(folder / files.LOCK)])
    if runs is not None:
        with _inside(folder):
            _first_study(made, runs, name, options or Options(), today)
    atomic.write(folder / MARK, written[MARK].encode())
    return made


def _refuse_inside(folder: Path) -> None:
    root = find(folder)
    if root is not None:
        raise InputError("is a workspace already, or lies in one", file=root / MARK)


def _refuse_others(folder: Path, written: dict[str, str]) -> None:
    """Refuse a folder that has a file of the same name and other content."""
    for path, text in written.items():
        there = folder / path
        # What an interrupted beginning left may have gone on: its choices and hashes.
        if path in ("params.yaml", MARK) and (folder / ENGINE_FILE).is_file():
            continue
        if there.exists() and (not there.is_file() or there.read_text("utf-8") != text):
            raise InputError(
                "is there already, with another content", file=there,
                allowed="a folder without it", hint="Nothing was written.",
            )  # fmt: skip


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _first_study(made: Begun, runs: Path, name: str | None, options: Options, today: date) -> None:
    """Add the runs, and write params.yaml with a study of them."""
    from scaling.runs.inbox.add import add

    added = add(runs, name, options, today=today)
    made.remarks += added.remarks
    rows = _rows(added.source)
    counts = rows["metric"].value_counts(sort=True)
    metric = str(counts["metric"][0])
    if counts.height > 1:
        others = ", ".join(map(str, counts["metric"][1:6]))
        made.remarks.append(f"The study is of {metric}; its file also has {others}.")
    made.study = added.source
    chosen = _laws(rows, metric)
    text = files.params({made.study: (added.source, metric, chosen)})
    atomic.write(Path("params.yaml"), text.encode())


def _rows(source: str) -> pl.DataFrame:
    """The rows of a source as the first stage has them."""
    from scaling.pipeline.ingest import INTERNAL, PUBLISHED, choices, ingest
    from scaling.runs.studies import PARAMS

    return pl.concat(ingest(PUBLISHED, INTERNAL, choices(PARAMS))[source], how="diagonal_relaxed")


def _laws(rows: pl.DataFrame, metric: str) -> Sequence[str]:
    """Of the usual laws those that the rows of a metric allow."""
    from scaling import laws
    from scaling.fitting.applicability import verdict
    from scaling.runs.studies import select

    chosen, _ = select(rows, {"metric": metric})
    # A column that is empty is one that the table lacks.
    chosen = chosen[[one.name for one in chosen if one.null_count() < chosen.height]]
    found = [name for name in LAWS if verdict(chosen, laws.get(name)).word != "no"]
    # In a study the one input of a curve is compute.
    found = [name for name in found if not laws.get(name).generic or "flops" in chosen.columns]
    if not found:
        raise InputError(
            "no usual law fits these runs", column="metric", value=metric,
            allowed="params and tokens, or flops, of each run",
            hint="`scaling laws --for TABLE` says what each law needs.",
        )  # fmt: skip
    return found
