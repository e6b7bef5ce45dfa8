"""The reference page and the code say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import check_page

from kedge.journal import kinds, rows, sqlite, store
from kedge.journal.columns import ABOUT, ITS_OWN, tables_page
from kedge.journal.rows import TABLES

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "journal.md"


def test_the_list_of_kinds_is_todays() -> None:
    page = PAGE.read_text()
    assert kinds.renewed(page) == page, f"run: python -m kedge.journal.kinds {PAGE.name}"


def test_a_page_without_marks_is_not_written() -> None:
    with pytest.raises(ValueError, match="lacks the marks"):
        kinds.renewed("# A page")


def test_the_page_of_tables_is_todays() -> None:
    check_page("tables", tables_page())


def test_no_column_is_explained_that_is_not_there() -> None:
    known = {f"{name}.{column}" for name, table in TABLES.items() for column in table.columns}
    assert set(ITS_OWN) <= known
    assert set(ABOUT) == set(TABLES)


def test_numbers_on_the_page_are_the_codes() -> None:
    page = PAGE.read_text()
    assert f"{store.WAL_BYTES >> 20} MB" in page
    assert ".".join(map(str, store.SQLITE_LEAST)) in page
    assert f"{sqlite.WAITING_BYTES_MAX >> 20} MB" in page
    assert str(rows.LIMIT_MAX) in page.replace(",", "")
