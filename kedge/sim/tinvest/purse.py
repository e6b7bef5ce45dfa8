"""What an account has, as this venue tells it: money, blocked money, papers, margin.

Inside the exchange every paper is carried on margin and only its profit becomes cash. Here what is owned was
paid for: the value at which positions in shares, bonds, funds and currencies were entered is taken out of the
money again, exactly, so that buying costs what it costs and selling short brings money and a negative number
of papers. Futures stay what they are: nothing is paid for them; their profit is money when they are closed.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import ONE, ZERO
from kedge.model.order import Side
from kedge.sim.tinvest.board import Paper
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.rows import OrderRow, Tables

COMMISSION = Decimal("0.0005")


class Holding(Struct, frozen=True):
    """A position. `free` and `blocked` are units; a short one is negative."""

    paper: Paper
    qty: Decimal
    blocked: Decimal
    entry: Decimal  # average price
    mark: Decimal

    @property
    def free(self) -> Decimal:
        return self.qty - self.blocked


class Margin(Struct, frozen=True):
    liquid: Decimal
    starting: Decimal
    minimal: Decimal


class Purse:
    def __init__(self, house: TinvestHouse, tables: Tables) -> None:
        self._house = house
        self._tables = tables

    def money(self, account: str, currency: str = "rub") -> Decimal:
        """All of it, what is blocked included; below zero it is borrowed."""
        exchange = self._house.exchange
        total = sum((one.total for one in exchange.balances(account) if one.asset == currency), ZERO)
        for position in exchange.positions(account):
            paper = self._house.paper(position.symbol)
            if paper.owned and paper.currency == currency:
                total -= exchange.entered(account, position.symbol)
        if currency == "rub":
            total += self._house.own.accrued.get(account, ZERO)
        return total

    def blocked(self, account: str) -> Decimal:
        """Roubles behind open buy orders."""
        found = ZERO
        for row in self._open(account):
            paper = self._house.paper(row.symbol)
            if row.side == "buy" and paper.owned and paper.currency == "rub":
                found += self._cost(paper, row.lots - row.done, row.price)
        return found

    def holdings(self, account: str) -> list[Holding]:
        exchange, house = self._house.exchange, self._house
        blocked: dict[str, Decimal] = {}
        for row in self._open(account):
            if row.side == "sell":
                left = Decimal((row.lots - row.done) * house.paper(row.symbol).lot)
                blocked[row.symbol] = blocked.get(row.symbol, ZERO) + left
        found = []
        for position in exchange.positions(account):
            paper = house.paper(position.symbol)
            held = min(blocked.get(position.symbol, ZERO), max(position.qty, ZERO))
            mark = exchange.market(position.symbol).mark
            found.append(Holding(paper, position.qty, held, position.price, mark))
        return found

    def held(self, account: str, symbol: str) -> Decimal:
        found = self._house.exchange.positions(account)
        return next((one.qty for one in found if one.symbol == symbol), ZERO)

    def spare(self, account: str, symbol: str) -> Decimal:
        """Papers that are held and not behind an open sell order."""
        found = next((one for one in self.holdings(account) if one.paper.symbol == symbol), None)
        return max(found.free, ZERO) if found else ZERO

    def usable(self, account: str) -> Decimal:
        """What the exchange lets be used as margin."""
        found = self._house.exchange.balances(account)
        return next((one.free for one in found if one.asset == "rub"), ZERO)

    def margin(self, account: str) -> Margin:
        liquid = self.money(account)
        starting = ZERO
        for one in self.holdings(account):
            value = self._house.exchange.instrument(one.paper.symbol).value(one.qty, one.mark)
            if one.paper.owned:
                liquid += value
            else:
                liquid += value - self._house.exchange.entered(account, one.paper.symbol)
            starting += abs(value) * one.paper.margin_rate
        return Margin(liquid, starting, starting / 2)

    def cost(self, paper: Paper, side: Side, lots: int, price: Decimal) -> Decimal:
        """What a purchase takes, accrued interest and commission included; a sale takes nothing."""
        return self._cost(paper, lots, price) if side == "buy" and paper.owned else ZERO

    def _cost(self, paper: Paper, lots: int, price: Decimal) -> Decimal:
        units = Decimal(lots * paper.lot)
        at = price or self._house.exchange.market(paper.symbol).mark
        value = self._house.exchange.instrument(paper.symbol).value(units, at)
        return value * (ONE + COMMISSION) + units * paper.accrued(self._house.now_ns())

    def _open(self, account: str) -> list[OrderRow]:
        return [row for row in self._tables.living() if row.account == account]
