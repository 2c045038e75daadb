"""How far the answers depend on choices: other objectives, and each exclusion lifted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scaling.document.blocks import Block, Cell, Column, Fold, Group, Table, Text, table
from scaling.document.cells import both, figure, words
from scaling.document.format import count, integer, loss, plain, shift
from scaling.fitting.study_record import Choice
from scaling.report.context import Context, Study
from scaling.report.sections.convergence import outcome_words

# The pipeline's own choice, as `scaling.fitting.diagnostics.sensitivity` names its fits.
SPACES = {"log": "logs", "raw": "raw values"}


def choice_blocks(ctx: Context) -> tuple[Block, ...]:
    """The range over all choices by study, then every fit; nothing where no study has them."""
    known = [study for study in ctx.studies if _choices(study)]
    if not known:
        return ()
    return (
        Text(
            "The same runs can be fitted with another objective, on raw losses instead of logs, or "
            "with excluded runs put back. These differences come from choices, not from noise, and "
            "no interval above includes all of them."
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
    at = next(study.record.sensitivity.target for study in known if study.record.sensitivity)
    note = (
        f"Loss at {count(at.get('params'))} params and {count(at.get('tokens'))} tokens; "
        "compute-optimal tokens per param at 5.76e23 FLOP."
    )
    rows = tuple(_range(study) for study in known)
    return table("sensitivity-table", "Sensitivity to choices", columns, (Group("", rows),), note)


def _range(study: Study) -> tuple[Cell, ...]:
    lines = _choices(study)
    place = f"{study.fit_file}#sensitivity.choices"
    own = _own(study)
    kept = [line for line in lines if not line.lifted]
    return (
        words(study.title),
        words(study.record.sensitivity and study.record.sensitivity.law, place),
        figure(float(len(lines)), integer, place, "fits"),
        figure(own and own.prediction, loss, f"{place}.prediction", study.unit),
        _ends(lines, "prediction", loss, place, study.unit),
        _ends(kept, "prediction", loss, place, study.unit),
        figure(own and own.tokens_per_param, _three, f"{place}.tokens_per_param"),
        _ends(lines, "tokens_per_param", _three, place, ""),
    )


def _ends(lines: Sequence[Choice], name: str, form: Any, place: str, unit: str) -> Cell:
    found = [value for line in lines if (value := getattr(line, name)) is not None]
    low, high = (min(found), max(found)) if found else (None, None)
    return both(low, high, form, f"{place}.{name}", unit)


def _three(value: float) -> str:
    return plain(value, 3)


def _own(study: Study) -> Choice | None:
    """The choice that the forecast's own fit makes."""
    return next((line for line in _choices(study) if _is_own(study, line)), None)


def _is_own(study: Study, line: Choice) -> bool:
    known = study.record.sensitivity
    fit = known and study.record.fit(known.law)
    objective = fit.objective_name if fit else ""
    named = "squares" if line.delta is None else f"delta {line.delta:g}"
    log = (line.space == "log") == ("log" in objective)
    return not line.lifted and log and named in objective


def choice_table(known: list[Study]) -> Table:
    """Every fit of every study."""
    columns = (
        Column("objective"),
        Column("exclusions changed", long=True),
        Column("rows", numeric=True),
        Column("outcome"),
        Column("loss", numeric=True),
        Column("difference from the report's fit", numeric=True),
        Column("tokens per param", numeric=True),
    )
    groups = tuple(Group(study.title, tuple(_rows(study))) for study in known)
    return table("choices-table", "Every choice", columns, groups, "", "study")


def _rows(study: Study) -> list[tuple[Cell, ...]]:
    own = _own(study)
    lines = enumerate(_choices(study))
    return [_row(study, line, own.prediction if own else None, at) for at, line in lines]


def _row(study: Study, line: Choice, own: float | None, at: int) -> tuple[Cell, ...]:
    place = f"{study.fit_file}#sensitivity.choices[{at}]."
    value = line.prediction
    difference = None if value is None or own is None else value - own
    return (
        words(_objective(line), place + "loss"),
        words(f"lifted: {line.lifted}" if line.lifted else "nothing"),
        figure(line.rows, integer, place + "rows", "rows"),
        words(outcome_words(line.outcome), place + "outcome"),
        figure(value, loss, place + "prediction", study.unit),
        figure(difference, shift, place + "prediction less the fit's own", study.unit),
        figure(line.tokens_per_param, _three, place + "tokens_per_param"),
    )


def _objective(line: Choice) -> str:
    kind = line.kind.replace("_", " ")
    how = kind if line.delta is None else f"{kind}, delta {line.delta:g}"
    return f"{how}, on {SPACES.get(line.space, line.space)}"


def _choices(study: Study) -> tuple[Choice, ...]:
    return study.record.sensitivity.choices if study.record.sensitivity else ()
