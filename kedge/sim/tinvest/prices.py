"""What moves six hundred prices: one desk per instrument quotes it, and trades through what stands between.

In the synthetic market papers of one key (a share and its futures) wander together, and shares follow the
first of them a little. Futures stand above by the carry that is left to their expiry, less the dividends
until then. The still market moves only what it is told to, and so does a file of prices. Outside its session
an instrument does not trade: a price it was moved to meanwhile is where it opens.

The wandering is a signal and uses floats, by sums, products and roots only; every price that becomes an order
is a whole number of ticks. A step does a bounded amount of work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from random import Random  # storm-ok: seeded generator passed in

from kedge.model.instrument import Instrument
from kedge.model.numbers import ONE, ZERO, divide
from kedge.model.order import Side, Tif, opposite, sign
from kedge.model.venue import PlaceOrder
from kedge.sim.exchange import Exchange
from kedge.sim.market import Listing
from kedge.sim.testnet.markets import Row
from kedge.sim.tinvest.board import Paper
from kedge.sim.tinvest.calendar import SECOND_NS
from kedge.sim.tinvest.dividends import until_share

SWEEP = "_sweep"
LEVELS = 5
# What stands at a level, in roubles; the gap between levels, of the price.
LEVEL_WORTH = Decimal(400_000)
GAP = Decimal("0.0004")
# How far one stride goes.
STRIDE = Decimal("0.05")
# Instruments that one step moves, at most, and how often each moves by itself: the first more often.
MOVES_MAX = 24
LIQUID = 40
EVERY_NS, EVERY_IDLE_NS = 2 * SECOND_NS, 20 * SECOND_NS
STRIDE_MAX_S = 60.0
VOLATILITY = {"share": 0.00007, "etf": 0.00003, "bond": 0.00001, "currency": 0.00003, "future": 0.00005}
FOLLOWS = 0.6  # what shares take of the first share's moves
CARRY = {"TYPE_SECURITY": 0.16, "TYPE_INDEX": 0.14, "TYPE_CURRENCY": 0.12, "TYPE_COMMODITY": 0.02}
YEAR_NS = 365 * 24 * 3600 * SECOND_NS


class Desk:
    """One instrument's maker."""

    def __init__(self, paper: Paper, instrument: Instrument) -> None:
        self.paper = paper
        self.instrument = instrument
        self.account = f"_desk-{paper.symbol}"
        self.price = ZERO  # where it is quoted; 0: nowhere yet
        self.wish = ZERO  # where it is to go
        self.taken = False  # somebody has traded with it
        self.due_ns = 0


class Prices:
    """A `testnet.markets.Market`. `generator` None: nothing moves by itself. `rows`: a file of prices."""

    def __init__(
        self,
        exchange: Exchange,
        papers: Sequence[Paper],
        generator: Random | None,
        rows: Sequence[Row],
        now_ns: int,
    ) -> None:
        self._exchange = exchange
        self._random = generator
        self._rows = rows
        self._row = 0
        self._began_ns = self._moved_ns = now_ns
        self._papers = {paper.symbol: paper for paper in papers}
        self._desks: dict[str, Desk] = {}
        self._wanting: dict[str, None] = {}
        self._factors = {paper.key: 1.0 for paper in papers}
        self._turn = 0
        self._open = False  # what opens is quoted in one step
        exchange.open_account(SWEEP, house=True)
        for paper in papers:
            self._begin(paper, now_ns)

    def know(self, papers: Sequence[Paper]) -> None:
        """What may join from now on."""
        self._papers.update({paper.symbol: paper for paper in papers})

    def join(self, listing: Listing, now_ns: int) -> None:
        self._begin(self._papers[listing.symbol], now_ns)

    def leave(self, symbol: str) -> None:
        """It has expired."""
        self._desks.pop(symbol, None)
        self._wanting.pop(symbol, None)

    def traded(self, symbol: str) -> None:
        """Somebody has taken what stood there; it is renewed with the next step."""
        desk = self._desks.get(symbol)
        if desk is not None:
            desk.taken = True
            self._wanting[symbol] = None

    def opened(self, symbol: str) -> None:
        """Its session has begun, or a halt has ended: it is quoted with the next step, whatever the bound."""
        self.traded(symbol)
        self._open = False

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    def step(self, now_ns: int) -> None:
        self._play(now_ns)
        if self._random is not None:
            self._wander(now_ns)
            self._wake(now_ns)
        done = 0
        for symbol in list(self._wanting):
            if done >= MOVES_MAX and self._open:
                break
            desk = self._desks[symbol]
            if self._exchange.market(symbol).open:
                done += 1
                del self._wanting[symbol]
                self._go(desk, now_ns)
        self._open = True

    def move(self, symbol: str, price: Decimal, now_ns: int) -> None:
        """Be at this price now, or when the session opens."""
        desk = self._desks[symbol]
        price = max(desk.instrument.price_at_most(price), desk.instrument.tick * (LEVELS + 1))
        if self._random is not None:
            self._factors[desk.paper.key] *= float(price) / self._fair(desk.paper, now_ns)
        desk.wish = price
        self._feed(desk, price, now_ns)
        self._wanting[symbol] = None
        if self._exchange.market(symbol).open:
            del self._wanting[symbol]
            self._go(desk, now_ns)

    def _play(self, now_ns: int) -> None:
        """The file's prices up to now, each traded through."""
        while self._row < len(self._rows):
            row = self._rows[self._row]
            if self._began_ns + row.after_ns > now_ns:
                break
            self._row += 1
            self.move(row.symbol, row.price, now_ns)

    def _wake(self, now_ns: int) -> None:
        """Look at some instruments, in turns: those that are due want a new price."""
        desks = list(self._desks.values())
        for _ in range(min(MOVES_MAX * 2, len(desks))):
            self._turn = (self._turn + 1) % len(desks)
            desk = desks[self._turn]
            if desk.due_ns <= now_ns:
                desk.due_ns = now_ns + (EVERY_NS if self._turn < LIQUID else EVERY_IDLE_NS)
                desk.wish = self._fair_price(desk, now_ns)
                self._wanting[desk.paper.symbol] = None

    # ── where prices should be ──────────────────────────────────────────────────────────────────

    def _wander(self, now_ns: int) -> None:
        seconds = min((now_ns - self._moved_ns) / SECOND_NS, STRIDE_MAX_S)
        if seconds < 1.0 or self._random is None:
            return
        self._moved_ns = now_ns
        root = math.sqrt(seconds)
        lead = 0.0
        kinds = {paper.key: paper.kind for paper in reversed(self._papers.values())}
        for number, key in enumerate(self._factors):
            kind = kinds[key]
            draw = self._random.random
            noise = draw() + draw() + draw() + draw() - 2.0
            move = VOLATILITY[kind] * root * noise * 1.7
            if number == 0:
                lead = move
            elif kind == "share":
                move += FOLLOWS * lead
            self._factors[key] *= max(1.0 + move, 0.5)

    def _fair(self, paper: Paper, now_ns: int) -> float:
        price = float(paper.price) * self._factors[paper.key]
        if paper.kind != "future" or paper.perpetual:
            return price
        years = max(paper.expires_ns - now_ns, 0) / YEAR_NS
        return (
            price
            * (1.0 - until_share(paper.share, now_ns, paper.expires_ns))
            * (1.0 + CARRY[paper.asset_kind] * years)
        )

    def _fair_price(self, desk: Desk, now_ns: int) -> Decimal:
        tick = desk.instrument.tick
        ticks = round(self._fair(desk.paper, now_ns) / float(tick))
        return max(ticks, LEVELS + 1) * tick

    # ── quoting ─────────────────────────────────────────────────────────────────────────────────

    def _begin(self, paper: Paper, now_ns: int) -> None:
        exchange = self._exchange
        desk = self._desks[paper.symbol] = Desk(paper, exchange.instrument(paper.symbol))
        exchange.open_account(desk.account, house=True)
        known = exchange.market(paper.symbol).mark
        if known and self._random is not None and self._factors[paper.key] == 1.0:
            # Where an earlier life left off; the first paper of a key says where all of it is.
            self._factors[paper.key] = float(known) / self._fair(paper, now_ns)
        desk.price = desk.wish = known or self._fair_price(desk, now_ns)
        if not known:
            self._feed(desk, desk.price, now_ns)
        # Quoted by the next step: what that does to others' orders must find somebody who listens.
        desk.taken = True
        self._wanting[paper.symbol] = None

    def _feed(self, desk: Desk, price: Decimal, now_ns: int) -> None:
        self._exchange.feed(desk.paper.symbol, now_ns, index=price, mark=price)

    def _go(self, desk: Desk, now_ns: int) -> None:
        """Trade through to where it is wished, in strides, and quote there."""
        wish = desk.wish
        if desk.price == wish and not desk.taken and self._exchange.book(desk.paper.symbol, 1).bids:
            return
        while desk.price != wish:
            least = desk.instrument.price_at_least(desk.price * (ONE - STRIDE))
            most = max(
                desk.instrument.price_at_most(desk.price * (ONE + STRIDE)), desk.price + desk.paper.tick
            )
            self._stride(desk, min(max(wish, least), most), now_ns)
        desk.taken = False
        self._quote(desk, now_ns)

    def _stride(self, desk: Desk, price: Decimal, now_ns: int) -> None:
        """The far side is quoted first, so that stops which the move fires find somebody there."""
        way: Side = "buy" if price > desk.price else "sell"
        desk.price = price
        self._quote_side(desk, opposite(way), now_ns)
        instrument = desk.instrument
        most = instrument.max_qty - instrument.max_qty % instrument.qty_step
        self._place(SWEEP, desk, way, most, price, now_ns, "ioc")
        # A print at the new price: the last trade is where the market is.
        self._place(desk.account, desk, opposite(way), instrument.qty_step, price, now_ns, "gtc")
        self._place(SWEEP, desk, way, instrument.qty_step, price, now_ns, "ioc")
        self._feed(desk, price, now_ns)

    def _quote(self, desk: Desk, now_ns: int) -> None:
        self._exchange.cancel_all(desk.account, now_ns)
        self._quote_side(desk, "buy", now_ns)
        self._quote_side(desk, "sell", now_ns)

    def _quote_side(self, desk: Desk, side: Side, now_ns: int) -> None:
        instrument, price = desk.instrument, desk.price
        gap = max(instrument.price_at_most(price * GAP), instrument.tick)
        qty = _level_qty(instrument, price)
        for level in range(LEVELS):
            at = price - sign(side) * (instrument.tick + level * gap)
            if at > 0:
                self._place(desk.account, desk, side, qty * (level + 1), at, now_ns, "gtc")

    def _place(
        self, account: str, desk: Desk, side: Side, qty: Decimal, price: Decimal, now_ns: int, tif: Tif
    ) -> None:
        # A refusal (halted, closed) leaves the market as it is: the next step tries again.
        self._exchange.place(account, PlaceOrder("", desk.paper.symbol, side, qty, price, tif=tif), now_ns)


def _level_qty(instrument: Instrument, price: Decimal) -> Decimal:
    step = instrument.qty_step
    steps = divide(LEVEL_WORTH, instrument.notional(step, price)).to_integral_value(ROUND_DOWN)
    return max(steps, ONE) * step
