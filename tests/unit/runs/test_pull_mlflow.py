"""`scaling pull mlflow` against the recorded answers of a real server, MLflow 3.17.2."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.runs import formats
from scaling.runs.formats._raw import RAW
from scaling.runs.servers import Pulled, _rest, mlflow
from tests.support.trackers.make_files import unpack
from tests.support.trackers.mlflow_server import (
    EXPERIMENT,
    HOSTILE,
    PAGES,
    TOKEN_PASSWORD,
    TOKEN_USER,
    Answers,
    listening,
    loss,
    replaying,
    send,
)

NOBODY: dict[str, str] = {}
ON_PAGE = {"info": {"run_id": "a", "status": "FINISHED"}, "data": {"metrics": [{"key": "m"}]}}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("mlflow-server", tmp_path_factory.mktemp("record"))


@pytest.fixture(autouse=True)
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages of the record; and no waiting for a server that is busy."""
    for name, size in PAGES.items():
        monkeypatch.setattr(mlflow, name, size)
    monkeypatch.setattr(_rest, "_WAITS", (0.0, 0.0))


class Server:
    """The recorded server: its address, and what it answers."""

    def __init__(self, record: Path, address: str, answers: Answers) -> None:
        self.record, self.address, self.answers = record, address, answers

    def at(self, when: object) -> None:
        self.answers.clear()
        self.answers |= json.loads((self.record / f"answers-{when}.json").read_text())

    def pull(self, file: Path, known: tuple[Path, ...] = (), **more: Any) -> Pulled:
        more = {"environment": NOBODY} | more
        return mlflow.pull(self.address, more.pop("name", EXPERIMENT), file, known, **more)

    def rows(self, when: int) -> pl.DataFrame:
        """What the server's own database has, of runs that are not deleted and have a value."""
        rows = formats.read_cells(self.record / f"server-{when}.db")
        return rows.filter(pl.col("left_out").is_null())


@pytest.fixture
def server(record: Path) -> Iterator[Server]:
    answers: Answers = {}
    with replaying(answers) as address:
        made = Server(record, address, answers)
        made.at(1)
        yield made


def _values(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Every value and what is said of its run; NaN as a word, since it is not itself."""
    columns = [
        name for name in frame.columns if name in RAW and name not in ("record", "reached_step")
    ]
    rows = frame.select(columns, *(one for one in frame.columns if one.startswith("config.")))
    return sorted((str(row) for row in rows.sort(pl.all()).iter_rows()), key=str)  # type: ignore[return-value]


def test_a_pull_is_what_the_servers_own_database_holds(server: Server, tmp_path: Path) -> None:
    found = server.pull(tmp_path / "runs.db")
    rows = formats.read_cells(tmp_path / "runs.db")
    assert _values(rows) == _values(server.rows(1))
    assert rows.height == found.values == 311
    # Rows in are rows out and those that are named.
    assert (found.runs, len(found.taken), found.unchanged, len(found.left_out)) == (7, 5, 0, 2)
    assert [one.split("): ")[1] for one in found.left_out] == [
        "no value was logged, FAILED",
        "deleted on the server",
    ]


def test_restarts_repeats_gaps_and_odd_numbers_come_through(server: Server, tmp_path: Path) -> None:
    server.pull(tmp_path / "runs.db")
    rows = formats.settled(formats.read_cells(tmp_path / "runs.db"))
    of = {name: group for (name,), group in rows.group_by("run_name", maintain_order=True)}
    counting = pl.col("left_out").is_null() & (pl.col("metric") == "val/loss")
    restarted = of["restarted"].filter(counting).sort("step")
    assert restarted["step"].to_list() == list(range(200))
    assert restarted["value"].to_list() == [loss(s) - 0.5 * (s >= 100) for s in range(200)]
    odd = of["restarted"].filter(pl.col("metric") == "odd").sort("step")["value"].to_list()
    assert math.isnan(odd[0]) and odd[1:] == [math.inf, -math.inf, 1e-300]
    again = of[HOSTILE].filter(counting).sort("step")
    assert again["step"].to_list() == [*range(0, 60, 10), 10**6]
    assert again["value"].to_list()[-2:] == [9.0, 1.5]
    status = rows.group_by("run_name").agg(pl.col("status").first(), pl.col("ended").first())
    assert dict(status.select("run_name", "ended").iter_rows()) == {
        "restarted": True,
        HOSTILE: True,
        "killed": False,
        "going": False,
        "soon deleted": True,
    }


def test_the_next_pull_takes_only_what_is_new(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    server.pull(file)
    again = server.pull(file)
    assert (again.taken, again.values, again.unchanged) == ([], 0, 5)
    before = formats.read_cells(file)
    server.at(2)
    then = server.pull(tmp_path / "news.db", (file,))
    news = formats.read_cells(tmp_path / "news.db")
    assert set(news["run_name"].unique()) == {"going", "new"}
    assert (then.values, then.unchanged, len(then.left_out)) == (63, 3, 3)
    assert any("('soon deleted'): deleted on the server; what was" in one for one in then.left_out)
    assert server.pull(tmp_path / "none.db", (file, tmp_path / "news.db")).unchanged == 5
    assert not (tmp_path / "none.db").exists()
    # In one file: what was pulled of the deleted run stays.
    server.pull(file)
    kept = before.filter(pl.col("run_name").is_in(["soon deleted"]))
    both = formats.read_cells(file)
    assert _values(both.filter(pl.col("run_name") == "soon deleted")) == _values(kept)
    assert _values(both.filter(pl.col("run_name") != "soon deleted")) == _values(server.rows(2))


def test_a_dry_run_asks_and_writes_nothing(server: Server, tmp_path: Path) -> None:
    found = server.pull(tmp_path / "runs.db", dry_run=True)
    assert (len(found.taken), found.values) == (5, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_pull_that_broke_off_goes_on(server: Server, tmp_path: Path) -> None:
    whole = dict(server.answers)
    for key in whole:
        if "get-history" in key and "metric_key=odd" in key:
            del server.answers[key]
    for size in (1, 8):
        mlflow._AT_ONCE, before = size, mlflow._AT_ONCE
        try:
            with pytest.raises(InputError, match="status 501"):
                server.pull(tmp_path / "runs.db")
        finally:
            mlflow._AT_ONCE = before
    server.answers |= whole
    server.pull(tmp_path / "runs.db")
    assert _values(formats.read_cells(tmp_path / "runs.db")) == _values(server.rows(1))


def test_a_run_is_written_whole_or_not_at_all(server: Server, tmp_path: Path) -> None:
    """The last statement of the second run fails, as under a full disk."""
    file = tmp_path / "runs.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        from scaling.runs.servers import _mlflow_file

        database.executescript(_mlflow_file._TABLES)
        database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON params WHEN NEW.value = '2000000'"
            " BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        )
    with pytest.raises(InputError, match=r"runs\.db: cannot be written: disk is full"):
        server.pull(file)
    assert formats.read_cells(file)["run_name"].unique().to_list() == ["restarted"]
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("DROP TRIGGER full")
    assert server.pull(file).unchanged == 1
    assert _values(formats.read_cells(file)) == _values(server.rows(1))


def test_an_unknown_experiment_is_refused_with_those_there(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such experiment.*Did you mean 'scaling laws'") as e:
        server.pull(tmp_path / "runs.db", name="scaling lows")
    assert "'Default'" in str(e.value)


@pytest.mark.parametrize(
    ("who", "password", "said"),
    [("nobody", "", "No credentials were sent"), ("wrong", "wrong", "The credentials were sent")],
)
def test_a_server_with_a_password_refuses(
    server: Server, tmp_path: Path, who: str, password: str, said: str
) -> None:
    server.at(who)
    given = {"MLFLOW_TRACKING_USERNAME": TOKEN_USER, "MLFLOW_TRACKING_PASSWORD": password}
    with pytest.raises(InputError, match=f"status 401.*{said}.*MLFLOW_TRACKING_TOKEN"):
        server.pull(tmp_path / "runs.db", name="Default", environment=given)


def test_the_right_password_is_let_in(server: Server, tmp_path: Path) -> None:
    server.at("right")
    given = {"MLFLOW_TRACKING_USERNAME": TOKEN_USER, "MLFLOW_TRACKING_PASSWORD": TOKEN_PASSWORD}
    assert server.pull(tmp_path / "runs.db", name="Default", environment=given).runs == 0


def test_a_file_of_somebody_else_is_not_written_to(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    file.write_bytes((server.record / "server-1.db").read_bytes())
    before = file.read_bytes()
    with pytest.raises(InputError, match="no pull from MLflow wrote it"):
        server.pull(file)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("sqlite:///mlflow.db", "scaling add PATH"),
        ("file:///tmp/mlruns", "scaling add PATH"),
        ("mlruns", "scaling add PATH"),
        ("postgresql://me:secret@host/db", "mlflow server --backend-store-uri postgresql:"),
        ("databricks", "scaling add PATH"),
        ("https://me:secret@host", "credentials"),
        ("http://", "not an address"),
        ("http://host:port", "not an address"),
        ("http://host/a b", "not an address"),
        ("http://host\r\nX: y", "not an address"),
        ("https://host/?token=secret", "with a query"),
    ],
)
def test_what_is_no_server_is_refused_at_once(uri: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said) as error:
        mlflow.pull(uri, "e", tmp_path / "runs.db", environment=NOBODY)
    assert "me:secret" not in str(error.value)


def _asked(answer: Any, tmp_path: Path, **environment: str) -> Pulled:
    with listening(answer) as address:
        return mlflow.pull(address, "e", tmp_path / "runs.db", environment=environment)


def test_a_token_follows_no_redirect(tmp_path: Path) -> None:
    received: list[str | None] = []

    def other(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        received.append(handler.headers.get("Authorization"))
        send(handler, 200, b"{}")

    with listening(other) as elsewhere:

        def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
            send(handler, 302, b"", Location=f"{elsewhere}/login")

        with pytest.raises(InputError, match=r"redirected to 'http.*Nothing is sent there"):
            _asked(answer, tmp_path, MLFLOW_TRACKING_TOKEN="secret-token")
    assert received == []


def test_a_token_is_in_no_message(tmp_path: Path) -> None:
    def echo(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        said = {"error_code": "INTERNAL_ERROR", "message": handler.headers["Authorization"]}
        send(handler, 500, json.dumps(said).encode())

    for secret in ("secret-token", "secret\nX-Other: token", "secret-ключ"):
        with pytest.raises(InputError) as error:
            _asked(echo, tmp_path, MLFLOW_TRACKING_TOKEN=secret)
        assert "secret" not in str(error.value)


def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    answers = [(503, b""), (429, b""), (200, b'{"experiment": {"experiment_id": 1, "name": "e"}}')]

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        send(handler, *(answers.pop(0) if answers else (200, b"{}")))

    assert _asked(answer, tmp_path).runs == 0


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>Log in</html>", "not an answer in JSON"),
        (200, b"[1]", "not an answer in JSON"),
        (200, b"[" * 100_000, "not an answer in JSON"),
        (200, b'{"experiment": []}', "not an answer of MLflow"),
        (200, b'{"experiment": {"name": "e"}}', "not an answer of MLflow"),
        (500, b"oops", "status 500"),
        (404, b"", "status 404"),
        (503, b"", "status 503"),
        (403, b"", "refuses access"),
    ],
)
def test_other_answers_are_named(tmp_path: Path, status: int, body: bytes, said: str) -> None:
    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        send(handler, status, body)

    with pytest.raises(InputError, match=said) as error:
        _asked(answer, tmp_path)
    assert "http://127.0.0.1" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_is_cut_or_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.close_connection = True
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b'{"experiment": ')

    with pytest.raises(InputError, match=r"no answer|not an answer in JSON"):
        _asked(cut, tmp_path)
    monkeypatch.setattr(_rest, "LARGEST", 1000)
    with pytest.raises(InputError, match="too long an answer"):
        _asked(lambda handler, _: send(handler, 200, b" " * 5000), tmp_path)
    monkeypatch.setattr(_rest, "SILENCE", 0.1)

    def silent(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.close_connection = True
        handler.rfile.read(1)

    with pytest.raises(InputError, match="no answer in time"):
        _asked(silent, tmp_path)


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ({}, "without its last value"),
        ({"metrics": [{"key": "m", "step": 1}]}, "without its last value"),
        ({"metrics": [{"key": "m"}], "next_page_token": "x"}, "pages without end"),
        ({"metrics": [{"key": "m", "step": 2**70}]}, "not an answer of MLflow"),
        ({"metrics": [{"key": "m", "value": "much"}]}, "not an answer of MLflow"),
        ({"metrics": {"a": 1}}, "not an answer of MLflow"),
    ],
)
def test_a_history_that_is_not_whole_is_refused(
    tmp_path: Path, history: dict[str, Any], said: str
) -> None:
    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        path = handler.path
        if "get-by-name" in path:
            found: Any = {"experiment": {"experiment_id": "1", "name": "e"}}
        else:
            found = {"runs": [ON_PAGE]} if "search" in path else history
        send(handler, 200, json.dumps(found).encode())

    with pytest.raises(InputError, match=said):
        _asked(answer, tmp_path)
    assert list(tmp_path.iterdir()) == []
