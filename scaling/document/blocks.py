"""What a report is made of: cells with their origin, tables, figures, paragraphs, sections.

Templates print these and compute nothing; ``report.json`` is these
(`scaling.document.report_json`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import ClassVar, Literal

from scaling.document.format import DASH

# What a reader can choose on the page; columns and sub-headings of these names are choices.
CHOICES = ("study", "law", "target")
# The section of facts about a version as a whole.
ISSUE = "issue"
Value = float | str | bool | tuple[float, float] | None
Tone = Literal["", "good", "caution", "bad"]


@dataclass(frozen=True)
class Cell:
    """One entry: the text a person reads, the value (or two ends) behind it, its unit, its origin.

    ``origin`` is a file and the place in it, or the arithmetic that made a derived number.
    ``tone`` colours the text and never says what the text does not. ``link`` is a place on the
    same site, made by us and never from data. ``note`` is a line in small type below the text,
    ``svg`` a drawing of the same numbers beside it, ``anchor`` an id by which others link to it.
    """

    text: str
    value: Value = None
    unit: str = ""
    origin: str = ""
    tone: Tone = ""
    link: str = ""
    note: str = ""
    svg: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class Column:
    """Heading of a column. Numbers are set to the right, ``strong`` stands out, ``long`` wraps."""

    label: str
    unit: str = ""
    numeric: bool = False
    strong: bool = False
    long: bool = False

    @property
    def heading(self) -> str:
        """Label and unit as one text."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def css_classes(self) -> str:
        """How its cells are set, for the page's style sheet; most are numbers and need none."""
        flags = (("t", not self.numeric), ("strong", self.strong), ("long", self.long))
        return " ".join(name for name, chosen in flags if chosen)


@dataclass(frozen=True)
class Group:
    """Rows under one sub-heading (empty: none)."""

    title: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Table:
    """A table. ``stub`` leading cells of each row are row headings."""

    kind: ClassVar[str] = "table"
    id: str
    title: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    note: str = ""
    group_label: str = ""
    stub: int = 1
    origins: tuple[str, ...] = ()

    @property
    def narrow(self) -> bool:
        """Few columns: set no wider than they need."""
        return len(self.columns) < 5

    @property
    def grouped(self) -> bool:
        """Rows stand under sub-headings, which a format without these gives in a column."""
        return bool(self.group_label) or any(group.title for group in self.groups)

    def keys(self, title: str, row: tuple[Cell, ...] = ()) -> list[tuple[str, str]]:
        """What the rows under a sub-heading, or one row, are about: (choice, name)."""
        if not row:
            return [(self.group_label, title)] if self.group_label in CHOICES and title else []
        return [
            (column.label, cell.text)
            for column, cell in self.aligned(row)
            if column.label in CHOICES
        ]

    def aligned(self, row: tuple[Cell, ...]) -> list[tuple[Column, Cell]]:
        """The row's cells, each with its column."""
        return list(zip(self.columns, row, strict=True))


@dataclass(frozen=True)
class Swatch:
    """One legend entry: a small drawing and its meaning."""

    svg: str
    label: str


@dataclass(frozen=True)
class Panel:
    """One small multiple."""

    title: str
    subtitle: str
    alt: str
    svg: str
    keys: tuple[tuple[str, str], ...] = ()
    narrow: str = ""


@dataclass(frozen=True)
class Figure:
    """Small multiples with a legend, and the table of their numbers.

    ``file`` is the same picture as one file, ``sheet`` its contents; both empty where the picture
    is on the page only. ``size`` says how wide a panel is: "hero" is as wide as the page and has a
    second drawing for a phone (``Panel.narrow``), "half" fits both, and "file" stands beside the
    page alone, for Markdown.
    """

    kind: ClassVar[str] = "figure"
    id: str
    title: str
    caption: str
    alt: str
    panels: tuple[Panel, ...]
    legend: tuple[Swatch, ...]
    table: str
    file: str = ""
    sheet: str = ""
    size: Literal["wide", "middle", "small", "hero", "half", "file"] = "wide"


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Points:
    """A list."""

    kind: ClassVar[str] = "points"
    items: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """What to type."""

    kind: ClassVar[str] = "command"
    text: str


@dataclass(frozen=True)
class Entry:
    """A short fact: what it is about, what is so, and a line in small type."""

    label: str
    cell: Cell
    note: str = ""


@dataclass(frozen=True)
class Entries:
    """Facts about the whole ("facts"), findings with a number each ("findings"), or checks that
    were passed or not, as the tone of each cell says ("checks")."""

    kind: ClassVar[str] = "entries"
    look: Literal["facts", "findings", "checks"]
    items: tuple[Entry, ...]
    title: str = ""


@dataclass(frozen=True)
class Formula:
    """A formula, typeset as MathML where that could be done, with a name and what it assumes."""

    kind: ClassVar[str] = "formula"
    id: str
    title: str
    text: str
    note: str
    mathml: str = ""


@dataclass(frozen=True)
class Fold:
    """Blocks that a reader opens when they want them. Markdown only points to those with an id."""

    kind: ClassVar[str] = "fold"
    title: str
    blocks: tuple[Table | Figure | Text | Points, ...]
    id: str = ""


@dataclass(frozen=True)
class Beside:
    """Blocks next to each other where there is room: the first wider, or all alike (``even``)."""

    kind: ClassVar[str] = "beside"
    blocks: tuple[Block, ...]
    even: bool = False


@dataclass(frozen=True)
class Subsection:
    """Blocks under a heading that are all about one study; as a card, with a badge or without.
    ``study`` is what a reader calls it, ``key`` its name in the files."""

    kind: ClassVar[str] = "part"
    title: str
    id: str
    study: str
    blocks: tuple[Block, ...]
    card: bool = False
    badge: Cell | None = None
    key: str = ""


Block = Table | Figure | Text | Points | Command | Entries | Formula | Fold | Beside | Subsection


@dataclass(frozen=True)
class Section:
    """A heading and its blocks. A ``folded`` one stands in the appendix, closed."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    folded: bool = False


@dataclass(frozen=True)
class Report:
    """The whole.

    A section of id "issue" is its header. ``home`` is the page above it, made by us: a link and
    what it is called.
    """

    title: str
    lead: str
    facts: tuple[Cell, ...]
    sections: tuple[Section, ...] = field(default=())
    home: Cell | None = None

    @property
    def header(self) -> Section | None:
        """The section that stands in the page's header, where there is one."""
        return next((one for one in self.sections if one.id == ISSUE), None)

    @property
    def body(self) -> tuple[Section, ...]:
        """The sections that are open."""
        return tuple(one for one in self.sections if one.id != ISSUE and not one.folded)

    @property
    def appendix(self) -> tuple[Section, ...]:
        """The sections that are folded."""
        return tuple(one for one in self.sections if one.folded)


MISSING = Cell(DASH)


def all_blocks(report: Report) -> Iterator[Block]:
    """All blocks in their order, those in folds and parts too."""
    for section in report.sections:
        yield from _below(section.blocks)


def _below(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Fold | Beside | Subsection):
            yield from _below(block.blocks)


def table(
    id: str,
    title: str,
    columns: tuple[Column, ...],
    groups: tuple[Group, ...],
    note: str = "",
    group_label: str = "",
    stub: int = 1,
    *,
    sourced: bool = True,
) -> Table:
    """A table with the files that its cells are from; many of one folder are named by pattern.

    Without ``sourced`` no files are named below it: each of its numbers is a link to a row of a
    table that names them.

    Raises:
        ValueError: several groups of rows, and no ``group_label`` that says what they are.
    """
    if len(groups) > 1 and not group_label:
        raise ValueError(f"table {id} has {len(groups)} groups and no group_label")
    cells = (cell for group in groups for row in group.rows for cell in row)
    files = (cell.origin.partition("#")[0] for cell in cells if cell.origin)
    origins = {file for some in files for file in some.split(" + ")}
    named = _patterns(origins) if sourced else ()
    return Table(id, title, columns, groups, note, group_label, stub, named)


def _patterns(files: set[str]) -> tuple[str, ...]:
    """Files sorted; more than two of a kind become a pattern (``folder/*.json``)."""
    paths = [PurePosixPath(file) for file in sorted(files)]
    beside = [f"{path.parent}/*{path.suffix}" for path in paths]
    across = [f"{path.parent.parent}/*/{path.name}" for path in paths]
    near, far = Counter(beside), Counter(across)
    named = {
        next((p for p, all_of in ((b, near), (a, far)) if all_of[p] > 2), str(path))
        for path, b, a in zip(paths, beside, across, strict=True)
    }
    return tuple(sorted(named))
