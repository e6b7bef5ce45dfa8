"""All hedges of a desk, kept at hand for lists: made from the tables, made again where those have changed.

Lists are sorted by what is computed (prices in and out), so all have to be known; a hedge that has ended does
not change any more and is made once. Used in a thread of its own; one asker at a time makes, the others wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec import Struct

from kedge.desk.hedges.book import KIND, Hedge, hedge_of
from kedge.desk.hedges.service import stage_of
from kedge.desk.tables.tables import Tables
from kedge.journal.row_shapes import BotRow, InstrumentRow
from kedge.journal.rows import Ask
from kedge.model.ids import read as read_id
from kedge.model.looks import Status

# The newest so many are listed.
HEDGES_MOST = 50_000
# Fills may still come so long after a hedge has ended.
LATE_NS = 3600 * 1_000_000_000

SOURCES = ("bots", "orders", "fills", "instruments")


class _Made(Struct, frozen=True):
    row: BotRow
    hedge: Hedge
    stage: str
    made_ns: int


class Shelf:
    """Made once per tables."""

    def __init__(self, tables: Tables, clock: Callable[[], int]) -> None:
        self.tables = tables
        self._clock = clock
        self._made: dict[int, _Made] = {}
        self._instruments: dict[str, InstrumentRow | None] = {}
        self._rows: list[BotRow] = []
        self._dirty = True
        self._desk = ""
        self._one = threading.Lock()
        self.leave = tables.on_change(self._changed)

    def _changed(self, names: tuple[str, ...], seq: int) -> None:
        if any(name in SOURCES for name in names):
            self._dirty = True

    def hedges(self, status: Status | None) -> list[Hedge]:
        """The newest first. Blocking. Raises `DatabaseTrouble`, ValueError where there are no tables yet."""
        with self._one:
            dirty, self._dirty = self._dirty, False
            if dirty or self.tables.state.rebuilding:
                found = list(self.tables.each("bots", Ask(kind=KIND, sort="-time")))
                self._rows = found[:HEDGES_MOST]
                self._instruments.clear()
            desk = self.desk(status)
            made = {row.number: self._of(row, desk, stage_of(status, row), dirty) for row in self._rows}
            self._made = made
            return [one.hedge for one in made.values()]

    def hedge(self, number: int, status: Status | None) -> Hedge | None:
        """One, as the tables have it now. Blocking."""
        row = self.tables.one("bots", number)
        if row is None or row.kind != KIND:
            return None
        return self._fresh(row, self.desk(status), stage_of(status, row)).hedge

    def instrument(self, market: str) -> InstrumentRow | None:
        if market not in self._instruments:
            self._instruments[market] = self.tables.one("instruments", market) if market else None
        return self._instruments[market]

    def desk(self, status: Status | None) -> str:
        """The desk's number: from the engine, or where that was not met yet from any order it placed."""
        if status is not None:
            self._desk = status.desk
        if not self._desk:
            rows = self.tables.find("orders", Ask(limit=1)).rows
            known = read_id(rows[0].client_id) if rows else None
            self._desk = f"{known.desk:08x}" if known else ""
        return self._desk or f"{0:08x}"

    def _of(self, row: BotRow, desk: str, stage: str, dirty: bool) -> _Made:
        kept = self._made.get(row.number)
        if kept is not None and kept.row == row and kept.stage == stage:
            settled = kept.hedge.status == "closed" and kept.made_ns - kept.hedge.closed_ns > LATE_NS
            if settled or not dirty:
                return kept
        return self._fresh(row, desk, stage)

    def _fresh(self, row: BotRow, desk: str, stage: str) -> _Made:
        now_ns = self._clock()
        orders = list(self.tables.each("orders", Ask(bot=row.bot, sort="time")))
        fills = list(self.tables.each("fills", Ask(bot=row.bot, sort="time")))
        instrument = self.instrument(str(row.config.get("market", "")))
        return _Made(row, hedge_of(desk, row, orders, fills, instrument, stage), stage, now_ns)
