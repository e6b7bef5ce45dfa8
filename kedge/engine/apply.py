"""The fold: one small function per kind of record, and the only code that changes a `Desk`.

It decides nothing, refuses nothing and asks no one; what a record says has happened. The same records
give the same state on every machine and in every later version.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from itertools import islice
from typing import Any

from msgspec import Raw

from kedge.engine.apply_errands import APPLY_ERRANDS
from kedge.engine.apply_stashes import APPLY_STASHES
from kedge.engine.state import (
    COMMANDS_KEPT,
    ORDER_KEEP_NS,
    ORDERS_KEPT,
    Account,
    BotRow,
    Desk,
    Open,
    Order,
    Slot,
)
from kedge.model import records as r
from kedge.model.ids import read
from kedge.model.ledger import Position
from kedge.model.numbers import MONEY, ZERO
from kedge.model.order import TERMINAL, Move, State, move, sign

DAY_NS = 86_400_000_000_000
# After a refusal in a row: 0.5 s, 1 s, 2 s ... 64 s, so that a venue that refuses is not flooded.
HOLD_NS = 500_000_000
HOLD_DOUBLINGS = 7
# What is old is let go at every so many additions: finding the front of a dict is slow where much of it has
# been deleted, and then costs as much as all the rest of a fill.
SWEEP = 8


def apply(desk: Desk, record: r.Record, ts_ns: int) -> None:
    """Fold one record, written at `ts_ns`, into the desk."""
    with localcontext(MONEY):
        fold(desk, record, ts_ns)


def fold(desk: Desk, record: r.Record, ts_ns: int) -> None:
    """The same, for those who compute in `MONEY` already: a step does."""
    _APPLY[type(record)](desk, record, ts_ns)


# ── the desk ────────────────────────────────────────────────────────────────────────────────────


def _desk_made(desk: Desk, record: r.DeskMade, ts_ns: int) -> None:
    desk.desk, desk.cell = record.desk, record.cell


def _life_began(desk: Desk, record: r.LifeBegan, ts_ns: int) -> None:
    """Requests of earlier lives may or may not have left: all of them are in doubt now."""
    desk.life = record.life
    for account in desk.accounts.values():
        for order in account.orders.values():
            if order.state is State.PENDING:
                order.state = State.UNKNOWN
            if order.change:
                order.change_silent = True


def _kill_switch(desk: Desk, record: r.KillSwitch, ts_ns: int) -> None:
    desk.killed, desk.killed_why = record.on, record.why


def _command_taken(desk: Desk, record: r.CommandTaken, ts_ns: int) -> None:
    desk.commands[record.command_id] = (record.ok, record.says)
    while len(desk.commands) > COMMANDS_KEPT:
        del desk.commands[next(iter(desk.commands))]


def _noted(desk: Desk, record: r.Noted, ts_ns: int) -> None:
    bot = desk.bots.get(record.bot)
    if bot is not None:
        bot.last_word = record.text


# ── bots ────────────────────────────────────────────────────────────────────────────────────────


def _bot_added(desk: Desk, record: r.BotAdded, ts_ns: int) -> None:
    desk.bots[record.bot] = BotRow(
        name=record.bot,
        number=record.number,
        kind=record.kind,
        config=record.config.copy(),
        state=record.state.copy(),
        state_version=record.state_version,
        origin=record.origin,
        added_ns=ts_ns,
        claim=record.claim,
    )
    desk.bot_names[str(record.number)] = record.bot
    desk.bots_made = max(desk.bots_made, record.number)


def _bot_amended(desk: Desk, record: r.BotAmended, ts_ns: int) -> None:
    bot = desk.bots[record.bot]
    bot.config, bot.claim = record.config.copy(), record.claim


def _bot_phased(desk: Desk, record: r.BotPhased, ts_ns: int) -> None:
    bot = desk.bots[record.bot]
    bot.phase, bot.why, bot.still = record.phase, record.why, record.still
    if record.why:
        bot.last_word = record.why


def _bot_removed(desk: Desk, record: r.BotRemoved, ts_ns: int) -> None:
    """Its open positions become the account's own: the money does not vanish with the bot."""
    bot = desk.bots.pop(record.bot)
    desk.bot_names.pop(str(bot.number), None)
    for own in desk.accounts.values():
        for order in own.orders.values():
            if order.bot == record.bot:
                order.bot = ""  # a namesake must not inherit its late fills
    for slot in bot.slots.values():
        position = slot.position
        if position.qty == 0 and position.realised == 0 and not position.fees:
            continue
        account, _, symbol = slot.market.partition(":")
        outside = desk.account(account).external.setdefault(symbol, Position())
        # Joining two positions by their sums keeps profit exact, whatever their signs.
        outside.qty += position.qty
        outside.cost += position.cost
        outside.realised += position.realised
        if outside.qty == 0 and outside.cost != 0:
            outside.realised -= outside.cost
            outside.cost = ZERO
        for asset, amount in position.fees.items():
            outside.pay(asset, amount)


def _bot_stated(desk: Desk, record: r.BotStated, ts_ns: int) -> None:
    bot = desk.bots[record.bot]
    bot.state, bot.state_version = record.state.copy(), record.state_version


def _told(desk: Desk, record: r.Told, ts_ns: int) -> None:
    bot = desk.bots[record.bot]
    bot.told = record.number
    bot.inbox.append(r.Told(record.bot, record.number, record.sender, record.text, Raw(bytes(record.args))))


def _heard(desk: Desk, record: r.Heard, ts_ns: int) -> None:
    bot = desk.bots[record.bot]
    bot.inbox = [m for m in bot.inbox if m.number > record.number]


# ── orders ──────────────────────────────────────────────────────────────────────────────────────


def _intent(desk: Desk, record: r.Intent, ts_ns: int) -> None:
    order = Order(
        client_id=record.client_id,
        bot=record.bot,
        slot=record.slot,
        market=record.market,
        side=record.side,
        qty=record.qty,
        price=record.price,
        kind=record.kind,
        tif=record.tif,
        role=record.role,
        reduce_only=record.reduce_only,
        trigger_price=record.trigger_price,
        trigger_by=record.trigger_by,
        quote=record.quote,
        intent_ns=ts_ns,
        valid_until_ns=record.valid_until_ns,
        priced_ns=ts_ns,
        expires_ns=record.expires_ns,
    )
    account = desk.account(order.account)
    assert order.client_id not in account.orders, "a client id is never minted twice"
    account.orders[order.client_id] = order
    _forget_old(account, ts_ns)
    _slot(desk.bots[record.bot], record.slot, record.market).orders.append(order.client_id)
    _shift(desk, order, ZERO)


def _amend_intent(desk: Desk, record: r.AmendIntent, ts_ns: int) -> None:
    order = desk.order(record.client_id)
    assert order is not None
    order.change, order.change_until_ns, order.change_silent = "amend", record.valid_until_ns, False
    order.priced_ns = ts_ns
    order.price = record.price  # what we shall have; the venue's own word corrects it


def _cancel_intent(desk: Desk, record: r.CancelIntent, ts_ns: int) -> None:
    order = desk.order(record.client_id)
    assert order is not None
    order.change, order.change_until_ns, order.change_silent = "cancel", record.valid_until_ns, False


def _change_settled(desk: Desk, record: r.ChangeSettled, ts_ns: int) -> None:
    order = desk.order(record.client_id)
    if order is None or order.change != record.request:
        return
    if record.result == "silent":
        order.change_silent = True
    elif record.result in ("done", "refused"):
        order.change, order.change_silent = "", False


def _order_moved(desk: Desk, record: r.OrderMoved, ts_ns: int) -> None:
    order = desk.order(record.client_id)
    if order is None:
        return
    before = order.owed
    after = move(order.state, record.move)
    if after is not None:
        order.state = after
    order.told = max(order.told, record.cum_qty)
    order.venue_id = record.venue_id or order.venue_id
    order.reason = record.reason or order.reason
    order.version = max(order.version, record.version)
    if record.price is not None:
        order.price = record.price
    if record.qty is not None:
        order.qty = record.qty
    if not record.due:
        _count_refusals(desk, order, record.move, ts_ns)
    _after_order(desk, order, before, ts_ns)


def _count_refusals(desk: Desk, order: Order, learnt: Move, ts_ns: int) -> None:
    bot = desk.bots.get(order.bot)
    slot = bot.slots.get(order.slot) if bot else None
    if slot is None:
        return
    # Killed at once and nothing traded is a refusal too, whatever the venue calls it.
    unwanted = learnt in (Move.CANCEL, Move.EXPIRE) and order.told == 0 and not order.change
    if learnt is Move.REJECT or unwanted:
        slot.rejects += 1
        slot.hold_until_ns = ts_ns + (HOLD_NS << min(slot.rejects - 1, HOLD_DOUBLINGS))
    elif learnt is Move.SEEN and order.tif != "ioc":
        slot.rejects = 0


def _refused(desk: Desk, record: r.Refused, ts_ns: int) -> None:
    pass  # for people to read; a refusal changes nothing


# ── money ───────────────────────────────────────────────────────────────────────────────────────


def _filled(desk: Desk, record: r.Filled, ts_ns: int) -> None:
    account = desk.account(record.account)
    fill = record.fill
    if not _first_time(account, fill.exec_id, fill.venue_ns):
        return
    market = f"{record.account}:{fill.symbol}"
    instrument = account.instruments[fill.symbol]
    signed = fill.qty * sign(fill.side)
    bot = desk.bots.get(record.bot)
    if bot is None:
        position = account.external.setdefault(fill.symbol, Position())
    else:
        slot = _slot(bot, record.slot, market)
        slot.tally.book(instrument, signed, fill.price)
        slot.rejects = 0
        position = slot.position
    profit = position.book(instrument, signed, fill.price)
    position.pay(fill.fee_asset, fill.fee)
    desk.nets[market] = desk.nets.get(market, ZERO) + signed
    whose = (record.account, record.bot) if bot is not None else (record.account,)
    _count_day(desk, instrument.settle, profit, ts_ns, whose)
    _count_day(desk, fill.fee_asset, -fill.fee, ts_ns, whose)
    order = account.orders.get(fill.client_id)
    if order is not None:
        _fill_order(desk, order, fill.qty, fill.venue_id, ts_ns)


def _fill_order(desk: Desk, order: Order, qty: Decimal, venue_id: str, ts_ns: int) -> None:
    before = order.owed
    order.filled += qty
    order.told = max(order.told, order.filled)
    order.venue_id = venue_id or order.venue_id
    after = move(order.state, Move.FILL_ALL if order.filled >= order.qty else Move.FILL)
    assert after is not None, "the table has a fill for every state"
    order.state = after
    _after_order(desk, order, before, ts_ns)


def _cash_moved(desk: Desk, record: r.CashMoved, ts_ns: int) -> None:
    account = desk.account(record.account)
    cash = record.cash
    if _first_time(account, "cash:" + cash.cash_id, cash.venue_ns):
        key = f"{cash.kind}:{cash.asset}"
        account.cash[key] = account.cash.get(key, ZERO) + cash.amount
        if cash.kind != "transfer":
            _count_day(desk, cash.asset, cash.amount, ts_ns, (record.account,))


def _synthetic(desk: Desk, record: r.Synthetic, ts_ns: int) -> None:
    account, _, symbol = record.market.partition(":")
    own = desk.account(account)
    position = own.external.setdefault(symbol, Position())
    position.book(own.instruments[symbol], record.qty, record.price)
    desk.nets[record.market] = desk.nets.get(record.market, ZERO) + record.qty


def _cursor_moved(desk: Desk, record: r.CursorMoved, ts_ns: int) -> None:
    account = desk.account(record.account)
    account.cursor, account.cursor_ns = record.cursor, record.venue_ns


def _audited(desk: Desk, record: r.Audited, ts_ns: int) -> None:
    pass  # for people to read


def _balances_seen(desk: Desk, record: r.BalancesSeen, ts_ns: int) -> None:
    desk.account(record.account).balances = record.balances


def _instrument_known(desk: Desk, record: r.InstrumentKnown, ts_ns: int) -> None:
    desk.account(record.account).instruments[record.instrument.symbol] = record.instrument


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _slot(bot: BotRow, name: str, market: str) -> Slot:
    slot = bot.slots.get(name)
    if slot is None:
        slot = bot.slots[name] = Slot(name, market)
    return slot


def _first_time(account: Account, key: str, venue_ns: int) -> bool:
    """Remember an execution; False when it is booked already. Memory of them is bounded by age."""
    if key in account.seen:
        return False
    account.seen[key] = venue_ns
    account.newest_ns = max(account.newest_ns, venue_ns)
    horizon = account.horizon_ns
    # Insertion order is nearly time order: drop old ones from the front.
    if len(account.seen) % SWEEP:
        return True
    for oldest in _front(account.seen, 4 * SWEEP):
        if account.seen[oldest] >= horizon:
            break
        del account.seen[oldest]
    return True


def _forget_old(account: Account, ts_ns: int) -> None:
    """Finished orders leave memory when late news of them is no longer to be expected."""
    if len(account.orders) % SWEEP:
        return
    for client_id in _front(account.closed, 2 * SWEEP):
        order = account.orders[client_id]
        old = order.closed_ns < ts_ns - ORDER_KEEP_NS or len(account.closed) > ORDERS_KEPT
        if not old:
            return
        if order.settled:
            del account.orders[client_id], account.closed[client_id]


def _front(seen: dict[str, int], count: int) -> list[str]:
    return list(islice(seen, count))


def _shift(desk: Desk, order: Order, before: Decimal) -> None:
    """Keep the market's open sum in step with what this order may yet add."""
    change = order.owed - before
    if change == 0:
        return
    sums = desk.open.get(order.market)
    if sums is None:
        sums = desk.open[order.market] = Open()
    if order.side == "buy":
        sums.buy += change
    else:
        sums.sell += change


def _after_order(desk: Desk, order: Order, before: Decimal, ts_ns: int) -> None:
    """What follows from any news of an order: sums, the end of a change, the end of the order."""
    _shift(desk, order, before)
    bot = desk.bots.get(order.bot)
    slot = bot.slots.get(order.slot) if bot else None
    account = desk.account(order.account)
    if order.state in TERMINAL:
        order.change, order.change_silent = "", False
        if not order.closed_ns:
            order.closed_ns = ts_ns
            account.closed[order.client_id] = ts_ns
    elif order.closed_ns:  # it came back from the dead
        order.closed_ns = 0
        account.closed.pop(order.client_id, None)
    if slot is not None:
        listed = order.client_id in slot.orders
        if order.settled and listed:
            slot.orders.remove(order.client_id)
        elif not order.settled and not listed:
            slot.orders.append(order.client_id)


def _count_day(desk: Desk, asset: str, amount: Decimal, ts_ns: int, whose: tuple[str, ...]) -> None:
    day = ts_ns // DAY_NS
    if day != desk.day:
        desk.day, desk.day_realised, desk.day_of = day, {}, {}
    if amount == 0:
        return
    desk.day_realised[asset] = desk.day_realised.get(asset, ZERO) + amount
    for name in whose:
        own = desk.day_of.setdefault(name, {})
        own[asset] = own.get(asset, ZERO) + amount


def owner_of(desk: Desk, account: Account, client_id: str, symbol: str) -> tuple[str, str]:
    """Which bot and slot a fill belongs to: by the order in memory, else by the id's provenance."""
    order = account.orders.get(client_id)
    if order is not None and order.bot in desk.bots:
        return order.bot, order.slot
    made_by = read(client_id)
    if made_by is not None and made_by.desk == desk.desk:
        bot = desk.bot_names.get(str(made_by.bot))
        if bot is not None:
            return bot, f"late {account.name}:{symbol}"
    return "", ""


# One entry per kind; the value's own parameter type is narrower than `Record`, hence `Any`.
_APPLY: dict[type, Callable[[Desk, Any, int], None]] = {
    r.DeskMade: _desk_made,
    r.LifeBegan: _life_began,
    r.KillSwitch: _kill_switch,
    r.CommandTaken: _command_taken,
    r.Noted: _noted,
    **APPLY_ERRANDS,
    **APPLY_STASHES,
    r.BotAdded: _bot_added,
    r.BotAmended: _bot_amended,
    r.BotPhased: _bot_phased,
    r.BotRemoved: _bot_removed,
    r.BotStated: _bot_stated,
    r.Told: _told,
    r.Heard: _heard,
    r.Intent: _intent,
    r.AmendIntent: _amend_intent,
    r.CancelIntent: _cancel_intent,
    r.OrderMoved: _order_moved,
    r.ChangeSettled: _change_settled,
    r.Refused: _refused,
    r.Filled: _filled,
    r.CashMoved: _cash_moved,
    r.Synthetic: _synthetic,
    r.CursorMoved: _cursor_moved,
    r.Audited: _audited,
    r.BalancesSeen: _balances_seen,
    r.InstrumentKnown: _instrument_known,
}
