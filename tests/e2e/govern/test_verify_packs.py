"""`scaling verify PACK`: packs are checked by themselves, and each byte that changed is named."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from scaling.govern import evidence, verify
from scaling.io.hashing import sha256
from scaling.io.json_files import json_text
from scaling.pipeline.packs import packs
from tests.support import ROOT
from tests.support.browser import Browser, started
from tests.support.govern_tables import ON

# Names that no file of a redacted pack may hold, and folders that none of any pack may.
FOLDERS = ("users-alice", "secret-host", "quiet-folder")
SECRETS = ("Zephyr-9", "Owl-of-March", "zephyr_plan")
RUNS = """run,entity,state,model,parent,parent_entity,parent_flop,started,ended,released,flop,\
method,markets,general_purpose,revenue_usd,source,assumptions
Zephyr-9,Example Lab,running,Zephyr-9,,,,2026-08-01,2027-01-10,,2.9e25,stated,EU;US,yes,9e8,\
/home/users-alice/quiet-folder/zephyr_plan.log,see C:\\users-alice\\quiet-folder\\x.txt; ~/y/z.csv
Owl-of-March,Example Lab,planned,,Zephyr-9,Example Lab,2.9e25,,,,1.1e25,,,,,\
\\\\secret-host\\quiet-folder\\a.csv,file:///home/users-alice/b.csv
nothing-known,Other Works,planned,,,,,,,,,,,,,,
"""


@pytest.fixture(scope="module")
def runs_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("users-alice") / "quiet-folder"
    folder.mkdir()
    file = folder / "zephyr_plan.csv"
    file.write_text(RUNS)
    return file


@pytest.fixture(scope="module")
def made(runs_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The packs of the runs file, whole and redacted."""
    out = tmp_path_factory.mktemp("out")
    for name in ("whole", "redacted"):
        packs(Path(), runs_file, out / name, ON, redact=name == "redacted")
    return {name: out / name for name in ("whole", "redacted")}


def content(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = "\n".join(path.relative_to(folder).as_posix() for path in files)
    return names + "".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("kind", ["whole", "redacted"])
def test_packs_are_whole_and_name_no_path_of_a_machine(made: dict[str, Path], kind: str) -> None:
    assert verify.check(made[kind]) == []
    assert verify.edited(made[kind], Path("data/thresholds")) == []
    text = content(made[kind])
    names = {*FOLDERS, str(ROOT), os.uname().nodename, *(["zephyr_plan"] * (kind == "redacted"))}
    for name in names:
        assert name not in text, name
    for secret in SECRETS:
        assert (secret in text) == (kind == "whole"), secret


def test_no_cell_says_none_or_nan_or_is_empty(made: dict[str, Path]) -> None:
    for folder in made.values():
        for path in folder.rglob("*.json"):
            report = json.loads(path.read_text()).get("report")
            if report is not None:
                loaded = verify.load(json.dumps(report))
                cells = [
                    c
                    for t in verify._tables(loaded["sections"])
                    for r in verify._cells(t)
                    for c in r
                ]
                words = {cell["text"] for cell in cells}
                bad = re.compile(r"\b(None|nan|NaN|null|inf)\b")
                assert not [word for word in words if bad.search(word) or word in ("", "\u2014")]
        for path in folder.rglob("*.csv"):
            if path.parent.name != "registry":
                rows = pl.read_csv(path, infer_schema=False)
                assert not {"None", "nan", "NaN", "null", "inf"} & set(
                    rows.unpivot()["value"].drop_nulls()
                )
    whole, redacted = (
        next((made[kind] / "entities").glob("example*/pack.md")).read_text() for kind in made
    )
    assert "not stated" in whole and "withheld" not in whole
    assert "withheld or not stated" in redacted


def test_every_changed_byte_is_named(made: dict[str, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(made["whole"], tmp_path / "copy"))
    entity = next((copy / "entities").iterdir()).relative_to(copy).as_posix()
    names = ["manifest.json", "index.html", "alerts.csv", "registry/rules.csv"]
    names += [f"{entity}/{name}" for name in ("pack.md", "pack.json", "timeline.svg")]
    for name in names:
        whole = (copy / name).read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            changed = bytearray(whole)
            changed[place] ^= 1
            (copy / name).write_bytes(changed)
            problems = verify.check(copy)
            assert any(name in problem for problem in problems), (name, place)
        (copy / name).write_bytes(whole)
    assert verify.check(copy) == []


def forged(copy: Path, name: str, change: Callable[[str], str]) -> list[str]:
    """Problems after a file was changed and the manifest made to fit."""
    path = copy / name
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, encoding="utf-8")
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][name] = sha256(path.read_bytes())
    manifest["pack"] = evidence.seal(manifest)
    (copy / "manifest.json").write_text(json_text(manifest))
    return verify.check(copy)


@pytest.mark.parametrize(
    ("file", "change", "named"),
    [
        ("pack.html", ("2.9e25 (", "2.1e25 ("), "pack.html: row"),
        ("pack.html", (f"On {ON},", "On 2026-11-24,"), "pack.html: says"),
        ("pack.md", ("2.9e25 (", "2.1e25 ("), "pack.md: row"),
        ("crossings.csv", (",above,", ",not reached,"), "crossings.csv: row"),
        ("pack.json", ('"registry ', '"registry 0'), "names another registry"),
    ],
)
def test_numbers_of_the_page_are_those_of_the_json(
    made: dict[str, Path], tmp_path: Path, file: str, change: tuple[str, str], named: str
) -> None:
    copy = Path(shutil.copytree(made["whole"], tmp_path / "copy"))
    place = next((copy / "entities").glob("example*")).relative_to(copy).as_posix()
    problems = forged(copy, f"{place}/{file}", lambda text: text.replace(*change))
    assert any(named in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("text", "value", "same"),
    [
        ("2.9e25 FLOP", 2.94e25, True),
        ("2.9e25 FLOP", 2.99e25, False),
        ("> 1e26 FLOP", 1e26, True),
        ("97 %", 0.9712, True),
        ("97 %", 0.98, False),
        ("1,234", 1234.4, True),
        ("never", 3.0, True),
    ],
)
def test_a_shown_number_is_its_value_to_its_digits(text: str, value: float, same: bool) -> None:
    assert verify._shows(text, value) is same


def test_another_registry_in_the_packs_is_seen(made: dict[str, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(made["whole"], tmp_path / "copy"))
    problems = forged(copy, "registry/rules.csv", lambda text: text.replace("1e26", "2e26", 1))
    assert any("is not the registry that the packs were made with" in one for one in problems)


def edited(tmp_path: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Path:
    """A copy of the registry with other rows."""
    folder = Path(shutil.copytree(ROOT / "data" / "thresholds", tmp_path / "thresholds"))
    rules = pl.read_csv(folder / "rules.csv", infer_schema=False)
    change(rules).write_csv(folder / "rules.csv")
    return folder


def test_a_retroactive_edit_of_the_registry_is_named(made: dict[str, Path], tmp_path: Path) -> None:
    at = (pl.col("rule") == "ca_sb53") & pl.col("recorded_to").is_null()
    value = pl.when(at).then(pl.lit("2e26")).otherwise("value").alias("value")
    folder = edited(tmp_path, lambda rules: rules.with_columns(value))
    problems = verify.edited(made["whole"], folder)
    assert problems and all("rule ca_sb53" in one for one in problems)
    assert "column 'value': was 1e+26 in the packs, is 2e+26 now" in problems[0]


def test_a_row_that_is_gone_or_claims_to_be_old_is_named(
    made: dict[str, Path], tmp_path: Path
) -> None:
    folder = edited(tmp_path, lambda rules: rules.filter(pl.col("rule") != "kr_ai_basic_act"))
    assert "is gone since" in verify.edited(made["whole"], folder)[0]
    shutil.rmtree(folder)
    copied = pl.col("rule") == "kr_ai_basic_act"
    new = pl.lit("invented").alias("rule")
    folder = edited(
        tmp_path, lambda rules: pl.concat([rules, rules.filter(copied).with_columns(new)])
    )
    assert "which the packs do not have" in verify.edited(made["whole"], folder)[0]


def test_what_was_entered_later_is_no_edit(made: dict[str, Path], tmp_path: Path) -> None:
    copied = (pl.col("rule") == "kr_ai_basic_act") & pl.col("recorded_to").is_null()
    later = [pl.lit("new").alias("rule"), pl.lit("2027-01-01").alias("entered")]
    folder = edited(
        tmp_path, lambda rules: pl.concat([rules, rules.filter(copied).with_columns(later)])
    )
    assert verify.edited(made["whole"], folder) == []


def test_a_correction_that_was_entered_later_is_no_edit(
    made: dict[str, Path], tmp_path: Path
) -> None:
    at = (pl.col("rule") == "kr_ai_basic_act") & pl.col("recorded_to").is_null()

    def correct(rules: pl.DataFrame) -> pl.DataFrame:
        ends = {"recorded_to": str(ON), "closed": "2027-01-01"}
        old = [pl.when(at).then(pl.lit(v)).otherwise(n).alias(n) for n, v in ends.items()]
        starts = {"value": "3e26", "recorded_from": str(ON), "entered": "2027-01-01"}
        new = rules.filter(at).with_columns(pl.lit(v).alias(n) for n, v in starts.items())
        return pl.concat([rules.with_columns(old), new])

    assert verify.edited(made["whole"], edited(tmp_path, correct)) == []


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scaling", "verify", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_outside_of_any_project_a_folder_and_an_archive_are_checked(
    made: dict[str, Path], tmp_path: Path
) -> None:
    archive = tmp_path / "filing.zip"
    with zipfile.ZipFile(archive, "w") as whole:
        for path in made["redacted"].rglob("*"):
            whole.write(path, Path("filing") / path.relative_to(made["redacted"]))
    for what in (str(archive), str(made["redacted"])):
        done = run(tmp_path, what)
        assert done.returncode == 0, done.stderr
        assert f"Whole: evidence packs of {ON}" in done.stdout
        assert "Not compared with a registry of today" in done.stdout
    (tmp_path / "bad.zip").write_text("no archive")
    assert "cannot be unpacked" in run(tmp_path, "bad.zip").stderr
    copy = Path(shutil.copytree(made["redacted"], tmp_path / "copy"))
    (copy / "manifest.json").write_text("{")
    done = run(tmp_path, "copy")
    assert done.returncode == 1 and "is not JSON" in done.stderr


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> object:
    with started(tmp_path_factory.mktemp("profile")) as one:
        yield one


OUTSIDE = """[...document.querySelectorAll('details')].map(d => d.open = true) &&
[...document.querySelectorAll('td, th, h1, h2, h3, p, summary, svg, pre')].filter(e => {
  const box = e.getBoundingClientRect();
  return !e.closest('thead, .skip') && box.width && (box.right > innerWidth + 1 || box.left < -1);
}).map(e => e.textContent.slice(0, 60))"""
UNLABELLED = """[...document.querySelectorAll('tbody td, tbody th[scope=row]')].filter(
  e => !e.dataset.label || getComputedStyle(e, '::before').content === 'none').length"""


@pytest.mark.parametrize("width", [390, 1280])
def test_every_column_is_on_the_page(made: dict[str, Path], browser: Browser, width: int) -> None:
    pages = [made["whole"] / "index.html", *made["whole"].glob("*/*/pack.html")]
    assert len(pages) > 3
    for page in pages:
        browser.open(page, width, 800, "light")
        assert browser.run(OUTSIDE) == [], page
        assert browser.run("document.documentElement.scrollWidth") <= width, page
        if width == 390:
            assert browser.run(UNLABELLED) == 0
        assert browser.complaints() == []


def test_on_paper_every_fold_is_open(made: dict[str, Path], browser: Browser) -> None:
    page = next(made["whole"].glob("entities/example*/pack.html"))
    # A4 less the margins of the page, at 96 dots an inch.
    browser.open(page, 688, 1000, "light")
    browser.call("Emulation.setEmulatedMedia", media="print")
    heights = (
        "[...document.querySelectorAll('details table')].map(e => e.getBoundingClientRect().height)"
    )
    found = browser.run(heights)
    assert found and min(found) > 20
    outside = OUTSIDE.partition("&&")[2]
    assert browser.run(outside) == []
    browser.call("Emulation.setEmulatedMedia", media="")
