"""Profit over days, weeks and months: what fills took, less the fees paid in the same asset. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from kedge.model.numbers import ZERO

SECOND_NS = 1_000_000_000
Span = Literal["day", "week", "month"]


class DaySum(Struct, frozen=True):
    day: date
    fills: int
    net: dict[str, Decimal]


def by_day(rows: Iterable[Mapping[str, Any]], zone: tzinfo | None) -> dict[date, DaySum]:
    """From rows of fills."""
    counts: dict[date, int] = {}
    nets: dict[date, dict[str, Decimal]] = {}
    for row in rows:
        day = datetime.fromtimestamp(int(row["ts_ns"]) // SECOND_NS, zone).date()
        counts[day] = counts.get(day, 0) + 1
        net, settle = nets.setdefault(day, {}), str(row["settle"])
        net[settle] = net.get(settle, ZERO) + Decimal(str(row["realised"]))
        if row["fee_asset"] == settle:
            net[settle] -= Decimal(str(row["fee"]))
    return {day: DaySum(day, counts[day], nets[day]) for day in sorted(counts)}


def from_days(rows: Iterable[Mapping[str, Any]]) -> dict[date, DaySum]:
    """From rows of days, one per bot and asset: fees are taken away and funding is in them."""
    found: dict[date, DaySum] = {}
    for row in rows:
        day, net = date.fromisoformat(str(row["day"])), {str(row["settle"]): Decimal(str(row["profit"]))}
        before = found.get(day, DaySum(day, 0, {}))
        found[day] = DaySum(day, before.fills + int(row["fills"]), plus(before.net, net))
    return found


def first_day(today: date, span: Span, count: int) -> date:
    """Of so many spans, the last of which holds today."""
    here = beginning(today, span)
    for _ in range(count - 1):
        here = beginning(here - timedelta(days=1), span)
    return here


def beginning(day: date, span: Span) -> date:
    """Weeks begin on Monday."""
    if span == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if span == "month" else day


def grouped(days: Mapping[date, DaySum], today: date, span: Span, count: int) -> list[DaySum]:
    """One sum per span, the newest first; spans without fills too."""
    found: dict[date, DaySum] = {}
    here = beginning(today, span)
    for _ in range(count):
        found[here] = DaySum(here, 0, {})
        here = beginning(here - timedelta(days=1), span)
    for day, one in days.items():
        start = beginning(day, span)
        if start in found:
            found[start] = DaySum(start, found[start].fills + one.fills, plus(found[start].net, one.net))
    return list(found.values())


def plus(first: Mapping[str, Decimal], second: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {asset: first.get(asset, ZERO) + second.get(asset, ZERO) for asset in sorted({**first, **second})}


def total(days: Iterable[DaySum]) -> dict[str, Decimal]:
    net: dict[str, Decimal] = {}
    for one in days:
        net = plus(net, one.net)
    return net


def curve(days: Sequence[DaySum], asset: str) -> list[Decimal]:
    """The sum after each day, the oldest first."""
    here, found = ZERO, []
    for one in sorted(days, key=lambda one: one.day):
        here += one.net.get(asset, ZERO)
        found.append(here)
    return found
