"""The trading floor: the memory, the indices over it, and the voice that tells what happens.

All verbs of the exchange are functions over one `Floor`. Only what is in `Floor.memory` is durable;
`open_floor` rebuilds the rest from it.
"""

from __future__ import annotations

from bisect import insort
from decimal import Decimal

from msgspec.structs import replace

from kedge.model.instrument import Status
from kedge.model.numbers import ONE, ZERO
from kedge.model.order import Side, Trigger
from kedge.model.venue import Cash, CashKind, OrderReport, VenuePosition
from kedge.sim.exchange.book import BookSide
from kedge.sim.exchange.nouns import (
    HOUSE,
    OUTSIDE,
    CashMoved,
    Happening,
    MarkMoved,
    OrderChanged,
    Reply,
    StatusChanged,
    Terms,
)
from kedge.sim.exchange.refusals import Refusal
from kedge.sim.exchange.state import Account, MarketState, Memory, Order, Position

# More happenings than this between two `take`s means that nobody listens: a fault of the caller.
OUTBOX_MAX = 500_000


class Triggers:
    """Stops waiting on one reference price: some fire as it rises, the others as it falls."""

    __slots__ = ("falling", "rising")

    def __init__(self) -> None:
        self.rising: list[tuple[Decimal, int]] = []  # ascending: the first fires first
        self.falling: list[tuple[Decimal, int]] = []  # ascending: the last fires first

    def add(self, order: Order) -> None:
        insort(self._way(order), (order.trigger_price, order.number))

    def remove(self, order: Order) -> None:
        self._way(order).remove((order.trigger_price, order.number))

    def due(self, price: Decimal) -> int | None:
        """The number of a stop that this price triggers."""
        if self.rising and self.rising[0][0] <= price:
            return self.rising[0][1]
        if self.falling and self.falling[-1][0] >= price:
            return self.falling[-1][1]
        return None

    def _way(self, order: Order) -> list[tuple[Decimal, int]]:
        return self.rising if order.rises else self.falling


class Market:
    """One instrument on the floor: its terms, its state, its book, its waiting stops."""

    __slots__ = ("asks", "asset", "bids", "instrument", "owned", "state", "stops", "symbol", "terms", "tick")

    def __init__(self, terms: Terms, state: MarketState) -> None:
        self.terms = terms
        self.instrument = terms.instrument
        self.symbol = terms.instrument.symbol
        self.tick = terms.instrument.tick
        # Owned things change hands whole (spot, bonds); the rest are promises, carried on margin.
        self.owned = terms.instrument.kind in ("spot", "bond")
        self.asset = terms.instrument.quote if self.owned else terms.instrument.settle
        self.state = state
        self.bids = BookSide(1, state.changed_bids)
        self.asks = BookSide(-1, state.changed_asks)
        self.stops: dict[Trigger, Triggers] = {"last": Triggers(), "mark": Triggers(), "index": Triggers()}

    def side(self, side: Side) -> BookSide:
        return self.bids if side == "buy" else self.asks

    def against(self, side: Side) -> BookSide:
        """The side of the book that an order of this side would take."""
        return self.asks if side == "buy" else self.bids

    def reference(self, by: Trigger) -> Decimal:
        """The price a trigger looks at; zero while there is none."""
        if by == "last":
            return self.state.last
        return self.mark() if by == "mark" else self.state.index

    def mark(self) -> Decimal:
        """What positions are worth: the mark, else the middle of the book, else the index."""
        if self.state.mark:
            return self.state.mark
        bid, ask = self.bids.best(), self.asks.best()
        if bid and ask:
            return (bid.price + ask.price) / 2
        one = bid or ask
        return one.price if one else self.state.index

    def status(self, now_ns: int) -> Status:
        if self.state.delivered or self.state.status == "closed":
            return "closed"
        if self.state.status == "halted":
            return "halted"
        return "trading" if self.instrument.is_open(now_ns) else "closed"


class Floor:
    __slots__ = ("config", "markets", "memory", "moved", "outbox")

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.config = memory.config
        self.outbox: list[Happening] = memory.outbox
        self.markets: dict[str, Market] = {}
        # Symbols whose reference prices moved in this step: their stops and margins are looked at.
        self.moved: dict[str, None] = {}

    # ── accounts ────────────────────────────────────────────────────────────────────────────────

    def position(self, account: Account, symbol: str) -> Position:
        position = account.positions.get(symbol)
        if position is None:
            most = self.markets[symbol].terms.leverage_max
            position = Position(min(self.config.leverage, most))
            account.positions[symbol] = position
        return position

    def position_report(self, market: Market, position: Position) -> VenuePosition:
        if position.qty == 0:
            return VenuePosition(market.symbol, ZERO, ZERO)
        entry = market.instrument.price_of(position.qty, position.cost) if position.cost else ZERO
        return VenuePosition(market.symbol, position.qty, entry)

    # ── the voice ───────────────────────────────────────────────────────────────────────────────

    def say(self, happening: Happening) -> None:
        assert len(self.outbox) < OUTBOX_MAX, "nobody takes the exchange's happenings: call take()"
        self.outbox.append(happening)

    def order_changed(self, account: Account, order: Order) -> None:
        """The order has a new version; its owner is told."""
        memory = self.memory
        memory.versions += 1
        order.version = memory.versions
        order.changed_ns = memory.now_ns
        if not account.house:
            self.say(OrderChanged(account.name, report(order)))

    def balances_changed(self, account: Account) -> None:
        if not account.house:
            self.memory.changed_balances[account.name] = None

    def position_changed(self, account: Account, symbol: str) -> None:
        if not account.house:
            self.memory.changed_positions.setdefault(account.name, {})[symbol] = None

    def moved_cash(
        self, account: Account, kind: CashKind, asset: str, amount: Decimal, symbol: str = ""
    ) -> None:
        """Put money on an account and say so. The other side is the caller's to book."""
        account.cash[asset] = account.cash.get(asset, ZERO) + amount
        if account.house:
            return
        memory = self.memory
        memory.cash_made += 1
        cash = Cash(str(memory.cash_made), kind, asset, amount, memory.now_ns, symbol)
        account.cash_moves.append(cash)
        self.say(CashMoved(account.name, cash))
        self.balances_changed(account)

    def marked(self, market: Market) -> None:
        state = market.state
        self.moved[market.symbol] = None
        now = self.memory.now_ns
        self.say(MarkMoved(market.symbol, state.mark, state.index, state.last, state.funding_rate, now))

    def status_changed(self, market: Market) -> None:
        now = self.memory.now_ns
        self.say(StatusChanged(market.symbol, market.status(now), now))


def report(order: Order) -> OrderReport:
    return OrderReport(
        order.client_id,
        order.venue_id,
        order.symbol,
        order.side,
        order.qty,
        order.price,
        order.cum_qty,
        order.state,
        order.changed_ns,
        order.reason,
        order.kind,
        order.version,
        order.trigger_price,
        order.expires_ns,
    )


def refused(no: Refusal, order: OrderReport | None = None) -> Reply:
    return Reply(False, no.code, no.sentence, order)


def new_floor(memory: Memory) -> Floor:
    """The floor of a new exchange: the house's accounts, the insurance paid in."""
    floor = Floor(memory)
    for name in HOUSE:
        memory.accounts[name] = Account(name, house=True)
    outside = memory.accounts[OUTSIDE]
    insurance = memory.accounts[HOUSE[2]]
    for asset, amount in memory.config.insurance.items():
        insurance.cash[asset] = amount
        outside.cash[asset] = -amount
    for terms in memory.config.terms:
        _open_market(floor, terms)
    return floor


def add_market(floor: Floor, terms: Terms) -> None:
    """List one more instrument; it belongs to the configuration from here on."""
    _open_market(floor, terms)
    floor.config = replace(floor.config, terms=(*floor.config.terms, terms))
    floor.memory.config = floor.config


def _open_market(floor: Floor, terms: Terms) -> None:
    symbol = terms.instrument.symbol
    assert symbol not in floor.markets, f"{symbol} is listed twice"
    assert terms.leverage_max >= ONE
    assert terms.fee_step > 0
    state = floor.memory.markets[symbol] = MarketState(symbol)
    floor.markets[symbol] = Market(terms, state)


def open_floor(memory: Memory) -> Floor:
    """The floor of a loaded memory: books and trigger lists are made again from the orders."""
    floor = Floor(memory)
    for terms in memory.config.terms:
        symbol = terms.instrument.symbol
        floor.markets[symbol] = Market(terms, memory.markets[symbol])
    for order in sorted(memory.orders.values(), key=lambda order: order.rank):
        market = floor.markets[order.symbol]
        if order.waiting:
            market.stops[order.trigger_by].add(order)
        elif order.resting:
            side = market.side(order.side)
            key = order.ticks * side.sign
            was_changed = key in side.changed
            side.add(order)
            if not was_changed:
                del side.changed[key]
    return floor
