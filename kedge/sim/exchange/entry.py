"""Requests: place, amend, cancel. Check, then do; a refusal leaves everything as it was.

The one exception is an honest one: where an amend is cancel-and-new, the cancel may succeed and the new
order be refused. The reply is then a refusal, and its order is CANCELLED.
"""

from __future__ import annotations

import copy
from bisect import insort
from decimal import Decimal

from msgspec.structs import replace

from kedge.model.numbers import LIMIT, ZERO, text
from kedge.model.order import PRICED, TRIGGERED, State
from kedge.model.venue import OrderReport, PlaceOrder
from kedge.sim.exchange import checks
from kedge.sim.exchange.floor import Floor, Market, refused, report
from kedge.sim.exchange.matching import enter, finish, leave
from kedge.sim.exchange.money import rehold
from kedge.sim.exchange.nouns import AmendOrder, CancelOrder, Manner, Reply
from kedge.sim.exchange.refusals import Refusal, refusal
from kedge.sim.exchange.state import Account, Order

# Where the id of no order leads; orders are counted from one.
NO_ORDER = 0


def place(floor: Floor, name: str, want: PlaceOrder, manner: Manner | None = None) -> Reply:
    no = checks.in_time(floor, want.valid_until_ns)
    account = floor.memory.accounts.get(name)
    market = floor.markets.get(want.symbol)
    if no is None and account is None:
        no = refusal("unknown_account", account=name)
    if no is None and market is None:
        no = refusal("unknown_symbol", symbol=want.symbol)
    if no is not None or account is None or market is None:
        assert no is not None
        return refused(no, _asked(floor, want, no))
    no = checks.fresh_id(floor, account, want.client_id)
    if no is not None and no.code != "bad_order":
        known = find(floor, account, want.client_id, "")
        return refused(no, report(known) if known else None)
    no = no or checks.trading(floor, market) or checks.shape(market, want, floor.memory.now_ns)
    if no is not None:
        return refused(no, _asked(floor, want, no))
    order = _draft(floor, market, name, want)
    order.manner = manner
    no = _may_enter(floor, market, account, order)
    if no is not None:
        return refused(no, _asked(floor, want, no))
    _register(floor, account, order)
    if order.waiting:
        market.stops[order.trigger_by].add(order)
        rehold(floor, market, account, order)
        floor.order_changed(account, order)
    else:
        enter(floor, market, account, order)
    return Reply(True, order=report(order))


def _asked(floor: Floor, want: PlaceOrder, no: Refusal) -> OrderReport:
    """A refused placing, as a report: never stored, it has no place in history."""
    return OrderReport(
        want.client_id,
        "",
        want.symbol,
        want.side,
        want.qty,
        want.price,
        ZERO,
        State.REJECTED,
        floor.memory.now_ns,
        f"{no.code}: {no.sentence}",
        want.kind,
    )


def _draft(floor: Floor, market: Market, name: str, want: PlaceOrder) -> Order:
    now = floor.memory.now_ns
    return Order(
        0,
        "",
        name,
        want.client_id,
        want.symbol,
        want.side,
        want.kind,
        want.tif,
        want.qty,
        want.price,
        int(want.price // market.tick),
        now,
        want.reduce_only,
        want.trigger_price,
        want.trigger_by,
        want.kind in TRIGGERED,
        expires_ns=want.expires_ns,
    )


def _may_enter(floor: Floor, market: Market, account: Account, order: Order) -> Refusal | None:
    no = checks.filters(market, order, order.trigger_price)
    if no is None and len(account.open) >= floor.config.open_orders_max and not account.house:
        no = refusal("too_many_orders", most=floor.config.open_orders_max)
    return no or checks.admissible(floor, market, account, order)


def _register(floor: Floor, account: Account, order: Order) -> None:
    """The order exists from here on: it has a number, and its owner's id leads to it."""
    memory = floor.memory
    memory.orders_made += 1
    order.number = memory.orders_made
    order.venue_id = str(order.number)
    memory.orders[order.number] = order
    account.open[order.number] = None
    if order.expires_ns:
        insort(memory.expiring, (order.expires_ns, order.number))
    if order.client_id:
        _name(floor, account, order)
    if order.reduce_only:
        account.reducing.setdefault(order.symbol, []).append(order.number)


def _name(floor: Floor, account: Account, order: Order) -> None:
    account.ids[order.client_id] = order.number
    if len(account.ids) > floor.config.ids_max:
        del account.ids[next(iter(account.ids))]


def find(floor: Floor, account: Account, client_id: str, venue_id: str) -> Order | None:
    """By client id, else by venue id; finished orders too, for as long as history is kept."""
    if client_id:
        number = account.ids.get(client_id)
    else:
        number = int(venue_id) if venue_id.isdecimal() else None
    order = floor.memory.orders.get(number) if number is not None else None
    if order is None or order.account != account.name:
        return None
    if order.state is not State.OPEN:
        kept_until = order.changed_ns + floor.config.retention_ns
        return order if floor.memory.now_ns < kept_until else None
    return order


def _find_open(floor: Floor, name: str, want: AmendOrder | CancelOrder) -> tuple[Account, Order] | Reply:
    no = checks.in_time(floor, want.valid_until_ns)
    account = floor.memory.accounts.get(name)
    if no is not None or account is None:
        return refused(no or refusal("unknown_account", account=name))
    order = find(floor, account, want.client_id, want.venue_id)
    if order is None:
        return refused(refusal("not_found", id=want.client_id or want.venue_id))
    if order.state is not State.OPEN:
        no = refusal("not_open", id=want.client_id or want.venue_id, state=order.state.value)
        return refused(no, report(order))
    return account, order


# ── cancel ──────────────────────────────────────────────────────────────────────────────────────


def cancel(floor: Floor, name: str, want: CancelOrder) -> Reply:
    found = _find_open(floor, name, want)
    if isinstance(found, Reply):
        return found
    account, order = found
    market = floor.markets[order.symbol]
    if not floor.config.cancel_in_halt:
        no = checks.trading(floor, market)
        if no is not None:
            return refused(no, report(order))
    finish(floor, market, account, order, State.CANCELLED, "cancelled")
    return Reply(True, order=report(order))


def cancel_all(
    floor: Floor, account: Account, symbol: str = "", code: str = "cancelled"
) -> tuple[OrderReport, ...]:
    """Cancel what is open, in the order it was placed; the answer is what became of each."""
    reports = []
    for number in tuple(account.open):
        order = floor.memory.orders[number]
        if symbol and order.symbol != symbol:
            continue
        finish(floor, floor.markets[order.symbol], account, order, State.CANCELLED, code)
        reports.append(report(order))
    return tuple(reports)


# ── amend ───────────────────────────────────────────────────────────────────────────────────────


def amend(floor: Floor, name: str, want: AmendOrder) -> Reply:
    found = _find_open(floor, name, want)
    if isinstance(found, Reply):
        return found
    account, order = found
    if floor.config.amend == "none" and not account.house:
        return refused(refusal("amend_none"), report(order))
    market = floor.markets[order.symbol]
    changed = _changed(market, order, want)
    no = checks.trading(floor, market) or _amend_shape(market, order, want)
    if no is None and changed.client_id != order.client_id:
        no = checks.fresh_id(floor, account, changed.client_id)
    no = no or checks.filters(market, changed, changed.trigger_price)
    if no is not None:
        return refused(no, report(order))
    if floor.config.amend == "cancel_new" and not account.house:
        return _cancel_new(floor, market, account, order, changed)
    return _in_place(floor, market, account, order, changed)


def _changed(market: Market, order: Order, want: AmendOrder) -> Order:
    changed = copy.copy(order)
    changed.qty = want.qty or order.qty
    changed.price = want.price or order.price
    changed.trigger_price = want.trigger_price or order.trigger_price
    changed.client_id = want.new_client_id or order.client_id
    finite = changed.price.is_finite() and abs(changed.price) < LIMIT
    changed.ticks = int(changed.price // market.tick) if finite else 0
    return changed


def _amend_shape(market: Market, order: Order, want: AmendOrder) -> Refusal | None:
    for number in (want.qty, want.price, want.trigger_price):
        if not (number.is_finite() and abs(number) < LIMIT):
            return refusal("bad_order", why="Prices and quantities are finite numbers below 10^15.")
    if want.price and order.kind not in PRICED:
        return refusal("bad_order", why="Limit orders have a price, market orders have none.")
    if want.trigger_price and not order.waiting:
        return refusal("bad_order", why="Only a stop that is waiting has a trigger price.")
    return None


def _in_place(floor: Floor, market: Market, account: Account, order: Order, changed: Order) -> Reply:
    if changed.qty <= order.cum_qty:
        filled = refusal("qty_filled", filled=text(order.cum_qty), qty=text(changed.qty))
        return refused(filled, report(order))
    no = checks.admissible(floor, market, account, changed, order)
    if no is not None:
        return refused(no, report(order))
    renamed = changed.client_id != order.client_id
    if renamed:
        _rename(floor, account, order, changed.client_id)
    if order.waiting:
        market.stops[order.trigger_by].remove(order)
        _take_over(order, changed)
        market.stops[order.trigger_by].add(order)
        rehold(floor, market, account, order)
        floor.order_changed(account, order)
    elif changed.price != order.price or changed.qty > order.qty:
        leave(floor, market, account, order)
        _take_over(order, changed)
        enter(floor, market, account, order)
    elif changed.qty < order.qty:
        market.side(order.side).shrink(order, order.qty - changed.qty)
        order.qty = changed.qty
        rehold(floor, market, account, order)
        floor.order_changed(account, order)
    elif renamed:
        floor.order_changed(account, order)
    return Reply(True, order=report(order))


def _rename(floor: Floor, account: Account, order: Order, client_id: str) -> None:
    """Another id for an open order. The one it gives up is as used as that of a finished order."""
    old = order.client_id
    if account.ids.get(old) == order.number:
        if floor.config.id_scope == "forever":
            account.ids[old] = NO_ORDER
        else:
            del account.ids[old]
    order.client_id = client_id
    _name(floor, account, order)
    _follow(floor, account, old, client_id)


def _follow(floor: Floor, account: Account, old: str, new: str) -> None:
    """Orders that were paired with the old id are paired with the new one."""
    if not old or new == old:
        return
    for number in account.open:
        other = floor.memory.orders[number]
        if other.manner is not None and other.manner.instead_of == old:
            other.manner = replace(other.manner, instead_of=new)


def _take_over(order: Order, changed: Order) -> None:
    order.qty = changed.qty
    order.price = changed.price
    order.ticks = changed.ticks
    order.trigger_price = changed.trigger_price


def _cancel_new(floor: Floor, market: Market, account: Account, order: Order, changed: Order) -> Reply:
    """The old order goes first, with its place in the queue; then the new one tries to get in."""
    fresh = floor.config.amend_qty == "fresh"
    carried = ZERO if fresh else order.cum_qty
    if changed.qty <= carried:
        finish(floor, market, account, order, State.CANCELLED, "cancelled")
        return Reply(True, order=report(order))
    waiting = order.waiting
    leave(floor, market, account, order)
    new = _successor(floor, order, changed, waiting, carried)
    no = checks.admissible(floor, market, account, new)
    if no is not None:
        finish(floor, market, account, order, State.CANCELLED, no)
        return refused(no, report(order))
    _hand_over(floor, market, account, order, new, fresh)
    if waiting:
        market.stops[new.trigger_by].add(new)
        rehold(floor, market, account, new)
        floor.order_changed(account, new)
    else:
        enter(floor, market, account, new)
    return Reply(True, order=report(new))


def _successor(floor: Floor, order: Order, changed: Order, waiting: bool, carried: Decimal) -> Order:
    new = copy.copy(changed)
    new.resting = False
    new.waiting = waiting
    new.hold = ZERO
    new.cum_qty = carried
    new.since_ns = floor.memory.now_ns
    assert order.state is State.OPEN
    return new


def _hand_over(floor: Floor, market: Market, account: Account, order: Order, new: Order, fresh: bool) -> None:
    """Give the order's id to its successor. Only where the fills stay behind is the old one reported."""
    if fresh:
        why = refusal("replaced", id=floor.memory.orders_made + 1)
        finish(floor, market, account, order, State.CANCELLED, why)
        _follow(floor, account, order.client_id, new.client_id)
    else:
        if new.client_id != order.client_id:
            _rename(floor, account, order, new.client_id)
        del floor.memory.orders[order.number]
        del account.open[order.number]
        if order.reduce_only:
            account.reducing[order.symbol].remove(order.number)
    _register(floor, account, new)
