"""Short words for exchange tests: instruments, an exchange with two rich accounts, orders in one line."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from msgspec.structs import replace

from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO
from kedge.model.venue import Fill, PlaceOrder
from kedge.sim.exchange import Exchange, ExchangeConfig, FillMade, Happening, Reply, Terms

SECOND = 10**9
HOUR = 3600 * SECOND

PERP = Instrument("PERP", "linear", "BTC", "USD", "USD", D("0.5"), D("0.01"), D("0.02"), D(100), D(5))
SPOT = Instrument("SPOT", "spot", "BTC", "USD", "USD", D("0.5"), D("0.01"), D("0.02"), D(100), D(5))
INVERSE = Instrument("INVERSE", "inverse", "BTC", "USD", "BTC", D("0.5"), D(1), D(1), D(10**6))
DATED = Instrument("DATED", "linear", "BTC", "USD", "USD", D("0.5"), D("0.01"), expires_ns=10 * HOUR)


def make(*terms: Terms, **settings: Any) -> Exchange:
    """An exchange with PERP and SPOT (or other terms); alice and bob have plenty."""
    exchange = Exchange(ExchangeConfig(terms or (Terms(PERP), Terms(SPOT)), **settings))
    for name in ("alice", "bob"):
        exchange.transfer(name, "USD", D(100_000), 0)
        exchange.transfer(name, "BTC", D(100), 0)
    exchange.take()
    return exchange


class Hand:
    """Places orders with few words: `hand.buy("alice", "a1", 2, 100)`."""

    def __init__(self, exchange: Exchange, symbol: str = "PERP") -> None:
        self.exchange = exchange
        self.symbol = symbol
        self.now_ns = 0

    def buy(self, account: str, client_id: str, qty: Any, price: Any = 0, **more: Any) -> Reply:
        return self.place(account, client_id, "buy", qty, price, **more)

    def sell(self, account: str, client_id: str, qty: Any, price: Any = 0, **more: Any) -> Reply:
        return self.place(account, client_id, "sell", qty, price, **more)

    def place(self, account: str, client_id: str, side: Any, qty: Any, price: Any, **more: Any) -> Reply:
        kind = more.pop("kind", "limit" if price else "market")
        symbol = more.pop("symbol", self.symbol)
        want = PlaceOrder(client_id, symbol, side, D(str(qty)), D(str(price)), kind, **more)
        return self.exchange.place(account, want, self.now_ns)

    def state(self, account: str, client_id: str) -> tuple[str, D]:
        order = self.exchange.order(account, client_id)
        assert order is not None
        return order.state.value, order.cum_qty

    def bids(self) -> list[tuple[D, D]]:
        return [(level.price, level.qty) for level in self.exchange.book(self.symbol).bids]

    def asks(self) -> list[tuple[D, D]]:
        return [(level.price, level.qty) for level in self.exchange.book(self.symbol).asks]

    def position(self, account: str) -> D:
        held = {p.symbol: p.qty for p in self.exchange.positions(account)}
        return held.get(self.symbol, ZERO)

    def cash(self, account: str, asset: str = "USD") -> D:
        return next(b.total for b in self.exchange.balances(account) if b.asset == asset)

    def free(self, account: str, asset: str = "USD") -> D:
        return next(b.free for b in self.exchange.balances(account) if b.asset == asset)


def fills_in(happened: list[Happening], account: str) -> list[Fill]:
    return [h.fill for h in happened if isinstance(h, FillMade) and h.account == account]


def terms(instrument: Instrument, **more: Any) -> Terms:
    return replace(Terms(instrument), **more)
