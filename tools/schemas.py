"""Write scaling/cli/schemas.json, a JSON schema for the ``--json`` of each verb:

    python -m tools.schemas

A schema is inferred from what the examples of `tests.support.verbs` print: the keys of the object,
those that are always there, and the types of their values, down to the columns of tables. Objects
whose keys are names (of studies, laws, parameters) say what each value is. A run keeps what the
file has of verbs that need more than a clone.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tests.support import ROOT
from tests.support.verbs import ELSEWHERE, commands, outputs, project

FILE = ROOT / "scaling/cli/schemas.json"
# Characters of a line of the file, where a part can be broken.
WIDTH = 100
DRAFT = "https://json-schema.org/draft/2020-12/schema"
# Objects whose keys are names: of a law's parameters, a study's inputs, metrics, thresholds.
NAMED = frozenset(
    {
        *(
            "regime",
            "parameters",
            "values",
            "certificate",
            "profile",
            "distance",
            "verdicts",
            "versions",
        ),
        *("left_out", "ranges", "weights", "tables", "decades_beyond", "profile", "resampling"),
    }
)
STRING, LINES = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
FLAG = {"type": "boolean"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


_COUNT, _MAYBE = {"type": "integer"}, ["string", "null"]
_PULL = _object(
    out={"type": _MAYBE},
    dry_run=FLAG,
    pulled=_object(
        server=STRING,
        runs=_COUNT,
        taken=LINES,
        values=_COUNT,
        unchanged=_COUNT,
        left_out=LINES,
        remarks=LINES,
    ),
    added={"type": ["object", "null"]},
)
# Verbs that need a server, a remote, an authority or a whole pipeline.
BY_HAND = {
    "alerts": _object(kind=STRING, removed=FLAG, messages=LINES),
    "backfill": {
        "anyOf": [
            _object(days={"type": "object", "additionalProperties": STRING}),
            _object(day=STRING, folder=STRING, files=LINES),
        ]
    },
    "disclose": _object(edition=STRING, written=STRING),
    "library add": _object(folders=LINES, library=STRING),
    "publish": _object(version=STRING, new=FLAG, folder=STRING),
    "pull mlflow": _PULL,
    "pull wandb": _PULL,
    "refit": _object(exit_code={"type": "integer"}, messages=LINES),
    "reproduce": _object(
        versions={"type": "array", "items": _object(version=STRING, same=FLAG, text=STRING)}
    ),
    "serve": _object(exit_code={"type": "integer"}, messages=LINES),
    "stage": _object(exit_code={"type": "integer"}),
    "upgrade": _object(before=STRING, after=STRING, stale=LINES, conflicts=LINES, remarks=LINES),
    "share": _object(version=STRING, done=LINES),
    "timestamp": _object(tokens=LINES),
}


def inferred(values: list[Any], key: str = "") -> dict[str, Any]:
    """The schema that all of these values meet."""
    kinds = sorted({_kind(one) for one in values})
    # A figure or a word may be unknown.
    kinds = sorted({*kinds, "null"}) if {"number", "string"} & set(kinds) else kinds
    schema: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds} if kinds else {}
    objects = [one for one in values if isinstance(one, dict)]
    if objects and key in NAMED:
        inner = [value for one in objects for value in one.values()]
        schema["additionalProperties"] = inferred(inner)
    elif objects:
        names = dict.fromkeys(name for one in objects for name in one)
        schema["properties"] = {
            name: inferred([one[name] for one in objects if name in one], name) for name in names
        }
        schema["required"] = [name for name in names if all(name in one for one in objects)]
    items = [item for one in values if isinstance(one, list) for item in one]
    if items:
        schema["items"] = inferred(items)
    return schema


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    # A number may be whole by chance.
    names = {dict: "object", list: "array", str: "string", int: "number", float: "number"}
    return names.get(type(value), "null")


def written(schemas: dict[str, Any]) -> str:
    """The file: a schema a verb."""
    head = {"$schema": DRAFT, "title": "What each verb of `scaling` prints with --json"}
    return _lines(head | {"$defs": dict(sorted(schemas.items()))}) + "\n"


def _lines(value: Any, before: str = "", depth: int = 0) -> str:
    """JSON with a part on one line where it fits, so that a change shows as the lines it is in."""
    plain = before + json.dumps(value)
    if len(plain) + depth <= WIDTH or not isinstance(value, dict) or not value:
        return plain
    parts = [_lines(one, f"{json.dumps(name)}: ", depth + 1) for name, one in value.items()]
    inner = ",\n".join(f"{' ' * (depth + 1)}{part}" for part in parts)
    return f"{before}{{\n{inner}\n{' ' * depth}}}"


def main() -> None:
    """Run the examples, and write what their outputs have in common."""
    with tempfile.TemporaryDirectory() as place:
        os.chdir(project(Path(place)))
        found = {verb: inferred(made, verb) for verb, made in outputs().items()}
        os.chdir(ROOT)
    assert set(found) | ELSEWHERE == {verb for verb, _ in commands()}
    FILE.write_text(written(found | BY_HAND), encoding="utf-8")


if __name__ == "__main__":
    main()
