"""Long work counts its steps for whoever watches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from scaling.fitting.diagnostics.comparison import comparison
from scaling.io.progress import steps, watched
from scaling.record.audit.run import audit
from scaling.record.site import build
from scaling.record.versions.verify import verify
from tests.support.audit_project import FIRST, SMALL, project, table
from tests.support.simulated import chinchilla_runs


def seen(work: Callable[[], object]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    with watched(lambda done, total: found.append((done, total))):
        work()
    return found


def test_a_loop_is_counted_and_those_inside_it_are_not() -> None:
    assert seen(lambda: [list(steps("abc")) for _ in steps("de")]) == [(0, 2), (1, 2)]
    assert list(steps("abc")) == ["a", "b", "c"]


def test_laws_that_are_compared_are_counted() -> None:
    laws = ["chinchilla", "kaplan_joint"]
    assert seen(lambda: comparison(chinchilla_runs(), laws, "loss", None))[:2] == [(0, 2), (1, 2)]


def test_versions_that_are_checked_audited_or_listed_are_counted(tmp_path: Path) -> None:
    root = project(tmp_path / "project", versions=2)
    table(root, SMALL)
    whole = [(0, 2), (1, 2)]
    assert seen(lambda: verify(root))[:2] == whole
    assert seen(lambda: audit(root, now=FIRST + timedelta(days=30))) == whole
    assert seen(lambda: build(root)) == whole
