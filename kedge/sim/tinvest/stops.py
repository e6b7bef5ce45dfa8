"""Stop orders: they wait here for a price, and become orders when the last trade reaches it.

A take-profit to buy fires as the price falls to it, a stop to buy as it rises to it; sells the other way.
Outside the session nothing fires; what was passed overnight fires at the opening. A stop whose order is
refused is executed all the same: its order is there, rejected.
"""

from __future__ import annotations

from decimal import Decimal

from kedge.model.numbers import ZERO
from kedge.sim.tinvest.codes import Refused
from kedge.sim.tinvest.desk import REJECTED_BY_BROKER, Desk
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.judge import DAY, LIMIT, MARKET, Want
from kedge.sim.tinvest.rows import StopRow, Tables

TAKE_PROFIT, STOP_LOSS, STOP_LIMIT = 1, 2, 3
ACTIVE, EXECUTED, CANCELED, EXPIRED = 2, 3, 4, 5
BY_MARKET, BY_LIMIT = 1, 2


class Stops:
    def __init__(self, house: TinvestHouse, tables: Tables, desk: Desk) -> None:
        self._house = house
        self._tables = tables
        self._desk = desk

    def add(self, stop: StopRow) -> None:
        """It waits from now on; where its price has been reached already it fires with the next tick."""
        self._tables.put_stop(stop)
        if stop.key:
            self._tables.use_key(stop.account, stop.key, stop.id, stop.created_ns)

    def next_id(self) -> str:
        own = self._house.own
        own.stops += 1
        self._house.touch()
        # Like the venue's: a UUID that says nothing.
        return f"{own.stops:08x}-5706-4000-8000-{own.birth[-12:]:0>12}"

    def cancel(self, stop: StopRow) -> None:
        if stop.status != ACTIVE:
            raise Refused(50006)
        self._end(stop, CANCELED)

    def look(self, now_ns: int) -> None:
        """Fire what the last price has reached, and end what has expired."""
        for symbol in self._tables.waiting:
            stops = self._tables.waiting_on(symbol)
            if not stops:
                continue
            for stop in stops:
                if stop.expires_ns and stop.expires_ns <= now_ns:
                    self._end(stop, EXPIRED)
            report = self._house.exchange.market(symbol)
            paper = self._house.paper(symbol)
            price = report.last or report.mark
            if not price or not self._house.trades_now(paper, now_ns):
                continue
            for stop in stops:
                if stop.status == ACTIVE and reached(stop, price):
                    self._fire(stop, now_ns)

    def _fire(self, stop: StopRow, now_ns: int) -> None:
        paper = self._house.paper(stop.symbol)
        price = stop.price if stop.exchange_type == BY_LIMIT else ZERO
        kind = LIMIT if price else MARKET
        want = Want(paper, stop.side, stop.lots, price, kind, DAY, stop.confirm)
        try:
            row = self._desk.place(stop.account, want, "", stop.id)
        except Refused as refused:
            row = self._desk.draft(stop.account, want, "")
            row.stop = stop.id
            self._desk.reject(row, refused.no, REJECTED_BY_BROKER)
        stop.order = row.id
        stop.activated_ns = now_ns
        self._end(stop, EXECUTED)

    def _end(self, stop: StopRow, status: int) -> None:
        stop.status = status
        stop.changed_ns = self._house.now_ns()
        self._tables.put_stop(stop)


def reached(stop: StopRow, price: Decimal) -> bool:
    falls = (stop.side == "buy") == (stop.kind == TAKE_PROFIT)
    return price <= stop.stop_price if falls else price >= stop.stop_price
