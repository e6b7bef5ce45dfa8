"""The table that scans read: one line per instrument, with what each side of it would cost now.

Prices are what the leg would really get: who buys pays the ask, who sells gets the bid, and where that side
of the book is missing (out of session, most of them) the last price stands in. Money is `Decimal`; only
yields, which decide no order, are floats.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from kedge.model.instrument import Instrument, Market
from kedge.model.numbers import ONE, ZERO
from kedge.model.order import Side

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
YEAR_DAYS = 365
FUNDING_S = 8 * 3600


class Quoted(Struct, frozen=True):
    """An instrument and its prices now; zero where there is none."""

    market: Market
    instrument: Instrument
    bid: Decimal = ZERO
    ask: Decimal = ZERO
    last: Decimal = ZERO
    # Of a perpetual: a fraction per period, paid by who is long when it is positive.
    funding_rate: Decimal = ZERO
    funding_s: int = FUNDING_S

    def price(self, side: Side) -> Decimal:
        """What an order of this side would be done at, at once; zero where nobody can tell."""
        return (self.ask if side == "buy" else self.bid) or self.last

    def money(self, side: Side) -> Decimal:
        """The same for one unit, in the settlement asset."""
        price = self.price(side)
        return self.instrument.notional(ONE, price) if price else ZERO

    def margin(self, side: Side) -> Decimal:
        """What one unit ties up: the venue's margin, and the whole price where there is none."""
        known = self.instrument.buy_margin if side == "buy" else self.instrument.sell_margin
        return known or self.money(side)

    def days(self, now_ns: int) -> int:
        """Whole days until it expires; 0 on the last of them."""
        return max(0, self.instrument.expires_ns - now_ns) // DAY_NS

    @property
    def dated(self) -> bool:
        return self.instrument.expires_ns > 0

    @property
    def perpetual(self) -> bool:
        return not self.dated and self.instrument.kind in ("linear", "inverse")


def tradable(one: Quoted, now_ns: int) -> bool:
    """Whether a scan looks at it at all: listed, both sides allowed, not yet expired."""
    it = one.instrument
    if not it.listed or it.tick <= 0 or it.status == "closed" or not (it.can_buy and it.can_sell):
        return False
    return not it.expires_ns or it.expires_ns > now_ns


def underlies(one: Quoted) -> bool:
    """Whether a future may be of it: a share or a coin. A fund or a currency may bear the name of what a
    future is of, like GOLD, and is another thing."""
    return not one.dated and one.instrument.sector in ("", "share")


def may(one: Quoted, side: Side, opens: bool = True) -> bool:
    """Whether this side may be traded; `opens`: selling would be selling short."""
    it = one.instrument
    return it.can_buy if side == "buy" else it.can_sell and (it.can_short or not opens)


def by_asset(table: Iterable[Quoted]) -> dict[str, list[Quoted]]:
    """Dated instruments by what they are of, the nearest expiry first."""
    found: dict[str, list[Quoted]] = {}
    for one in table:
        if one.dated:
            found.setdefault(one.instrument.asset or one.instrument.base, []).append(one)
    for dated in found.values():
        dated.sort(key=lambda one: (one.instrument.expires_ns, one.market))
    return found


def grown(rate_pct: Decimal, days: int) -> Decimal:
    """What one unit of money has become after so many days at this yearly rate."""
    return Decimal(repr((1.0 + float(rate_pct) / 100.0) ** (days / YEAR_DAYS)))
