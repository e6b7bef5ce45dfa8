"""Prices of the last days, a candle a minute per market that bots look at, kept in the people's database.

They are in no journal: after a restart of the desk a bot's chart would begin with nothing. Bounded: so many
markets, three days of each.
"""

from __future__ import annotations

from kedge.desk.web.candles import COARSE_S, SECOND_NS, STEPS, Candle, Step, gathered
from kedge.desk.web.models import PriceMinute

KEEP_NS = STEPS["quarter"].span_s * SECOND_NS

_COLUMNS = ("begin_s", "first", "high", "low", "last")


def write(cell: str, minutes: list[tuple[str, Candle]]) -> None:
    """Minutes that are over. One that is there already stays as it is."""
    rows = [
        PriceMinute(
            cell=cell,
            market=market[:200],
            begin_s=int(candle[0]),
            first=candle[1],
            high=candle[2],
            low=candle[3],
            last=candle[4],
        )
        for market, candle in minutes
    ]
    PriceMinute.objects.bulk_create(rows, ignore_conflicts=True)


def thin_out(cell: str, now_ns: int) -> None:
    PriceMinute.objects.filter(cell=cell, begin_s__lt=(now_ns - KEEP_NS) // SECOND_NS).delete()


def latest(cell: str, now_ns: int) -> dict[str, list[Candle]]:
    """The last day of every market, for a desk that was started again."""
    since_s = now_ns // SECOND_NS - STEPS["minute"].span_s
    found: dict[str, list[Candle]] = {}
    rows = PriceMinute.objects.filter(cell=cell, begin_s__gte=since_s).order_by("market", "begin_s")
    for market, *candle in rows.values_list("market", *_COLUMNS).iterator():
        found.setdefault(market, []).append([float(one) for one in candle])
    return found


def read(cell: str, market: str, step: Step, now_ns: int) -> list[Candle]:
    since_s = now_ns // SECOND_NS - step.span_s
    rows = PriceMinute.objects.filter(cell=cell, market=market, begin_s__gte=since_s - since_s % COARSE_S)
    minutes = [[float(one) for one in row] for row in rows.order_by("begin_s").values_list(*_COLUMNS)]
    return gathered(minutes, step.step_s)
