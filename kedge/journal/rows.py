"""The tables people read: keys, filters, sorts and searches of each, for every database the same.

`asking.py` asks by it and `schema.py` makes the tables by it, so a new filter or sort is one word here.
Nothing here is SQL: names of columns, and values.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, get_args, get_type_hints

from msgspec import Meta, Struct

from kedge.journal.row_shapes import (
    BotRow,
    CashRow,
    CommandRow,
    DayRow,
    DecisionRow,
    FillRow,
    InstrumentRow,
    ListRow,
    MinuteRow,
    NoteRow,
    OrderRow,
    PositionRow,
    ScheduleRow,
    ScheduleRunRow,
    StoryRow,
)
from kedge.model.numbers import ZERO
from kedge.model.order import Side, State
from kedge.model.records import NoteLevel
from kedge.model.venue import CashKind, FillKind

__all__ = [
    "FILTERS",
    "LIMIT_MAX",
    "TABLES",
    "Ask",
    "BotRow",
    "CashRow",
    "ColumnKind",
    "CommandRow",
    "DayRow",
    "DecisionRow",
    "FillRow",
    "InstrumentRow",
    "Is",
    "MinuteRow",
    "NoteRow",
    "OrderRow",
    "PositionRow",
    "ListRow",
    "ScheduleRow",
    "ScheduleRunRow",
    "StoryRow",
    "Table",
    "readable",
]

LIMIT_MAX = 1000

# name: text that may be a key, text: of any length, json: text with an object in it.
ColumnKind = Literal["name", "text", "json", "int", "flag", "decimal"]


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


FILTERS = ("bot", "account", "market", "client_id", "state", "level", "kind")


class Is(Struct, frozen=True):
    """A column has one of these values; with `no`, none of them."""

    column: str
    values: tuple[str | int | bool | Decimal, ...]
    no: bool = False


class Table(Struct, frozen=True):
    """How one table is kept and asked."""

    row: type[Struct]
    keys: tuple[str, ...]
    time: str
    # Filter: its column. `account` may name a market's column: it is then what stands before the colon.
    filters: dict[str, str]
    texts: tuple[str, ...]
    sort: str
    # Sort: its column. Ties are broken by `ties`, so that pages neither repeat nor skip.
    sorts: dict[str, str]
    ties: tuple[str, ...]
    # Columns with text of any length; and those that hold an object.
    long: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    # Columns that may change after a row was written; of others nothing is written twice.
    changing: tuple[str, ...] = ()
    # Columns that are not part of the row: the fold's own memory.
    hidden: dict[str, ColumnKind] = {}
    # Words a filter understands beside, or instead of, a plain value.
    words: dict[str, dict[str, Is]] = {}
    # All values a filter can find: a misspelt one is refused, since "none" would read like good news.
    values: dict[str, tuple[str, ...]] = {}
    # Names of one thing: a whole one is found however old the row is.
    ids: tuple[str, ...] = ()
    # A filter and a sort that go together: where a bot trades one market, the market's own index would be
    # read through all the others first.
    pairs: tuple[tuple[str, str], ...] = ()
    # Columns of few values, and which: sorted by one, the rows of a time lie in so many places of its index.
    few: dict[str, tuple[str, ...]] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        return self.row.__struct_fields__

    def kinds(self) -> dict[str, ColumnKind]:
        """Every column with its kind, hidden ones too."""
        hints = get_type_hints(self.row)
        return {name: self._kind(name, hints[name]) for name in self.columns} | self.hidden

    def _kind(self, name: str, hint: object) -> ColumnKind:
        if name in self.json:
            return "json"
        if hint in (int, bool, Decimal):
            return "int" if hint is int else "flag" if hint is bool else "decimal"
        return "text" if name in self.long else "name"


_SIDES = get_args(Side)
_VERBS = ("place", "amend", "cancel", "refused")
_BOT_AND_MARKET = (("bot", "market"), ("market", "bot"))
_LIVE = (State.PENDING.value, State.OPEN.value, State.UNKNOWN.value)

TABLES: dict[str, Table] = {
    "orders": Table(
        row=OrderRow,
        keys=("client_id",),
        time="placed_ns",
        filters={
            "bot": "bot",
            "account": "market",
            "market": "market",
            "client_id": "client_id",
            "state": "state",
        },
        words={"state": {"open": Is("state", _LIVE), "closed": Is("state", _LIVE, no=True)}},
        values={"state": tuple(state.value for state in State)},
        few={"side": _SIDES, "state": tuple(state.value for state in State)},
        texts=("client_id", "bot", "slot", "market", "reason", "why", "venue_id"),
        ids=("client_id", "venue_id"),
        sort="-time",
        sorts={
            "time": "placed_ns",
            "ended": "ended_ns",
            "bot": "bot",
            "market": "market",
            "side": "side",
            "state": "state",
            "qty": "qty",
            "price": "price",
            "filled": "filled",
            "average": "average",
        },
        pairs=_BOT_AND_MARKET,
        ties=("placed_ns", "seq"),
        long=("reason", "why"),
        changing=(
            *("qty", "price", "filled", "average", "state", "change", "reason", "venue_id", "ended_ns"),
            *("value", "told"),
        ),
        hidden={"value": "decimal", "told": "decimal", "quote": "flag", "seq": "int"},
    ),
    "fills": Table(
        row=FillRow,
        keys=("account", "exec_id"),
        time="ts_ns",
        filters={
            "bot": "bot",
            "account": "account",
            "market": "market",
            "client_id": "client_id",
            "kind": "kind",
        },
        values={"kind": get_args(FillKind)},
        few={"side": _SIDES},
        texts=("exec_id", "client_id", "bot", "slot", "market", "venue_id"),
        ids=("client_id", "exec_id", "venue_id"),
        sort="-time",
        sorts={
            "time": "ts_ns",
            "bot": "bot",
            "market": "market",
            "side": "side",
            "qty": "qty",
            "price": "price",
            "fee": "fee",
            "realised": "realised",
        },
        pairs=_BOT_AND_MARKET,
        ties=("ts_ns", "seq"),
    ),
    "positions": Table(
        row=PositionRow,
        keys=("bot", "slot", "market"),
        time="ts_ns",
        filters={"bot": "bot", "account": "market", "market": "market"},
        words={"state": {"open": Is("qty", (ZERO,), no=True), "flat": Is("qty", (ZERO,))}},
        texts=("bot", "slot", "market"),
        sort="bot",
        sorts={
            "bot": "bot",
            "market": "market",
            "time": "ts_ns",
            "qty": "qty",
            "average": "average",
            "realised": "realised",
        },
        ties=("bot", "slot", "market"),
        json=("fees",),
        changing=("qty", "cost", "average", "realised", "settle", "fees", "ts_ns"),
    ),
    "position_minutes": Table(
        row=MinuteRow,
        keys=("ts_ns", "bot", "slot", "market"),
        time="ts_ns",
        filters={"bot": "bot", "account": "market", "market": "market"},
        texts=("bot", "slot", "market"),
        sort="time",
        sorts={"time": "ts_ns", "bot": "bot", "market": "market"},
        ties=("ts_ns", "bot", "slot", "market"),
        changing=("qty", "average", "realised"),
    ),
    "decisions": Table(
        row=DecisionRow,
        keys=("seq",),
        time="ts_ns",
        filters={
            "bot": "bot",
            "account": "market",
            "market": "market",
            "client_id": "client_id",
            "kind": "verb",
        },
        values={"kind": _VERBS},
        few={"verb": _VERBS},
        texts=("bot", "slot", "market", "client_id", "why"),
        ids=("client_id",),
        sort="-time",
        sorts={
            "time": "ts_ns",
            "bot": "bot",
            "market": "market",
            "verb": "verb",
            "qty": "qty",
            "price": "price",
        },
        pairs=_BOT_AND_MARKET,
        ties=("ts_ns", "seq"),
        long=("why",),
    ),
    "notes": Table(
        row=NoteRow,
        keys=("seq",),
        time="ts_ns",
        filters={"bot": "bot", "account": "account", "level": "level"},
        values={"level": get_args(NoteLevel)},
        texts=("bot", "account", "text"),
        sort="-time",
        sorts={"time": "ts_ns", "bot": "bot", "level": "level"},
        ties=("ts_ns", "seq"),
        long=("text",),
    ),
    "commands": Table(
        row=CommandRow,
        keys=("command_id",),
        time="ts_ns",
        filters={"kind": "verb"},
        words={"state": {"done": Is("ok", (True,)), "refused": Is("ok", (False,))}},
        texts=("command_id", "actor", "via", "verb", "args", "says"),
        ids=("command_id",),
        sort="-time",
        sorts={"time": "ts_ns", "actor": "actor", "verb": "verb", "via": "via"},
        ties=("ts_ns", "seq"),
        long=("says",),
        json=("args",),
    ),
    "cash": Table(
        row=CashRow,
        keys=("account", "cash_id"),
        time="ts_ns",
        filters={"account": "account", "kind": "kind"},
        values={"kind": get_args(CashKind)},
        texts=("cash_id", "asset", "symbol"),
        ids=("cash_id",),
        sort="-time",
        sorts={"time": "ts_ns", "asset": "asset", "kind": "kind", "amount": "amount"},
        ties=("ts_ns", "seq"),
    ),
    "bots": Table(
        row=BotRow,
        keys=("number",),
        time="added_ns",
        filters={"bot": "bot", "kind": "kind", "state": "phase"},
        words={"state": {"removed": Is("removed_ns", (0,), no=True), "there": Is("removed_ns", (0,))}},
        texts=("bot", "kind", "why", "config", "claim"),
        sort="time",
        sorts={"time": "added_ns", "bot": "bot", "kind": "kind", "phase": "phase"},
        ties=("added_ns", "number"),
        long=("why",),
        json=("config",),
        changing=("phase", "why", "config", "removed_ns", "claim"),
    ),
    "story": Table(
        row=StoryRow,
        keys=("seq",),
        time="ts_ns",
        filters={"bot": "bot", "client_id": "client_id", "kind": "kind"},
        texts=("bot", "client_id", "says"),
        ids=("client_id",),
        sort="time",
        sorts={"time": "ts_ns"},
        ties=("ts_ns", "seq"),
        long=("says",),
    ),
    "instruments": Table(
        row=InstrumentRow,
        keys=("market",),
        time="ts_ns",
        filters={"account": "account", "market": "market", "kind": "kind", "state": "status"},
        words={"state": {"active": Is("active", (True,)), "inactive": Is("active", (False,))}},
        texts=("market", "name", "base", "quote", "settle"),
        sort="market",
        sorts={
            "market": "market",
            "account": "account",
            "kind": "kind",
            "base": "base",
            "quote": "quote",
            "settle": "settle",
            "expires": "expires_ns",
            "time": "ts_ns",
        },
        ties=("market",),
        changing=(*(name for name in InstrumentRow.__struct_fields__ if name != "market"), "body"),
        hidden={"body": "text"},
    ),
    "lists": Table(
        row=ListRow,
        keys=("name",),
        time="set_ns",
        filters={"kind": "name"},
        texts=("name", "items", "actor"),
        sort="name",
        sorts={"name": "name", "time": "set_ns"},
        ties=("name",),
        long=("items",),
        changing=("items", "actor", "set_ns"),
    ),
    "schedules": Table(
        row=ScheduleRow,
        keys=("name",),
        time="set_ns",
        filters={"kind": "verb"},
        words={"state": {"enabled": Is("enabled", (True,)), "disabled": Is("enabled", (False,))}},
        texts=("name", "verb", "args", "comment"),
        sort="name",
        sorts={"name": "name", "verb": "verb", "next": "next_ns", "time": "set_ns", "last": "last_due_ns"},
        ties=("name",),
        long=("comment", "last_says"),
        json=("args",),
        changing=tuple(name for name in ScheduleRow.__struct_fields__ if name != "name"),
    ),
    "schedule_runs": Table(
        row=ScheduleRunRow,
        keys=("seq",),
        time="ts_ns",
        filters={"kind": "name"},
        words={"state": {"done": Is("ok", (True,)), "refused": Is("ok", (False,))}},
        texts=("name", "says", "command_id"),
        sort="-time",
        sorts={"time": "ts_ns", "name": "name"},
        ties=("ts_ns", "seq"),
        long=("says",),
    ),
    "days": Table(
        row=DayRow,
        keys=("ts_ns", "bot", "settle"),
        time="ts_ns",
        filters={"bot": "bot", "kind": "settle"},
        texts=("day", "bot", "settle"),
        sort="-time",
        sorts={
            "time": "ts_ns",
            "bot": "bot",
            "settle": "settle",
            "profit": "profit",
            "volume": "volume",
            "fills": "fills",
        },
        ties=("ts_ns", "bot", "settle"),
        json=("other_fees",),
        changing=("realised", "fees", "funding", "profit", "volume", "fills", "other_fees"),
    ),
}


def readable() -> dict[str, tuple[str, ...]]:
    """The names that can be read, with the filters each takes."""
    common = ("since_ns", "until_ns", "text", "sort", "limit", "offset")
    return {name: (*dict.fromkeys([*table.filters, *table.words]), *common) for name, table in TABLES.items()}
