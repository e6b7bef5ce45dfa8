"""The day's summary: once a day, at a time of the person's own, over the 24 hours before it."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from kedge.client import DeskAway, Refused
from kedge.desk.notices import HOUR_NS, SECOND_NS, Notice, a_notice
from kedge.desk.parts import DeskContext
from kedge.desk.said import Said, as_it_came, say
from kedge.model.looks import Status
from kedge.model.numbers import text
from kedge.settings import NoticeSettings

DAY_NS = 24 * HOUR_NS
# A desk that was away at the time still sends it so long afterwards.
LATE = timedelta(hours=12)
PAGE = 1000
PAGES_MAX = 20


class Day:
    def __init__(self, settings: NoticeSettings, context: DeskContext) -> None:
        self._settings, self._context = settings, context
        self._zone = ZoneInfo(settings.zone)

    async def due(self, last: str, now_ns: int, prefix: str) -> tuple[str, list[Notice]]:
        """The day that is told of from now on, and its summary where it is due."""
        day = due_day(self._settings.summary, self._zone, now_ns)
        if not day or day == last:
            return last, []
        if not last:
            return day, []  # the first day this desk sees is not a whole one
        if self._context.link.away:
            return last, []
        try:
            figures = await self._figures(now_ns - DAY_NS, now_ns)
        except (DeskAway, Refused):
            return last, []
        return day, [summary(day, self._context.link.status, figures, now_ns, prefix)]

    async def _figures(self, since_ns: int, until_ns: int) -> DayFigures:
        rows: list[dict[str, Any]] = []
        desk = self._context.link.desk("desk")
        for page in range(PAGES_MAX):
            some = await desk.fills(since_ns=since_ns, until_ns=until_ns, limit=PAGE, offset=page * PAGE)
            rows += some
            if len(some) < PAGE:
                return figures_of(rows, True)
        return figures_of(rows, False)


class DayFigures(Struct, frozen=True):
    """A day's sums: per settlement asset the profit that was taken, per asset the fees."""

    fills: int
    realised: dict[str, Decimal]
    fees: dict[str, Decimal]
    complete: bool = True


def summary(day: str, status: Status | None, figures: DayFigures, now_ns: int, prefix: str) -> Notice:
    """What is sent at the end of a day; its key is the day's, so it comes once."""
    fills = str(figures.fills)
    if figures.complete:
        lines = [say("{day}: {n} fills", day=day, n=fills)]
    else:
        lines = [say("{day}: at least {n} fills", day=day, n=fills)]
    lines.append(say("realised {money}", money=_money(figures.realised)))
    if figures.fees:
        lines.append(say("fees {money}", money=_money(figures.fees)))
    if status is not None:
        running = str(sum(bot.phase == "running" for bot in status.bots))
        lines.append(say("unrealised {money}", money=_money(status.unrealised)))
        lines.append(say("{n} of {of} bots running", n=running, of=str(len(status.bots))))
        lines += [as_it_came(f"! {need}") for need in status.needs[:5]]
    names = [f"line{number}" for number in range(len(lines))]
    said = Said("\n".join(f"{{{name}}}" for name in names), dict(zip(names, lines, strict=True)))
    return a_notice(f"{prefix}/summary/{day}", "summary", "info", said, now_ns)


def due_day(at: str, zone: tzinfo, now_ns: int) -> str:
    """The day whose summary is due now, "" where none is (too early, or too late for it)."""
    if not at:
        return ""
    now = datetime.fromtimestamp(now_ns // SECOND_NS, zone)
    hour, minute = at.split(":")
    due = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    if now < due:
        due -= timedelta(days=1)
    return f"{due:%Y-%m-%d}" if now - due < LATE else ""


def figures_of(rows: list[dict[str, Any]], complete: bool) -> DayFigures:
    realised: dict[str, Decimal] = {}
    fees: dict[str, Decimal] = {}
    for row in rows:
        settle, fee_asset = str(row["settle"]), str(row["fee_asset"])
        realised[settle] = realised.get(settle, Decimal(0)) + Decimal(str(row["realised"]))
        fees[fee_asset] = fees.get(fee_asset, Decimal(0)) + Decimal(str(row["fee"]))
    return DayFigures(len(rows), realised, {asset: fee for asset, fee in fees.items() if fee}, complete)


def _money(amounts: dict[str, Decimal]) -> str:
    shown = [f"{text(amount)} {asset}" for asset, amount in sorted(amounts.items()) if amount]
    return ", ".join(shown) or "0"
