"""News of orders: reports, fills, answers, lookups. All of it ends in a record or changes nothing.

Nothing here believes a word twice: fills are booked by execution id, states move along the table, and an
answer that contradicts what is known leads to a question, not to a guess.
"""

from __future__ import annotations

from msgspec.structs import replace

from kedge.engine.apply import owner_of
from kedge.engine.claims import gives_way, two_hold
from kedge.engine.effects import Cancel, Lookup
from kedge.engine.engine import SECOND_NS, Engine, order_key
from kedge.engine.naming import ask_of, burnt_its_key, is_anothers, meant_by, nameless_stop
from kedge.engine.refusals import remember_refusal, tell_refusal
from kedge.engine.reports import ASK_FIRST_NS, check_fills, want_report
from kedge.engine.senses import Care
from kedge.engine.state import Account, Order
from kedge.engine.turns import held_back
from kedge.model import records as r
from kedge.model.events import Answered, LookedUp
from kedge.model.ids import read
from kedge.model.numbers import ZERO, text
from kedge.model.order import TERMINAL, TRIGGERED, Move, State, move
from kedge.model.venue import Answer, Cash, Fill, OrderReport

# How long news on the stream may take after an acknowledged request before we ask.
NEWS_NS = 2 * SECOND_NS
ASK_MOST_NS = 30 * SECOND_NS
# After a fill of a symbol that nobody has listed yet.
UNLISTED_NS = 2 * SECOND_NS

_MOVES = {
    State.OPEN: Move.SEEN,
    State.FILLED: Move.FILL_ALL,
    State.CANCELLED: Move.CANCEL,
    State.EXPIRED: Move.EXPIRE,
    State.REJECTED: Move.REJECT,
}


# ── reports and fills ───────────────────────────────────────────────────────────────────────────


def hear_order(e: Engine, account: Account, report: OrderReport) -> None:
    """One order as the venue describes it, from wherever."""
    order = meant_by(account, report)
    if order is not None and burnt_its_key(e, order, report):
        e.count("burnt keys shown")
    elif order is not None:
        learn(e, order, report)
    elif report.state is State.OPEN:
        _hear_stranger(e, account, report)


def learn(e: Engine, order: Order, report: OrderReport) -> None:
    """Take what is new in a report of our order; old news and repeats change nothing."""
    care = e.cares.get(order.client_id)
    if care is not None:
        care.missing_ns = 0  # the venue shows it: whoever did not find it asked too early
        care.burns = False
    learnt = _MOVES[report.state]
    if learnt is Move.REJECT and max(order.told, report.cum_qty) > 0:
        learnt = Move.CANCEL  # part of it traded: whatever the venue calls it, it is not "never placed"
    stamp = report.version or report.venue_ns
    stale = stamp < order.version
    after = move(order.state, learnt)
    if stale and learnt is Move.SEEN:
        after = order.state if order.state is not State.UNKNOWN else after
    if learnt is Move.SEEN and order.state is State.REJECTED and stamp <= order.version:
        after = order.state  # the acknowledgement before the refusal, come late
    price = report.price if _tells_price(order, report, stale) else None
    qty = report.qty if report.state is State.OPEN and not stale and report.qty != order.qty else None
    new = (after is not None and after != order.state) or report.cum_qty > order.told
    new = new or price is not None or qty is not None or (order.venue_id == "" != report.venue_id)
    if after is None or not new:
        e.count("reports repeated")
    else:
        was_lost = order.state in (State.LOST, State.REJECTED)
        e.write(
            r.OrderMoved(
                client_id=order.client_id,
                move=learnt,
                cum_qty=report.cum_qty,
                venue_id=report.venue_id,
                price=price,
                qty=qty,
                reason=report.reason,
                version=stamp,
                due=was_due(e, order, learnt),
            )
        )
        if was_lost and order.live:
            e.note_order(order)
            e.note("alarm", f"order {order.client_id} is live though it was concluded absent", order.bot)
        if order.state in TERMINAL and order.told < order.qty and learnt is not Move.REJECT:
            check_fills(e, order.account)
        e.touch(order.bot)
        unwanted = learnt in (Move.REJECT, Move.CANCEL, Move.EXPIRE) and not was_due(e, order, learnt)
        if report.reason and order.told == 0 and unwanted:
            remember_refusal(e, order, report.reason)
    if order.change == "amend" and report.state is State.OPEN and not stale and report.price == order.price:
        _amend_shown(e, order, report)
    look_after(e, order)


def was_due(e: Engine, order: Order, learnt: Move) -> bool:
    """Whether an order's end was to be expected, and is nobody's refusal: its time was over, or a session."""
    if learnt not in (Move.CANCEL, Move.EXPIRE):
        return False
    if order.expires_ns and e.now_ns >= order.expires_ns - SECOND_NS:
        return True
    link, instrument = e.links.get(order.account), e.desk.instrument(order.market)
    if link is None or instrument is None or not link.rules.day_orders or order.kind in TRIGGERED:
        return False
    closes_ns = instrument.closes_ns(order.intent_ns)
    return instrument.sessions is not None and closes_ns <= e.now_ns + SECOND_NS


def _amend_shown(e: Engine, order: Order, report: OrderReport) -> None:
    """The venue shows the price that was asked for: done, once the answer is here too. That one could be
    taken for the answer to the next change."""
    stamp = report.version or report.venue_ns
    if stamp > order.version:
        # What was said before this is old news from here on.
        moved = r.OrderMoved(
            client_id=order.client_id,
            move=Move.SEEN,
            cum_qty=report.cum_qty,
            price=order.price,
            version=stamp,
        )
        e.write(moved)
    care = e.cares.setdefault(order.client_id, Care())
    care.shown = True
    if care.taken:
        _settle(e, order, "done", "shown by the venue")
        e.touch(order.bot)


def _tells_price(order: Order, report: OrderReport, stale: bool) -> bool:
    """A live order's price is the venue's to say, except while our own amend of it is under way."""
    return (
        report.state is State.OPEN and not stale and order.change != "amend" and report.price != order.price
    )


def _hear_stranger(e: Engine, account: Account, report: OrderReport) -> None:
    """A live order that the journal does not know.

    Ours by its id: a quote that left with its record, and the record was lost. It is cancelled. Anything
    else belongs to somebody else on the account; it is counted and left alone.
    """
    made_by = read(report.client_id)
    link = e.links[account.name]
    if made_by is None or made_by.desk != e.desk.desk:
        e.count("orders of others seen")
        return
    e.note(
        "warn", f"cancelling {report.client_id}: our id, but the journal does not know it", "", account.name
    )
    until = e.now_ns + link.rules.request_window_ns
    e.act(Cancel(account.name, report.client_id, report.symbol, until, report.venue_id))


def hear_fill(e: Engine, account: Account, fill: Fill) -> None:
    if fill.exec_id in account.seen:
        return
    if fill.venue_ns < account.horizon_ns:
        e.count("fills too old")
        e.note(
            "alarm", f"fill {fill.exec_id} is older than the ledger remembers; not booked", "", account.name
        )
        return
    if fill.symbol not in account.instruments:
        _await_instrument(e, account, fill)
        return
    fill = _named(account, fill)
    if fill.client_id not in account.orders and nameless_stop(e, account, fill.symbol, fill) is not None:
        # Whose it is will be known when that one's doubt has ended; a report tells it again.
        e.count("fills before their orders")
        want_report(e, account.name, e.links[account.name].rules.visibility_ns)
        return
    bot, slot = owner_of(e.desk, account, fill.client_id, fill.symbol)
    order = account.orders.get(fill.client_id)
    surprise = order is not None and order.state in (State.LOST, State.REJECTED)
    late = order is not None and order.state in TERMINAL and not surprise
    e.write(r.Filled(account=account.name, fill=fill, bot=bot, slot=slot))
    e.links[account.name].filled_ns = e.now_ns
    e.count("fills late" if late else "fills")
    if surprise:
        e.note("alarm", f"order {fill.client_id} filled though it was concluded absent", bot)
    if fill.kind != "trade":
        e.note("alarm", f"{fill.kind} of {fill.qty} {fill.symbol} at {fill.price}", bot, account.name)
    if bot:
        _wake_ended(e, bot, fill)
        e.touch(bot)
    if order is not None:
        look_after(e, order)


def _await_instrument(e: Engine, account: Account, fill: Fill) -> None:
    """A report brings the instrument, and this fill again. Where none ever does (the venue no longer lists
    it, or not yet), asking without a pause would be all that the account does."""
    waits = f"fills of {account.name}:{fill.symbol} without an instrument"
    if waits not in e.counts:
        says = f"{fill.symbol} traded, and the venue does not list it: not booked until it does"
        e.note("warn", says, "", account.name)
    e.count(waits)
    want_report(e, account.name, UNLISTED_NS)


def _named(account: Account, fill: Fill) -> Fill:
    """Some venues list trades under their own order number only, or under the name that somebody's cancel
    gave the order; an order of ours may know that number."""
    if fill.client_id in account.orders or not fill.venue_id:
        return fill
    for order in account.orders.values():
        if order.venue_id == fill.venue_id and order.symbol == fill.symbol:
            return replace(fill, client_id=order.client_id)
    return fill


def _wake_ended(e: Engine, bot: str, fill: Fill) -> None:
    """A fill after the end opens a leg again: the bot goes on balancing, and people are told."""
    row = e.desk.bots[bot]
    if row.phase == "stopped":
        e.write(r.BotPhased(bot=bot, phase="stopping", why="woken by a late fill"))
        e.count("woken by late fills")
        e.note("warn", f"a late fill of {text(fill.qty)} {fill.symbol} woke it", bot)
        if (holder := gives_way(e, row)) is not None:
            e.note("alarm", two_hold(row, holder), bot)
    elif row.phase in ("parked", "killed") and fill.kind == "trade":
        e.note("alarm", f"{text(fill.qty)} {fill.symbol} filled while it is {row.phase}", bot)
    else:
        e.calm(bot)


def hear_cash(e: Engine, account: Account, cash: Cash) -> None:
    if "cash:" + cash.cash_id not in account.seen and cash.venue_ns >= account.horizon_ns:
        e.write(r.CashMoved(account=account.name, cash=cash))


# ── answers to our requests ─────────────────────────────────────────────────────────────────────


def hear_answer(e: Engine, account: Account, heard: Answered) -> None:
    e.count(f"{heard.request} {heard.answer}")
    order = account.orders.get(heard.client_id)
    if order is None:
        return  # the cancel of a stranger: the next report says whether it worked
    if heard.order is not None:
        learn(e, order, heard.order)
    if heard.request == "place":
        _placed(e, order, heard)
    else:
        _changed(e, order, heard)
    look_after(e, order)
    e.touch(order.bot)


def _placed(e: Engine, order: Order, heard: Answered) -> None:
    if heard.answer in (Answer.ACCEPTED, Answer.DONE):
        if order.state in (State.PENDING, State.UNKNOWN):
            _moved(e, order, Move.SEEN, heard.reason)
        elif order.state is State.LOST:
            want_report(e, order.account, 0)  # an answer later than every bound: what is true now?
    elif heard.answer is Answer.REJECTED:
        untouched = order.state in (State.PENDING, State.UNKNOWN) and order.told == 0 and not order.venue_id
        if untouched:
            if held_back(e, order, heard.retry_ns):
                _moved(e, order, Move.REJECT, heard.reason, due=True)
            else:
                _moved(e, order, Move.REJECT, heard.reason)
                tell_refusal(e, order, heard.reason)
        elif order.live:
            _moved(e, order, Move.SILENCE, heard.reason)  # refused, yet seen: only the venue can say
    elif order.state is State.PENDING:
        _moved(e, order, Move.SILENCE, heard.reason)


def _changed(e: Engine, order: Order, heard: Answered) -> None:
    if order.change != heard.request or order.state in TERMINAL:
        return
    if heard.answer is Answer.UNKNOWN:
        _settle(e, order, "silent", heard.reason)
    elif heard.answer is Answer.REJECTED:
        instrument = e.desk.instrument(order.market)
        if instrument is not None and instrument.rests(e.now_ns):
            e.cares.setdefault(order.client_id, Care()).shut = True
        # "Refused" never means alive and never means dead: the order itself is asked after, and only
        # then is the same thing asked for again.
        certain = heard.unsent or held_back(e, order, heard.retry_ns)
        _settle(e, order, "refused" if certain else "silent", heard.reason)
    elif order.change == "amend":
        care = e.cares.setdefault(order.client_id, Care())
        care.taken = True
        if heard.answer is Answer.DONE or care.shown:
            _settle(e, order, "done", heard.reason)


def _moved(e: Engine, order: Order, learnt: Move, reason: str, due: bool = False) -> None:
    if move(order.state, learnt) is not None:
        e.write(r.OrderMoved(client_id=order.client_id, move=learnt, cum_qty=ZERO, reason=reason, due=due))


def _settle(e: Engine, order: Order, result: r.ChangeResult, reason: str = "") -> None:
    care = e.cares.setdefault(order.client_id, Care())
    if result != "silent":
        care.taken = care.shown = False
        care.refused = care.refused + 1 if result == "refused" else 0
    request: r.Change = "amend" if order.change == "amend" else "cancel"
    e.write(r.ChangeSettled(client_id=order.client_id, request=request, result=result, reason=reason))


# ── asking after orders ─────────────────────────────────────────────────────────────────────────


def look_after(e: Engine, order: Order) -> None:
    """Set the order's next timer by what is still open about it; drop it when nothing is."""
    if order.settled:
        if e.cares.pop(order.client_id, None) is not None:
            e.timers.drop(("order", order.client_id))
        return
    link = e.links.get(order.account)
    if link is None:
        return  # the account is no longer among the settings: there is nobody to ask
    if order.state is State.UNKNOWN or order.change_silent:
        e.care(order, _wait_ns(e, order))
    elif order.state is State.PENDING:
        e.care(order, order.valid_until_ns - e.now_ns + link.rules.skew_ns + NEWS_NS)
    elif order.change or order.told > order.filled or order.tif in ("ioc", "fok") or order.kind == "market":
        e.care(order, max(NEWS_NS, _wait_ns(e, order)))
    else:
        _at_peace(e, order)


def _at_peace(e: Engine, order: Order) -> None:
    """It rests and nothing about it is open: no more questions, and the next doubt is asked about at once."""
    care = e.cares.get(order.client_id)
    if care is not None and not care.missing_ns:
        care.asks = care.refused
        e.timers.drop(order_key(order))


def attend(e: Engine, client_id: str) -> None:
    """The order's timer has come: ask what needs asking, less often each time."""
    order = e.desk.order(client_id)
    if order is None or order.settled:
        e.cares.pop(client_id, None)
        return
    care = e.cares.setdefault(client_id, Care())
    link = e.links.get(order.account)
    if link is None or not link.up:
        e.care(order, ASK_MOST_NS)  # the reconcile after reconnecting asks anyway
        return
    if order.state is State.PENDING and e.now_ns > order.valid_until_ns:
        _moved(e, order, Move.SILENCE, "no answer came")
        e.touch(order.bot)
    if order.told > order.filled:
        want_report(e, order.account, 0)
    if order.live and not care.asking:
        care.asking = True
        e.act(Lookup(order.account, ask_of(e, order, burn=care.burns)))
    care.asks += 1
    e.care(order, _wait_ns(e, order))


def _wait_ns(e: Engine, order: Order) -> int:
    """Each question about one order waits twice as long as the one before, up to a bound."""
    asks = e.cares.setdefault(order.client_id, Care()).asks
    return min(ASK_FIRST_NS << min(asks, 7), ASK_MOST_NS)


def hear_lookup(e: Engine, account: Account, found: LookedUp) -> None:
    order = account.orders.get(found.client_id)
    care = e.cares.get(found.client_id)
    if care is not None:
        care.asking = False
    if order is None:
        return
    if found.error:
        look_after(e, order)
    elif found.order is not None and not is_anothers(account, order, found.order):
        if care is not None:
            care.missing_ns = 0
        _found(e, account, order, found.order, found.asked_ns)
    elif found.burnt:
        _burnt(e, order)
    else:
        _not_found(e, account, order, found.asked_ns)
    e.touch(order.bot)


def _found(e: Engine, account: Account, order: Order, report: OrderReport, asked_ns: int) -> None:
    link = e.links[account.name]
    learn(e, order, report)
    # An amend whose answer was lost is over when the venue can no longer carry it out. A cancel may
    # simply be asked for again.
    over = order.change_until_ns + link.rules.skew_ns + link.rules.visibility_ns
    if order.change == "cancel":
        over = 0 if order.change_silent else order.change_until_ns
    if order.change and order.live and report.state is State.OPEN and asked_ns > over:
        if order.change == "amend" and report.price != order.price:
            e.write(
                r.OrderMoved(
                    client_id=order.client_id,
                    move=Move.SEEN,
                    cum_qty=report.cum_qty,
                    price=report.price,
                    version=report.version or report.venue_ns,
                )
            )
        _settle(e, order, "done" if order.change == "amend" else "refused", "as found by lookup")
    elif order.change == "amend" and report.state is State.OPEN and report.price == order.price:
        _settle(e, order, "done", "as found by lookup")
    look_after(e, order)


def _not_found(e: Engine, account: Account, order: Order, asked_ns: int) -> None:
    """Absence proves something only after the last moment at which the order could have appeared."""
    rules = e.links[account.name].rules
    if not order.live:
        return
    never_seen = not order.venue_id and order.told == 0
    last_moment = order.valid_until_ns + rules.skew_ns + rules.visibility_ns
    if never_seen and order.state is not State.OPEN:
        if asked_ns > last_moment:
            if rules.bounded:
                _absent(e, order, "not found after the last moment it could take effect")
            elif rules.burns:
                # No moment is the last one here. The next question uses the key up instead.
                e.cares.setdefault(order.client_id, Care()).burns = True
        look_after(e, order)
        if order.live and asked_ns <= last_moment:
            e.care(order, last_moment - e.now_ns + ASK_FIRST_NS)
        return
    if asked_ns <= order.intent_ns + rules.visibility_ns + rules.skew_ns:
        look_after(e, order)  # so young that a lookup may not show it yet
        return
    # It existed and the venue no longer shows it: the fills decide, so ask for the whole account.
    care = e.cares.setdefault(order.client_id, Care())
    care.missing_ns = max(care.missing_ns, asked_ns)
    want_report(e, account.name, 0)
    e.care(order, ASK_MOST_NS)


def _burnt(e: Engine, order: Order) -> None:
    """Its key is used up by something that cannot live, so the order itself can never be."""
    if order.live and not order.venue_id and order.told == 0 and order.state is not State.OPEN:
        _absent(e, order, "its key was used up before it could take effect")
    look_after(e, order)


def _absent(e: Engine, order: Order, why: str) -> None:
    e.write(r.OrderMoved(client_id=order.client_id, move=Move.ABSENT, cum_qty=ZERO, reason=why))
    e.count("orders absent")
