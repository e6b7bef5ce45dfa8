"""The facts the journal holds. State is the fold of these and of nothing else.

Records say what was decided or learnt, never what to recompute: replay applies them without running a
bot or a limit again, so a newer version reads an older desk's history and gets the same state.

To add a field, give it a default. To change a meaning, raise the kind's number in `VERSIONS` and add the
step to `kedge/journal/migrate.py`; released journals are replayed by a test for ever.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from kedge.model.instrument import Instrument, Market
from kedge.model.numbers import ZERO
from kedge.model.order import Move, OrderKind, Side, Tif, Trigger
from kedge.model.stash import SavedOrder
from kedge.model.venue import Balance, Cash, Fill

Phase = Literal["running", "paused", "stopping", "stopped", "parked", "killed"]
Role = Literal["risk", "balance"]
NoteLevel = Literal["info", "warn", "alarm"]
Change = Literal["amend", "cancel"]
ChangeResult = Literal["done", "refused", "silent"]
# What becomes of the times at which nobody could run a schedule.
Missed = Literal["skip", "once"]


class _Record(Struct, frozen=True, tag=True, omit_defaults=True):
    pass


# ── the desk ────────────────────────────────────────────────────────────────────────────────────


class DeskMade(_Record, frozen=True):
    """The desk's own number and its cell's name: the first record of all."""

    desk: int
    cell: str


class LifeBegan(_Record, frozen=True):
    """A start. Everything still PENDING from earlier lives is now in doubt."""

    life: int
    version: str


class KillSwitch(_Record, frozen=True):
    """The kill switch was thrown or released, and by whom."""

    on: bool
    actor: str
    why: str = ""


class CommandTaken(_Record, frozen=True):
    """A command with its result, in the same commit as what it did. Its id is never taken again."""

    command_id: str
    actor: str
    via: str
    verb: str
    args: Raw
    ok: bool
    says: str


class Noted(_Record, frozen=True):
    """A sentence for people. `bot` is empty for the desk's own."""

    level: NoteLevel
    text: str
    bot: str = ""
    account: str = ""


class CancelAllAsked(_Record, frozen=True):
    """Every open order of an account is to go, whoever placed it. In force until `CancelAllEnded`."""

    account: str
    actor: str
    why: str = ""


class CancelAllEnded(_Record, frozen=True):
    """A complete report asked for later shows nothing that was open then; or a bot places orders again."""

    account: str
    says: str = ""


# ── stashes ─────────────────────────────────────────────────────────────────────────────────────


class StashAsked(_Record, frozen=True):
    """The stop orders of an account are to be saved under a name (and then cancelled), or put back.

    In force until the account's next complete report says what there is.
    """

    name: str
    account: str
    what: Literal["save", "restore"]
    actor: str
    cancel: bool = False


class StashSaved(_Record, frozen=True):
    """What the stash of that name holds from here on.

    With `cancel`, its orders are to go, and `bots` that had placed some of them are kept still.
    """

    name: str
    account: str
    orders: tuple[SavedOrder, ...]
    cancel: bool = False
    bots: tuple[str, ...] = ()


class StashEmptied(_Record, frozen=True):
    """None of its orders is open any more. `orders` is what is left to put back: without what has traded."""

    name: str
    orders: tuple[SavedOrder, ...]


class StashRestored(_Record, frozen=True):
    """It was put back, by this bot where anything was to be placed; the stash itself stays as it is."""

    name: str
    bot: str = ""


class StashAskEnded(_Record, frozen=True):
    """The question came to nothing; what was saved under that name before stays."""

    name: str
    says: str = ""


class StashDropped(_Record, frozen=True):
    """The stash is forgotten; orders that it has put back stay."""

    name: str


# ── lists ───────────────────────────────────────────────────────────────────────────────────────


class ListSet(_Record, frozen=True):
    """What the list of this name holds from here on. Without items there is no list of that name."""

    name: str
    items: tuple[str, ...]
    actor: str


# ── schedules and errands ───────────────────────────────────────────────────────────────────────


class ScheduleSet(_Record, frozen=True):
    """A command that runs by itself from here on, and when next. Replaces the schedule of that name.

    `next_ns` 0: not until it is enabled. The fact holds it so that a replay needs no zone's data.
    """

    name: str
    verb: str
    args: Raw
    every: str
    next_ns: int
    actor: str
    zone: str = "UTC"
    enabled: bool = True
    missed: Missed = "once"
    comment: str = ""
    anchor_ns: int = 0  # what an interval is counted from


class ScheduleRemoved(_Record, frozen=True):
    """The schedule is forgotten; the commands that it gave stay in the journal."""

    name: str


class ScheduleRan(_Record, frozen=True):
    """What came of one due time: in the same commit as the command's own record, and when it runs next.

    `command_id` "": nothing was run at that time, and `says` tells why.
    """

    name: str
    due_ns: int
    ok: bool
    says: str
    next_ns: int
    command_id: str = ""


class ErrandBegan(_Record, frozen=True):
    """A deed outside the engine (a backup, reading the bots file) is about to be done, once."""

    command_id: str
    verb: str
    args: Raw
    schedule: str = ""  # which one gave it


class ErrandEnded(_Record, frozen=True):
    """What came of an errand. One that was under way when a life ended is not begun again."""

    command_id: str
    ok: bool
    says: str


# ── bots ────────────────────────────────────────────────────────────────────────────────────────


class BotAdded(_Record, frozen=True):
    """A bot with its parameters and first memory; its number goes into its order ids."""

    bot: str
    number: int
    kind: str
    config: Raw
    state: Raw
    state_version: int = 1
    origin: str = "command"  # or "file": the bots file added it and may remove it
    claim: str = ""  # what no other living bot may hold, like "preorder 1234"


class BotAmended(_Record, frozen=True):
    """The bot's parameters from here on."""

    bot: str
    config: Raw
    claim: str = ""


class BotPhased(_Record, frozen=True):
    """The bot runs, is paused, is stopping, or has ended, and why.

    `still`: paused wholly; what it balances with waits, too, until it is resumed or stopped.
    """

    bot: str
    phase: Phase
    why: str = ""
    still: bool = False


class BotRemoved(_Record, frozen=True):
    """The bot is forgotten; what it held is the account's own."""

    bot: str


class BotStated(_Record, frozen=True):
    """The bot's new memory. `soft` ones are journalled at most once a second."""

    bot: str
    state: Raw
    state_version: int = 1


class Told(_Record, frozen=True):
    """A message to a bot, from a person or another bot; handed to it until `Heard`."""

    bot: str
    number: int
    sender: str
    text: str
    args: Raw = Raw(b"{}")


class Heard(_Record, frozen=True):
    """The bot has decided with the messages up to this number in view."""

    bot: str
    number: int


# ── orders ──────────────────────────────────────────────────────────────────────────────────────


class Intent(_Record, frozen=True):
    """One order the desk is about to send. Durable before the first byte leaves."""

    client_id: str
    bot: str
    slot: str
    market: Market
    side: Side
    qty: Decimal
    price: Decimal
    valid_until_ns: int
    kind: OrderKind = "limit"
    tif: Tif = "gtc"
    role: Role = "risk"
    reduce_only: bool = False
    trigger_price: Decimal = ZERO
    trigger_by: Trigger = "last"
    quote: bool = False  # journalled with the send instead of before it
    # What the slot may have traded on this side in all once this order is done: it never overfills.
    slot_total: Decimal = ZERO
    touch: Decimal = ZERO  # the opposite touch as it was seen
    why: str = ""
    expires_ns: int = 0  # when it is to end by itself; 0: it stands until it is cancelled


class AmendIntent(_Record, frozen=True):
    """A new price that is about to be asked for. Durable before the request leaves."""

    client_id: str
    price: Decimal
    qty: Decimal
    valid_until_ns: int
    why: str = ""


class CancelIntent(_Record, frozen=True):
    """A cancel that is about to be asked for. Durable before the request leaves."""

    client_id: str
    valid_until_ns: int
    why: str = ""


class OrderMoved(_Record, frozen=True):
    """Something was learnt about an order. `cum_qty` is what the venue says has traded of it."""

    client_id: str
    move: Move
    cum_qty: Decimal
    venue_id: str = ""
    price: Decimal | None = None
    qty: Decimal | None = None
    reason: str = ""
    version: int = 0  # the venue's own number of this news, or its time
    due: bool = False  # an end that was to be expected: its time was over, or the session was


class ChangeSettled(_Record, frozen=True):
    """An amend or cancel got its answer: `done`, `refused`, or `silent` (then the order is looked up)."""

    client_id: str
    request: Change
    result: ChangeResult
    reason: str = ""


class Refused(_Record, frozen=True):
    """A want that a limit would not let through. Repeated refusals of one slot are counted, not repeated."""

    bot: str
    slot: str
    market: Market
    side: Side
    qty: Decimal
    price: Decimal
    reason: str


# ── money ───────────────────────────────────────────────────────────────────────────────────────


class Filled(_Record, frozen=True):
    """One execution, booked once. `bot` is "" where the order is not ours: then it is the account's own."""

    account: str
    fill: Fill
    bot: str = ""
    slot: str = ""


class CashMoved(_Record, frozen=True):
    """Money that moved without a fill (funding, a transfer, a fee), booked once."""

    account: str
    cash: Cash


class Synthetic(_Record, frozen=True):
    """What others did on the account, found by the audit: booked apart, never traded away."""

    market: Market
    qty: Decimal
    price: Decimal
    why: str


class CursorMoved(_Record, frozen=True):
    """Fills up to here are booked; the next question may start here (less the overlap)."""

    account: str
    cursor: str
    venue_ns: int


class Audited(_Record, frozen=True):
    """The account was compared with the ledger."""

    account: str
    agrees: bool
    says: str = ""


class BalancesSeen(_Record, frozen=True):
    """What the venue says the account has."""

    account: str
    balances: tuple[Balance, ...]


class InstrumentKnown(_Record, frozen=True):
    """What an account trades, with its steps and sizes; booked before its first fill."""

    account: str
    instrument: Instrument


Record = (
    DeskMade
    | LifeBegan
    | KillSwitch
    | CommandTaken
    | Noted
    | CancelAllAsked
    | CancelAllEnded
    | ListSet
    | ScheduleSet
    | ScheduleRemoved
    | ScheduleRan
    | ErrandBegan
    | ErrandEnded
    | StashAsked
    | StashSaved
    | StashEmptied
    | StashRestored
    | StashAskEnded
    | StashDropped
    | BotAdded
    | BotAmended
    | BotPhased
    | BotRemoved
    | BotStated
    | Told
    | Heard
    | Intent
    | AmendIntent
    | CancelIntent
    | OrderMoved
    | ChangeSettled
    | Refused
    | Filled
    | CashMoved
    | Synthetic
    | CursorMoved
    | Audited
    | BalancesSeen
    | InstrumentKnown
)

# The version each kind is written in; kinds not named are at 1.
VERSIONS: dict[str, int] = {}

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


class Entry(Struct, frozen=True, array_like=True):
    """One line of the journal: a record with its place, its time and its bytes."""

    seq: int
    ts_ns: int
    record: Record


def kind_of(record: Record) -> str:
    return type(record).__name__


def encode(record: Record) -> bytes:
    return _encoder.encode(record)


def decode(body: bytes | memoryview) -> Record:
    """Raises `msgspec.ValidationError` on bytes that are not a record of this version."""
    record: Record = _decoder.decode(body)
    return record
