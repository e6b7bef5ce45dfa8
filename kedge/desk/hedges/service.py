"""Open a hedge by an amount, close it by its id, look at its market: the same for shell, REST and pages.

Works with whatever answers like a desk: the gate's client, or the desk process with its own tables. Both ask
the engine under an idempotency key that the caller made, so asking again acts once; and that no preorder is
hedged twice at a time is the engine's own promise (`HedgeConfig.claim`), whoever asks.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any, Protocol

import msgspec
from msgspec import Raw, Struct

from kedge.client import Refused, Row, new_command_id
from kedge.desk.hedges import shapes
from kedge.desk.hedges.book import KIND, Hedge, hedge_of, instrument_of, number_of, position_id
from kedge.journal.row_shapes import BotRow, FillRow, InstrumentRow, OrderRow
from kedge.model.instrument import account_of
from kedge.model.looks import AccountLook, PositionLook, Status
from kedge.model.numbers import BadNumber, exact, is_multiple, text
from kedge.model.records import CommandTaken
from kedge.settings import HedgeSettings

# Orders and fills of one hedge that are looked at; one that chased longer is told by these.
ROWS_MOST = 20_000
PAGE = 1000
COMMENT_MOST = 300
# Numbers as the gate's client sends them, and read as they were written.
_params = msgspec.json.Encoder(decimal_format="number")
_exact = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


class Books(Protocol):
    """What hedging needs of a desk."""

    async def status(self) -> Status: ...
    async def read(self, what: str, /, **filters: object) -> Any: ...
    async def command(
        self, verb: str, /, *, command_id: str = "", of: str = "", **args: Any
    ) -> CommandTaken: ...


class Opened(Struct, frozen=True):
    position_id: str
    bot: str
    says: str
    command_id: str
    again: bool = False  # this key was answered before


class Closing(Struct, frozen=True):
    position_id: str
    bot: str
    says: str
    command_id: str = ""


# ── doing ───────────────────────────────────────────────────────────────────────────────────────


async def open_hedge(
    desk: Books,
    how: HedgeSettings,
    sum_btc: Decimal,
    *,
    comment: str = "",
    preorder: str = "",
    command_id: str = "",
    of: str = "",
) -> Opened:
    """Start a hedge of this amount. Raises `Refused` ("usage": the amount cannot be traded), `DeskAway`."""
    key = command_id or new_command_id()
    name = name_for(key)
    if len(comment) > COMMENT_MOST:
        raise Refused(f"`comment` may have {COMMENT_MOST} characters; it has {len(comment)}", "usage")
    again = bool(command_id) and await _known_command(desk, key)
    if not again:
        said = await wrong_sum(desk, how.market, sum_btc)
        if said:
            raise Refused(said, "usage")
    config = config_for(how, sum_btc, comment, preorder)
    taken = await desk.command(
        "bot.add", command_id=key, of=of, name=name, kind=KIND, config=config, origin="hedge"
    )
    await as_asked(desk, taken, "bot.add", name=name, config=config)
    number = await _number(desk, name)
    status = await desk.status()
    return Opened(position_id(status.desk, number), name, taken.says, key, again)


async def close_hedge(desk: Books, hedge: Hedge, *, command_id: str = "", of: str = "") -> Closing:
    """Have what it opened closed; asked twice, it is closed once. Raises `Refused`, `DeskAway`."""
    if not (command_id and await _known_command(desk, command_id)):
        if hedge.status == "closed":
            raise Refused(f"position {hedge.id} ({hedge.bot}) is closed already")
        if hedge.stage == "closing":
            return Closing(hedge.id, hedge.bot, f"{hedge.bot} is closing already")
    key = command_id or new_command_id()
    taken = await desk.command("bot.tell", command_id=key, of=of, name=hedge.bot, text="close")
    await as_asked(desk, taken, "bot.tell", name=hedge.bot, text="close")
    return Closing(hedge.id, hedge.bot, taken.says, key)


async def as_asked(desk: Books, taken: CommandTaken, verb: str, **args: object) -> CommandTaken:
    """The whole answer, if this is what was asked under its key. Raises `Refused`."""
    known = await _whole(desk, taken)
    before = _exact.decode(known.args)
    now = _exact.decode(_params.encode(args))
    if known.verb != verb or any(before.get(name) != value for name, value in now.items()):
        raise Refused(
            f"the key {taken.command_id} was used for something else before ({known.verb});"
            " make a new one for each request"
        )
    return known


async def _whole(desk: Books, taken: CommandTaken) -> CommandTaken:
    """A repeated command is answered with its result alone; what it was is in the tables."""
    if taken.verb:
        return taken
    rows = await desk.read("commands", text=taken.command_id, limit=2)
    for row in rows:
        if row["command_id"] == taken.command_id:
            args = Raw(msgspec.json.encode(row["args"]))
            return CommandTaken(
                taken.command_id, row["actor"], row["via"], row["verb"], args, taken.ok, taken.says
            )
    return taken


def config_for(how: HedgeSettings, qty: Decimal, comment: str, preorder: str) -> dict[str, Any]:
    """A hedge's parameters as plain data: `[hedge]` and what was said now."""
    config: dict[str, Any] = {
        "market": how.market,
        "qty": text(qty),
        "side": how.side,
        "through": text(how.through),
        "slippage": text(how.slippage),
        "reprice_s": text(how.reprice_s),
        "deadline_s": how.deadline_s,
        "then": how.then,
    }
    return config | {name: said for name, said in (("comment", comment), ("preorder", preorder)) if said}


def name_for(command_id: str) -> str:
    """The bot's name follows from the key, so that the same request names the same bot."""
    return f"hedge-{hashlib.sha256(command_id.encode()).hexdigest()[:10]}"


# ── judging an amount ───────────────────────────────────────────────────────────────────────────


def read_sum(given: object) -> Decimal:
    """An amount as number or text. Raises `Refused`."""
    try:
        return exact(str(given) if isinstance(given, (int, float)) and not isinstance(given, bool) else given)  # type: ignore[arg-type]
    except BadNumber as bad:
        raise Refused(f"`sum_btc`: {bad}", "usage") from None


async def wrong_sum(desk: Books, market: str, qty: Decimal) -> str:
    """What is wrong with an amount, in one sentence; "" when it can be traded."""
    if qty <= 0:
        return f"`sum_btc` must be above zero; it is {text(qty)}"
    row = await instrument(desk, market)
    if row is None:
        return await _why_unknown(desk, market)
    if not is_multiple(qty, row.qty_step):
        return f"`sum_btc` must be a multiple of {text(row.qty_step)} at {market}; it is {text(qty)}"
    if qty < row.min_qty:
        return f"`sum_btc` must be at least {text(row.min_qty)} at {market}; it is {text(qty)}"
    if qty > row.max_qty:
        return f"`sum_btc` may be {text(row.max_qty)} at most at {market}; it is {text(qty)}"
    rate = shapes.rate_of(await _account(desk, market), market) if row.min_notional else None
    if rate and instrument_of(row).notional(qty, rate) < row.min_notional:
        return f"`sum_btc` of {text(qty)} is worth less than {text(row.min_notional)}, the least at {market}"
    return ""


async def _why_unknown(desk: Books, market: str) -> str:
    account, known = account_of(market), [one.account for one in (await desk.status()).accounts]
    if account not in known:
        return f"[hedge] market is {market}, but there is no account {account}; there are: {', '.join(known)}"
    return f"the rules of {market} are not known yet; is the venue connected, and does it list that symbol?"


async def _account(desk: Books, market: str) -> AccountLook | None:
    accounts = (await desk.status()).accounts
    return next((one for one in accounts if one.account == account_of(market)), None)


async def instrument(desk: Books, market: str) -> InstrumentRow | None:
    rows = await desk.read("instruments", market=market, limit=1)
    return msgspec.convert(rows[0], InstrumentRow) if rows else None


# ── looking ─────────────────────────────────────────────────────────────────────────────────────


async def market_data(desk: Books, how: HedgeSettings, leverage: Decimal | None) -> shapes.Shape:
    status = await desk.status()
    held = msgspec.convert(await desk.read("held"), tuple[PositionLook, ...])
    return shapes.market_data(
        status, held, how.market, how.side, await instrument(desk, how.market), leverage
    )


async def find_hedge(desk: Books, position: str) -> Hedge:
    """A hedge by its position's id. Raises `Refused` (fault "missing")."""
    status = await desk.status()
    number = number_of(position, status.desk)
    row = await _bot_row(desk, number) if number is not None else None
    if row is None or row.kind != KIND:
        raise Refused(f"there is no position {position[:60]}", "missing")
    return await load(desk, row, status)


async def hedges(desk: Books) -> list[Hedge]:
    """All hedges, the newest first."""
    status = await desk.status()
    rows = await _all(desk, "bots", BotRow, kind=KIND, sort="-time")
    return [await load(desk, row, status) for row in rows]


async def load(desk: Books, row: BotRow, status: Status) -> Hedge:
    orders = await _all(desk, "orders", OrderRow, bot=row.bot, sort="time")
    fills = await _all(desk, "fills", FillRow, bot=row.bot, sort="time")
    market = str(row.config.get("market", ""))
    return hedge_of(status.desk, row, orders, fills, await instrument(desk, market), stage_of(status, row))


def stage_of(status: Status | None, row: BotRow) -> str:
    """What the running engine says of it; "" where it says nothing."""
    for look in status.bots if status else ():
        if look.number == row.number:
            return str(look.state.get("stage", "opening"))
    return ""


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


async def _known_command(desk: Books, key: str) -> bool:
    """Whether the engine has answered this key before: then it answers the same again, whatever is now."""
    rows = await desk.read("commands", text=key, limit=2)
    return any(row["command_id"] == key for row in rows)


async def _number(desk: Books, name: str) -> int:
    status = await desk.status()
    for look in status.bots:
        if look.bot == name:
            return look.number
    rows = await desk.read("bots", bot=name, sort="-time", limit=1)
    if not rows:
        raise Refused(f"{name} was opened, but is not told of yet; look again in a moment")
    return int(rows[0]["number"])


async def _bot_row(desk: Books, number: int) -> BotRow | None:
    """By its number, which is also its place in the order of adding: the list is asked from there."""
    rows = await desk.read("bots", sort="time", offset=max(0, number - 1), limit=1)
    found = msgspec.convert(rows[0], BotRow) if rows else None
    if found is not None and found.number == number:
        return found
    some = await _all(desk, "bots", BotRow, kind=KIND, sort="time")
    return next((row for row in some if row.number == number), None)


async def _all(desk: Books, what: str, shape: type[Any], **filters: object) -> list[Any]:
    found: list[Any] = []
    while len(found) < ROWS_MOST:
        rows: list[Row] = await desk.read(what, **filters, limit=PAGE, offset=len(found))
        found += msgspec.convert(rows, list[shape])  # type: ignore[valid-type]
        if len(rows) < PAGE:
            break
    return found
