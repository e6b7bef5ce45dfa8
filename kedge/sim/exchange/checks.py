"""What an order must be before it may enter: each check answers with a refusal, or with None.

The order of the checks is part of the behaviour: who, when, which id, what, how much, with what money.
"""

from __future__ import annotations

from decimal import Decimal

from kedge.model.instrument import Status
from kedge.model.numbers import LIMIT, ZERO, text
from kedge.model.order import PRICED, TRIGGERED
from kedge.model.venue import PlaceOrder
from kedge.sim.exchange.floor import Floor, Market
from kedge.sim.exchange.matching import crosses, limit_ticks, reducible, walk
from kedge.sim.exchange.money import equity_and_need, free, hold_asset, hold_for, needed
from kedge.sim.exchange.refusals import Refusal, refusal
from kedge.sim.exchange.state import Account, Order

CLIENT_ID_MAX = 128


def in_time(floor: Floor, valid_until_ns: int) -> Refusal | None:
    now = floor.memory.now_ns
    if valid_until_ns and now > valid_until_ns:
        return refusal("expired", until=valid_until_ns, now=now)
    return None


def trading(floor: Floor, market: Market) -> Refusal | None:
    status: Status = market.status(floor.memory.now_ns)
    if status == "trading":
        return None
    expires = market.instrument.expires_ns
    if market.state.delivered or (expires and floor.memory.now_ns >= expires):
        return refusal("delivered", symbol=market.symbol)
    return refusal("halted" if status == "halted" else "closed", symbol=market.symbol)


def fresh_id(floor: Floor, account: Account, client_id: str) -> Refusal | None:
    if len(client_id) > CLIENT_ID_MAX:
        return refusal("bad_order", why=f"A client id has at most {CLIENT_ID_MAX} characters.")
    number = account.ids.get(client_id) if client_id else None
    if number is None:
        return None
    if number in account.open:
        return refusal("id_open", id=client_id)
    return refusal("id_used", id=client_id) if floor.config.id_scope == "forever" else None


def shape(market: Market, want: PlaceOrder, now_ns: int) -> Refusal | None:
    """Whether the parts of the order fit together."""
    for number in (want.qty, want.price, want.trigger_price):
        if not (number.is_finite() and abs(number) < LIMIT):
            return refusal("bad_order", why="Prices and quantities are finite numbers below 10^15.")
    priced = want.kind in PRICED
    stop = want.kind in TRIGGERED
    if priced != (want.price != 0):
        return refusal("bad_order", why="Limit orders have a price, market orders have none.")
    if stop != (want.trigger_price != 0):
        return refusal("bad_order", why="Stop orders have a trigger price, others have none.")
    if want.expires_ns and want.expires_ns <= now_ns:
        return refusal("bad_order", why="The time that an order is given lies ahead.")
    if want.tif == "post_only" and not priced:
        return refusal("bad_order", why="Only a limit order can be post-only.")
    if want.reduce_only and market.owned:
        return refusal("bad_order", why="Reduce-only is for derivatives.")
    return None


def filters(market: Market, order: Order, trigger_price: Decimal) -> Refusal | None:
    """Tick, step, sizes, notional, band."""
    instrument, tick = market.instrument, market.tick
    for price in (order.price, trigger_price):
        if price and (price < 0 or price % tick != 0):
            return refusal("tick", price=text(price), tick=text(tick))
    qty = order.qty
    if qty % instrument.qty_step != 0:
        return refusal("step", qty=text(qty), step=text(instrument.qty_step))
    if qty <= 0 or (qty < instrument.min_qty and not order.reduce_only):
        return refusal("min_qty", qty=text(qty), least=text(max(instrument.min_qty, instrument.qty_step)))
    if qty > instrument.max_qty:
        return refusal("max_qty", qty=text(qty), most=text(instrument.max_qty))
    if instrument.min_notional and not order.reduce_only:
        price = order.price or trigger_price or market.mark()
        notional = instrument.notional(qty, price) if price else instrument.min_notional
        if notional < instrument.min_notional:
            return refusal("min_notional", notional=text(notional), least=text(instrument.min_notional))
    return _band(market, order)


def _band(market: Market, order: Order) -> Refusal | None:
    band = market.terms.price_band
    if not band or not order.price or order.waiting:
        return None
    mark = market.mark()
    if mark and abs(order.price - mark) > band * mark:
        return refusal("price_band", price=text(order.price), band=text(band), mark=text(mark))
    return None


def untriggered(market: Market, order: Order) -> Refusal | None:
    """A stop must not have been reached already."""
    price = market.reference(order.trigger_by)
    if price and (price >= order.trigger_price if order.rises else price <= order.trigger_price):
        return refusal("would_trigger", trigger=text(order.trigger_price), price=text(price))
    return None


def reduces(floor: Floor, account: Account, order: Order) -> Refusal | None:
    """Reduce-only: cut the order to the position, or refuse it."""
    if not order.reduce_only:
        return None
    most = order.cum_qty + reducible(account, order.symbol, order)
    if most == order.cum_qty or (order.qty > most and not floor.config.reduce_only_cuts):
        return refusal("reduce_only")
    order.qty = min(order.qty, most)
    return None


def posts(floor: Floor, market: Market, order: Order) -> Refusal | None:
    if order.tif != "post_only" or floor.config.post_only_cancels:
        return None
    return refusal("post_only") if crosses(market, order) else None


def admissible(
    floor: Floor, market: Market, account: Account, order: Order, instead_of: Order | None = None
) -> Refusal | None:
    """Whether the order may rest, trade or wait as it is. `instead_of`: an amended order as it was."""
    no = reduces(floor, account, order)
    if no is not None:
        return no
    no = untriggered(market, order) if order.waiting else posts(floor, market, order)
    if no is not None or (order.waiting and not (order.holds_early and market.owned)):
        return no
    return affordable(floor, market, account, order, instead_of)


def affordable(
    floor: Floor, market: Market, account: Account, order: Order, instead_of: Order | None = None
) -> Refusal | None:
    """Funds for what is owned, margin for the rest. `instead_of` gives back what it holds."""
    if account.house:
        return None
    back = instead_of.hold if instead_of else ZERO
    if market.owned:
        return _funded(floor, market, account, order, back)
    if order.reduce_only:
        return None
    return _margined(floor, market, account, order, back)


def _funded(floor: Floor, market: Market, account: Account, order: Order, back: Decimal) -> Refusal | None:
    asset = hold_asset(market, order.side)
    left = order.qty - order.cum_qty
    if order.side == "sell" or order.price or order.waiting:
        need = hold_for(market, order.side, left, order.price or order.trigger_price)
    else:
        found, value = walk(floor, market, order)
        need = hold_for(market, "buy", found, value / found) if found else ZERO
    has = free(floor, account, asset) + back
    if need <= has:
        return None
    return refusal("funds", need=text(need), asset=asset, free=text(max(has, ZERO)))


def _margined(floor: Floor, market: Market, account: Account, order: Order, back: Decimal) -> Refusal | None:
    value = _exposure(floor, market, order)
    position = floor.position(account, market.symbol)
    equity, need = equity_and_need(floor, account, market.asset)
    before = needed(market, position)
    buys, sells = position.buys, position.sells
    if order.side == "buy":
        position.buys += value - back
    else:
        position.sells += value - back
    after = needed(market, position)
    position.buys, position.sells = buys, sells
    total = need - before + after + value * max(market.terms.taker_fee, ZERO)
    if after <= before or total <= equity:
        return None
    return refusal("margin", need=text(total), asset=market.asset, equity=text(equity))


def _exposure(floor: Floor, market: Market, order: Order) -> Decimal:
    """The value an order may add: at its own price, or at the better one it would meet in the book."""
    left = order.qty - order.cum_qty
    best = market.against(order.side).best()
    if not order.price:
        return walk(floor, market, order)[1]
    value = hold_for(market, order.side, left, order.price)
    if best and market.against(order.side).within(limit_ticks(market, order)):
        value = max(value, hold_for(market, order.side, left, best.price))
    return value
