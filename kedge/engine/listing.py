"""What the venues list, and when it trades: instruments as they are learnt, refreshed, and no longer listed.

An instrument is never forgotten. What a whole list lacks is kept with `listed=False`: nothing is placed in
it, and what was made with it stays worth what it was. A list that lacks most of what was there is a venue in
trouble, and is not believed.


Sessions are part of an instrument. At each edge the bots that watch it, and those with orders in it, decide
again; orders that end with the session are asked after.
"""

from __future__ import annotations

from msgspec.structs import replace

from kedge.engine.effects import List
from kedge.engine.engine import MINUTE_NS, SECOND_NS, Engine
from kedge.engine.reports import want_report
from kedge.engine.senses import Link
from kedge.model import commands as c
from kedge.model import records as r
from kedge.model.events import Command, Listed
from kedge.model.instrument import Instrument, account_of, market_of, symbol_of
from kedge.model.order import TRIGGERED
from kedge.model.sentences import unknown_name

# Adapters tell what they find as they connect; the whole list is compared a little later, then daily.
LIST_FIRST_NS = 10 * MINUTE_NS
LIST_EVERY_NS = 24 * 60 * MINUTE_NS
LIST_AGAIN_NS = 10 * MINUTE_NS
# Of so many known instruments on, a list that lacks more than half of them is not believed.
BELIEVED_LESS = 4
# How long after a session's end the venue has ended the orders that end with it.
CLOSE_NS = 5 * SECOND_NS
SHOWN_MOST = 5

Result = tuple[bool, str]


# ── learning ────────────────────────────────────────────────────────────────────────────────────


def learn_instrument(e: Engine, account: str, instrument: Instrument) -> None:
    """Take an instrument as the venue describes it now; nothing happens where it is as it was."""
    if e.desk.account(account).instruments.get(instrument.symbol) == instrument:
        return
    e.write(r.InstrumentKnown(account=account, instrument=instrument))
    market = market_of(account, instrument.symbol)
    if market in e.markets:
        watch_session(e, market)
        _wake(e, market)


def refresh(e: Engine, args: c.AccountRefresh, command: Command) -> Result:
    """The deed: everything listed is asked for anew; notes tell what came of it."""
    link = e.links.get(args.account)
    if link is None:
        return False, unknown_name(args.account, e.links, "account")
    if not link.up:
        return False, f"{args.account} is not connected: {link.why}"
    link.list_asked = True
    ask_list(e, link)
    return True, f"asking {args.account} for its instruments; kedge notes tells what came of it"


def ask_list(e: Engine, link: Link) -> None:
    e.timers.drop(("list", link.account))
    if link.up and not link.listing:
        link.listing = True
        e.act(List(link.account))


def list_later(e: Engine, link: Link) -> None:
    """An account is connected and known: have its list compared, unless that is due sooner already."""
    since_ns = link.listed_ns + LIST_EVERY_NS if link.listed_ns else e.now_ns + LIST_FIRST_NS
    e.timers.sooner(("list", link.account), since_ns)


def listed(e: Engine, heard: Listed) -> None:
    """A whole list: what is new or has changed is learnt, what it lacks is listed no longer."""
    link = e.links[heard.account]
    link.listing, asked, link.list_asked = False, link.list_asked, False
    if heard.error or not heard.instruments:
        _not_had(e, link, heard.error or "the venue lists nothing, which is not believed", asked)
        return
    known = e.desk.account(heard.account).instruments
    shown = {one.symbol: None for one in heard.instruments}
    before = [symbol for symbol, one in known.items() if one.listed]
    gone = [symbol for symbol in before if symbol not in shown]
    if len(before) >= BELIEVED_LESS and 2 * len(gone) > len(before):
        says = f"the list lacks {len(gone)} of {len(before)} instruments, which is not believed"
        _not_had(e, link, says, True)
        return
    new = sum(one.symbol not in known for one in heard.instruments)
    for instrument in heard.instruments:
        learn_instrument(e, heard.account, instrument)
    for symbol in gone:
        learn_instrument(e, heard.account, replace(known[symbol], listed=False))
        _tell_the_watchers(e, market_of(heard.account, symbol))
    link.listed_ns = e.now_ns
    e.timers.set(("list", heard.account), e.now_ns + LIST_EVERY_NS)
    if asked or gone:
        e.note(
            "info",
            f"{len(heard.instruments)} instruments, {new} of them new{_no_longer(gone)}",
            "",
            heard.account,
        )


def _not_had(e: Engine, link: Link, why: str, aloud: bool) -> None:
    e.timers.sooner(("list", link.account), e.now_ns + LIST_AGAIN_NS)
    if aloud:
        e.note("warn", f"instruments were not refreshed: {why}", "", link.account)


def _no_longer(gone: list[str]) -> str:
    more = f" and {len(gone) - SHOWN_MOST} more" if len(gone) > SHOWN_MOST else ""
    return f"; no longer listed: {', '.join(gone[:SHOWN_MOST])}{more}" if gone else ""


def _tell_the_watchers(e: Engine, market: str) -> None:
    now = e.markets.get(market)
    for bot in now.watchers if now is not None else ():
        e.note("alarm", f"{market} is no longer listed: nothing is placed in it", bot)


# ── sessions ────────────────────────────────────────────────────────────────────────────────────


def watch_session(e: Engine, market: str) -> None:
    """Set the timer for the next opening or closing of this market."""
    instrument = e.desk.instrument(market)
    change_ns = instrument.next_change_ns(e.now_ns) if instrument else None
    if change_ns is not None:
        e.timers.set(("session", market), change_ns)


def at_edge(e: Engine, market: str) -> None:
    """A session has begun or ended: everybody concerned decides again."""
    watch_session(e, market)
    instrument, link = e.desk.instrument(market), e.links.get(account_of(market))
    if instrument is None or link is None:
        return
    if instrument.is_open(e.now_ns):
        # A book that does not come with the opening is asked for.
        e.timers.set(("stale", market), e.now_ns + link.rules.book_age_max_ns + 1)
    elif link.rules.day_orders and _day_orders(e, market):
        want_report(e, link.account, CLOSE_NS)
    _wake(e, market)


def _day_orders(e: Engine, market: str) -> bool:
    orders = e.desk.account(account_of(market)).orders
    resting = [*e.crossable(market, "buy"), *e.crossable(market, "sell")]
    return any(orders[client_id].kind not in TRIGGERED for client_id in resting)


def _wake(e: Engine, market: str) -> None:
    """Those that watch it, and those whose orders stand in it: killed and stopped bots watch nothing."""
    now = e.markets.get(market)
    for bot in now.watchers if now is not None else ():
        e.touch(bot)
    orders = e.desk.account(account_of(market)).orders
    for client_id in (*e.crossable(market, "buy"), *e.crossable(market, "sell")):
        e.touch(orders[client_id].bot)


def watch_sessions(e: Engine, account: str) -> None:
    """After a start or a reconcile: the timers of every market of this account that is in use."""
    for market in e.markets:
        if account_of(market) == account and symbol_of(market):
            watch_session(e, market)
