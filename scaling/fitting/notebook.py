"""A fit as notebooks show it: parameters with their uncertainty, how it ended, what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
