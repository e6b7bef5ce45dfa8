"""The tables people read, and what one row of each is.

`Table` says how rows are kept, filtered, sorted and searched; `reading.py` asks by it, so a new filter or
sort is one word here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, get_args

from msgspec import Meta, Struct

from kedge.model.order import State
from kedge.model.records import NoteLevel
from kedge.model.venue import CashKind, FillKind


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


class StoryRow(Struct, frozen=True):
    seq: int
    ts_ns: int
    kind: str  # the record's
    bot: str
    client_id: str
    says: str


LIMIT_MAX = 1000


class Ask(Struct, frozen=True, forbid_unknown_fields=True):
    """Which rows. Each table takes some of these; `None` is no filter ("" as a bot is the account's own)."""

    bot: str | None = None
    account: str | None = None
    market: str | None = None
    client_id: str | None = None
    state: str | None = None
    level: str | None = None
    kind: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None  # not included
    text: Annotated[str, Meta(max_length=200)] | None = None
    sort: str | None = None  # a name of the table's, "-" before it for downwards
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = 100
    offset: Annotated[int, Meta(ge=0, le=10_000_000)] = 0


class Table(Struct, frozen=True):
    """How one table is kept and asked. Filters and sorts map a name to SQL with no value inside."""

    row: type[Struct]
    keys: tuple[str, ...]
    time: str
    filters: dict[str, str]
    texts: tuple[str, ...]
    sort: str
    sorts: dict[str, str]
    # Columns that are not part of the row, with their types.
    hidden: dict[str, str] = {}
    # Words a filter understands beside, or instead of, a plain value.
    words: dict[str, dict[str, str]] = {}
    # All values a filter can find: a misspelt one is refused, since "none" would read like good news.
    values: dict[str, tuple[str, ...]] = {}
    # Columns kept as JSON text.
    json: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return self.row.__struct_fields__


_OPEN = "state IN ('pending', 'open', 'unknown')"
_ACCOUNT = "market >= :account || ':' AND market < :account || ';'"


def _number(column: str) -> str:
    return f"CAST({column} AS REAL)"


TABLES: dict[str, Table] = {
    "orders": Table(
        row=OrderRow,
        keys=("client_id",),
        time="placed_ns",
        filters={
            "bot": "bot = :bot",
            "account": _ACCOUNT,
            "market": "market = :market",
            "client_id": "client_id = :client_id",
            "state": "state = :state",
        },
        words={"state": {"open": _OPEN, "closed": f"NOT {_OPEN}"}},
        values={"state": tuple(State)},
        texts=("client_id", "bot", "slot", "market", "reason", "why", "venue_id"),
        sort="-time",
        sorts={
            "time": "placed_ns",
            "ended": "ended_ns",
            "bot": "bot",
            "market": "market",
            "state": "state",
            "qty": _number("qty"),
            "price": _number("price"),
        },
        hidden={"value": "TEXT", "told": "TEXT", "quote": "INTEGER", "seq": "INTEGER"},
        indexes=("bot, placed_ns", "market, placed_ns", "placed_ns", "state"),
    ),
    "fills": Table(
        row=FillRow,
        keys=("account", "exec_id"),
        time="ts_ns",
        filters={
            "bot": "bot = :bot",
            "account": "account = :account",
            "market": "market = :market",
            "client_id": "client_id = :client_id",
            "kind": "kind = :kind",
        },
        values={"kind": get_args(FillKind)},
        texts=("exec_id", "client_id", "bot", "slot", "market", "venue_id"),
        sort="-time",
        sorts={
            "time": "seq",
            "bot": "bot",
            "market": "market",
            "qty": _number("qty"),
            "price": _number("price"),
            "realised": _number("realised"),
        },
        indexes=("bot, seq", "market, seq", "client_id", "seq", "ts_ns"),
    ),
    "positions": Table(
        row=PositionRow,
        keys=("bot", "slot", "market"),
        time="ts_ns",
        filters={
            "bot": "bot = :bot",
            "account": _ACCOUNT,
            "market": "market = :market",
        },
        words={"state": {"open": "qty <> '0'", "flat": "qty = '0'"}},
        texts=("bot", "slot", "market"),
        sort="bot",
        sorts={
            "bot": "bot",
            "market": "market",
            "time": "ts_ns",
            "qty": _number("qty"),
            "realised": _number("realised"),
        },
        json=("fees",),
    ),
    "position_minutes": Table(
        row=MinuteRow,
        keys=("ts_ns", "bot", "slot", "market"),
        time="ts_ns",
        filters={"bot": "bot = :bot", "account": _ACCOUNT, "market": "market = :market"},
        texts=("bot", "slot", "market"),
        sort="time",
        sorts={"time": "ts_ns", "bot": "bot", "market": "market"},
        indexes=("bot, ts_ns",),
    ),
    "decisions": Table(
        row=DecisionRow,
        keys=("seq",),
        time="ts_ns",
        filters={
            "bot": "bot = :bot",
            "account": _ACCOUNT,
            "market": "market = :market",
            "client_id": "client_id = :client_id",
            "kind": "verb = :kind",
        },
        values={"kind": ("place", "amend", "cancel", "refused")},
        texts=("bot", "slot", "market", "client_id", "why"),
        sort="-time",
        sorts={"time": "seq", "bot": "bot", "market": "market", "verb": "verb"},
        indexes=("bot, seq", "client_id", "ts_ns"),
    ),
    "notes": Table(
        row=NoteRow,
        keys=("seq",),
        time="ts_ns",
        filters={"bot": "bot = :bot", "account": "account = :account", "level": "level = :level"},
        values={"level": get_args(NoteLevel)},
        texts=("bot", "account", "text"),
        sort="-time",
        sorts={"time": "seq", "bot": "bot", "level": "level"},
        indexes=("bot, seq", "level, seq", "ts_ns"),
    ),
    "commands": Table(
        row=CommandRow,
        keys=("command_id",),
        time="ts_ns",
        filters={"kind": "verb = :kind"},
        words={"state": {"done": "ok", "refused": "NOT ok"}},
        texts=("command_id", "actor", "via", "verb", "args", "says"),
        sort="-time",
        sorts={"time": "seq", "actor": "actor", "verb": "verb"},
        json=("args",),
        indexes=("seq", "ts_ns"),
    ),
    "cash": Table(
        row=CashRow,
        keys=("account", "cash_id"),
        time="ts_ns",
        filters={"account": "account = :account", "kind": "kind = :kind"},
        values={"kind": get_args(CashKind)},
        texts=("cash_id", "asset", "symbol"),
        sort="-time",
        sorts={"time": "seq", "asset": "asset", "kind": "kind", "amount": _number("amount")},
        indexes=("seq", "ts_ns"),
    ),
    "bots": Table(
        row=BotRow,
        keys=("number",),
        time="added_ns",
        filters={
            "bot": "bot = :bot",
            "kind": "kind = :kind",
            "state": "phase = :state",
        },
        words={"state": {"removed": "removed_ns > 0", "there": "removed_ns = 0"}},
        texts=("bot", "kind", "why", "config"),
        sort="time",
        sorts={"time": "number", "bot": "bot", "kind": "kind", "phase": "phase"},
        json=("config",),
        indexes=("bot",),
    ),
    "story": Table(
        row=StoryRow,
        keys=("seq",),
        time="ts_ns",
        filters={"bot": "bot = :bot", "client_id": "client_id = :client_id", "kind": "kind = :kind"},
        texts=("bot", "client_id", "says"),
        sort="time",
        sorts={"time": "seq"},
        indexes=("bot, seq", "client_id, seq"),
    ),
}


def schema() -> str:
    """SQL that makes all tables, empty."""
    made = []
    for name, table in TABLES.items():
        hints = table.row.__annotations__
        columns = {c: "INTEGER" if hints[c] in ("int", "bool") else "TEXT" for c in table.columns}
        columns |= table.hidden
        body = ", ".join(f"{c} {kind} NOT NULL" for c, kind in columns.items())
        made.append(f"CREATE TABLE {name} ({body}, PRIMARY KEY ({', '.join(table.keys)})) STRICT;")
        for number, index in enumerate(table.indexes):
            made.append(f"CREATE INDEX {name}_{number} ON {name} ({index});")
    return "\n".join(made)
