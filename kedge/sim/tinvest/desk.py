"""The trading desk: orders are placed, cancelled and replaced here, and what becomes of them is learnt here.

`place` is one order from a judged want to the exchange's answer. What the exchange then says of it (fills,
ends) comes through `learn`, which brings the rows in line and tells `said`, where streams find it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kedge.model.numbers import ZERO
from kedge.model.order import State, Tif, sign
from kedge.model.venue import Fill, OrderReport, PlaceOrder
from kedge.sim.exchange import (
    BalancesChanged,
    FillMade,
    Happening,
    OrderChanged,
    PositionChanged,
    Reply,
)
from kedge.sim.testnet.faults import Faults
from kedge.sim.tinvest.board import Paper, uuid_of
from kedge.sim.tinvest.calendar import day_ends_ns
from kedge.sim.tinvest.codes import No, Refused
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.judge import ALL, KILL, MARKET, Judge, Want, refused_by
from kedge.sim.tinvest.rows import (
    CANCELLED,
    FILL,
    NEW,
    ORDER_BASE,
    PARTLY,
    REJECTED,
    OrderRow,
    Tables,
    TradeRow,
)

BY_CLIENT, BY_EXCHANGE, NO_POSITION = 15, 1, 2
REJECTED_BY_BROKER, REJECTED_BY_EXCHANGE = 4, 5
MARKER_MARGIN = 4
SAID_MAX = 100_000
TIFS: dict[int, Tif] = {KILL: "ioc", ALL: "fok"}

Word = Literal["order", "trade", "position"]


class Said(Struct, frozen=True):
    """Something to tell an account's streams. `row` is the order as it was then, `trades` what is new."""

    word: Word
    account: str
    row: OrderRow | None = None
    trades: tuple[TradeRow, ...] = ()
    order_id: str = ""
    symbols: tuple[str, ...] = ()


class Desk:
    def __init__(self, house: TinvestHouse, tables: Tables, judge: Judge, faults: Faults) -> None:
        self.said: deque[Said] = deque(maxlen=SAID_MAX)
        self._house = house
        self._tables = tables
        self._judge = judge
        self._faults = faults
        self._pending: dict[str, tuple[TradeRow, ...]] = {}
        house.learners.append(self.learn)

    # ── placing ─────────────────────────────────────────────────────────────────────────────────

    def draft(self, account: str, want: Want, key: str) -> OrderRow:
        """The order as the broker has taken it: it has an internal number, and no other yet."""
        now_ns = self._house.now_ns()
        internal = self._tables.next_internal()
        request = key.lower() if is_uuid(key) else uuid_of(f"request:{account}:{internal}")
        return OrderRow(
            id=internal,
            internal=internal,
            account=account,
            symbol=want.paper.symbol,
            side=want.side,
            lots=want.lots,
            price=want.price,
            kind=want.kind,
            tif=want.tif,
            created_ns=now_ns,
            key=key,
            request=request,
            changed_ns=now_ns,
            ends_ns=self._day_ends(want.paper, now_ns),
            confirm=want.confirm,
        )

    def place(self, account: str, want: Want, key: str, stop: str = "") -> OrderRow:
        """Raises `Refused`; then there is no order, and the key is as good as before."""
        self._judge.look(account, want)
        row = self.draft(account, want, key)
        row.stop = stop
        reply = self._send(row, want)
        if not reply.ok:
            raise refused_by(reply)
        if key:
            self._tables.use_key(account, key, row.id, row.created_ns)
        return row

    def take(self, account: str, want: Want, key: str, delay_ns: int) -> OrderRow:
        """An order that the broker takes now and brings to the exchange later: `arrive`."""
        self._judge.shape(want)
        row = self.draft(account, want, key)
        row.due_ns = row.created_ns + delay_ns
        self._tables.put(row)
        self._tables.use_key(account, key, row.id, row.created_ns)
        self._tell_first(row)
        return row

    def arrive(self, now_ns: int) -> None:
        """What was taken by the broker reaches the exchange, or is rejected."""
        for row in self._tables.living():
            if not row.due_ns or row.due_ns > now_ns:
                continue
            paper = self._house.paper(row.symbol)
            want = Want(paper, row.side, row.lots, row.price, row.kind, row.tif, row.confirm)
            try:
                self._judge.look(row.account, want)
            except Refused as refused:
                self.reject(row, refused.no, REJECTED_BY_BROKER)
                continue
            row.due_ns = 0
            reply = self._send(row, want, was=row.id)
            if not reply.ok:
                self.reject(row, refused_by(reply).no, REJECTED_BY_EXCHANGE)

    def reject(self, row: OrderRow, no: No, cause: int) -> None:
        """It never reached the book; the row stays, for whoever asks."""
        row.status, row.cause, row.message, row.due_ns = REJECTED, cause, no.text, 0
        row.done_ns = row.changed_ns = self._house.now_ns()
        self._tables.put(row)
        self._say(row)

    def _send(self, row: OrderRow, want: Want, was: str = "") -> Reply:
        """To the exchange. The row is kept before the exchange's news are learnt."""
        now_ns = self._house.now_ns()
        order = PlaceOrder(
            row.request,
            row.symbol,
            row.side,
            want.units,
            want.price,
            "limit" if want.price else "market",
            TIFS.get(row.tif, "gtc") if want.price else "ioc",
        )
        reply = self._house.exchange.place(row.account, order, now_ns)
        if not reply.ok or reply.order is None:
            return reply
        before = row.id
        row.number = reply.order.venue_id
        row.id = str(ORDER_BASE + int(row.number))
        self._tables.put(row, was or before)
        if was and row.key:
            self._tables.use_key(row.account, row.key, row.id, row.created_ns)
        if not was:
            self._tell_first(row)
        return reply

    def _day_ends(self, paper: Paper, now_ns: int) -> int:
        return day_ends_ns(self._house.schedule(paper), now_ns)

    # ── ending ──────────────────────────────────────────────────────────────────────────────────

    def cancel(self, row: OrderRow, cause: int = BY_CLIENT) -> None:
        """Raises `Refused` where there is nothing left to cancel."""
        if not row.open:
            raise Refused(30059, f"order {row.id} is finished")
        if not row.number:
            row.status, row.cause, row.due_ns = CANCELLED, cause, 0
            row.done_ns = row.changed_ns = self._house.now_ns()
            self._tables.put(row)
            self._say(row)
            return
        row.cause = cause
        reply = self._house.exchange.cancel(row.account, "", self._house.now_ns(), venue_id=row.number)
        if not reply.ok:
            row.cause = 0
            raise Refused(30059, reply.sentence)

    def end_day(self, now_ns: int) -> None:
        """Orders that are good for the day go with it."""
        for row in self._tables.living():
            if row.ends_ns and row.ends_ns <= now_ns:
                self.cancel(row, BY_EXCHANGE)

    # ── learning ────────────────────────────────────────────────────────────────────────────────

    def learn(self, news: Sequence[Happening]) -> None:
        for happening in news:
            match happening:
                case FillMade():
                    self._filled(happening.account, happening.fill)
                case OrderChanged():
                    self._changed(happening.order)
                case BalancesChanged():
                    self.said.append(Said("position", happening.account))
                case PositionChanged():
                    symbol = happening.position.symbol
                    self.said.append(Said("position", happening.account, symbols=(symbol,)))
                case _:
                    pass

    def _filled(self, account: str, fill: Fill) -> None:
        paper = self._house.paper(fill.symbol)
        row = self._tables.of_number(fill.venue_id) if fill.venue_id else None
        if row is None:
            row = self._brokers_own(account, fill, paper)
        lots = int(fill.qty) // paper.lot
        trade = TradeRow(fill.exec_id, lots, fill.price, fill.venue_ns)
        row.trades = (*row.trades, trade)
        row.done += lots
        row.points += fill.price * lots
        row.worth += self._house.exchange.instrument(fill.symbol).notional(fill.qty, fill.price)
        row.commission += fill.fee
        row.changed_ns = fill.venue_ns
        interest = paper.accrued(fill.venue_ns) * fill.qty
        if interest:
            row.accrued += interest
            own = self._house.own
            own.accrued[account] = own.accrued.get(account, ZERO) - sign(fill.side) * interest
            self._house.touch()
        self._tables.put(row)
        self._pending[row.id] = (*self._pending.get(row.id, ()), trade)
        self.said.append(Said("trade", account, _copy(row), (trade,), row.id))
        if not row.number:
            row.status, row.done_ns = FILL, fill.venue_ns
            self._tables.put(row)
            self._say(row)

    def _changed(self, report: OrderReport) -> None:
        row = self._tables.of_number(report.venue_id)
        if row is None or not row.open:
            return
        row.changed_ns = report.venue_ns
        if report.state is State.OPEN:
            row.status = PARTLY if row.done else NEW
        else:
            row.done_ns = report.venue_ns
            row.status = FILL if report.state is State.FILLED else CANCELLED
            if row.status == CANCELLED:
                row.cause = row.cause or BY_EXCHANGE
                row.message = report.reason
        self._tables.put(row)
        self._say(row)

    def _brokers_own(self, account: str, fill: Fill, paper: Paper) -> OrderRow:
        """A fill that nobody asked for: a liquidation, or a delivery."""
        lots = int(fill.qty) // paper.lot
        want = Want(paper, fill.side, lots, ZERO, MARKET, 0)
        row = self.draft(account, want, "")
        row.marker = MARKER_MARGIN if fill.kind == "liquidation" else 1
        row.message = fill.kind
        return row

    # ── telling ─────────────────────────────────────────────────────────────────────────────────

    def _tell_first(self, row: OrderRow) -> None:
        """The broker has it; the exchange has not numbered it yet."""
        if self._house.own.internal_first:
            first = _copy(row)
            first.status = NEW
            self.said.append(Said("order", row.account, first, (), row.internal))

    def _say(self, row: OrderRow) -> None:
        trades = self._pending.pop(row.id, ())
        self.said.append(Said("order", row.account, _copy(row), trades, row.id))


def is_uuid(text: str) -> bool:
    parts = text.split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and all(
        letter in "0123456789abcdefABCDEF" for part in parts for letter in part
    )


def _copy(row: OrderRow) -> OrderRow:
    return replace(row)


def direction(side: str) -> int:
    return 1 if side == "buy" else 2


def average(row: OrderRow) -> Decimal:
    """Of what was executed, in the instrument's own price."""
    return row.points / row.done if row.done else ZERO
