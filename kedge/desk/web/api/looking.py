"""What can be looked at: the tables, and what the running engine says. Nothing here changes anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from asgiref.sync import sync_to_async
from django.db.models import Q
from msgspec import Meta, Struct

from kedge.client import DeskAway, Refused
from kedge.desk import commands, figures
from kedge.desk.commands import BY_NAME, ExplainAsk, Limit, Search
from kedge.desk.deeds_people import PreordersAsk as PreordersAsk
from kedge.desk.preorders.keeper import SourceState
from kedge.desk.tables.database import DatabaseTrouble
from kedge.desk.tables.tables import OFFSET_MAX, Page, Tables
from kedge.desk.web import project
from kedge.desk.web.api.csvs import csv_answer
from kedge.desk.web.api.door import Act, Caller
from kedge.desk.web.api.shapes import All, AsOf, Figures, Pong, PositionLine, Preorder, Rows
from kedge.desk.web.picture import instruments_at
from kedge.desk.web.preorders import service as preorders
from kedge.desk.web.preorders.models import Preorder as PreorderModel
from kedge.desk.web.preorders.part import states
from kedge.journal.rows import TABLES, Ask, StoryRow, Table
from kedge.model.looks import BotLook, OrderLook, PositionLook, ScheduleLook, Status

WEEK_ROWS = 1000

_After = Annotated[str, Meta(max_length=1000, description="`next` of the page before: goes on behind it.")]
_Moment = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Since = Annotated[_Moment | None, Meta(description="From this moment on, in nanoseconds UTC.")]
_Until = Annotated[_Moment | None, Meta(description="Before this moment, in nanoseconds UTC.")]
_OffsetHere = Annotated[
    int, Meta(ge=0, le=OFFSET_MAX, description="Leave out so many first; further in, go on by `after`.")
]

FILTERS = {
    "bot": "Only this bot's.",
    "account": "Only this account's, like paper/main.",
    "market": "Only this market's, like paper/main:BTC-PERP.",
    "client_id": "Only of this order.",
    "level": "Only of this level",
    "kind": "Only of this kind",
    "state": "Only in this state",
}


def asks(what: str) -> type[Struct]:
    """The parameters of a table's list, as a struct."""
    table = TABLES[what]
    sorts = ", ".join(table.sorts)
    fields: list[tuple[str, Any, Any]] = [
        (name, Annotated[str, Meta(max_length=200, description=_meaning(table, name))], "")
        for name in dict.fromkeys([*table.filters, *table.words])
    ]
    fields += [
        ("since_ns", _Since, None),
        ("until_ns", _Until, None),
        ("text", Search, ""),
        ("sort", Annotated[str, Meta(description=f"{sorts}; - before it: downwards.")], table.sort),
        ("limit", Limit, 50),
        ("offset", _OffsetHere, 0),
        ("after", _After, ""),
    ]
    name = "".join(part.title() for part in what.split("_"))
    return msgspec.defstruct(f"{name}Ask", fields, frozen=True, forbid_unknown_fields=True)


def _meaning(table: Table, name: str) -> str:
    said = [*table.words.get(name, {}), *table.values.get(name, ())]
    return FILTERS[name] + (f": {', '.join(said)}." if said else "" if FILTERS[name].endswith(".") else ".")


# ── the tables ──────────────────────────────────────────────────────────────────────────────────


def table_of(what: str) -> Act:
    """The handler of a table's list."""

    async def act(caller: Caller, args: Any) -> Any:
        ask = ask_of(args)
        if caller.wants_csv:
            return await csv_of(what, ask, bool(caller.request.GET.get("limit")), args.after)
        return rows_answer(await page_of(what, ask, args.after))

    return act


def ask_of(args: Any) -> Ask:
    given = {
        name: value for name in args.__struct_fields__ if (value := getattr(args, name)) not in ("", None)
    }
    return Ask(**{name: value for name, value in given.items() if name in Ask.__struct_fields__})


async def page_of(what: str, ask: Ask, after: str = "") -> Page:
    """Raises `Refused` for what cannot be asked, `DatabaseTrouble`."""
    try:
        return await asyncio.to_thread(lambda: tables().find(what, ask, after=after))
    except ValueError as wrong:
        raise Refused(str(wrong), "usage") from None


async def csv_of(what: str, ask: Ask, only_page: bool, after: str = "") -> Any:
    """All rows that fit, or one page where a limit was given."""
    columns = TABLES[what].columns
    if only_page:
        rows: Iterator[Any] = iter((await page_of(what, ask, after)).rows)
    else:
        rows = tables().each(what, ask)
    try:
        return await csv_answer(rows, columns, what)
    except ValueError as wrong:
        raise Refused(str(wrong), "usage") from None


def rows_answer(page: Page) -> Rows[Any]:
    return Rows(list(page.rows), page.total, page.total_is_exact, page.next, page.searched_all, as_of())


def as_of() -> AsOf:
    state = tables().state
    return AsOf(state.seq, state.behind, state.trouble or state.away)


def tables() -> Tables:
    """Raises `DatabaseTrouble` where this desk keeps none."""
    found: Tables | None = project.context().tables
    if found is None:
        raise DatabaseTrouble("the tables are not kept here yet")
    return found


async def read(what: str, /, **filters: object) -> list[dict[str, Any]]:
    """The tables as the gate's client reads them."""
    if what == "held":
        return list(await project.context().link.desk("api").read("held"))
    page = await page_of(what, msgspec.convert(filters, Ask))
    return [msgspec.to_builtins(row, builtin_types=(object,)) for row in page.rows]


async def positions(caller: Caller, args: Any) -> Any:
    """With marks, where the engine is there to tell them."""
    ask = ask_of(args)
    if caller.wants_csv:
        return await csv_of("positions", ask, bool(caller.request.GET.get("limit")), args.after)
    page = await page_of("positions", ask, args.after)
    live = {(one.bot, one.slot, one.market): one for one in await held_or_none()}
    lines = []
    for row in page.rows:
        now = live.get((row.bot, row.slot, row.market))
        line = PositionLine(**msgspec.structs.asdict(row))
        lines.append(msgspec.structs.replace(line, mark=now.mark, unrealised=now.unrealised) if now else line)
    return msgspec.structs.replace(rows_answer(page), rows=lines)


async def explain(caller: Caller, args: ExplainAsk) -> Any:
    rows = await commands.read_rows(BY_NAME["explain"], msgspec.to_builtins(args), read)
    return All(msgspec.convert(rows, list[StoryRow]))


# ── the running engine ──────────────────────────────────────────────────────────────────────────


async def status(caller: Caller, args: Struct) -> Status:
    """Asked for now. Raises `DeskAway`: an old picture is not told as today's."""
    return await fresh()


async def fresh() -> Status:
    link = project.context().link
    try:
        return await link.fresh()
    except TimeoutError:
        raise DeskAway("the engine does not answer; is it stuck?") from None


async def bots(caller: Caller, args: Struct) -> All[BotLook]:
    return All(list((await fresh()).bots))


async def schedules(caller: Caller, args: Struct) -> All[ScheduleLook]:
    return All(list((await fresh()).schedules))


async def held(caller: Caller, args: Struct) -> All[PositionLook]:
    desk = project.context().link.desk("api")
    return All(msgspec.convert(await desk.read("held"), list[PositionLook]))


async def held_or_none() -> list[PositionLook]:
    link = project.context().link
    if not link.here:
        return []
    try:
        return msgspec.convert(await link.desk("api").read("held"), list[PositionLook])
    except (DeskAway, Refused):
        return []


async def open_orders(caller: Caller, args: Struct) -> All[OrderLook]:
    desk = project.context().link.desk("api")
    return All(msgspec.convert(await desk.read("open_orders"), list[OrderLook]))


async def numbers(caller: Caller, args: Struct) -> Figures:
    now = await fresh()
    since_ns = now.now_ns - figures.WEEK_DAYS * figures.DAY_NS
    days = await page_of("days", Ask(since_ns=max(0, since_ns), limit=WEEK_ROWS))
    positions = await project.context().link.desk("api").read("held")
    spans = [msgspec.structs.asdict(row) for row in days.rows]
    markets = list(dict.fromkeys(str(row["market"]) for row in positions))
    known = await asyncio.to_thread(instruments_at, project.context().tables, markets)
    return Figures(figures.moneys(now, spans), figures.exposures(positions, known), now.unhedged)


async def ping(caller: Caller, args: Struct) -> Pong:
    link = project.context().link
    return Pong(link.here, link.away, caller.person.name, caller.person.role)


# ── preorders ───────────────────────────────────────────────────────────────────────────────────


async def preorder_list(caller: Caller, args: PreordersAsk) -> Rows[Preorder]:
    rows, total = await sync_to_async(_preorders)(args)
    more = "" if args.offset + len(rows) >= total else str(args.offset + len(rows))
    return Rows(msgspec.convert(rows, list[Preorder]), total, True, more, True, as_of())


async def preorder(caller: Caller, args: Struct) -> Preorder:
    return msgspec.convert(await sync_to_async(_preorder)(caller.about), Preorder)


async def sources(caller: Caller, args: Struct) -> All[SourceState]:
    return All(list(states()))


def _preorders(args: PreordersAsk) -> tuple[list[dict[str, Any]], int]:
    found = PreorderModel.objects.all()
    if args.status:
        if args.status not in ("open", "closed"):
            raise Refused("preorders: `status` can be open or closed", "usage")
        found = found.filter(status=args.status)
    if args.is_garant is not None:
        found = found.filter(is_garant=args.is_garant)
    if args.text:
        found = found.filter(_with(args.text))
    page = found.prefetch_related("stages")[args.offset : args.offset + args.limit]
    return [preorders.shape(one) for one in page], found.count()


def _with(text: str) -> Q:
    fields = ("buyer", "location", "product", "product_name", "status_text", "garant_status")
    wanted = Q()
    for name in fields:
        wanted |= Q(**{f"{name}__icontains": text})
    if text.isascii() and text.isdigit() and len(text) < 19:
        wanted |= Q(preorder_id=int(text))
    return wanted


def _preorder(word: str) -> dict[str, Any]:
    found = preorders.find(word)
    if found is None:
        raise Refused(f"there is no preorder {word[:60]}", "missing")
    return preorders.shape(found)
