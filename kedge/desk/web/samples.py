"""The equity curve: what the desk was worth, written once a minute, and read for the chart.

Kept in the people's database: prices of the past are in no journal, so it could not be made again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import Decimal

from asgiref.sync import sync_to_async
from django.db import DatabaseError

from kedge.desk.figures import Money, moneys
from kedge.desk.parts import DeskContext
from kedge.desk.web import live, prices
from kedge.model.looks import Status

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
# A sample a minute for so long; then one an hour for ever.
FINE_NS = 32 * 24 * 3600 * SECOND_NS
POINTS_MAX = 1500
AGAIN_S = 5.0

Point = tuple[int, float]


async def run(context: DeskContext) -> None:
    """Write a sample in every minute in which the engine is there, and the prices of the minutes before."""
    await context.people_ready.wait()
    keeper = _Keeper(context)
    while True:
        try:
            await keeper.once()
            context.troubles.pop("equity", None)
        except DatabaseError as error:
            why = str(error).partition("\n")[0]
            context.troubles["equity"] = f"the curves of money and prices cannot be written: {why}"
        await asyncio.sleep(AGAIN_S)


class _Keeper:
    """Where it stands: the minute that was written last, and up to when prices were."""

    def __init__(self, context: DeskContext) -> None:
        self._context = context
        self._minute = -1
        self._priced_s = 0
        self._remembered = False
        self._thinned = -1

    async def once(self) -> None:
        """Raises `DatabaseError`; what was not written then is written the next time."""
        context, now_ns = self._context, self._context.clock()
        candles = live.hub().picture.candles
        if not self._remembered:
            candles.remember(await sync_to_async(prices.latest)(context.cell, now_ns))
            self._remembered = True
        status, minute = context.link.status, now_ns // MINUTE_NS
        if status is None or not context.link.here or minute == self._minute:
            return
        await sync_to_async(write)(context.cell, minute * MINUTE_NS, status)
        over = candles.finished(self._priced_s, now_ns // SECOND_NS)
        await sync_to_async(prices.write)(context.cell, over)
        self._priced_s = max([self._priced_s, *(int(candle[0]) for _, candle in over)])
        self._minute = minute
        if now_ns // HOUR_NS != self._thinned:
            await sync_to_async(thin_out)(context.cell, now_ns)
            await sync_to_async(prices.thin_out)(context.cell, now_ns)
            self._thinned = now_ns // HOUR_NS


def write(cell: str, minute_ns: int, status: Status) -> None:
    from kedge.desk.web.models import EquitySample

    rows = [
        EquitySample(
            cell=cell,
            minute_ns=minute_ns,
            asset=money.asset,
            equity=_fits(money.equity),
            realised=_fits(money.realised),
            unrealised=_fits(money.unrealised),
        )
        for money in worth_a_sample(moneys(status))
    ]
    EquitySample.objects.bulk_create(rows, ignore_conflicts=True)


def worth_a_sample(found: Iterable[Money]) -> list[Money]:
    """Test networks give hundreds of coins that nobody trades: the first few are drawn."""
    return [money for money in found if money.equity or money.realised or money.unrealised][:8]


def thin_out(cell: str, now_ns: int) -> None:
    """Keep one sample an hour of what is old."""
    from django.db.models import F
    from django.db.models.functions import Mod

    from kedge.desk.web.models import EquitySample

    old = EquitySample.objects.filter(cell=cell, minute_ns__lt=now_ns - FINE_NS)
    old.annotate(rest=Mod(F("minute_ns"), 60 * MINUTE_NS)).exclude(rest=0).delete()


def curve(cell: str, asset: str, since_ns: int) -> dict[str, list[Point]]:
    """Equity and profit over time, thinned to what a picture can show."""
    from kedge.desk.web.models import EquitySample

    rows = list(
        EquitySample.objects.filter(cell=cell, asset=asset, minute_ns__gte=since_ns)
        .order_by("minute_ns")
        .values_list("minute_ns", "equity", "realised", "unrealised")
    )
    step = max(1, len(rows) // POINTS_MAX)
    kept = rows[::-1][::step][::-1]
    return {
        "equity": [(at // SECOND_NS, float(equity)) for at, equity, _r, _u in kept],
        "profit": [(at // SECOND_NS, float(realised + open_)) for at, _e, realised, open_ in kept],
    }


def assets(cell: str) -> list[str]:
    from kedge.desk.web.models import EquitySample

    return list(EquitySample.objects.filter(cell=cell).values_list("asset", flat=True).distinct()[:50])


def _fits(value: Decimal) -> Decimal:
    """As the column has it: averages of inverse contracts have more digits than any column."""
    return value.quantize(Decimal(1).scaleb(-30)) if -value.as_tuple().exponent > 30 else value  # type: ignore[operator]
