"""One exchange behind two doors: spot and futures share its memory, its prices and its clock, and no money.

A deed changes the exchange; what follows from it is first written down by both sides, then on disk, then
told. `settle` is that order, and there is no other way to what has happened:

    house.exchange.place(wallet("main", "spot"), order, now_ns)      the deed
    house.settle()                                                  learn, write, tell

A side may act in `learn` too (a stop that has fired, an order list whose other leg must go): what that
causes is learnt in the next round of the same settling, and on disk with it. What happened before a side
was there (while the market joined, after a crash) a side finds by itself when it begins: the exchange's
orders and fills are the truth, a side's rows follow them.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal, Protocol

from msgspec.structs import replace

from kedge.model.numbers import ZERO
from kedge.sim.exchange import Happening
from kedge.sim.testnet import listings
from kedge.sim.testnet.house import House, Setup
from kedge.sim.testnet.keeper import Facts
from kedge.sim.testnet.listings import Listings
from kedge.sim.testnet.web import Line, Reply, Request, Visitor

SideName = Literal["spot", "usdm"]
KEY_HEADER = "x-mbx-apikey"
# Faults that both sides understand; a `path` (/api, /fapi, ...) tells them apart.
FAULTS = {
    "lookup_lag": "lookups do not show orders and trades younger than delay_ns",
    "book_gap": "one depth event of the symbol is never told",
    "retention": "orders without fills are archived after delay_ns instead of the venue's own time",
    "api_error": "a request of a WebSocket API is answered with an error; done where deed is true",
}
# The venue's money has eight decimals.
FEE_STEP = Decimal("1e-8")


class Side(Protocol):
    """One half of the venue: a testnet that learns before it tells."""

    def learn(self, news: Sequence[Happening]) -> None:
        """Put down what follows from this, in drawers; nothing is said yet. `settle` is not called here."""

    def tell(self) -> None:
        """Say what was learnt: it is on disk."""

    def http(self, request: Request) -> Reply: ...

    def socket(self, request: Request, line: Line) -> Visitor | Reply: ...

    def tick(self) -> None:
        """Time has passed, and the news of it was learnt and told: streams are paced here, pings sent."""

    def stats(self) -> dict[str, Any]:
        """`refused` and `bans` at least."""

    def close(self) -> None: ...


class BinanceHouse(House[Facts]):
    def __init__(self, setup: Setup) -> None:
        self._sides: list[Side] = []
        super().__init__(setup, listed, Facts, key_header=KEY_HEADER)
        for name, help in FAULTS.items():
            self.faults.teach(name, help)

    @property
    def birth(self) -> str:
        return self.keeper.birth

    def join(self, side: Side) -> None:
        """From now on this side learns and tells."""
        self._sides.append(side)
        self.learners.append(side.learn)

    def settle(self) -> list[Happening]:
        """Learn what has happened, have it on disk, tell it."""
        news = super().settle()
        for side in self._sides:
            side.tell()
        return news


def listed(now_ns: int) -> Listings:
    """What the venue lists. The exchange has no band round the mark: the venue's filters know the side."""
    found = listings.binance(now_ns)
    terms = tuple(replace(one, price_band=ZERO, fee_step=FEE_STEP) for one in found.exchange.terms)
    by_symbol = {one.instrument.symbol: one for one in terms}
    return replace(
        found,
        listed=tuple(replace(one, terms=by_symbol[one.symbol]) for one in found.listed),
        exchange=replace(found.exchange, terms=terms, open_orders_max=5_000),
    )


def owner_of(side: SideName, wallet: str) -> str:
    """The account a wallet belongs to; "" where it is not a wallet of this side."""
    return wallet.removesuffix(f":{side}") if wallet.endswith(f":{side}") else ""


def outer(side: SideName, symbol: str) -> str:
    """The venue's name of the exchange's symbol; "" where it is not of this side."""
    return symbol.removeprefix(f"{side}:") if symbol.startswith(f"{side}:") else ""
