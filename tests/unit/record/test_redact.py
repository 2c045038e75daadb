"""Redacted editions through the command line: nothing internal in them, everything bound."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from scaling.io.hashing import canonical, sha256
from scaling.pipeline import backtest, fit, forecast, ingest, model, report, validate
from scaling.record.editions import redact, verify
from tests.support import ROOT
from tests.support.command import scaling

WORDS = ("okapi", "zebra", "quagga", "saffron", "quince", "heliotrope", "narwhal", "walrus", "vole")
SECRET = sha256(b"a secret of the tests")
INBOX = f"outs:\n- md5: {sha256(b'an inbox')[:32]}.dir\n  path: store\n"
PARAMS = {
    "seed": 0,
    "as_of": None,
    "disclose_internal": True,
    "studies": {
        "gemstones": {
            "source": "gemstones",
            "metric": "loss@gemstones-val",
            "laws": ["chinchilla"],
        },
        "narwhal-study": {
            "source": "okapi",
            "metric": "loss@heliotrope",
            "exclude": [{"where": "note = 'vole'", "reason": "the vole runs"}],
            "laws": ["chinchilla"],
        },
    },
    "fit": {"delta": 0.001, "resamples": 40},
    "forecast": {
        "quantiles": [0.05, 0.5, 0.95],
        "targets": {"walrus-70b": {"params": 70e9, "tokens": 1.4e12}},
    },
}


def internal_runs() -> pl.DataFrame:
    """Thirty runs whose words and digits occur nowhere else."""
    rng = np.random.default_rng(20)
    sizes = np.exp(rng.uniform(np.log(4e7), np.log(3e9), 30)).round()
    tokens = np.exp(rng.uniform(np.log(2e9), np.log(9e10), 30)).round()
    loss = 1.7 + 400 / sizes**0.34 + 410 / tokens**0.28
    return pl.DataFrame(
        {
            "run": [f"zebra-{number}" for number in range(30)],
            "family": "quagga",
            "observed": "2026-01-02",
            "params": sizes,
            "tokens": tokens,
            "lr": rng.uniform(1e-4, 9e-4, 30),
            "training_data": "saffron",
            "note": ["quince"] * 29 + ["vole"],
            "val": (loss * np.exp(rng.normal(0, 0.004, 30))).round(6),
        }
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with one published and one internal source, its stages run, entered."""
    base = tmp_path_factory.mktemp("redact")
    root = base / "project"
    (root / "data/internal").mkdir(parents=True)
    _publish(root / "data/published/gemstones")
    for name in ("dvc.yaml", "requirements.lock"):
        shutil.copy(ROOT / name, root / name)
    (root / "scaling").symlink_to(ROOT / "scaling")
    (root / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    internal_runs().write_csv(base / "okapi.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("SCALING_REDACT_SECRET", SECRET)
        same = ("run", "family", "observed", "params", "tokens", "lr", "training_data", "note")
        maps = [word for name in same for word in ("--map", f"{name}={name}")]
        metric = ("--metric", "val=loss@heliotrope:nats/token")
        assert scaling("add", base / "okapi.csv", "--as", "okapi", *maps, *metric) == 0
        (root / "data/internal/store.dvc").write_text(INBOX)
        _stages()
        yield root


def _publish(folder: Path) -> None:
    """Sixty of the real runs of a source in the library: a study of all takes seconds more."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "data/published/gemstones/source.yaml", folder)
    rows = pl.read_csv(ROOT / "data/published/gemstones/runs.csv", infer_schema=False)
    ended = pl.col("family") == "gemstones-cool_end"
    rows.filter(ended & (pl.col("metric") == "loss@gemstones-val")).head(60).write_csv(
        folder / "runs.csv"
    )


def _stages() -> None:
    ingest.main()
    validate.main()
    for study in PARAMS["studies"]:  # type: ignore[attr-defined]
        fit.main(study)
        backtest.main(study)
        model.main(study)
    forecast.main()
    assert report.main() == 0


@pytest.fixture(scope="module")
def bundle(project: Path) -> Path:
    """The project's edition, as the command makes it."""
    assert scaling("publish", "--redact", "--with-forecasts") == 0
    [folder] = Path("reports/redacted").iterdir()
    return folder.resolve()


@pytest.fixture(scope="module")
def full(bundle: Path) -> Path:
    return bundle.parents[1] / verify.read(bundle)["full"]["version"]


def everything(folder: Path) -> bytes:
    """Names and contents of all files below."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return b"\n".join(str(path.relative_to(folder)).encode() + path.read_bytes() for path in files)


def digits(value: float) -> set[str]:
    """Ways in which a number is written, by those digits that another would hardly have too."""
    ways = {repr(value), f"{value:.6g}", f"{value:.5g}", f"{value:.6f}", f"{value:,.0f}"}
    ways |= {f"{value:.5e}", str(round(value)), f"{100 * value:.4f}", value.hex()}
    return {way for way in ways if len(re.sub(r"[^0-9a-f]|e[+-].*", "", way).lstrip("0")) >= 5}


def test_nothing_internal_is_in_it(bundle: Path, full: Path) -> None:
    text, whole = everything(bundle), everything(full)
    assert [word for word in WORDS if word.encode() in text.lower()] == []
    assert [word for word in ("okapi", "heliotrope", "narwhal", "walrus") if word.encode() in whole]
    # The hash of the inbox would tell who has the runs that they are the ones.
    assert json.loads((full / "manifest.json").read_bytes())["inbox"] == INBOX
    assert (
        sha256(b"an inbox")[:32].encode() in whole and sha256(b"an inbox")[:32].encode() not in text
    )
    # Free text of internal runs is in no version at all.
    assert b"saffron" not in whole and b"quince" not in whole
    rows = internal_runs().select("params", "tokens", "lr", "val")
    told = {way for row in rows.iter_rows() for value in row for way in digits(value)}
    # The search itself works: the full version tells the smallest run.
    assert repr(rows["params"].min()).encode() in whole
    assert [way for way in told if way.encode() in text] == []


def test_it_has_what_it_may_show(bundle: Path, full: Path) -> None:
    for name in ("fits/gemstones.json", "fits/gemstones.csv", "backtests/gemstones.json"):
        assert (bundle / name).read_bytes() == (full / name).read_bytes()
    shown = pl.read_csv(bundle / "forecast.csv")
    issued = pl.read_csv(full / "forecast.csv")
    assert shown["value"].to_list() == issued["value"].to_list()
    assert set(shown["study"]) == {"gemstones", "internal-study-1"}
    assert set(shown["target"]) == {"target-1"}
    assert set(pl.read_csv(bundle / "baselines.csv")["study"]) == {"gemstones"}


def test_it_is_checked_alone_and_against_the_full_version(
    bundle: Path, full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = shutil.copytree(bundle, tmp_path / "given")
    other = shutil.copytree(full, tmp_path / "full")
    assert scaling("verify") == 0
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCALING_REDACT_SECRET")
    assert scaling("verify", alone) == 0
    assert scaling("verify", alone, "--full", other) == 0
    forecast_file = alone / "forecast.csv"
    forecast_file.write_text(forecast_file.read_text().replace(",0.5,", ",0.6,", 1))
    _resign(alone)
    assert scaling("verify", alone) == 0
    assert scaling("verify", alone, "--full", other) == 1
    assert scaling("verify", alone, "--full", tmp_path / "none") == 2
    (other / "manifest.json").write_text("{}")
    assert scaling("verify", alone, "--full", other) == 1
    assert scaling("verify", "--full", other) == 2


def _resign(folder: Path) -> None:
    """Make the manifest agree with the files again, as who makes up an edition would."""
    told = verify.read(folder)
    for name in told["files"]:
        content = (folder / name).read_bytes()
        told["files"][name] = {"sha256": sha256(content), "bytes": len(content)}
    told["edition"] = redact.edition_id(told)
    (folder / "manifest.json").write_text(redact.pretty(told))


def disclosed(bundle: Path, *what: str) -> Path:
    assert scaling("disclose", bundle, *what, "--out", "../proof.json") == 0
    return Path("../proof.json").resolve()


@pytest.mark.parametrize(
    ("what", "kind", "text"),
    [
        (("--where", "run = 'zebra-3'"), "run", "zebra-3"),
        (("--name", "internal-study-1"), "name", "narwhal-study"),
        (("--name", "target-1"), "name", "walrus-70b"),
        (("--forecast", "internal-study-1"), "forecast", "internal-study-1"),
        (("--file", "report.html"), "file", "report.html"),
    ],
)
def test_what_is_shown_belongs_to_it(
    bundle: Path, what: tuple[str, ...], kind: str, text: str
) -> None:
    good, problems = verify.check_proof(bundle, disclosed(bundle, *what))
    assert problems == [] and good
    assert {one["key"]["kind"] for one in good} == {kind} and text in str(good)
    assert scaling("verify", bundle, "--disclosed", "../proof.json") == 0


def test_one_run_shows_one_run(bundle: Path, full: Path) -> None:
    proof = disclosed(bundle, "--where", "run = 'zebra-3' AND params > 0")
    told = json.loads(proof.read_text())
    [one] = told["shown"]
    row = internal_runs().filter(pl.col("run") == "zebra-3").row(0, named=True)
    [shown] = one["leaf"]["value"]
    assert shown["value"] == row["val"] and "payload" not in shown
    assert [word for word in ("zebra-1", "zebra-2", SECRET) if word in proof.read_text()] == []
    assert scaling("disclose", bundle, "--where", "run = 'none'", "--out", "../no.json") == 2
    assert scaling("disclose", bundle, "--where", "run ===", "--out", "../no.json") == 2
    assert scaling("disclose", bundle, "--out", "../no.json") == 2
    assert not Path("../no.json").exists()


def test_the_page_of_the_docs_is_enough_to_check_a_proof(bundle: Path) -> None:
    """By what docs/reference/editions.md says and a hash function, without this package."""

    def plain(value: object) -> bytes:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()

    told = json.loads((bundle / "manifest.json").read_bytes())
    rest = {name: value for name, value in told.items() if name != "edition"}
    assert hashlib.sha256(plain(rest)).hexdigest() == told["edition"]
    for one in json.loads(disclosed(bundle, "--where", "params > 0").read_bytes())["shown"]:
        salt, path = bytes.fromhex(one["salt"]), map(bytes.fromhex, one["path"])
        place = int(hashlib.sha256(b"\2" + plain(one["leaf"]["key"])).hexdigest()[:16], 16)
        made = hashlib.sha256(b"\0" + salt + plain(one["leaf"])).digest()
        for height, beside in enumerate(path):
            pair = beside + made if place >> height & 1 else made + beside
            made = hashlib.sha256(b"\1" + pair).digest()
        assert made.hex() == told["commitment"]["root"]


def test_any_changed_byte_is_found(bundle: Path, tmp_path: Path) -> None:
    proof = disclosed(bundle, "--where", "params > 1e9")
    alone = shutil.copytree(bundle, tmp_path / "given")
    rng = random.Random(4)
    for path in sorted(path for path in alone.rglob("*") if path.is_file()):
        content = path.read_bytes()
        places = rng.sample(range(len(content)), min(12, len(content)))
        for place in places:
            path.write_bytes(_flipped(content, place, rng))
            assert verify.check(alone), (path, place)
        for bad in (content[:-1], content + b"\n", b""):
            path.write_bytes(bad)
            assert verify.check(alone), path
        path.unlink()
        assert verify.check(alone)
        path.write_bytes(content)
    (alone / "more").write_text("x")
    assert "more" in verify.check(alone)[0]
    content = proof.read_bytes()
    for place in rng.sample(range(len(content)), 200):
        proof.write_bytes(_flipped(content, place, rng))
        assert _refused(bundle, proof), place


def _flipped(content: bytes, place: int, rng: random.Random) -> bytes:
    changed = bytes([content[place] ^ (1 << rng.randrange(8))])
    return content[:place] + changed + content[place + 1 :]


def _refused(bundle: Path, proof: Path) -> bool:
    try:
        return bool(verify.check_proof(bundle, proof)[1])
    except ValueError:
        return True


CHANGES: dict[str, Any] = {
    "a value": lambda one: one["leaf"]["value"][0].update(value=2.5),
    "a column more": lambda one: one["leaf"]["value"][0].update(depth=2.0),
    "a row more": lambda one: one["leaf"]["value"].append(one["leaf"]["value"][0]),
    "no row": lambda one: one["leaf"]["value"].clear(),
    "another run": lambda one: one["leaf"]["key"].update(run="zebra-4"),
    "a row of another run": lambda one: one["leaf"]["value"][0].update(run="zebra-4"),
    "the kind": lambda one: one["leaf"]["key"].update(kind="row"),
    "a key with more in it": lambda one: one["leaf"]["key"].update(table="okapi"),
    "a key of numbers": lambda one: one["leaf"]["key"].update(metric=1),
    "a leaf that is text": lambda one: one.update(leaf="x"),
    "the salt": lambda one: one.update(salt="0" * 64),
    "a place": lambda one: one.update(place=1),
    "a hash of the path": lambda one: one["path"].__setitem__(2, "0" * 64),
    "a shorter path": lambda one: one["path"].pop(),
    "a hash in capitals": lambda one: one.update(salt=one["salt"].upper()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_proof_that_was_made_up_is_refused(bundle: Path, change: str) -> None:
    proof = disclosed(bundle, "--where", "run = 'zebra-3'")
    told = json.loads(proof.read_text())
    CHANGES[change](told["shown"][0])
    proof.write_text(redact.pretty(told))
    assert scaling("verify", bundle, "--disclosed", proof) == 1


def test_one_run_has_one_value(project: Path, full: Path, tmp_path: Path) -> None:
    """Three losses of one run stand in one leaf, so that whoever sees one sees all three."""
    mine = shutil.copytree(project, tmp_path / "mine", symlinks=True)
    file = mine / "data/validated/okapi.parquet"
    rows = pl.read_parquet(file)
    again = rows.filter(run="zebra-3")
    other = [again.with_columns(value=pl.lit(value)) for value in (2.5, 2.6)]
    pl.concat([rows, *other]).write_parquet(file)
    told = json.loads((full / "manifest.json").read_bytes())
    told["made_by"]["data"]["data/validated/okapi.parquet"] = sha256(file.read_bytes())
    leaves = redact.run_leaves(mine, told, {"okapi"}, "value = 2.5")
    assert [[row["value"] for row in one.value] for one in leaves] == [
        [*again["value"], 2.5, 2.6],
    ]
    whole = redact.run_leaves(mine, told, {"okapi"})
    assert sum(len(one.value) for one in whole) == rows.height + 2
    assert len({json.dumps(one.key) for one in whole}) == len(whole) == rows["run"].n_unique()


def test_an_edition_states_how_much_it_binds(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert scaling("verify", bundle) == 0
    stated = "It binds 30 rows of internal runs under 30 keys (run and metric), one value each."
    assert stated in capsys.readouterr().out
    alone = shutil.copytree(bundle, tmp_path / "given")
    proof = json.loads(disclosed(bundle, "--where", "params > 0").read_text())
    told = verify.read(alone)
    told["commitment"].update(rows=3, keys=3)
    told["edition"] = proof["edition"] = redact.edition_id(told)
    (alone / "manifest.json").write_text(redact.pretty(told))
    (tmp_path / "proof.json").write_text(redact.pretty(proof))
    _, [problem] = verify.check_proof(alone, tmp_path / "proof.json")
    assert problem.endswith("shows 30 rows of 30 keys; the edition states 3 rows of 3 keys")


def test_editions_of_format_1_are_read_as_they_are(bundle: Path, tmp_path: Path) -> None:
    """Built here by the words of docs/reference/editions.md: leaves in order of their hash."""
    rows = [{"kind": "row", "row": {"run": "x", "value": value}} for value in (2.1, 2.2)]
    made = {
        hashlib.sha256(b"\0" + bytes([n]) * 32 + canonical(row)).digest(): (row, bytes([n]) * 32)
        for n, row in enumerate(rows)
    }
    left, right = sorted(made)
    old = shutil.copytree(bundle, tmp_path / "old")
    told = verify.read(old) | {"format": verify.FIRST}
    root = hashlib.sha256(b"\1" + left + right).hexdigest()
    told["commitment"] = {"root": root, "leaves": 2, "hash": verify.HASHES[verify.FIRST]}
    told["edition"] = redact.edition_id(told)
    (old / "manifest.json").write_text(redact.pretty(told))
    (row, salt), proof = made[left], tmp_path / "proof.json"
    shown = {"leaf": row, "salt": salt.hex(), "place": 0, "path": [right.hex()]}
    for place, right_place in ((0, True), (1, False), (2, False)):
        content = {"edition": told["edition"], "shown": [shown | {"place": place}]}
        proof.write_text(redact.pretty(content))
        good, problems = verify.check_proof(old, proof)
        assert (good == [row] and not problems) is right_place
    assert verify.check(old) == [] and "leaf for each row" in verify.stated(told)
    assert scaling("disclose", old, "--where", "params > 0", "--out", tmp_path / "no.json") == 2


def test_sealed_forecasts_are_bound_and_not_shown(bundle: Path) -> None:
    assert scaling("publish", "--redact") == 0
    [sealed] = [one for one in bundle.parent.iterdir() if verify.read(one)["sealed"]]
    assert set(pl.read_csv(sealed / "forecast.csv")["study"]) == {"gemstones"}
    assert scaling("verify", sealed, "--full", sealed.parents[1] / sealed_version(sealed)) == 0
    proof = disclosed(sealed, "--forecast", "internal-study-1")
    good, problems = verify.check_proof(sealed, proof)
    shown = {line["law"] for one in good for line in one["value"]}
    assert problems == [] and {"ensemble", "chinchilla", "carry last"} <= shown
    assert verify.check_proof(bundle, proof)[1] == [f"{proof}: is about another edition"]
    shutil.rmtree(sealed)


def sealed_version(folder: Path) -> str:
    return str(verify.read(folder)["full"]["version"])


def test_the_same_again_is_one_edition(bundle: Path) -> None:
    before = everything(bundle)
    assert scaling("publish", "--redact", "--with-forecasts") == 0
    assert [one.name for one in bundle.parent.iterdir()] == [bundle.name]
    assert everything(bundle) == before


def test_a_page_that_reads_otherwise_takes_nothing_away(bundle: Path, full: Path) -> None:
    """Editions outlive the release that made them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redact, "_page", lambda table, *, sealed: "Another wording\n")
        assert verify.check_all(full.parents[1]) == []
        proof = disclosed(bundle, "--where", "run = 'zebra-3'")
    assert verify.check_proof(bundle, proof)[1] == []


def test_another_secret_shows_nothing(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALING_REDACT_SECRET", SECRET[::-1])
    assert scaling("disclose", bundle, "--where", "params > 0", "--out", "../no.json") == 2
    assert not Path("../no.json").exists()


def test_tables_must_be_those_that_made_it(bundle: Path) -> None:
    file = Path("data/validated/okapi.parquet")
    content = file.read_bytes()
    try:
        pl.read_parquet(file).head(3).write_parquet(file)
        assert scaling("disclose", bundle, "--where", "params > 0", "--out", "../no.json") == 2
    finally:
        file.write_bytes(content)


def test_without_internal_sources_there_is_nothing_to_redact(
    project: Path, full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.loads((full / "manifest.json").read_text())
    monkeypatch.setattr(redact, "internal_tables", lambda root, told: set())
    with pytest.raises(ValueError, match="no internal source"):
        redact.redact(project, told["version"], bytes(32))


def test_the_secret_is_asked_for_and_never_told(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, bad = tmp_path / "secret", "ab" * 32
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    monkeypatch.setenv("SCALING_REDACT_SECRET", bad)
    assert scaling("publish", "--redact", "--secret", file) == 0
    assert scaling("publish", "--redact") == 2
    monkeypatch.delenv("SCALING_REDACT_SECRET")
    assert scaling("publish", "--redact") == 2
    file.chmod(0o640)
    assert scaling("publish", "--redact", "--secret", file) == 2
    file.chmod(0o600)
    file.write_text(SECRET[:-2])
    assert scaling("publish", "--redact", "--secret", file) == 2
    inside = project / "secret"
    inside.write_text(SECRET)
    inside.chmod(0o600)
    assert scaling("publish", "--redact", "--secret", inside) == 2
    inside.unlink()
    assert scaling("publish", "--redact", "--secret", tmp_path / "none") == 2
    assert scaling("publish", "--with-forecasts") == 2
    out, err = capsys.readouterr()
    assert "others may read the secret" in err and "must not lie in the project" in err
    assert [text for text in (SECRET, SECRET[:-2], bad) if text in out + err] == []
    for place in ("reports", "data"):
        held = everything(project / place)
        assert SECRET.encode() not in held and bytes.fromhex(SECRET) not in held


def test_nothing_is_redacted_from_a_damaged_version(
    full: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = full / "report.md"
    content = file.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redact, "verify", lambda root: ["report.md: is not what was published"])
        assert scaling("publish", "--redact") == 1
    assert "nothing was redacted: report.md" in capsys.readouterr().err
    assert file.read_bytes() == content


def test_a_hostile_edition_leads_nowhere(bundle: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(bundle, tmp_path / "given")
    told = verify.read(alone)
    (tmp_path / "out").write_text("x")
    told["files"]["../out"] = {"sha256": sha256(b"x"), "bytes": 1}
    told["edition"] = redact.edition_id(told)
    (alone / "manifest.json").write_text(redact.pretty(told))
    assert verify.check(alone) == [f"{alone}: '../out' leads out of the edition"]
    (alone / "edition.md").unlink()
    os.symlink(tmp_path / "out", alone / "edition.md")
    assert any("no plain file" in one for one in verify.check(alone))
    (alone / "manifest.json").write_text("[" * 100_000)
    assert verify.check(alone)
