"""A formula that `discover` found, as a law file of the project."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scaling import laws
from scaling.errors import InputError
from scaling.fitting.law_contract import check
from scaling.forecasting.candidates import points_of
from scaling.forecasting.formula import Formula, keys_of
from scaling.io import atomic
from scaling.laws import Law, _project

if TYPE_CHECKING:
    from scaling.forecasting.described import Constant, Ranked
    from scaling.forecasting.discovery import Discovery
    from scaling.forecasting.ranking import Study

# Search ranges about the constants found: a factor of a size and of an exponent, and how many times
# its own size, or the width of its interval, is added to a constant of either sign.
SIZE_RANGE, EXPONENT_RANGE, REAL_RANGE = 30.0, 3.0, 2.0
# What the search for an exponent of an input in logs covers in any case, as the package's laws do.
EXPONENTS = (0.05, 1.5)
_WIDTH = 92


def save(found: Discovery, one: Ranked, name: str, replace: bool) -> Path:
    """Write a formula as ``laws/NAME.py`` of the working directory, once it holds the contract.

    Raises:
        InputError: not a name for a law, the package has it, the file is there and is not to be
            replaced, the formula has constants for each group, it is a law of the project already,
            or it does not hold the contract.
    """
    path = place_of(name, replace)
    if found.study.inputs.text:
        raise InputError(
            "a law file has one set of constants, and this formula has one for each group",
            value=f"groups by {', '.join(found.study.inputs.text)}",
            allowed="runs of one group, or --input for the other columns",
        )
    text = source(found, one, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.new_file(path) as beside:
        beside.write_text(text, encoding="utf-8")
        check(_project.law_of(beside, name))
    return path


def place_of(name: str, replace: bool) -> Path:
    """Where the law of that name is written. Raises InputError as `save`, of name and file."""
    _project.check_name(name, laws.package())
    path = _project.FOLDER / f"{name}.py"
    if path.exists() and not replace:
        raise InputError("this file is there already", file=path, hint="--replace overwrites it.")
    return path


def source(found: Discovery, one: Ranked, name: str) -> str:
    """The text of the law file. Raises InputError for a law of the project, which has a file."""
    law = one.source
    if isinstance(law, Formula):
        return _of_formula(found, one, law, name)
    assert law is not None
    if law.name not in laws.package():
        raise InputError("this law has a file in the project", value=law.name)
    return _of_law(found, one, law, name)


def _page(found: Discovery, one: Ranked) -> str:
    """The docstring: formula, where it was found, constants."""
    error = f"{100 * one.error:.3g} %" if found.relative else f"{one.error:.3g}"
    parts = [
        f"{_title(found, one)}.",
        textwrap.indent(one.symbols, "    "),
        f"Found by `scaling discover` in {found.runs} runs; error on runs held out "
        f"({found.direction.text}): {error}. The constants there, with 90 % intervals from "
        f"{one.intervals}:",
        "\n".join(
            f"    {c.name:<20} {c.value:.6g} ({c.low:.4g} to {c.high:.4g})"
            for c in (*one.constants, *one.derived)
        ),
        "A fit of this law has no priors on its constants and weighs all runs alike, so its "
        "constants differ from these by a part of their intervals.",
        "Source: `scaling discover`.",
    ]
    # A column may be called anything.
    whole = "\n\n".join(_wrapped(part) for part in parts)
    return whole.replace("\\", "/").replace('"', "'")


def _wrapped(text: str) -> str:
    return text if text.startswith("    ") else textwrap.fill(" ".join(text.split()), _WIDTH)


def _title(found: Discovery, one: Ranked) -> str:
    if isinstance(one.source, Law):
        return one.source.title + (f" in {one.column}" if one.column else "")
    return f"{one.name[0].upper()}{one.name[1:]} of {', '.join(found.inputs)}"


def _file(page: str, imports: Iterable[str], body: str, values: Mapping[str, str]) -> str:
    """A law file of these parts; ``values`` are the fields of the law as Python."""
    law = "".join(f"    {name}={value},\n" for name, value in values.items())
    call = "replace(\n    KNOWN,\n" if "KNOWN" in body else "Law(\n"
    start = "" if "KNOWN" in body else body
    lines = "\n".join(imports)
    return (
        f'"""{page}\n"""\n\nfrom __future__ import annotations\n\n{lines}\n\n{start}'
        f"LAW = {call}{law})\n"
    )


def _of_law(found: Discovery, one: Ranked, law: Law, name: str) -> str:
    """A law of the package under another name."""
    values = {
        "name": repr(name),
        "title": repr(_title(found, one)),
        "target": repr(found.target),
        "published": "()",
        "roles": "{}",
    }
    if law.generic:
        values |= {"generic": "False", "needs": f'(Input("x", columns=({one.column!r},)),)'}
    imports = [
        "from dataclasses import replace\n",
        "from scaling.laws import Input" if law.generic else "",
        f"from scaling.laws.{law.name} import LAW as KNOWN",
    ]
    return _file(_page(found, one), filter(None, imports), "KNOWN", values)


_PREDICT = '''
def predict(p: Any, x: Any) -> Any:
    """The target at the inputs."""
    return {code}


'''


def _of_formula(found: Discovery, one: Ranked, formula: Formula, name: str) -> str:
    """A form of the bank with its constants as parameters."""
    domains = {c.name: _domain(formula, c) for c in one.constants}
    rising = {n for n in formula.names if domains[n] == "real"}
    values = {
        "name": repr(name),
        "title": repr(_title(found, one)),
        "formula": repr(one.symbols),
        "citation": '"found by `scaling discover`"',
        "params": _block(_param(formula, c, domains[c.name]) for c in one.constants),
        "inputs": repr(tuple(column.key for column in formula.columns)),
        "predict": "predict",
        "linear": repr(_linear(formula)),
        "terms": _terms(formula),
        "target": repr(found.target),
        "needs": _block(_needs(found.study)),
        "monotone": repr(_monotone(formula, domains)),
        **_scale(found.study),
        "assumes": repr(f"runs like those it was found in: {_ranges(found.study)}"),
        "fails": repr("runs of another recipe; far beyond those runs"),
    }
    imports = [
        "from typing import Any\n",
        "import numpy as np\n",
        "from scaling.laws import Input, Law, Param, Term",
    ]
    code = formula.python(rising)
    used = [line for line in imports if "numpy" not in line or "np." in code]
    return _file(_page(found, one), used, _PREDICT.format(code=code), values)


def _block(lines: Iterable[str]) -> str:
    return "(\n" + "".join(f"        {line},\n" for line in lines) + "    )"


def _domain(formula: Formula, c: Constant) -> str:
    """Exponents are positive where their interval is; sizes always; floors of losses too."""
    if formula.polynomial:
        return "real"
    if c.name == "E":
        return {"plain": "real", "one minus": "unit", "log": "positive"}[formula.scale.kind]
    if c.name.startswith("c_"):
        return "real"
    exponent = c.name.startswith(("alpha_", "beta_"))
    return "real" if exponent and not c.low > 0 else "positive"


def _param(formula: Formula, c: Constant, domain: str) -> str:
    """A parameter, searched about the value found."""
    exponent = c.name.startswith(("alpha_", "beta_"))
    if domain == "unit":
        start = (0.5 * c.value, 0.5 + 0.5 * c.value)
    elif domain == "real":
        room = REAL_RANGE * max(abs(c.value), c.high - c.low, 1e-6)
        start = (c.value - room, c.value + room)
    else:
        factor = EXPONENT_RANGE if exponent or c.name in ("E", "gamma") else SIZE_RANGE
        start = (c.value / factor, c.value * factor)
        if exponent and all(column.log for column in formula.columns):
            start = (min(start[0], EXPONENTS[0]), max(start[1], EXPONENTS[1]))
    low, high = (float(f"{end:.3g}") for end in start)
    meaning = _meaning(formula, c.name)
    return f'Param("{c.name}", "1", {meaning!r}, "{domain}", start=({low!r}, {high!r}))'


def _meaning(formula: Formula, name: str) -> str:
    limit = "floor" if formula.falls else "ceiling"
    known = {"E": "inverse of the ceiling" if formula.reciprocal else limit,
             "gamma": "power of the sum", "B": "height above the floor",
             "K": "where it levels off"}  # fmt: skip
    if name in known:
        return known[name]
    if name.startswith("c_"):
        return "curvature"
    return "exponent" if name.startswith(("alpha_", "beta_")) else "size of a term"


def _linear(formula: Formula) -> tuple[str, ...]:
    """The constants in which the formula is linear."""
    if formula.polynomial:
        return formula.names
    if formula.reciprocal or (not formula.form.floor and formula.scale.kind == "one minus"):
        return ()
    head = ("E",) if formula.form.floor else ()
    if formula.form.coupled:
        return head
    return (*head, "B") if formula.form.levels else (*head, *(one.size for one in formula.terms))


def _terms(formula: Formula) -> str:
    """The terms, where the law is a sum of powers; else none."""
    powers = all(column.log and column.reference == 1.0 for column in formula.columns)
    whole = formula.scale.kind == "log" and (formula.falls or not formula.form.floor)
    if not (powers and whole) or formula.form.coupled or formula.form.levels or formula.reciprocal:
        return "()"
    lines = ['Term("E")'] if formula.form.floor else []
    for term in formula.terms:
        by = {formula.columns[j].key: (name, -1.0) for j, name in term.powers}
        lines.append(f'Term("{term.size}", {by!r})')
    return _block(lines)


def _monotone(formula: Formula, domains: Mapping[str, str]) -> dict[str, int]:
    """The inputs in logs in which it falls, or rises, whatever the constants."""
    if formula.polynomial or formula.form.features != "plain":
        return {}
    up = (formula.form.floor and not formula.falls) or formula.scale.kind == "one minus"
    found = {}
    for j, column in enumerate(formula.columns):
        names = [name for term in formula.terms for i, name in term.powers if i == j]
        if column.log and all(domains[name] == "positive" for name in names):
            found[column.key] = 1 if up else -1
    return found


def _needs(study: Study) -> Iterable[str]:
    """What the law knows of each input: its column, what it may be, where the runs lie."""
    u, _ = points_of(study.rows)
    inputs = study.inputs
    for j, (name, key) in enumerate(zip(inputs.numeric, keys_of(inputs.numeric), strict=True)):
        x = inputs.centre[j] + inputs.unit[j] * np.array([u[:, j].min(), u[:, j].max()])
        low, high = (float(f"{end:.3g}") for end in (np.exp(x) if inputs.logs[j] else x))
        fields = [f'"{key}"', *([f"columns=({name!r},)"] if key != name else [])]
        if inputs.shares[j]:
            fields.append("high=1.0, open_low=False")
        elif not inputs.logs[j]:
            fields.append('low=-float("inf")')
        fields.append(f"levels={min(3, int(inputs.values[j]))}, typical=({low!r}, {high!r})")
        yield f"Input({', '.join(fields)})"


def _scale(study: Study) -> dict[str, str]:
    """The scale of the residuals: logs, or the target's own with Huber's corner at a twentieth of
    its spread over the runs, the prior guess of the noise."""
    if study.scale.kind == "log":
        return {"link": '"log"'}
    y = study.frame[study.target].to_numpy()
    delta = float(f"{0.05 * float(np.std(y)):.2g}")
    high = "1.0" if study.scale.kind == "one minus" else 'float("inf")'
    return {"link": '"linear"', "delta": repr(delta), "span": f'(-float("inf"), {high})'}


def _ranges(study: Study) -> str:
    columns = [(name, study.frame[name].to_numpy()) for name in study.inputs.numeric]
    return ", ".join(f"{name} {x.min():.3g} to {x.max():.3g}" for name, x in columns)
