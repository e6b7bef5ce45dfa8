"""The exchange's calls as data: what was asked of it, in order, so that it can be asked again.

The exchange is a pure machine: the same calls on the same state give the same state. So the venue's memory
is a dump of the state and the list of calls since then. A call costs a hundred bytes to keep, whatever it
caused; keeping what it caused (orders, fills, both accounts, holds, the house's sums) would mean to write
the exchange's inside a second time, and to be wrong about it some day.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct

from kedge.model.venue import OrderReport, PlaceOrder
from kedge.sim.exchange import AmendOrder, Exchange, ExchangeConfig, Manner, Reply, Request, Terms


class _Call(Struct, frozen=True, tag=True, array_like=True):
    now_ns: int


class Placed(_Call, frozen=True):
    account: str
    order: PlaceOrder
    manner: Manner | None = None


class Amended(_Call, frozen=True):
    account: str
    change: AmendOrder


class Cancelled(_Call, frozen=True):
    account: str
    client_id: str
    venue_id: str
    valid_until_ns: int


class CancelledAll(_Call, frozen=True):
    account: str
    symbol: str


class DeadManSet(_Call, frozen=True):
    account: str
    after_ns: int


class Opened(_Call, frozen=True):
    account: str
    house: bool


class Transferred(_Call, frozen=True):
    account: str
    asset: str
    amount: Decimal


class LeverageSet(_Call, frozen=True):
    account: str
    symbol: str
    leverage: Decimal


class Fed(_Call, frozen=True):
    symbol: str
    mark: Decimal | None
    index: Decimal | None


class FundingSet(_Call, frozen=True):
    symbol: str
    rate: Decimal | None


class Funded(_Call, frozen=True):
    symbol: str


class Listed(_Call, frozen=True):
    terms: Terms


class Halted(_Call, frozen=True):
    symbol: str
    on: bool


class Advanced(_Call, frozen=True):
    pass


Call = (
    Placed
    | Amended
    | Cancelled
    | CancelledAll
    | DeadManSet
    | Opened
    | Transferred
    | LeverageSet
    | Fed
    | FundingSet
    | Funded
    | Listed
    | Halted
    | Advanced
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Call])


def encode_calls(calls: list[Call]) -> bytes:
    return _encoder.encode(calls)


def decode_calls(body: bytes) -> list[Call]:
    """Raises `msgspec.ValidationError` or `DecodeError` on bytes that are not a list of calls."""
    calls: list[Call] = _decoder.decode(body)
    return calls


class Recorded(Exchange):
    """An exchange that notes every call which may change it in `calls`."""

    calls: list[Call]

    def __init__(self, config: ExchangeConfig, now_ns: int = 0) -> None:
        self.calls = []
        super().__init__(config, now_ns)

    @classmethod
    def reload(cls, body: bytes) -> Recorded:
        """From a dump; raises what `Exchange.load` does."""
        exchange = cls.load(body)
        assert isinstance(exchange, Recorded)
        exchange.calls = []
        return exchange

    def dead_man_ns(self, account: str) -> int:
        """When the account's dead-man switch fires; 0: it is off."""
        return self._account(account).dead_man_ns

    def place(self, account: str, order: PlaceOrder, now_ns: int, manner: Manner | None = None) -> Reply:
        self.calls.append(Placed(now_ns, account, order, manner))
        return super().place(account, order, now_ns, manner)

    def amend(self, account: str, change: AmendOrder, now_ns: int) -> Reply:
        self.calls.append(Amended(now_ns, account, change))
        return super().amend(account, change, now_ns)

    def cancel(
        self, account: str, client_id: str, now_ns: int, *, venue_id: str = "", valid_until_ns: int = 0
    ) -> Reply:
        self.calls.append(Cancelled(now_ns, account, client_id, venue_id, valid_until_ns))
        return super().cancel(account, client_id, now_ns, venue_id=venue_id, valid_until_ns=valid_until_ns)

    def cancel_all(self, account: str, now_ns: int, symbol: str = "") -> tuple[OrderReport, ...]:
        self.calls.append(CancelledAll(now_ns, account, symbol))
        return super().cancel_all(account, now_ns, symbol)

    def cancel_all_after(self, account: str, after_ns: int, now_ns: int) -> Reply:
        self.calls.append(DeadManSet(now_ns, account, after_ns))
        return super().cancel_all_after(account, after_ns, now_ns)

    def open_account(self, account: str, *, house: bool = False) -> None:
        if not self.has_account(account):
            self.calls.append(Opened(self.now_ns, account, house))
        super().open_account(account, house=house)

    def transfer(self, account: str, asset: str, amount: Decimal, now_ns: int) -> Reply:
        self.calls.append(Transferred(now_ns, account, asset, amount))
        return super().transfer(account, asset, amount, now_ns)

    def set_leverage(self, account: str, symbol: str, leverage: Decimal, now_ns: int) -> Reply:
        self.calls.append(LeverageSet(now_ns, account, symbol, leverage))
        return super().set_leverage(account, symbol, leverage, now_ns)

    def list_instrument(self, terms: Terms, now_ns: int) -> None:
        self.calls.append(Listed(now_ns, terms))
        super().list_instrument(terms, now_ns)

    def send(self, account: str, request: Request, now_ns: int, tag: str = "") -> int:
        raise AssertionError("a testnet's latency is in its faults, not in the exchange")

    def feed(
        self, symbol: str, now_ns: int, *, mark: Decimal | None = None, index: Decimal | None = None
    ) -> None:
        self.calls.append(Fed(now_ns, symbol, mark, index))
        super().feed(symbol, now_ns, mark=mark, index=index)

    def set_funding(self, symbol: str, rate: Decimal | None, now_ns: int) -> None:
        self.calls.append(FundingSet(now_ns, symbol, rate))
        super().set_funding(symbol, rate, now_ns)

    def fund_now(self, symbol: str, now_ns: int) -> None:
        self.calls.append(Funded(now_ns, symbol))
        super().fund_now(symbol, now_ns)

    def halt(self, symbol: str, on: bool, now_ns: int) -> None:
        self.calls.append(Halted(now_ns, symbol, on))
        super().halt(symbol, on, now_ns)

    def advance(self, now_ns: int) -> None:
        # Every other call advances by itself; one that was noted a moment ago speaks for this one.
        if now_ns > self.now_ns and not (self.calls and self.calls[-1].now_ns == now_ns):
            self.calls.append(Advanced(now_ns))
        super().advance(now_ns)


def play(exchange: Exchange, call: Call) -> None:
    """Ask the exchange once more. What it answered then, it answers again; nobody listens now."""
    match call:
        case Placed():
            exchange.place(call.account, call.order, call.now_ns, call.manner)
        case Amended():
            exchange.amend(call.account, call.change, call.now_ns)
        case Cancelled():
            exchange.cancel(
                call.account,
                call.client_id,
                call.now_ns,
                venue_id=call.venue_id,
                valid_until_ns=call.valid_until_ns,
            )
        case CancelledAll():
            exchange.cancel_all(call.account, call.now_ns, call.symbol)
        case DeadManSet():
            exchange.cancel_all_after(call.account, call.after_ns, call.now_ns)
        case Opened():
            exchange.open_account(call.account, house=call.house)
        case Transferred():
            exchange.transfer(call.account, call.asset, call.amount, call.now_ns)
        case LeverageSet():
            exchange.set_leverage(call.account, call.symbol, call.leverage, call.now_ns)
        case Fed():
            exchange.feed(call.symbol, call.now_ns, mark=call.mark, index=call.index)
        case FundingSet():
            exchange.set_funding(call.symbol, call.rate, call.now_ns)
        case Funded():
            exchange.fund_now(call.symbol, call.now_ns)
        case Listed():
            exchange.list_instrument(call.terms, call.now_ns)
        case Halted():
            exchange.halt(call.symbol, call.on, call.now_ns)
        case Advanced():
            exchange.advance(call.now_ns)
