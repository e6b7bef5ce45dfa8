"""Risk is a gate, not advice: what is about to be sent is measured against desk, account and bot.

`refusal` answers one question with one sentence or with "". It is asked for every new order and every
amended price, balancing orders included. What is open, in flight or UNKNOWN counts as if all of it filled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from kedge.engine.apply import DAY_NS
from kedge.engine.engine import MINUTE_NS, Engine
from kedge.engine.senses import BotNow, MarketNow
from kedge.engine.state import BotRow
from kedge.engine.worth import held, worth, worths
from kedge.model.instrument import Instrument, Market, account_of
from kedge.model.limits import NO_LIMITS, Limits
from kedge.model.numbers import ONE, ZERO, divide, text
from kedge.model.order import Side, sign
from kedge.model.records import Role

# Whose a limit is, as people read it.
DESK, BOT = "desk limit", "bot limit"


class Proposal(Struct, frozen=True):
    """An order that is about to be sent, or the new price of one that stands."""

    market: Market
    side: Side
    qty: Decimal
    price: Decimal  # what limits are counted at: the trigger or the touch where there is no limit price
    role: Role
    amended: bool = False
    trigger: Decimal = ZERO  # of a stop: what its price is measured against


def refusal(e: Engine, row: BotRow, now: BotNow, p: Proposal, instrument: Instrument) -> str:
    """Why this may not be sent; "" when nothing stands against it."""
    if e.desk.killed:
        return "the kill switch is on"
    applying = _applying(e, row, p.market)
    if not applying:
        return ""  # and no number below has anything to be compared with
    market = e.market(p.market)
    link = e.links[account_of(p.market)]
    sent = {DESK: e.sent_ns, f"limit of {link.account}": link.sent_ns, BOT: now.sent_ns}
    for name, limits in applying:
        said = _one_order(limits, p, instrument, market) or _pace(e, limits, row, sent[name], p)
        if said:
            return f"{name}: {said}"
    return _exposure(e, row, p, instrument) or _daily_loss(e, row, p, instrument, applying)


def _applying(e: Engine, row: BotRow, market: Market) -> list[tuple[str, Limits]]:
    book, account = e.limits, account_of(market)
    found = (
        (DESK, book.desk),
        (f"limit of {account}", book.accounts.get(account, NO_LIMITS)),
        (BOT, book.bots.get(row.name, book.bot)),
    )
    # Asked of every order: looking for a number in limits that have none costs more than all the rest.
    return [(name, limits) for name, limits in found if limits is not NO_LIMITS and limits]


def cut_to_limits(e: Engine, row: BotRow, p: Proposal, instrument: Instrument) -> tuple[Decimal, Decimal]:
    """Quantity and price at which a balancing order fits the limits of one order.

    What has to be evened out goes in several orders rather than in none, and no further than the collar.
    """
    qty, price = p.qty, p.price
    market = e.market(p.market)
    touch = market.asks if p.side == "buy" else market.bids
    for _, limits in _applying(e, row, p.market):
        if limits.collar and touch:
            bound = touch[0].price * (ONE + sign(p.side) * limits.collar)
            inside = instrument.price_at_most(bound) if p.side == "buy" else instrument.price_at_least(bound)
            price = min(price, inside) if p.side == "buy" else max(price, inside)
        if limits.order_qty_max:
            qty = min(qty, limits.order_qty_max)
        if limits.order_notional_max:
            qty = min(qty, divide(limits.order_notional_max, instrument.notional(ONE, price)))
    fits = instrument.tradable(qty, price)
    return (fits, price) if fits > 0 else (p.qty, p.price)


def _one_order(limits: Limits, p: Proposal, instrument: Instrument, market: MarketNow) -> str:
    if limits.order_qty_max and p.qty > limits.order_qty_max:
        return f"{text(p.qty)} is more than the largest order of {text(limits.order_qty_max)}"
    size = instrument.notional(p.qty, p.price)
    if limits.order_notional_max and size > limits.order_notional_max:
        most = text(limits.order_notional_max)
        return f"{text(size)} {instrument.quote} is more than the largest order of {most}"
    if limits.collar:
        touch = market.asks if p.side == "buy" else market.bids
        facing = p.trigger or (touch[0].price if touch else ZERO)
        if facing:
            bound = facing * (ONE + sign(p.side) * limits.collar)
            if (p.price - bound) * sign(p.side) > 0:
                return f"price {text(p.price)} is outside the collar at {text(bound)}"
    return ""


def _pace(e: Engine, limits: Limits, row: BotRow, sent_ns: list[int], p: Proposal) -> str:
    """Orders per minute; an amended price is no new order, and balance is never held back by it."""
    most = limits.orders_per_minute
    if not most or p.amended or p.role == "balance":
        return ""
    while sent_ns and sent_ns[0] <= e.now_ns - MINUTE_NS:
        sent_ns.pop(0)
    if len(sent_ns) < most:
        return ""
    e.timers.sooner(("bot", row.name), sent_ns[0] + MINUTE_NS)
    return f"{most} orders in a minute have been sent already"


# ── worst case ──────────────────────────────────────────────────────────────────────────────────


def worst_case(e: Engine, market: Market, side: Side, more: Decimal = ZERO) -> Decimal:
    """The account's net if everything open on one side fills, and `more` with it."""
    open_now = e.desk.open.get(market)
    owed = ZERO
    if open_now is not None:
        owed = open_now.buy if side == "buy" else open_now.sell
    return e.desk.net(market) + sign(side) * (owed + more)


def _exposure(e: Engine, row: BotRow, p: Proposal, instrument: Instrument) -> str:
    if p.amended:
        return ""  # the quantity is counted already
    book = e.limits
    account = account_of(p.market)
    worst = worst_case(e, p.market, p.side, p.qty)
    # Even if all of it fills, the account's position only shrinks; the bot's own may grow all the same.
    if worst * sign(p.side) > 0:
        limits = book.accounts.get(account, NO_LIMITS)
        said = _shared_exposure(e, p.market, instrument.notional(worst, p.price), limits, instrument)
        if said:
            return said
    limits = book.bots.get(row.name, book.bot)
    if limits.exposure_notional_max:
        total = _bot_exposure(e, row, p, instrument)
        if total > limits.exposure_notional_max:
            return _too_much(row.name, total, limits.exposure_notional_max, instrument)
    return ""


def _too_much(name: str, total: Decimal, most: Decimal, instrument: Instrument) -> str:
    return f"worst case of {name} would be {text(total)} {instrument.quote}, over its limit of {text(most)}"


def _shared_exposure(
    e: Engine, market: Market, added: Decimal, limits: Limits, instrument: Instrument
) -> str:
    """The worst case of this market together with those of all others, on the desk and on the account."""
    of_desk, of_account = e.limits.desk.exposure_notional_max, limits.exposure_notional_max
    if not of_desk and not of_account:
        return ""
    account = account_of(market)
    prefix = account + ":"
    desk_total = account_total = added
    for name, other in worths(e):
        if name != market:
            desk_total += other.worst
            if name.startswith(prefix):
                account_total += other.worst
    if of_desk and desk_total > of_desk:
        return _too_much("desk", desk_total, of_desk, instrument)
    if of_account and account_total > of_account:
        return _too_much(account, account_total, of_account, instrument)
    return ""


def _bot_exposure(e: Engine, row: BotRow, p: Proposal, instrument: Instrument) -> Decimal:
    total = ZERO
    own = sign(p.side) * p.qty
    for slot in row.slots.values():
        worst = slot.position.qty
        for client_id in slot.orders:
            order = e.desk.order(client_id)
            if order is not None and order.side == p.side:
                worst += sign(order.side) * order.owed
        if slot.market == p.market:
            own += worst
        else:
            other = e.desk.instrument(slot.market)
            price = e.market(slot.market).reference
            if other is not None and price > 0:
                total += other.notional(worst, price)
    if own * sign(p.side) <= 0:
        return ZERO  # it only shrinks
    return total + instrument.notional(own, p.price)


# ── loss ────────────────────────────────────────────────────────────────────────────────────────


def _daily_loss(
    e: Engine, row: BotRow, p: Proposal, instrument: Instrument, applying: Sequence[tuple[str, Limits]]
) -> str:
    """No new risk after the day's loss; balancing and shrinking go on (they passed above already).

    Each limit is measured on what it is about: the desk, the account, the bot.
    """
    limited = [(name, limits) for name, limits in applying if limits.daily_loss_max]
    if not limited or p.role == "balance" or worst_case(e, p.market, p.side, p.qty) * sign(p.side) <= 0:
        return ""
    asset, account = instrument.settle, account_of(p.market)
    for name, limits in limited:
        if name == DESK:
            result = _today(e, e.desk.day_realised, asset) + unrealised(e, asset)
        elif name == BOT:
            result = _today(e, e.desk.day_of.get(row.name, {}), asset) + _open_profit(e, row, asset)
        else:
            result = _today(e, e.desk.day_of.get(account, {}), asset) + unrealised(e, asset, account)
        if -result >= limits.daily_loss_max:
            return f"{name}: the day's result of {text(result)} {asset} has reached the loss limit"
    return ""


def _today(e: Engine, realised: Mapping[str, Decimal], asset: str) -> Decimal:
    """What this day has realised: a new day begins with the clock, not with its first fill."""
    return realised.get(asset, ZERO) if e.desk.day == e.now_ns // DAY_NS else ZERO


def unrealised(e: Engine, asset: str, account: str = "") -> Decimal:
    """Open profit of everything our bots hold (of one account, or all) that is settled in this asset, at the
    reference prices."""
    found = [worth(e, market) for market in held(e) if not account or account_of(market) == account]
    return sum((one.profit for one in found if one is not None and one.settle == asset), ZERO)


def _open_profit(e: Engine, row: BotRow, asset: str) -> Decimal:
    """The same of one bot."""
    total = ZERO
    for slot in row.slots.values():
        instrument = e.desk.instrument(slot.market)
        price = e.market(slot.market).reference
        if slot.position.qty and instrument is not None and instrument.settle == asset and price > 0:
            total += slot.position.unrealised(instrument, price)
    return total
