"""The pandas table that a result goes out as. Loaded only where a pandas table came in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd  # type: ignore[import-untyped]

if TYPE_CHECKING:
    import altair as alt


class ResultTable(pd.DataFrame):  # type: ignore[misc]
    """A pandas table with the notes, the chart and the file of the result it was made of.

    What is computed from it is an ordinary table. pandas' own charts are those of
    ``pandas.DataFrame(table).plot``.
    """

    _metadata = ["_result"]  # noqa: RUF012  # as pandas declares it

    @classmethod
    def of(cls, result: Any) -> ResultTable:
        """The table of a polars result."""
        made = cls(result.to_arrow().to_pandas())
        object.__setattr__(made, "_result", result)
        return made

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know, sentences."""
        return tuple(getattr(self._result, "notes", ()))

    def plot(self, part: str | None = None) -> alt.TopLevelMixin:
        """The result's chart, see `scaling.results.Result.plot`."""
        found: alt.TopLevelMixin = self._result.plot(part)
        return found

    def save(self, path: str | Path) -> Path:
        """Write the result to a file, see `scaling.results.Result.save`."""
        found: Path = self._result.save(path)
        return found

    def __repr__(self) -> str:
        return str(self._result) if self._is_whole() else super().__repr__()

    def _repr_html_(self) -> str:
        shown: Any = self._result if self._is_whole() else super()
        return str(shown._repr_html_())

    def _is_whole(self) -> bool:
        """Whether the table still has the result's cells."""
        return bool(self.equals(self._result.to_arrow().to_pandas()))
