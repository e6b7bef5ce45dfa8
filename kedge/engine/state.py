"""The durable state of a cell: the fold of its journal, and nothing the journal does not hold.

`engine/apply.py` is the only code that changes it. Live state and replayed state are equal by `digest`.
What is merely heard (books, links, clocks) is in `engine/senses.py` and is gone after a crash.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal

import msgspec
from msgspec import Raw, Struct, field

from kedge.model.instrument import Instrument, Market
from kedge.model.ledger import Position, Tally
from kedge.model.numbers import ZERO
from kedge.model.order import LIVE, TERMINAL, OrderKind, Side, State, Tif, Trigger
from kedge.model.records import Missed, Phase, Role, Told
from kedge.model.stash import SavedOrder
from kedge.model.venue import Balance

# A finished order stays in memory this long for late news, and at most so many per account.
ORDER_KEEP_NS = 3_600_000_000_000
ORDERS_KEPT = 20_000
# Execution ids are remembered for this long before the cursor; older ones cannot come again by it.
FILL_KEEP_NS = 6 * 3_600_000_000_000
COMMANDS_KEPT = 10_000


class Order(Struct):
    client_id: str
    bot: str
    slot: str
    market: Market
    side: Side
    qty: Decimal
    price: Decimal
    kind: OrderKind
    tif: Tif
    role: Role
    reduce_only: bool
    trigger_price: Decimal
    trigger_by: Trigger
    quote: bool
    intent_ns: int
    valid_until_ns: int
    state: State = State.PENDING
    venue_id: str = ""
    # What we booked, and the most the venue ever said has traded. Unequal: fills are still to come.
    filled: Decimal = ZERO
    told: Decimal = ZERO
    version: int = 0  # of the newest report: the venue's own number, or its time
    # The one change in flight, its last moment, and whether its answer was lost.
    change: str = ""
    change_until_ns: int = 0
    change_silent: bool = False
    priced_ns: int = 0  # when its price was last asked for
    reason: str = ""
    closed_ns: int = 0
    expires_ns: int = 0  # when it is to end; 0: it stands until it is cancelled

    @property
    def leaves(self) -> Decimal:
        """What may still trade, as far as we know; never negative."""
        rest = self.qty - max(self.filled, self.told)
        return rest if rest > 0 else ZERO

    @property
    def owed(self) -> Decimal:
        """What this order may yet add to the ledger: a live or UNKNOWN one counts in full."""
        rest = (self.qty if self.state in LIVE else self.told) - self.filled
        return rest if rest > 0 else ZERO

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def settled(self) -> bool:
        """Finished, and every fill the venue told of is booked: nothing more is owed to the ledger."""
        return self.state in TERMINAL and self.filled >= self.told

    @property
    def account(self) -> str:
        return self.market.partition(":")[0]

    @property
    def symbol(self) -> str:
        return self.market.partition(":")[2]


class Slot(Struct):
    name: str
    market: Market
    tally: Tally = field(default_factory=Tally)
    position: Position = field(default_factory=Position)
    # Orders of this slot that are live or unsettled; by the rules at most one.
    orders: list[str] = field(default_factory=list)
    # Refusals by the venue in a row, and until when to hold back because of them.
    rejects: int = 0
    hold_until_ns: int = 0


class BotRow(Struct):
    name: str
    number: int
    kind: str
    config: Raw
    state: Raw
    state_version: int
    origin: str
    phase: Phase = "running"
    why: str = ""
    slots: dict[str, Slot] = field(default_factory=dict)
    inbox: list[Told] = field(default_factory=list)
    told: int = 0  # the number of the last message to it
    last_word: str = ""
    added_ns: int = 0
    claim: str = ""  # what no other living bot may hold
    still: bool = False  # paused wholly: not even balancing


class ScheduleRow(Struct):
    """A command that runs by itself, and what came of it last."""

    name: str
    verb: str
    args: Raw
    every: str
    zone: str
    enabled: bool
    missed: Missed
    comment: str
    anchor_ns: int
    next_ns: int  # 0: never
    set_by: str
    set_ns: int
    due_ns: int = 0
    ran_ns: int = 0
    ok: bool = True
    says: str = ""


class ListRow(Struct):
    """A named list that people keep; `model/lists.py` says what the known ones mean."""

    items: tuple[str, ...]
    set_by: str
    set_ns: int


class ErrandRow(Struct):
    """A deed outside the engine that is under way."""

    verb: str
    schedule: str
    began_ns: int


class Sweep(Struct):
    """Every order of an account that was open then is to go."""

    actor: str
    why: str
    asked_ns: int


class StashAsk(Struct):
    """A stash that waits for a report."""

    account: str
    what: str
    actor: str
    cancel: bool
    asked_ns: int


class Stash(Struct):
    account: str
    orders: tuple[SavedOrder, ...]
    saved_ns: int
    cancelling: bool = False
    bots: tuple[str, ...] = ()  # kept still by it
    bot: str = ""  # what puts it back


class Account(Struct):
    name: str
    cursor: str = ""
    cursor_ns: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    # Executions and cash movements already booked, by id, with the venue's time.
    seen: dict[str, int] = field(default_factory=dict)
    newest_ns: int = 0
    # What others did on the account, per symbol.
    external: dict[str, Position] = field(default_factory=dict)
    cash: dict[str, Decimal] = field(default_factory=dict)
    balances: tuple[Balance, ...] = ()
    # Finished orders still in memory, oldest first, with when they finished.
    closed: dict[str, int] = field(default_factory=dict)

    @property
    def horizon_ns(self) -> int:
        """What is older may have been booked and forgotten.

        Counted from the cursor, not from the newest fill: after a long absence the first fill of the
        stream comes before the report of those that were missed.
        """
        return self.cursor_ns - FILL_KEEP_NS


class Open(Struct):
    """What all orders on one market may yet add, by side: the worst case is net plus or minus this."""

    buy: Decimal = ZERO
    sell: Decimal = ZERO


class Desk(Struct):
    """Everything one cell remembers."""

    desk: int = 0
    cell: str = ""
    life: int = 0
    killed: bool = False
    killed_why: str = ""
    bots_made: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)
    bots: dict[str, BotRow] = field(default_factory=dict)
    bot_names: dict[str, str] = field(default_factory=dict)
    commands: dict[str, tuple[bool, str]] = field(default_factory=dict)
    # Profit and loss since the day began (UTC), per settlement asset, for the daily limit.
    day: int = 0
    day_realised: dict[str, Decimal] = field(default_factory=dict)
    # The same of each account and each bot, by name: names of accounts have a slash, names of bots none.
    day_of: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    # Per market, kept in step with every fill and every order: the account's net and what is open.
    nets: dict[Market, Decimal] = field(default_factory=dict)
    open: dict[Market, Open] = field(default_factory=dict)
    schedules: dict[str, ScheduleRow] = field(default_factory=dict)
    lists: dict[str, ListRow] = field(default_factory=dict)
    errands: dict[str, ErrandRow] = field(default_factory=dict)  # by command id
    sweeps: dict[str, Sweep] = field(default_factory=dict)  # by account
    stashes: dict[str, Stash] = field(default_factory=dict)
    stash_asks: dict[str, StashAsk] = field(default_factory=dict)  # by the stash's name

    def account(self, name: str) -> Account:
        account = self.accounts.get(name)
        if account is None:
            account = self.accounts[name] = Account(name)
        return account

    def order(self, client_id: str) -> Order | None:
        for account in self.accounts.values():
            order = account.orders.get(client_id)
            if order is not None:
                return order
        return None

    def instrument(self, market: Market) -> Instrument | None:
        account, _, symbol = market.partition(":")
        known = self.accounts.get(account)
        return known.instruments.get(symbol) if known else None

    def net(self, market: Market) -> Decimal:
        """The account's net position: all slots, and what others did."""
        return self.nets.get(market, ZERO)


# A snapshot keeps the order of its tables (what is oldest leaves first); a digest must not depend on it.
_encoder = msgspec.json.Encoder()
_sorted = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Desk)


def encode_desk(desk: Desk) -> bytes:
    return _encoder.encode(desk)


def decode_desk(body: bytes) -> Desk:
    desk: Desk = _decoder.decode(body)
    return desk


def digest(desk: Desk) -> str:
    """Equal states, equal digests; a replay that differs anywhere shows here."""
    return hashlib.blake2b(_sorted.encode(desk), digest_size=16).hexdigest()
