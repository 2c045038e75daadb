"""The end of a run from its curve, its study's law and finished runs' shape, alone and pooled.

    python -m benchmarks.across          (some four CPU minutes; writes docs/benchmarks/across.md)

Each run is hidden after a share of its length; the smaller runs of its study are known whole. The
constants of `scaling.forecasting.pooled` and `scaling.forecasting.collapse` were chosen on these
curves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.forecast.tasks import SHARED
from benchmarks.schedules import Curve, multi_power, others
from scaling.forecasting.collapse import Finished, alike, collapse
from scaling.forecasting.distribution import Predictive
from scaling.forecasting.partial import WEIGHT, model_scatter, with_partial
from scaling.forecasting.pooled import UNLIKELY, Opinion, pool
from scaling.forecasting.scheduled import forecast_end
from scaling.forecasting.study_end import Study, study_end
from scaling.forecasting.study_model import study_model
from scaling.given import Given
from scaling.runs.schedules import Schedule, plan

PAGE = Path("docs/benchmarks/across.md")
SHARES = (0.1, 0.25, 0.5, 0.75)
# Runs that a law needs: of one input, of two.
FEWEST = {1: 3, 2: 5}
# Of a digitised curve the end is the median of so many points.
DIGITISED = 5
# Of a study with many runs the largest are forecast, after so many smaller ones.
MOST, BEFORE = 12, 6
# An offset between the run's evaluation and that of its study.
OFFSET = 0.03


@dataclass(frozen=True)
class Run:
    """A whole run: its curve, params, and size by which runs are ordered."""

    group: str
    study: str
    name: str
    x: np.ndarray
    y: np.ndarray
    schedule: Schedule | None
    params: float
    other: float = 1.0

    @property
    def inputs(self) -> dict[str, float]:
        """Those of the study's law; of routed models experts stand for tokens, which are equal."""
        return {"params": self.params, "tokens": self.x[-1] if self.other == 1.0 else self.other}

    @property
    def size(self) -> float:
        """Params times tokens, and a power of experts by which Clark et al.'s losses fall."""
        return self.params * self.x[-1] * self.other**0.3

    @property
    def end(self) -> float:
        """The loss at the end."""
        return float(np.median(self.y[-DIGITISED:]) if self.group == "GPT-3" else self.y[-1])


def runs() -> Iterator[Run]:
    """Runs of six studies."""
    sizes: dict[str, float] = {}
    for file, by in (("olmo-ladder/curves", "run_id"), ("opt-trajectories/runs", "family"),
                     ("gpt3-curves/curves", "run_id")):  # fmt: skip
        table = pl.read_csv(SHARED / f"{file}.csv", infer_schema_length=None)
        sizes |= {str(name): float(n) for name, n in table.select(by, "params").unique().rows()}
    for one in (one for one in others() if not one.share):
        group = one.group.removesuffix(", digitised")
        yield _run(one, group, group, sizes[one.name])
    for one in multi_power():
        params = float(one.group.split()[1].removesuffix("M")) * 1e6
        yield _run(one, "multi-power", one.name, params)
    yield from _gemstones()
    yield from _routed()


def _run(one: Curve, group: str, study: str, params: float) -> Run:
    return Run(group, study, one.name, one.x, one.y, one.schedule, params)


def _gemstones() -> Iterator[Run]:
    """Runs up to 350B tokens whose rate stays constant after a warm-up (McLeish et al. 2025)."""
    table = pl.read_csv(SHARED / "gemstones/runs.csv").filter(family="gemstones-hot_100b+")
    for (wide, deep), rows in table.sort("tokens").group_by("width", "depth", maintain_order=True):
        x, y = rows["tokens"].to_numpy() * 1.0, rows["loss"].to_numpy()
        rate = plan("constant:warmup=1%", float(x[-1]))
        yield Run("Gemstones", "Gemstones", f"{wide}x{deep}", x, y, rate, float(rows["params"][0]))


def _routed() -> Iterator[Run]:
    """Routed models (Clark et al. 2022), a study a router; their schedule is not stated here."""
    table = pl.read_csv(SHARED / "clark-routing/curves_all_steps.csv")
    table = table.filter(pl.col("router_type") != "Dense", seed=42, k=1, routing_frequency=0.5)
    table = table.filter(pl.col("tokens") > 0, pl.col("loss").is_finite()).sort("step")
    for (router, name), rows in table.group_by("router_type", "run_id", maintain_order=True):
        if rows.height >= 24:
            yield Run(
                "Clark, routed", str(router), str(name), rows["tokens"].to_numpy() * 1.0,
                rows["loss"].to_numpy(), None, float(rows["params"][0]), float(rows["experts"][0]),
            )  # fmt: skip


@dataclass(frozen=True)
class Forecasts:
    """What was said of a run at a share of it: by name, and what happened, in logs."""

    group: str
    share: float
    truth: float
    made: dict[str, Predictive]
    apart: tuple[float, ...]


def forecasts(known: Iterable[Run]) -> Iterator[Forecasts]:
    """Each run of each study from the smaller ones."""
    studies: dict[tuple[str, str], list[Run]] = {}
    for one in known:
        studies.setdefault((one.group, one.study), []).append(one)
    for found in studies.values():
        ladder = sorted(found, key=lambda one: one.size)
        many = len(ladder) > MOST + BEFORE
        for run in ladder[-MOST:] if many else ladder[1:]:
            smaller = [one for one in ladder if one.size < 0.999 * run.size]
            law = _law(run, smaller)
            for share in SHARES:
                early = run.x <= share * run.x[-1]
                if early.sum() >= FEWEST[2]:
                    yield _forecasts(run, smaller, law, share)


def _law(run: Run, smaller: list[Run]) -> Opinion | None:
    """What the study's law says; None where it has too few runs."""
    rows = pl.DataFrame([{**one.inputs, "loss": one.end} for one in smaller])
    varied = sum(rows[name].n_unique() > 1 for name in run.inputs) if smaller else 0
    if not varied or rows.height < FEWEST[varied] or rows["params"].n_unique() < 3:
        return None
    return study_end(Study(run.study, rows), pl.DataFrame([run.inputs]), "loss")[0]


def _forecasts(run: Run, smaller: list[Run], law: Opinion | None, share: float) -> Forecasts:
    early = run.x <= share * run.x[-1]
    x, y, end = run.x[early], run.y[early], run.x[-1:]
    curve = Opinion("curve", forecast_end(x, y, end, run.schedule))
    shape = _shape(run, smaller, x, y)
    made = {"curve": curve.made}
    apart: tuple[float, ...] = ()
    given = {"law": law, "shape": shape}
    for names in (("law",), ("shape",), ("law", "shape")):
        some = [given[name] for name in names]
        if all(some):
            together = pool([curve, *(one for one in some if one is not None)])
            made["curve + " + " + ".join(names)] = together.made
            apart = tuple(together.chances[1:, 0])
    made |= {name: one.made for name, one in given.items() if one is not None}
    if law is not None:
        off = Opinion("law", Predictive(law.made.location + OFFSET, law.made.scale, 4.0))
        together = pool([curve, off])
        made["curve + law that is off"] = together.made
        apart += (float(together.chances[1, 0]),)
    return Forecasts(run.group, share, float(np.log(run.end)), made, apart)


def _shape(run: Run, smaller: list[Run], x: np.ndarray, y: np.ndarray) -> Opinion | None:
    """What the shape of the smaller runs says."""
    whole = [
        Finished(one.name, one.x, np.append(one.y[:-1], one.end), one.schedule, one.params)
        for one in smaller
        if run.schedule is None
        or alike(run.schedule, float(run.x[-1]), one.schedule, float(one.x[-1]))
    ]
    made = collapse(x, y, run.x[-1:], float(run.x[-1]), whole, run.params)
    return None if made is None else Opinion("shape", made.made)


def under_way(known: list[Run]) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Study, what is known, errors and PITs of the largest runs, from finished smaller runs and
    those between them, which are known to a share of their length."""
    # Of the ladder alone: runs of the other studies share their tokens or have three inputs.
    study = "OLMo ladder"
    for first, last in ((12, 16), (12, 20), (16, 22), (20, 24)):
        ladder = sorted((one for one in known if one.study == study), key=lambda one: one.size)
        targets = ladder[last : last + 6]
        middle = ladder[first:last]
        for share in (0.0, *SHARES[1:], 1.0):
            rows = _table_of(ladder[:first], middle, share)
            made = study_model(rows, INPUTS, "loss", WEIGHT if share else None)
            at = pl.DataFrame([one.inputs for one in targets])
            truth = np.array([one.end for one in targets])
            said = made.predictive(at)
            what = {0.0: "left out", 1.0: "finished"}.get(share, f"{share:.0%} known")
            yield study, what, said.location - np.log(truth), said.rank(truth)


INPUTS = ("params", "tokens")


def _table_of(small: list[Run], middle: list[Run], share: float) -> pl.DataFrame:
    """The rows that a forecast reads."""
    whole = [*small, *middle] if share else small
    rows = pl.DataFrame(
        [
            {
                "run": one.name,
                **one.inputs,
                "loss": one.end if one in small or share == 1.0 else None,
            }
            for one in whole
        ]
    ).with_columns(pl.lit(1.0).alias(WEIGHT))
    if share in (0.0, 1.0):
        return rows
    curves, under = [], Given(None, rows.drop(WEIGHT), range(1, rows.height + 1))
    for one in middle:
        early = one.x <= share * one.x[-1]
        assert one.schedule is not None
        rate = one.schedule.at(one.x[early])
        curves.append(
            pl.DataFrame(
                {"run": one.name, "tokens": one.x[early], "loss": one.y[early], "lr": rate}
            )
        )
    table = pl.concat(curves)
    given = Given(None, table, range(1, table.height + 1))
    scatter = model_scatter(INPUTS, "loss")
    cosine = "cosine:floor=10%,warmup=3%"
    return with_partial(under, given, "loss", scatter, WEIGHT, cosine).frame


def _partial(known: list[Run]) -> str:
    """The table of runs under way in a study's fit."""
    found: dict[tuple[str, str], list[tuple[np.ndarray, np.ndarray]]] = {}
    for study, what, error, rank in under_way(known):
        found.setdefault((study, what), []).append((error, rank))
    rows = "".join(
        f"{study} | {what} | {100 * np.abs(np.concatenate([e for e, _ in some])).mean():.2f} | "
        f"{100 * np.mean(np.abs(np.concatenate([r for _, r in some]) - 0.5) < 0.45):.0f}\n"
        for (study, what), some in found.items()
    )
    return (
        "\n## Runs under way in a study's fit\n\nSix larger runs forecast from 12, 16 or 20 "
        "smaller ones and from four to eight between, which are left out, known to a share "
        "(`--partial`) or finished.\n\n"
        f"study | runs between | error, % | in 90 %\n--- | --- | ---: | ---:\n{rows}"
    )


# Names, in the order of the tables.
EACH = ("curve", "law", "shape", "curve + law", "curve + shape", "curve + law + shape")
TABLE = "forecast | n | error, % | RMS, % | bias, % | in 50 % | in 90 %\n"
TABLE += "--- | ---: | ---: | ---: | ---: | ---: | ---:\n"


def table(found: list[Forecasts], names: tuple[str, ...] = EACH) -> str:
    """Scores of forecasts where all of them were made."""
    both = [one for one in found if set(names) <= one.made.keys()]
    return TABLE + "".join(_row(name, both) for name in names) if both else ""


def _row(name: str, found: list[Forecasts]) -> str:
    truth = np.array([one.truth for one in found])
    error = np.array([float(one.made[name].location[0]) for one in found]) - truth
    rank = np.array([float(one.made[name].rank(np.exp([one.truth]))[0]) for one in found])
    half, most = (100 * np.mean(np.abs(rank - 0.5) < level / 2) for level in (0.5, 0.9))
    return (
        f"{name} | {len(found)} | {100 * np.abs(error).mean():.2f} | "
        f"{100 * np.sqrt((error**2).mean()):.2f} | {100 * error.mean():+.2f} | {half:.0f} | "
        f"{most:.0f}\n"
    )


HEAD = """# Runs under way, with other runs

`python -m benchmarks.across` writes this page. Each run is hidden after 10, 25, 50 and 75 % of its
length; the smaller runs of its study are known whole. Curve: the run's own curve, with its learning
rate where the study states it. Law: the forecast of the study's model of params and tokens from the
smaller runs. Shape: the collapsed curves of the smaller runs whose learning rate went the same way
(Qiu et al. 2025, arXiv:2507.02119; formula in `scaling/forecasting/collapse.py`). The others are
these pooled by precision (`scaling/forecasting/pooled.py`). Errors are of the log of the loss at
the end; in 50 and 90 %: share of ends inside the interval.

"""
TAIL = """
## How the constants were chosen

On these curves, so this is no blind test. The variance of the run's own curve counts 1.5^2 times:
of 1, 1.5 and 2 it has the best log score, and its 90 % intervals are too narrow here alone. The
scale of all together is .8 of what precision gives: without it 90 % intervals hold 98 %. The
ridge of the shape's trend in size is 1 (.3 and 3 are worse for one study or another), its scale 1.3
times the error of the finished runs from each other. Where the smaller runs are two (multi-power),
their error from each other says little, and intervals are wide.
"""


def page(found: list[Forecasts], partial: str) -> str:
    """All scores."""
    parts = [HEAD, "## All, where all three can be said\n\n", table(found)]
    for title, names in (("Curve and law", ("curve", "law", "curve + law")),
                         ("Curve and shape", ("curve", "shape", "curve + shape"))):  # fmt: skip
        parts += [f"\n## {title}, wherever both can be said\n\n", table(found, names)]
    parts += _by("known", found, lambda one: f"{one.share:.0%} known")
    parts += _by("study", found, lambda one: one.group)
    parts.append(_offset(found))
    return "".join([*parts, partial, TAIL])


def _by(what: str, found: list[Forecasts], key: Callable[[Forecasts], str]) -> list[str]:
    parts = [f"\n## By {what}\n"]
    for name in dict.fromkeys(map(key, found)):
        some = [one for one in found if key(one) == name]
        names = next((n for n in (EACH, ("curve", "shape", "curve + shape")) if table(some, n)), ())
        parts += [f"\n### {name}\n\n", table(some, names)]
    return parts


def _offset(found: list[Forecasts]) -> str:
    off = "curve + law that is off"
    known = [one for one in found if off in one.made]
    said = [np.mean([one.apart[-1] < UNLIKELY for one in known if one.share == s]) for s in SHARES]
    alarms = np.mean([chance < UNLIKELY for one in known for chance in one.apart[:-1]])
    rows = ", ".join(f"{100 * one:.0f}" for one in said)
    return (
        f"\n## A study on another data set\n\nThe law's forecast is {OFFSET:.0%} too high, as on "
        f"another validation set.\n\n{table(known, ('curve', 'curve + law', off))}\nThat curve and "
        f"law disagree is said in {rows} % of the runs at 10, 25, 50 and 75 %; without an offset, "
        f"a disagreement is said in {100 * alarms:.0f} %.\n"
    )


def main() -> None:
    """Write the page."""
    known = list(runs())
    PAGE.write_text(page(list(forecasts(known)), _partial(known)), encoding="utf-8")


if __name__ == "__main__":
    main()
