"""Cancelling every order, and seeing that they are gone.

`desk.cancel` keeps the bots concerned still, cancels each order of ours by itself, and (for whole accounts)
has the venue cancel whatever else is open there. A complete report asked for afterwards shows what remained.
That is said, tried again a few times, and stays among what needs a person until it is gone. A sweep is
durable: a life that ends in its midst is followed by one that goes on with it.

Only what was open when it was asked for is meant: the first new order of a bot on the account ends the sweep.
"""

from __future__ import annotations

from kedge.engine.effects import CancelAll
from kedge.engine.engine import MINUTE_NS, SECOND_NS, Engine
from kedge.engine.orders import look_after
from kedge.engine.plan import cancel
from kedge.engine.reports import want_report
from kedge.engine.senses import Link
from kedge.engine.state import Account, BotRow
from kedge.model import commands as c
from kedge.model import records as r
from kedge.model.events import CancelledAll, Command
from kedge.model.instrument import account_of
from kedge.model.numbers import text
from kedge.model.order import State
from kedge.model.sentences import unknown_name
from kedge.model.venue import AccountReport

# How often the venue is asked to cancel whatever is open, and how long to wait before the next time.
SWEEPS_MOST = 4
AGAIN_NS = 3 * SECOND_NS
LOOK_NS = MINUTE_NS
SHOWN_MOST = 5

Result = tuple[bool, str]


def cancel_orders(e: Engine, args: c.DeskCancel, command: Command) -> Result:
    if args.account and args.bot:
        return False, "name an account or a bot, not both"
    if args.account and args.account not in e.links:
        return False, unknown_name(args.account, e.links, "account")
    if args.bot and args.bot not in e.desk.bots:
        return False, unknown_name(args.bot, e.desk.bots, "bot")
    why = f"orders cancelled by {command.actor}" + (f": {args.why}" if args.why else "")
    accounts = [args.account] if args.account else [] if args.bot else list(e.links)
    rows = [row for row in e.desk.bots.values() if row.name == args.bot or _trades_on(e, row, accounts)]
    stilled = sum(_still(e, row, why) for row in rows)
    ours = _cancel_ours(e, accounts, args.bot, why)
    for account in accounts:
        e.write(r.CancelAllAsked(account=account, actor=command.actor, why=args.why))
        link = e.links[account]
        link.sweeps, link.left, link.sweep_says = 0, None, ""
        sweep(e, link)
    where = args.bot or args.account or "every account"
    held = f"; {stilled} bots are still until they are resumed" if stilled else ""
    return True, f"cancelling all orders of {where}: {ours} of ours{held}"


def sweep(e: Engine, link: Link) -> None:
    """Have the venue cancel what is open; at once, or as soon as the account is connected and known."""
    if link.account not in e.desk.sweeps or not link.up:
        return
    if link.sweeps < SWEEPS_MOST:
        link.sweeps, link.swept_ns = link.sweeps + 1, e.now_ns
        e.act(CancelAll(link.account))
    else:
        want_report(e, link.account, 0)


def swept(e: Engine, heard: CancelledAll) -> None:
    """The venue has answered: whatever it says, its report tells what is left."""
    link = e.links[heard.account]
    link.sweep_says = heard.says
    if heard.account in e.desk.sweeps:
        want_report(e, heard.account, link.rules.visibility_ns)


def look(e: Engine, account: Account, report: AccountReport) -> None:
    """A complete report has come: is anything left of what was to go?"""
    link, asked = e.links[account.name], e.desk.sweeps.get(account.name)
    if asked is None:
        return
    if not link.sweeps or report.asked_ns <= link.swept_ns:
        e.timers.sooner(("sweep", account.name), e.now_ns + SECOND_NS)
        return
    left = _left(account, report, asked.asked_ns)
    if link.left is not None:  # what others have placed since is not meant
        left = [one for one in left if one in link.left]
    if not left:
        end(e, account.name, "no order is open there any more")
        return
    if link.left is None or len(left) < len(link.left):
        e.note("warn", _remain(left, link.sweep_says), "", account.name)
    link.left = tuple(left)
    wait_ns = AGAIN_NS if link.sweeps < SWEEPS_MOST else LOOK_NS
    e.timers.sooner(("sweep", account.name), e.now_ns + wait_ns)


def end(e: Engine, account: str, says: str) -> None:
    if account in e.desk.sweeps:
        link = e.links.get(account)
        e.write(r.CancelAllEnded(account=account, says=says))
        if link is not None:
            link.left, link.sweeps, link.sweep_says = None, 0, ""


def needs(e: Engine, account: str) -> str:
    """What people should know while a sweep is on; "" where there is none."""
    asked, link = e.desk.sweeps.get(account), e.links.get(account)
    if asked is None or link is None:
        return ""
    if link.left:
        return f"{account}: {_remain(list(link.left), link.sweep_says)}"
    return f"{account}: cancelling all orders, as {asked.actor} asked; waiting for the venue"


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _trades_on(e: Engine, row: BotRow, accounts: list[str]) -> bool:
    markets = (*e.watched(row.name), *(slot.market for slot in row.slots.values()))
    return any(account_of(market) in accounts for market in markets)


def _still(e: Engine, row: BotRow, why: str) -> bool:
    """Keep a bot from putting its orders back, those that balance included."""
    e.touch(row.name)
    if row.phase not in ("running", "paused", "stopping") or row.still:
        return False
    e.write(r.BotPhased(bot=row.name, phase="paused", why=why, still=True))
    return True


def _cancel_ours(e: Engine, accounts: list[str], bot: str, why: str) -> int:
    """Each by its id, whoever owns it now; those in doubt are asked after, as ever."""
    found = 0
    for account in e.desk.accounts.values():
        for order in account.orders.values():
            if not order.live or not (account.name in accounts or (bot and order.bot == bot)):
                continue
            found += 1
            if order.state is State.OPEN and order.change != "cancel":
                cancel(e, order, why)
            else:
                look_after(e, order)
    return found


def _left(account: Account, report: AccountReport, asked_ns: int) -> list[str]:
    """By the venue's own list, and by ours: orders of before that have not ended."""
    left: dict[str, None] = {}
    for shown in report.open_orders:
        ours = account.orders.get(shown.client_id)
        if ours is None or ours.intent_ns <= asked_ns:
            left[f"{shown.side} {text(shown.qty)} {shown.symbol} ({shown.client_id or shown.venue_id})"] = (
                None
            )
    for order in account.orders.values():
        if order.live and order.intent_ns <= asked_ns:
            left[f"{order.side} {text(order.qty)} {order.symbol} ({order.client_id})"] = None
    return list(left)


def _remain(left: list[str], says: str) -> str:
    shown = ", ".join(left[:SHOWN_MOST]) + (", ..." if len(left) > SHOWN_MOST else "")
    many = f"{len(left)} orders remain" if len(left) > 1 else "1 order remains"
    return f"{many} after cancelling all: {shown}" + (f"; the venue says: {says}" if says else "")
