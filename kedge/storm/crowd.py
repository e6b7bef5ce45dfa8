"""Others who trade at a storm's venues: cheap, seeded, and real orders in the real book.

Each turn the price walks; makers move their ladder; takers hit one side of the book, so that resting orders
of ours fill, wholly or in part. The whole turn is a handful of requests: a storm has hundreds of turns.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from kedge.model.instrument import Instrument, Session
from kedge.model.order import Side
from kedge.model.venue import AmendMode, PlaceOrder
from kedge.sim.exchange import Exchange, ExchangeConfig, Terms
from kedge.sim.tape import Tape

MAKERS, TAKERS = "makers", "takers"
PLENTY = Decimal(10**9)
RUNGS = 3


def instrument(symbol: str) -> Instrument:
    """A perpetual with coarse steps, so that fills are often partial and dust is often seen."""
    return Instrument(
        symbol=symbol,
        kind="linear",
        base="BTC",
        quote="USD",
        settle="USD",
        tick=Decimal("0.5"),
        qty_step=Decimal("0.001"),
        min_qty=Decimal("0.001"),
        min_notional=Decimal(5),
    )


def open_exchange(
    symbol: str,
    logins: tuple[str, ...],
    now_ns: int,
    in_place: bool,
    sessions: tuple[Session, ...] | None = None,
    day_break_ns: int = 0,
) -> Exchange:
    traded = replace(instrument(symbol), sessions=sessions)
    terms = Terms(traded, maker_fee=Decimal("0.0001"), taker_fee=Decimal("0.0005"))
    amend: AmendMode = "in_place" if in_place else "none"
    config = ExchangeConfig(terms=(terms,), amend=amend, day_break_ns=day_break_ns)
    exchange = Exchange(config, now_ns)
    for login in logins:
        exchange.transfer(login, "USD", Decimal(1_000_000), now_ns)
    for other in (MAKERS, TAKERS):
        exchange.open_account(other, house=True)
        exchange.transfer(other, "USD", PLENTY, now_ns)
    return exchange


class Crowd:
    """The makers and takers of one exchange."""

    def __init__(
        self,
        exchange: Exchange,
        symbol: str,
        tape: Tape,
        price: Decimal,
        tick: Decimal = Decimal("0.5"),
        least: Decimal = Decimal("0.001"),
    ) -> None:
        self.exchange = exchange
        self.symbol = symbol
        self.tick = tick
        self.least = least
        self.price = price
        self._draw = tape.stream(f"{symbol}.crowd")
        self._count = 0
        self._standing: dict[tuple[Side, Decimal], str] = {}

    def move_to(self, exchange: Exchange) -> None:
        """The venue has begun a new life, and withdrew what stood there."""
        self.exchange = exchange
        self._standing.clear()

    def turn(self, now_ns: int, jump: bool) -> None:
        walk = self._draw(9) - 4
        if jump:
            walk = (self._draw(2) * 2 - 1) * (40 + self._draw(160))
        self.price += self.tick * walk
        self._requote(now_ns)
        if self._draw(3):
            side: Side = "buy" if self._draw(2) else "sell"
            self._take(side, now_ns)

    def _requote(self, now_ns: int) -> None:
        """Move the ladder to the new price. Rungs that stay where they are keep what is left of them.

        All rungs stand an odd number of ticks from an even one, so most steps move only the outermost; now
        and then the whole ladder is renewed.
        """
        middle = self.price - self.price % (2 * self.tick)
        wanted: dict[tuple[Side, Decimal], int] = {}
        for rung in range(1, RUNGS + 1):
            away = self.tick * (2 * rung - 1)
            wanted["buy", middle - away] = rung
            wanted["sell", middle + away] = rung
        renewed = self._draw(6) == 1
        for place, client_id in list(self._standing.items()):
            if renewed or place not in wanted:
                self.exchange.cancel(MAKERS, client_id, now_ns)
                del self._standing[place]
        for (side, price), rung in wanted.items():
            if (side, price) not in self._standing:
                qty = (5 + self._draw(40)) * self.least * rung
                self._standing[side, price] = self._place(MAKERS, side, qty, price, now_ns)

    def _take(self, side: Side, now_ns: int) -> None:
        """Hit the side that faces, a few rungs deep."""
        qty = (1 + self._draw(60)) * self.least
        reach = self.tick * (1 + self._draw(8))
        price = self.price + (reach if side == "buy" else -reach)
        self._place(TAKERS, side, qty, price, now_ns, ioc=True)

    def _place(
        self, who: str, side: Side, qty: Decimal, price: Decimal, now_ns: int, ioc: bool = False
    ) -> str:
        self._count += 1
        client_id = f"{who}-{self._count}"
        order = PlaceOrder(client_id, self.symbol, side, qty, price, tif="ioc" if ioc else "gtc")
        self.exchange.place(who, order, now_ns)
        return client_id
