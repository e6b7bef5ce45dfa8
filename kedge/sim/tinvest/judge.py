"""Whether an order may be placed: everything the venue looks at before the exchange does.

The order of the checks is part of the behaviour: what, when, how much, with what money.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import ONE, ZERO
from kedge.model.order import Side
from kedge.sim.exchange import Reply
from kedge.sim.testnet.faults import Faults
from kedge.sim.tinvest.board import BANDS, Paper
from kedge.sim.tinvest.codes import Refused
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.purse import Purse

LIMIT, MARKET, BEST = 1, 2, 3
DAY, KILL, ALL = 1, 2, 3
LOTS_MAX = 10**9
WORTH_MAX = Decimal(30_000_000)
# The corridor of limit prices is set anew when the price has used up so much of it.
WORN = Decimal("0.7")

# What the exchange itself says no with.
REFUSALS: dict[str, int] = {
    "halted": 30079,
    "closed": 30079,
    "delivered": 30079,
    "tick": 30078,
    "step": 30016,
    "min_qty": 30016,
    "max_qty": 30016,
    "margin": 30042,
    "funds": 30042,
    "too_many_orders": 30096,
}


class Want(Struct, frozen=True):
    """An order that is asked for. `price` 0: at the market."""

    paper: Paper
    side: Side
    lots: int
    price: Decimal
    kind: int
    tif: int
    confirm: bool = False

    @property
    def units(self) -> Decimal:
        return Decimal(self.lots * self.paper.lot)


class Judge:
    def __init__(self, house: TinvestHouse, purse: Purse, faults: Faults) -> None:
        self._house = house
        self._purse = purse
        self._faults = faults
        self._middles: dict[str, Decimal] = {}

    def corridor(self, paper: Paper) -> tuple[Decimal, Decimal]:
        """The lowest and the highest price of a limit order now."""
        mark = self._house.exchange.market(paper.symbol).mark
        middle = self._middles.get(paper.symbol, ZERO)
        band = Decimal(BANDS[paper.kind])
        if not middle or abs(mark - middle) > WORN * band * middle:
            middle = self._middles[paper.symbol] = mark
        instrument = self._house.exchange.instrument(paper.symbol)
        low = instrument.price_at_least(middle * (ONE - band))
        return max(low, paper.tick), instrument.price_at_most(middle * (ONE + band))

    def look(self, account: str, want: Want) -> None:
        """Raises `Refused`."""
        self.shape(want)
        self.hours(want.paper, account)
        if want.kind != LIMIT and self._faults.strikes("limit_only", symbol=want.paper.symbol):
            raise Refused(30068)
        if want.price:
            low, high = self.corridor(want.paper)
            if not low <= want.price <= high:
                raise Refused(30099)
        self.money(account, want)

    def shape(self, want: Want) -> None:
        paper = want.paper
        if not paper.by_api:
            raise Refused(30052)
        if paper.qualified:
            raise Refused(90002)
        if not 0 < want.lots <= LOTS_MAX:
            raise Refused(30015 if want.lots == 0 else 30080 if want.lots < 0 else 30016)
        self.price(paper, want.price)
        worth = self._house.exchange.instrument(paper.symbol).notional(want.units, self._at(want))
        if worth > WORTH_MAX:
            raise Refused(90003)

    def price(self, paper: Paper, price: Decimal) -> None:
        if price < 0:
            raise Refused(30100)
        if price % paper.tick:
            raise Refused(30078)

    def hours(self, paper: Paper, account: str) -> None:
        if not self._house.trades_now(paper, self._house.now_ns()):
            raise Refused(30079)
        if account in self._house.own.shut:
            raise Refused(30081)

    def money(self, account: str, want: Want) -> None:
        """Without margin, what there is; with margin, whoever borrows must have said so."""
        purse, paper = self._purse, want.paper
        margin = self._house.own.margin
        if not paper.owned:
            if not margin:
                raise Refused(30051)
            return
        if want.side == "buy":
            free = purse.money(account) - purse.blocked(account)
            covers = min(purse.held(account, paper.symbol), ZERO)
            lots = want.lots + int(covers) // paper.lot
            short = purse.cost(paper, "buy", max(lots, 0), want.price) > free
        else:
            short = want.units > purse.spare(account, paper.symbol)
            if short and not paper.shortable:
                raise Refused(30042)
        if not short:
            return
        if not margin:
            raise Refused(30034)
        if not want.confirm:
            raise Refused(90001, "the order may lead to an uncovered position")

    def _at(self, want: Want) -> Decimal:
        return want.price or self._house.exchange.market(want.paper.symbol).mark


def refused_by(reply: Reply) -> Refused:
    """The exchange's own refusal, in the venue's words."""
    code = REFUSALS.get(reply.code)
    return Refused(30049, reply.sentence) if code is None else Refused(code)
