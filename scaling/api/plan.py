"""The verbs of `scaling.plan`, of a fit, a study's name or a table.

Each plans as ``scaling plan`` does: a study's stored fits, or those of a table, fitted now.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from scaling.api._table import PythonTable, ask
from scaling.errors import InputError
from scaling.fitting.result import Fit
from scaling.forecasting.model_surface import MODEL
from scaling.frames import Table
from scaling.laws import planning
from scaling.plan import (
    allocation,
    comparison,
    costs,
    data_limits,
    downstream,
    expert_count,
    mixtures,
    next_runs,
    pruned,
    routed_experts,
    serving,
    step_laws,
    stored,
)
from scaling.plan.answer import Answer
from scaling.plan.comparison import Pair, pair
from scaling.plan.published import PREFIX
from scaling.plan.stored import Sheet
from scaling.record.versions.lookup import version
from scaling.runs.counts import count
from scaling.runs.formats import load as formats

# A fit, a study's name, a paper's constants (published:LAW), a table of any kind, or a file.
Model = Fit | Sheet | Table
Laws = Callable[[str | None], tuple[str, ...]]
ALLOWED = "a fit, a study with stored fits, published:LAW, a table, or the path of a file"


def of_study(name: str) -> Sheet:
    """A study's stored fits with its runs and version, or a paper's constants.

    Raises:
        InputError: no such study, law or paper.
    """
    sheet = stored.read(name)
    if name.startswith(PREFIX):
        return sheet
    return stored.with_runs(replace(sheet, version=version(Path(), name)))


def of_fit(made: Fit) -> Sheet:
    """One fit to plan with."""
    sizes = {name: made.x[name] for name in ("params", "tokens", "flops") if name in made.x}
    if {"params", "tokens"} <= sizes.keys():
        sizes.setdefault("flops", 6.0 * sizes["params"] * sizes["tokens"])
    ranges = {name: (float(one.min()), float(one.max())) for name, one in sizes.items()}
    notes = ["The fit has no resamples, so its plans have no intervals."] if made.unsampled else []
    return Sheet(
        made.law.name,
        {made.law.name: made},
        f"fit {hashlib.sha256(made.theta.tobytes()).hexdigest()[:12]}",
        ranges or dict(made.ranges),
        tuple(notes),
        refused={
            MODEL: "this is one fit; plan from its table to have the model of the runs beside"
        },
        table=pl.DataFrame({**made.x, made.target: made.observed}) if made.x else None,
    )


def of_table(
    given: PythonTable, names: tuple[str, ...], resamples: int, target: str = "loss"
) -> Sheet:
    """The fits of chosen rows, made now."""
    label = given.file.name if given.file else "table"
    with given.placed():
        return stored.fitted(
            given.frame, names, label=label, resamples=resamples, target=target, units=given.units
        )


def sheet_of(
    model: Model, names: tuple[str, ...], resamples: int = 300, metric: str | None = None
) -> Sheet:
    """What to plan with.

    Raises:
        InputError: none of these, or as `of_study` and `scaling.plan.stored.fitted`.
    """
    if isinstance(model, Sheet):
        return model
    if isinstance(model, Fit):
        return of_fit(model)
    if isinstance(model, str) and (model.startswith(PREFIX) or not _is_file(model)):
        return of_study(model)
    asked = ask(model)
    sheet = of_table(_chosen(asked.runs, metric), names, resamples)
    return replace(sheet, notes=(*asked.notes, *sheet.notes))


def _chosen(given: PythonTable, metric: str | None, target: str = "loss") -> PythonTable:
    chosen = given.of_metric(metric, target)
    assert isinstance(chosen, PythonTable)
    return chosen


def _is_file(name: str) -> bool:
    """Whether a text means a file: a study's name may have dots, and be that of a folder too."""
    if Path("data", "fits", f"{name}.json").is_file():
        return False
    endings = {suffix for form in formats().values() for suffix in form.suffixes}
    return os.path.exists(name) or os.sep in name or Path(name).suffix in endings


def _of_model(
    verb: Callable[..., Answer], names: Laws, default: str | None = None
) -> Callable[..., Answer]:
    """A verb whose sheet may be anything to plan with; params and tokens may be written as 70B.

    ``names`` gives the laws that a table is fitted with, from the law that is asked for.
    """

    @functools.wraps(verb)
    def ask_verb(
        model: Model = default,
        *args: Any,
        resamples: int = 300,
        metric: str | None = None,
        **kwargs: Any,
    ) -> Answer:
        if model is None:
            raise InputError("nothing to plan with", allowed=ALLOWED)
        law = kwargs.get("law")
        sheet = sheet_of(model, names(law), resamples, metric)
        if isinstance(model, Fit) and law is None and "law" in inspect.signature(verb).parameters:
            kwargs["law"] = model.law.name
        for name in ("params", "tokens"):
            if isinstance(kwargs.get(name), str):
                kwargs[name] = count(kwargs[name], name, place=name)
        return verb(sheet, *args, **kwargs)

    ask_verb.__signature__ = _signature(verb, default)  # type: ignore[attr-defined]
    ask_verb.__doc__ = _documented(verb, default)
    return ask_verb


def _signature(verb: Callable[..., Answer], default: str | None) -> inspect.Signature:
    first, *others = inspect.signature(verb).parameters.values()
    empty = inspect.Parameter.empty
    kind = inspect.Parameter.KEYWORD_ONLY
    more = [
        inspect.Parameter("resamples", kind, default=300, annotation="int"),
        inspect.Parameter("metric", kind, default=None, annotation="str | None"),
    ]
    model = first.replace(name="model", annotation="Model", default=default or empty)
    return inspect.Signature([model, *others, *more], return_annotation="Answer")


def _documented(verb: Callable[..., Answer], default: str | None) -> str:
    usual = f"; {default} by default" if default else ""
    return (
        f"{inspect.getdoc(verb)}\n\n``model`` is {ALLOWED}{usual}. A table is fitted with "
        "``resamples``; of a\nlong one only the rows of ``metric`` are kept."
    )


def _by(*names: str) -> Laws:
    return lambda law: names


optimal = _of_model(allocation.optimal, lambda law: planning(law, exponents=True))
recommend = _of_model(next_runs.recommend, planning)
over_trained = _of_model(serving.over_trained, planning)
moe = _of_model(routed_experts.moe, _by(routed_experts.LAW), f"{PREFIX}{routed_experts.LAW}")
experts = _of_model(expert_count.experts, _by(expert_count.LAW), f"{PREFIX}{expert_count.LAW}")
sparsity = _of_model(pruned.sparsity, _by(pruned.LAW), f"{PREFIX}{pruned.LAW}")
_data = _of_model(data_limits.data, _by(data_limits.LAW), f"{PREFIX}{data_limits.LAW}")
_serve = _of_model(serving.serve, planning)
_target = _of_model(downstream.target, _by(downstream.LAW))


def data(
    model: Model = f"{PREFIX}{data_limits.LAW}",
    *,
    flops: float,
    unique: Sequence[float | str] = (),
    pools: Sequence[data_limits.Pool] = (),
    resamples: int = 300,
    metric: str | None = None,
    level: float = 0.9,
) -> Answer:
    """N, D, epochs and effective tokens at a budget with few unique tokens.

    Args:
        model: a fit, a study's name, published:LAW, a table, or a file.
        unique: unique tokens of each pool, 1e11, "100B" or "100B:QUALITY"; or ``pools``.

    Raises:
        InputError: a figure out of range, no pool, or no data-constrained law.
    """
    more = [data_limits.Pool.of(str(one)) for one in unique]
    return _data(
        model, flops=flops, pools=[*pools, *more], level=level, resamples=resamples, metric=metric
    )


def serve(
    model: Model,
    goal: serving.Goal | None = None,
    *,
    loss: float | None = None,
    like_params: float | str | None = None,
    like_flops: float | None = None,
    read: float | str = 0.0,
    written: float | str = 0.0,
    resamples: int = 300,
    metric: str | None = None,
    **more: Any,
) -> Answer:
    """The model of least training and serving cost for a quality and a demand.

    Args:
        model: a fit, a study's name, published:LAW, a table, or a file.
        goal: or one of ``loss``, ``like_params`` (the compute-optimal model of this size) and
            ``like_flops`` (the best model of this training budget).
        read, written: tokens over the model's life.
        more: prices, law, level and ratios, of `scaling.plan.serving.serve`.

    Raises:
        InputError: a figure out of range, no goal or several, or a quality out of the law's reach.
    """
    size = None if like_params is None else count(like_params, "params", place="like_params")
    tokens = {
        name: count(one, "context", place=name)
        for name, one in (("read", read), ("written", written))
    }
    aim = goal or serving.Goal(loss, size, like_flops)
    return _serve(model, aim, resamples=resamples, metric=metric, **tokens, **more)


def target(
    model: Model, *, accuracy: float, column: str = "accuracy", resamples: int = 300, **more: Any
) -> Answer:
    """The run that reaches a downstream accuracy, and how likely, by way of the task loss.

    Args:
        model: a fit of that law, or a table with params, tokens, task_loss and the accuracy.
        accuracy: to reach, a share.
        column: of the accuracy.
        more: flops, scatter, sure and level, of `scaling.plan.downstream.target`.

    Raises:
        InputError: an accuracy outside 0 to 1 or above the law's ceiling, or no ladder fit.
    """
    if isinstance(model, Fit | Sheet):
        return _target(model, accuracy=accuracy, **more)
    asked = ask(model)
    sheet = of_table(_chosen(asked.runs, None, column), (downstream.LAW,), resamples, column)
    return _target(replace(sheet, notes=(*asked.notes, *sheet.notes)), accuracy=accuracy, **more)


def hparams(
    lr: Model = f"{PREFIX}step_lr",
    batch: Model = None,
    *,
    params: float | str,
    tokens: float | str,
    loss: float | None = None,
    resamples: int = 300,
    metric: str | None = None,
    level: float = 0.9,
) -> Answer:
    """Peak learning rate, batch, steps and, where a loss is expected, the critical batch.

    Args:
        lr, batch: what to plan with; published step laws by default, and for ``batch`` the same as
            ``lr`` where only that is given.

    Raises:
        InputError: sizes out of range, or no step laws.
    """
    own = f"{PREFIX}step_batch" if isinstance(lr, str) and lr.startswith(PREFIX) else lr
    names = ("step_lr", "step_batch")
    sheets = [
        sheet_of(one, names, resamples, metric) for one in (lr, own if batch is None else batch)
    ]
    sizes = {"params": count(params, "params"), "tokens": count(tokens, "tokens")}
    return step_laws.hparams(sheets[0], sheets[1], **sizes, loss=loss, level=level)


def mixture(model: Model, runs: Table = None, *, resamples: int = 50, **more: Any) -> Answer:
    """The shares of training domains of least loss; with ``share``, also at several shares of it.

    Args:
        model: a table with mixture ("web=0.7;code=0.3") and loss; or its fits, then with ``runs``.
        more: weights, bounds, share and level, of `scaling.plan.mixtures.mixture`.

    Raises:
        InputError: no column of mixtures, bounds that cannot be met, or no mixture law.
    """
    asked = ask(model if runs is None else runs)
    table = asked.runs.renamed("value", "loss")
    assert isinstance(table, PythonTable)
    sheet = model if isinstance(model, Sheet) else of_table(table, (mixtures.LAW,), resamples)
    return mixtures.mixture(sheet, table.frame, **more)


def cost(
    by: costs.Hardware | str = costs.CHIP,
    *,
    flops: float | None = None,
    model: Model = None,
    sheet: Sheet | None = None,
    loss: float | None = None,
    law: str | None = None,
    chips: float | None = None,
    given: Mapping[str, str | None] | None = None,
    dated: str = "",
    resamples: int = 300,
    metric: str | None = None,
    level: float = 0.9,
) -> Answer:
    """Chip hours, days, money, energy and carbon of ``flops``, or of the least compute for a loss.

    Args:
        by: a chip of data/thresholds/chips.csv, or hardware.
        model: with ``loss``: a fit, a study's name, published:LAW, a table, or a file.
        given, dated: bands of utilisation, price, power, pue, grid and market as text, and the date
            and source of the intensities, of `scaling.plan.costs.hardware`.

    Raises:
        InputError: unknown chip, a figure out of range, or neither or both of ``flops`` and
            ``loss``.
    """
    hardware = costs.hardware(by, given, dated) if isinstance(by, str) else by
    if model is not None:
        sheet = sheet_of(model, planning(law), resamples, metric)
        law = model.law.name if isinstance(model, Fit) and law is None else law
    return costs.cost(
        hardware, flops=flops, sheet=sheet, loss=loss, law=law, chips=chips, level=level
    )


def compare(
    found: Pair | Table,
    *,
    by: str = "",
    a: str = "",
    b: str = "",
    law: str = "chinchilla",
    metric: str | None = None,
    resamples: int = 300,
    flops: float | None = None,
    params: float | str | None = None,
    tokens: float | str | None = None,
    sure: float = 0.95,
    level: float = 0.9,
) -> Answer:
    """Whether intervention A beats B at scale: probability, crossing, the smallest study to tell.

    Args:
        found: a table whose column ``by`` has the values ``a`` and ``b``; or a pair of fits.

    Raises:
        InputError: no such column or value, no scale or two, or fits without draws.
    """
    made = found if isinstance(found, Pair) else _pair(found, by, (a, b), law, metric, resamples)
    sizes = {
        name: None if one is None else count(one, name)
        for name, one in (("params", params), ("tokens", tokens))
    }
    return comparison.compare(made, flops=flops, **sizes, sure=sure, level=level)


def _pair(
    runs: Table, by: str, names: tuple[str, str], law: str, metric: str | None, resamples: int
) -> Pair:
    given = _chosen(ask(runs).runs, metric)
    given.require(by)
    values = given.frame[by].cast(pl.String)
    sides = [given.kept(values == name) for name in names]
    for name, side in zip(names, sides, strict=True):
        if side.frame.is_empty():
            known = ", ".join(sorted(set(values.drop_nulls()))[:10])
            raise InputError("no run of it", file=given.file, column=by, value=name, allowed=known)
    with given.placed():
        return pair(
            sides[0].frame, sides[1].frame, names, law=law, resamples=resamples, units=given.units
        )
