"""The paper dialect as the venue speaks it: request lines to values, values to lines. Pure.

Written from docs/reference/paper-dialect.md alone; the client's codec is another one. Nothing here raises for
what arrives: a line that is no request is a `BadLine` with a code and a sentence.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from kedge.model.instrument import Instrument
from kedge.model.numbers import text
from kedge.model.order import OrderKind, Side, Tif, Trigger
from kedge.model.venue import Balance, Cash, Fill, Level, OrderReport, VenuePosition
from kedge.sim.exchange.nouns import BookView, MarketReport

PROTOCOL = 1
LINE_MAX = 65_536
PAGE_MAX = 500
SYMBOLS_MAX = 64
DEPTH = 50

# Few enough digits that arithmetic on them is exact and cheap. `\Z`, because `$` lets a "\n" pass.
Number = Annotated[str, Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,18})?\Z")]
Id = Annotated[int, Meta(ge=1, lt=1 << 53)]
Nanos = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
ClientId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,36}\Z")]
Symbol = Annotated[str, Meta(min_length=1, max_length=64)]
# The venue's birth and a number; older than that is none of its cursors.
Cursor = Annotated[str, Meta(pattern=r"^([0-9a-z]{1,16}-[0-9]{1,18})?\Z")]
Limit = Annotated[int, Meta(ge=1, le=PAGE_MAX)]
Hex = Annotated[str, Meta(max_length=128)]
AfterNs = Annotated[int, Meta(ge=0, le=3_600_000_000_000)]


# ── requests ────────────────────────────────────────────────────────────────────────────────────


class _Request(Struct, frozen=True, tag_field="op"):
    id: Id


class Hello(_Request, frozen=True, tag="hello"):
    protocol: int
    key: Annotated[str, Meta(max_length=128)]
    account: Annotated[str, Meta(max_length=128)]
    signature: Hex


class Ping(_Request, frozen=True, tag="ping"):
    pass


class Time(_Request, frozen=True, tag="time"):
    pass


class DeadMan(_Request, frozen=True, tag="dead_man"):
    after_ns: AfterNs


class Place(_Request, frozen=True, tag="place"):
    client_id: ClientId
    symbol: Symbol
    side: Side
    qty: Number
    price: Number
    kind: OrderKind = "limit"
    tif: Tif = "gtc"
    reduce_only: bool = False
    trigger_price: Number = "0"
    trigger_by: Trigger = "last"
    valid_until_ns: Nanos = 0
    expires_ns: Nanos = 0


class Amend(_Request, frozen=True, tag="amend"):
    client_id: ClientId
    symbol: Symbol
    price: Number
    qty: Number
    valid_until_ns: Nanos = 0


class Cancel(_Request, frozen=True, tag="cancel"):
    client_id: ClientId
    symbol: Symbol
    valid_until_ns: Nanos = 0


class CancelAll(_Request, frozen=True, tag="cancel_all"):
    symbol: Annotated[str, Meta(max_length=64)] = ""
    valid_until_ns: Nanos = 0


class Leverage(_Request, frozen=True, tag="leverage"):
    symbol: Symbol
    leverage: Number
    valid_until_ns: Nanos = 0


class Instruments(_Request, frozen=True, tag="instruments"):
    pass


class OpenOrders(_Request, frozen=True, tag="open_orders"):
    after: Cursor = ""
    limit: Limit = PAGE_MAX


class OneOrder(_Request, frozen=True, tag="order"):
    client_id: ClientId
    symbol: str = ""


class Fills(_Request, frozen=True, tag="fills"):
    cursor: Cursor = ""
    limit: Limit = PAGE_MAX


class CashMoves(_Request, frozen=True, tag="cash"):
    cursor: Cursor = ""
    limit: Limit = PAGE_MAX


class Positions(_Request, frozen=True, tag="positions"):
    pass


class Balances(_Request, frozen=True, tag="balances"):
    pass


class Quotes(_Request, frozen=True, tag="quotes"):
    symbols: tuple[Symbol, ...] = ()


class PrivateOn(_Request, frozen=True, tag="private_on"):
    pass


class Watch(_Request, frozen=True, tag="watch"):
    symbols: tuple[Symbol, ...]


class Snapshot(_Request, frozen=True, tag="snapshot"):
    symbol: Symbol


Deed = Place | Amend | Cancel | CancelAll | Leverage
Question = Instruments | OpenOrders | OneOrder | Fills | CashMoves | Positions | Balances | Quotes | Time
Subscription = PrivateOn | Watch | Snapshot | DeadMan
Request = (
    Hello
    | Ping
    | Time
    | DeadMan
    | Place
    | Amend
    | Cancel
    | CancelAll
    | Leverage
    | Instruments
    | OpenOrders
    | OneOrder
    | Fills
    | CashMoves
    | Positions
    | Balances
    | Quotes
    | PrivateOn
    | Watch
    | Snapshot
)


class BadLine(Struct, frozen=True):
    """Not a request. `id` is the request's own where it can still be read, else 0."""

    id: int
    code: str
    text: str


class _Header(Struct, frozen=True):
    id: Id = 0
    op: str = ""


OPS: tuple[str, ...] = (
    "hello",
    "ping",
    "time",
    "dead_man",
    "place",
    "amend",
    "cancel",
    "cancel_all",
    "leverage",
    "instruments",
    "open_orders",
    "order",
    "fills",
    "cash",
    "positions",
    "balances",
    "quotes",
    "private_on",
    "watch",
    "snapshot",
)

_request = msgspec.json.Decoder(Request)
_header = msgspec.json.Decoder(_Header)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Lines:
    """Takes bytes as they come and gives whole lines; `broken` once a line has grown too long."""

    def __init__(self, line_max: int = LINE_MAX) -> None:
        self.broken = False
        self._line_max = line_max
        self._open = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        whole: list[bytes] = []
        for piece in data.splitlines(keepends=True) if not self.broken else []:
            self._open += piece
            if len(self._open) > self._line_max + 1:
                self.broken = True
                break
            if piece.endswith(b"\n"):
                whole.append(bytes(self._open).strip())
                self._open.clear()
        return [one for one in whole if one]


def read_request(line: bytes) -> Request | BadLine:
    """One line from a client."""
    try:
        request: Request = _request.decode(line)
    except _UNREADABLE as error:
        return _bad_line(line, str(error))
    return request


def _bad_line(line: bytes, why: str) -> BadLine:
    try:
        header = _header.decode(line)
    except _UNREADABLE:
        return BadLine(0, "bad_request", f"Not a request: {why}")
    if header.op not in OPS:
        return BadLine(header.id, "unknown_op", f"There is no {header.op[:40]!r}.")
    if header.op in ("fills", "cash", "open_orders") and ("$.cursor" in why or "$.after" in why):
        return BadLine(header.id, "bad_cursor", "That is not a cursor of this venue.")
    return BadLine(header.id, "bad_request", f"Not a {header.op}: {why}")


def op_of(request: Request) -> str:
    """The request's own word, as faults match it."""
    return str(request.__struct_config__.tag)


def is_account(name: str) -> bool:
    """Whether a client may have an account of this name."""
    return re.fullmatch(r"[a-z0-9-][a-z0-9_-]{0,31}", name) is not None


def signature(secret: str, challenge: str, key: str, account: str) -> str:
    """What the client's `hello` must carry."""
    message = f"kedge-paper-{PROTOCOL}\n{challenge}\n{key}\n{account}"
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


# ── messages ────────────────────────────────────────────────────────────────────────────────────

Message = dict[str, Any]
_encode = msgspec.json.Encoder().encode


def line(message: Message) -> bytes:
    return _encode(message) + b"\n"


def challenge(words: str, now_ns: int) -> Message:
    return {"t": "challenge", "protocol": PROTOCOL, "venue": "paper", "challenge": words, "now_ns": now_ns}


def done(id: int, now_ns: int, body: Message) -> Message:
    return {"t": "reply", "id": id, "ok": True, "now_ns": now_ns, "body": body}


def refused(
    id: int, now_ns: int, code: str, text: str, *, retry_ns: int = 0, body: Message | None = None
) -> Message:
    message: Message = {"t": "reply", "id": id, "ok": False, "now_ns": now_ns, "code": code, "text": text}
    if retry_ns:
        message["retry_ns"] = retry_ns
    if body:
        message["body"] = body
    return message


def bye(code: str, text: str, retry_ns: int = 0) -> Message:
    return {"t": "bye", "code": code, "text": text, "retry_ns": retry_ns}


def book(
    symbol: str, kind: str, seq: int, prev: int, bids: Iterable[Level], asks: Iterable[Level], venue_ns: int
) -> Message:
    return {
        "t": "book",
        "symbol": symbol,
        "kind": kind,
        "seq": seq,
        "prev": prev,
        "bids": [[text(b.price), text(b.qty)] for b in bids],
        "asks": [[text(a.price), text(a.qty)] for a in asks],
        "venue_ns": venue_ns,
    }


def mark(
    symbol: str, mark: Decimal, index: Decimal, last: Decimal, funding_rate: Decimal, venue_ns: int
) -> Message:
    return {
        "t": "mark",
        "symbol": symbol,
        "mark": text(mark),
        "index": text(index),
        "last": text(last),
        "funding_rate": text(funding_rate),
        "venue_ns": venue_ns,
    }


def quote_body(view: BookView, report: MarketReport, funding_interval_ns: int) -> Message:
    bid, ask = view.bids[:1], view.asks[:1]
    return {
        "symbol": view.symbol,
        "bid": text(bid[0].price) if bid else "0",
        "bid_qty": text(bid[0].qty) if bid else "0",
        "ask": text(ask[0].price) if ask else "0",
        "ask_qty": text(ask[0].qty) if ask else "0",
        "last": text(report.last),
        "mark": text(report.mark),
        "funding_rate": text(report.funding_rate),
        "funding_ns": report.funding_ns,
        "funding_interval_ns": funding_interval_ns,
    }


def order_body(o: OrderReport) -> Message:
    return {
        "client_id": o.client_id,
        "venue_id": o.venue_id,
        "symbol": o.symbol,
        "side": o.side,
        "kind": o.kind,
        "trigger_price": text(o.trigger_price),
        "expires_ns": o.expires_ns,
        "qty": text(o.qty),
        "price": text(o.price),
        "cum_qty": text(o.cum_qty),
        "state": o.state.value,
        "reason": o.reason,
        "version": o.version,
        "venue_ns": o.venue_ns,
    }


def fill_body(f: Fill) -> Message:
    return {
        "exec_id": f.exec_id,
        "client_id": f.client_id,
        "venue_id": f.venue_id,
        "symbol": f.symbol,
        "side": f.side,
        "qty": text(f.qty),
        "price": text(f.price),
        "fee": text(f.fee),
        "fee_asset": f.fee_asset,
        "maker": f.maker,
        "kind": f.kind,
        "venue_ns": f.venue_ns,
    }


def cash_body(c: Cash) -> Message:
    return {
        "cash_id": c.cash_id,
        "kind": c.kind,
        "asset": c.asset,
        "amount": text(c.amount),
        "symbol": c.symbol,
        "venue_ns": c.venue_ns,
    }


def position_body(p: VenuePosition) -> Message:
    return {"symbol": p.symbol, "qty": text(p.qty), "price": text(p.price)}


def balance_body(b: Balance) -> Message:
    return {"asset": b.asset, "total": text(b.total), "free": text(b.free)}


def instrument_body(i: Instrument) -> Message:
    sessions = None
    if i.sessions is not None:
        sessions = [{"open_ns": s.open_ns, "close_ns": s.close_ns} for s in i.sessions]
    return {
        "symbol": i.symbol,
        "kind": i.kind,
        "base": i.base,
        "quote": i.quote,
        "settle": i.settle,
        "tick": text(i.tick),
        "qty_step": text(i.qty_step),
        "min_qty": text(i.min_qty),
        "max_qty": text(i.max_qty),
        "min_notional": text(i.min_notional),
        "lot": text(i.lot),
        "multiplier": text(i.multiplier),
        "nominal": text(i.nominal),
        "tick_value": text(i.tick_value),
        "expires_ns": i.expires_ns,
        "status": i.status,
        "sessions": sessions,
    }


# ── the exchange's refusals in the dialect's codes (section 9) ──────────────────────────────────

CODES: dict[str, str] = {
    "unknown_account": "bad_account",
    "unknown_symbol": "unknown_symbol",
    "not_found": "unknown_order",
    "not_open": "finished_order",
    "expired": "expired",
    "halted": "halted",
    "closed": "closed",
    "delivered": "closed",
    "id_open": "duplicate_client_id",
    "id_used": "duplicate_client_id",
    "bad_order": "bad_order",
    "tick": "bad_price",
    "step": "bad_qty",
    "min_qty": "bad_qty",
    "max_qty": "bad_qty",
    "min_notional": "too_small",
    "price_band": "bad_price",
    "post_only": "would_take",
    "reduce_only": "would_not_reduce",
    "would_trigger": "would_trigger",
    "too_many_orders": "too_many_orders",
    "funds": "no_money",
    "margin": "no_money",
    "leverage": "bad_leverage",
    "amount": "bad_amount",
    "amend_none": "bad_order",
    "qty_filled": "bad_qty",
}


def code_of(exchange_code: str) -> str:
    """The dialect's code for an exchange's refusal; "refused" for one that the table does not know."""
    return CODES.get(exchange_code, "refused")
