"""Asking for the whole account: when, and how often at most.

One question at a time. What many orders need to know is asked once for all of them.
"""

from __future__ import annotations

from kedge.engine.effects import AskReport
from kedge.engine.engine import SECOND_NS, Engine
from kedge.engine.senses import Link

ASK_FIRST_NS = 300_000_000
# Orders that ended with a rest are checked together, at most this often per account.
FILLS_NS = 5 * SECOND_NS


def want_report(e: Engine, account: str, in_ns: int) -> None:
    """Ask for the account's truth soon; one question at a time, more often is no help."""
    link = e.links.get(account)
    if link is None:
        return
    spaced = max(in_ns, link.reported_ns + ASK_FIRST_NS - e.now_ns if link.ready else 0)
    if spaced <= 0 and link.up and not link.asking:
        ask_report(e, link)
    else:
        e.timers.sooner(("report", account), e.now_ns + max(spaced, ASK_FIRST_NS))


def check_fills(e: Engine, account: str) -> None:
    """An order ended with a rest. Some venues say so before they know of its last fills: ask once they must.

    One report answers for all orders that ended meanwhile, and there is at most one such in `FILLS_NS`.
    """
    link = e.links.get(account)
    if link is None:
        return
    link.ended_ns = e.now_ns
    certain_ns = link.rules.visibility_ns + link.rules.skew_ns
    e.timers.sooner(("fills", account), max(e.now_ns + certain_ns, link.checked_ns + FILLS_NS))


def fills_due(e: Engine, account: str) -> None:
    link = e.links.get(account)
    if link is None or not link.up:
        return  # the reconcile after reconnecting asks
    link.checked_ns = e.now_ns
    want_report(e, account, 0)
    if link.ended_ns + link.rules.visibility_ns + link.rules.skew_ns > e.now_ns:
        e.timers.sooner(("fills", account), e.now_ns + FILLS_NS)


def ask_report(e: Engine, link: Link) -> None:
    if not link.up or link.asking:
        return
    link.asking = True
    e.timers.drop(("report", link.account))
    e.act(AskReport(link.account, e.desk.account(link.account).cursor))
