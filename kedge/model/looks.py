"""What the desk looks like now: the frozen shapes the gate hands to people and programs.

The engine fills them (`engine/look.py`); screens render them; nothing else is a source of truth for them.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO


class OrderLook(Struct, frozen=True):
    client_id: str
    bot: str
    slot: str
    market: str
    side: str
    kind: str
    tif: str
    qty: Decimal
    price: Decimal
    filled: Decimal
    state: str
    change: str  # "amend" or "cancel" while one is in flight
    since_ns: int
    venue_id: str = ""


class PositionLook(Struct, frozen=True):
    bot: str  # "" is what others did on the account
    slot: str
    market: str
    qty: Decimal
    average: Decimal
    mark: Decimal
    realised: Decimal
    unrealised: Decimal
    settle: str
    fees: dict[str, Decimal]


class SlotLook(Struct, frozen=True):
    slot: str
    market: str
    wants: str  # one sentence: "sell 0.05 at 60012.3 (post only)", "net -0.05 at once", "nothing"
    bought: Decimal
    sold: Decimal
    bought_average: Decimal
    sold_average: Decimal
    order: OrderLook | None
    held: str  # why nothing is being sent, where something is wanted


class BotLook(Struct, frozen=True):
    bot: str
    number: int
    kind: str
    phase: str
    why: str
    origin: str
    config: dict[str, object]
    state: dict[str, object]
    slots: tuple[SlotLook, ...]
    last_word: str
    waits_for: str  # what stands between a stopping bot and its end
    wake_ns: int = 0


class MarketLook(Struct, frozen=True):
    market: str
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    mark: Decimal
    last: Decimal
    age_ns: int
    fresh: bool
    open: bool
    why: str = ""
    opens_ns: int = 0  # of its calendar: when it opens next, and when the session of now ends; 0: not told
    closes_ns: int = 0


class AccountLook(Struct, frozen=True):
    account: str
    venue: str
    up: bool
    ready: bool  # reconciled since the link came up: may trade
    why: str
    since_ns: int
    last_report_ns: int
    open_orders: int
    unknown_orders: int
    balances: dict[str, Decimal]
    markets: tuple[MarketLook, ...]
    orders: dict[str, int] = {}  # live orders by state
    # How the venue's adapter is: 0 where it cannot tell.
    requests_used: int = 0  # of the venue's allowance now
    requests_max: int = 0
    skew_ns: int = 0  # the venue's clock less ours
    answer_ns: int = 0  # the median of the last requests
    private_age_ns: int = 0  # since the private stream was heard
    reconnects: int = 0  # since the start
    trouble: str = ""  # what is odd, in one sentence
    sweeping: str = ""  # how far cancelling all orders is, in one sentence; "" where nobody asked for it
    free: dict[str, Decimal] = {}  # of the balances: what is not held by orders and positions


class ScheduleLook(Struct, frozen=True):
    """A command that runs by itself."""

    name: str
    verb: str
    args: dict[str, object]
    every: str
    zone: str
    enabled: bool
    missed: str  # what becomes of times at which nobody could run it: "skip" or "once"
    comment: str
    next_ns: int  # 0: never, or not until it is resumed
    # The last time it was due, when that was dealt with, and what came of it; 0 and "" before the first.
    due_ns: int
    ran_ns: int
    ok: bool
    says: str
    set_by: str


class StashLook(Struct, frozen=True):
    """Stop orders that were saved under a name."""

    name: str
    account: str
    orders: int
    saved_ns: int
    says: str = ""  # what is under way with it


class Preview(Struct, frozen=True):
    """What a command would do now, or why it would be refused; and which bot it would make."""

    ok: bool
    says: str
    kind: str = ""
    config: dict[str, object] = {}


class Meters(Struct, frozen=True):
    """How the engine itself is, over the last minute where nothing else is said."""

    loop_lag_ns: int = 0  # by how much the loop was late: the median
    loop_lag_max_ns: int = 0
    journal_ns: int = 0  # from writing to durable: the median
    journal_p99_ns: int = 0
    recovery_ns: int = 0  # of this life: from the start until every account was ready; 0 until then
    steps: int = 0  # of this life
    inbox: int = 0  # events that wait now
    unsynced: int = 0  # records that are not durable yet
    effects: int = 0  # effects that wait for that, or for a venue
    rss_bytes: int = 0
    fds: int = 0


class Status(Struct, frozen=True):
    cell: str
    desk: str
    life: int
    version: str
    now_ns: int
    began_ns: int
    seq: int
    durable_seq: int
    killed: bool
    killed_why: str
    accounts: tuple[AccountLook, ...]
    bots: tuple[BotLook, ...]
    # What needs a person now, most urgent first: UNKNOWN orders, parked bots, dead links, alarms.
    needs: tuple[str, ...]
    # Profit per settlement asset, fees already subtracted where they are in that asset.
    realised: dict[str, Decimal]
    unrealised: dict[str, Decimal]
    counts: dict[str, int]  # events, records, effects, commands, refusals, drops...
    unhedged: Decimal = ZERO
    meters: Meters = Meters()
    schedules: tuple[ScheduleLook, ...] = ()
    stashes: tuple[StashLook, ...] = ()


class QuoteLook(Struct, frozen=True):
    """The best prices of a market when its venue was asked; zero where it does not tell."""

    market: str
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    last: Decimal
    mark: Decimal
    funding_rate: Decimal
    funding_ns: int  # when it is paid next
    funding_s: int  # the length of a period; 0 where nobody says
    venue_ns: int
    now_ns: int  # the desk's clock at this answer
    age_ns: int  # since the venue answered: answers are shared for some seconds
    open: bool  # whether its session is on
    opens_ns: int  # when the next one begins; 0 where none is known


class ListedLook(Struct, frozen=True):
    """An instrument as the engine knows it now."""

    market: str
    instrument: Instrument
