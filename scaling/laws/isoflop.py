"""Chinchilla, approach 2: a parabola through each isoFLOP curve, a line through the minima.

    N*(C) = G C**a,    D*(C) = C / (6 N*)

At each compute budget the loss of several sizes is fitted by a parabola in log N; its minimum is
the compute-optimal size for that budget, and log N* is regressed on log C. Budgets are never
rounded: they are groups of rows whose compute agrees to 5 %.

Sources: Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", arXiv:2203.15556,
section 3.2 (a = .49); Llama team 2024, arXiv:2407.21783, section 3.2.1: D* = .299 C^.537.

Two things to know. A true isoFLOP curve is not a parabola (its two sides rise at rates alpha and
beta), so minima are biased when sizes are not centred on them or reach far; `isoflop_shared` has
no such bias when approach 3 holds. And few budgets carry the line: Llama 3's .537 becomes .500
when 17 points with quality flags of the digitised chart are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from scaling.arrays import Array
from scaling.laws import _isoflop
from scaling.laws._law import Law, Published, Solve

POINTS = 3


def minimum(logs: Array, y: Array, w: Array) -> float:
    """Where the parabola is least; NaN where it opens downwards."""
    middle = float(logs.mean())
    curve, slope, _ = _isoflop.polynomial(logs - middle, y, w, 2)
    return middle - slope / (2.0 * curve) if curve > 0 else float("nan")


def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
    """(G, a) by parabolas."""
    return _isoflop.curve_by_curve(x, y, w, minimum, POINTS).line()


def remarks(x: Mapping[str, Array], y: Array, w: Array) -> tuple[str, ...]:
    """What `estimate` left out."""
    return _isoflop.remarks(x, _isoflop.curve_by_curve(x, y, w, minimum, POINTS), POINTS)


BIAS = (
    "Parabolas are biased where sizes are not centred on the optimum or reach far from it (Czech "
    "et al. 2026, arXiv:2603.22339)."
)


def _porian(corpus: str, a: float) -> Published:
    """Hyperparameters tuned for each size, constant learning rate, last layer counted."""
    return Published(
        paper="porian2024",
        variant=corpus,
        citation="Porian et al. 2024, arXiv:2406.19146, table of exponents",
        data=f"the authors' runs on {corpus}, tuned for each size; optima by interpolation",
        values={"a": a},
        note="the exponent alone; 13 other series of the paper are in docs/parity.md",
        caveat="G is not printed, so there is no N* at a budget, only its growth; budgets up to "
        "2.6e19 FLOP.",
        size="total",
    )


LAW = Law(
    name="isoflop",
    title="IsoFLOP parabolas (approach 2)",
    formula="N* = G C^a from a parabola in log N at each C",
    citation="Hoffmann et al. 2022, arXiv:2203.15556, section 3.2",
    params=_isoflop.PARAMS,
    inputs=("flops",),
    predict=_isoflop.predict,
    estimate=estimate,
    remarks=remarks,
    example=_isoflop.example,
    needs=_isoflop.NEEDS,
    kinds=("loss", "bits_per_byte"),
    output="compute-optimal params",
    published=(
        Published(
            paper="llama2024",
            citation="Llama team 2024, arXiv:2407.21783, section 3.2.1",
            data="llama3-isoflops; printed as D* = .299 C^.537",
            values={"G": 1.0 / (6.0 * 0.299), "a": 1.0 - 0.537},
            caveat=BIAS + " By them 6.5 % of this budget was lost. Without 17 flagged points of "
            "the chart .537 is .500.",
            size="total",
        ),
        Published(
            paper="hoffmann2022",
            citation="Hoffmann et al. 2022, arXiv:2203.15556, table 2 and table A3",
            data="the authors' runs, nine budgets from 6e18 to 3e21 FLOP",
            values={"G": 1e10 / 1.32e22**0.49, "a": 0.49},
            note="printed: a = .49 (.462 to .534), and 10e9 params at 1.32e22 FLOP, from which G "
            "follows; the other sizes of table A3 are met to 4 %",
            caveat=BIAS,
            size="total",
            secondary=True,
        ),
        Published(
            paper="deepseek2024",
            citation="DeepSeek-AI 2024, arXiv:2401.02954, equation 4",
            data="the authors' runs on their own corpus, eight budgets from 1e17 to 3e20 FLOP",
            values={"G": 0.1715 / 6.0, "a": 0.5243},
            note="printed: M* = .1715 C^.5243 and D* = 5.8316 C^.4757, M FLOP per token without "
            "embeddings (attention counted), C = M D; N here is M/6",
            caveat="The exponent is of one corpus: .450 on an earlier one of theirs, .578 on "
            f"OpenWebText2 (table 4 there). {BIAS}",
            size="non_embedding",
            secondary=True,
        ),
        *(_porian(corpus, a) for corpus, a in (("refinedweb", 0.4969), ("openwebtext2", 0.5185))),
    ),
    approach="2, isoFLOP parabolas",
    roles={"exponents": 2},
    question="budgets",
    assumes="several sizes at each of several budgets, on both sides of the best",
    fails="sizes far from the best or all on one side; few budgets",
)
