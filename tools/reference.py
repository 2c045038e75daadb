"""Write docs/reference/ from the registries and the code: python -m tools.reference

Pages of that folder without the first line `MADE` are written by hand and stay as they are.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import typer

import scaling
from scaling import laws
from scaling.analysis.published_exponents import published_exponents
from scaling.cli import exit_codes
from scaling.cli.display.fits import LIBRARY, SIMULATED, inputs_text
from scaling.cli.main import app
from scaling.laws._questions import decisions
from scaling.runs import formats as sources
from scaling.runs.schema import FORECAST, RUN
from scaling.runs.validation.rules import load as load_rules

FOLDER = Path("docs/reference")
MADE = "<!-- made by `python -m tools.reference`; change the code, not this page -->\n\n"
RULES = Path("data/thresholds/rules.csv")
LAWS = Path("docs/laws.md")
DECISIONS, DECISIONS_END = (
    "<!-- decision table: made by `python -m tools.reference` -->",
    "<!-- end of the decision table -->",
)
SIMULATED_HEAD = "tested on simulated runs only"


def pages() -> dict[str, str]:
    """Name -> content of every page."""
    made = {
        "laws.md": law_page(),
        "sources.md": source_page(),
        "checks.md": check_page(),
        "columns.md": column_page(),
        "thresholds.md": threshold_page(),
        "commands.md": command_page(),
        "python.md": python_page(),
    }
    return {name: MADE + text.rstrip() + "\n" for name, text in made.items()}


def rows(head: Sequence[str], body: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " :-- |" * len(head)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in body]
    return "\n".join(lines) + "\n"


def cell(value: Any) -> str:
    """Text that ends no cell and opens no tag; what is in backquotes stays as it is."""
    text = " ".join(str("" if value is None else value).split()).replace("|", "\\|")
    parts = text.split("`")
    parts[::2] = [part.replace("<", "&lt;").replace("*", "\\*") for part in parts[::2]]
    return "`".join(parts)


def code(text: str) -> str:
    """As code, in a table."""
    return f"`{text}`"


def law_page() -> str:
    """A part a law: formula, parameters, needs, what it assumes, where it fails, constants."""
    parts = ["# Laws\n", "How to choose and use them: [laws](../laws.md).\n"]
    for law in laws.load().values():
        parts += [
            f"## {law.name}\n",
            f"{cell(law.title)}: {code(law.formula)}\n",
            rows(
                ("parameter", "unit", "domain", "meaning"),
                ((code(p.name), p.unit, p.domain, p.meaning) for p in law.params),
            ),
            f"- Inputs: {cell(inputs_text(law))}",
            f"- Assumes: {cell(law.assumes)}",
            f"- Fails: {cell(law.fails)}",
            *([f"- Tested on: {SIMULATED}"] if law.simulated else []),
            f"- Source: {cell(law.citation)}\n",
        ]
        if law.published:
            head = ("published constants", "values", "from", "known to be wrong")
            parts.append(rows(head, (_published(law, one) for one in law.published)))
    return "\n".join([*parts, *_published_exponents()])


def _published_exponents() -> list[str]:
    """Exponents by architecture and domain."""
    known = published_exponents()
    body = [["" if one is None else one for one in row] for row in known.iter_rows()]
    about = (
        "N* ~ C^a, D* ~ C^b; loss above its floor ~ N^-alpha, D^-beta; loss ~ C^-c. Studies differ "
        "in data, tokenizer, counts and fit: only rows of one study compare architectures. "
        "`scaling exponents RUNS --by COLUMN` gives your own.\n"
    )
    return ["## Published exponents by architecture\n", about, rows(known.columns, body)]


def decision_table() -> str:
    """Which law for what one has: what `scaling laws --for` says, for every table."""
    body = []
    for question, found in decisions(laws.package().values()):
        tested = [code(law.name) for law in found if not law.simulated]
        others = [code(law.name) for law in found if law.simulated]
        body.append((question.have, question.ask, ", ".join(tested), ", ".join(others)))
    head = ("your table has", "you ask for", "laws, first to try first", SIMULATED_HEAD)
    return rows(head, body)


def with_decisions(page: str) -> str:
    """docs/laws.md with the present decision table between its marks."""
    before, rest = page.split(DECISIONS, 1)
    after = rest.split(DECISIONS_END, 1)[1]
    return f"{before}{DECISIONS}\n\n{decision_table()}\n{DECISIONS_END}{after}"


def _published(law: laws.Law, one: laws.Published) -> tuple[str, str, str, str]:
    """How the set is asked for, its values, where they are from, what is wrong with them."""
    values = ", ".join(f"{name} {value:.6g}" for name, value in one.values.items())
    note = f"; {one.note}" if one.note else ""
    asked = code(f"published:{law.name}:{one.key}")
    return asked, values, f"{one.citation}; {one.data}{note}", one.caveat


def source_page() -> str:
    """Formats that come in, and the published data sets."""
    formats = [
        (
            code(one.name),
            " ".join(map(code, one.suffixes)) + " (also packed: .gz, .zst)" * one.packed,
            one.meaning,
            " ".join(code(sources.flag(name)) for name in one.takes),
            one.seen,
        )
        for one in sources.load().values()
    ]
    data = [
        (code(one.name), one.title, one.licence, "; ".join(one.citations))
        for one in sources.published(LIBRARY)
    ]
    return "\n".join(
        [
            "# Sources\n\n## Formats\n",
            rows(("format", "ends in", "meaning", "options", "seen"), formats),
            "## Published data sets\n",
            rows(("source", "title", "licence", "citation"), data),
        ]
    )


def check_page() -> str:
    """Every check between cells."""
    found = load_rules()
    body = ((code(r.name), code(r.column), r.severity, r.reach, r.means, r.allowed) for r in found)
    about = (
        "# Checks\n\nErrors quarantine a row, warnings mark it; [validation](../validation.md) "
        "says how. [Checks measured](../benchmarks/checks.md) has what they find. Checks of a "
        "single cell follow from the [columns](columns.md): `type:COLUMN` (the cell parses), "
        "`required:COLUMN` (it is filled), `range:COLUMN` and `allowed:COLUMN` (one of the words "
        "listed). They are all errors.\n\n"
    )
    head = ("check", "column", "severity", "looks at", "what must hold", "allowed")
    return about + rows(head, body)


def column_page() -> str:
    """The columns of a run and of a forecast."""
    parts = ["# Columns\n"]
    for title, columns in (("Runs", RUN), ("Forecasts", FORECAST)):
        body = (
            (code(c.name), str(c.dtype), c.unit, c.meaning, _must_be(c.required, c.range_text))
            for c in columns
        )
        parts += [f"## {title}\n", rows(("column", "type", "unit", "meaning", "must be"), body)]
    return "\n".join(parts)


def _must_be(required: bool, text: str) -> str:
    return f"{'filled; ' if required else ''}{text.replace('|', 'or')}"


def threshold_page() -> str:
    """The rules of compute as they stand in the registry."""
    names = ("rule", "jurisdiction", "provision", "comparator", "value", "unit", "quantity",
             "effective_from", "effective_to", "status", "checked_to", "primary_source",
             )  # fmt: skip
    table = pl.read_csv(RULES, infer_schema=False).filter(pl.col("recorded_to").is_null())
    body = [
        (code(r[0]), r[1], r[2], f"{r[6]} {r[3] or ''} {r[4] or ''} {r[5] or ''}", *r[7:])
        for r in table.select(names).iter_rows()
    ]
    head = ("rule", "where", "provision", "threshold", "from", "to", "status", "checked", "source")
    about = (
        "# Thresholds\n\nRecords of the registry that are not superseded; "
        "[governance](../governance.md) says how they are used. Not legal advice.\n\n"
    )
    return about + rows(head, body)


def command_page() -> str:
    """Every command with its options, from the program itself."""
    codes = rows(("exit code", "meaning"), ((str(k), v) for k, v in exit_codes.MEANINGS.items()))
    parts = [
        "# Commands\n\n`scaling COMMAND --help` says the same.\n",
        "Where a verb takes a table, it takes a file or the name of a study of `params.yaml`.\n",
        "With `--json` a verb prints one JSON document to standard output; remarks and errors go "
        "to standard error. `scaling/cli/schemas.json` has a JSON schema of each verb's.\n",
        codes,
    ]
    parts += list(_commands(typer.main.get_command(app), "scaling"))
    return "\n".join(parts)


def _commands(group: Any, name: str) -> Iterable[str]:
    for word, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} {word}")
            continue
        yield f"## {name} {word}\n\n{cell(command.help)}\n"
        if command.params:
            yield rows(("argument or option", "default", "meaning"), map(_option, command.params))


def _option(param: Any) -> tuple[str, str, str]:
    names = param.opts if param.param_type_name == "option" else [param.name.upper()]
    default = param.default
    shown = "" if default in (None, (), []) or callable(default) else code(str(default))
    return ", ".join(map(code, names)), "needed" if param.required else shown, param.help or ""


def python_page() -> str:
    """What `import scaling` offers."""
    about = "How to use it: [Python](../python.md). The rest is internal.\n"
    parts = [f"# Everything that `import scaling` offers\n\n{about}"]
    for name in scaling.__all__:
        found = getattr(scaling, name)
        inner = found.__all__ if inspect.ismodule(found) else []
        calls = {f"{name}.{one}": getattr(found, one) for one in inner} or {name: found}
        parts += [_python(one, call) for one, call in calls.items()]
    return "\n".join(parts)


def _python(name: str, call: Any) -> str:
    text = inspect.getdoc(call) or ""
    signature = _signature(name.rpartition(".")[2], call)
    return f"## scaling.{name}\n\n```text\n{signature}\n\n{text}\n```\n"


def _signature(name: str, call: Any) -> str:
    """Parameters with their defaults; types are in the text."""
    try:
        names = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return name
    return f"{name}({', '.join(str(p.replace(annotation=p.empty)) for p in names)})"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.md"):
        if old.read_text(encoding="utf-8").startswith(MADE):
            old.unlink()
    for file, content in pages().items():
        (FOLDER / file).write_text(content, encoding="utf-8")
    LAWS.write_text(with_decisions(LAWS.read_text(encoding="utf-8")), encoding="utf-8")
