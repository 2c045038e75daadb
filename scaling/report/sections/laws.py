"""The laws of this report: formula, what each assumes, and who published it."""

from __future__ import annotations

from scaling.document.blocks import Formula, Section, Text
from scaling.document.format import clean
from scaling.document.mathml import mathml
from scaling.io.json_files import as_list
from scaling.laws import load
from scaling.report.context import Context
from scaling.report.names import law_anchor, law_title


def used_laws(ctx: Context) -> list[str]:
    """Keys of the laws that a study fits or asks for, in alphabetical order."""
    chosen = {str(law) for study in ctx.studies for law in as_list(study.choices.get("laws"))}
    fitted = {fit.law for study in ctx.studies for fit in study.record.fits if fit.law}
    return sorted(chosen | fitted)


def laws(ctx: Context) -> Section:
    """One formula a law; laws without a file are named."""
    known = load()
    names = used_laws(ctx)
    formulas = tuple(
        Formula(
            law_anchor(name),
            law_title(name),
            clean(law.formula),
            f"{name}. Assumes {clean(law.assumes).rstrip('.')}. Fails on "
            f"{clean(law.fails).rstrip('.')}. {clean(law.citation).rstrip('.')}.",
            mathml(law.formula),
        )
        for name in names
        if (law := known.get(name)) is not None
    )
    strange = [clean(name) for name in names if name not in known]
    missing = (Text(f"Without a law file here: {', '.join(strange)}."),) if strange else ()
    text = Text(
        "L is loss, N parameters, D tokens, C compute. E is the loss that no amount of training "
        "removes. Fits and intervals of every parameter are in the appendix."
    )
    return Section("laws", "Laws", (text, *formulas, *missing))
