"""What is traded, and what a quantity of it is worth.

One struct expresses them all. `value(qty, price)` is what matters: profit is always
`value at exit - value at entry` in the settlement asset, whatever the contract is.

    spot, linear     qty * price * multiplier
    inverse          -qty * multiplier / price      (settled in the base coin)
    bond             qty * price / 100 * nominal    (price is a percentage of the nominal)
    points           qty * price / tick * tick_value (a future quoted in points)

Quantities are in units everywhere; a venue that counts in lots is told `qty / lot`.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from kedge.model.numbers import HUNDRED, ONE, ZERO, ceil_to, divide, floor_to, trunc_to

InstrumentKind = Literal["spot", "linear", "inverse", "bond", "points"]
Status = Literal["trading", "halted", "closed"]
Sector = Literal["", "share", "etf", "bond", "currency", "future"]

# A market is one instrument seen through one account: "paper/main:BTC-PERP".
Market = str


def market_of(account: str, symbol: str) -> Market:
    return f"{account}:{symbol}"


@lru_cache(4096)  # asked ten times for every decision
def account_of(market: Market) -> str:
    return market.partition(":")[0]


@lru_cache(4096)
def symbol_of(market: Market) -> str:
    return market.partition(":")[2]


class Session(Struct, frozen=True):
    """One stretch of trading, in UTC nanoseconds. Calendars become these at the venue's adapter."""

    open_ns: int
    close_ns: int


class Instrument(Struct, frozen=True, omit_defaults=True):
    symbol: str
    kind: InstrumentKind
    base: str
    quote: str
    settle: str
    tick: Decimal
    qty_step: Decimal
    min_qty: Decimal = ZERO
    max_qty: Decimal = Decimal(10**12)
    min_notional: Decimal = ZERO
    lot: Decimal = ONE
    multiplier: Decimal = ONE
    nominal: Decimal = ZERO
    tick_value: Decimal = ZERO
    expires_ns: int = 0
    status: Status = "trading"
    # None: round the clock. Empty: closed for as long as the venue has said.
    sessions: tuple[Session, ...] | None = None
    # False: the venue lists it no longer. What is known of it stays; nothing is placed.
    listed: bool = True
    name: str = ""
    sector: Sector = ""
    # Of a derivative: what it is of (the symbol of a share, or a name), and how much of that is in one unit.
    asset: str = ""
    asset_size: Decimal = ZERO
    # What must lie ready for one unit, in the settlement asset; 0 where nobody says.
    buy_margin: Decimal = ZERO
    sell_margin: Decimal = ZERO
    can_buy: bool = True
    can_sell: bool = True
    can_short: bool = True
    market_orders: bool = True

    def value(self, qty: Decimal, price: Decimal) -> Decimal:
        """What `qty` (signed) is worth at `price`, in the settlement asset."""
        if self.kind == "inverse":
            return -divide(qty * self.multiplier, price)
        if self.kind == "bond":
            return qty * price * self.nominal / HUNDRED
        if self.kind == "points":
            return divide(qty * price * self.tick_value, self.tick)
        return qty * price * self.multiplier

    def price_of(self, qty: Decimal, value: Decimal) -> Decimal:
        """The price at which `qty` has this `value`: averages come from here. Zero where there is none."""
        if value == 0:
            return ZERO
        if self.kind == "inverse":
            return divide(-qty * self.multiplier, value)
        return divide(value, self.value(qty, ONE))

    def notional(self, qty: Decimal, price: Decimal) -> Decimal:
        """The size of `qty` in quote money, unsigned: what limits are counted in."""
        if self.kind == "inverse":
            return abs(qty) * self.multiplier
        return abs(self.value(qty, price))

    def price_at_most(self, price: Decimal) -> Decimal:
        return floor_to(price, self.tick)

    def price_at_least(self, price: Decimal) -> Decimal:
        return ceil_to(price, self.tick)

    def qty_at_most(self, qty: Decimal) -> Decimal:
        """Cut a quantity to the step (towards zero); below the minimum it is nothing."""
        cut = trunc_to(qty, self.qty_step)
        return cut if abs(cut) >= self.min_qty else ZERO

    def tradable(self, qty: Decimal, price: Decimal) -> Decimal:
        """The part of `qty` a venue would take as one order at `price`; zero is dust."""
        cut = self.qty_at_most(qty)
        if abs(cut) > self.max_qty:
            cut = trunc_to(self.max_qty if cut > 0 else -self.max_qty, self.qty_step)
        return cut if self.notional(cut, price) >= self.min_notional else ZERO

    def is_open(self, now_ns: int) -> bool:
        if self.status != "trading" or not self.listed or (self.expires_ns and now_ns >= self.expires_ns):
            return False
        if self.sessions is None:
            return True
        return any(s.open_ns <= now_ns < s.close_ns for s in self.sessions)

    def next_change_ns(self, now_ns: int) -> int | None:
        """When the session next opens or closes; None where there is no calendar."""
        edges = [e for s in self.sessions or () for e in (s.open_ns, s.close_ns) if e > now_ns]
        return min(edges, default=None)

    def rests(self, now_ns: int) -> bool:
        """Between two sessions of its calendar, whatever the venue calls that: what stands is left alone."""
        if self.sessions is None or not self.listed or (self.expires_ns and now_ns >= self.expires_ns):
            return False
        return not self.closes_ns(now_ns) and self.opens_ns(now_ns) > 0

    def opened_ns(self, now_ns: int) -> int:
        """When the session of now began; 0 where there is none, or no calendar."""
        return max((s.open_ns for s in self.sessions or () if s.open_ns <= now_ns < s.close_ns), default=0)

    def opens_ns(self, now_ns: int) -> int:
        """When the next session begins; 0 where none is known."""
        return min((s.open_ns for s in self.sessions or () if s.open_ns > now_ns), default=0)

    def closes_ns(self, now_ns: int) -> int:
        """When the session of now ends; 0 where there is none, or no calendar."""
        return max((s.close_ns for s in self.sessions or () if s.open_ns <= now_ns < s.close_ns), default=0)
