"""Workarounds rest on the insides of one version of DVC and Prefect; an upgrade must look at them.

Each entry names the file of a workaround, the version, and what must still hold in it. When one
fails: see whether the workaround is still needed; delete it, or adapt it and this entry.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ROOT

VERSIONS = {"dvc": "3.67.1", "prefect": "3.8.8"}


def source(name: str) -> str:
    """The text of a module, or of a definition in it (``module:Name.inner``)."""
    module, _, inner = name.partition(":")
    found = importlib.import_module(module)
    for part in filter(None, inner.split(".")):
        found = getattr(found, part)
    return inspect.getsource(found)


def says(name: str, *texts: str) -> Callable[[Path], bool]:
    return lambda _: all(text in source(name) for text in texts)


def is_refused_when_cut(folder: Path) -> bool:
    """DVC refuses its record of who reads and writes what, once a kill has cut it short."""
    from dvc.fs import localfs
    from dvc.rwlock import RWLOCK_FILE, RWLockFileCorruptedError, _edit_rwlock

    (folder / RWLOCK_FILE).write_text('{"write": {"/a": {"pid": 1, "c')
    try:
        with _edit_rwlock(str(folder), localfs, False):
            return False
    except RWLockFileCorruptedError:
        return RWLOCK_FILE == "rwlock"


def names_processes(_: Path) -> bool:
    from dvc.rwlock import SCHEMA

    info = {"pid": 1, "cmd": "dvc repro"}
    return bool(SCHEMA({"read": {"a": [info]}, "write": {"b": info}}))


def writes_in_place(folder: Path) -> bool:
    """DVC writes YAML, as ``dvc.lock``, into the old file: a kill leaves a part."""
    from dvc.utils.serialize import dump_yaml

    file = folder / "dvc.lock"
    file.write_text("old")
    before = file.stat().st_ino
    dump_yaml(str(file), {"schema": "2.0"})
    return file.stat().st_ino == before


def writes_the_same_lock(folder: Path) -> bool:
    """The lines of one stage replaced in the text are what DVC writes of the whole file."""
    from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

    from scaling.orchestration.dvc.command import replaced

    text = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    stage = {"cmd": "python -m x " + "long " * 40, "params": {"params.yaml": {"a": [1e-06, "1"]}}}
    for name in (*parse_yaml_for_update(text, folder)["stages"], "study@new", "2", "a b"):
        whole = parse_yaml_for_update(text, folder)
        whole["stages"][name] = stage
        if replaced(text, name, stage) != dumps_yaml(whole):
            return False
    return True


def takes_entries(_: Path) -> bool:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA

    out = {"path": "data/a", "hash": "md5", "md5": "0" * 32, "size": 1}
    return bool(
        COMPILED_LOCKFILE_SCHEMA({"schema": "2.0", "stages": {"a": {"cmd": "x", "outs": [out]}}})
    )


def has_queues(_: Path) -> bool:
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    names = ("instance", "wait_until_empty", "drain_all")
    timeouts = (inspect.signature(one.drain_all).parameters for one in (EventsWorker, APILogWorker))
    return all(hasattr(EventsWorker, one) for one in names) and all(
        "timeout" in one for one in timeouts
    )


def takes_choices(_: Path) -> bool:
    from prefect.server.api.server import create_app

    return {"ephemeral", "final"} <= inspect.signature(create_app).parameters.keys()


def knows_settings(_: Path) -> bool:
    from prefect import settings

    from scaling.orchestration.environment import LOCAL, TELEMETRY
    from scaling.orchestration.server.temporary import SETTINGS, VACUUM

    names = {*LOCAL, *TELEMETRY, *SETTINGS, VACUUM}
    # One is a line of Prefect's logging.yml, which the environment may override.
    own = {one for one in names if one.startswith("PREFECT_") and "_HANDLERS_" not in one}
    return all(hasattr(settings, name) for name in own)


CHECKS: dict[str, tuple[str, list[Callable[[Path], bool]]]] = {
    "dvc/repair.py": ("dvc", [is_refused_when_cut, names_processes, writes_in_place]),
    "dvc/process.py": (
        "dvc",
        [
            says("dvc.stage.run", "\"Running stage '%s':\""),
            says("dvc.stage", "\"Stage '%s' didn't change, skipping\""),
            says(
                "dvc.stage.cache", "\"Stage '%s' is cached - skipping run, checking out outputs\""
            ),
            says("dvc.stage.exceptions", "failed to run: {cmd}", ", exited with {status}"),
            says("dvc.repo.reproduce", "failed to reproduce{segment} {names}"),
        ],
    ),
    "dvc/clones.py": ("dvc", [takes_entries]),
    "dvc/command.py": ("dvc", [writes_the_same_lock]),
    "sharing/push_inbox.py": (
        "dvc",
        [
            says("dvc.data_cloud:DataCloud.push", "remote", "objs"),
            says("dvc_data.hashfile.tree:Tree.load", "odb", "hash_info"),
            says("dvc_data.hashfile.tree:Tree.__iter__", "yield"),
            says("dvc_data.hashfile.transfer:TransferResult", "failed"),
        ],
    ),
    "server/parent_watchdog.py": (
        "prefect",
        [
            says("prefect.runner._starter_engine", '"PREFECT__FLOW_RUN_ID": str('),
            says("prefect.workers.base", '"PREFECT__FLOW_RUN_ID": str('),
        ],
    ),
    "server/temporary.py": ("prefect", [takes_choices, has_queues]),
    "server/serve.py": (
        "prefect",
        [says("prefect.runner.runner:Runner.handle_sigterm", "        self.stop()\n")],
    ),
    "environment.py": ("prefect", [knows_settings]),
}


@pytest.mark.parametrize("file", CHECKS)
def test_a_workaround_rests_on_what_it_says(file: str, tmp_path: Path) -> None:
    package, checks = CHECKS[file]
    version = VERSIONS[package]
    path = f"scaling/orchestration/{file}"
    look = f"look at {path}: it rests on internals of {package} {version}"
    locked = re.search(rf"^{package}==(\S+)", (ROOT / "requirements.lock").read_text(), re.M)
    assert locked and locked[1] == version, f"{look}, and requirements.lock has another version"
    assert f"Rests on internals of {package} {version}: " in " ".join(
        (ROOT / path).read_text().split()
    )
    for number, check in enumerate(checks):
        assert check(tmp_path), f"{look}, and number {number} of its checks no longer holds"
