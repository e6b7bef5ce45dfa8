"""What live pages show beyond the status: the latest fills and notes, positions with marks, what is traded,
prices, days, and the past of bots that are looked at.

One for all browsers. Entries arrive as they become durable; positions are asked for once per status at most,
and only while somebody looks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import msgspec

from kedge.client import DeskAway, Refused
from kedge.desk.figures import DAY_NS, WEEK_DAYS, instrument_of
from kedge.desk.parts import DeskContext
from kedge.desk.tables.people import DatabaseTrouble
from kedge.desk.web.candles import Candles
from kedge.desk.web.pasts import Pasts
from kedge.journal.rows import LIMIT_MAX, Ask
from kedge.model.instrument import Instrument
from kedge.model.looks import Status
from kedge.model.records import Entry, Filled, Noted

LATEST = 50
MINUTE_NS = 60 * 1_000_000_000
# Instruments are asked for again after so many minutes, and for so many markets at most.
INSTRUMENTS_MIN = 10
MARKETS_MAX = 500

Row = dict[str, Any]


class Picture:
    def __init__(self, context: DeskContext) -> None:
        self.context = context
        self.fills: deque[Row] = deque(maxlen=LATEST)
        self.notes: deque[Row] = deque(maxlen=LATEST)
        self.held: list[Row] = []
        self.days: list[Row] | None = None
        self.candles = Candles()
        self.pasts = Pasts(context)
        self.instruments: dict[str, Instrument] = {}
        self._instruments_of = -1
        self._held_of = 0  # the moment of the status that `held` belongs to
        self._days_of = 0
        self._seeded = False
        self._noted = False
        self._last_seq = 0

    # ── hearing ─────────────────────────────────────────────────────────────────────────────────

    def hear_status(self) -> None:
        status = self.context.link.status
        if status is None or not self.context.link.here:
            return
        for account in status.accounts:
            for market in account.markets:
                price = market.mark or (market.bid + market.ask) / 2
                if market.fresh and price:
                    self.candles.add(market.market, float(price), status.now_ns)

    def hear_entry(self, entry: Entry) -> bool:
        """Whether it is one that pages show."""
        record = entry.record
        of_a_bot = self.pasts.hear(entry)
        if entry.seq <= self._last_seq or not isinstance(record, (Filled, Noted)):
            return of_a_bot
        self._last_seq = entry.seq
        if isinstance(record, Noted):
            self.notes.appendleft(_note(entry, record))
        else:
            self._seeded = False  # a fill is shown as the tables have it: with profit, slot and market
        return True

    # ── asking ──────────────────────────────────────────────────────────────────────────────────

    async def refresh(self) -> None:
        """Everything that must be asked for, where it is older than the status. The world's faults leave what
        was there: the banner says how old it is."""
        status = self.context.link.status
        if status is None or not self.context.link.here:
            return
        try:
            if not self._seeded:
                await self._seed()
            if self._held_of != status.now_ns:
                self._held_of = status.now_ns
                self.held = await self._read("held")
        except (DeskAway, Refused, TimeoutError):
            return
        await self._refresh_instruments(status)
        await self._refresh_days(status)

    async def _seed(self) -> None:
        self.fills = deque(await self._read("fills", limit=LATEST), maxlen=LATEST)
        if not self._noted:
            told = await self._read("notes", limit=LATEST)
            heard = [row for row in self.notes if not told or row["seq"] > told[0]["seq"]]
            self.notes, self._noted = deque([*heard, *told], maxlen=LATEST), True
        self._seeded = True

    async def _refresh_days(self, status: Status) -> None:
        """Profit per day, from the tables, once a minute and after fills."""
        tables = self.context.tables
        mark = status.now_ns // MINUTE_NS * 1_000_000 + len(self.fills) + self._last_seq
        if tables is None or mark == self._days_of:
            return
        self._days_of = mark
        try:
            self.days = await asyncio.to_thread(_days, tables, status.now_ns)
        except (DatabaseTrouble, ValueError):
            return  # the tables tell their own trouble; the figures stay as they were

    async def _refresh_instruments(self, status: Status) -> None:
        """What is held is worth what its instrument says; asked for once a minute at most."""
        markets = dict.fromkeys(str(row["market"]) for row in self.held)
        minute = status.now_ns // MINUTE_NS
        missing = any(market not in self.instruments for market in markets)
        if self.context.tables is None or not markets:
            return
        if self._instruments_of >= 0 and minute - self._instruments_of < (1 if missing else INSTRUMENTS_MIN):
            return
        self._instruments_of = minute
        found = await asyncio.to_thread(instruments_at, self.context.tables, list(markets))
        self.instruments = found or self.instruments

    async def _read(self, what: str, **filters: object) -> list[Row]:
        async with asyncio.timeout(5):
            return list(await self.context.link.desk("desk").read(what, **filters))


def instruments_at(tables: Any, markets: list[str]) -> dict[str, Instrument]:
    """What is traded at these markets, as far as the tables can tell now. Blocking."""
    found: dict[str, Instrument] = {}
    try:
        for market in markets[:MARKETS_MAX]:
            row = tables.one("instruments", market)
            if row is not None:
                found[market] = instrument_of(msgspec.structs.asdict(row))
    except (DatabaseTrouble, ValueError):
        return {}  # the tables tell their own trouble
    return found


def _days(tables: Any, now_ns: int) -> list[Row]:
    since = now_ns - now_ns % DAY_NS - (WEEK_DAYS - 1) * DAY_NS
    page = tables.find("days", Ask(since_ns=since, limit=LIMIT_MAX))
    return [msgspec.structs.asdict(row) for row in page.rows]


def _note(entry: Entry, record: Noted) -> Row:
    row = msgspec.to_builtins(record)
    return {
        "seq": entry.seq,
        "ts_ns": entry.ts_ns,
        "level": record.level,
        "bot": record.bot,
        "account": record.account,
        "text": row["text"],
    }
