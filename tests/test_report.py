"""The report: its numbers, its figures, its three forms, and what it does with bad input."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import groupby
from pathlib import Path
from statistics import NormalDist
from typing import Any
from xml.etree import ElementTree

import altair as alt
import numpy as np
import polars as pl
import pytest
import yaml
from markdown_it import MarkdownIt

from scaling.errors import InputError
from scaling.pipeline import report as stage
from scaling.report import draw, text
from scaling.report.blocks import Cell, Figure, Fold, Report, Table
from scaling.report.context import beyond, context
from scaling.report.export_figure import main as export
from scaling.report.figures import forecast_figure
from scaling.report.headline import forecast_panels
from scaling.report.model import build
from scaling.report.palette import COLOUR, ROLES, Scheme
from scaling.report.plot_forecast import MAX_RUNS, loss_ticks, thin
from scaling.report.read import Inputs, read
from scaling.report.render import escape_markdown, html, markdown, stylesheet, to_json
from scaling.schema import FORECAST, RUN, dtypes

ROOT = Path(__file__).parents[1]
LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
LAWS = ("chinchilla", "kaplan_joint", "power_law")
TARGETS: dict[str, dict[str, float]] = {
    "planned-7b": {"params": 7e9, "tokens": 2e12},
    "optimal-1e21": {"flops": 1e21},
    "optimal-1e24": {"flops": 1e24},
}
NASTY = 'x|y `z` <script>alert(1)</script> [a](javascript:b) "q" </svg> \u202e\x07 *s* $m$'


# --------------------------------------------------------------------------- a small project


def studies(names: tuple[str, ...] = ("alpha", "beta-2")) -> dict[str, Any]:
    """Entries of params.yaml."""
    rule = {"where": "flags LIKE '%outlier%'", "reason": "diverged"}
    return {
        name: {"source": name, "metric": "loss@web", "exclude": [rule], "laws": list(LAWS)}
        for name in names
    }


def runs(source: str, rows: int = 40) -> pl.DataFrame:
    """Simulated runs: a Chinchilla law with noise, the first two flagged as outliers."""
    rng = np.random.default_rng(len(source))
    n, d = 10 ** rng.uniform(7.5, 9.5, rows), 10 ** rng.uniform(9, 11, rows)
    value = (1.8 + 400 / n**0.34 + 2000 / d**0.37) * np.exp(rng.normal(0, 0.01, rows))
    value[:2] *= 3
    flags = ["outlier" if i < 2 else None for i in range(rows)]
    columns = {"params": n, "tokens": d, "flops": 6 * n * d, "value": value, "flags": flags}
    words = {"source": source, "metric": "loss@web", "unit": "nats/token"}
    frame = pl.DataFrame(columns).with_columns(**{k: pl.lit(v) for k, v in words.items()})
    missing = {k: pl.lit(None, dtype=t) for k, t in dtypes(RUN).items() if k not in frame.columns}
    other = frame.head(3).with_columns(metric=pl.lit("error@task"), value=pl.lit(0.5))
    return pl.concat([frame, other]).with_columns(**missing).select(list(dtypes(RUN)))


def forecast(names: tuple[str, ...], targets: dict[str, Any]) -> pl.DataFrame:
    """Normal quantiles around a curve, shifted by law."""
    rows = []
    for study in names:
        for target, at in targets.items():
            c = at.get("flops") or 6 * at["params"] * at["tokens"]
            n = at.get("params") or math.sqrt(c / 120)
            for shift, law in enumerate(("ensemble", *LAWS)):
                curve = NormalDist(1.8 + 3 * (c / 1e18) ** -0.15 - 0.05 * shift, 0.03)
                rows += [(study, target, n, c / 6 / n, c, law, q, curve.inv_cdf(q)) for q in LEVELS]
    return pl.DataFrame(rows, schema=dtypes(FORECAST), orient="row")


def fit(law: str, **more: Any) -> dict[str, Any]:
    """One fit as the fit stage writes it."""
    value = {"value": 477.826, "se": 124.58, "unit": "nats/token", "low90": 285.1, "high90": 744.2}
    return {
        "law": law,
        "target": "loss",
        "parameters": {"A": value, "E": {**value, "value": 1.8172, "se": 0.0257}},
        "objective": 0.0010182740178,
        "objective_name": "sum of huber on log values, delta 0.001",
        "outcome": "converged",
        "outcome_text": "The optimum is certain.",
        "rows": 38,
        "holdout_error": 0.0123,
        "certificate": {
            "gradient": 3.4e-10,
            "smallest_eigenvalue": 0.0014,
            "condition": 2529.2,
            "starts": 24,
            "starts_agreeing": 0.96,
            "resamples_agreeing": 0.998,
            "at_bound": [],
            "weakest": {"A": 0.9},
            "independent_solver": None,
        },
        "criteria": {
            "k": 6, "log_likelihood": 647.68, "aic": -1283.36, "aicc": -1283.0, "bic": -1262.5,
            "scale": 0.0022, "corner": 0.001, "rows": 38,
        },
        "resampling": {
            "method": "bootstrap", "cluster": "run", "clusters": 38, "resamples": 1000,
        },
        **more,
    }  # fmt: skip


def fits(name: str, chosen: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A fit file."""
    return {
        "study": name,
        "source": chosen["source"],
        "metric": chosen["metric"],
        "rows": 38,
        "excluded": [{**rule, "rows": 2} for rule in chosen["exclude"]],
        "ranges": {"params": [1e8, 3e9], "tokens": [1e9, 1e11], "flops": [1e18, 1e21]},
        "fits": [fit(law, **more) for law in chosen["laws"]],
        "rolling_origin": [
            {"law": law, "from": 0.0, "to": 0.5, "origins": 5, "rows": 21, "bias": -0.004,
             "rmse": 0.0123}
            for law in chosen["laws"]
        ],
        "without_exclusions": [
            {"law": law, "parameters": {"A": 602.4, "E": 1.7658}, "objective": 0.004,
             "outcome": "at_bound", "rows": 40, "rule": rule["where"], "reason": rule["reason"]}
            for rule in chosen["exclude"] for law in chosen["laws"]
        ],
    }  # fmt: skip


def project(root: Path, chosen: dict[str, Any] | None = None, **more: Any) -> Path:
    """A folder with everything that the report reads."""
    chosen = chosen or studies()
    params = {
        "seed": 7,
        "studies": chosen,
        "fit": {"delta": 0.001, "resamples": 1000},
        "forecast": {"quantiles": list(LEVELS), "targets": more.get("targets", TARGETS)},
    }
    for folder in ("data/fits", "data/forecasts", "data/validated"):
        (root / folder).mkdir(parents=True)
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    counts = {one["source"]: {"rows": 44, "valid": 43, "quarantined": 1} for one in chosen.values()}
    (root / "data/validation.json").write_text(json.dumps(counts), encoding="utf-8")
    for name, one in chosen.items():
        made = json.dumps(fits(name, one, **more.get("fit", {})))
        (root / f"data/fits/{name}.json").write_text(made, encoding="utf-8")
        runs(one["source"]).write_parquet(root / f"data/validated/{one['source']}.parquet")
    table = forecast(tuple(chosen), more.get("targets", TARGETS))
    table.write_csv(root / "data/forecasts/forecast.csv")
    return root


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that no test changes."""
    return project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def made(here: Path) -> Report:
    """Its report."""
    return build(read(here))


def tables(report: Report) -> dict[str, Table]:
    """Every table by id, folded ones too."""
    blocks = [block for section in report.sections for block in section.blocks]
    blocks += [inner for block in blocks if isinstance(block, Fold) for inner in block.blocks]
    return {block.id: block for block in blocks if isinstance(block, Table)}


def cells(report: Report) -> Iterator[Cell]:
    """Every cell of every table."""
    for table in tables(report).values():
        for group in table.groups:
            for row in group.rows:
                yield from row


def figures(report: Report) -> list[Figure]:
    """Both figures."""
    blocks = [block for section in report.sections for block in section.blocks]
    return [block for block in blocks if isinstance(block, Figure)]


# --------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("form", "value", "shown"),
    [
        (text.loss, 1.93449, "1.934"),
        (text.loss, 2.4, "2.400"),
        (text.loss, 12.345, "12.35"),
        (text.loss, None, "\u2014"),
        (text.loss, math.nan, "\u2014"),
        (text.count, 4.05e11, "405B"),
        (text.count, 1.56e13, "15.6T"),
        (text.count, 999.6e6, "1B"),
        (text.count, 44, "44"),
        (text.count, 3.1e16, "3.1e16"),
        (text.flop, 3.8e25, "3.8e25 FLOP"),
        (text.flop, 1e21, "1e21 FLOP"),
        (text.flop, "much", "\u2014"),
        (text.scientific, 9.96e22, "1e23"),
        (text.share, 0.98, "98 %"),
        (text.share, 1.0, "100 %"),
        (text.share, 0.9996, "100.0 %"),
        (text.percent, 0.0123, "1.2 %"),
        (text.shift, -0.34, "\u22120.340"),
        (text.shift, 0.0121, "+0.012"),
        (text.shift, -1e-9, "0.000"),
        (text.span, 0.0391, "0.039"),
        (text.integer, 4000, "4,000"),
        (text.plain, True, "yes"),
        (text.plain, 2529.2, "2,529"),
        (text.plain, 3.4e-10, "3.4e-10"),
        (text.plain, 10**400, "\u2014"),
    ],
)
def test_numbers_have_sensible_digits(form: Any, value: Any, shown: str) -> None:
    assert form(value) == shown


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (477.826, 124.58, ("478", "125")),
        (1.81722, 0.0257, ("1.817", "0.026")),
        (6.4e13, 2.2e13, ("6.4e13", "2.2e13")),
        (6.4123e13, 2.2e11, ("6.412e13", "2.2e11")),
        (0.34731, None, ("0.34731", "\u2014")),
        (None, None, ("\u2014", "\u2014")),
    ],
)
def test_an_estimate_stops_at_the_second_digit_of_its_error(
    value: float | None, error: float | None, shown: tuple[str, str]
) -> None:
    assert text.estimate(value, error) == shown


def test_decades_beyond() -> None:
    assert beyond(1e25, 1e22) == pytest.approx(3)
    assert beyond(1e20, 1e22) == pytest.approx(-2)
    assert beyond(None, 1e22) is None
    assert beyond(1e20, 0.0) is None


def test_the_headline_says_what_the_forecast_says(here: Path, made: Report) -> None:
    table = tables(made)["headline-table"]
    frame = pl.read_csv(here / "data/forecasts/forecast.csv").filter(pl.col("law") == "ensemble")
    assert [group.title for group in table.groups] == list(TARGETS)
    for group in table.groups:
        for row in group.rows:
            own = frame.filter(target=group.title, study=row[0].text)
            value = dict(own.select("quantile", "value").iter_rows())
            assert row[1].value == value[0.5]
            assert row[1].text == f"{value[0.5]:.3f}"
            assert [cell.value for cell in row[2:6]] == [
                (value[low], value[high])
                for low, high in ((0.25, 0.75), (0.1, 0.9), (0.05, 0.95), (0.025, 0.975))
            ]


def test_every_number_has_an_origin(made: Report) -> None:
    numbers = [c for c in cells(made) if isinstance(c.value, float | int | tuple)]
    assert len(numbers) > 150
    assert [cell for cell in numbers if "#" not in cell.origin] == []


def test_distance_and_spread_are_what_they_say(here: Path, made: Report) -> None:
    largest = max(runs("alpha").filter(metric="loss@web")["flops"].to_list()[2:])
    row = next(
        row
        for group in tables(made)["distance-table"].groups
        for row in group.rows
        if (group.title, row[0].text) == ("optimal-1e24", "alpha")
    )
    assert row[1].value == pytest.approx(math.log10(1e24 / largest))
    assert row[1].tone == "caution"
    assert row[6].value == pytest.approx(0.10)  # laws stand at -0.05, -0.10 and -0.15
    assert row[7].value == pytest.approx(2 * 1.2815515 * 0.03)
    assert (row[4].text.split()[0], row[5].text.split()[0]) == ("power_law", "chinchilla")
    assert row[6].tone == "caution"


def test_exclusions_and_counts_are_told(made: Report) -> None:
    rule = tables(made)["exclusion-table"].groups[0].rows[0]
    assert [cell.text for cell in rule] == ["flags LIKE '%outlier%'", "diverged", "2"]
    data = tables(made)["data-table"].groups[0].rows[0]
    assert [cell.text for cell in data[3:]] == ["44", "43", "1", "38"]


def test_excluded_runs_are_marked_and_other_metrics_left_away(here: Path) -> None:
    table = read(here).runs["alpha"]
    assert (table.height, int(table["used"].sum())) == (40, 38)


def test_a_doubtful_fit_is_named(tmp_path: Path) -> None:
    report = build(read(project(tmp_path, fit={"outcome": "at_bound"})))
    shown = html(report)
    assert "6 of 6 fits ended in doubt" in shown
    assert "All 6 fits converged" not in shown


SECTIONS = ["headline", "trust", "made", "checklist", "detail", "glossary"]


def test_sections_come_in_order(made: Report) -> None:
    assert [section.id for section in made.sections] == SECTIONS
    kinds = [block.kind for block in made.sections[0].blocks]
    assert kinds == ["text", "table", "figure"]


def test_published_fits_stand_beside_ours(tmp_path: Path) -> None:
    report = build(read(project(tmp_path, studies(("chinchilla-epoch",)))))
    table = tables(report)["published-table-0"]
    assert "Besiroglu" in table.groups[0].title
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.groups[0].rows}
    assert rows["A"] == ["478", "482.01", "124.58"]
    assert rows["alpha"][0] == "\u2014"  # the fixture's fit has no alpha


def test_laws_stand_beside_each_other(tmp_path: Path) -> None:
    one = project(tmp_path)
    path = one / "data/fits/alpha.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["fits"][1]["criteria"] |= {"aic": -1290.36, "aicc": -1290.0, "bic": -1270.5}
    document["fits"][2]["criteria"] = None  # a law with a procedure of its own
    path.write_text(json.dumps(document), encoding="utf-8")
    report = build(read(one))
    found = tables(report)["comparison-table-0"].groups[0].rows
    assert [row[0].text for row in found] == [LAWS[1], LAWS[0]]
    assert [cell.text for cell in found[1][3:9]] == [
        "\u22121,283.4", "\u22121,283.0", "\u22121,262.5", "7.0", "8.0", "3 %"
    ]  # fmt: skip
    beyond = tables(report)["rolling-table-0"]
    assert [group.title for group in beyond.groups] == list(LAWS)
    told = [cell.text for cell in beyond.groups[0].rows[0]]
    assert told == ["0 to 0.5", "5", "21", "\u22120.4 %", "1.2 %"]


def test_both_fits_of_an_exclusion_stand_beside_each_other(made: Report) -> None:
    table = tables(made)["exclusion-pairs-0"]
    (group,) = table.groups
    assert group.title == "flags LIKE '%outlier%'"
    assert table.note.endswith("flags LIKE '%outlier%': diverged.")
    rows = [[cell.text for cell in row[1:]] for row in group.rows[:4]]
    assert rows == [
        ["rows", "38", "40", "\u2014"],
        ["outcome", "converged", "at bound", "\u2014"],
        ["A", "478", "602", "+1.0"],
        ["E", "1.817", "1.766", "\u22122.0"],
    ]
    assert len(group.rows) == 4 * len(LAWS)


def test_a_fit_file_without_comparisons_has_no_such_tables(tmp_path: Path) -> None:
    one = project(tmp_path, fit={"criteria": None})
    for path in (one / "data/fits").glob("*.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        del document["rolling_origin"], document["without_exclusions"]
        path.write_text(json.dumps(document), encoding="utf-8")
    ids = set(tables(build(read(one))))
    assert not [name for name in ids if name.startswith(("comparison", "rolling", "exclusion-p"))]


# --------------------------------------------------------------------------- the stage


def test_the_stage_writes_everything_twice_the_same(tmp_path: Path) -> None:
    """Once here and once in a process with another hash seed, time zone and language."""
    root = project(tmp_path)
    assert stage.main(root) == 0
    folder = root / "reports/current"
    first = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert list(first) == [
        "checklist.json", "forecast.csv", "forecast.svg", "laws.svg", "report.html", "report.json",
        "report.md",
    ]  # fmt: skip
    assert first["forecast.csv"] == (root / "data/forecasts/forecast.csv").read_bytes()
    code = (
        "import sys; from scaling.pipeline.report import main; code = main();"
        "print(*sorted({'scipy', 'great_expectations', 'pandas', 'prefect'} & set(sys.modules)));"
        "sys.exit(code)"
    )
    env = os.environ | {
        "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "99", "TZ": "Asia/Tokyo", "LC_ALL": "C",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "", "imports what a report does not need"
    assert {path.name: path.read_bytes() for path in sorted(folder.iterdir())} == first
    assert [path.name for path in (root / "reports").iterdir()] == ["current"]


def test_a_failed_write_leaves_the_old_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "current"
    stage.swap(folder, {"a": b"old"})

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        stage.swap(folder, {"a": b"new", "b": b"new"})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": b"old"}
    monkeypatch.undo()
    stage.swap(folder, {"b": b"new"})
    assert [path.name for path in folder.iterdir()] == ["b"]


def test_what_is_missing_is_a_dash(tmp_path: Path) -> None:
    root = project(tmp_path)
    for path in (root / "data/validated").iterdir():
        path.unlink()
    (root / "data/validation.json").unlink()
    (root / "data/fits/alpha.json").unlink()
    (root / "data/fits/beta-2.json").write_text('{"fits": [{"law": "mine"}, null, 3]}')
    assert stage.main(root) == 0
    report = build(read(root))
    row = tables(report)["fit-table"].groups[1].rows[0]
    assert [cell.text for cell in row] == ["mine", *["\u2014"] * 9]
    assert "No fit was found in data/fits/alpha.json." in html(report)


def test_an_empty_forecast_is_a_report(tmp_path: Path) -> None:
    root = project(tmp_path)
    pl.DataFrame(schema=dtypes(FORECAST)).write_csv(root / "data/forecasts/forecast.csv")
    assert stage.main(root) == 0


def test_further_columns_laws_and_levels_are_welcome(tmp_path: Path) -> None:
    root = project(tmp_path)
    file = root / "data/forecasts/forecast.csv"
    frame = pl.read_csv(file).with_columns(weight=pl.lit(0.5))
    extra = frame.filter(law="chinchilla").with_columns(law=pl.lit("a_new_law"))
    level = frame.filter(quantile=0.5).with_columns(quantile=pl.lit(0.33))
    pl.concat([frame, extra, level]).write_csv(file)
    assert "a_new_law" in html(build(read(root)))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda root: (root / "data/forecasts/forecast.csv").unlink(), "no forecast"),
        (lambda root: (root / "params.yaml").unlink(), "no parameters"),
        (lambda root: (root / "params.yaml").write_text("{"), "not YAML"),
        (lambda root: (root / "data/fits/alpha.json").write_text("{"), "not JSON"),
        (
            lambda root: (root / "data/forecasts/forecast.csv").write_text("study,target\na,b\n"),
            "missing column",
        ),
    ],
)
def test_bad_input_is_told_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: Any, said: str
) -> None:
    root = project(tmp_path)
    harm(root)
    assert stage.main(root) == 2
    assert said in capsys.readouterr().err
    assert not (root / "reports").exists()


# --------------------------------------------------------------------------- escaping


class Seen(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report in which every text from data tries to be markup."""
    chosen = studies()
    chosen["alpha"] |= {"metric": NASTY, "laws": [NASTY]}
    chosen["alpha"]["exclude"] = [{"where": "flags = 'outlier'", "reason": NASTY}]
    root = project(
        tmp_path_factory.mktemp("nasty"),
        chosen,
        targets={NASTY: TARGETS["planned-7b"], **TARGETS},
        fit={"outcome": NASTY, "outcome_text": NASTY, "objective_name": NASTY},
    )
    inputs = read(root)
    frame = inputs.forecast.with_columns(law=pl.col("law").replace("power_law", NASTY))
    renamed = {"alpha": NASTY}
    fields: dict[str, Any] = {
        "params": {
            **inputs.params,
            "studies": {NASTY: chosen["alpha"], "beta-2": chosen["beta-2"]},
        },
        "forecast": frame.with_columns(study=pl.col("study").replace(renamed)),
        "fits": {renamed.get(name, name): one for name, one in inputs.fits.items()},
        "runs": {renamed.get(name, name): one for name, one in inputs.runs.items()},
        "sources": {"alpha": {"citations": [NASTY], "licence": NASTY, "accessed": NASTY}},
    }
    return build(Inputs(**fields))


def test_data_is_no_markup_in_html(nasty: Report, made: Report) -> None:
    seen, normal = Seen(), Seen()
    seen.feed(html(nasty))
    normal.feed(html(made))
    assert set(seen.tags) <= set(normal.tags)
    assert "script" not in seen.tags
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name == "style"]
    assert not any("javascript:" in v for n, v in seen.attributes if n in ("href", "src"))
    assert "\u202e" not in html(nasty)
    assert "\x07" not in html(nasty)


def test_data_is_no_markup_in_markdown(nasty: Report) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown(nasty))
    inner = [child for token in tokens for child in token.children or []]
    raw = {token.content.strip() for token in [*tokens, *inner] if token.type.startswith("html")}
    allowed = re.compile(r"</?(sub|details|summary)>")
    assert {
        tag for text in raw for tag in re.findall(r"<[^>]+>", text) if not allowed.match(tag)
    } == set()
    assert not [token for token in inner if token.type in ("link_open", "code_inline", "em_open")]
    images = [token.attrs["src"] for token in inner if token.type == "image"]
    assert images == ["forecast.svg", "laws.svg"]


def test_a_pipe_does_not_shift_a_markdown_table(nasty: Report) -> None:
    lines = markdown(nasty).splitlines()
    found = [
        list(part) for is_row, part in groupby(lines, lambda line: line.startswith("|")) if is_row
    ]
    assert len(found) > 8
    for part in found:
        assert set(part[1]) <= set("|:- ")
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in part}) == 1, part[0]


def test_data_is_no_markup_in_a_drawing(nasty: Report) -> None:
    for figure in figures(nasty):
        tree = ElementTree.fromstring(figure.sheet)
        assert not [node for node in tree.iter() if node.tag.endswith("script")]
        assert any("<script>" in (node.text or "") for node in tree.iter()) or figure.id == "laws"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a|b", r"a\|b"),
        ("kaplan_joint", "kaplan_joint"),
        ("_x_", r"\_x\_"),
        ("1. one", r"1\. one"),
        ("1.934", "1.934"),
        ("# h", r"\# h"),
        ("<b>", "&lt;b>"),
        ("[a](b)", r"\[a\](b)"),
        ("a\\|b", r"a\\\|b"),
    ],
)
def test_markdown_escapes(given: str, shown: str) -> None:
    assert escape_markdown(given) == shown


def test_hidden_characters_become_visible() -> None:
    assert text.clean("a\u202eb\x00c\ud800d\n\te") == "a\ufffdb\ufffdc\ufffdd e"


# --------------------------------------------------------------------------- the page


def test_the_page_loads_nothing_and_its_policy_fits(made: Report) -> None:
    page = html(made)
    style = re.search(r"<style>(.*?)</style>", page, re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    seen = Seen()
    seen.feed(page)
    policy = next(value for name, value in seen.attributes if "default-src" in value)
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:")
    assert not set(seen.tags) & {"script", "link", "img", "iframe", "object", "base", "form"}
    links = [value for name, value in seen.attributes if name in ("href", "src")]
    ids = [value for name, value in seen.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert links
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert "url(" not in page


def test_figures_have_alternative_text_and_a_table(made: Report) -> None:
    for figure in figures(made):
        assert figure.table in tables(made)
        assert all(panel.title in panel.alt for panel in figure.panels)
    median = tables(made)["headline-table"].groups[0].rows[0][1].text
    assert median in figures(made)[0].alt


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_to_read(scheme: Scheme) -> None:
    shown = {role.name: luminance(getattr(role, scheme)) for role in ROLES}

    def contrast(one: str, other: str) -> float:
        dark, light = sorted((shown[one], shown[other]))
        return (light + 0.05) / (dark + 0.05)

    for ground in ("surface", "beyond"):
        for role in ("ink", "muted", "median", "planned", "link", "good", "bad"):
            assert contrast(role, ground) >= 4.5, (role, ground)
    for role in ("run", "median", "planned"):
        assert contrast(role, "surface") >= 3, role
    for band in ("band50", "band80", "band90", "band95"):
        assert contrast("median", band) >= 3, band


def test_every_drawn_colour_changes_with_the_scheme(made: Report) -> None:
    assert len(set(COLOUR.values())) == len(ROLES)
    known = {*COLOUR.values(), "none", "transparent"}
    for figure in figures(made):
        assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', figure.sheet)) <= known
    assert all(f'[fill="{colour}"]' in stylesheet() for colour in COLOUR.values())


def test_json_is_the_model(made: Report) -> None:
    loaded = json.loads(to_json(made))
    assert [section["id"] for section in loaded["sections"]] == SECTIONS
    table = loaded["sections"][0]["blocks"][1]
    assert table["kind"] == "table"
    cell = table["groups"][0]["rows"][0][1]
    assert cell["origin"].startswith("data/forecasts/forecast.csv#alpha, planned-7b, ensemble")
    assert cell["text"] == f"{cell['value']:.3f}"


# --------------------------------------------------------------------------- figures


def test_drawings_are_valid_and_the_same_twice(
    here: Path, made: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every specification meets the Vega-Lite schema; bytes do not change."""
    specs: list[dict[str, Any]] = []
    plain = draw.specification

    def kept(*args: Any) -> dict[str, Any]:
        specs.append(plain(*args))
        return specs[-1]

    monkeypatch.setattr(draw, "specification", kept)
    again = figures(build(read(here)))
    assert [figure.sheet for figure in again] == [figure.sheet for figure in figures(made)]
    assert len(specs) == 4
    for spec in specs:
        alt.LayerChart.from_dict(spec)


def test_a_panel_shows_every_run_and_target(here: Path) -> None:
    panel = forecast_panels(context(read(here)))[0]
    assert sum(run.used for run in panel.runs) == 38
    assert {aim.name: aim.budget for aim in panel.aims} == {
        "planned-7b": False, "optimal-1e21": True, "optimal-1e24": True,
    }  # fmt: skip


def test_many_runs_are_thinned_evenly() -> None:
    assert thin(range(10)) == range(10)
    kept = thin(range(10 * MAX_RUNS))
    assert len(kept) == MAX_RUNS
    assert list(kept[:3]) == [0, 10, 20]


@pytest.mark.parametrize(("low", "high"), [(1.9, 2.1), (1.4, 3.5), (1.0, 6.2), (0.02, 0.9)])
def test_loss_ticks_are_few_and_inside(low: float, high: float) -> None:
    ticks = loss_ticks(low, high)
    assert 2 <= len(ticks) <= 7
    assert all(low <= tick <= high for tick in ticks)


def test_one_target_and_no_runs_can_be_drawn(tmp_path: Path) -> None:
    root = project(tmp_path, targets={"optimal-1e21": {"flops": 1e21}})
    (root / "data/validated/alpha.parquet").unlink()
    ElementTree.fromstring(forecast_figure(forecast_panels(context(read(root)))))


@pytest.mark.parametrize("name", ["forecast.svg", "forecast.png"])
def test_the_figure_can_be_exported(here: Path, tmp_path: Path, name: str) -> None:
    light, dark = tmp_path / "light" / name, tmp_path / "dark" / name
    assert export([str(light), "--root", str(here)]) == 0
    assert export([str(dark), "--root", str(here), "--dark"]) == 0
    assert light.read_bytes() != dark.read_bytes()
    if name.endswith("svg"):
        drawn = dark.read_text(encoding="utf-8")
        assert not any(f'"{role.light}"' in drawn for role in ROLES)


def test_another_kind_of_picture_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(["out.gif", "--root", str(here)]) == 2
    assert "allowed: .svg | .png" in capsys.readouterr().err


def test_a_wrong_exclusion_names_the_rule(tmp_path: Path) -> None:
    chosen = studies(("alpha",))
    root = project(tmp_path, chosen)
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params["studies"]["alpha"]["exclude"] = [{"where": "no_such_column > 1", "reason": "x"}]
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    with pytest.raises(InputError, match="no_such_column"):
        read(root)
