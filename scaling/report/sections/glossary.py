"""The words of the report, explained for readers who do not fit laws for a living."""

from __future__ import annotations

from scaling.document.blocks import Cell, Column, Group, Section, table

TERMS: tuple[tuple[str, str], ...] = (
    (
        "backtest",
        "A forecast of runs whose outcome is known, from smaller runs only.",
    ),
    ("calibration", "How often intervals contain the outcome, compared with their stated level."),
    (
        "certificate",
        "The evidence that a fit found the minimum: agreement of starts, gradient, curvature.",
    ),
    (
        "condition number",
        "How unevenly the data determine the parameters; large: some hardly at all.",
    ),
    (
        "CRPS",
        "Continuous ranked probability score: the distance of a forecast distribution from the "
        "outcome. Lower is better; for a single number it is the absolute error.",
    ),
    ("decade", "A factor of ten; two decades of compute are a factor of 100."),
    ("FLOP", "Floating-point operations spent in training, about 6 times params times tokens."),
    (
        "interval",
        "The range that should contain the outcome as often as stated: a 90 % interval nine times "
        "in ten.",
    ),
    ("law", "A formula for the loss (or another result) from sizes such as params and tokens."),
    ("loss", "Cross-entropy on held-out text; lower is better."),
    ("median", "The middle of a forecast: the outcome is as likely above as below."),
    ("nat", "The unit of loss with natural logarithms; a bit is 0.693 nats."),
    ("params", "N, the number of weights of a model."),
    ("quantile", "The value below which the outcome lies with the stated probability."),
    ("residual", "Prediction minus observation."),
    ("skill", "1 minus the ratio of a method's CRPS to that of carrying the last value forward."),
    ("study", "Runs of one source and metric that are fitted together."),
    ("target", "A planned run, or a budget of compute, that is forecast."),
    ("tokens", "D, the pieces of text that a model is trained on."),
)


def glossary() -> Section:
    """A row a word."""
    columns = (Column("word"), Column("meaning", long=True))
    rows = tuple((Cell(word, word), Cell(meaning, meaning)) for word, meaning in TERMS)
    terms = table("glossary-table", "Terms", columns, (Group("", rows),))
    return Section("glossary", "Glossary", (terms,), folded=True)
