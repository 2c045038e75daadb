"""Columns of the runs that a forecast does not read, and evidence that one matters all the same.

The target (its log where it is positive) is explained by least squares on polynomials of the
logs of the inputs, or of x^-.35, with the least leave-one-out error; then with a column beside
them: z and z^2 of numbers, a constant a value of text.

    gain   1 - e_with / e_without, e the root mean square of r_i / (1 - h_ii): leave-one-out errors
           from residuals r and leverages h
    p      share of the permutations of r that gain as much in F (Freedman and Lane 1983, Journal of
           Business & Economic Statistics 1, 292)

A column matters where the gain is at least `MIN_GAIN` and p at most `LEVEL` over the number of
columns tried. Rows of one ``run`` share an error, so they count once, as their mean.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.fitting.data import number
from scaling.forecasting.table_inputs import WIDE, is_text, unusable

LEVEL = 0.01
PERMUTATIONS = 4999
# Gain below which a column is not worth a reader's time, whatever its p.
MIN_GAIN = 0.05
# Rows that are looked at: enough to see a gain of `MIN_GAIN`, in well under a second.
MOST_ROWS = 1000
MAX_DEGREE, ROWS_PER_TERM = 4, 3
# That of params and tokens in published laws (Besiroglu et al. .35 and .37, arXiv:2404.10102).
EXPONENT = 0.35
# Share of a column's variance that the inputs leave, below which it says the same as they do.
OWN_SHARE = 0.01


def _word(*words: str) -> re.Pattern[str]:
    """Any of these as a whole word of a name: loss in val_loss, not in glossary."""
    return re.compile(f"(?:^|[^a-z0-9])(?:{'|'.join(words)})(?:$|[^a-z0-9])")


# Words in the names of columns that tell runs apart, or were measured at their end: a gain by one
# of these is no news.
LABELS = _word(
    "ids?|uuid|runs?|names?|seed|date|day|timestamp|observed|recorded|index|row|url|hash",
    "parent|series|payload|notes?|comments?|flags|path|file|host|user|checkpoint|split",
    "metric|value|loss(?:es)?|acc|accuracy|err|errors?|scores?|perplexity|ppl|bpb|bits|nll|entropy",
    "brier|reward|return|val|valid|validation|eval|evaluation|se|std",
    "mmlu|hellaswag|arc|piqa|winogrande|lambada|gsm8k|humaneval|boolq",
)
# Of these a gain is news, but none is an input unless named: a source is no property of a run,
SOURCES = _word("source|origin")
# compute and steps follow from params and tokens, other counts of params are another convention.
FOLLOWING = _word(
    "flops?|compute|cost|steps?|iterations?|hours|seconds|time|epochs|flops_method",
    "params_(?:non_embedding|active|convention)",
)


@dataclass(frozen=True)
class Omitted:
    """A column that matters: by which share the held-out error falls with it, and p."""

    name: str
    gain: float
    p: float

    @property
    def evidence(self) -> str:
        """The gain and its chance in words."""
        chance = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.3f}"
        return f"held-out error falls by {100 * self.gain:.0f} % with it, {chance}"


def columns_that_matter(
    runs: pl.DataFrame, inputs: Sequence[str], target: str, among: Sequence[str] | None = None
) -> list[Omitted]:
    """Columns that matter beside the inputs, the largest gain first, each as if it were added
    alone; of all columns, or ``among`` some.

    Not looked at are columns with empty cells, those that no forecast could read, and those whose
    name says that they tell runs apart or were measured at their end (`LABELS`).
    """
    names = [name for name in runs.columns if among is None or name in among]
    tried = [name for name in names if _can_matter(runs, name, (*inputs, target))]
    if not tried or not all(_is_whole(runs, name) for name in (*inputs, target)):
        return []
    once = ["run"] if "run" in runs.columns and "run" not in inputs else []
    table = _in_order(runs.select(*inputs, target, *tried, *once))
    y = _number(table, target)
    parts = [y[:, None], *(_known(table, name) for name in inputs)]
    parts += [_features(table, name) for name in tried]
    if once:
        parts = _means(table["run"], parts)
    y, known, others = parts[0][:, 0], parts[1 : len(inputs) + 1], parts[len(inputs) + 1 :]
    text = [is_text(runs, name) for name in inputs]
    return _tested(y, _base(y, known, text), dict(zip(tried, others, strict=True)))


def warning(
    runs: pl.DataFrame, inputs: Sequence[str], target: str, companions: Sequence[str] = ()
) -> list[str]:
    """A sentence on the columns that matter and are read neither as inputs nor as companions; none
    where there are none."""
    found = columns_that_matter(runs, inputs, target)
    named = [f"{one.name} ({one.evidence})" for one in found if one.name not in companions]
    if not named:
        return []
    how = "name every input with --input (in Python inputs=[...]); planned runs need the column too"
    return [f"Warning: not read, though it matters: {'; '.join(named)}. To read it, {how}."]


def with_those_that_matter(
    runs: pl.DataFrame, at: pl.DataFrame, inputs: Sequence[str], target: str
) -> tuple[tuple[str, ...], list[str]]:
    """The inputs and, one after another, each column of both tables that matters beside them and
    that nobody needs to name; with a sentence on each."""
    names: tuple[str, ...] = tuple(inputs)
    said: list[str] = []
    while True:
        shared = [name for name in at.columns if _may_be_chosen(runs, at, name)]
        found = columns_that_matter(runs, names, target, among=shared)
        if not found:
            return names, said
        names = (*names, found[0].name)
        said.append(
            f"{found[0].name} is an input too: both tables have it, and {found[0].evidence}."
        )


def _may_be_chosen(runs: pl.DataFrame, at: pl.DataFrame, name: str) -> bool:
    """Whether a column may become an input that nobody named: a forecast must be able to read it in
    every planned run."""
    if any(words.search(name.lower()) for words in (SOURCES, FOLLOWING)):
        return False
    if name not in runs.columns or not _is_whole(at, name):
        return False
    if not is_text(runs, name):
        return not is_text(at, name)
    return set(at[name].cast(pl.String)) <= set(runs[name].cast(pl.String))


def _is_whole(runs: pl.DataFrame, name: str) -> bool:
    """Whether a column has a word, or a finite number, in each row."""
    if name not in runs.columns or runs[name].null_count():
        return False
    return is_text(runs, name) or (
        runs[name].dtype.is_numeric() and bool(runs[name].is_finite().all())
    )


def _can_matter(runs: pl.DataFrame, name: str, read: Sequence[str]) -> bool:
    if name in read or LABELS.search(name.lower()) or unusable(runs, name):
        return False
    return _is_whole(runs, name) and not any(_labels_one(runs, name, one) for one in read[:-1])


def _labels_one(runs: pl.DataFrame, name: str, one: str) -> bool:
    """Whether a column follows from an input of few values, as a model's width does from params."""
    levels = runs[one].n_unique() if one in runs.columns else runs.height
    return 2 * levels <= runs.height and runs.select(one, name).n_unique() == levels


def _in_order(table: pl.DataFrame) -> pl.DataFrame:
    """At most `MOST_ROWS` rows, evenly spaced in an order that the file has no say in."""
    table = table.sort(table.columns)
    if table.height <= MOST_ROWS:
        return table
    return table[np.linspace(0, table.height - 1, MOST_ROWS).astype(int)]


def _number(table: pl.DataFrame, name: str) -> Array:
    """A column of numbers, as logs where all are positive."""
    x = number(table, name)
    return np.log(x) if x.min() > 0 else x


def _features(table: pl.DataFrame, name: str) -> Array:
    """What stands for a column (n, k): z and z^2, or which of its values a row has."""
    if is_text(table, name):
        codes = table[name].cast(pl.String).rank("dense").to_numpy()
        return np.asarray(codes[:, None] == np.unique(codes)[1:], dtype=np.float64)
    z = _standard(_size(table, name))
    return np.column_stack([z, z**2]) if len(np.unique(z)) > 2 else z[:, None]


def _known(table: pl.DataFrame, name: str) -> Array:
    """What stands for an input: which value of text a row has, or z and, of a logarithm, x^-.35."""
    if is_text(table, name):
        return _features(table, name)
    x = number(table, name)
    z = _size(table, name)
    power = (x / x.max()) ** -EXPONENT if x.min() > 0 else z
    return np.column_stack([_standard(z), _standard(power)])


def _size(table: pl.DataFrame, name: str) -> Array:
    x = number(table, name)
    return np.log(x) if x.min() > 0 and x.max() >= WIDE * x.min() else x


def _standard(x: Array) -> Array:
    return np.asarray((x - x.mean()) / max(float(x.std()), 1e-300))


def _means(run: pl.Series, parts: Sequence[Array]) -> list[Array]:
    """Means over the rows of each run."""
    place = run.cast(pl.String).fill_null("").rank("dense").to_numpy().astype(int) - 1
    count = np.bincount(place)
    found = []
    for part in parts:
        total = np.zeros((len(count), part.shape[1]))
        np.add.at(total, place, part)
        found.append(total / count[:, None])
    return found


def _span(columns: Array) -> Array:
    """An orthonormal basis of the columns."""
    if not columns.shape[1]:
        return columns
    u, size, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(u[:, size > 1e-9 * max(float(size[0]), 1e-300)])


def _base(y: Array, known: Sequence[Array], text: Sequence[bool]) -> Array:
    """A basis of what the inputs can explain: the polynomials whose leave-one-out error is least,
    and a constant and slopes of each group; nothing where the rows are too few for degree 2, since
    a law with a floor is no plane."""
    groups = [one for one, words in zip(known, text, strict=True) if words]
    sizes = [one for one, words in zip(known, text, strict=True) if not words]
    best, least = np.zeros((len(y), 0)), np.inf
    for scale, degree in itertools.product((0, 1), range(2, MAX_DEGREE + 1)):
        u = np.column_stack([one[:, scale] for one in sizes])
        terms = _polynomials(u, degree)
        own = [one * slope[:, None] for one in groups for slope in terms.T[: u.shape[1] + 1]]
        basis = _span(np.column_stack([terms, *own]))
        if ROWS_PER_TERM * basis.shape[1] > len(y):
            continue
        error = _left_out(y, basis)
        if error < least:
            best, least = basis, error
    return best


def _polynomials(u: Array, degree: int) -> Array:
    """Products of up to ``degree`` columns (n, terms), first 1 and the columns themselves."""
    places = range(u.shape[1])
    chosen = [
        list(each)
        for order in range(degree + 1)
        for each in itertools.combinations_with_replacement(places, order)
    ]
    return np.column_stack([np.prod(u[:, each], axis=1) for each in chosen])


def _left_out(y: Array, basis: Array) -> float:
    """Root mean square of the leave-one-out errors."""
    leverage = (basis**2).sum(axis=1)
    residual = y - basis @ (basis.T @ y)
    return float(np.sqrt(np.mean((residual / np.maximum(1.0 - leverage, 1e-6)) ** 2)))


def _tested(y: Array, basis: Array, columns: dict[str, Array]) -> list[Omitted]:
    """Gain and p of each column; those that matter, the largest gain first."""
    if not basis.shape[1]:
        return []
    residual = y - basis @ (basis.T @ y)
    rng = np.random.default_rng(0)
    drawn = rng.permuted(np.tile(residual, (PERMUTATIONS, 1)), axis=1).T
    drawn = drawn - basis @ (basis.T @ drawn)
    whole = (drawn**2).sum(axis=0)
    found = []
    for name, z in columns.items():
        own = _own(basis, z)
        if not own.shape[1] or 2 * (basis.shape[1] + own.shape[1]) > len(y):
            continue
        share = ((own.T @ residual) ** 2).sum() / max((residual**2).sum(), 1e-300)
        by_chance = ((own.T @ drawn) ** 2).sum(axis=0) / np.maximum(whole, 1e-300)
        p = (1 + int((by_chance >= share).sum())) / (PERMUTATIONS + 1)
        with_it = _left_out(y, np.column_stack([basis, own]))
        gain = 1.0 - with_it / max(_left_out(y, basis), 1e-300)
        if p <= LEVEL / len(columns) and gain >= MIN_GAIN:
            found.append(Omitted(name, gain, p))
    return sorted(found, key=lambda one: (-one.gain, one.name))


def _own(basis: Array, z: Array) -> Array:
    """A basis of what a column says beyond the inputs."""
    left = z - basis @ (basis.T @ z)
    enough = (left**2).sum(axis=0) > OWN_SHARE * ((z - z.mean(axis=0)) ** 2).sum(axis=0)
    # Where z follows from the inputs, z^2 would only bend what they explain.
    return _span(left[:, enough] if enough[:1].all() else left[:, :0])
