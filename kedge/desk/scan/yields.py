"""/scan: what selling a future and buying what it is of (or a nearer future) yields a year, on the margin.

    profit  = far - ratio * near                       in money, each at the side that would be paid
    margin  = ratio * near's margin + far's margin
    yearly% = ((1 + profit / margin) ** (365 / days) - 1) * 100

Three sorts of pairs: a share and its future, a nearer and a later future of one thing, and for crypto a
spot or perpetual and its dated future. A perpetual pays or costs its funding until then, at the rate of now;
against one, the pair is also tried the other way round (buy the future, sell the perpetual).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from kedge.desk.scan.quotes import DAY_NS, SECOND_NS, YEAR_DAYS, Quoted, by_asset, may, tradable, underlies
from kedge.model.instrument import Market
from kedge.model.numbers import ONE, ZERO
from kedge.model.order import Side, opposite
from kedge.model.ratio import ratio_of, ticker_of

RATE = Decimal("7.5")
Sort = Literal["share-future", "future-future", "spot-future", "perpetual-future"]
# A yield beyond this is a broken price, not an offer.
YIELD_MOST = 1e9


class Yield(Struct, frozen=True):
    """One pair, with everything its line shows. `side` is what is done on the far leg."""

    near: Market
    far: Market
    sort: Sort
    side: Side
    ratio: Decimal
    near_price: Decimal
    far_price: Decimal
    delta: Decimal  # far - ratio * near, in prices: what a spread bot is told
    profit: Decimal  # in money, per unit of the far leg, funding included
    funding: Decimal  # of that: what the perpetual's funding adds until then
    margin: Decimal
    days: int
    yearly_pct: float
    settle: str
    expires_ns: int


class Scan(Struct, frozen=True):
    rows: tuple[Yield, ...]  # the best first
    pairs: int  # how many were looked at
    # Pairs that cannot be reckoned, by why: no price, expires today, cannot be sold short.
    left_out: dict[str, int]


def scan(table: Iterable[Quoted], now_ns: int, rate_pct: Decimal = RATE) -> Scan:
    """Every pair that yields more than this a year, the best first."""
    usable = [one for one in table if tradable(one, now_ns)]
    left_out: dict[str, int] = {}
    rows: list[Yield] = []
    pairs = 0
    for near, far, sort in _pairs(usable):
        pairs += 1
        sides: tuple[Side, ...] = ("sell", "buy") if sort == "perpetual-future" else ("sell",)
        found = [_one(near, far, sort, side, now_ns) for side in sides]
        good = [one for one in found if isinstance(one, Yield)]
        if not good:
            why = str(found[0])
            left_out[why] = left_out.get(why, 0) + 1
        rows += [one for one in good if one.yearly_pct > float(rate_pct)]
    rows.sort(key=lambda one: (-one.yearly_pct, one.far, one.near))
    return Scan(tuple(rows), pairs, left_out)


def yearly_pct(profit: Decimal, margin: Decimal, days: int) -> float | None:
    """The yearly yield in per cent, to two decimals; None where there is none to reckon."""
    if days <= 0 or margin <= 0:
        return None
    grows = 1.0 + float(profit / margin)
    if grows <= 0:
        return -100.0
    power = math.log(grows) * YEAR_DAYS / days
    return round(min((math.exp(power) - 1.0) * 100.0, YIELD_MOST), 2) if power < 700 else YIELD_MOST


def basis(table: Iterable[Quoted], asset: str, now_ns: int) -> list[tuple[int, Decimal, float]]:
    """For the chart, of each future on this asset: expiry, price over the nearest, and that in per cent.

    The price is for one unit of the asset. It is measured from the share or coin itself where there is one.
    """
    usable = [one for one in table if tradable(one, now_ns)]
    dated = by_asset(usable).get(asset, [])
    start = next((one for one in usable if underlies(one) and asset in _names(one)), None)
    points: list[tuple[int, Decimal, float]] = []
    base = start.money("sell") if start else ZERO
    for one in dated:
        per_unit = one.money("sell") / (one.instrument.asset_size or ONE)
        base = base or per_unit
        if per_unit and base:
            over = per_unit - base
            points.append((one.instrument.expires_ns, over, round(float(over / base) * 100.0, 2)))
    return points


# ── pairs ───────────────────────────────────────────────────────────────────────────────────────


def _pairs(usable: Sequence[Quoted]) -> Iterator[tuple[Quoted, Quoted, Sort]]:
    """(near, far, sort): each pair once, near expiry first."""
    futures = by_asset(usable)
    shares: dict[str, Quoted] = {}
    for one in usable:
        if underlies(one):
            for name in _names(one):
                shares.setdefault(name, one)
    for asset, dated in futures.items():
        if all(one.instrument.kind == "points" for one in dated):
            share = shares.get(asset)
            if share is not None and share.instrument.kind == "spot":
                yield from ((share, far, "share-future") for far in dated)
                yield from _calendars(dated)
            continue
        for near in usable:
            if (
                not near.dated
                and near.instrument.base == asset
                and near.instrument.kind in ("spot", "linear")
            ):
                sort: Sort = "perpetual-future" if near.perpetual else "spot-future"
                yield from ((near, far, sort) for far in dated if _match(near, far))
        yield from _calendars(dated)


def _calendars(dated: Sequence[Quoted]) -> Iterator[tuple[Quoted, Quoted, Sort]]:
    """A nearer and a later future: of one family, by the first two letters of their tickers."""
    for place, near in enumerate(dated):
        for far in dated[place + 1 :]:
            same = ticker_of(near.instrument)[:2] == ticker_of(far.instrument)[:2]
            if same and near.market != far.market and near.instrument.kind == far.instrument.kind:
                yield near, far, "future-future"


def _match(near: Quoted, far: Quoted) -> bool:
    """Of one coin, in one money; inverse contracts are another matter."""
    it = far.instrument
    return it.kind == "linear" and it.quote == near.instrument.quote


def _names(one: Quoted) -> tuple[str, ...]:
    it = one.instrument
    return tuple(dict.fromkeys(name for name in (it.symbol, ticker_of(it), it.base) if name))


# ── one pair ────────────────────────────────────────────────────────────────────────────────────


def _one(near: Quoted, far: Quoted, sort: Sort, side: Side, now_ns: int) -> Yield | str:
    """What a pair yields; or why that cannot be said."""
    ratio = ratio_of(far.instrument, near.instrument)
    if ratio <= 0:
        return "no ratio"
    if near.instrument.settle != far.instrument.settle and sort not in ("spot-future", "perpetual-future"):
        return "settled in two moneys"
    other = opposite(side)
    far_price, near_price = far.price(side), near.price(other)
    if far_price <= 0 or near_price <= 0:
        return "no price"
    if not may(far, side) or not may(near, other):
        return "cannot be traded that way"
    days = far.days(now_ns)
    if days <= 0:
        return "expires today"
    far_money, near_money = far.money(side), near.money(other) * ratio
    if sort in ("share-future", "future-future") and near_money >= far_money:
        return "no contango"
    sign = 1 if side == "sell" else -1
    funding = _funding(near, near_money, days) * sign if sort == "perpetual-future" else ZERO
    profit = (far_money - near_money) * sign + funding
    margin = near.margin(other) * ratio + far.margin(side)
    yearly = yearly_pct(profit, margin, days)
    if yearly is None:
        return "no margin"
    delta = far_price - ratio * near_price
    return Yield(
        near=near.market,
        far=far.market,
        sort=sort,
        side=side,
        ratio=ratio,
        near_price=near_price,
        far_price=far_price,
        delta=delta,
        profit=profit,
        funding=funding,
        margin=margin,
        days=days,
        yearly_pct=yearly,
        settle=far.instrument.settle,
        expires_ns=far.instrument.expires_ns,
    )


def _funding(near: Quoted, near_money: Decimal, days: int) -> Decimal:
    """What a long perpetual of this size receives until then at the rate of now; negative is paid."""
    periods = Decimal(days * DAY_NS // SECOND_NS) / max(1, near.funding_s)
    return -near.funding_rate * periods * near_money
