"""The control door: make a venue unkind, move its clock and its prices, read its truth.

One JSON object in, one answer out; `doors` carries them. It is for tests, demonstrations and people who want
to see what their bots do in bad weather; whoever reaches it owns the venue, so it listens on the loopback
address only.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Protocol, get_args

import msgspec
from msgspec import Meta, Raw, Struct

from kedge.model.numbers import BadNumber, exact
from kedge.model.order import Side
from kedge.model.venue import PlaceOrder
from kedge.sim.testnet.clock import Later, VenueClock
from kedge.sim.testnet.keeper import Keeper
from kedge.sim.testnet.keys import ApiKey

COUNTER_ACCOUNT = "_counter"
# A liquidation is looked for in strides of two percent, to a thousandth of the price or a thousandfold.
LIQUIDATION_STRIDE = Decimal("0.02")
LIQUIDATION_STRIDES = 350

Answer = dict[str, Any]
Span = Annotated[int, Meta(ge=0, le=400 * 24 * 3600 * 10**9)]


class _Order(Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    pass


class ArmFault(_Order, frozen=True, tag="fault"):
    """Arm a fault; its number."""

    fault: Raw


class Clear(_Order, frozen=True, tag="clear"):
    """Disarm all faults, end a pause."""


class MoveClock(_Order, frozen=True, tag="clock"):
    """Move the venue's clock forward; everything that is due happens."""

    advance_ns: Span


class MovePrice(_Order, frozen=True, tag="price"):
    """Move the market to this price, through the book."""

    symbol: str
    price: str


class Counter(_Order, frozen=True, tag="counter"):
    """An order of an account of its own, which has money without end; without a price, at the market."""

    symbol: str
    side: Side
    qty: str
    price: str = "0"
    tif: str = "ioc"


class Fund(_Order, frozen=True, tag="fund"):
    """Pay funding now; at this rate where one is given."""

    symbol: str
    rate: str = ""


class Liquidate(_Order, frozen=True, tag="liquidate"):
    """Move the mark against the account until its position is taken from it."""

    account: str
    symbol: str


class Halt(_Order, frozen=True, tag="halt"):
    """Stop trading in one instrument."""

    symbol: str


class Resume(_Order, frozen=True, tag="resume"):
    """Let it go on."""

    symbol: str


class Pause(_Order, frozen=True, tag="pause"):
    """The venue does nothing and says nothing; what arrives meanwhile is done afterwards."""

    for_ns: Span


class Unpause(_Order, frozen=True, tag="unpause"):
    """End a pause."""


class Cut(_Order, frozen=True, tag="cut"):
    """Break connections: of an account, of paths that begin so, or all."""

    account: str = ""
    path: str = ""


class Deposit(_Order, frozen=True, tag="deposit"):
    """Pay into an account, or (negative) out of it."""

    account: str
    asset: str
    amount: str


class AddKey(_Order, frozen=True, tag="key"):
    """Let an API key in, with these rights, from these addresses ([]: all); opens the account."""

    key: str
    secret: str
    account: str = "main"
    reads: bool = True
    trades: bool = True
    withdraws: bool = False
    ips: tuple[str, ...] = ()


class Stats(_Order, frozen=True, tag="stats"):
    """Connections, requests, refusals, bans, faults armed and fired."""


class Truth(_Order, frozen=True, tag="truth"):
    """Everything: orders, fills, cash, positions, books, sums per asset, and whether the laws hold."""


class Help(_Order, frozen=True, tag="help"):
    """What can be asked here, and the faults this venue knows."""


Order = (
    ArmFault
    | Clear
    | MoveClock
    | MovePrice
    | Counter
    | Fund
    | Liquidate
    | Halt
    | Resume
    | Pause
    | Unpause
    | Cut
    | Deposit
    | AddKey
    | Stats
    | Truth
    | Help
)
_Trade = MovePrice | Counter | Fund | Liquidate | Halt | Resume | Deposit

_order = msgspec.json.Decoder(Order)


class NoSuch(ValueError):
    """The order cannot be carried out; the text says why."""


class Venue(Protocol):
    """What the control door does things to."""

    @property
    def clock(self) -> VenueClock: ...

    @property
    def keeper(self) -> Keeper[Any]: ...

    def tick(self) -> None:
        """What has been done is told to everybody."""

    def pause(self) -> None: ...

    def unpause(self) -> None: ...

    def cut(self, account: str, path: str) -> int: ...

    def arm(self, fault: bytes) -> int:
        """Its number. Raises `NoSuch`."""

    def clear(self) -> int: ...

    def faults(self) -> dict[str, str]:
        """The faults there are, each with a word of help where there is one."""

    def add_key(self, key: ApiKey) -> None:
        """Raises `NoSuch` where keys are not added."""

    def stats(self) -> Answer: ...


class Control:
    """`later` has the loop call something after so many nanoseconds."""

    def __init__(self, venue: Venue, later: Later) -> None:
        self._venue = venue
        self._later = later
        self._counters = 0
        self._pauses = 0

    def answer(self, line: bytes) -> Answer:
        """One order in, one answer out, whatever the line holds."""
        try:
            order: Order = _order.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return {"ok": False, "text": f"Not an order: {error}"}
        try:
            return {"ok": True, **self._carry_out(order)}
        except (BadNumber, NoSuch) as error:
            return {"ok": False, "text": str(error)}

    def _carry_out(self, order: Order) -> Answer:
        venue = self._venue
        match order:
            case ArmFault():
                number = venue.arm(bytes(order.fault))
                venue.tick()
                return {"number": number}
            case Clear():
                venue.unpause()
                return {"cleared": venue.clear()}
            case MoveClock():
                venue.clock.advance(order.advance_ns)
                venue.tick()
                return {"now_ns": venue.clock.now_ns()}
            case Pause():
                self._pause(order.for_ns)
                return {}
            case Unpause():
                venue.unpause()
                return {}
            case Cut():
                return {"cut": venue.cut(order.account, order.path)}
            case AddKey():
                rights = (order.reads, order.trades, order.withdraws)
                venue.add_key(ApiKey(order.key, order.secret, order.account, *rights, order.ips))
                venue.tick()
                return {}
            case Stats() | Truth() | Help():
                return self._tell(order)
            case _:
                answer = self._trade(order)
                venue.tick()
                return answer

    def _tell(self, order: Stats | Truth | Help) -> Answer:
        venue, exchange = self._venue, self._venue.keeper.exchange
        if isinstance(order, Stats):
            return venue.stats()
        if isinstance(order, Help):
            orders = {one.__struct_config__.tag: (one.__doc__ or "") for one in get_args(Order)}
            return {"orders": orders, "faults": venue.faults()}
        truth = msgspec.to_builtins(exchange.truth(), enc_hook=str)
        birth, faults = venue.keeper.birth, exchange.faults()
        return {"truth": truth, "birth": birth, "broken_laws": faults, "stats": venue.stats()}

    def _pause(self, for_ns: int) -> None:
        """Pause; a pause that follows before the end has an end of its own."""
        self._pauses += 1
        number = self._pauses

        def over() -> None:
            if number == self._pauses:
                self._venue.unpause()

        self._venue.pause()
        self._later(for_ns, over)

    # ── what moves the exchange itself ──────────────────────────────────────────────────────────

    def _trade(self, order: _Trade) -> Answer:
        exchange, now_ns = self._venue.keeper.exchange, self._venue.clock.now_ns()
        if isinstance(order, Deposit | Liquidate) and order.account not in exchange.accounts():
            raise NoSuch(f"There is no account {order.account}.")
        if isinstance(order, Deposit):
            reply = exchange.transfer(order.account, order.asset, exact(order.amount), now_ns)
            if not reply.ok:
                raise NoSuch(reply.sentence)
            return {}
        if all(i.symbol != order.symbol for i in exchange.instruments()):
            raise NoSuch(f"There is no instrument {order.symbol}.")
        match order:
            case Halt() | Resume():
                exchange.halt(order.symbol, isinstance(order, Halt), now_ns)
                return {}
            case MovePrice():
                price = exact(order.price)
                if price <= 0:
                    raise NoSuch("A price is above zero.")
                exchange.advance(now_ns)
                self._venue.keeper.market.move(order.symbol, price, now_ns)
                return {}
            case Fund():
                return self._fund(order, now_ns)
            case Liquidate():
                return self._liquidate(order, now_ns)
            case Counter():
                return self._counter(order, now_ns)

    def _fund(self, order: Fund, now_ns: int) -> Answer:
        exchange = self._venue.keeper.exchange
        if not exchange.market(order.symbol).funding_ns:
            raise NoSuch(f"{order.symbol} has no funding.")
        if order.rate:
            exchange.set_funding(order.symbol, exact(order.rate), now_ns)
        rate = exchange.market(order.symbol).funding_rate
        exchange.fund_now(order.symbol, now_ns)
        if order.rate:
            exchange.set_funding(order.symbol, None, now_ns)
        return {"rate": str(rate)}

    def _liquidate(self, order: Liquidate, now_ns: int) -> Answer:
        """Move the mark and nothing else, and bring it back. Others who stand there go the same way."""
        exchange = self._venue.keeper.exchange
        qty = self._position(order)
        mark = before = exchange.market(order.symbol).mark
        if not qty or not mark:
            raise NoSuch(f"{order.account} has no position in {order.symbol}.")
        for _ in range(LIQUIDATION_STRIDES):
            mark += -mark * LIQUIDATION_STRIDE if qty > 0 else mark * LIQUIDATION_STRIDE
            exchange.feed(order.symbol, now_ns, mark=mark)
            if self._position(order) != qty:
                exchange.feed(order.symbol, now_ns, mark=before)
                return {"mark": str(mark)}
        exchange.feed(order.symbol, now_ns, mark=before)
        raise NoSuch(f"{order.account} has so much money that no price of {order.symbol} ruins it.")

    def _position(self, order: Liquidate) -> Decimal:
        positions = self._venue.keeper.exchange.positions(order.account)
        return next((p.qty for p in positions if p.symbol == order.symbol), Decimal(0))

    def _counter(self, order: Counter, now_ns: int) -> Answer:
        exchange = self._venue.keeper.exchange
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
            raise NoSuch(reply.sentence)
        return {"filled": str(reply.order.cum_qty), "state": reply.order.state.value}
