"""Looking at the whole: the truth for outside checkers, and the exchange's laws checked from inside."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Generic, TypeVar

from msgspec import Struct

from kedge.model.numbers import ZERO
from kedge.model.order import State, sign
from kedge.sim.exchange.floor import Floor, Market, report
from kedge.sim.exchange.matching import reducible
from kedge.sim.exchange.money import hold_asset, hold_for
from kedge.sim.exchange.news import view_book
from kedge.sim.exchange.nouns import (
    FEES,
    HOUSE,
    INSURANCE,
    OUTSIDE,
    AccountTruth,
    AssetTruth,
    MarketReport,
    QueueSpot,
    Truth,
)
from kedge.sim.exchange.state import Account, Order

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True):
    items: Sequence[T]
    cursor: str
    more: bool
    clipped: bool


def page(kept: Sequence[T], gone: int, cursor: str, limit: int) -> Page[T]:
    """A cursor counts from the account's first entry, so it stays good when old ones are forgotten."""
    asked = int(cursor) if cursor.isdecimal() else 0
    start = max(asked - gone, 0)
    items = kept[start : start + max(limit, 1)]
    end = start + len(items)
    clipped = asked < gone and (bool(cursor) or gone > 0)
    return Page(items, str(gone + end), end < len(kept), clipped)


def queue_spot(floor: Floor, order: Order) -> QueueSpot:
    side = floor.markets[order.symbol].side(order.side)
    ahead = behind = ZERO
    passed = False
    for other in side.queues[order.ticks * side.sign].orders.values():
        if other is order:
            passed = True
        elif passed:
            behind += other.qty - other.cum_qty
        else:
            ahead += other.qty - other.cum_qty
    return QueueSpot(ahead, behind)


def market_report(floor: Floor, market: Market) -> MarketReport:
    state = market.state
    status = market.status(floor.memory.now_ns)
    return MarketReport(
        market.symbol,
        status,
        status == "trading",
        state.last,
        market.mark(),
        state.index,
        state.funding_rate,
        state.funding_ns if not state.delivered else 0,
    )


# ── the truth ───────────────────────────────────────────────────────────────────────────────────


def truth(floor: Floor) -> Truth:
    memory = floor.memory
    orders: dict[str, list[Order]] = {}
    for order in memory.orders.values():
        orders.setdefault(order.account, []).append(order)
    accounts = {
        name: _account_truth(floor, account, orders.get(name, []))
        for name, account in memory.accounts.items()
        if name not in HOUSE
    }
    return Truth(
        memory.now_ns,
        accounts,
        _assets(floor),
        {market.symbol: _net(floor, market) for market in floor.markets.values() if not market.owned},
        {market.symbol: market_report(floor, market) for market in floor.markets.values()},
        {market.symbol: view_book(floor, market, 0) for market in floor.markets.values()},
        memory.executions,
    )


def _account_truth(floor: Floor, account: Account, orders: list[Order]) -> AccountTruth:
    positions = {
        symbol: floor.position_report(floor.markets[symbol], position)
        for symbol, position in account.positions.items()
        if position.qty
    }
    return AccountTruth(
        dict(account.cash),
        {asset: held for asset, held in account.held.items() if held},
        positions,
        _entered(floor, account),
        tuple(report(order) for order in orders),
        tuple(account.fills),
        tuple(account.cash_moves),
    )


def _entered(floor: Floor, account: Account) -> dict[str, Decimal]:
    entered: dict[str, Decimal] = {}
    for symbol, position in account.positions.items():
        if position.qty:
            asset = floor.markets[symbol].asset
            entered[asset] = entered.get(asset, ZERO) + position.cost
    return entered


def _assets(floor: Floor) -> dict[str, AssetTruth]:
    accounts = floor.memory.accounts
    names: dict[str, None] = {}
    for account in accounts.values():
        names.update(dict.fromkeys(account.cash))
        names.update(dict.fromkeys(_entered(floor, account)))
    sums = {}
    for asset in names:
        cash = entered = ZERO
        for name, account in accounts.items():
            if name not in HOUSE:
                cash += account.cash.get(asset, ZERO)
                entered += _entered(floor, account).get(asset, ZERO)
        fund = accounts[INSURANCE]
        insurance = fund.cash.get(asset, ZERO) - _entered(floor, fund).get(asset, ZERO)
        paid_in = -accounts[OUTSIDE].cash.get(asset, ZERO)
        sums[asset] = AssetTruth(paid_in, cash, entered, accounts[FEES].cash.get(asset, ZERO), insurance)
    return sums


def _net(floor: Floor, market: Market) -> Decimal:
    net = ZERO
    for account in floor.memory.accounts.values():
        position = account.positions.get(market.symbol)
        if position:
            net += position.qty
    return net


# ── the laws ────────────────────────────────────────────────────────────────────────────────────


def faults(floor: Floor) -> list[str]:
    found = [
        f"{asset}: paid in {sums.paid_in}, but {sums.total} is there"
        for asset, sums in _assets(floor).items()
        if not sums.conserved
    ]
    for market in floor.markets.values():
        net = _net(floor, market)
        if net:
            found.append(f"{market.symbol}: positions sum to {net}")
        found += _book_faults(floor, market)
        found += _trigger_faults(floor, market)
    for account in floor.memory.accounts.values():
        found += _account_faults(floor, account)
    return found


def _book_faults(floor: Floor, market: Market) -> list[str]:
    found = []
    bid, ask = market.bids.best(), market.asks.best()
    if bid and ask and bid.price >= ask.price:
        found.append(f"{market.symbol}: crossed at rest, {bid.price} bid over {ask.price} asked")
    for side in (market.bids, market.asks):
        if side.keys != sorted(side.queues):
            found.append(f"{market.symbol}: the price list and the queues differ")
        for key, queue in side.queues.items():
            left = sum((o.qty - o.cum_qty for o in queue.orders.values()), ZERO)
            if left != queue.qty or left <= 0:
                found.append(f"{market.symbol}: level {key * side.sign} says {queue.qty}, its orders {left}")
            ranks = [order.rank for order in queue.orders.values()]
            if ranks != sorted(ranks):
                found.append(f"{market.symbol}: level {key * side.sign} is out of turn")
    return found


def _trigger_faults(floor: Floor, market: Market) -> list[str]:
    """Every order that waits is on the one list that fires it, nothing else is, and none is overdue."""
    orders = floor.memory.orders.values()
    open_now = market.status(floor.memory.now_ns) == "trading"
    # While there is no mark it is the middle of the book, where stops are looked at with the next trade.
    prices = {"last": market.state.last, "mark": market.state.mark, "index": market.state.index}
    found = []
    for by, triggers in market.stops.items():
        if open_now and prices[by] and triggers.due(prices[by]) is not None:
            found.append(f"{market.symbol}: a stop on {by} is overdue at {prices[by]}")
        waiting = [o for o in orders if o.waiting and o.symbol == market.symbol and o.trigger_by == by]
        for rises, listed in ((True, triggers.rising), (False, triggers.falling)):
            if listed != sorted((o.trigger_price, o.number) for o in waiting if o.rises == rises):
                found.append(f"{market.symbol}: the stops on {by} are not those that wait")
    return found


def _account_faults(floor: Floor, account: Account) -> list[str]:
    found = _name_faults(floor, account)
    held: dict[str, Decimal] = {}
    exposure: dict[tuple[str, str], Decimal] = {}
    for number in account.open:
        order = floor.memory.orders[number]
        found += _order_faults(floor, account, order)
        market = floor.markets[order.symbol]
        if account.house or not (order.resting or order.holds_early):
            continue
        if market.owned:
            asset = hold_asset(market, order.side)
            held[asset] = held.get(asset, ZERO) + order.hold
        else:
            key = (order.symbol, order.side)
            exposure[key] = exposure.get(key, ZERO) + order.hold
    for asset, amount in account.held.items():
        if amount != held.get(asset, ZERO):
            found.append(f"{account.name}: {amount} {asset} is held, its orders need {held.get(asset)}")
    # Losses on margin may eat what is held for orders. Where there is no margin, nothing may.
    lent = [floor.markets[symbol].asset for symbol in account.positions]
    for asset in account.cash | account.held:
        short = account.cash.get(asset, ZERO) < account.held.get(asset, ZERO)
        if short and asset not in lent and not account.house:
            found.append(f"{account.name}: more {asset} is held than there is")
    for symbol, position in account.positions.items():
        for side, has in (("buy", position.buys), ("sell", position.sells)):
            if has != exposure.get((symbol, side), ZERO):
                found.append(f"{account.name}: {side} exposure of {symbol} is off")
        if position.qty == 0 and position.cost != 0:
            found.append(f"{account.name}: a flat position in {symbol} costs {position.cost}")
    return found


def _name_faults(floor: Floor, account: Account) -> list[str]:
    """An open order's id leads to it, and the reduce-only ones are all known."""
    found = []
    reducing: dict[str, list[int]] = {}
    for number in account.open:
        order = floor.memory.orders[number]
        if order.client_id and account.ids.get(order.client_id) != number:
            found.append(f"order {number} is not found by its id {order.client_id}")
        if order.reduce_only:
            reducing.setdefault(order.symbol, []).append(number)
    if reducing != {symbol: numbers for symbol, numbers in account.reducing.items() if numbers}:
        found.append(f"{account.name}: the list of reduce-only orders is off")
    return found


def _order_faults(floor: Floor, account: Account, order: Order) -> list[str]:
    found = []
    market = floor.markets[order.symbol]
    name = f"order {order.number}"
    if order.state is not State.OPEN or not ZERO <= order.cum_qty < order.qty:
        found.append(f"{name} is open with {order.cum_qty} of {order.qty} filled, {order.state}")
    if order.resting == order.waiting:
        found.append(f"{name} neither rests nor waits, or both")
    if order.reduce_only and order.qty - order.cum_qty > reducible(account, order.symbol, order):
        found.append(f"{name} is reduce-only and larger than the position")
    wanted = _wanted_hold(market, account, order)
    if order.hold != wanted:
        found.append(f"{name} holds {order.hold} and needs {wanted} ({sign(order.side)})")
    return found


def _wanted_hold(market: Market, account: Account, order: Order) -> Decimal:
    early = order.waiting and market.owned and order.manner is not None and order.manner.holds_early
    if account.house or order.reduce_only or not (order.resting or early):
        return ZERO
    return hold_for(market, order.side, order.qty - order.cum_qty, order.price or order.trigger_price)
