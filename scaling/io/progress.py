"""How far long work is: a loop counts its steps, and whoever watches shows them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
# Takes the steps done and all of them.
Watch = Callable[[int, int], None]
_watching: ContextVar[Watch | None] = ContextVar("watching", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """The steps of the work inside are shown to ``watch``."""
    token = _watching.set(watch)
    try:
        yield
    finally:
        _watching.reset(token)


def steps(items: Collection[T]) -> Iterator[T]:
    """The items of a long loop, counted; loops inside it are not."""
    watch = _watching.get()
    token = _watching.set(None)
    try:
        for done, item in enumerate(items):
            if watch is not None:
                watch(done, len(items))
            yield item
    finally:
        _watching.reset(token)
