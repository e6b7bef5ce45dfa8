"""What the desk looks like now: the frozen shapes the gate hands to people and programs.

The engine fills them (`engine/look.py`); screens render them; nothing else is a source of truth for them.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

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
