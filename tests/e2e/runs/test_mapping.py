"""`scaling mapping`: shown, changed for all files, undone; nothing half written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import chdir
from datetime import date
from pathlib import Path

import pytest

from scaling.runs.inbox import store
from scaling.runs.inbox.mapping import Options, read_versions
from scaling.runs.inbox.remap import amend, undo
from tests.support.command import cli
from tests.support.inbox_project import fill, table, tree

LOGGED = Path("data/internal/store/team")
MAPS = (
    *("--map", "run=name", "--map", "params=N:M", "--map", "tokens=D:B"),
    *("--set", "observed=2026-01-02", "--metric", "val_loss=loss@c4:nats/token"),
)
FIRST = "name,N,D,val_loss\na,30,1,4.1\nb,60,2,3.9\n"
SECOND = "name,N,D,val_loss\nc,90,3,3.7\n"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[None]:
    """A project in which one table was added, entered."""
    files = {"in/first.csv": FIRST, "in/second.csv": SECOND}
    with chdir(fill(tmp_path, files, disclosed=False)):
        added = cli("add", "in/first.csv", "--as", "team", *MAPS)
        assert added.returncode == 0, added.stderr
        yield


def column(name: str) -> list[object]:
    return table("internal-1")[name].to_list()


def test_it_is_shown_as_the_options_that_say_it(project: None) -> None:
    shown = cli("mapping", "internal-1").stdout
    assert shown == cli("mapping", "team").stdout
    for option in ("--map params=N:M", "--metric val_loss=loss@c4:nats/token"):
        assert f"  {option}\n" in shown
    assert "first.csv added, version 1" in shown
    assert "At the next refit all 2 results pass the checks" in shown


def test_a_change_reads_every_file_anew_and_is_undone(project: None) -> None:
    assert cli("add", "in/second.csv", "--as", "team", "--set", "observed=2026-01-02").stderr == ""
    before = tree(LOGGED)
    told = cli("mapping", "team", "--map", "params=N:B", "--dry-run")
    assert told.returncode == 0 and tree(LOGGED) == before
    made = cli("mapping", "team", "--map", "params=N:B")
    assert "  - --map params=N:M\n  + --map params=N:B\n" in made.stdout
    assert "0 new results, 3 corrected (the first: run 'a'" in made.stdout
    assert "params 30000000 -> 30000000000)" in made.stdout
    assert column("params") == [3e10, 6e10, 9e10]
    assert [line.change for line in store.read_log(LOGGED)] == [None, None, 1, 1]
    assert "scaling mapping team --undo" in made.stdout
    back = cli("mapping", "team", "--undo")
    assert "params 30000000000 -> 30000000)" in back.stdout
    assert column("params") == [3e7, 6e7, 9e7]
    assert len(read_versions(LOGGED)) >= 3  # versions are only ever added
    # What is undone is made again with its options.
    assert cli("mapping", "team", "--map", "params=N:B").returncode == 0
    assert column("params") == [3e10, 6e10, 9e10]


def test_as_many_changes_are_undone_as_were_made(project: None) -> None:
    cli("mapping", "team", "--map", "params=N:B")
    cli("mapping", "team", "--map", "tokens=D:M")
    assert cli("add", "in/second.csv", "--as", "team", "--set", "observed=2026-01-02").stderr == ""
    cli("mapping", "team", "--map", "params=N:k")
    states = [([3e10, 6e10, 9e10], [1e6, 2e6, 3e6])]
    # The second file was added after these changes, which are not its own.
    states += [([3e10, 6e10, 9e10], [1e9, 2e9, 3e6]), ([3e7, 6e7, 9e10], [1e9, 2e9, 3e6])]
    for params, tokens in states:
        assert cli("mapping", "team", "--undo").returncode == 0
        assert (column("params"), column("tokens")) == (params, tokens)
    assert "(change 6, an undo)" in cli("mapping", "team").stdout
    before = tree(LOGGED)
    refused = cli("mapping", "team", "--undo")
    assert refused.returncode == 2 and "no change of the mapping is left to undo" in refused.stderr
    assert tree(LOGGED) == before


def test_a_change_made_after_an_undo_is_undone_first(project: None) -> None:
    for options in (["--map", "params=N:B"], ["--map", "params=N:T"], ["--undo"]):
        cli("mapping", "team", *options)
    cli("mapping", "team", "--map", "tokens=D:M")
    seen = []
    while cli("mapping", "team", "--undo").returncode == 0:
        seen.append((column("params")[0], column("tokens")[0]))
    assert seen == [(3e10, 1e9), (3e7, 1e9)]


def test_what_comes_next_is_read_as_was_changed_last(project: None) -> None:
    cli("mapping", "team", "--map", "params=N:B")
    cli("mapping", "team", "--undo")
    assert cli("add", "in/second.csv", "--as", "team", "--set", "observed=2026-01-02").stderr == ""
    assert column("params") == [3e7, 6e7, 9e7]
    # The change was made before this file was added, so there it is nothing to undo.
    shown = cli("mapping", "team").stdout
    assert "second.csv added" in shown and "read anew (change 2, an undo)" in shown


def test_a_file_that_was_added_again_in_another_way_goes_back_to_the_first(project: None) -> None:
    assert cli("add", "in/first.csv", "--as", "team", "--map", "params=N:B").returncode == 0
    assert column("params") == [3e10, 6e10]
    assert cli("mapping", "team", "--undo").returncode == 0
    assert column("params") == [3e7, 6e7]


def test_it_says_which_rows_will_be_held_back(project: None) -> None:
    Path("in/odd.csv").write_text(FIRST.replace("3.9", "-3.9"))
    assert cli("add", "in/odd.csv", "--as", "odd", *MAPS).returncode == 0
    shown = cli("mapping", "odd").stdout
    assert "At the next refit 1 of 2 results pass the checks; a refit will hold back 1:" in shown
    assert "positive_loss: 1 result (the first: row 2, run 'b'" in shown, shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--map", "params=M"), "--map params=M: there is no 'M'"),
        (("--unmap", "tokens"), "'D' ('1, 2') is not mapped"),
        (("--unmap", "depth"), "does not speak of it; found 'depth'; allowed: run, params, tokens"),
        (("--map", "parms=N"), "no column 'parms' in the run schema"),
        (("--undo",), "no change of the mapping is left to undo"),
        (("--undo", "--map", "params=N"), "--undo takes no other change along"),
    ],
)
def test_what_cannot_be_changes_nothing(
    project: None, options: tuple[str, ...], message: str
) -> None:
    before = tree(LOGGED)
    refused = cli("mapping", "team", *options)
    assert refused.returncode == 2 and message in refused.stderr
    assert tree(LOGGED) == before


def test_published_and_unknown_sources_have_no_mapping(project: None) -> None:
    assert "a published source has no mapping" in cli("mapping", "paper").stderr
    assert "Did you mean 'team'?" in cli("mapping", "taem").stderr
    Path("data/internal/hand.csv").write_text("run,params,value\na,7e9,2.5\n")
    assert "was put into the inbox by hand" in cli("mapping", "hand").stderr


def test_what_the_source_has_already_is_no_change(project: None) -> None:
    before = tree(LOGGED)
    assert "nothing to do" in cli("mapping", "team", "--map", "params=N:M").stdout
    assert tree(LOGGED) == before


def test_a_past_day_is_read_as_it_was_then(project: None) -> None:
    lines = store.read_log(LOGGED)
    day = lines[-1].recorded
    later = date(day.year + 1, 1, 1)
    change = amend(LOGGED, Options(maps=["params=N:B"]), (), later)
    assert change is not None
    change.write()
    undo(LOGGED, later).write()
    assert [line.recorded for line in store.read_log(LOGGED)] == [day, later, later]
    Path("params.yaml").write_text(f"as_of: {day}\n")
    assert column("recorded") == [day, day]
