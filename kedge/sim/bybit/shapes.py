"""Rows as Bybit shows them: orders, executions, the transaction log. Pure.

REST and streams show the same things with small differences, which are kept: the stream adds `category`,
derivatives have `lastPriceOnCreated` where spot has `basePrice`, the fast stream hides a maker's own id.
"""

from __future__ import annotations

from decimal import Decimal

from kedge.model.numbers import ZERO, divide
from kedge.sim.bybit.rows import ExecRow, LogRow, OrderRow
from kedge.sim.bybit.texts import Body, coins, ms, ms_text, number

UNIFIED = "UNIFIED"


def order_body(row: OrderRow, *, stream: bool = False) -> Body:
    spot = row.category == "spot"
    leaves = leaves_of(row)
    body: Body = {
        "orderId": row.id,
        "orderLinkId": row.link,
        "parentOrderLinkId": row.parent,
        "blockTradeId": "",
        "symbol": row.symbol,
        "price": number(row.price),
        "qty": number(row.qty),
        "side": row.side,
        "isLeverage": ("1" if row.is_leverage else "0") if spot else "",
        "positionIdx": 0,
        "orderStatus": row.status,
        "cancelType": row.cancel_type,
        "rejectReason": row.reject_reason,
        "avgPrice": _price(row),
        "leavesQty": number(leaves),
        "leavesValue": coins(_leaves_value(row, leaves)),
        "cumExecQty": number(row.cum_qty),
        "cumExecValue": number(row.cum_value),
        "cumExecFee": number(sum(row.fees.values(), ZERO)),
        "timeInForce": row.tif,
        "orderType": row.kind,
        "stopOrderType": row.stop_type,
        "orderIv": "",
        "marketUnit": row.unit,
        "triggerPrice": _maybe(row.trigger_price),
        **_tpsl(row),
        "triggerDirection": row.trigger_direction,
        "triggerBy": row.trigger_by,
        "reduceOnly": row.reduce_only,
        "closeOnTrigger": row.close_on_trigger,
        "placeType": "",
        "smpType": row.smp,
        "smpGroup": 0,
        "smpOrderId": "",
        "slippageToleranceType": row.slippage_type or "UNKNOWN",
        "slippageTolerance": row.slippage,
        "createdTime": ms_text(row.created_ns),
        "updatedTime": ms_text(row.updated_ns),
        "cumFeeDetail": {asset: number(fee) for asset, fee in row.fees.items()},
        "extraFees": "",
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
    }
    if spot:
        body["basePrice"] = number(row.base_price)
        body["ocoTriggerBy"] = ""
    else:
        body["lastPriceOnCreated"] = number(row.base_price)
        body["createType"] = row.create_type
    if stream:
        body["category"] = row.category
        body["feeCurrency"] = next(iter(row.fees), "") if spot else ""
        body["closedPnl"] = number(row.closed_pnl)
    return body


def leaves_of(row: OrderRow) -> Decimal:
    """What may still trade; nothing once the order has ended."""
    if not row.open:
        return ZERO
    if row.unit == "quoteCoin":
        return max(row.qty - row.cum_value, ZERO)
    return max(row.qty - row.cum_qty, ZERO)


def _leaves_value(row: OrderRow, leaves: Decimal) -> Decimal:
    if row.unit == "quoteCoin":
        return leaves
    if row.category == "inverse":
        return divide(leaves, row.price) if row.price else ZERO
    return leaves * row.price


def _price(row: OrderRow) -> str:
    if not row.cum_qty or not row.cum_value:
        return ""
    if row.category == "inverse":
        return coins(divide(row.cum_qty, row.cum_value))
    return coins(divide(row.cum_value, row.cum_qty))


def _tpsl(row: OrderRow) -> Body:
    return {
        "takeProfit": _maybe(row.take_profit),
        "stopLoss": _maybe(row.stop_loss),
        "tpslMode": row.tpsl_mode,
        "tpLimitPrice": _maybe(row.tp_limit),
        "slLimitPrice": _maybe(row.sl_limit),
        "tpTriggerBy": row.tp_by,
        "slTriggerBy": row.sl_by,
    }


def _maybe(value: Decimal) -> str:
    return number(value) if value else ""


# ── executions ──────────────────────────────────────────────────────────────────────────────────


def execution_body(row: ExecRow, *, stream: bool = False) -> Body:
    body: Body = {
        "symbol": row.symbol,
        "orderId": row.order_id,
        "orderLinkId": row.link,
        "side": row.side,
        "orderPrice": number(row.order_price),
        "orderQty": number(row.order_qty),
        "leavesQty": number(row.leaves),
        "orderType": row.order_kind or "UNKNOWN",
        "stopOrderType": row.stop_type or "UNKNOWN",
        "execFee": number(row.fee),
        "execFeeV2": "",
        "execId": row.id,
        "execPrice": number(row.price),
        "execQty": number(row.qty),
        "execType": row.type,
        "execValue": number(row.value),
        "execTime": ms_text(row.time_ns),
        "feeCurrency": row.fee_asset,
        "isMaker": row.maker,
        "feeRate": number(row.fee_rate),
        "tradeIv": "",
        "markIv": "",
        "markPrice": number(row.mark),
        "indexPrice": "",
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": number(row.closed) if row.category != "spot" else "",
        "extraFees": "",
        "seq": row.seq,
    }
    if row.category != "spot":
        body["createType"] = row.create_type
    if stream:
        body["category"] = row.category
        body["execPnl"] = number(row.pnl)
        body["isLeverage"] = "0"
        body["marketUnit"] = ""
    return body


def fast_body(row: ExecRow) -> Body:
    """The fast stream: trades only, and a maker's own id is never in it."""
    return {
        "category": row.category,
        "symbol": row.symbol,
        "execId": row.id,
        "execPrice": number(row.price),
        "execQty": number(row.qty),
        "orderId": row.order_id,
        "isMaker": row.maker,
        "orderLinkId": "" if row.maker else row.link,
        "side": row.side,
        "execTime": ms_text(row.time_ns),
        "seq": row.seq,
    }


# ── the transaction log ─────────────────────────────────────────────────────────────────────────


def log_body(row: LogRow) -> Body:
    return {
        "transSubType": "",
        "id": f"{row.account}_{row.symbol}_{row.number}",
        "symbol": row.symbol,
        "category": row.category,
        "side": row.side,
        "transactionTime": ms_text(row.time_ns),
        "type": row.type,
        "qty": number(row.qty),
        "size": number(row.size),
        "currency": row.asset,
        "tradePrice": _maybe(row.price),
        "funding": "" if row.funding is None else number(row.funding),
        "fee": number(row.fee),
        "cashFlow": number(row.cash_flow),
        "change": number(row.change),
        "cashBalance": number(row.balance),
        "feeRate": _maybe(row.fee_rate),
        "bonusChange": "",
        "tradeId": row.trade_id,
        "orderId": row.order_id,
        "orderLinkId": row.link,
        "extraFees": "",
    }


# ── frames ──────────────────────────────────────────────────────────────────────────────────────


def private_frame(topic: str, message_id: str, now_ns: int, data: list[Body]) -> Body:
    return {"id": message_id, "topic": topic, "creationTime": ms(now_ns), "data": data}


def closed_body(row: ExecRow) -> Body:
    """One execution that closed (part of) a position, as the list of closed profits shows it."""
    exit_value = row.value * row.closed / row.qty
    long = row.side == "Sell"
    entry_value = exit_value - row.pnl if long else exit_value + row.pnl
    return {
        "symbol": row.symbol,
        "orderId": row.order_id,
        "side": row.side,
        "qty": number(row.order_qty),
        "orderPrice": number(row.order_price),
        "orderType": row.order_kind,
        "execType": row.type,
        "closedSize": number(row.closed),
        "cumEntryValue": coins(entry_value),
        "avgEntryPrice": coins(divide(entry_value, row.closed)) if row.category == "linear" else "",
        "cumExitValue": coins(exit_value),
        "avgExitPrice": number(row.price),
        "closedPnl": coins(row.pnl - row.fee),
        "fillCount": "1",
        "leverage": "",
        "openFee": "",
        "closeFee": coins(row.fee),
        "createdTime": ms_text(row.time_ns),
        "updatedTime": ms_text(row.time_ns),
    }
