"""`step`: one event in, records and effects out. Pure: no await, no clock, no randomness, no I/O.

    born(e, now_ns)          begins a life: writes LifeBegan and wakes everything that was in memory
    step(e, event, now_ns)   everything that ever happens afterwards
    next_ns(e)               when the next `Tick` is due

The records of a step are already folded into `e.desk` when it returns; the shell makes them durable before
it carries out the step's effects.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import localcontext
from typing import Any

from kedge.engine import errands, schedules
from kedge.engine.commands import hear_command
from kedge.engine.decide import settle_bots
from kedge.engine.effects import Watch
from kedge.engine.engine import MINUTE_NS, SECOND_NS, Engine, Out, park
from kedge.engine.listing import ask_list, at_edge, learn_instrument, listed, watch_session
from kedge.engine.orders import attend, hear_answer, hear_cash, hear_fill, hear_lookup, hear_order, look_after
from kedge.engine.reconcile import link_down, link_odd, link_up, report_failed, reported
from kedge.engine.reports import ask_report, fills_due, want_report
from kedge.engine.senses import TimerKey
from kedge.engine.sweeping import sweep, swept
from kedge.model import events as ev
from kedge.model import records as r
from kedge.model.instrument import account_of
from kedge.model.numbers import MONEY
from kedge.model.order import TRIGGERED

RESUBSCRIBE_NS = 30 * SECOND_NS
# What is kept for bots that look back: of each interval, and of each market.
BARS_KEPT = 1_000
TRADES_KEPT = 200


def born(e: Engine, now_ns: int, desk_id: int, cell: str, life: int) -> Out:
    """Begin a life. Every order of earlier lives that was not answered is UNKNOWN from here on."""
    e.out, e.now_ns = Out(), now_ns
    with localcontext(MONEY):
        _begin(e, desk_id, cell, life)
        settle_bots(e)
    return e.out


def _begin(e: Engine, desk_id: int, cell: str, life: int) -> None:
    if not e.desk.desk:
        e.write(r.DeskMade(desk=desk_id, cell=cell))
    assert life > e.desk.life, "a life is never lived twice"
    e.write(r.LifeBegan(life=life, version=e.version))
    for row in list(e.desk.bots.values()):
        said = e.embody(row)
        if said and row.phase not in ("stopped", "killed", "parked"):
            park(e, row, said)
        e.touch(row.name)
    for account in e.desk.accounts.values():
        for order in account.orders.values():
            if order.live:
                e.note_order(order)
            if account.name in e.links:
                look_after(e, order)
    _count_sent(e)
    errands.cut_off(e)
    schedules.arm(e, schedules.START_NS)


def _count_sent(e: Engine) -> None:
    """Orders per minute are counted across the end of a life."""
    orders = [o for account in e.desk.accounts.values() for o in account.orders.values()]
    for order in sorted(orders, key=lambda order: order.intent_ns):
        if order.intent_ns > e.now_ns - MINUTE_NS:
            e.count_sent(order.account, order.bot, order.intent_ns)
            if order.kind in TRIGGERED and (link := e.links.get(order.account)) is not None:
                link.stops_ns.append(order.intent_ns)


def step(e: Engine, event: ev.Event, now_ns: int) -> Out:
    # A clock that jumps back must not make time run backwards inside the engine.
    e.out, e.now_ns = Out(), max(now_ns, e.now_ns)
    with localcontext(MONEY):
        _HEAR[type(event)](e, event)
        settle_bots(e)
    return e.out


def next_ns(e: Engine) -> int | None:
    return e.timers.next_ns()


# ── time ────────────────────────────────────────────────────────────────────────────────────────


def _tick(e: Engine, event: ev.Tick) -> None:
    for key in e.timers.take_due(e.now_ns):
        _TIMERS[key[0]](e, key)


def _order_timer(e: Engine, key: TimerKey) -> None:
    attend(e, key[1])


def _bot_timer(e: Engine, key: TimerKey) -> None:
    e.touch(key[1])


def _report_timer(e: Engine, key: TimerKey) -> None:
    link = e.links.get(key[1])
    if link is not None:
        ask_report(e, link)


def _fills_timer(e: Engine, key: TimerKey) -> None:
    fills_due(e, key[1])


def _stale_timer(e: Engine, key: TimerKey) -> None:
    """The book may have grown too old since it was last heard: then those who watch it must know."""
    market = e.markets.get(key[1])
    link = e.links.get(account_of(key[1]))
    if market is None or link is None or market.lost:
        return
    stale_ns = market.heard_ns + link.rules.book_age_max_ns
    if stale_ns >= e.now_ns:
        e.timers.set(key, stale_ns + 1)
        return
    e.count("books stale")
    instrument = e.desk.instrument(key[1])
    shut = instrument is not None and instrument.sessions is not None and not instrument.is_open(e.now_ns)
    if link.up and market.watchers and not shut:  # outside a session nothing is to be heard
        # A connection can be healthy and yet deliver nothing: ask for the books again, and keep asking.
        e.act(Watch(link.account, link.watched, link.fed))
        e.timers.set(key, e.now_ns + RESUBSCRIBE_NS)
    e.touch_hearers(market)


def _session_timer(e: Engine, key: TimerKey) -> None:
    at_edge(e, key[1])


def _list_timer(e: Engine, key: TimerKey) -> None:
    link = e.links.get(key[1])
    if link is not None:
        ask_list(e, link)


def _schedule_timer(e: Engine, key: TimerKey) -> None:
    schedules.due(e, key[1], hear_command)


def _sweep_timer(e: Engine, key: TimerKey) -> None:
    link = e.links.get(key[1])
    if link is not None:
        sweep(e, link)


_TIMERS: dict[str, Callable[[Engine, TimerKey], None]] = {
    "order": _order_timer,
    "bot": _bot_timer,
    "report": _report_timer,
    "fills": _fills_timer,
    "stale": _stale_timer,
    "session": _session_timer,
    "list": _list_timer,
    "schedule": _schedule_timer,
    "sweep": _sweep_timer,
}


# ── markets ─────────────────────────────────────────────────────────────────────────────────────


def _book(e: Engine, event: ev.BookUpdate) -> None:
    market = e.market(event.market)
    was_fresh = e.fresh(market)
    same = market.bids == event.bids and market.asks == event.asks
    market.bids, market.asks, market.venue_ns = event.bids, event.asks, event.venue_ns
    market.heard_ns, market.lost = e.now_ns, ""
    if not was_fresh:  # watched or not: somebody may begin to watch before it is stale
        link = e.links.get(account_of(event.market))
        if link is not None:
            e.timers.set(("stale", event.market), e.now_ns + link.rules.book_age_max_ns + 1)
        watch_session(e, event.market)
    elif same:
        return
    e.touch_hearers(market)


def _book_lost(e: Engine, event: ev.BookLost) -> None:
    market = e.market(event.market)
    market.lost = event.why
    e.count("books lost")
    e.touch_hearers(market)


def _mark(e: Engine, event: ev.MarkUpdate) -> None:
    market = e.market(event.market)
    market.mark, market.index = event.mark, event.index
    market.last = event.last or market.last
    market.funding_rate = event.funding_rate


def _trades(e: Engine, event: ev.TradesSeen) -> None:
    market = e.market(event.market)
    market.trades.extend(event.trades)
    del market.trades[:-TRADES_KEPT]
    e.touch_hearers(market)


def _bars(e: Engine, event: ev.BarsSeen) -> None:
    """Bars are final: one that is known already is not taken again, and none is taken out of order."""
    market = e.market(event.market)
    kept = market.bars.setdefault(event.interval_ns, [])
    last_ns = kept[-1].start_ns if kept else -1
    fresh = [bar for bar in event.bars if bar.start_ns > last_ns]
    if not fresh:
        return
    kept.extend(fresh)
    del kept[:-BARS_KEPT]
    e.touch_hearers(market)


def _instrument(e: Engine, event: ev.InstrumentSeen) -> None:
    learn_instrument(e, event.account, event.instrument)


# ── accounts ────────────────────────────────────────────────────────────────────────────────────


def _reported(e: Engine, event: ev.Reported) -> None:
    reported(e, e.desk.account(event.account), event.report)


def _report_failed(e: Engine, event: ev.ReportFailed) -> None:
    report_failed(e, event.account, event.why)


def _order_news(e: Engine, event: ev.OrderNews) -> None:
    hear_order(e, e.desk.account(event.account), event.order)


def _fill_news(e: Engine, event: ev.FillNews) -> None:
    hear_fill(e, e.desk.account(event.account), event.fill)


def _cash_news(e: Engine, event: ev.CashNews) -> None:
    hear_cash(e, e.desk.account(event.account), event.cash)


def _balance_news(e: Engine, event: ev.BalanceNews) -> None:
    # Only what a report says is written; the stream's balances are for the eye.
    link = e.links.get(event.account)
    if link is not None:
        link.balances = event.balances


def _answered(e: Engine, event: ev.Answered) -> None:
    hear_answer(e, e.desk.account(event.account), event)


def _looked_up(e: Engine, event: ev.LookedUp) -> None:
    hear_lookup(e, e.desk.account(event.account), event)


def _outgrown(e: Engine, event: ev.Outgrown) -> None:
    e.count("outgrown")
    e.note("warn", f"{event.what}: {event.why}")
    for account in e.links:
        want_report(e, account, 0)


_HEAR: dict[type, Callable[[Engine, Any], None]] = {
    ev.Tick: _tick,
    ev.BookUpdate: _book,
    ev.BookLost: _book_lost,
    ev.MarkUpdate: _mark,
    ev.TradesSeen: _trades,
    ev.BarsSeen: _bars,
    ev.InstrumentSeen: _instrument,
    ev.LinkUp: link_up,
    ev.LinkDown: link_down,
    ev.LinkOdd: link_odd,
    ev.Reported: _reported,
    ev.ReportFailed: _report_failed,
    ev.OrderNews: _order_news,
    ev.FillNews: _fill_news,
    ev.CashNews: _cash_news,
    ev.BalanceNews: _balance_news,
    ev.Answered: _answered,
    ev.LookedUp: _looked_up,
    ev.Listed: listed,
    ev.CancelledAll: swept,
    ev.Command: hear_command,
    ev.ErrandDone: errands.done,
    ev.Outgrown: _outgrown,
}
