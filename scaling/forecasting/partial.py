"""Runs under way in the fit of their study: their forecast end, at the weight that it deserves.

A row of the runs that has no result yet, and whose run has a curve, gets the forecast end of that
curve (`scaling.forecasting.scheduled`) as its result. With sigma the scatter of finished runs about
the law, and s the standard deviation of the forecast, both in logs, it counts as

    w = sigma^2 / (sigma^2 + (OWN s)^2)

of a finished run: one at 95 % of its way nearly whole, one that has just begun hardly at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError, counted
from scaling.fitting.data import number, positive
from scaling.fitting.engine import fit
from scaling.forecasting.pooled import OWN
from scaling.forecasting.schedule_input import schedule_of
from scaling.forecasting.scheduled import forecast_end
from scaling.forecasting.study_model import TwoInputModel, study_model
from scaling.given import Given
from scaling.laws._law import Law
from scaling.runs.schedules import Schedule

# Along which a run goes on, in the table of runs (its planned end) and in that of curves.
ALONG = ("tokens", "step", "steps")
RUN = "run"
# Standard error of each row in units of the scatter of finished runs, and the weight of it.
STANDARD_ERROR, WEIGHT = "_standard_error", "_weight"
# Fewer points are no curve: as of a run that is watched (`scaling.watching.progress`).
MIN_POINTS = 5
# Scatter of finished runs below which a law cannot tell it from 0: .1 %, as in curves.
MIN_NOISE = 1e-3
# Standard deviations in a 90 % interval of normal numbers, on either side.
_HALF = 1.6448536269514722


def law_scatter(
    law: Law, target: str, mixed: Sequence[str] = ()
) -> Callable[[pl.DataFrame], float]:
    """The scatter of runs about a law that is fitted to them: 1.4826 times the median residual,
    for the degrees of freedom that its parameters take.

    Raises:
        InputError: a law that is not fitted in logs, or whose own procedure weighs no rows.
    """
    if law.link != "log" or law.estimate is not None:
        raise InputError(
            "this law takes no runs under way", value=law.name,
            allowed="a law that is fitted to the logarithm of its target by the general solver",
        )  # fmt: skip

    def scatter(runs: pl.DataFrame) -> float:
        residual = np.abs(fit(runs, law, target=target, mixed=mixed, resamples=0).residuals)
        free = max(runs.height - len(law.params), 1)
        return float(1.4826 * np.median(residual) * np.sqrt(runs.height / free))

    return scatter


def model_scatter(inputs: Sequence[str], target: str) -> Callable[[pl.DataFrame], float]:
    """The scatter of runs about the coupled law of two inputs.

    Raises:
        InputError: when called, where the runs have another model.
    """

    def scatter(runs: pl.DataFrame) -> float:
        whole = runs.with_columns(pl.lit(1.0).alias(WEIGHT))
        model = study_model(whole, inputs, target, WEIGHT)
        assert isinstance(model, TwoInputModel)
        return model.law.noise

    return scatter


def offer(given: Given, target: str, option: str) -> str | None:
    """A sentence on rows of runs under way that are left out, and the option that reads them."""
    if RUN not in given.frame.columns or target not in given.frame.columns:
        return None
    count = given.frame[target].null_count()
    if not 0 < count < given.frame.height:
        return None
    rows = counted(count, "row")
    return f"{rows} without {target}: where runs are under way, {option} reads their curves."


def finished(whole: Given, target: str, *, under_way: bool) -> Given:
    """The rows with a result; says how many have none, unless they are read as ``under_way``."""
    if not under_way or target not in whole.frame.columns:
        return whole.with_target(target)
    return whole.kept(whole.frame[target].is_not_null())


def refuse_with_partial(others: Sequence[str]) -> None:
    """Refuse choices that do not go with runs under way in a forecast."""
    if others:
        value = ", ".join(["runs under way", *others])
        raise InputError("cannot be combined", value=value)


@dataclass(frozen=True)
class End:
    """The forecast end of one run under way.

    Attributes:
        row: of the table of runs, from 0.
        run: its name.
        share: of the run that is done.
        value: the median of its end, and ``low`` and ``high`` the ends of the 90 % interval.
        notes: on its curve.
    """

    row: int
    run: str
    share: float
    low: float
    value: float
    high: float
    notes: tuple[str, ...]

    @property
    def spread(self) -> float:
        """Standard deviation in logs, by the 90 % interval, with the factor of `pooled.OWN`."""
        return float(OWN * np.log(self.high / self.low) / (2.0 * _HALF))


def with_partial(
    given: Given,
    curves: Given,
    target: str,
    noise: Callable[[pl.DataFrame], float],
    column: str,
    schedule: Schedule | str | None = None,
) -> Given:
    """The runs that have a result, and those under way with their forecast end; says of each how it
    enters, and which are left out.

    Args:
        given: one row a run with a column ``run``; the target of a run under way is empty, and its
            tokens (or steps) are those at its planned end.
        curves: one row a point of a curve, with the run, its tokens (or steps) there, the target,
            and perhaps lr.
        noise: scatter of finished runs in logs, of their table.
        column: that is added, `WEIGHT` or `STANDARD_ERROR`.
        schedule: of the learning rate of each run under way (`scaling.runs.schedules`); None for
            the one that a column such as lr of the curves logs.

    Raises:
        InputError: a missing column, a curve of a run that the table lacks or that goes beyond its
            planned end, or no curve of a run under way.
    """
    for table in (given, curves):
        for name in (RUN, target):
            table.require(name)
    done = given.frame[target].is_not_null()
    finished = given.kept(done)
    if finished.frame.is_empty():
        raise InputError("no run has ended", file=given.file, column=target)
    ends = _ends(given, curves, (target, schedule), done)
    sigma = max(noise(finished.frame), MIN_NOISE)
    weight = np.array([sigma**2 / (sigma**2 + one.spread**2) for one in ends])
    for one, share in zip(ends, weight, strict=True):
        _say(given, one, float(share), target)
    values = weight if column == WEIGHT else 1.0 / np.sqrt(weight)
    return _together(given, done, ends, (target, column, values))


def _ends(
    given: Given, curves: Given, what: tuple[str, Schedule | str | None], done: pl.Series
) -> list[End]:
    """The forecast end of every run under way that has a curve; ``what`` is (target, schedule)."""
    target, schedule = what
    along = _along(given, curves)
    names = given.frame[RUN].cast(pl.String)
    own = curves.frame[RUN].cast(pl.String)
    _refuse_unknown(curves, own, names)
    open_rows = (~done).arg_true().to_list()
    found = []
    for row in open_rows:
        rows = curves.kept(own == names[row])
        if (names.filter(~done) == names[row]).sum() > 1:
            raise InputError(
                "two rows of one run under way", file=given.file, row=given.rows[row], column=RUN,
                value=names[row], allowed="one row a run, with its planned end",
            )  # fmt: skip
        made = _end(given, rows, row, (along, target, schedule))
        if made is not None:
            found.append(made)
    if not found:
        raise InputError(
            "no run under way has a curve", file=curves.file, value=f"{len(open_rows)} runs without"
            f" {target}", allowed=f"{MIN_POINTS} values or more of a run whose {target} is empty",
        )  # fmt: skip
    return found


def _end(
    given: Given, curve: Given, row: int, what: tuple[str, str, Schedule | str | None]
) -> End | None:
    """The forecast end of the run of one row; ``what`` is (along, target, schedule)."""
    along, target, schedule = what
    name = str(given.frame[RUN][row])
    if curve.frame.height < MIN_POINTS:
        given.say(
            f"run {name} is left out: it has no {target}, and a curve of {curve.frame.height} "
            f"values; {MIN_POINTS} are needed."
        )
        return None
    with given.kept(pl.Series(np.arange(given.frame.height) == row)).placed():
        end = float(positive(given.frame[[row]], along)[0])
    with curve.placed():
        x, y = positive(curve.frame, along), positive(curve.frame, target)
    if x.max() > end * (1.0 + 1e-9):
        raise InputError(
            f"the curve of {name} goes beyond its planned end", file=curve.file,
            row=curve.rows[int(np.argmax(x))], column=along, value=float(x.max()),
            allowed=f"at most {end:g}, the {along} of its row",
        )  # fmt: skip
    at = pl.DataFrame({along: [end]})
    rate, said = schedule_of(curve.frame.drop(RUN), at, (along,), schedule)
    made = forecast_end(x, y, np.array([end]), rate)
    low, middle, high = made.quantiles(np.array([0.05, 0.5, 0.95]))[:, 0].tolist()
    return End(row, name, float(x.max()) / end, low, middle, high, said[1:] or said)


def _along(given: Given, curves: Given) -> str:
    """The column along which runs go on."""
    both = [one for one in ALONG if one in given.frame.columns and one in curves.frame.columns]
    if not both:
        raise InputError(
            "no column of tokens or steps in both tables", file=curves.file,
            value=", ".join(curves.frame.columns[:20]), allowed=", ".join(ALONG),
        )  # fmt: skip
    return both[0]


def _refuse_unknown(curves: Given, own: pl.Series, names: pl.Series) -> None:
    unknown = (~own.is_in(names.implode())).fill_null(value=True).arg_true()
    if len(unknown):
        row = int(unknown[0])
        raise InputError(
            "a curve of a run that the table of runs lacks", file=curves.file,
            row=curves.rows[row], column=RUN, value=own[row],
            allowed="a run of it; a row for it, without a result, says where it is to end",
        )  # fmt: skip


def _say(given: Given, one: End, weight: float, target: str) -> None:
    given.say(
        f"run {one.run} is {one.share:.0%} done: its {target} at the end is forecast as "
        f"{one.value:.4g} (90 %: {one.low:.4g} to {one.high:.4g}) and counts {weight:.2g} of a "
        "finished run."
    )
    for note in one.notes:
        given.say(f"run {one.run}: {note}")


def _together(
    given: Given, done: pl.Series, ends: Sequence[End], what: tuple[str, str, Array]
) -> Given:
    """Finished rows, at 1, and those with a forecast end, at the values of a column; ``what`` is
    (target, column, values)."""
    target, column, values = what
    result, added = number(given.frame, target), np.ones(given.frame.height)
    for one, value in zip(ends, values, strict=True):
        result[one.row], added[one.row] = one.value, value
    left = int((~done).sum()) - len(ends)
    if left:
        given.say(f"{counted(left, 'row')} without {target} and without a curve left out.")
    known = np.isin(np.arange(given.frame.height), [one.row for one in ends])
    frame = given.frame.with_columns(pl.Series(target, result), pl.Series(column, added))
    return replace(given, frame=frame).kept(done | pl.Series(known))
