"""The control door: make the venue unkind, move its clock and its prices, read its truth.

One JSON object per line in, one answer out. It is for tests, demonstrations and people who want to see what
their bots do in bad weather; whoever reaches it owns the venue, so it listens on the loopback address only.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from kedge.model.numbers import BadNumber, exact
from kedge.model.order import Side
from kedge.model.venue import PlaceOrder
from kedge.sim.paper.faults import FAULTS_MAX, Fault
from kedge.sim.paper.gateway import Gateway
from kedge.sim.paper.keeper import COUNTER_ACCOUNT

LINE_MAX = 65_536
Answer = dict[str, Any]
Span = Annotated[int, Meta(ge=0, le=400 * 24 * 3600 * 10**9)]


class _Order(Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    pass


class ArmFault(_Order, frozen=True, tag="fault"):
    fault: Fault


class Clear(_Order, frozen=True, tag="clear"):
    pass


class MoveClock(_Order, frozen=True, tag="clock"):
    advance_ns: Span


class MovePrice(_Order, frozen=True, tag="price"):
    symbol: str
    price: str


class Counter(_Order, frozen=True, tag="counter"):
    symbol: str
    side: Side
    qty: str
    price: str = "0"
    tif: str = "ioc"


class Halt(_Order, frozen=True, tag="halt"):
    symbol: str


class Resume(_Order, frozen=True, tag="resume"):
    symbol: str


class Pause(_Order, frozen=True, tag="pause"):
    for_ns: Span


class Unpause(_Order, frozen=True, tag="unpause"):
    pass


class Cut(_Order, frozen=True, tag="cut"):
    account: str = ""


class Deposit(_Order, frozen=True, tag="deposit"):
    account: str
    asset: str
    amount: str


class Stats(_Order, frozen=True, tag="stats"):
    pass


class Truth(_Order, frozen=True, tag="truth"):
    pass


Order = (
    ArmFault
    | Clear
    | MoveClock
    | MovePrice
    | Counter
    | Halt
    | Resume
    | Pause
    | Unpause
    | Cut
    | Deposit
    | Stats
    | Truth
)

_order = msgspec.json.Decoder(Order)


class Control:
    """`advance` moves the venue's clock; `later` has the loop call something after so many nanoseconds."""

    def __init__(
        self,
        gateway: Gateway,
        advance: Callable[[int], None],
        later: Callable[[int, Callable[[], None]], None],
    ) -> None:
        self._gateway = gateway
        self._advance = advance
        self._later = later
        self._counters = 0
        self._pauses = 0

    def answer(self, line: bytes) -> bytes:
        """One order in, one answer out, whatever the line holds."""
        try:
            order: Order = _order.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _line({"ok": False, "text": f"Not an order: {error}"})
        try:
            answer = self._carry_out(order)
        except (BadNumber, _NoSuch) as error:
            return _line({"ok": False, "text": str(error)})
        return _line({"ok": True, **answer})

    def _carry_out(self, order: Order) -> Answer:
        gateway = self._gateway
        match order:
            case ArmFault():
                if len(gateway.faults.armed()) >= FAULTS_MAX:
                    raise _NoSuch(f"{FAULTS_MAX} faults are armed already.")
                return {"number": gateway.faults.add(order.fault)}
            case Clear():
                gateway.unpause()
                return {"cleared": gateway.faults.clear()}
            case MoveClock():
                self._advance(order.advance_ns)
                gateway.tick()
                return {"now_ns": gateway.clock()}
            case Pause():
                self._pause(order.for_ns)
                return {}
            case Unpause():
                gateway.unpause()
                return {}
            case Cut():
                return {"cut": gateway.close_all(order.account, "", "")}
            case Stats():
                return self._stats()
            case Truth():
                truth = msgspec.to_builtins(gateway.keeper.exchange.truth(), enc_hook=str)
                return {"truth": truth, "birth": gateway.keeper.birth, "stats": self._stats()}
            case MovePrice() | Counter() | Halt() | Resume() | Deposit():
                answer = self._trade(order)
                gateway.tick()
                return answer

    def _pause(self, for_ns: int) -> None:
        """Pause; a pause that follows before the end has an end of its own."""
        self._pauses += 1
        number = self._pauses

        def over() -> None:
            if number == self._pauses:
                self._gateway.unpause()

        self._gateway.pause()
        self._later(for_ns, over)

    def _trade(self, order: MovePrice | Counter | Halt | Resume | Deposit) -> Answer:
        """What moves the exchange itself."""
        gateway, exchange = self._gateway, self._gateway.keeper.exchange
        now_ns = gateway.clock()
        if isinstance(order, Deposit):
            if not exchange.has_account(order.account) or order.account.startswith("~"):
                raise _NoSuch(f"There is no account {order.account}.")
            reply = exchange.transfer(order.account, order.asset, exact(order.amount), now_ns)
            if not reply.ok:
                raise _NoSuch(reply.sentence)
            return {}
        if all(i.symbol != order.symbol for i in exchange.instruments()):
            raise _NoSuch(f"There is no instrument {order.symbol}.")
        if isinstance(order, Halt | Resume):
            exchange.halt(order.symbol, isinstance(order, Halt), now_ns)
            return {}
        if isinstance(order, MovePrice):
            price = exact(order.price)
            if price <= 0:
                raise _NoSuch("A price is above zero.")
            exchange.advance(now_ns)
            gateway.keeper.market.move(order.symbol, price, now_ns)
            return {}
        return self._counter(order, now_ns)

    def _counter(self, order: Counter, now_ns: int) -> Answer:
        exchange = self._gateway.keeper.exchange
        exchange.open_account(COUNTER_ACCOUNT, house=True)
        self._counters += 1
        price: Decimal = exact(order.price)
        reply = exchange.place(
            COUNTER_ACCOUNT,
            PlaceOrder(
                # The clock makes it unique over restarts, too.
                client_id=f"counter-{now_ns}-{self._counters}",
                symbol=order.symbol,
                side=order.side,
                qty=exact(order.qty),
                price=price,
                kind="limit" if price else "market",
                tif="gtc" if order.tif == "gtc" else "ioc",
            ),
            now_ns,
        )
        if not reply.ok or reply.order is None:
            raise _NoSuch(reply.sentence)
        return {"filled": str(reply.order.cum_qty), "state": reply.order.state.value}

    def _stats(self) -> Answer:
        gateway = self._gateway
        counts = {name: guard.counts for name, guard in gateway.guards.items()}
        for name, kept in gateway.keeper.counts.items():
            counts.setdefault(name, kept)
        return {
            "now_ns": gateway.clock(),
            "connections": len(gateway.connections),
            "requests": gateway.requests,
            "refused": sum(c.refused for c in counts.values()),
            "bans": sum(c.bans for c in counts.values()),
            "accounts": {name: msgspec.to_builtins(c) for name, c in counts.items()},
            "faults_armed": [msgspec.to_builtins(f) for f in gateway.faults.armed()],
            "faults_fired": dict(gateway.faults.fired),
            "paused": gateway.paused,
        }


class _NoSuch(ValueError):
    """The order cannot be carried out; the text says why."""


def _line(answer: Answer) -> bytes:
    return msgspec.json.encode(answer) + b"\n"
