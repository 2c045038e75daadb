"""Power law without a floor, in one variable (M1).

    y(x) = b * x**c

x is any positive quantity (compute in FLOP, params, tokens, examples), y positive; c < 0 where y
falls. A straight line in logs, with no irreducible part: far out it goes to zero.

Source: called M1 in Alabdulmohsin et al. 2022, "Revisiting Neural Scaling Laws in Language and
Vision", arXiv:2209.06640; the form of Hestness et al. 2017, arXiv:1712.00409.

Multimodal models: Cherti et al. 2022, "Reproducible scaling laws for contrastive language-image
learning", arXiv:2212.07143, fit it to the error of each data set and task against compute, over the
lower frontier of runs.

On the first paper's 72 few-shot image curves its mean extrapolation error (root mean square of
log(predicted/actual)) is .1046, against .0415 of M4; the form is a baseline, not a forecast.
"""

from __future__ import annotations

from typing import Any

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Published, Term


def predict(p: Any, x: Any) -> Array:
    """Target at x."""
    value: Array = p.b * x.x**p.c
    return value


def _clip(task: str, b: float, c: float) -> Published:
    """Zero-shot error of CLIP as a fraction, C in 1e9 multiply-adds of all of training."""
    return Published(
        paper="cherti2022",
        variant=task.lower().replace(" ", "-"),
        citation="Cherti et al. 2022, arXiv:2212.07143, figure 1",
        data=f"openclip, LAION runs, {task}: the least error in each of five bins of compute",
        values={"b": b, "c": c},
    )


LAW = Law(
    name="power_bare",
    title="Power law without a floor (M1)",
    formula="y = b x^c",
    citation="Alabdulmohsin et al. 2022, arXiv:2209.06640 (M1)",
    params=(
        Param("b", "unit of y", "y at x = 1", start=(1e-2, 1e9)),
        Param("c", "1", "exponent, negative where y falls", "real", start=(-1.5, -0.02)),
    ),
    inputs=("x",),
    predict=predict,
    linear=("b",),
    terms=(Term("b", {"x": ("c", 1.0)}),),
    generic=True,
    published=(
        _clip("ImageNet", 5.86, -0.111),
        _clip("ImageNet robustness", 11.6, -0.126),
        _clip("MS-COCO retrieval", 2.75, -0.079),
        _clip("Flickr30k retrieval", 15.5, -0.189),
    ),
    question="curve",
    assumes="one regime, far from any irreducible part",
    fails="wherever y levels off: it goes to zero",
)
