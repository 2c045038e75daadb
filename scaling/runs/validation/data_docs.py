"""Data Docs: the validation results of every source as pages that a browser opens, offline.

Great Expectations' site builder makes them from the results of the one run of
`scaling.runs.validation.partition`, parted by source. What it adds that changes from run to run
(times, random ids, versions of logos) or needs a network (scripts, styles, fonts, pictures from
elsewhere) is taken out, so the same rows give the same bytes; a small style sheet stands in for the
one from elsewhere.
"""

from __future__ import annotations

import datetime
import re
import tempfile
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

# First: it keeps Great Expectations from sending usage figures.
from scaling.runs.validation.partition import EXAMPLES, Summary
from scaling.runs.validation.suite import Check, expectation_suite

import great_expectations as gx  # isort: skip
from great_expectations.core import (  # isort: skip
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.core.run_identifier import RunIdentifier  # isort: skip
from great_expectations.data_context.types.resource_identifiers import (  # isort: skip
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)
from great_expectations.expectations.expectation_configuration import (  # isort: skip
    ExpectationConfiguration,
)

# The site builder wants a time of the run; it is taken out of the pages again.
_WHEN = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_STAMP = _WHEN.strftime("%Y%m%dT%H%M%S.%fZ")
_STYLE = r"""<style>
body{font:15px/1.45 system-ui,sans-serif;margin:0;color:#222}
.container-fluid{padding:1.5rem 2.5rem;max-width:78rem;margin:auto}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
td,th{border-top:1px solid #ddd;padding:.35rem .6rem;text-align:left;vertical-align:top}
.badge{background:#eef;border-radius:.3rem;padding:0 .3rem}
.collapse{display:block}
ul{padding-left:1.2rem}
.fa-times::before{content:"\2717";color:#b00}
.fa-check-circle::before{content:"\2713";color:#080}
.fa-exclamation-triangle::before{content:"!";color:#a60}
.navbar,.ge-walkthrough-modal,.modal,.cooltip-container,.btn,footer{display:none}
</style>"""
_DROPPED = (
    re.compile(r"<script\b.*?</script>", re.DOTALL),
    re.compile(r"<link\b[^>]*>"),
    re.compile(r"<img\b[^>]*>"),
    re.compile(r'(?<=\s)onclick="[^"]*"'),
    re.compile(r"<footer\b.*?</footer>", re.DOTALL),
    re.compile(r"@font-face\s*\{[^}]*\}"),
    re.compile(r"@import[^;]*;"),
    re.compile(r"url\(['\"]?https?:[^)]*\)"),
)
# The time of the run in any zone: pages show local time.
_TIME = re.compile(r"19(?:69-12-31|70-01-01)T\d{2}:\d{2}:\d{2}Z")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def pages(checked: Mapping[str, Summary]) -> dict[str, bytes]:
    """The files of the site, by path."""
    with tempfile.TemporaryDirectory() as folder:
        _build(Path(folder), checked)
        made = {
            _path(path): _plain(path.read_text(encoding="utf-8"))
            for path in sorted(Path(folder).rglob("*.html"))
            if path.name != "index.html"
        }
    return {"index.html": _index(checked), **made}


def _index(checked: Mapping[str, Summary]) -> bytes:
    """The first page: Great Expectations' own needs scripts from elsewhere to show its links."""
    rows = "".join(
        f'<tr><td><a href="validations/{quote(name)}.html">{escape(name)}</a></td>'
        f"<td>{result.valid + result.quarantined}</td>"
        f"<td>{result.valid}</td><td>{result.quarantined}</td>"
        f"<td>{sum(1 for _, failed in result.failed if failed)}</td></tr>\n"
        for name, result in sorted(checked.items())
    )
    head = "".join(
        f"<th>{word}</th>" for word in ("Source", "Rows", "Valid", "Quarantined", "Checks broken")
    )
    return (
        "<!DOCTYPE html>\n<html><head><meta charset='UTF-8'><title>Validation</title>\n"
        f"{_STYLE}</head>\n"
        f"<body><div class='container-fluid'><h1>Validation</h1>\n"
        f"<p><a href='expectations.html'>All expectations</a></p>\n"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div></body></html>\n"
    ).encode()


def _build(folder: Path, checked: Mapping[str, Summary]) -> None:
    """Let Great Expectations write the site of these results."""
    context = gx.get_context(mode="ephemeral")
    backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
    site: Any = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": backend,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    context.add_data_docs_site("docs", site)
    suite = context.suites.add(expectation_suite())
    for name, result in checked.items():
        run = RunIdentifier(run_name=name, run_time=_WHEN)
        key = ValidationResultIdentifier(
            expectation_suite_identifier=ExpectationSuiteIdentifier(suite.name),
            run_id=run,
            batch_identifier=name,
        )
        context.validation_results_store.add(key, _of_source(name, result, suite, run))
    context.build_data_docs(site_names=["docs"])


def _of_source(name: str, checked: Summary, suite: Any, run: Any) -> Any:
    """The part of the validation result that is about one source, in Great Expectations' form."""
    rows = checked.valid + checked.quarantined
    configurations = {e.meta["check"]: e.configuration for e in suite.expectations}
    results = [
        _of_check(check, failed, rows, checked.findings, configurations[check.key])
        for check, failed in checked.failed
        # A page a source with all that passed takes half of the stage's time; the list of all
        # expectations is a page of its own.
        if failed
    ]
    number = len(checked.failed)
    passed = number - len(results)
    return ExpectationSuiteValidationResult(
        success=not results,
        results=results,
        suite_name=suite.name,
        statistics={
            "evaluated_expectations": number,
            "successful_expectations": passed,
            "unsuccessful_expectations": number - passed,
            "success_percent": 100.0 * passed / number,
        },
        meta={
            "great_expectations_version": "",
            "run_id": run,
            "active_batch_definition": {"data_asset_name": name, "batch_identifiers": {}},
        },
    )


def _of_check(check: Check, failed: int, rows: int, findings: pl.DataFrame, made: Any) -> Any:
    """What one check found in one source, with the first rows that break it."""
    own = findings.filter(pl.col("check") == check.label).head(EXAMPLES)
    shown = [
        f"row {row} of {file}: {found}"
        for file, row, found in own.select("file", "row", "found").rows()
    ]
    # Under the column that the check is about, not under the helper column that it looks at.
    about = ExpectationConfiguration(
        type=made.type,
        kwargs={**made.kwargs, "column": check.column},
        meta=made.meta,
        description=made.description,
    )
    result = {
        "element_count": rows,
        "unexpected_count": failed,
        "unexpected_percent": 100.0 * failed / max(rows, 1),
        "partial_unexpected_list": shown,
        "partial_unexpected_counts": [{"value": text, "count": 1} for text in shown],
    }
    return ExpectationValidationResult(
        success=failed == 0, expectation_config=about, result=result, exception_info={}
    )


def _path(path: Path) -> str:
    """The path without the time of the run, and without the folder of the only suite."""
    return f"validations/{path.name}" if path.parent.name == _STAMP else "expectations.html"


def _plain(page: str) -> bytes:
    """The page without what changes from run to run or needs a network."""
    page = _TIME.sub("", page)
    page = re.sub(r'href="(\.\./)+index\.html"', 'href="../index.html"', page)
    page = re.sub(r'href="(\.\./)+expectations/[^"]*"', 'href="../expectations.html"', page)
    for pattern in _DROPPED:
        page = pattern.sub("", page)
    ids: dict[str, str] = {}
    page = _ID.sub(lambda match: ids.setdefault(match.group(), f"id{len(ids)}"), page)
    page = page.replace("</head>", f"{_STYLE}</head>", 1)
    return "\n".join(line.rstrip() for line in page.splitlines() if line.strip()).encode() + b"\n"
