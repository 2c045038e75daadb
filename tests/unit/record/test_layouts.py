"""Layouts of the code: entry points by layout, and files that moved between two of them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from scaling.cli.display.changes import lines
from scaling.errors import InputError
from scaling.io.hashing import sha256
from scaling.record.changes.parameters import input_changes
from scaling.record.changes.section import points
from scaling.record.reproduce import reproduce
from scaling.record.site.records import changed
from scaling.record.versions.layouts import LAYOUTS, Relocation, layout_of, relocated
from scaling.record.versions.ledger import MANIFEST
from tests.support.stage_project import build, published, write

ROOT = Path(__file__).parents[3]
OLD, NEW = (
    {"scaling/fit/__init__.py": "0", "scaling/fit/jet.py": "1", "scaling/fit/own.py": "2",
     "scaling/schema.py": "3", "scaling/govern/rules.py": "4", "scaling/govern/same.py": "5"},
    {"scaling/fitting/__init__.py": "0", "scaling/fitting/solver/jet.py": "10",
     "scaling/fitting/procedures.py": "20", "scaling/runs/schema.py": "3",
     "scaling/govern/rules.py": "40", "scaling/govern/same.py": "5",
     "scaling/io/hashing.py": "6"},
)  # fmt: skip


def test_this_checkout_has_the_newest_layout_and_its_entry_points() -> None:
    layout = layout_of(ROOT)
    assert layout is LAYOUTS[0]
    assert all(importlib.util.find_spec(name) for name in (layout.command, layout.changes))


def test_a_checkout_in_no_known_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"scaling/fit/__init__\.py"):
        layout_of(tmp_path)


def test_moved_files_are_counted_by_what_became_of_them() -> None:
    assert relocated(OLD, NEW) == Relocation(unchanged=2, edited=1, revised=1, added=2, removed=1)
    assert relocated(OLD, OLD | {"scaling/fit/more.py": "7"}) is None
    assert relocated({}, NEW) is None


# Fails where it imports another checkout than the one that it runs in.
COMMAND = """
import json, sys
from pathlib import Path
import scaling
if __name__ == "__main__":
    out = Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    (out / "changes.json").write_text(json.dumps({"told_by": {}, "from": __name__}))
    assert Path(scaling.__file__).parents[1] == Path.cwd(), scaling.__file__
"""


def old_project(root: Path) -> Path:
    """A version with changes.json, committed in the layout before the newest."""
    build(root)
    (root / "scaling/fitting").rename(root / "scaling/fit")
    pipeline = root / "dvc.yaml"
    pipeline.write_text(pipeline.read_text().replace("scaling/fitting", "scaling/fit"))
    write(root, {"scaling/audit/__init__.py": "", "scaling/audit/changed.py": COMMAND})
    told = json.dumps({"told_by": {}, "from": "__main__"})
    (root / "reports/current/changes.json").write_text(told)
    published(root)
    return root


def test_a_version_is_reproduced_by_the_commands_and_the_code_of_its_own_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the environment names another checkout."""
    root = old_project(tmp_path / "project")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    before = set(sys.modules)
    [made] = reproduce.reproduce(root, reproduce.every(root))
    assert made.same, made
    assert not any(name.startswith("scaling.audit") for name in set(sys.modules) - before)


def test_one_line_says_that_the_files_of_a_published_version_moved() -> None:
    """The newest version of the layout before, against the code as it is."""
    manifests = [json.loads(path.read_bytes()) for path in ROOT.glob(f"reports/*/{MANIFEST}")]
    known = [one for one in manifests if LAYOUTS[1].marker in one["made_by"].get("engine", {})]
    newest = max(known, key=lambda one: one["issued_at"])
    old = newest["made_by"]
    found = ROOT.glob("scaling/**/*.py")
    engine = {one.relative_to(ROOT).as_posix(): sha256(one.read_bytes()) for one in found}
    new = old | {"engine": {name: engine[name] for name in engine if "laws" not in name}}
    [cause] = input_changes(old, new)
    counts = cause.pop("files")
    assert cause == {"kind": "engine", "name": "layout", "what": "moved"}
    assert counts["unchanged"] + counts["edited"] > 100
    gone = old["engine"].keys() - new["engine"].keys()
    assert counts["unchanged"] + counts["edited"] + counts["removed"] == len(gone)
    told = {"old": newest["version"], "made_by": [cause | {"files": counts}], "studies": [],
            "parameters": [], "forecasts": []}  # fmt: skip
    assert points(told)[0].count("moved to a new layout") == 1
    assert next(lines(told, 1)).startswith("engine: ")
    assert ["moved to a new layout" in phrase for phrase in changed(old, new)] == [True]
