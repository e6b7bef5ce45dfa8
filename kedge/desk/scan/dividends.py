"""/dscan: the dividends that futures imply.

A future that costs less than its share grown at the interest rate does so because a dividend is expected:

    theoretical = sell leg's bid * ratio * (1 + rate) ** (days / 365)
    dividend    = (theoretical - buy leg's ask) / ratio           where the ask is below it
    yield%      = dividend / sell leg's bid * 100

The buy leg is a future, the sell leg its share (or coin), or a nearer future; of each share the nearest three
are looked at. Days are those between the two legs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from msgspec import Struct

from kedge.desk.scan.quotes import Quoted, by_asset, grown, may, tradable, underlies
from kedge.model.instrument import Market
from kedge.model.numbers import ONE
from kedge.model.ratio import ratio_of, ticker_of

AHEAD_MOST = 3
THRESHOLD_PCT = Decimal(1)
INTEREST_PCT = Decimal("7.5")
LINES = 50


class Dividend(Struct, frozen=True):
    sell: Market
    buy: Market
    asset: str
    ratio: Decimal
    dividend: Decimal  # in money, for one unit of the sell leg
    yield_pct: float
    days: int
    price: Decimal  # buy leg - ratio * sell leg, in prices: what a spread bot is told
    can_trade: bool  # selling short and buying are allowed
    settle: str
    expires_ns: int


def dividends(
    table: Iterable[Quoted],
    now_ns: int,
    interest_pct: Decimal = INTEREST_PCT,
    threshold_pct: Decimal = THRESHOLD_PCT,
) -> tuple[Dividend, ...]:
    """Every pair that implies at least so much, the most first."""
    usable = [one for one in table if tradable(one, now_ns)]
    found = [_one(sell, buy, asset, now_ns, interest_pct) for sell, buy, asset in _pairs(usable)]
    rows = [one for one in found if one is not None and one.yield_pct >= float(threshold_pct)]
    rows.sort(key=lambda one: (-one.yield_pct, one.buy, one.sell))
    return tuple(rows)


def _pairs(usable: list[Quoted]) -> Iterator[tuple[Quoted, Quoted, str]]:
    spots: dict[str, list[Quoted]] = {}
    for one in usable:
        if underlies(one) and one.instrument.kind in ("spot", "linear"):
            it = one.instrument
            for name in dict.fromkeys((it.symbol, ticker_of(it), it.base)):
                spots.setdefault(name, []).append(one)
    for asset, dated in by_asset(usable).items():
        ahead = dated[:AHEAD_MOST]
        below = spots.get(asset, [])
        for place, buy in enumerate(ahead):
            sells = [one for one in below if one.instrument.quote == buy.instrument.quote]
            for sell in [*sells, *(ahead[:place] if below else [])]:
                if sell.instrument.kind == buy.instrument.kind or not sell.dated:
                    yield sell, buy, asset


def _one(sell: Quoted, buy: Quoted, asset: str, now_ns: int, interest_pct: Decimal) -> Dividend | None:
    ratio = ratio_of(buy.instrument, sell.instrument)
    bid, ask = sell.money("sell"), buy.money("buy")
    begins_ns = sell.instrument.expires_ns or now_ns
    days = buy.days(begins_ns)
    if ratio <= 0 or bid <= 0 or ask <= 0 or (days <= 0 and sell.dated):
        return None
    theoretical = bid * ratio * (grown(interest_pct, days) if days else ONE)
    if ask >= theoretical:
        return None
    dividend = (theoretical - ask) / ratio
    return Dividend(
        sell=sell.market,
        buy=buy.market,
        asset=asset,
        ratio=ratio,
        dividend=dividend,
        yield_pct=round(float(dividend / bid) * 100.0, 2),
        days=days,
        price=buy.price("buy") - ratio * sell.price("sell"),
        can_trade=may(sell, "sell") and may(buy, "buy"),
        settle=buy.instrument.settle,
        expires_ns=buy.instrument.expires_ns,
    )
