"""The examples of the page on SQL run as they stand, on every database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import NAMES, fresh
from test_reading import ACCOUNT, SECOND, History

from kedge.desk.tables.database import Database
from kedge.desk.tables.projection import Projection
from kedge.model.records import Entry

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "query-by-sql.md"
EXAMPLES = re.findall(r"(?ms)^([^\n]+):\n\n```sql\n(.+?);\n```", PAGE.read_text())


@pytest.fixture(scope="module", params=NAMES)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with fresh(request.param, tmp_path_factory.mktemp("sql")) as address:
        opened = Database(address)
        projection = Projection(opened, "main")
        projection.open()
        entries = History(3).run(400)
        # The example's moment lies behind them, its market among them.
        early = [Entry(e.seq, e.ts_ns - 86_400 * SECOND, e.record) for e in entries]
        projection.apply(early)
        yield opened
        opened.close()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 12


@pytest.mark.parametrize(("title", "sql"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_an_example_answers(database: Database, title: str, sql: str) -> None:
    sql = sql.replace("paper/main:BTC-PERP", f"{ACCOUNT}:BTC-PERP")
    assert database.fetch(sql), title


def test_views_show_times(database: Database) -> None:
    ((time, ts_ns),) = database.fetch("SELECT time, ts_ns FROM v_fills ORDER BY seq LIMIT 1")
    ((ended,),) = database.fetch("SELECT ended FROM v_orders WHERE ended_ns = 0 LIMIT 1")
    assert str(time).startswith("2026-11-1")
    assert ended is None
    assert ts_ns > 10**18
