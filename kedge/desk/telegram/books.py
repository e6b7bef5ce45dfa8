"""Rows for Telegram: the engine's while it is there, the desk's own tables while it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from typing import Any

from kedge.client import DeskAway, Refused
from kedge.desk.commands import Deed, read_rows, with_marks
from kedge.desk.parts import DeskContext
from kedge.desk.screens import plain
from kedge.desk.telegram.sums import DaySum, by_day, from_days
from kedge.journal.rows import Ask

SECOND_NS = 1_000_000_000
PAGE = 1000
PAGES_MAX = 20


class Books:
    def __init__(self, context: DeskContext) -> None:
        self._context = context

    async def read(self, what: str, /, **filters: object) -> Any:
        """As the gate's `read`. Raises `DeskAway` only where there are no tables either."""
        try:
            return await self._context.link.desk("telegram").read(what, **filters)
        except DeskAway:
            tables = self._context.tables
            if tables is None or what in ("held", "stash", "listed", "quotes"):
                raise
            return await asyncio.to_thread(_from_tables, tables, what, filters)

    async def deed(self, deed: Deed, args: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows of a reading deed; positions with their marks while the engine is there."""
        rows = await read_rows(deed, dict(args), self.read)
        if deed.read != "positions":
            return rows
        try:
            return with_marks(rows, await self.read("held"))
        except DeskAway:
            return rows

    async def days(self, first: date, zone: tzinfo | None) -> tuple[dict[date, DaySum], bool]:
        """Sums of each day since then; second, whether everything is in them.

        The tables keep days of UTC, with funding; days of another zone are summed from their fills.
        """
        since = datetime(first.year, first.month, first.day, tzinfo=zone)
        since_ns = int(since.timestamp()) * SECOND_NS
        if str(zone) == "UTC":
            rows, whole = await self._all("days", since_ns)
            return from_days(rows), whole
        rows, whole = await self._all("fills", since_ns)
        return by_day(rows, zone), whole

    async def _all(self, what: str, since_ns: int) -> tuple[list[dict[str, Any]], bool]:
        rows: list[dict[str, Any]] = []
        for page in range(PAGES_MAX):
            # The newest first: where there are too many, the oldest days are those that lack some.
            some = await self.read(what, since_ns=since_ns, limit=PAGE, offset=page * PAGE)
            rows += some
            if len(some) < PAGE:
                return rows, True
        return rows, False


def _from_tables(tables: Any, what: str, filters: Mapping[str, Any]) -> Any:
    try:
        page = tables.find(what, Ask(**filters))
    except ValueError as wrong:
        raise Refused(str(wrong), "usage") from None
    return [plain(row) for row in page.rows]
