"""What happens to the engine. Each event is a frozen value; the shell makes them, `step` consumes them.

Times: `now_ns` is given to `step` beside the event and is our clock; `venue_ns` is theirs.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from msgspec import Raw, Struct

from kedge.model.instrument import Instrument, Market
from kedge.model.numbers import ZERO
from kedge.model.venue import (
    AccountReport,
    Answer,
    Balance,
    Bar,
    Cash,
    Fill,
    Level,
    OrderReport,
    Rules,
    Trade,
)

Request = Literal["place", "amend", "cancel"]


class _Event(Struct, frozen=True, tag=True, omit_defaults=True):
    pass


class Tick(_Event, frozen=True):
    """Time has passed: due timers run."""


# ── markets ─────────────────────────────────────────────────────────────────────────────────────


class BookUpdate(_Event, frozen=True):
    """The best levels of one market, best first. Made by the adapter's `Book`, which has checked gaps."""

    market: Market
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    venue_ns: int


class BookLost(_Event, frozen=True):
    """A gap, a crossed book, a cut stream: the market is stale until the next `BookUpdate`."""

    market: Market
    why: str


class MarkUpdate(_Event, frozen=True):
    market: Market
    mark: Decimal
    index: Decimal = ZERO
    last: Decimal = ZERO
    funding_rate: Decimal = ZERO
    venue_ns: int = 0


class TradesSeen(_Event, frozen=True):
    """Trades of others, oldest first."""

    market: Market
    trades: tuple[Trade, ...]


class BarsSeen(_Event, frozen=True):
    """Closed bars, oldest first: the latest one, or those before it when the watching begins."""

    market: Market
    interval_ns: int
    bars: tuple[Bar, ...]


class InstrumentSeen(_Event, frozen=True):
    account: str
    instrument: Instrument


# ── accounts ────────────────────────────────────────────────────────────────────────────────────


class LinkUp(_Event, frozen=True):
    """The account is connected: streams are on. Nothing is placed before the reconcile that follows."""

    account: str
    rules: Rules


class LinkDown(_Event, frozen=True):
    """`stopped`: the venue refused us for a reason that waiting does not mend (a wrong key); it is not asked
    again until a person says so."""

    account: str
    why: str
    stopped: bool = False


class LinkOdd(_Event, frozen=True):
    """The account is connected, and yet people should know something: a key that may only read, a clock that
    is ahead, a leverage that could not be set. "" when nothing is odd any more."""

    account: str
    says: str


class Reported(_Event, frozen=True):
    """The account's whole truth, asked at start, after a reconnect, hourly, or when fills are missing."""

    account: str
    report: AccountReport


class ReportFailed(_Event, frozen=True):
    account: str
    why: str


class OrderNews(_Event, frozen=True):
    account: str
    order: OrderReport


class FillNews(_Event, frozen=True):
    account: str
    fill: Fill


class CashNews(_Event, frozen=True):
    account: str
    cash: Cash


class BalanceNews(_Event, frozen=True):
    account: str
    balances: tuple[Balance, ...]


class Answered(_Event, frozen=True):
    """The venue's answer to one request, or the lack of one."""

    account: str
    request: Request
    client_id: str
    answer: Answer
    reason: str = ""
    order: OrderReport | None = None
    # The request never left this machine: REJECTED with certainty whatever the venue's bounds.
    unsent: bool = False
    # The venue wants to be left alone for so long (429, a ban): nothing but waiting helps.
    retry_ns: int = 0


class LookedUp(_Event, frozen=True):
    """An order was looked up by client id, in open orders, history and fills. `order` None: not found.

    `error` set: the question itself failed, and nothing is known.
    """

    account: str
    client_id: str
    asked_ns: int
    order: OrderReport | None = None
    error: str = ""
    # The key is used up by something that could not live: with no order here, there never will be one.
    burnt: bool = False


class Listed(_Event, frozen=True):
    """Everything that the venue lists, asked anew; or why that could not be had."""

    account: str
    instruments: tuple[Instrument, ...] = ()
    error: str = ""


class CancelledAll(_Event, frozen=True):
    """What the venue said to the wish that every open order should go; "" where it agreed."""

    account: str
    says: str = ""


# ── people ──────────────────────────────────────────────────────────────────────────────────────


class Command(_Event, frozen=True):
    """What a person or a program asks for. `command_id` is the idempotency key: given twice, done once."""

    command_id: str
    actor: str
    via: str
    verb: str
    args: Raw = Raw(b"{}")


class ErrandDone(_Event, frozen=True):
    """A deed outside the engine has come to its end."""

    command_id: str
    ok: bool
    says: str


class Outgrown(_Event, frozen=True):
    """Something bounded overflowed (a queue, a stream): said aloud, counted, recovered by asking again."""

    what: str
    why: str


Event = (
    Tick
    | BookUpdate
    | BookLost
    | MarkUpdate
    | TradesSeen
    | BarsSeen
    | InstrumentSeen
    | LinkUp
    | LinkDown
    | LinkOdd
    | Reported
    | ReportFailed
    | OrderNews
    | FillNews
    | CashNews
    | BalanceNews
    | Answered
    | LookedUp
    | Listed
    | CancelledAll
    | Command
    | ErrandDone
    | Outgrown
)

# Command arguments are decoded by the engine into the verb's own struct; until then they are bytes.
Args = Any
