"""Versions of other processors: what is set to compute as on them."""

from __future__ import annotations

from scaling.record.reproduce.processors import (
    COMPILER,
    KERNEL,
    KERNELS,
    PROCESSORS,
    settings,
)

HERE = "x86_64 AuthenticAMD 25 17"
OTHER = "x86_64 AuthenticAMD 26 2"


def test_a_version_of_this_processor_or_of_one_not_known_is_computed_as_it_is() -> None:
    assert list(settings(HERE, HERE)) == [{}]
    assert list(settings("x86_64 SomeVendor 1 1", HERE)) == [{}]


def test_a_version_of_another_processor_is_compiled_as_for_that_one() -> None:
    assert list(settings(OTHER, HERE)) == [{COMPILER: "znver5"}]


def test_where_the_processor_was_not_recorded_all_are_tried_this_one_first() -> None:
    tried = list(settings(None, HERE))
    assert tried[0] == {}
    assert len(tried) == 1 + len(PROCESSORS) * len(KERNELS)
    assert {COMPILER: "znver4", KERNEL: "SkylakeX"} in tried
