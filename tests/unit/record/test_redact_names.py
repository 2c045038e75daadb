"""Whatever internal names and values are, an edition has none of them, and every byte counts."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.io.hashing import sha256
from scaling.io.json_files import json_text
from scaling.io.tables import csv_text
from scaling.record.editions import redact, verify
from scaling.record.editions.disclose import Wanted, disclose
from scaling.record.versions.fingerprint import Current
from scaling.record.versions.store import issue
from scaling.runs.schema import FORECAST, RUN, dtypes
from tests.support.inbox_project import METADATA

SECRET = bytes(range(100, 132))
LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGH0123456789 ,'\"-_=+é日;&<"
# Long enough not to stand in an edition by chance.
name = st.text(LETTERS, min_size=9, max_size=20).map(lambda text: f"q{text}z")
value = st.floats(1e-3, 1e12).filter(lambda x: len(repr(x)) > 9)


@dataclass(frozen=True)
class Internal:
    """What must not leave: names of a study, source, metric, target, runs and notes; values."""

    study: str
    source: str
    metric: str
    target: str
    words: tuple[str, ...]
    values: tuple[float, ...]


internals = st.builds(
    lambda names, values: Internal(*names[:4], tuple(names[4:]), tuple(values)),
    st.lists(name, min_size=7, max_size=12, unique=True),
    st.lists(value, min_size=4, max_size=9, unique=True),
)


def table(secret: Internal) -> pl.DataFrame:
    """Internal rows: every word as a run and a note, every value as a result."""
    count = max(len(secret.words), len(secret.values))
    words = [secret.words[place % len(secret.words)] for place in range(count)]
    rows = pl.DataFrame(
        {
            "run": words,
            "note": words,
            "family": words,
            "value": [secret.values[place % len(secret.values)] for place in range(count)],
        }
    ).with_columns(source=pl.lit(secret.source), metric=pl.lit(secret.metric))
    lacking = {k: pl.lit(None, t) for k, t in dtypes(RUN).items() if k not in rows.columns}
    return rows.with_columns(**lacking).select(list(dtypes(RUN)))


def line(study: str, target: str, value: float, law: str = "ensemble") -> dict[str, Any]:
    size = {"params": 7e9, "tokens": 1.4e11, "flops": 5.88e21}
    return {"study": study, "target": target, **size, "law": law, "quantile": 0.5, "value": value}


def issued(root: Path, secret: Internal) -> Path:
    """A version of one published and one internal study that tells everything it knows."""
    for file, text in {
        "data/published/paper/source.yaml": METADATA,
        "data/published/paper/runs.csv": "run,params,value\na,7e9,2.5\n",
    }.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    validated = {"paper": pl.DataFrame({"value": [2.5]}), secret.source: table(secret)}
    data = {f"data/validated/{source}.parquet": rows for source, rows in validated.items()}
    for path, rows in data.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        rows.write_parquet(root / path)
    made = {}
    for path, content in _files(secret).items():
        place = root / "made" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        made[path] = place
    hashes = {path: sha256((root / path).read_bytes()) for path in data}
    made_by: dict[str, Any] = {"data": hashes, "engine": {}, "laws": {secret.study: "x"}}
    made_by |= {"requirements": "", "seed": 0, "params": "y"}
    made_by["outputs"] = {path: sha256(place.read_bytes()) for path, place in made.items()}
    return issue(root, root / "reports", lambda: Current(made_by, made)).folder


def _files(secret: Internal) -> Mapping[str, str]:
    known = [line("open", secret.target, 2.25), line(secret.study, secret.target, 3.125)]
    naive = [line("open", secret.target, 2.5), line(secret.study, secret.target, secret.values[0])]
    told = {"study": secret.study, "source": secret.source, "metric": secret.metric}
    words = [*secret.words, *map(str, secret.values)]
    inside = told | {"residuals": words, "fits": [{"law": "chinchilla", "outcome": "converged"}]}
    public = {"study": "open", "source": "paper", "metric": "loss@c4", "fits": []}
    answers = [{"study": "open", "H1": "y"}, {"study": secret.study, "H1": words[0]}]
    return {
        "fits/open.json": json_text(public),
        f"fits/{secret.study}.json": json_text(inside),
        f"backtests/{secret.study}.json": json_text(inside),
        "forecast.csv": csv_text(pl.DataFrame(known, schema=dtypes(FORECAST))),
        "baselines.csv": csv_text(pl.DataFrame(naive, schema=dtypes(FORECAST))),
        "checklist.json": json_text({"questions": {"H1": "?"}, "answers": answers}),
        "report.md": json_text(inside),
        "later.bin": json_text(inside),
    }


@settings(max_examples=40)
@given(internals, st.booleans(), st.data())
def test_nothing_internal_leaves_and_every_byte_counts(
    secret: Internal, sealed: bool, choose: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        full = issued(root, secret)
        made = redact.redact(root, full.name, SECRET, sealed=sealed)
        place = redact.write(made, root / "reports/redacted")
        text = b"\n".join(file.encode() + content for file, content in made.files.items())
        names = [secret.study, secret.source, secret.metric, secret.target, *secret.words]
        for word in names:
            ways = {word, json.dumps(word), json.dumps(word, ensure_ascii=False)[1:-1]}
            ways |= {word.replace('"', '""')}
            assert not [way for way in ways if way.encode() in text], word
        assert not [x for x in secret.values if repr(x).encode() in text]
        assert (b"3.125" in text) == (not sealed) and b"2.25" in text
        assert verify.check_all(root) == []
        _assert_found(place, choose)


def _assert_found(place: Path, choose: st.DataObject) -> None:
    """A flipped bit anywhere in the edition is found."""
    files = sorted(path for path in place.rglob("*") if path.is_file() and path.stat().st_size)
    path = choose.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    bit = choose.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    assert verify.check(place)


@settings(max_examples=15)
@given(internals)
def test_every_row_and_name_can_be_shown(secret: Internal) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        full = issued(root, secret)
        place = redact.write(redact.redact(root, full.name, SECRET), root / "reports/redacted")
        proof = root / "proof.json"
        wanted = Wanted("value > 0", ["internal-study-1", "internal-source-1", "target-1"])
        proof.write_bytes(disclose(root, place, SECRET, wanted))
        good, problems = verify.check_proof(place, proof)
        assert problems == []
        rows = [row for one in good if one["key"]["kind"] == "run" for row in one["value"]]
        told = sorted((row["run"], row["value"]) for row in rows)
        assert told == sorted(table(secret).select("run", "value").rows())
        names = {one["value"] for one in good if one["key"]["kind"] == "name"}
        assert names == {secret.study, secret.source, secret.metric, secret.target}
