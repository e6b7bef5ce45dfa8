"""Requests about orders in T-Invest's words. Pure.

The venue counts in lots, takes every price of bonds and futures in points (which is said beside each), and
knows an order by the key that we give it. A plain order stands until the session ends at the latest.

To burn a key is to use it up: what is placed under it must not be able to live, and must differ from what it
was meant for, so that whoever finds it later can tell. It buys one lot (two, where one was meant) for the
lowest price of the day, at once or not at all; a stop order waits down there for a few minutes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from kedge.model.instrument import Instrument
from kedge.model.numbers import is_multiple, text
from kedge.model.order import PRICED, TAKES, TRIGGERED, Side
from kedge.model.venue import OrderReport, PlaceOrder
from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import orders_pb2 as pb
from kedge.protos.tinvest import stoporders_pb2 as stops
from kedge.venues.tinvest.account import Stop
from kedge.venues.tinvest.wire import key_of, quotation, stamp

DIRECTIONS: Final[dict[Side, pb.OrderDirection]] = {
    "buy": pb.ORDER_DIRECTION_BUY,
    "sell": pb.ORDER_DIRECTION_SELL,
}
_STOP_DIRECTIONS: Final[dict[Side, stops.StopOrderDirection]] = {
    "buy": stops.STOP_ORDER_DIRECTION_BUY,
    "sell": stops.STOP_ORDER_DIRECTION_SELL,
}
# More of them would come too near to the market.
MARKS: Final = 61
_TIFS: Final = {
    "gtc": pb.TIME_IN_FORCE_DAY,
    "ioc": pb.TIME_IN_FORCE_FILL_AND_KILL,
    "fok": pb.TIME_IN_FORCE_FILL_OR_KILL,
}


def impossible(order: PlaceOrder, instrument: Instrument | None) -> str:
    """Why this order must not be sent; "" when it may."""
    if instrument is None:
        return f"T-Invest lists no {order.symbol!r}"
    if not instrument.listed:
        return f"T-Invest no longer lists {order.symbol}"
    if order.tif == "post_only":
        return "T-Invest has no post-only orders"
    if order.reduce_only:
        return "T-Invest has no reduce-only orders"
    if order.kind in TRIGGERED and order.trigger_by != "last":
        return f"T-Invest triggers by the last price alone, not by {order.trigger_by}"
    if order.kind == "market" and not instrument.market_orders:
        return f"only limit orders of {order.symbol} are taken now"
    if order.side == "buy" and not instrument.can_buy:
        return f"{order.symbol} cannot be bought now"
    if order.side == "sell" and not instrument.can_sell:
        return f"{order.symbol} cannot be sold now"
    if order.qty <= 0 or not is_multiple(order.qty, instrument.lot):
        return f"{text(order.qty)} of {order.symbol} is no whole number of lots of {text(instrument.lot)}"
    return ""


# ── plain orders ────────────────────────────────────────────────────────────────────────────────


def post(order: PlaceOrder, instrument: Instrument, uid: str, number: str) -> pb.PostOrderRequest:
    """`number` is the account's."""
    market = order.kind == "market"
    return pb.PostOrderRequest(
        instrument_id=uid,
        account_id=number,
        order_id=key_of(order.client_id),
        quantity=_lots(order.qty, instrument),
        direction=DIRECTIONS[order.side],
        order_type=pb.ORDER_TYPE_MARKET if market else pb.ORDER_TYPE_LIMIT,
        price=None if market else quotation(order.price),
        price_type=common.PRICE_TYPE_UNSPECIFIED if market else _price_type(instrument),
        time_in_force=pb.TIME_IN_FORCE_DAY if market else _TIFS[order.tif],
        # What the desk may sell short is limited by the desk's own limits.
        confirm_margin_trade=True,
    )


def cancel(number: str, order_id: str, by_key: bool) -> pb.CancelOrderRequest:
    kind = pb.ORDER_ID_TYPE_REQUEST if by_key else pb.ORDER_ID_TYPE_EXCHANGE
    return pb.CancelOrderRequest(account_id=number, order_id=order_id, order_id_type=kind)


def state(number: str, order_id: str, by_key: bool) -> pb.GetOrderStateRequest:
    kind = pb.ORDER_ID_TYPE_REQUEST if by_key else pb.ORDER_ID_TYPE_EXCHANGE
    return pb.GetOrderStateRequest(account_id=number, order_id=order_id, order_id_type=kind)


# ── stop orders ─────────────────────────────────────────────────────────────────────────────────


def post_stop(order: PlaceOrder, instrument: Instrument, uid: str, number: str) -> stops.PostStopOrderRequest:
    priced = order.kind in PRICED
    take = order.kind in TAKES
    kind = stops.STOP_ORDER_TYPE_STOP_LIMIT if priced else stops.STOP_ORDER_TYPE_STOP_LOSS
    request = stops.PostStopOrderRequest(
        instrument_id=uid,
        account_id=number,
        order_id=key_of(order.client_id),
        quantity=_lots(order.qty, instrument),
        direction=_STOP_DIRECTIONS[order.side],
        stop_order_type=stops.STOP_ORDER_TYPE_TAKE_PROFIT if take else kind,
        stop_price=quotation(order.trigger_price),
        price=quotation(order.price) if priced else None,
        price_type=_price_type(instrument),
        exchange_order_type=stops.EXCHANGE_ORDER_TYPE_LIMIT if priced else stops.EXCHANGE_ORDER_TYPE_MARKET,
        expiration_type=stops.STOP_ORDER_EXPIRATION_TYPE_GOOD_TILL_CANCEL,
        confirm_margin_trade=True,
    )
    if take:
        request.take_profit_type = stops.TAKE_PROFIT_TYPE_REGULAR
    if order.expires_ns:
        request.expiration_type = stops.STOP_ORDER_EXPIRATION_TYPE_GOOD_TILL_DATE
        request.expire_date.CopyFrom(stamp(order.expires_ns))
    return request


def is_stop(order: PlaceOrder) -> bool:
    return order.kind in TRIGGERED


def is_the_stop(stop: Stop, placed: PlaceOrder) -> bool:
    """Whether a stop order at the venue has every field of the one that was placed."""
    priced = placed.kind in PRICED
    return (
        (stop.symbol, stop.side, stop.kind) == (placed.symbol, placed.side, placed.kind)
        and stop.qty == placed.qty
        and stop.trigger == placed.trigger_price
        and (stop.price == placed.price or not priced)
    )


# ── burning a key ───────────────────────────────────────────────────────────────────────────────


def burn_lots(placed: PlaceOrder, instrument: Instrument) -> int:
    """Never as many as were meant."""
    return 2 if placed.qty == instrument.lot else 1


def burn(
    placed: PlaceOrder, instrument: Instrument, uid: str, number: str, price: Decimal
) -> pb.PostOrderRequest:
    """It uses up the key of `placed`, and cannot live."""
    request = post(placed, instrument, uid, number)
    request.quantity = burn_lots(placed, instrument)
    request.direction = pb.ORDER_DIRECTION_BUY
    request.order_type = pb.ORDER_TYPE_LIMIT
    request.price.CopyFrom(quotation(price))
    request.price_type = _price_type(instrument)
    request.time_in_force = pb.TIME_IN_FORCE_FILL_AND_KILL
    return request


def burn_stop(
    placed: PlaceOrder, instrument: Instrument, uid: str, number: str, price: Decimal, until_ns: int
) -> stops.PostStopOrderRequest:
    """Likewise; it waits far below the market until `until_ns`, unless it is cancelled before."""
    request = post_stop(placed, instrument, uid, number)
    request.quantity = burn_lots(placed, instrument)
    request.direction = stops.STOP_ORDER_DIRECTION_BUY
    request.stop_order_type = stops.STOP_ORDER_TYPE_TAKE_PROFIT
    request.take_profit_type = stops.TAKE_PROFIT_TYPE_REGULAR
    request.exchange_order_type = stops.EXCHANGE_ORDER_TYPE_LIMIT
    request.stop_price.CopyFrom(quotation(price + _mark_of(placed) * instrument.tick))
    request.price.CopyFrom(quotation(price))
    request.expiration_type = stops.STOP_ORDER_EXPIRATION_TYPE_GOOD_TILL_DATE
    request.expire_date.CopyFrom(stamp(until_ns))
    return request


def is_burn(found: OrderReport, placed: PlaceOrder, instrument: Instrument | None) -> bool:
    """Whether what was found under a key is what burnt it. One that traded all the same is an order."""
    return (
        found.cum_qty == 0
        and found.qty != placed.qty
        and found.side == "buy"
        and _is_burn_qty(found.qty, placed, instrument)
    )


def is_burn_stop(stop: Stop, placed: PlaceOrder, instrument: Instrument | None) -> bool:
    return (
        not stop.order_id
        and stop.qty != placed.qty
        and (stop.side, stop.kind) == ("buy", "take_limit")
        and (instrument is None or stop.trigger - stop.price == _mark_of(placed) * instrument.tick)
        and _is_burn_qty(stop.qty, placed, instrument)
    )


def _mark_of(placed: PlaceOrder) -> int:
    """So many ticks lie between trigger and price of what burns the key of a stop order. Lists show no keys:
    this tells whose key it was."""
    return int(placed.client_id[-4:], 16) % MARKS + 1


def _is_burn_qty(qty: Decimal, placed: PlaceOrder, instrument: Instrument | None) -> bool:
    return instrument is None or qty == burn_lots(placed, instrument) * instrument.lot


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _lots(qty: Decimal, instrument: Instrument) -> int:
    return int(qty / instrument.lot)


def _price_type(instrument: Instrument) -> common.PriceType:
    in_points = instrument.kind in ("bond", "points")
    return common.PRICE_TYPE_POINT if in_points else common.PRICE_TYPE_UNSPECIFIED
