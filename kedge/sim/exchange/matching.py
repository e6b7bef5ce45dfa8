"""Price-time priority: orders meet the book, rest in it, shrink, leave it.

Nothing here refuses anything: an order that reaches `enter` has been checked.
"""

from __future__ import annotations

from decimal import Decimal

from kedge.model.numbers import ONE, ZERO, ceil_to
from kedge.model.order import PRICED, State, sign
from kedge.sim.exchange.floor import Floor, Market
from kedge.sim.exchange.money import book_fill, rehold
from kedge.sim.exchange.nouns import SelfTrade, TradePrinted
from kedge.sim.exchange.refusals import SENTENCES, Refusal
from kedge.sim.exchange.state import Account, Order


def enter(floor: Floor, market: Market, account: Account, order: Order) -> None:
    """Match an order that is live now, then let it rest or end what is left of it."""
    limit = limit_ticks(market, order)
    takes = market.against(order.side).within(limit)
    if takes and order.tif == "post_only":
        return finish(floor, market, account, order, State.CANCELLED, "post_only")
    if order.tif == "fok" and not _fillable(floor, market, order, limit):
        return finish(floor, market, account, order, State.EXPIRED, "fok")
    if takes:
        _match(floor, market, account, order, limit)
    if order.state is not State.OPEN:
        return None
    if order.kind not in PRICED:
        return finish(floor, market, account, order, State.EXPIRED, "no_liquidity")
    if order.tif == "ioc":
        return finish(floor, market, account, order, State.EXPIRED, "ioc")
    rest(floor, market, account, order)
    floor.order_changed(account, order)
    return None


def limit_ticks(market: Market, order: Order) -> int | None:
    """The worst price the order takes, in ticks; None: any."""
    if order.kind in PRICED:
        return order.ticks
    collar = market.terms.market_collar
    if not collar or order.fill_kind != "trade":
        return order.ticks or None
    bound = market.mark() * (ONE + sign(order.side) * collar)
    if not bound:
        return None
    if order.side == "buy":
        return int(bound // market.tick)
    return int(ceil_to(bound, market.tick) // market.tick)


def rest(floor: Floor, market: Market, account: Account, order: Order) -> None:
    """Join the end of the queue at the order's price."""
    floor.memory.ranks += 1
    order.rank = floor.memory.ranks
    order.resting = True
    market.side(order.side).add(order)
    rehold(floor, market, account, order)


def leave(floor: Floor, market: Market, account: Account, order: Order) -> None:
    """Take the order out of the book or off the trigger list, and give back what it held."""
    if order.resting:
        market.side(order.side).remove(order)
        order.resting = False
        rehold(floor, market, account, order)
    elif order.waiting:
        market.stops[order.trigger_by].remove(order)
        order.waiting = False
        rehold(floor, market, account, order)


def finish(
    floor: Floor, market: Market, account: Account, order: Order, state: State, why: str | Refusal
) -> None:
    """The end of an order, with the reason (a refusal, or the code of one) in words people can read."""
    leave(floor, market, account, order)
    if isinstance(why, str):
        order.reason = f"{why}: {SENTENCES[why]}"
    else:
        order.reason = f"{why.code}: {why.sentence}"
    _close(floor, account, order, state)


def _close(floor: Floor, account: Account, order: Order, state: State) -> None:
    assert order.state is State.OPEN, "an order ends once"
    order.state = state
    account.open.pop(order.number, None)
    if order.reduce_only and order.number in account.reducing.get(order.symbol, ()):
        account.reducing[order.symbol].remove(order.number)
    floor.order_changed(account, order)
    memory = floor.memory
    if account.house:
        memory.orders.pop(order.number, None)
        if account.ids.get(order.client_id) == order.number:
            del account.ids[order.client_id]
    else:
        memory.finished.append(order.number)


# ── matching ────────────────────────────────────────────────────────────────────────────────────


def _match(floor: Floor, market: Market, account: Account, taker: Order, limit: int | None) -> None:
    book = market.against(taker.side)
    accounts = floor.memory.accounts
    protect = _protection(floor, taker)
    while taker.state is State.OPEN and book.within(limit):
        maker = book.best()
        assert maker is not None
        if maker.account == account.name and protect != "none":
            _self_trade(floor, market, account, taker, maker)
            continue
        qty = min(taker.qty - taker.cum_qty, maker.qty - maker.cum_qty)
        assert qty > 0
        _trade(floor, market, account, taker, accounts[maker.account], maker, qty)


def _protection(floor: Floor, taker: Order) -> SelfTrade:
    return taker.manner.self_trade if taker.manner and taker.manner.self_trade else floor.config.self_trade


def _self_trade(floor: Floor, market: Market, account: Account, taker: Order, maker: Order) -> None:
    protect = _protection(floor, taker)
    if protect != "cancel_newest":
        finish(floor, market, account, maker, State.CANCELLED, "self_trade")
    if protect != "cancel_oldest":
        finish(floor, market, account, taker, State.CANCELLED, "self_trade")


def _trade(
    floor: Floor,
    market: Market,
    account: Account,
    taker: Order,
    other: Account,
    maker: Order,
    qty: Decimal,
) -> None:
    """One execution at the maker's price."""
    price = maker.price
    market.against(taker.side).shrink(maker, qty)
    maker.cum_qty += qty
    taker.cum_qty += qty
    # First the hold goes that was for this part; then the part is paid, and its fee from what is free.
    rehold(floor, market, other, maker)
    trade_id = book_fill(floor, market, other, maker, maker.side, qty, price, True, maker.fill_kind)
    book_fill(floor, market, account, taker, taker.side, qty, price, False, taker.fill_kind)
    state = market.state
    state.last = price
    if not state.mark_given:
        state.mark = price
    floor.moved[market.symbol] = None
    floor.say(TradePrinted(market.symbol, trade_id, taker.side, price, qty, floor.memory.now_ns))
    if maker.cum_qty == maker.qty:
        leave(floor, market, other, maker)
        _close(floor, other, maker, State.FILLED)
    else:
        floor.order_changed(other, maker)
    if taker.cum_qty == taker.qty:
        _close(floor, account, taker, State.FILLED)
    if other.reducing:
        trim(floor, market, other)
    if account.reducing:
        trim(floor, market, account)


def _fillable(floor: Floor, market: Market, taker: Order, limit: int | None) -> bool:
    """Whether the whole order would fill at once, counting exactly what `_match` would do.

    Reduce-only makers are worth no more than their account's position at the moment they are reached,
    which the taker's own fills move too.
    """
    left = taker.qty - taker.cum_qty
    book = market.against(taker.side)
    protect = _protection(floor, taker)
    positions: dict[str, Decimal] = {}
    bound = None if limit is None else limit * book.sign
    for maker in book.orders():
        if bound is not None and maker.ticks * book.sign < bound:
            return False
        if maker.account == taker.account and protect != "none":
            if protect == "cancel_oldest":
                continue
            return False
        offered = maker.qty - maker.cum_qty
        if not market.owned:
            for name in (maker.account, taker.account):
                position = floor.memory.accounts[name].positions.get(market.symbol)
                positions.setdefault(name, position.qty if position else ZERO)
            if maker.reduce_only:
                offered = min(offered, max(-positions[maker.account] * sign(maker.side), ZERO))
            positions[maker.account] += min(offered, left) * sign(maker.side)
            positions[taker.account] += min(offered, left) * sign(taker.side)
        left -= offered
        if left <= 0:
            return True
    return False


# ── reduce-only ─────────────────────────────────────────────────────────────────────────────────


def reducible(account: Account, symbol: str, order: Order) -> Decimal:
    """How much an order of this side could take off the account's position."""
    position = account.positions.get(symbol)
    if position is None:
        return ZERO
    against = position.qty if order.side == "sell" else -position.qty
    return max(against, ZERO)


def trim(floor: Floor, market: Market, account: Account) -> None:
    """After a position has changed: no reduce-only order may be larger than it."""
    for number in tuple(account.reducing.get(market.symbol, ())):
        order = floor.memory.orders[number]
        most = reducible(account, market.symbol, order)
        left = order.qty - order.cum_qty
        if left <= most:
            continue
        if most == 0:
            finish(floor, market, account, order, State.CANCELLED, "reduce_only")
            continue
        if order.resting:
            market.side(order.side).shrink(order, left - most)
        order.qty = order.cum_qty + most
        floor.order_changed(account, order)


# ── a look at the book ──────────────────────────────────────────────────────────────────────────


def walk(floor: Floor, market: Market, order: Order) -> tuple[Decimal, Decimal]:
    """(quantity, value) that the order would find in the book right now."""
    limit = limit_ticks(market, order)
    left = order.qty - order.cum_qty
    found = value = ZERO
    book = market.against(order.side)
    passes_own = _protection(floor, order) == "cancel_oldest"
    for maker in book.orders():
        if left <= 0 or (limit is not None and maker.ticks * book.sign < limit * book.sign):
            break
        if passes_own and maker.account == order.account:
            continue
        part = min(left, maker.qty - maker.cum_qty)
        value += abs(market.instrument.value(part, maker.ticks * market.tick))
        found += part
        left -= part
    return found, value


def crosses(market: Market, order: Order) -> bool:
    return market.against(order.side).within(limit_ticks(market, order))
