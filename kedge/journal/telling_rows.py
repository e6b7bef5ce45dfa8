"""Rows as records make them: a name for every column, and which rows a record will ask for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from kedge.model import records as r
from kedge.model.instrument import market_of, symbol_of
from kedge.model.numbers import ZERO, text
from kedge.model.order import State

Row = dict[str, Any]
Key = tuple[Any, ...]


def needed(record: r.Record) -> tuple[tuple[str, Key], ...]:
    """Rows that telling it will ask for; to be read in one go. What is missing here is asked for singly."""
    match record:
        case r.Filled(account=account, fill=fill, bot=bot, slot=slot):
            market = market_of(account, fill.symbol)
            found = (("fills", (account, fill.exec_id)), ("positions", (bot, slot, market)))
            return (*found, ("orders", (fill.client_id,))) if fill.client_id else found
        case r.OrderMoved() | r.ChangeSettled() | r.AmendIntent() | r.CancelIntent() | r.Intent():
            return (("orders", (record.client_id,)),)
        case r.CommandTaken():
            return (("commands", (record.command_id,)),)
        case r.CashMoved():
            return (("cash", (record.account, record.cash.cash_id)),)
    return ()


def order_row(i: r.Intent, seq: int, ts_ns: int) -> Row:
    return {
        "client_id": i.client_id,
        "bot": i.bot,
        "slot": i.slot,
        "market": i.market,
        "side": i.side,
        "kind": i.kind,
        "tif": i.tif,
        "role": i.role,
        "qty": i.qty,
        "price": i.price,
        "filled": ZERO,
        "average": ZERO,
        "state": State.PENDING.value,
        "change": "",
        "reason": "",
        "why": i.why,
        "venue_id": "",
        "placed_ns": ts_ns,
        "ended_ns": 0,
        "value": ZERO,
        "told": ZERO,
        "quote": i.quote,
        "seq": seq,
    }


def fill_row(record: r.Filled, market: str, place: tuple[int, int], profit: Decimal, settle: str) -> Row:
    fill = record.fill
    return {
        "seq": place[0],
        "ts_ns": place[1],
        "account": record.account,
        "exec_id": fill.exec_id,
        "client_id": fill.client_id,
        "venue_id": fill.venue_id,
        "bot": record.bot,
        "slot": record.slot,
        "market": market,
        "side": fill.side,
        "qty": fill.qty,
        "price": fill.price,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "maker": fill.maker,
        "kind": fill.kind,
        "realised": profit,
        "settle": settle,
        "venue_ns": fill.venue_ns,
    }


def list_row(record: r.ListSet, ts_ns: int) -> Row:
    items = ", ".join(record.items)
    return {"name": record.name, "items": items, "actor": record.actor, "set_ns": ts_ns}


def schedule_row(record: r.ScheduleSet, before: Row, ts_ns: int) -> Row:
    """A schedule that is changed keeps what came of it last."""
    return {
        "name": record.name,
        "verb": record.verb,
        "args": bytes(record.args).decode(),
        "every": record.every,
        "zone": record.zone,
        "enabled": record.enabled,
        "missed": record.missed,
        "comment": record.comment,
        "actor": record.actor,
        "set_ns": ts_ns,
        "next_ns": record.next_ns,
        "last_due_ns": before.get("last_due_ns", 0),
        "last_ok": before.get("last_ok", True),
        "last_says": before.get("last_says", ""),
        "runs": before.get("runs", 0),
        "failures": before.get("failures", 0),
    }


def instrument_row(market: str, record: r.InstrumentKnown, ts_ns: int) -> Row:
    i = record.instrument
    return {
        "market": market,
        "account": record.account,
        "symbol": symbol_of(market),
        "kind": i.kind,
        "base": i.base,
        "quote": i.quote,
        "settle": i.settle,
        "tick": i.tick,
        "qty_step": i.qty_step,
        "lot": i.lot,
        "min_qty": i.min_qty,
        "max_qty": i.max_qty,
        "min_notional": i.min_notional,
        "multiplier": i.multiplier,
        "nominal": i.nominal,
        "tick_value": i.tick_value,
        "expires_ns": i.expires_ns,
        "status": i.status,
        "active": i.status == "trading" and i.listed,
        "name": i.name,
        "sector": i.sector,
        "asset": i.asset,
        "asset_size": i.asset_size,
        "buy_margin": i.buy_margin,
        "sell_margin": i.sell_margin,
        "can_buy": i.can_buy,
        "can_sell": i.can_sell,
        "can_short": i.can_short,
        "listed": i.listed,
        "ts_ns": ts_ns,
        "body": msgspec.json.encode(i).decode(),
    }


def order_words(i: r.Intent) -> str:
    at = "at market" if i.kind == "market" else f"at {text(i.price)}"
    words = [i.kind if i.kind != "market" else "", i.tif.replace("_", " ") if i.tif != "gtc" else ""]
    if i.trigger_price:
        words.append(f"when {i.trigger_by} reaches {text(i.trigger_price)}")
    if i.reduce_only:
        words.append("reduce only")
    said = ", ".join(word for word in words if word)
    return f"{i.side} {text(i.qty)} {at} in {i.market}" + (f" ({said})" if said else "")
