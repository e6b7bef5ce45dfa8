"""The reference page and the code say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from kedge.journal import kinds, rows, sqlite, store
from kedge.journal.rows import TABLES

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "journal.md"


def test_the_list_of_kinds_is_todays() -> None:
    page = PAGE.read_text()
    assert kinds.renewed(page) == page, f"run: python -m kedge.journal.kinds {PAGE.name}"


def test_a_page_without_marks_is_not_written() -> None:
    with pytest.raises(ValueError, match="lacks the marks"):
        kinds.renewed("# A page")


def test_every_table_people_read_is_named() -> None:
    page = PAGE.read_text()
    for name, table in TABLES.items():
        assert f"`{name}`" in page, name
        for column in table.columns:
            assert f"`{column}`" in page, f"{name}.{column}"


def test_numbers_on_the_page_are_the_codes() -> None:
    page = PAGE.read_text()
    assert f"{store.WAL_BYTES >> 20} MB" in page
    assert ".".join(map(str, store.SQLITE_LEAST)) in page
    assert f"{sqlite.WAITING_BYTES_MAX >> 20} MB" in page
    assert str(rows.LIMIT_MAX) in page.replace(",", "")
