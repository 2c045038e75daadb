"""The checklist of "(Mis)Fitting" (Li, Kudugunta, Zettlemoyer 2025, arXiv:2502.18969), filled in.

Its four parts, in our words, each question answered for each study from the stage outputs. What
the outputs do not say is "not recorded", never left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scaling.laws import Law, load
from scaling.report.blocks import Cell, Column, Group, Section, Table, Text, table
from scaling.report.context import Context, Study
from scaling.report.read import as_list, as_map
from scaling.report.text import clean, count, integer

UNKNOWN = "not recorded"
Answer = Callable[[Context, Study], str]


def answers(ctx: Context) -> list[dict[str, str]]:
    """One entry a study and question: study, part, question, answer."""
    return [
        {"study": study.name, "part": part, "question": question, "answer": clean(said(ctx, study))}
        for study in ctx.studies
        for part, question, said in QUESTIONS
    ]


def checklist(ctx: Context) -> Section:
    """The table of all answers."""
    groups = tuple(Group(study.name, tuple(_rows(ctx, study))) for study in ctx.studies)
    columns = (Column("question"), Column("answer", long=True))
    text = Text(
        "What Li et al. 2025 (arXiv:2502.18969) ask every study of scaling laws to report, filled "
        "in by machine from the files behind this report."
    )
    blocks: tuple[Text | Table, ...] = (
        text,
        table("checklist-table", "Checklist", columns, groups, group_label="study"),
    )
    return Section("checklist", "What should a study report?", blocks)


def _rows(ctx: Context, study: Study) -> Iterator[tuple[Cell, Cell]]:
    for part, question, said in QUESTIONS:
        answer = clean(said(ctx, study))
        yield Cell(f"{part}: {question}"), Cell(answer, answer, "", study.fit_file)


def _fits(study: Study) -> list[Mapping[str, Any]]:
    return [as_map(one) for one in as_list(study.fitted.get("fits"))]


def _laws(study: Study) -> list[Law]:
    known = load()
    names = [str(one.get("law")) for one in _fits(study)]
    return [known[name] for name in names if name in known]


def _form(ctx: Context, study: Study) -> str:
    laws = _laws(study)
    return "; ".join(f"{law.name}: {law.formula}" for law in laws) or UNKNOWN


def _parameters(ctx: Context, study: Study) -> str:
    told = [f"{one.get('law')}: {', '.join(as_map(one.get('parameters')))}" for one in _fits(study)]
    return "; ".join(told) or UNKNOWN


def _inputs(ctx: Context, study: Study) -> str:
    laws = _laws(study)
    return "; ".join(f"{law.name}: {', '.join(law.inputs)}" for law in laws) or UNKNOWN


def _models(ctx: Context, study: Study) -> str:
    runs = study.used
    if not runs.height:
        return UNKNOWN
    return f"{integer(runs.height)} results at {integer(runs['params'].n_unique())} sizes"


def _sizes(column: str) -> Answer:
    def said(ctx: Context, study: Study) -> str:
        low, high, _ = study.ends(column)
        return UNKNOWN if low is None or high is None else f"{count(low)} to {count(high)}"

    return said


def _data(ctx: Context, study: Study) -> str:
    return clean(as_map(ctx.inputs.sources.get(study.source)).get("title") or "") or UNKNOWN


def _changed(ctx: Context, study: Study) -> str:
    notes = as_list(as_map(ctx.inputs.sources.get(study.source)).get("changed"))
    return " ".join(clean(str(note)) for note in notes) or UNKNOWN


def _metric(ctx: Context, study: Study) -> str:
    return f"{study.metric}, in {study.unit}"


def _objective(ctx: Context, study: Study) -> str:
    named = dict.fromkeys(str(one.get("objective_name") or UNKNOWN) for one in _fits(study))
    return "; ".join(named) or UNKNOWN


def _search(ctx: Context, study: Study) -> str:
    told = []
    for one in _fits(study):
        shown = as_map(one.get("certificate"))
        starts, agree = shown.get("starts"), shown.get("starts_agreeing")
        said = "starts not recorded" if starts is None else f"{starts} starts"
        told.append(f"{one.get('law')}: {said}" + ("" if agree is None else f", {agree:.0%} agree"))
    return "; ".join(told) or UNKNOWN


def _outcome(ctx: Context, study: Study) -> str:
    return "; ".join(f"{one.get('law')}: {one.get('outcome')}" for one in _fits(study)) or UNKNOWN


def _excluded(ctx: Context, study: Study) -> str:
    rules = [as_map(rule) for rule in as_list(study.fitted.get("excluded"))]
    told = [f"{rule.get('rows')} rows: {rule.get('reason')}" for rule in rules]
    return "; ".join(clean(one) for one in told) or "none"


def _uncertainty(ctx: Context, study: Study) -> str:
    told = []
    for one in _fits(study):
        how = as_map(one.get("resampling"))
        if how:
            told.append(
                f"{one.get('law')}: {how.get('resamples')} resamples ({how.get('method')}), "
                f"{how.get('clusters')} clusters by {how.get('cluster')}"
            )
    return "; ".join(told) or UNKNOWN


def _extrapolation(ctx: Context, study: Study) -> str:
    made = as_map(ctx.inputs.backtests.get(study.name))
    for row in as_list(made.get("methods")):
        line = as_map(row)
        if line.get("method") == "ensemble" and line.get("low") is None:
            return (
                f"{line['forecasts']} larger runs foretold from smaller: mean error "
                f"{100 * line['error']:.2f} %, {100 * line['in90']:.0f} % in the 90 % interval"
            )
    return str(made.get("reason") or UNKNOWN)


QUESTIONS: tuple[tuple[str, str, Answer], ...] = (
    ("form", "which formula", _form),
    ("form", "which variables", _inputs),
    ("form", "which parameters are fitted", _parameters),
    ("training", "how many models, at how many sizes", _models),
    ("training", "params", _sizes("params")),
    ("training", "tokens", _sizes("tokens")),
    ("training", "compute, FLOP", _sizes("flops")),
    ("training", "which runs", _data),
    ("data", "which metric, on what", _metric),
    ("data", "how the figures were changed", _changed),
    ("fitting", "which objective", _objective),
    ("fitting", "from how many starts", _search),
    ("fitting", "is the optimum certain", _outcome),
    ("fitting", "what was left out", _excluded),
    ("fitting", "uncertainty", _uncertainty),
    ("fitting", "extrapolation", _extrapolation),
)
