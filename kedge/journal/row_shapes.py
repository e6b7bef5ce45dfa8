"""What people read, row by row: one struct for each table.

How each table is kept, filtered, sorted and searched is in `rows.py`; what its columns mean in `columns.py`.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct


class OrderRow(Struct, frozen=True):
    client_id: str
    bot: str
    slot: str
    market: str
    side: str
    kind: str
    tif: str
    role: str
    qty: Decimal
    price: Decimal
    filled: Decimal
    average: Decimal  # of what filled; zero when nothing has
    state: str
    change: str  # "amend" or "cancel" while one has no answer
    reason: str  # what the venue said last
    why: str  # what the bot said
    venue_id: str
    placed_ns: int
    ended_ns: int  # zero while it lives


class FillRow(Struct, frozen=True):
    seq: int
    ts_ns: int
    account: str
    exec_id: str
    client_id: str
    venue_id: str
    bot: str
    slot: str
    market: str
    side: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    kind: str
    realised: Decimal  # the profit it took, in the settlement asset, fees apart
    settle: str
    venue_ns: int


class PositionRow(Struct, frozen=True):
    """`bot` is "" for what others did on the account."""

    bot: str
    slot: str
    market: str
    qty: Decimal
    cost: Decimal
    average: Decimal
    realised: Decimal
    settle: str
    fees: dict[str, Decimal]
    ts_ns: int  # when it last changed


class MinuteRow(Struct, frozen=True):
    """A position as it stood at the end of a minute in which it changed."""

    ts_ns: int
    bot: str
    slot: str
    market: str
    qty: Decimal
    average: Decimal
    realised: Decimal


class DecisionRow(Struct, frozen=True):
    seq: int
    ts_ns: int
    verb: str  # place, amend, cancel or refused
    bot: str
    slot: str
    market: str
    client_id: str
    side: str
    qty: Decimal
    price: Decimal
    why: str


class NoteRow(Struct, frozen=True):
    seq: int
    ts_ns: int
    level: str
    bot: str
    account: str
    text: str


class CommandRow(Struct, frozen=True):
    seq: int
    ts_ns: int
    command_id: str
    actor: str
    via: str
    verb: str
    args: dict[str, object]
    ok: bool
    says: str


class CashRow(Struct, frozen=True):
    seq: int
    ts_ns: int
    account: str
    cash_id: str
    kind: str
    asset: str
    amount: Decimal
    symbol: str
    venue_ns: int


class BotRow(Struct, frozen=True):
    number: int
    bot: str
    kind: str
    phase: str
    why: str
    origin: str
    config: dict[str, object]
    added_ns: int
    removed_ns: int  # zero while it is there
    claim: str  # what no other bot may hold, like "preorder 1234"


class StoryRow(Struct, frozen=True):
    seq: int
    ts_ns: int
    kind: str  # the record's
    bot: str
    client_id: str
    says: str


class InstrumentRow(Struct, frozen=True):
    """What an account trades, as the venue described it last."""

    market: str
    account: str
    symbol: str
    kind: str
    base: str
    quote: str
    settle: str
    tick: Decimal
    qty_step: Decimal
    lot: Decimal
    min_qty: Decimal
    max_qty: Decimal
    min_notional: Decimal
    multiplier: Decimal
    nominal: Decimal
    tick_value: Decimal
    expires_ns: int
    status: str
    active: bool  # whether its status is trading
    name: str
    sector: str
    asset: str  # of a derivative: what it is of
    asset_size: Decimal  # and how much of that is in one unit
    buy_margin: Decimal  # for one unit, in the settlement asset; zero where nobody says
    sell_margin: Decimal
    can_buy: bool
    can_sell: bool
    can_short: bool
    listed: bool  # whether the venue lists it still
    ts_ns: int


class ListRow(Struct, frozen=True):
    """A list that people keep."""

    name: str
    items: str  # with commas between them
    actor: str
    set_ns: int


class ScheduleRow(Struct, frozen=True):
    """A command that runs by itself."""

    name: str
    verb: str
    args: dict[str, object]
    every: str
    zone: str
    enabled: bool
    missed: str
    comment: str
    actor: str
    set_ns: int
    next_ns: int
    last_due_ns: int  # zero until it has run
    last_ok: bool
    last_says: str
    runs: int
    failures: int


class ScheduleRunRow(Struct, frozen=True):
    seq: int
    ts_ns: int
    name: str
    due_ns: int
    ok: bool
    says: str
    command_id: str  # "" where nothing was run at that time


class DayRow(Struct, frozen=True):
    """What one bot made on one day (UTC) in one settlement asset; bot "" is the account's own."""

    day: str  # "2026-11-20"
    ts_ns: int  # its first moment
    bot: str
    settle: str
    realised: Decimal
    fees: Decimal  # those paid in the settlement asset
    funding: Decimal  # money that moved without a fill: funding, fees, insurance; of accounts, not of bots
    profit: Decimal  # realised - fees + funding
    volume: Decimal  # the value of what was traded, unsigned
    fills: int
    other_fees: dict[str, Decimal]  # those paid in other assets
