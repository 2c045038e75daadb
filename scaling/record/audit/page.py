"""The audit as a Markdown page for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from scaling.document.format import clean
from scaling.document.render import escape_markdown
from scaling.record.audit.read import DATES
from scaling.record.versions.ledger import short

Rows = Iterable[dict[str, Any]]
SHARES = (("in 50", "in50"), ("in 80", "in80"), ("in 90", "in90"), ("in 95", "in95"))
MEANS = (("error %", "error"), ("bias %", "bias"), ("CRPS %", "crps"), ("WIS %", "wis"))


def page(summary: dict[str, Any]) -> str:
    """Markdown with one table for each question."""
    parts = ["# Audit of published forecasts", _opening(summary)]
    if summary["forecasts_scored"]:
        parts += [
            "## Error and bias",
            "Errors are logs of forecast over outcome, in hundredths: a positive bias is a "
            "forecast that was too high. Skill is 1 - CRPS / CRPS of carrying the last value "
            "forward. An origin is one source of one version; its forecasts share errors.",
            _means(summary.get("how_wrong", []), ("kind", "law")),
            "By source, the ensemble only:",
            _means(summary["by_source"], ("kind", "source")),
            *_dates(summary),
            "## By distance",
            "Decades of compute beyond the largest run that was known.",
            _means(_with_band(summary["how_far_out"]), ("kind", "decades")),
            "## Over time",
            "By year of the as-of day. The studies differ from year to year, so compare skill.",
            _means(summary["getting_better"], ("kind", "year")),
            "## Calibration",
            _confidence(summary["confidence"]),
            "Share of outcomes by the tenth of the forecast's distribution they fell into; "
            "a calibrated forecast gives about as many in each.",
            _ranks(summary["confidence"]),
            "## Which laws missed",
            "Of the forecasts whose 90 % interval missed: the errors of each law there, and how "
            "often it was the furthest off to that side.",
            _blame(summary["blame"]),
        ]
    parts += ["## Open targets", _open(summary["open"]), *_same_day(summary["same_day"])]
    return "\n\n".join(parts) + "\n"


def _dates(summary: dict[str, Any]) -> list[str]:
    """What dates of issue rest on: of the scores, then version by version."""
    if not summary["by_date"]:
        return []
    rows = [
        [
            row["version"],
            row["rests_on"],
            row["issued_at"],
            row["signed_at"] or "",
            row["signed_by"],
            row["timestamped_at"] or "",
            "; ".join(row["contradicted_by"]),
        ]
        for row in summary.get("dates", ())
    ]
    head = [
        "version",
        "rests on",
        "issued",
        "signed",
        "signed by",
        "timestamped",
        "contradicted by",
    ]
    return [
        "## Dates of issue",
        "That a version was there before the outcome rests on a token of a third party (RFC 3161), "
        "on a signature of its tag or commit that Git verified, or on the publisher's word alone. "
        "A token or a signature counts for outcomes of later days.",
        _means(summary["by_date"], ("kind", "date_rests_on")),
        _table(head, rows, len(head)),
    ]


def _same_day(rows: Rows) -> list[str]:
    """Targets that are open because their run was observed on the day of issue."""
    head = ["version", "study", "target", "why it is not scored"]
    cells = [[row["version"], row["study"], row["target"], row["reason"]] for row in rows]
    return [_table(head, cells, 4)] if cells else []


def _opening(summary: dict[str, Any]) -> str:
    aside = summary["set_aside"]
    kinds = {row["kind"] for row in summary.get("how_wrong", [])}
    dated = (
        " `dates by day` are days to the first model above a line; one that has not come is not "
        "scored yet, so the early ones are scored first."
    ) * (DATES in kinds)
    more = f" {aside} scores of revised outcomes or corrected versions are set aside." * bool(aside)
    return (
        f"{summary['forecasts_scored']} forecasts scored, naive methods included.{more} `ahead` "
        "were issued before the outcome. `fitted`: the version fitted the very run, so the score "
        "is no forecast. `contradicted`: the date of issue cannot be true. Replays chose their "
        "targets with hindsight and use code written after the outcomes: `replay by day` knows the "
        "rows observed by that day, `replay by size` the smaller runs of a source released all at "
        "once; `counts by day` are numbers "
        f"of models in dated copies of a table.{dated}"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int) -> str:
    """A Markdown table whose first columns are words and the others numbers."""
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    cells = (
        [*(escape_markdown(clean(cell)) for cell in row[:words]), *row[words:]] for row in rows
    )
    lines = [head, rule, *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _means(rows: Rows, words: tuple[str, ...]) -> str:
    names = [name for name, _ in (*MEANS, *SHARES)]
    head = [*words, "forecasts", "origins", *names, "skill"]
    cells = [
        [
            *(str(row[word]) for word in words),
            str(row["forecasts"]),
            str(row["origins"]),
            *(_hundredths(row[key], 2) for _, key in MEANS),
            *(_hundredths(row[key], 0) for _, key in SHARES),
            _plain(row["skill"]),
        ]
        for row in rows
    ]
    return _table(head, cells, len(words))


def _with_band(rows: Rows) -> Rows:
    for row in rows:
        low, high = row["decades_from"], row["decades_to"]
        if low is None:
            band = "not larger, or not by compute"
        else:
            band = f"more than {low:g}" if high >= 100 else f"{low:g} to {high:g}"
        yield row | {"decades": band}


def _confidence(rows: Rows) -> str:
    head = ["kind", "stated %", "observed %", "mean of origins %", "95 % range", "origins"]
    cells = [
        [
            row["kind"],
            _hundredths(one["stated"], 0),
            _hundredths(one["observed"], 1),
            _hundredths(one["by_origin"], 1),
            f"{_hundredths(one['low'], 0)} to {_hundredths(one['high'], 0)}",
            str(row["origins"]),
        ]
        for row in rows
        for one in row["intervals"]
    ]
    return _table(head, cells, 1)


def _ranks(rows: Rows) -> str:
    head = ["kind", *(f"{place / 10:g} to {(place + 1) / 10:g}" for place in range(10))]
    return _table(head, [[row["kind"], *map(str, row["pit"])] for row in rows], 1)


def _blame(rows: Rows) -> str:
    head = ["kind", "law", "misses", "error %", "bias %", "furthest off %"]
    cells = [
        [
            row["kind"],
            row["law"],
            str(row["misses"]),
            _hundredths(row["error"], 2),
            _hundredths(row["bias"], 2),
            _hundredths(row["furthest"], 0),
        ]
        for row in rows
    ]
    return (
        _table(head, cells, 2)
        if cells
        else "No interval missed where single laws were forecast too."
    )


def _open(rows: Rows) -> str:
    cells = [
        [short(row["version"]), str(row["as_of"]), row["kind"], row["source"], str(row["targets"])]
        for row in rows
    ]
    head = ["version", "as of", "kind", "source", "targets"]
    return _table(head, cells, 4) if cells else "None."


def _hundredths(value: float | None, digits: int) -> str:
    return "" if value is None else f"{100 * value:.{digits}f}"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"
