"""Tables of journals that storms wrote: crashes, doubt and repetition, told to three databases alike."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from servers import NAMES, fresh
from test_tables import engines

from kedge.desk.tables.database import Database
from kedge.desk.tables.projection import Projection
from kedge.desk.tables.tables import Tables
from kedge.journal.rows import Ask
from kedge.model import records as r
from kedge.model.order import Move
from kedge.model.records import Entry
from kedge.storm.plan import Plan
from kedge.storm.rings import world

# Seeds with crashes, orders of unknown fate, refusals, schedules and swept accounts among them.
SEEDS = (14, 24, 36, 63)
KINDS = (r.LifeBegan, r.Filled, r.OrderMoved, r.ChangeSettled, r.CashMoved, r.ScheduleRan, r.Refused)


@cache
def storm(seed: int) -> tuple[Entry, ...]:
    """What one stormy world left in its journal."""
    made = world(Plan(seed))
    try:
        assert not made.run().violations
        return tuple(made.disk.entries())
    finally:
        made.loop.bury()


@pytest.fixture(params=NAMES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with fresh(request.param, tmp_path) as address:
        opened = Database(address)
        yield opened
        opened.close()


def test_these_storms_have_what_is_hard() -> None:
    entries = [entry for seed in SEEDS for entry in storm(seed)]
    seen = {type(entry.record) for entry in entries}
    assert [kind.__name__ for kind in KINDS if kind not in seen] == []
    assert sum(isinstance(entry.record, r.LifeBegan) for entry in entries) > 2 * len(SEEDS), "crashes"
    assert any(getattr(entry.record, "move", None) is Move.SILENCE for entry in entries)
    assert any(isinstance(entry.record, r.CancelAllAsked) for entry in entries)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_storms_journal_gives_equal_tables(database: Database, tmp_path: Path, seed: int) -> None:
    """In batches of any size, by followers that die and begin again, with and without indexes."""
    entries, chance = list(storm(seed)), random.Random(seed)
    projection = Projection(database, "main")
    projection.open()
    while projection.seq < len(entries):
        projection.apply(entries[projection.seq : projection.seq + chance.choice([1, 7, 60, 400])])
        if chance.random() < 0.2:
            projection = Projection(database, "main")
            projection.open()
        if chance.random() < 0.1:
            projection.make_indexes()
    told = projection.digest()
    assert told == engines(tmp_path, entries)
    booked = {
        (entry.record.account, entry.record.fill.exec_id)
        for entry in entries
        if isinstance(entry.record, r.Filled)
    }
    assert Tables(database, "main").find("fills", Ask(limit=1)).total == len(booked)
    projection.clear()
    projection.apply(entries)
    assert projection.digest() == told
