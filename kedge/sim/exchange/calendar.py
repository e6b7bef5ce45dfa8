"""What happens because time has passed: funding, delivery, sessions, history that ends, requests that arrive.

Timers run at their own moments and in their own order, however late `advance` is called, so a jump over
a day gives the same state as a day of ticks without prices in between.
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import ROUND_HALF_EVEN, Decimal

from kedge.model.numbers import ZERO, divide
from kedge.model.order import State, opposite, side_of
from kedge.sim.exchange.entry import amend, cancel, cancel_all, place
from kedge.sim.exchange.floor import Floor, Market
from kedge.sim.exchange.forced import check_margin, consequences, settle_with_insurance
from kedge.sim.exchange.matching import finish
from kedge.sim.exchange.money import book_fill
from kedge.sim.exchange.nouns import INSURANCE, RequestAnswered
from kedge.sim.exchange.state import Account, Sent

NEVER = 1 << 63
RATE_STEP = Decimal("1e-8")


def next_due(floor: Floor) -> int:
    """The next moment at which something happens by itself."""
    memory = floor.memory
    due = memory.inbox[0].due_ns if memory.inbox else NEVER
    for market in floor.markets.values():
        due = min(due, _market_due(market, memory.now_ns))
    for account in memory.accounts.values():
        if account.dead_man_ns:
            due = min(due, account.dead_man_ns)
    if memory.expiring:
        due = min(due, memory.expiring[0][0])
    if memory.next_sweep_ns:
        due = min(due, memory.next_sweep_ns)
    return due


def _market_due(market: Market, now_ns: int) -> int:
    if market.state.delivered:
        return NEVER
    due = market.instrument.expires_ns or NEVER
    if market.state.funding_ns:
        due = min(due, market.state.funding_ns)
    change = market.instrument.next_change_ns(now_ns)
    return due if change is None else min(due, change)


def run_due(floor: Floor, due_ns: int) -> None:
    """Everything that is due at exactly this moment, in a fixed order."""
    memory = floor.memory
    memory.now_ns = max(memory.now_ns, due_ns)
    for account in tuple(memory.accounts.values()):
        if account.dead_man_ns and account.dead_man_ns <= due_ns:
            account.dead_man_ns = 0
            cancel_all(floor, account, code="dead_man")
    for market in floor.markets.values():
        if market.state.delivered:
            continue
        if market.state.funding_ns and market.state.funding_ns <= due_ns:
            fund(floor, market)
        expires = market.instrument.expires_ns
        if expires and expires <= due_ns:
            deliver(floor, market)
        _session(floor, market)
    _expire(floor, due_ns)
    consequences(floor)
    while memory.inbox and memory.inbox[0].due_ns <= due_ns:
        _receive(floor, memory.inbox.pop(0))
        consequences(floor)
    if memory.next_sweep_ns and memory.next_sweep_ns <= due_ns:
        sweep(floor)


def _receive(floor: Floor, sent: Sent) -> None:
    if sent.place is not None:
        reply = place(floor, sent.account, sent.place)
    elif sent.amend is not None:
        reply = amend(floor, sent.account, sent.amend)
    else:
        assert sent.cancel is not None
        reply = cancel(floor, sent.account, sent.cancel)
    floor.say(RequestAnswered(sent.account, sent.tag, reply))


# ── sessions ────────────────────────────────────────────────────────────────────────────────────


def _session(floor: Floor, market: Market) -> None:
    is_open = market.status(floor.memory.now_ns) == "trading"
    if is_open != market.state.was_open:
        market.state.was_open = is_open
        floor.status_changed(market)
        floor.moved[market.symbol] = None
        if not is_open:
            _end_the_day(floor, market)


def _end_the_day(floor: Floor, market: Market) -> None:
    """A long break has begun: what rests is ended, in the order in which it was placed."""
    memory, least_ns = floor.memory, floor.config.day_break_ns
    opens_ns = market.instrument.opens_ns(memory.now_ns)
    if not least_ns or not market.instrument.rests(memory.now_ns) or opens_ns - memory.now_ns < least_ns:
        return
    for account in tuple(memory.accounts.values()):
        for number in () if account.house else tuple(account.open):
            order = memory.orders[number]
            if order.symbol == market.symbol and not order.waiting:
                finish(floor, market, account, order, State.EXPIRED, "session")


def _expire(floor: Floor, due_ns: int) -> None:
    """End the orders whose own time is over. Those that ended before are still listed here."""
    memory = floor.memory
    while memory.expiring and memory.expiring[0][0] <= due_ns:
        order = memory.orders.get(memory.expiring.pop(0)[1])
        if order is not None and order.state is State.OPEN:
            finish(
                floor,
                floor.markets[order.symbol],
                memory.accounts[order.account],
                order,
                State.EXPIRED,
                "its_time",
            )


# ── funding ─────────────────────────────────────────────────────────────────────────────────────


def funding_rate(market: Market) -> Decimal:
    """The mean premium of the mark over the index since the last funding, within the cap."""
    state = market.state
    if state.rate_given or not state.premium_count:
        return state.funding_rate
    rate = divide(state.premium_sum, Decimal(state.premium_count)).quantize(RATE_STEP, ROUND_HALF_EVEN)
    cap = market.terms.funding_cap
    return max(-cap, min(cap, rate))


def fund(floor: Floor, market: Market) -> None:
    """Longs pay shorts where the rate is positive. What rounding leaves over is the insurance fund's."""
    state = market.state
    rate = state.funding_rate = funding_rate(market)
    state.premium_sum, state.premium_count = ZERO, 0
    interval = market.terms.funding_interval_ns
    state.funding_ns += interval * (1 + (floor.memory.now_ns - state.funding_ns) // interval)
    if not rate:
        return
    mark = market.mark()
    paid = ZERO
    holders = _holders(floor, market)
    for account in holders:
        qty = account.positions[market.symbol].qty
        value = abs(market.instrument.value(qty, mark))
        amount = (value * rate).quantize(Decimal("1e-12"), ROUND_HALF_EVEN)
        amount = -amount if qty > 0 else amount
        floor.moved_cash(account, "funding", market.asset, amount, market.symbol)
        paid += amount
    floor.moved_cash(floor.memory.accounts[INSURANCE], "dust", market.asset, -paid)
    for account in holders:
        if not account.house:
            check_margin(floor, account, market.asset)


def _holders(floor: Floor, market: Market) -> list[Account]:
    holders = []
    for account in floor.memory.accounts.values():
        position = account.positions.get(market.symbol)
        if position and position.qty:
            holders.append(account)
    return holders


# ── delivery ────────────────────────────────────────────────────────────────────────────────────


def deliver(floor: Floor, market: Market) -> None:
    """The end of a dated future: orders go, and positions are settled at the index."""
    memory, state = floor.memory, market.state
    for account in tuple(memory.accounts.values()):
        for number in tuple(account.open):
            order = memory.orders[number]
            if order.symbol == market.symbol:
                finish(floor, market, account, order, State.CANCELLED, "delivery")
    price = state.index or market.mark()
    entered = ZERO
    holders = _holders(floor, market)
    for account in holders:
        qty = account.positions[market.symbol].qty
        entered += market.instrument.value(-qty, price)
        book_fill(floor, market, account, None, opposite(side_of(qty)), abs(qty), price, kind="delivery")
    # The positions' values sum to zero but for the last digit of each division.
    if entered:
        floor.moved_cash(memory.accounts[INSURANCE], "dust", market.asset, entered)
    for account in holders:
        if not account.house:
            settle_with_insurance(floor, account, market.asset)
    state.delivered = True
    state.was_open = False
    state.mark = price
    floor.marked(market)
    floor.status_changed(market)


# ── history ─────────────────────────────────────────────────────────────────────────────────────


def sweep(floor: Floor) -> None:
    """Forget what is older than the retention; used client ids stay where they may not be used again."""
    memory, keep = floor.memory, floor.config.retention_ns
    before = memory.now_ns - keep
    gone = 0
    for number in memory.finished:
        order = memory.orders[number]
        if order.changed_ns > before:
            break
        gone += 1
        del memory.orders[number]
        account = memory.accounts[order.account]
        if floor.config.id_scope == "open" and account.ids.get(order.client_id) == number:
            del account.ids[order.client_id]
    del memory.finished[:gone]
    for account in memory.accounts.values():
        old = bisect_right(account.fills, before, key=lambda fill: fill.venue_ns)
        del account.fills[:old]
        account.fills_gone += old
        old = bisect_right(account.cash_moves, before, key=lambda cash: cash.venue_ns)
        del account.cash_moves[:old]
        account.cash_gone += old
    memory.next_sweep_ns = memory.now_ns + max(keep // 8, 1)
