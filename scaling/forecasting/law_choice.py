"""Which laws a forecast uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from scaling import laws as registry
from scaling.errors import InputError
from scaling.laws._law import Law


def applicable(
    inputs: Sequence[str], laws: Literal["auto"] | Sequence[str]
) -> list[tuple[Law, dict[str, str]]]:
    """The laws to use, each with its map from law input to column."""
    names = by_default(inputs) if laws == "auto" else list(laws)
    found = []
    for name in names:
        law = registry.get(name)
        by = _mapping(law, inputs)
        if by is not None:
            found.append((law, by))
        elif laws != "auto":
            raise InputError(
                f"{law.name} needs other inputs", value=list(inputs), allowed=", ".join(law.inputs)
            )
    if not found:
        raise InputError(
            "no law takes these inputs", value=list(inputs), allowed="one, two, or those of a law"
        )
    return found


def by_default(inputs: Sequence[str]) -> list[str]:
    """Laws that a forecast tries where none is named: those of that role for one or two inputs,
    else every law that was tested on a public table."""
    if len(inputs) <= 2:
        return registry.of_role("forecast")
    return [name for name, law in registry.load().items() if not law.simulated]


def untested(laws: Literal["auto"] | Sequence[str]) -> tuple[str, ...]:
    """A sentence for each law that is named although no public table has tested it."""
    named = [] if laws == "auto" else [registry.get(name) for name in laws]
    return tuple(
        f"The law {law.name} was tested on simulated runs only." for law in named if law.simulated
    )


def sole_law(inputs: Sequence[str], laws: Literal["auto"] | Sequence[str]) -> Law | None:
    """The one law that was named, where its forecast is that of its own resamples: it cannot join
    others, or was tested on simulated runs only, on which the spread of several laws was not."""
    if laws == "auto" or len(laws) != 1:
        return None
    law = registry.get(laws[0])
    by_name = law.generic or set(law.inputs) == set(inputs)
    if _stands_alone(law) or (law.simulated and by_name):
        return law
    return law if _mapping(law, inputs) is None and not law.generic else None


def _stands_alone(law: Law) -> bool:
    """Whether the law does not give a result's logarithm from a formula of positive inputs. Others
    are fitted to the distance of a score from 1, and weigh large runs more, which is wrong for a
    quantity of the law's own, such as steps or an averaging time."""
    zero = any(one.low < 0 or (one.low == 0 and not one.open_low) for one in law.all_inputs)
    own = law.kind is not registry.Kind.FORMULA or law.own_quantity
    return zero or own or law.link != "log"


def joins(law: Law, inputs: Sequence[str]) -> bool:
    """Whether the law predicts the target from just these inputs, so that it can join others."""
    return not law.generic and _mapping(law, inputs) is not None


def _mapping(law: Law, inputs: Sequence[str]) -> dict[str, str] | None:
    if _stands_alone(law) or len(law.inputs) != len(inputs):
        return None
    if law.generic or law.inputs == ("params", "tokens"):
        return dict(zip(law.inputs, inputs, strict=True))
    return {name: name for name in law.inputs} if set(law.inputs) == set(inputs) else None
