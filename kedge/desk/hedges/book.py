"""A hedge as a position, made from its bot's row, its orders and its fills. Pure.

Its id is a UUID that holds the desk's number and the bot's, so nothing has to be remembered: from the id one
finds the bot, from the bot the id. A name may be used again after `bot rm`; orders know by which bot they
were placed, so the numbers of two bots of one name are never mixed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct

from kedge.journal.row_shapes import BotRow, FillRow, InstrumentRow, OrderRow
from kedge.model import ids
from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO, divide
from kedge.model.order import LIVE, Side, opposite

KIND = "hedge"
Status = Literal["open", "closed"]
# What the old desk knew of an order's life.
OrderStatus = Literal["Filled", "New", "Cancelled"]

_VERSION, _VARIANT = 8 << 76, 2 << 62
_TAG = int.from_bytes(b"hedge", "big")

_LIVE = tuple(state.value for state in LIVE)


class Leg(Struct, frozen=True):
    """All orders of one side of a hedge, told as one."""

    client_id: str  # of the first
    venue_id: str  # of the latest that the venue has named
    placed_ns: int
    side: Side
    status: OrderStatus
    qty: Decimal
    filled: Decimal
    average: Decimal  # of what filled; zero when nothing has
    limit: Decimal  # where the latest stands or stood
    why: str
    orders: int


class Hedge(Struct, frozen=True):
    id: str
    number: int
    bot: str
    market: str
    side: Side
    qty: Decimal
    comment: str
    preorder: str
    phase: str
    why: str
    stage: str  # opening, open, closing, closed; "" where only the engine knows and is not there
    status: Status
    begun_ns: int
    closed_ns: int  # zero while it is open
    settle: str
    fees: Decimal  # in the settlement asset
    into: Leg | None
    out: Leg | None

    @property
    def opened(self) -> Decimal:
        return self.into.filled if self.into else ZERO

    @property
    def left(self) -> Decimal:
        """What was opened and not yet closed."""
        return self.opened - (self.out.filled if self.out else ZERO)


# ── ids ─────────────────────────────────────────────────────────────────────────────────────────


def position_id(desk: str, number: int) -> str:
    """The id of the hedge that is this desk's (8 hex digits) bot of this number."""
    bits = int(desk, 16) << 96 | number >> 8 << 80 | _VERSION | (number & 0xFF) << 64 | _VARIANT | _TAG
    return str(uuid.UUID(int=bits))  # storm-ok: spells a number, makes none


def number_of(text: str, desk: str) -> int | None:
    """The bot's number; None where the id is no hedge of this desk."""
    try:
        bits = uuid.UUID(text).int  # storm-ok: reads a number, makes none
    except ValueError:
        return None
    number = (bits >> 80 & 0xFFFF) << 8 | (bits >> 64 & 0xFF)
    return number if position_id(desk, number) == str(uuid.UUID(int=bits)) else None  # storm-ok: as above


def order_id(client_id: str) -> str:
    return ids.as_uuid(client_id)


# ── a hedge ─────────────────────────────────────────────────────────────────────────────────────


def hedge_of(
    desk: str,
    row: BotRow,
    orders: Iterable[OrderRow],
    fills: Iterable[FillRow],
    instrument: InstrumentRow | None,
    stage: str = "",
) -> Hedge:
    """`orders` and `fills` of the bot's name, in any order; those of another bot of that name are left out.
    `stage` as the running engine says it."""
    config: Mapping[str, Any] = row.config
    side: Side = "buy" if config.get("side") == "buy" else "sell"
    mine = sorted(
        (one for one in orders if made_by(one.client_id, row.number)), key=lambda one: one.client_id
    )
    booked = [one for one in fills if made_by(one.client_id, row.number)]
    settle = next((fill.settle for fill in booked), instrument.settle if instrument else "")
    qty = Decimal(str(config.get("qty", "0")))
    inverse = instrument is not None and instrument.kind == "inverse"
    into = leg_of(mine, "open", side, qty, instrument, working=stage == "opening", inverse=inverse)
    opened = into.filled if into else ZERO
    out = leg_of(
        mine, "close", opposite(side), opened, instrument, working=stage == "closing", inverse=inverse
    )
    left = opened - (out.filled if out else ZERO)
    closed = is_closed(row, left, instrument)
    last_ns = max((fill.ts_ns for fill in booked), default=0)
    return Hedge(
        id=position_id(desk, row.number),
        number=row.number,
        bot=row.bot,
        market=str(config.get("market", "")),
        side=side,
        qty=qty,
        comment=str(config.get("comment", "")),
        preorder=str(config.get("preorder", "")),
        phase=row.phase,
        why=row.why,
        stage=stage,
        status="closed" if closed else "open",
        begun_ns=row.added_ns,
        closed_ns=(last_ns or row.removed_ns or row.added_ns) if closed else 0,
        settle=settle,
        fees=sum((fill.fee for fill in booked if fill.fee_asset == settle), ZERO),
        into=into,
        out=out,
    )


def leg_of(
    orders: Iterable[OrderRow],
    slot: str,
    side: Side,
    wanted: Decimal,
    instrument: InstrumentRow | None,
    *,
    working: bool,
    inverse: bool = False,
) -> Leg | None:
    """The orders of a slot as one: what an order of another side undid is taken off again."""
    some = [one for one in orders if one.slot.removeprefix("late ") == slot]
    if not some:
        return None
    same = [one for one in some if one.side == side]
    filled = sum((one.filled for one in same), ZERO) - sum((o.filled for o in some if o.side != side), ZERO)
    live = [one for one in same if one.state in _LIVE]
    qty = filled + sum((one.qty - one.filled for one in live), ZERO)
    whole = filled > 0 and is_dust(wanted - filled, instrument)
    status: OrderStatus = "Filled" if whole else "New" if live or working else "Cancelled"
    first, last = some[0], (same or some)[-1]
    return Leg(
        client_id=first.client_id,
        venue_id=next((one.venue_id for one in reversed(some) if one.venue_id), ""),
        placed_ns=first.placed_ns,
        side=side,
        status=status,
        qty=qty or last.qty,
        filled=filled,
        average=average((one.filled, one.average) for one in same) if not inverse else _harmonic(same),
        limit=last.price,
        why=last.reason or last.why,
        orders=len(some),
    )


def average(parts: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """The price of several fills together; zero when nothing has filled."""
    qty, value = ZERO, ZERO
    for some, price in parts:
        qty, value = qty + some, value + some * price
    return divide(value, qty) if qty else ZERO


def is_closed(row: BotRow, left: Decimal, instrument: InstrumentRow | None) -> bool:
    """A bot that was forgotten holds nothing any more; one that has ended may still hold something."""
    if row.removed_ns:
        return True
    return row.phase in ("stopped", "killed") and is_dust(left, instrument)


def is_dust(qty: Decimal, instrument: InstrumentRow | None) -> bool:
    """Whether this is nothing, or too little for an order."""
    if instrument is None or not qty:
        return not qty
    least = max(instrument.qty_step, instrument.min_qty)
    return abs(qty) < least


def made_by(client_id: str, number: int) -> bool:
    known = ids.read(client_id)
    return known is not None and known.bot == number


def instrument_of(row: InstrumentRow) -> Instrument:
    """As the model has it; what a row does not tell has its default."""
    given = {name: getattr(row, name) for name in Instrument.__struct_fields__ if hasattr(row, name)}
    return msgspec.convert(msgspec.to_builtins(given), Instrument, strict=False)


def _harmonic(orders: Iterable[OrderRow]) -> Decimal:
    """Contracts of an inverse future are quote money: the base they are worth is what adds up."""
    some = [(one.filled, one.average) for one in orders if one.filled and one.average]
    base = sum((divide(qty, price) for qty, price in some), ZERO)
    return divide(sum((qty for qty, _ in some), ZERO), base) if base else ZERO
