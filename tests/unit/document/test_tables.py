"""Tables with groups: every format says which group a row is of."""

from __future__ import annotations

import pytest

from scaling.document.blocks import Cell, Column, Group, Report, Section, Table, table
from scaling.document.render import html, markdown

COLUMNS = (Column("method"), Column("error", numeric=True))
GROUPS = tuple(Group(name, ((Cell("m"), Cell("1")), (Cell("n"), Cell("2")))) for name in "ab")


def report(block: Table) -> Report:
    """A report with one table."""
    return Report("R", "", (), (Section("s", "S", (block,)),))


@pytest.mark.parametrize("label", ["study", ""])
def test_markdown_names_the_group_in_each_row(label: str) -> None:
    text = markdown(report(Table("t", "T", COLUMNS, GROUPS, group_label=label)))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows[0] == [label, "method", "error"]
    assert rows[2:] == [["a", "m", "1"], ["a", "n", "2"], ["b", "m", "1"], ["b", "n", "2"]]


def test_a_page_has_a_heading_for_each_group() -> None:
    page = html(report(table("t", "T", COLUMNS, GROUPS, group_label="study")))
    assert page.count('class="group"') == 2


def test_one_group_without_a_title_needs_no_column() -> None:
    text = markdown(report(table("t", "T", COLUMNS, (Group("", GROUPS[0].rows),))))
    assert "| method | error |" in text


def test_several_groups_need_a_label() -> None:
    with pytest.raises(ValueError, match="no group_label"):
        table("t", "T", COLUMNS, GROUPS)
