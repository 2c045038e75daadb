"""How far an answer depends on choices: other objectives, and each exclusion lifted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scaling.document.blocks import Block, Cell, Column, Fold, Group, Table, Text, table
from scaling.document.cells import both, figure, words
from scaling.document.format import clean, count, integer, loss, number, plain, shift
from scaling.io.json_files import as_list, as_map
from scaling.report.context import Context, Study
from scaling.report.sections.convergence import said

# The pipeline's own choice, as `scaling.fitting.diagnostics.sensitivity` names its fits.
SPACES = {"log": "logs", "raw": "raw values"}


def choice_blocks(ctx: Context) -> tuple[Block, ...]:
    """The range over all choices by study, then every fit; nothing where no study has them."""
    known = [study for study in ctx.studies if _choices(study)]
    if not known:
        return ()
    return (
        Text(
            "The same runs can be fitted otherwise: with another objective, on raw losses instead "
            "of logs, with what was left out put back. What moves here is a choice, not noise, "
            "and no interval above holds all of it."
        ),
        range_table(known),
        Fold("Every choice", (choice_table(known),), "choices-fold"),
    )


def range_table(known: list[Study]) -> Table:
    """Study by study: this pipeline's answer, and the lowest and highest over the choices."""
    columns = (
        Column("study"),
        Column("law"),
        Column("choices", numeric=True),
        Column("loss", "as fitted here", numeric=True, strong=True),
        Column("loss", "over all choices", numeric=True),
        Column("loss", "exclusions kept", numeric=True),
        Column("tokens per param", "as fitted here", numeric=True, strong=True),
        Column("tokens per param", "over all choices", numeric=True),
    )
    at = as_map(as_map(known[0].fitted.get("sensitivity")).get("target"))
    note = (
        f"Loss at {count(at.get('params'))} params and {count(at.get('tokens'))} tokens; "
        "compute-optimal tokens per param at 5.76e23 FLOP."
    )
    rows = tuple(_range(study) for study in known)
    return table("sensitivity-table", "Sensitivity to choices", columns, (Group("", rows),), note)


def _range(study: Study) -> tuple[Cell, ...]:
    lines = _choices(study)
    place = f"{study.fit_file}#sensitivity.choices"
    own = next((line for line in lines if _is_own(study, line)), {})
    kept = [line for line in lines if not line.get("lifted")]
    law = clean(as_map(study.fitted.get("sensitivity")).get("law") or "")
    return (
        words(study.name),
        words(law, place),
        figure(float(len(lines)), integer, place, "fits"),
        figure(own.get("prediction"), loss, f"{place}.prediction", study.unit),
        _ends(lines, "prediction", loss, place, study.unit),
        _ends(kept, "prediction", loss, place, study.unit),
        figure(own.get("tokens_per_param"), _three, f"{place}.tokens_per_param"),
        _ends(lines, "tokens_per_param", _three, place, ""),
    )


def _ends(lines: list[Mapping[str, Any]], name: str, form: Any, place: str, unit: str) -> Cell:
    found = [value for line in lines if (value := number(line.get(name))) is not None]
    low, high = (min(found), max(found)) if found else (None, None)
    return both(low, high, form, f"{place}.{name}", unit)


def _three(value: float) -> str:
    return plain(value, 3)


def _is_own(study: Study, line: Mapping[str, Any]) -> bool:
    """The choice that the forecast's own fit makes."""
    objective = clean(_first(study).get("objective_name") or "")
    delta = number(line.get("delta"))
    named = f"delta {delta:g}" if delta is not None else "squares"
    log = (line.get("space") == "log") == ("log" in objective)
    return not line.get("lifted") and log and named in objective


def _first(study: Study) -> Mapping[str, Any]:
    law = as_map(study.fitted.get("sensitivity")).get("law")
    fits = [as_map(one) for one in as_list(study.fitted.get("fits"))]
    return next((one for one in fits if one.get("law") == law), {})


def choice_table(known: list[Study]) -> Table:
    """Every fit of every study."""
    columns = (
        Column("objective"),
        Column("left out otherwise", long=True),
        Column("rows", numeric=True),
        Column("outcome"),
        Column("loss", numeric=True),
        Column("less the fit's own", numeric=True),
        Column("tokens per param", numeric=True),
    )
    groups = tuple(Group(study.name, tuple(_rows(study))) for study in known)
    return table("choices-table", "Every choice", columns, groups, "", "study")


def _rows(study: Study) -> list[tuple[Cell, ...]]:
    lines = _choices(study)
    own = next((line for line in lines if _is_own(study, line)), {})
    return [_row(study, line, number(own.get("prediction")), at) for at, line in enumerate(lines)]


def _row(study: Study, line: Mapping[str, Any], own: float | None, at: int) -> tuple[Cell, ...]:
    place = f"{study.fit_file}#sensitivity.choices[{at}]."
    value = number(line.get("prediction"))
    apart = None if value is None or own is None else value - own
    lifted = clean(line.get("lifted") or "")
    return (
        words(_objective(line), place + "loss"),
        words(f"lifted: {lifted}" if lifted else "nothing"),
        figure(line.get("rows"), integer, place + "rows", "rows"),
        words(said(clean(line.get("outcome") or "")), place + "outcome"),
        figure(value, loss, place + "prediction", study.unit),
        figure(apart, shift, place + "prediction less the fit's own", study.unit),
        figure(line.get("tokens_per_param"), _three, place + "tokens_per_param"),
    )


def _objective(line: Mapping[str, Any]) -> str:
    delta = number(line.get("delta"))
    kind = clean(line.get("loss") or "").replace("_", " ")
    how = kind if delta is None else f"{kind}, delta {delta:g}"
    return f"{how}, on {SPACES.get(str(line.get('space')), clean(line.get('space') or ''))}"


def _choices(study: Study) -> list[Mapping[str, Any]]:
    listed = as_list(as_map(study.fitted.get("sensitivity")).get("choices"))
    return [as_map(line) for line in listed]
