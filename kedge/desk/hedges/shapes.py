"""What `/main/…` answers: the shapes that programs written for the older hedge desk read. Pure.

Where that desk sent numbers there are numbers here (`Decimal`s, written as digits), where it sent text there
is text with the same count of digits, or more where an exact number needs more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from msgspec import Struct

from kedge.desk.hedges.book import Hedge, Leg, average, instrument_of, order_id
from kedge.journal.row_shapes import InstrumentRow
from kedge.model.looks import AccountLook, MarketLook, PositionLook, Status
from kedge.model.numbers import MONEY, ZERO, text
from kedge.model.order import Side, sign

# Digits after the point that the old desk kept.
MONEY_PLACES, ORDER_PLACES, POSITION_PLACES = 2, 6, 12

Shape = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PreorderFacts(Struct, frozen=True):
    """What a position's page says of its preorder."""

    id: str
    preorder_id: int
    sum_rub: Decimal | None
    is_garant: bool
    data: Shape


Preorders = Mapping[str, PreorderFacts]  # by the number that hedges hold


# ── positions ───────────────────────────────────────────────────────────────────────────────────


def position_row(hedge: Hedge, preorders: Preorders, instrument: InstrumentRow | None) -> Shape:
    """One line of `/main/positions/`."""
    preorder = preorders.get(hedge.preorder)
    places = price_places(instrument)
    return {
        "id": hedge.id,
        "r_id": f"H{hedge.number}",
        "created_at": iso(hedge.begun_ns),
        "closed_at": iso(hedge.closed_ns) if hedge.closed_ns else None,
        "status": hedge.status,
        "comment": hedge.comment or None,
        "sum_btc": digits(hedge.qty, POSITION_PLACES),
        "btc_total_comissions": digits(hedge.fees, POSITION_PLACES),
        "order_in": order_id(hedge.into.client_id) if hedge.into else None,
        "order_out": order_id(hedge.out.client_id) if hedge.out else None,
        "btc_price_in": _price(hedge.into, places),
        "btc_price_out": _price(hedge.out, places),
        "is_by_hand": not hedge.preorder,
        "preorder": preorder.id if preorder else None,
        "h_preorder_id": preorder.preorder_id if preorder else _whole(hedge.preorder),
        "preorder_sum_rub": _money(preorder.sum_rub) if preorder else None,
        "is_preorder_garant": preorder.is_garant if preorder else None,
    }


def position_data(
    hedge: Hedge, preorders: Preorders, instrument: InstrumentRow | None, through: Decimal
) -> Shape:
    """`/main/position-data/{id}/`."""
    places = price_places(instrument)
    shape: Shape = {"id": hedge.id, "status": hedge.status, "comment": hedge.comment or None}
    preorder = preorders.get(hedge.preorder)
    for name, leg in (("order_in_data", hedge.into), ("order_out_data", hedge.out)):
        shape[name] = order_shape(leg, hedge, preorder, places, through) if leg else None
    if _price(hedge.into, places) and _price(hedge.out, places):
        shape["analytics"] = _analytics(hedge, places)
    if preorder is not None:
        shape["preorder_data"] = preorder.data
    return shape


def order_shape(
    leg: Leg, hedge: Hedge, preorder: PreorderFacts | None, places: int, through: Decimal
) -> Shape:
    """All orders of one side as one. `btc_rate` is the touch that the order followed: its limit, less what it
    was priced through it."""
    rate = leg.limit - sign(leg.side) * through
    price = leg.average if leg.filled else leg.limit
    return {
        "id": order_id(leg.client_id),
        "created_at": iso(leg.placed_ns),
        "order_id": leg.venue_id or None,
        "type": leg.side,
        "status": leg.status,
        "text": leg.why,
        "sum_btc": digits(leg.qty, ORDER_PLACES),
        "sum_usd": rounded(leg.qty * rate, MONEY_PLACES),
        "price": rounded(price, places),
        "btc_rate": rounded(rate, places),
        "usd_rate": None,
        "preorder": preorder.id if preorder else None,
        "position": hedge.id,
    }


def _analytics(hedge: Hedge, places: int) -> Shape:
    """From the averages as they are shown, so that the sum on the line adds up."""
    into, out = Decimal(_price(hedge.into, places) or 0), Decimal(_price(hedge.out, places) or 0)
    margin = into - out
    return {
        "position_margin": margin,
        "position_margin_str": f"{into:.{places}f} - {out:.{places}f} = {margin:.{places}f}",
    }


# ── sorting and filtering ───────────────────────────────────────────────────────────────────────

# Every column of the list can be sorted by; what is not there yet comes last, either way.
_TEXTS = ("id", "r_id", "created_at", "closed_at", "status", "comment", "order_in", "order_out", "preorder")
_NUMBERS = (
    *("sum_btc", "btc_total_comissions", "btc_price_in", "btc_price_out", "h_preorder_id"),
    *("preorder_sum_rub", "is_by_hand", "is_preorder_garant"),
)
SORTS = (*_TEXTS, *_NUMBERS)
NEWEST_FIRST = "-created_at"


def sort_key(name: str) -> Callable[[Shape], Any]:
    if name == "r_id":
        return lambda row: int(row["r_id"][1:])
    if name in _NUMBERS:
        return lambda row: Decimal(row[name])
    return lambda row: row[name]


def in_order(rows: list[Shape], name: str, downwards: bool) -> list[Shape]:
    """Ties stand in the order of opening."""
    key = sort_key(name)
    there = sorted((row for row in rows if row[name] is not None), key=sort_key("r_id"))
    missing = [row for row in rows if row[name] is None]
    return sorted(there, key=key, reverse=downwards) + missing


# ── market data ─────────────────────────────────────────────────────────────────────────────────


def market_data(
    status: Status,
    held: Iterable[PositionLook],
    market: str,
    side: Side,
    instrument: InstrumentRow | None,
    leverage: Decimal | None,
) -> Shape:
    """`/main/market-data/`. What nobody has told us is null, never a guess."""
    account = next((one for one in status.accounts if one.account == market.partition(":")[0]), None)
    settle = instrument.settle if instrument else ""
    return {
        "rate": _plain(rate_of(account, market)),
        "position_info": _position_info(
            [one for one in held if one.market == market], side, instrument, leverage
        ),
        "wallet_info": {
            "available_balance": _balance(account.free if account else {}, settle),
            "wallet_balance": _balance(account.balances if account else {}, settle),
        },
    }


def rate_of(account: AccountLook | None, market: str) -> Decimal | None:
    """The last price; where there was none yet, the mark or the middle of the book."""
    look = next((one for one in account.markets if one.market == market), None) if account else None
    return price_now(look) if look else None


def price_now(look: MarketLook) -> Decimal | None:
    if look.bid and look.ask:
        return look.last or look.mark or (look.bid + look.ask) / 2
    return look.last or look.mark or None


def _position_info(
    held: list[PositionLook], side: Side, instrument: InstrumentRow | None, leverage: Decimal | None
) -> Shape:
    """What the account holds on the hedge's side, all bots and others together."""
    size, entry = _standing(held, sign(side))
    mark = next((one.mark for one in held if one.mark), ZERO)
    value, profit = size * entry, ZERO
    if instrument is not None and size and entry:
        model = instrument_of(instrument)
        value = abs(model.value(size, entry))
        if mark:
            profit = model.value(size * sign(side), mark) - model.value(size * sign(side), entry)
    return {
        "size": _plain(size),
        "position_value": _plain(value),
        "leverage": _plain(leverage),
        "entry_price": _plain(entry),
        "liq_price": None,
        "unrealised_pnl": _plain(profit),
    }


def _standing(held: list[PositionLook], way: int) -> tuple[Decimal, Decimal]:
    """How much stands on one side and its average entry: each bot's slots against each other first."""
    parts: list[tuple[Decimal, Decimal]] = []
    for bot in dict.fromkeys(one.bot for one in held):
        mine = [one for one in held if one.bot == bot]
        net = sum((one.qty for one in mine), ZERO) * way
        if net > 0:
            entered = average((one.qty * way, one.average) for one in mine if one.qty * way > 0)
            parts.append((net, entered))
    return sum((qty for qty, _ in parts), ZERO), average(parts)


def _balance(amounts: Mapping[str, Decimal], asset: str) -> Decimal | None:
    return _plain(amounts.get(asset))


def _plain(value: Decimal | None) -> Decimal | None:
    """Without the zeros that a division leaves at the end."""
    return None if value is None else Decimal(text(value))


# ── digits ──────────────────────────────────────────────────────────────────────────────────────


def digits(value: Decimal, least: int) -> str:
    """Exact, with at least so many digits after the point: 0.05 -> 0.050000."""
    plain = text(value)
    whole, _, fraction = plain.partition(".")
    return f"{whole}.{fraction:0<{least}}"


def rounded(value: Decimal, places: int) -> str:
    step = Decimal(1).scaleb(-places)
    return f"{MONEY.quantize(value, step).quantize(step, ROUND_HALF_EVEN):f}"


def price_places(instrument: InstrumentRow | None) -> int:
    """As many as the market's tick has, two at least."""
    tick = text(instrument.tick) if instrument else ""
    return max(MONEY_PLACES, len(tick.partition(".")[2]))


def iso(ns: int) -> str:
    """2026-11-20T20:04:00.123456Z"""
    moment = _EPOCH + timedelta(microseconds=ns // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _price(leg: Leg | None, places: int) -> str | None:
    return rounded(leg.average, places) if leg is not None and leg.filled else None


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else digits(amount, MONEY_PLACES)


def _whole(number: str) -> int | None:
    return int(number) if number.isascii() and number.isdigit() else None
