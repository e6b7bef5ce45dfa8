"""Reconcile: the account's own truth against ours. Start, reconnect and hourly audit are this one function.

Differences become ordinary news (fills to book, orders to learn about or to ask after), so there is no
second way in which anything comes to be known. The desk never trades to make the books agree: what others
did on the account is written down as such.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from kedge.engine.engine import AUDIT_EVERY_NS, SECOND_NS, Engine
from kedge.engine.listing import learn_instrument, list_later, watch_sessions
from kedge.engine.naming import nameless_stop
from kedge.engine.orders import attend, hear_cash, hear_fill, hear_order, was_due
from kedge.engine.reports import ask_report, check_fills, want_report
from kedge.engine.senses import Care, Link
from kedge.engine.stashes import look as look_at_stashes
from kedge.engine.state import Account
from kedge.engine.sweeping import look as look_what_is_left
from kedge.model import records as r
from kedge.model.events import LinkDown, LinkOdd, LinkUp
from kedge.model.instrument import account_of, symbol_of
from kedge.model.numbers import ZERO
from kedge.model.order import Move, State
from kedge.model.sentences import not_listed, words_of
from kedge.model.venue import AccountReport

RETRY_FIRST_NS = SECOND_NS
RETRY_MOST_NS = 30 * SECOND_NS
# A difference must stand this long, over two reports, before it is written down as what others did.
DOUBT_NS = 3 * SECOND_NS


def link_up(e: Engine, heard: LinkUp) -> None:
    link = e.links[heard.account]
    link.rules, link.up, link.ready, link.ups = heard.rules, True, False, link.ups + 1
    link.why, link.since_ns, link.failures = "asking the venue", e.now_ns, 0
    link.asking, link.watched, link.fed, link.stopped, link.odd = False, (), (), False, ""
    link.listing = False
    e.calm(heard.account)
    e.note("info", "connected; asking the venue before anything else", "", heard.account)
    e.resubscribe()
    ask_report(e, link)


def link_down(e: Engine, heard: LinkDown) -> None:
    """Stale is closed: nothing new is risked on this account until the next reconcile."""
    link = e.links[heard.account]
    was_up, known = link.up, link.why
    link.up, link.ready, link.asking = False, False, False
    link.why, link.since_ns, link.stopped = heard.why, e.now_ns, heard.stopped
    for care in e.cares.values():
        care.asking = False
    if heard.stopped:
        says = f"{heard.why}; not tried again until `kedge reconnect {heard.account}`"
        e.note("alarm", says, "", heard.account)
    elif was_up:
        e.note("warn", f"disconnected: {heard.why}", "", heard.account)
    elif words_of(heard.why) != words_of(known):
        e.note("warn", f"not connected: {heard.why}", "", heard.account)
    if was_up:
        touch_account(e, heard.account)


def link_odd(e: Engine, heard: LinkOdd) -> None:
    link = e.links[heard.account]
    # A clock that wanders, or a limit that is used up more and more, is said once.
    known, says = (words_of(said) for said in (link.odd, heard.says))
    if says and says != known:
        e.note("warn", heard.says, "", heard.account)
    link.odd = heard.says


def report_failed(e: Engine, account: str, why: str) -> None:
    link = e.links[account]
    link.asking = False
    link.failures += 1
    link.why = why
    wait_ns = min(RETRY_FIRST_NS << min(link.failures - 1, 5), RETRY_MOST_NS)
    e.timers.sooner(("report", account), e.now_ns + wait_ns)


def reported(e: Engine, account: Account, report: AccountReport) -> None:
    link = e.links[account.name]
    if not link.asking:
        return  # the answer to a question of an earlier connection
    link.asking = False
    report = _by_our_ids(account, report)
    for instrument in report.instruments:
        learn_instrument(e, account.name, instrument)
    before = account.newest_ns, len(account.seen)
    for fill in sorted(report.fills, key=lambda fill: fill.venue_ns):
        hear_fill(e, account, fill)
    for cash in report.cash:
        hear_cash(e, account, cash)
    quiet = before == (account.newest_ns, len(account.seen))
    shown = {o.client_id: None for o in report.open_orders if o.client_id}
    for order in report.open_orders:
        hear_order(e, account, order)
    if report.balances != account.balances:
        e.write(r.BalancesSeen(account=account.name, balances=report.balances))
    link.balances = report.balances
    if report.clipped:
        said = (
            "the venue no longer keeps all fills since we last asked; differences are booked as others' doing"
        )
        e.note("alarm", said, "", account.name)
    if not report.complete:
        report_failed(e, account.name, "the account's report was incomplete")
        return
    if report.asked_ns < link.since_ns:
        # It adds what it knows; what happened while the line was cut it cannot know.
        report_failed(e, account.name, "the report was asked for before the line was cut")
        return
    if report.cursor != account.cursor:
        e.write(r.CursorMoved(account=account.name, cursor=report.cursor, venue_ns=account.newest_ns))
    _ask_after_missing(e, account, link, report, shown)
    _compare_positions(e, account, link, report, quiet)
    _now_ready(e, link)
    look_what_is_left(e, account, report)
    look_at_stashes(e, account, report)


def _by_our_ids(account: Account, report: AccountReport) -> AccountReport:
    """Where the venue names an order by its own number only, and the order is ours: our id for it."""
    if all(order.client_id for order in report.open_orders):
        return report
    ours = {(o.symbol, o.venue_id): o.client_id for o in account.orders.values() if o.venue_id}
    named = tuple(
        o if o.client_id else replace(o, client_id=ours.get((o.symbol, o.venue_id), ""))
        for o in report.open_orders
    )
    return replace(report, open_orders=named)


def _now_ready(e: Engine, link: Link) -> None:
    link.reported_ns, link.failures = e.now_ns, 0
    e.timers.sooner(("report", link.account), e.now_ns + AUDIT_EVERY_NS)
    if not link.ready:
        link.ready, link.why = True, ""
        list_later(e, link)
        watch_sessions(e, link.account)
        link.first_ready_ns = link.first_ready_ns or e.now_ns
        e.note("info", "reconciled; ready", "", link.account)
        e.count("reconciled")
        check_fills(e, link.account)  # what ended just before may still lack its last fills
        _tell_the_misspelt(e, link.account)
    touch_account(e, link.account)


def _tell_the_misspelt(e: Engine, account: str) -> None:
    """Bots that were added while nobody could say what the venue lists. They go on: one list may lack what
    the next one has, and a leg that is open must not be left alone for that."""
    listed = e.desk.account(account).instruments
    for name, market in e.markets.items():
        symbol = symbol_of(name)
        if account_of(name) != account or symbol in listed:
            continue
        for bot in list(market.watchers):
            row = e.desk.bots.get(bot)
            if row is not None and row.phase in ("running", "paused", "stopping"):
                e.note("alarm", not_listed(account, symbol, listed), bot)


def _ask_after_missing(
    e: Engine, account: Account, link: Link, report: AccountReport, shown: dict[str, None]
) -> None:
    """Orders we hold for live that the venue did not list: each is asked after by its id.

    One that existed, was then looked up in vain, and is still not listed by a later complete report has
    ended without a last word; its fills, all booked by now, are the whole of it.
    """
    for order in [one for one in account.orders.values() if not one.closed_ns]:
        if not order.live or order.client_id in shown or order.intent_ns >= report.asked_ns:
            continue
        care = e.cares.setdefault(order.client_id, Care())
        existed = bool(order.venue_id) or order.told > 0 or order.state is State.OPEN
        gone = care.missing_ns and report.asked_ns > care.missing_ns + link.rules.visibility_ns
        if existed and gone and order.filled >= order.told:
            e.write(
                r.OrderMoved(
                    client_id=order.client_id,
                    move=Move.CANCEL,
                    cum_qty=order.filled,
                    reason="no longer at the venue",
                    due=was_due(e, order, Move.CANCEL),
                )
            )
            e.touch(order.bot)
        elif existed and care.missing_ns:
            want_report(e, account.name, link.rules.visibility_ns)
        elif not care.asking:
            attend(e, order.client_id)


def _compare_positions(e: Engine, account: Account, link: Link, report: AccountReport, quiet: bool) -> None:
    """Σ fills against the venue's positions.

    A fill between the two questions, or one that the venue shows late, explains most differences by the
    next report. Only one that stands, unchanged, with no new fills, is what others did.
    """
    venue = {p.symbol: p.qty for p in report.positions}
    symbols = dict.fromkeys(venue)
    for symbol, instrument in account.instruments.items():
        if instrument.kind != "spot":
            symbols.setdefault(symbol)
    # A fill booked since the report was asked for may be in our sum and not in its positions.
    quiet = quiet and link.filled_ns < report.asked_ns
    doubts: dict[str, tuple[Decimal, int]] = {}
    stands_ns = max(DOUBT_NS, link.rules.visibility_ns)
    for symbol in symbols:
        market = f"{account.name}:{symbol}"
        difference = venue.get(symbol, ZERO) - e.desk.net(market)
        if difference == 0 or symbol not in account.instruments:
            continue
        doubted, since_ns = link.doubts.get(symbol, (ZERO, e.now_ns))
        if doubted != difference:
            since_ns = e.now_ns
        # Counted to when this report was asked for: what was asked too early proves nothing, however late
        # its answer is read.
        waits = nameless_stop(e, account, symbol) is not None
        if quiet and not waits and report.asked_ns - since_ns >= stands_ns:
            price = next((p.price for p in report.positions if p.symbol == symbol), ZERO)
            _write_difference(e, account, market, difference, price)
        else:
            doubts[symbol] = (difference, since_ns)
    link.doubts = doubts
    if doubts:
        want_report(e, account.name, stands_ns)
    elif link.ready:
        e.write(r.Audited(account=account.name, agrees=True))
        if link.audit_asked:
            link.audit_asked = False
            e.note("info", "audited: its positions are the sums of the fills", "", account.name)


def _write_difference(e: Engine, account: Account, market: str, difference: Decimal, price: Decimal) -> None:
    reference = price or e.market(market).reference
    if reference <= 0:
        return  # no price to book it at yet: the next audit will have one
    why = "the venue's position differs from all fills: others traded on this account"
    e.write(r.Synthetic(market=market, qty=difference, price=reference, why=why))
    e.write(r.Audited(account=account.name, agrees=False, says=f"{market}: {difference} booked as others'"))
    e.note(
        "alarm", f"{market}: {difference} that no fill explains; booked as others' doing", "", account.name
    )
    e.count("synthetic")


def touch_account(e: Engine, account: str) -> None:
    """Have every bot that watches a market of this account decide again."""
    prefix = account + ":"
    for name, market in e.markets.items():
        if name.startswith(prefix):
            for bot in market.watchers:
                e.touch(bot)
