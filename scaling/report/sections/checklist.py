"""The checklist of "(Mis)Fitting" (Li, Kudugunta, Zettlemoyer 2025, arXiv:2502.18969), filled in.

Each question is answered for each study from the stage outputs; what they do not say is "not
recorded", never left out. Parts are those of the paper's checklist and of its survey sheet
(hadasah/scaling_laws at d2223c9d, sheet.csv: General, Scaling Law Hypothesis, Training Setup, Data
Extraction, Fitting the Scaling Law); questions are in our words, and numbers within a part are
ours. Every column of the sheet has a question; the paper's own page of questions was not
compared word for word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from scaling.document.blocks import Block, Cell, Column, Fold, Group, Text, table
from scaling.document.format import clean
from scaling.report.context import Context, Study
from scaling.report.sections import checklist_answers
from scaling.report.sections.checklist_answers import Answer

SOURCE = "Li et al. 2025, arXiv:2502.18969"


class Question(NamedTuple):
    """One question: its number, part, wording, and what answers it."""

    number: str
    part: str
    text: str
    answer: Answer


OPEN, FORM = "open material", "hypothesis"
TRAINING, DATA, FITTING = "training", "data", "fitting"
QUESTIONS: tuple[Question, ...] = (
    Question("O1", OPEN, "is the training code open", checklist_answers.unknown),
    Question("O2", OPEN, "is the analysis code open", checklist_answers.analysis),
    Question("O3", OPEN, "are the checkpoints open", checklist_answers.unknown),
    Question("O4", OPEN, "are the metric's scores open", checklist_answers.results),
    Question("H1", FORM, "which formula", checklist_answers.form),
    Question("H2", FORM, "which variables", checklist_answers.inputs),
    Question("H3", FORM, "how many and which parameters are fitted", checklist_answers.parameters),
    Question("H4", FORM, "where does the form come from", checklist_answers.principle),
    Question("H5", FORM, "what does it assume of how variables relate", checklist_answers.assumed),
    Question("H6", FORM, "what is it for", checklist_answers.purpose),
    Question("H7", FORM, "how many laws are fitted", checklist_answers.laws),
    Question("T1", TRAINING, "how many models, at how many sizes", checklist_answers.models),
    Question("T2", TRAINING, "params", checklist_answers.sizes("params")),
    Question("T3", TRAINING, "tokens", checklist_answers.sizes("tokens")),
    Question("T4", TRAINING, "compute, FLOP", checklist_answers.sizes("flops")),
    Question("T5", TRAINING, "which runs", checklist_answers.runs),
    Question("T6", TRAINING, "on which data", checklist_answers.words("training_data")),
    Question("T7", TRAINING, "is data repeated", checklist_answers.repeats),
    Question("T8", TRAINING, "how are parameters counted", checklist_answers.counted),
    Question("T9", TRAINING, "how is compute counted", checklist_answers.compute),
    Question("T10", TRAINING, "which hyperparameters", checklist_answers.hyperparameters),
    Question("T11", TRAINING, "how were hyperparameters chosen", checklist_answers.unknown),
    Question("T12", TRAINING, "did the learning-rate schedule end", checklist_answers.schedule),
    Question("T13", TRAINING, "which tokenizer", checklist_answers.words("tokenizer")),
    Question("D1", DATA, "which metric, on what", checklist_answers.metric),
    Question("D2", DATA, "how many points a law", checklist_answers.points),
    Question("D3", DATA, "how many checkpoints a model", checklist_answers.checkpoints),
    Question("D4", DATA, "how the figures were changed", checklist_answers.changed),
    Question("D5", DATA, "what was left out, and why", checklist_answers.excluded),
    Question("F1", FITTING, "which objective", checklist_answers.objective),
    Question("F2", FITTING, "which algorithm", checklist_answers.algorithm),
    Question("F3", FITTING, "with which settings", checklist_answers.settings),
    Question("F4", FITTING, "from which and how many starts", checklist_answers.search),
    Question("F5", FITTING, "is the optimum certain", checklist_answers.outcome),
    Question("F6", FITTING, "what do all the data give", checklist_answers.without),
    Question("F7", FITTING, "how sure are the parameters", checklist_answers.uncertainty),
    Question("F8", FITTING, "how good is the fit", checklist_answers.goodness),
    Question("F9", FITTING, "does it extrapolate", checklist_answers.extrapolation),
)


def document(ctx: Context) -> dict[str, Any]:
    """The checklist as it is published: the questions once, and each study's answers by number."""
    return {
        "source": SOURCE,
        "questions": {one.number: f"{one.part}: {one.text}" for one in QUESTIONS},
        "answers": [{"study": study.name, **_answers(ctx, study)} for study in ctx.studies],
    }


def _answers(ctx: Context, study: Study) -> dict[str, str]:
    return {one.number: clean(one.answer(ctx, study)) for one in QUESTIONS}


def checklist(ctx: Context) -> tuple[Block, ...]:
    """What it is, and all answers in a fold."""
    found = {study.title: _answers(ctx, study) for study in ctx.studies}
    groups = tuple(
        Group(f"{one.number} {one.part}: {one.text}", tuple(_rows(ctx, one, found)))
        for one in QUESTIONS
    )
    columns = (Column("studies", long=True), Column("answer", long=True))
    answers = [text for own in found.values() for text in own.values()]
    known = sum(text != checklist_answers.UNKNOWN for text in answers)
    text = Text(
        "What Li et al. 2025 (arXiv:2502.18969) ask every study of scaling laws to report, filled "
        "in automatically from the files behind this report. Parts are the authors', wording and "
        f"numbers ours. {known} of {len(answers)} questions are answered; what the files do "
        f"not say is \u201c{checklist_answers.UNKNOWN}\u201d."
    )
    shown = table("checklist-table", "Checklist", columns, groups, group_label="question")
    return text, Fold("Checklist: what should a study report?", (shown,), "checklist")


def _rows(
    ctx: Context, one: Question, found: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[Cell, Cell]]:
    """A row an answer, with the studies that share it."""
    files = {study.title: study.fit_file for study in ctx.studies}
    shared: dict[str, list[str]] = {}
    for title, answers in found.items():
        shared.setdefault(answers[one.number], []).append(title)
    for answer, titles in shared.items():
        named = "all" if len(titles) == len(found) > 1 else ", ".join(titles)
        yield Cell(named, named), Cell(answer, answer, "", files[titles[0]])
