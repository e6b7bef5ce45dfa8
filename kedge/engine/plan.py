"""Wants against what is: the fewest requests that bring a slot from the one to the other.

One slot, one unresolved order. Where anything about the slot is not known for certain (an answer is out, a
fill was told of but not booked), nothing new is sent for it: filled + open + in flight never passes what
is wanted, at any moment, whatever the venue's amend means.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from kedge.engine.effects import Amend, Cancel, Place
from kedge.engine.engine import SECOND_NS, Engine
from kedge.engine.limits import Proposal, cut_to_limits, refusal
from kedge.engine.orders import look_after
from kedge.engine.reports import want_report
from kedge.engine.senses import BotNow, Link
from kedge.engine.state import BotRow, Order, Slot
from kedge.engine.turns import ends_itself, unable, waits_to_change
from kedge.engine.view import why_closed
from kedge.engine.wants import Rest, Target, Want
from kedge.model import records as r
from kedge.model.instrument import Instrument, account_of, symbol_of
from kedge.model.numbers import ONE, ZERO, text
from kedge.model.order import PRICED, TRIGGERED, Side, State, opposite, side_of, sign
from kedge.model.sentences import words_of
from kedge.model.venue import PlaceOrder

# A bot whose resting order stood in the way of another of ours holds back this long.
YIELD_NS = 2 * SECOND_NS
# A bot in whose way another order of ours stands looks again this often.
AGAIN_NS = SECOND_NS // 4
HALT_NS = 10 * SECOND_NS
REFUSED_AGAIN_NS = 60 * SECOND_NS
# An order that ends by itself is not placed for less than this.
LEAST_NS = SECOND_NS
# A venue that ends orders by itself has done so by then.
END_NS = 30 * SECOND_NS
ITS_TIME_IS_OVER = "its time is over"


def plan(e: Engine, row: BotRow, now: BotNow) -> None:
    """Bring every slot of one bot towards what it wants."""
    now.held.clear()
    for want in now.wants.values():
        said = _plan_slot(e, row, now, want)
        if said:
            now.held[want.slot] = said
    for slot in row.slots.values():
        if slot.orders and slot.name not in now.wants:
            withdraw(e, slot, "no longer wanted")


def withdraw(e: Engine, slot: Slot, why: str) -> None:
    """Cancel what stands; what is not known to stand is asked after instead.

    An amend under way is not waited for: whichever comes first at the venue, the order ends.
    """
    for client_id in slot.orders:
        order = e.desk.order(client_id)
        if order is not None and order.state is State.OPEN and order.change != "cancel":
            cancel(e, order, why)


def cancel(e: Engine, order: Order, why: str) -> None:
    link = e.links.get(order.account)
    if link is None or not link.up:
        return  # the reconcile after reconnecting comes back here
    if waits_to_change(e, order, link):
        return
    until = e.now_ns + link.rules.request_window_ns
    e.write(r.CancelIntent(client_id=order.client_id, valid_until_ns=until, why=why))
    e.act(
        Cancel(order.account, order.client_id, order.symbol, until, order.venue_id, order.kind in TRIGGERED)
    )
    look_after(e, order)


# ── one slot ────────────────────────────────────────────────────────────────────────────────────


def _plan_slot(e: Engine, row: BotRow, now: BotNow, want: Want) -> str:
    """Act for one slot; returns why nothing is sent although something is wanted, or ""."""
    slot = row.slots.get(want.slot)
    link = e.links.get(account_of(want.market))
    instrument = e.desk.instrument(want.market)
    if link is None:
        return f"there is no account {account_of(want.market)!r}"
    if instrument is None:
        return f"{want.market} is not known to the venue"
    order: Order | None = None
    if slot is not None:
        if slot.market != want.market:
            return f"slot {slot.name!r} has traded {slot.market}; use another slot for {want.market}"
        blocked, order = _look_at(e, slot)
        if blocked:
            if e.desk.killed:
                withdraw(e, slot, "the kill switch is on")
            return blocked
    if not link.ready:
        return f"{link.account}: {link.why}"
    if e.desk.killed and order is not None:
        withdraw(e, _must(slot), "the kill switch is on")
        return "the kill switch is on"
    if isinstance(want, Rest) and want.expires_ns:
        said = _has_its_time(e, row, slot, want, order, link)
        if said:
            return said
    if order is not None and instrument.rests(e.now_ns):
        return f"{want.market} {why_closed(instrument, e.now_ns)}"  # it stands, or has gone with the session
    said, rest = _as_rest(e, want, slot, instrument)
    if rest is not None and rest.role == "balance" and rest.price > 0:
        rest = _cut(e, row, rest, instrument)
    if rest is None:
        if order is not None:
            withdraw(e, _must(slot), said or "done")
        return said
    if rest.tif == "post_only" and not link.rules.post_only:
        rest = msgspec.structs.replace(rest, tif="gtc")  # the nearest thing that the venue has
    if order is None:
        return _place(e, row, now, slot, rest, instrument, link)
    if _stands(order, rest):
        return ""
    if _amendable(order, rest, link):
        return _amend(e, row, now, order, rest, instrument, link)
    cancel(e, order, rest.why or "wanted otherwise")
    return "replacing its order"


def _has_its_time(
    e: Engine, row: BotRow, slot: Slot | None, want: Rest, order: Order | None, link: Link
) -> str:
    """An order that is to end by itself: why nothing is done for it any more; "" while its time lasts.

    Where the venue ends such orders it is left to do so, and only afterwards cancelled after all.
    """
    left_ns = want.expires_ns - e.now_ns
    if left_ns > (0 if order is not None else LEAST_NS):
        e.timers.sooner(("bot", row.name), want.expires_ns)
        return ""
    if order is None:
        return ITS_TIME_IS_OVER
    if ends_itself(link.rules, order.kind) and order.expires_ns and e.now_ns < order.expires_ns + END_NS:
        e.timers.sooner(("bot", row.name), order.expires_ns + END_NS)
        return "its time is over: the venue ends it"
    withdraw(e, _must(slot), ITS_TIME_IS_OVER)
    return ITS_TIME_IS_OVER


def _look_at(e: Engine, slot: Slot) -> tuple[str, Order | None]:
    """The slot's one open order; or why the slot must wait."""
    found: Order | None = None
    for client_id in slot.orders:
        order = e.desk.order(client_id)
        if order is None:
            continue
        if order.state is State.UNKNOWN:
            return f"order {client_id} is UNKNOWN: asking the venue", None
        if order.state is State.PENDING:
            return "waiting for the venue's answer", None
        if order.told > order.filled:
            return f"{text(order.told - order.filled)} filled at the venue is still to be booked", None
        if order.change:
            return f"waiting for the {order.change}", None
        if order.tif in ("ioc", "fok") or order.kind == "market":
            return "waiting for its end: it does not rest", None
        if found is not None:
            withdraw(e, slot, "two orders in one slot")
            return "two orders in one slot: both are being cancelled", None
        found = order
    return "", found


def _must(slot: Slot | None) -> Slot:
    assert slot is not None
    return slot


# ── what is wanted, as one order ────────────────────────────────────────────────────────────────


def _as_rest(e: Engine, want: Want, slot: Slot | None, instrument: Instrument) -> tuple[str, Rest | None]:
    """A want as the one order that should stand now, cut to the venue's steps; None with a reason."""
    if isinstance(want, Target):
        return _target_as_rest(e, want, slot, instrument)
    price = _on_tick(instrument, want.side, want.price)
    trigger = _on_tick(instrument, want.side, want.trigger_price) if want.trigger_price else ZERO
    qty = instrument.tradable(want.qty, price or trigger or e.market(want.market).reference)
    if qty <= 0 or (price <= 0 and want.kind in PRICED):
        return ("less than the smallest order" if want.qty > 0 else ""), None
    if price == want.price and qty == want.qty and trigger == want.trigger_price:
        return "", want
    return "", Rest(
        slot=want.slot,
        market=want.market,
        side=want.side,
        price=price,
        qty=qty,
        kind=want.kind,
        tif=want.tif,
        role=want.role,
        reduce_only=want.reduce_only,
        trigger_price=trigger,
        trigger_by=want.trigger_by,
        quote=want.quote,
        keep=want.keep,
        expires_ns=want.expires_ns,
        why=want.why,
    )


def _cut(e: Engine, row: BotRow, rest: Rest, instrument: Instrument) -> Rest:
    """The part of a balancing order that the limits of one order let through now."""
    whole = Proposal(rest.market, rest.side, rest.qty, rest.price, rest.role)
    qty, price = cut_to_limits(e, row, whole, instrument)
    if (qty, price) == (rest.qty, rest.price):
        return rest
    return msgspec.structs.replace(rest, qty=qty, price=price)


def _on_tick(instrument: Instrument, side: Side, price: Decimal) -> Decimal:
    """Never worse than was asked: buys are rounded down, sells up."""
    return instrument.price_at_most(price) if side == "buy" else instrument.price_at_least(price)


def _target_as_rest(
    e: Engine, want: Target, slot: Slot | None, instrument: Instrument
) -> tuple[str, Rest | None]:
    rest = want.net - (slot.tally.net if slot else ZERO)
    if rest == 0:
        return "", None
    side = side_of(rest)
    market = e.market(want.market)
    if not e.fresh(market) or not market.bids or not market.asks:
        return f"{want.market}: no fresh book", None
    crossing = want.how == "cross"
    facing = market.asks if (side == "buy") == crossing else market.bids
    price = facing[0].price
    if crossing:
        price = price * (ONE + sign(side) * want.slip)
    if want.limit_price and (price - want.limit_price) * sign(side) > 0:
        price = want.limit_price
    price = _on_tick(instrument, side, price)
    if price <= 0:
        return "no price at which to trade", None
    qty = instrument.tradable(abs(rest), price)
    if qty <= 0:
        return f"{text(rest)} is less than the smallest order", None
    return "", Rest(
        slot=want.slot,
        market=want.market,
        side=side,
        price=price,
        qty=qty,
        tif="ioc" if crossing else "gtc",
        role=want.role,
        reduce_only=want.reduce_only,
        why=want.why or f"{text(want.net)} wanted, {text(want.net - rest)} done",
    )


def _stands(order: Order, rest: Rest) -> bool:
    return (
        order.price == rest.price
        and order.leaves == rest.qty
        and order.side == rest.side
        and order.kind == rest.kind
        and order.tif == rest.tif
        and order.trigger_price == rest.trigger_price
        and order.expires_ns == rest.expires_ns
    )


def _amendable(order: Order, rest: Rest, link: Link) -> bool:
    """Only a new price of the same remainder: harmless however late it takes effect and whatever fills."""
    return (
        link.rules.amend == "in_place"
        and order.kind == "limit"
        and rest.kind == "limit"
        and order.side == rest.side
        and order.tif == rest.tif
        and order.leaves == rest.qty
        and order.price != rest.price
    )


# ── placing and amending ────────────────────────────────────────────────────────────────────────


def _gate(e: Engine, row: BotRow, now: BotNow, rest: Rest, instrument: Instrument, amended: bool) -> str:
    """Everything that may stand between a want and a request."""
    market = e.market(rest.market)
    if not instrument.is_open(e.now_ns):
        if instrument.status == "halted":
            want_report(e, account_of(rest.market), HALT_NS)  # where nothing tells us that it has ended
        return f"{rest.market} {why_closed(instrument, e.now_ns)}"
    # The price of a kept order was made without a book, and waits for its trigger at the venue.
    if not e.fresh(market) and not (rest.keep and rest.trigger_price):
        return f"{rest.market}: stale book ({market.lost or 'too old'})"
    counted = rest.price or rest.trigger_price or market.reference
    proposal = Proposal(rest.market, rest.side, rest.qty, counted, rest.role, amended, rest.trigger_price)
    said = refusal(e, row, now, proposal, instrument)
    if said:
        _write_refusal(e, row, now, rest, said)
        return said
    return _own_order_in_the_way(e, row, rest)


def _write_refusal(e: Engine, row: BotRow, now: BotNow, rest: Rest, said: str) -> None:
    last, at_ns = now.refused.get(rest.slot, ("", 0))
    e.count("refusals")
    same = words_of(said)  # a refusal that moves with the price is still the same refusal
    if same == last and e.now_ns - at_ns < REFUSED_AGAIN_NS:
        return
    now.refused[rest.slot] = (same, e.now_ns)
    if rest.role == "balance":
        e.note("alarm", f"{rest.slot}: cannot be evened out: {said}", row.name)
    e.write(
        r.Refused(
            bot=row.name,
            slot=rest.slot,
            market=rest.market,
            side=rest.side,
            qty=rest.qty,
            price=rest.price,
            reason=said,
        )
    )


def _own_order_in_the_way(e: Engine, row: BotRow, rest: Rest) -> str:
    """Our own bots do not trade with each other: the one that would be hit makes way."""
    open_now = e.desk.open.get(rest.market)
    facing = ZERO
    if open_now is not None:
        facing = open_now.sell if rest.side == "buy" else open_now.buy
    if facing == 0 or (rest.kind != "limit" and rest.trigger_price):
        return ""
    account = e.desk.accounts[account_of(rest.market)]
    for other in e.crossable(rest.market, opposite(rest.side)):
        order = account.orders[other]
        crosses = rest.kind == "market" or not order.price
        crosses = crosses or (rest.price - order.price) * sign(rest.side) >= 0
        if not crosses or not order.live or order.trigger_price:
            continue
        e.timers.sooner(("bot", row.name), e.now_ns + AGAIN_NS)  # its end is no news to this bot
        if rest.tif == "post_only":
            return f"would meet our own order {other}"
        _make_way(e, order)
        return f"our own order {other} is making way"
    return ""


def _make_way(e: Engine, order: Order) -> None:
    bot = e.bots.get(order.bot)
    if bot is not None:
        bot.yielding[order.slot] = e.now_ns + YIELD_NS
        e.timers.sooner(("bot", order.bot), e.now_ns + YIELD_NS)
    if order.state is State.OPEN and not order.change:
        cancel(e, order, "making way for another of our orders")


def _why_held_back(slot: Slot | None, now: BotNow, name: str) -> str:
    if slot is None or not slot.rejects:
        return "making way for another order"
    why = now.refusals.get(name, "")
    return "refused by the venue, and tried again later" + (f": {why}" if why else "")


def _place(
    e: Engine, row: BotRow, now: BotNow, slot: Slot | None, rest: Rest, instrument: Instrument, link: Link
) -> str:
    hold_ns = max(slot.hold_until_ns if slot else 0, now.yielding.get(rest.slot, 0))
    if hold_ns > e.now_ns:
        e.timers.sooner(("bot", row.name), hold_ns)
        return _why_held_back(slot, now, rest.slot)
    said = _gate(e, row, now, rest, instrument, amended=False) or unable(e, row, rest, instrument, link)
    if said:
        return said
    market = e.market(rest.market)
    touch = market.asks if rest.side == "buy" else market.bids
    traded = ZERO
    if slot is not None:
        traded = slot.tally.bought if rest.side == "buy" else slot.tally.sold
    intent = r.Intent(
        client_id=e.mint(row.number),
        bot=row.name,
        slot=rest.slot,
        market=rest.market,
        side=rest.side,
        qty=rest.qty,
        price=rest.price if rest.kind != "market" else ZERO,
        valid_until_ns=e.now_ns + link.rules.request_window_ns,
        kind=rest.kind,
        tif=rest.tif,
        role=rest.role,
        reduce_only=_reduce_only(e, rest, instrument, link),
        trigger_price=rest.trigger_price,
        trigger_by=rest.trigger_by,
        quote=rest.quote and rest.tif == "post_only",
        slot_total=traded + rest.qty,
        touch=touch[0].price if touch else ZERO,
        why=rest.why,
        expires_ns=rest.expires_ns,
    )
    if link.account in e.desk.sweeps:  # what is new must not be cancelled with the old
        e.write(r.CancelAllEnded(account=link.account, says="a bot places orders again"))
    if rest.kind in TRIGGERED and link.rules.stops_per_min:
        link.stops_ns.append(e.now_ns)
    e.write(intent)
    e.note_order(intent)
    e.count_sent(link.account, row.name, e.now_ns)
    e.act(Place(link.account, place_order(intent), urgent=rest.role == "balance", early=intent.quote))
    order = e.desk.order(intent.client_id)
    assert order is not None
    look_after(e, order)
    return ""


def _reduce_only(e: Engine, rest: Rest, instrument: Instrument, link: Link) -> bool:
    """Venue-side reduce-only is set only where there is such a thing, and the account's own net allows it."""
    if not rest.reduce_only or not link.rules.reduce_only or instrument.kind == "spot":
        return False
    open_now = e.desk.open.get(rest.market)
    owed = ZERO
    if open_now is not None:
        owed = open_now.buy if rest.side == "buy" else open_now.sell
    return e.desk.net(rest.market) * -sign(rest.side) >= owed + rest.qty


def place_order(intent: r.Intent) -> PlaceOrder:
    return PlaceOrder(
        client_id=intent.client_id,
        symbol=symbol_of(intent.market),
        side=intent.side,
        qty=intent.qty,
        price=intent.price,
        kind=intent.kind,
        tif=intent.tif,
        reduce_only=intent.reduce_only,
        trigger_price=intent.trigger_price,
        trigger_by=intent.trigger_by,
        valid_until_ns=intent.valid_until_ns,
        expires_ns=intent.expires_ns,
    )


def _amend(
    e: Engine, row: BotRow, now: BotNow, order: Order, rest: Rest, instrument: Instrument, link: Link
) -> str:
    said = _gate(e, row, now, rest, instrument, amended=True)
    if said:
        # Not allowed there; where it stands is no longer wanted either.
        cancel(e, order, said)
        return said
    until = e.now_ns + link.rules.request_window_ns
    e.write(
        r.AmendIntent(
            client_id=order.client_id, price=rest.price, qty=order.qty, valid_until_ns=until, why=rest.why
        )
    )
    e.act(Amend(order.account, order.client_id, order.symbol, rest.price, order.qty, until))
    look_after(e, order)
    return ""
