"""The hedge desk's contract, `/main/…`: the addresses, fields and types that older programs know.

What is different from the older desk, on purpose: a mistake is 400 and not 200, a thing that is not there is
404, a refusal 409; every column of the list can be sorted by; and asking twice acts once.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from asgiref.sync import sync_to_async
from msgspec import Meta, Raw, Struct, field

from kedge.client import DeskAway, Refused
from kedge.desk.hedges import service, shapes
from kedge.desk.hedges.book import Hedge, number_of
from kedge.desk.hedges.shelf import Shelf
from kedge.desk.hedges.shell import leverage_of
from kedge.desk.web import project
from kedge.desk.web.api import looking
from kedge.desk.web.api.door import Caller, encode_numbers
from kedge.desk.web.api.shapes import MarketData, Opened, Pages, Position, PositionData, Preorder
from kedge.desk.web.preorders import service as preorders
from kedge.desk.web.preorders.models import Preorder as PreorderModel
from kedge.model.looks import Status
from kedge.model.records import CommandTaken

PAGE = 50
PAGE_MOST = 500


class Books:
    """A desk for `service.py`: asked at the gate, so that what was just done is seen."""

    def __init__(self, via: str) -> None:
        self._link = project.context().link
        self._via = via

    async def status(self) -> Status:
        return await looking.fresh()

    async def read(self, what: str, /, **filters: object) -> Any:
        return await self._link.desk(self._via).read(what, **filters)

    async def command(self, verb: str, /, *, command_id: str = "", of: str = "", **args: Any) -> CommandTaken:
        return await self._link.desk(self._via).command(verb, command_id=command_id, of=of, **args)


# ── doing ───────────────────────────────────────────────────────────────────────────────────────


class PositionAction(Struct, frozen=True, forbid_unknown_fields=True):
    """`open` with `sum_btc`, or with `preorder` and its own sum; `close` with `position_id`."""

    action: Literal["open", "close"]
    sum_btc: Annotated[
        Raw,
        Meta(
            description="How much, as a number or as text.", extra_json_schema={"type": ["number", "string"]}
        ),
    ] = field(default_factory=lambda: Raw(b"null"))
    comment: Annotated[Annotated[str, Meta(max_length=300)] | None, Meta(description="Yours to write.")] = (
        None
    )
    position_id: Annotated[
        Annotated[str, Meta(max_length=64)] | None, Meta(description="The position to close.")
    ] = None
    preorder: Annotated[
        str | int | None,
        Meta(description="The preorder that it hedges, by its number or id; never two at a time."),
    ] = None


async def act(caller: Caller, args: PositionAction) -> Opened:
    if args.action == "close":
        if not args.position_id:
            raise Refused("`position_id` is missing: which position shall be closed?", "usage")
        return await close(caller, args.position_id)
    if args.position_id:
        raise Refused("`position_id` goes with the action close", "usage")
    return await open_one(caller, args.sum_btc, args.comment or "", str(args.preorder or ""))


async def open_one(caller: Caller, given: Raw, comment: str, preorder: str) -> Opened:
    how, books = project.context().settings.hedge, Books(caller.person.via)
    amount = _amount(given)
    found = await sync_to_async(preorders.find)(preorder) if preorder else None
    if preorder and found is None:
        raise Refused(f"there is no preorder {preorder[:60]}", "missing")
    if found is not None and amount is None:
        opened = await preorders.open_for(
            books, how, found, who=caller.person.name, comment=comment, command_id=caller.key
        )
    elif amount is None:
        raise Refused('`sum_btc` is missing; write it like "sum_btc": 0.05', "usage")
    else:
        held = str(found.preorder_id) if found else ""
        opened = await service.open_hedge(
            books, how, amount, comment=comment, preorder=held, command_id=caller.key, of=caller.person.name
        )
    return Opened("open", opened.position_id, opened.bot, opened.says, opened.command_id)


async def close(caller: Caller, position: str) -> Opened:
    books = Books(caller.person.via)
    hedge = await service.find_hedge(books, position)
    closing = await service.close_hedge(books, hedge, command_id=caller.key, of=caller.person.name)
    return Opened("close", closing.position_id, closing.bot, closing.says, closing.command_id)


def _amount(given: Raw) -> Any:
    """Number or text, in its own digits; None where nothing was said."""
    raw = bytes(given).strip()
    if raw == b"null":
        return None
    if raw[:1] not in (b'"', b"-") and not raw[:1].isdigit():
        raise Refused("`sum_btc` must be a number, like 0.05", "usage")
    text = msgspec.json.decode(raw, type=str) if raw[:1] == b'"' else raw.decode()
    return service.read_sum(text.strip()[:100])


# ── looking ─────────────────────────────────────────────────────────────────────────────────────


async def market_data(caller: Caller, args: Struct) -> MarketData:
    here = project.context()
    books = Books(caller.person.via)
    shape = await service.market_data(books, here.settings.hedge, leverage_of(here.settings))
    return msgspec.convert(shape, MarketData)


class PositionsAsk(Struct, frozen=True, forbid_unknown_fields=True):
    status: Annotated[Literal["open", "closed", ""], Meta(description="Only open or only closed ones.")] = ""
    is_by_hand: Annotated[bool | None, Meta(description="Only without, or only with a preorder.")] = None
    is_preorder_garant: Annotated[bool | None, Meta(description="Only where the preorder is guaranteed.")] = (
        None
    )
    sortBy: Annotated[str, Meta(description=f"Any column: {', '.join(shapes.SORTS)}.")] = ""
    sortDesc: Annotated[bool | None, Meta(description="Downwards.")] = None
    page: Annotated[int, Meta(ge=1, le=1_000_000, description="Which page.")] = 1
    page_size: Annotated[int, Meta(ge=1, le=PAGE_MOST, description="Rows on a page.")] = PAGE


async def position_list(caller: Caller, args: PositionsAsk) -> Any:
    if args.sortBy and args.sortBy not in shapes.SORTS:
        raise Refused(f"`sortBy` can be {', '.join(shapes.SORTS)}", "usage")
    rows = await position_rows()
    for name in ("status", "is_by_hand", "is_preorder_garant"):
        wanted = getattr(args, name)
        if wanted not in ("", None):
            rows = [row for row in rows if row[name] == wanted]
    if args.sortBy:
        rows = shapes.in_order(rows, args.sortBy, bool(args.sortDesc))
    else:
        rows = shapes.in_order(rows, "created_at", True)
    return _page(caller, args.page, args.page_size, len(rows), rows[_slice(args)])


async def position_rows() -> list[shapes.Shape]:
    """Every position as the list shows it."""
    found, facts, on = await _all()
    return [shapes.position_row(one, facts, on.instrument(one.market)) for one in found]


async def position(caller: Caller, args: Struct) -> Position:
    hedge, facts, on = await _one(caller.about)
    return msgspec.convert(shapes.position_row(hedge, facts, on.instrument(hedge.market)), Position)


async def position_data(caller: Caller, args: Struct) -> PositionData:
    hedge, facts, on = await _one(caller.about)
    through = project.context().settings.hedge.through
    shape = shapes.position_data(hedge, facts, on.instrument(hedge.market), through)
    return msgspec.convert(shape, PositionData)


class PagesAsk(Struct, frozen=True, forbid_unknown_fields=True):
    page: Annotated[int, Meta(ge=1, le=1_000_000, description="Which page.")] = 1
    page_size: Annotated[int, Meta(ge=1, le=PAGE_MOST, description="Rows on a page.")] = PAGE


async def preorder_list(caller: Caller, args: PagesAsk) -> Any:
    def ask() -> tuple[int, list[shapes.Shape]]:
        all_of = PreorderModel.objects.prefetch_related("stages")
        return PreorderModel.objects.count(), [preorders.shape(one) for one in all_of[_slice(args)]]

    total, rows = await sync_to_async(ask)()
    return _page(caller, args.page, args.page_size, total, rows)


async def preorder(caller: Caller, args: Struct) -> Preorder:
    return await looking.preorder(caller, args)


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────

_shelves: list[Shelf] = []


def shelf() -> Shelf:
    """All hedges of this desk's tables."""
    tables = looking.tables()
    if not _shelves or _shelves[0].tables is not tables:
        for old in _shelves:
            old.leave()
        _shelves[:] = [Shelf(tables, project.context().clock)]
    return _shelves[0]


async def _all() -> tuple[list[Hedge], shapes.Preorders, Shelf]:
    on, status = shelf(), project.context().link.status
    try:
        found = await asyncio.to_thread(on.hedges, status)
    except ValueError as wrong:
        raise DeskAway(str(wrong)) from None
    facts = await sync_to_async(preorders.facts)(one.preorder for one in found if one.preorder)
    return found, facts, on


async def _one(position: str) -> tuple[Hedge, shapes.Preorders, Shelf]:
    """Raises `Refused` ("missing")."""
    on, status = shelf(), project.context().link.status

    def look() -> Hedge | None:
        number = number_of(position, on.desk(status))
        return on.hedge(number, status) if number is not None else None

    hedge = await asyncio.to_thread(look)
    if hedge is None:
        raise Refused(f"there is no position {position[:60]}", "missing")
    facts = await sync_to_async(preorders.facts)([hedge.preorder] if hedge.preorder else [])
    return hedge, facts, on


def _slice(args: Any) -> slice:
    start = (args.page - 1) * args.page_size
    return slice(start, start + args.page_size)


def _page(caller: Caller, page: int, size: int, total: int, rows: list[shapes.Shape]) -> Pages[Any]:
    if page > 1 and (page - 1) * size >= total:
        raise Refused(f"there is no page {page}", "missing")
    following = _address(caller, page + 1) if page * size < total else None
    return Pages(total, following, _address(caller, page - 1) if page > 1 else None, rows)


def _address(caller: Caller, page: int) -> str:
    request = caller.request
    kept = {name: value for name, value in request.GET.items() if name != "page"}
    query = urlencode({**kept, **({"page": page} if page > 1 else {})})
    return request.build_absolute_uri(request.path + (f"?{query}" if query else ""))


__all__ = ["Books", "encode_numbers", "shelf"]
