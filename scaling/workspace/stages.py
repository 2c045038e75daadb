"""The stages of the pipeline by name: modules of `scaling.pipeline`, one each."""

from __future__ import annotations

import importlib

import yaml

from scaling.errors import InputError, nearest
from scaling.workspace.engine import bundled


def run(name: str, study: str | None) -> int:
    """Run a stage; its exit status.

    Raises:
        InputError: no such stage, or a study where there is none each, or none where there is.
    """
    stages = yaml.safe_load(bundled("dvc.yaml"))["stages"]
    if name not in stages:
        raise InputError(
            "no such stage", value=name, allowed=", ".join(stages), hint=nearest(name, stages)
        )
    if ("do" in stages[name]) != (study is not None):
        raise InputError("a study, or none", value=study, allowed=f"as dvc.yaml calls {name}")
    main = importlib.import_module(f"scaling.pipeline.{name}").main
    return int((main() if study is None else main(study)) or 0)
