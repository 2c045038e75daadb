"""Every study: parameters with uncertainty, published fits, comparisons, certificates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scaling.document.blocks import (
    MISSING,
    Block,
    Cell,
    Column,
    Fold,
    Group,
    Points,
    Section,
    Subsection,
    Table,
    table,
)
from scaling.document.cells import both, figure, words
from scaling.document.format import DASH, estimate, integer, like, plain
from scaling.fitting.result import Resampling
from scaling.fitting.study_record import FitRecord
from scaling.laws import Law, Published, load
from scaling.report.context import Context, Study
from scaling.report.figures.profiles import profile_figure
from scaling.report.figures.study_figures import study_figures
from scaling.report.sections.compared import comparison_tables


def detail(ctx: Context) -> Section:
    """One part a study."""
    parts = [
        Subsection(study.title, f"study-{index}", study.title, tuple(_study(ctx, study, index)))
        for index, study in enumerate(ctx.studies)
    ]
    return Section("detail", "Every study, law by law", tuple(parts), folded=True)


def _study(ctx: Context, study: Study, index: int) -> list[Block]:
    fits = study.record.fits
    if not fits:
        return [Points((f"No fit was found in {study.fit_file}.",))]
    blocks: list[Block] = [Points(tuple(_ending(fit) for fit in fits))]
    blocks += study_figures(ctx, study, index)
    blocks.append(parameter_table(fits, index))
    blocks += profile_figure(study, fits, index)
    published = published_table(study, fits, index)
    if published.groups:
        blocks.append(published)
    blocks.extend(comparison_tables(study, fits, index))
    blocks.append(
        Fold("Certificates in full", (certificate_table(fits, index),), f"certificates-{index}")
    )
    return blocks


def _ending(fit: FitRecord) -> str:
    """How the fit ended and how its uncertainty was estimated, in words."""
    outcome = fit.outcome.replace("_", " ") or "outcome unknown"
    parts = [f"{fit.law}: {outcome}.", fit.outcome_text, *fit.notes, _resampling(fit.resampling)]
    return " ".join(part for part in parts if part)


def _resampling(used: Resampling | None) -> str:
    """Method, what was drawn and how often: bootstrap of 240 rows, 1,000 resamples."""
    if used is None:
        return ""
    drawn = f" of {integer(used.clusters)} {used.cluster}s" if used.clusters else ""
    return f"Uncertainty: {used.method}{drawn}, {integer(used.resamples)} resamples."


# --------------------------------------------------------------------------- parameters


def parameter_table(fits: Sequence[FitRecord], index: int) -> Table:
    """Law by parameter: value, standard error, 90 % interval, unit, meaning."""
    columns = (
        Column("parameter"),
        Column("value", numeric=True),
        Column("standard error", numeric=True),
        Column("90 % interval", numeric=True),
        Column("unit"),
        Column("meaning", long=True),
    )
    known = load()
    groups = tuple(
        Group(fit.law or DASH, tuple(_parameters(fit, known.get(fit.law)))) for fit in fits
    )
    return table(f"parameter-table-{index}", "Parameters", columns, groups, "", "law")


def _parameters(fit: FitRecord, law: Law | None) -> list[tuple[Cell, ...]]:
    """One row a parameter, in the order of the law."""
    meanings = {param.name: param.meaning for param in law.params} if law else {}
    names = list(meanings)
    ordered = sorted(fit.parameters, key=lambda n: names.index(n) if n in names else 99)
    return [_parameter(fit, name, meanings.get(name)) for name in ordered]


def _parameter(fit: FitRecord, name: str, meaning: str | None) -> tuple[Cell, ...]:
    found = fit.parameters[name]
    value, error = estimate(found.value, found.se)
    place = f"{fit.place}.parameters.{name}."
    return (
        words(name),
        figure(found.value, lambda _: value, place + "value", found.unit),
        figure(found.se, lambda _: error, place + "se", found.unit),
        both(found.low90, found.high90, lambda end: like(end, value), place + "low90", found.unit),
        words(found.unit),
        words(meaning),
    )


# --------------------------------------------------------------------------- published


def published_table(study: Study, fits: Sequence[FitRecord], index: int) -> Table:
    """Published fits on the same data beside these."""
    columns = (
        Column("parameter"),
        Column("here", numeric=True),
        Column("published", numeric=True),
        Column("published standard error", numeric=True),
    )
    known = load()
    groups = tuple(
        Group(f"{fit.law}: {paper.citation}", tuple(_compared(fit, paper)))
        for fit in fits
        if fit.law in known
        for paper in known[fit.law].published
        if study.source in paper.data
    )
    note = "From the law's file, where a note says which optimum is meant."
    title = "Published fits on the same data"
    return table(f"published-table-{index}", title, columns, groups, note, "fit")


def _compared(fit: FitRecord, paper: Published) -> list[tuple[Cell, ...]]:
    place = f"scaling/laws/{fit.law}.py#published"
    return [
        (
            words(name),
            _own(fit, name),
            figure(value, _six, place),
            figure(paper.se.get(name), _six, place),
        )
        for name, value in paper.values.items()
    ]


def _own(fit: FitRecord, name: str) -> Cell:
    found = fit.parameters.get(name)
    if found is None:
        return MISSING
    text = estimate(found.value, found.se)[0]
    return figure(found.value, lambda _: text, f"{fit.place}.parameters.{name}.value")


def _six(value: float) -> str:
    return plain(value, 6)


# --------------------------------------------------------------------------- certificates


def certificate_table(fits: Sequence[FitRecord], index: int) -> Table:
    """Everything that the certificates say: entry by law."""
    entries = [_flat(fit.certificate.to_dict()) for fit in fits]
    names = list(dict.fromkeys(name for entry in entries for name in entry))
    columns = (Column("entry"), *(Column(fit.law or DASH, numeric=True) for fit in fits))
    rows = tuple(
        (
            words(name.replace("_", " ")),
            *(_entry(fit, name, entry) for fit, entry in zip(fits, entries, strict=True)),
        )
        for name in names
    )
    return table(f"certificate-table-{index}", "Certificates", columns, (Group("", rows),))


def _flat(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """Nested entries under dotted names, in their order."""
    flat: dict[str, Any] = {}
    for name, value in certificate.items():
        inner = value if isinstance(value, Mapping) else {"": value}
        flat.update({f"{name}.{key}".rstrip("."): part for key, part in inner.items()})
    return flat


def _entry(fit: FitRecord, name: str, entry: Mapping[str, Any]) -> Cell:
    value = entry.get(name)
    if isinstance(value, list | tuple):
        text = ", ".join(plain(part) for part in value) or "none"
        return Cell(text, text, "", f"{fit.place}.certificate.{name}")
    text = plain(value, 6)
    if text == DASH:
        return MISSING
    plainly = value if isinstance(value, int | float | bool) else text
    return Cell(text, plainly, "", f"{fit.place}.certificate.{name}")
