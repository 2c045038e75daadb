"""The words of the report, explained for readers who do not fit laws for a living."""

from __future__ import annotations

from scaling.document.blocks import Cell, Column, Group, Section, table

TERMS: tuple[tuple[str, str], ...] = (
    (
        "backtest",
        "A forecast of runs that are known already, made as if they were not, from smaller ones.",
    ),
    ("calibration", "How often intervals hold against how often they say they do."),
    (
        "certificate",
        "The evidence that a fit found the lowest point: agreement of starts, slope, curvature.",
    ),
    ("condition number", "How unevenly the data tell parameters; large: some hardly at all."),
    (
        "CRPS",
        "Continuous ranked probability score: the distance of a whole forecast from what came; "
        "lower is better, and for a single number it is the absolute error.",
    ),
    ("decade", "A factor of ten; two decades of compute are a factor of 100."),
    ("FLOP", "Floating-point operations spent in training, about 6 times params times tokens."),
    (
        "interval",
        "The range meant to hold the outcome as often as it says: a 90 % interval nine times in "
        "ten.",
    ),
    ("law", "A formula for the loss (or another result) from sizes such as params and tokens."),
    ("loss", "Cross-entropy on held-out text; lower is better."),
    ("median", "The middle of a forecast: as likely too high as too low."),
    ("nat", "The unit of loss with natural logarithms; a bit is 0.693 nats."),
    ("params", "N, the number of weights of a model."),
    ("quantile", "The value below which the outcome lies with the stated probability."),
    ("residual", "Prediction minus observation."),
    ("skill", "1 less the ratio of a method's CRPS to that of carrying the last value."),
    ("study", "Runs of one source and metric that are fitted together."),
    ("target", "A planned run, or a budget of compute, that is forecast."),
    ("tokens", "D, the pieces of text that a model is trained on."),
)


def glossary() -> Section:
    """A row a word."""
    columns = (Column("word"), Column("meaning", long=True))
    rows = tuple((Cell(word, word), Cell(meaning, meaning)) for word, meaning in TERMS)
    made = table("glossary-table", "What the words mean", columns, (Group("", rows),))
    return Section("glossary", "Glossary", (made,))
