"""The report model as HTML, Markdown and JSON. Everything from data is escaped on its way."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import markupsafe
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scaling.document.blocks import Report
from scaling.document.format import SUPERSCRIPT
from scaling.document.palette import rules, variables
from scaling.document.policy import policy_hash

_TEMPLATES = Path(__file__).parent / "templates"
# What Markdown reads as markup within a line (an underscore inside a word is none), and what it
# reads as a block at the start of one.
_INLINE = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")
_START = re.compile(r"^\s*(?:\d+(?=[.)](?:\s|$))|(?=[#>+=-]))")


def html(report: Report, *, scripted: bool = False, fitted: bool = False) -> str:
    """One file that needs nothing else, with a policy that forbids it to load anything.

    ``scripted`` adds the page's own script: choices, values under the pointer, other axes.
    ``fitted`` wraps tables to any width, sets rows as cards where it is small, and prints folds
    open: nothing of a filing may lie beside the page.
    """
    style = stylesheet() + (_text("fitted.css") if fitted else "")
    script = _text("report.js") if scripted else ""
    allowed = f"script-src '{policy_hash(script)}'; " if script else ""
    policy = (
        f"default-src 'none'; style-src '{policy_hash(style)}'; {allowed}img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    environment = _environment()
    environment.filters["svg"] = Markup
    environment.filters["raised"] = raised
    template = environment.get_template("report.html.j2")
    return (
        template.render(
            report=report,
            style=Markup(style),
            script=Markup(script),
            policy=policy,
            fitted=fitted,
        )
        + "\n"
    )


_RAISED = re.compile(f"[{SUPERSCRIPT}]+")
_LOWERED = str.maketrans(SUPERSCRIPT, "-0123456789")


def raised(value: Any) -> Markup:
    """The text, escaped, with superscript characters as ``<sup>``: fonts lack some of them."""
    text = str(markupsafe.escape(value))
    return Markup(
        _RAISED.sub(lambda found: f"<sup>{found.group().translate(_LOWERED)}</sup>", text)
    )


@functools.cache
def stylesheet() -> str:
    """The page's style: colours in both schemes, then the rules."""
    text = _text("report.css")
    light = f":root {{ color-scheme: light dark; {variables('light')} }}"
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {variables('dark')} }} }}"
    return "\n".join((light, dark, text, rules("svg"), ""))


def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def markdown(report: Report) -> str:
    """The same in GitHub's Markdown; the figures are files beside it."""
    environment = _environment(finalize=escape_markdown)
    text = environment.get_template("report.md.j2").render(report=report)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def escape_markdown(value: Any) -> Any:
    """Text in which neither Markdown nor HTML finds markup."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    text = _INLINE.sub(lambda found: "\\" + found.group(), value)
    text = _START.sub(lambda found: found.group() + "\\", text)
    return Markup(text.replace("&", "&amp;").replace("<", "&lt;"))


@functools.cache
def _environment(**more: Any) -> Environment:
    """Kept, with the templates that it has compiled: packs are rendered by the hundred."""
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=False,
        **more,
    )
