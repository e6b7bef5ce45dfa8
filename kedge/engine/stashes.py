"""Stashes: the stop orders of an account, kept under a name, taken away when asked, put back as they were.

What an account has is what its venue says: a question is durable, and the next complete report that was asked
for later answers it, in this life or in the next. Then everything follows in one commit.

    save      the report's stop orders, ours and others', become the stash
    cancel    they are cancelled one by one, and again, until a report shows none of them; the bots that had
              placed some are still, or they would put them back. What has traded meanwhile leaves the stash.
    restore   what the report still shows stands already. Bots that were kept still go on, and their orders
              come back by them; all others become the rungs of one bot, each with a slot of its own, so that
              nothing is placed twice however often the power is cut.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from kedge.engine.claims import claimed
from kedge.engine.effects import Cancel
from kedge.engine.engine import MINUTE_NS, SECOND_NS, Engine
from kedge.engine.naming import nameless_stop
from kedge.engine.plan import cancel
from kedge.engine.reports import want_report
from kedge.engine.state import Account, BotRow, Order, Stash, StashAsk
from kedge.engine.turns import takes_turn
from kedge.model import commands as c
from kedge.model import records as r
from kedge.model.events import Command
from kedge.model.numbers import ZERO, text
from kedge.model.order import TRIGGERED, State
from kedge.model.sentences import unknown_name
from kedge.model.stash import SavedOrder
from kedge.model.venue import AccountReport, OrderReport

KIND = "stash"
STASHES_MOST = 50
ORDERS_MOST = 2000
NAME_MOST = 48
# How often the orders are asked to go soon after one another, and how long to wait before and after that.
TRIES_SOON = 4
AGAIN_NS = 3 * SECOND_NS
LATER_NS = MINUTE_NS
SHOWN_MOST = 5
ENDED = ("stopped", "killed")

Result = tuple[bool, str]


# ── what people ask ─────────────────────────────────────────────────────────────────────────────


def save(e: Engine, args: c.StashSave, command: Command) -> Result:
    said = _bad_name(args.name) or _busy(e, args.name) or _away(e, args.account)
    if said:
        return False, said
    if args.name not in e.desk.stashes and len(e.desk.stashes) >= STASHES_MOST:
        return False, f"there are {STASHES_MOST} stashes already; drop one first"
    said = claimed(e, "", _claim(args.name))
    if said:
        return False, f"{said}; choose another name"
    e.write(r.StashAsked(args.name, args.account, "save", command.actor, args.cancel))
    want_report(e, args.account, 0)
    then = ", then they are cancelled" if args.cancel else ""
    return True, f"saving the stop orders of {args.account} as {args.name}{then}; kedge notes tells"


def restore(e: Engine, args: c.StashRestore, command: Command) -> Result:
    stash = e.desk.stashes.get(args.name)
    if stash is None:
        return False, unknown_name(args.name, e.desk.stashes, "stash")
    said = _busy(e, args.name) or _away(e, stash.account) or claimed(e, "", _claim(args.name))
    if not said and KIND not in e.kinds:
        said = f"there is no kind of bot {KIND!r} here, which puts orders back"
    if said:
        return False, said
    e.write(r.StashAsked(args.name, stash.account, "restore", command.actor))
    want_report(e, stash.account, 0)
    return True, f"putting {args.name} back on {stash.account}; kedge notes tells"


def drop(e: Engine, args: c.StashDrop, command: Command) -> Result:
    stash = e.desk.stashes.get(args.name)
    if stash is None:
        return False, unknown_name(args.name, e.desk.stashes, "stash")
    said = _busy(e, args.name)
    if said:
        return False, said
    e.write(r.StashDropped(args.name))
    return True, f"the stash {args.name} of {len(stash.orders)} orders is forgotten"


# ── what a report answers ───────────────────────────────────────────────────────────────────────


def look(e: Engine, account: Account, report: AccountReport) -> None:
    """A complete report has come: answer what was asked before it, and see what is still to go."""
    for name, ask in list(e.desk.stash_asks.items()):
        if ask.account != account.name:
            continue
        if report.asked_ns <= ask.asked_ns:
            want_report(e, account.name, 0)
        elif nameless_stop(e, account) is not None:
            # One of ours would be saved, or missed, as somebody else's.
            want_report(e, account.name, e.links[account.name].rules.visibility_ns)
        elif ask.what == "save":
            _save(e, account, report, name, ask)
        else:
            _restore(e, account, report, name)
    for name, stash in list(e.desk.stashes.items()):
        if stash.account == account.name and stash.cancelling and report.asked_ns > stash.saved_ns:
            _empty(e, account, report, name, stash)


def _save(e: Engine, account: Account, report: AccountReport, name: str, ask: StashAsk) -> None:
    orders = tuple(_saved(account, one) for one in report.open_orders if _waits(account, one))
    dumb = sum(one.kind in TRIGGERED for one in report.open_orders) - len(orders)
    if not orders or len(orders) > ORDERS_MOST:
        many = f"more than {ORDERS_MOST} stop orders are open" if orders else "no stop order is open"
        kept = "; what was saved before stays" if name in e.desk.stashes else ""
        says = f"nothing was saved as {name}: {many}{kept}"
        e.write(r.StashAskEnded(name, says))
        e.note("warn", says, "", account.name)
        return
    owners = dict.fromkeys(one.bot for one in orders if one.bot)
    bots = tuple(bot for bot in owners if ask.cancel and _keep_still(e, bot, name))
    e.write(r.StashSaved(name, account.name, orders, ask.cancel, bots))
    e.links[account.name].emptied.pop(name, None)
    still = f"; {', '.join(bots)} is still until it is restored" if bots else ""
    left = f"; {dumb} are left alone: the venue does not tell their trigger" if dumb else ""
    e.note(
        "warn" if dumb else "info",
        f"{len(orders)} stop orders are saved as {name}{still}{left}",
        "",
        account.name,
    )
    if ask.cancel:
        _cancel_again(e, account, name, [one for one in report.open_orders if _waits(account, one)])


def _waits(account: Account, shown: OrderReport) -> bool:
    """Whether it can be put back as it was: one of others whose trigger is not told cannot."""
    if shown.kind not in TRIGGERED:
        return False
    ours = _ours(account, shown.client_id, shown.venue_id, shown.symbol)
    return bool(shown.trigger_price > 0 if ours is None else ours.trigger_price)


def _saved(account: Account, shown: OrderReport) -> SavedOrder:
    """What is ours is saved as the journal meant it; what is not, as the venue shows it."""
    ours = _ours(account, shown.client_id, shown.venue_id, shown.symbol)
    if ours is None:
        return SavedOrder(
            symbol=shown.symbol,
            side=shown.side,
            qty=shown.qty - shown.cum_qty,
            kind=shown.kind,
            trigger_price=shown.trigger_price,
            price=shown.price,
            expires_ns=shown.expires_ns,
            client_id=shown.client_id,
            venue_id=shown.venue_id,
            done=shown.cum_qty,
        )
    done = max(ours.filled, ours.told, shown.cum_qty)
    return SavedOrder(
        symbol=ours.symbol,
        side=ours.side,
        qty=ours.qty - done,
        kind=ours.kind,
        trigger_price=ours.trigger_price,
        price=ours.price,
        expires_ns=ours.expires_ns,
        tif=ours.tif,
        trigger_by=ours.trigger_by,
        reduce_only=ours.reduce_only,
        client_id=ours.client_id,
        venue_id=shown.venue_id or ours.venue_id,
        bot=ours.bot,
        done=done,
    )


# ── taking them away ────────────────────────────────────────────────────────────────────────────


def _empty(e: Engine, account: Account, report: AccountReport, name: str, stash: Stash) -> None:
    shown = [one for one in report.open_orders if _is_of(stash, one)]
    waits = [one for one in stash.orders if _unsettled(account, one)]
    if shown:
        if e.links[account.name].emptied.get(name, 0) == TRIES_SOON:
            e.note("warn", _remain(name, shown), "", account.name)
        _cancel_again(e, account, name, shown)
    elif waits:
        want_report(e, account.name, AGAIN_NS)
    else:
        left = tuple(kept for one in stash.orders if (kept := _less_traded(account, one)) is not None)
        e.write(r.StashEmptied(name, left))
        traded = len(stash.orders) - len(left)
        gone = f"; {traded} had traded before, and left the stash" if traded else ""
        e.note("info", f"the stop orders of {name} are cancelled{gone}", "", account.name)


def _cancel_again(e: Engine, account: Account, name: str, shown: list[OrderReport]) -> None:
    link = e.links[account.name]
    tries = link.emptied[name] = link.emptied.get(name, 0) + 1
    until_ns = e.now_ns + link.rules.request_window_ns
    again_ns = AGAIN_NS if tries <= TRIES_SOON else LATER_NS
    for one in shown:
        ours = _ours(account, one.client_id, one.venue_id, one.symbol)
        if ours is not None:
            if ours.state is State.OPEN and ours.change != "cancel":
                cancel(e, ours, f"stashed as {name}")
        elif wait_ns := takes_turn(e, link):
            # The rest goes with the next report; waiting for a turn is not having tried.
            again_ns, link.emptied[name] = wait_ns, tries - 1
            break
        else:
            e.act(Cancel(account.name, one.client_id, one.symbol, until_ns, one.venue_id, stop=True))
    want_report(e, account.name, again_ns)


def _less_traded(account: Account, one: SavedOrder) -> SavedOrder | None:
    """What traded of an order of ours after it was saved is not put back; None where nothing is left."""
    ours = account.orders.get(one.client_id)
    more = max(ours.filled, ours.told) - one.done if ours is not None else ZERO
    if more <= 0:
        return one
    return replace(one, qty=one.qty - more, done=one.done + more) if one.qty > more else None


def _unsettled(account: Account, one: SavedOrder) -> bool:
    ours = account.orders.get(one.client_id)
    return ours is not None and not ours.settled


def _keep_still(e: Engine, name: str, stash: str) -> bool:
    """Keep a bot from putting its orders back; what it balances with would wait, too."""
    row = e.desk.bots.get(name)
    if row is None or row.phase != "running":
        return False
    e.write(r.BotPhased(bot=name, phase="paused", why=_why_still(stash), still=True))
    e.touch(name)
    return True


# ── putting them back ───────────────────────────────────────────────────────────────────────────


def _restore(e: Engine, account: Account, report: AccountReport, name: str) -> None:
    stash = e.desk.stashes[name]
    resumed = [bot for bot in stash.bots if _go_on(e, bot, name)]
    standing = sum(any(_same(one, shown) for shown in report.open_orders) for one in stash.orders)
    rungs: list[SavedOrder] = []
    expired = kept = 0
    for one in stash.orders:
        if any(_same(one, shown) for shown in report.open_orders):
            continue
        row = e.desk.bots.get(one.bot)
        if row is not None and row.phase not in ENDED:
            kept += 1
        elif one.expires_ns and one.expires_ns <= e.now_ns:
            expired += 1
        else:
            rungs.append(one)
    bot = _begin(e, name, stash, tuple(rungs)) if rungs else ""
    e.write(r.StashRestored(name, bot))
    said = [f"{len(rungs)} orders come back by {bot}"] if bot else []
    said += [f"{kept} by the bots that had placed them"] if kept else []
    said += [f"{standing} stand already"] if standing else []
    said += [f"{expired} have expired meanwhile"] if expired else []
    said += [f"{', '.join(resumed)} goes on"] if resumed else []
    e.note(
        "info", f"{name} is restored: {'; '.join(said) or 'there is nothing to put back'}", "", account.name
    )


def _begin(e: Engine, name: str, stash: Stash, orders: tuple[SavedOrder, ...]) -> str:
    """The bot whose rungs they are."""
    kind = e.kinds[KIND]
    bot, count = f"stash-{name}", 1
    while bot in e.desk.bots:
        count += 1
        bot = f"stash-{name}-{count}"
    config = {"stash": name, "account": stash.account, "orders": orders}
    body = msgspec.json.encode(msgspec.convert(msgspec.to_builtins(config), type=kind.Config, strict=False))
    e.write(
        r.BotAdded(
            bot=bot,
            number=e.desk.bots_made + 1,
            kind=KIND,
            config=Raw(body),
            state=Raw(msgspec.json.encode(kind.State())),
            state_version=kind.state_version,
            claim=_claim(name),
        )
    )
    said = e.embody(e.desk.bots[bot])
    assert not said, said
    e.touch(bot)
    return bot


def _go_on(e: Engine, bot: str, name: str) -> bool:
    row: BotRow | None = e.desk.bots.get(bot)
    if row is None or row.phase != "paused" or not row.still or row.why != _why_still(name):
        return False
    e.write(r.BotPhased(bot=bot, phase="running", why=f"the stash {name} is restored"))
    e.touch(bot)
    return True


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _ours(account: Account, client_id: str, venue_id: str, symbol: str) -> Order | None:
    """The order of ours that the venue means; some of them show their own number only."""
    known = account.orders.get(client_id) if client_id else None
    if known is not None or not venue_id:
        return known
    return next((o for o in account.orders.values() if o.venue_id == venue_id and o.symbol == symbol), None)


def _same(one: SavedOrder, shown: OrderReport) -> bool:
    if one.client_id and one.client_id == shown.client_id:
        return True
    return bool(one.venue_id) and one.venue_id == shown.venue_id and one.symbol == shown.symbol


def _is_of(stash: Stash, shown: OrderReport) -> bool:
    return any(_same(one, shown) for one in stash.orders)


def _busy(e: Engine, name: str) -> str:
    ask, stash = e.desk.stash_asks.get(name), e.desk.stashes.get(name)
    if ask is not None:
        return (
            f"{name} is being {'saved' if ask.what == 'save' else 'restored'} already: waiting for the venue"
        )
    if stash is not None and stash.cancelling:
        return f"the orders of {name} are still being cancelled; wait until they are gone"
    return ""


def _away(e: Engine, account: str) -> str:
    link = e.links.get(account)
    if link is None:
        return unknown_name(account, e.links, "account")
    return "" if link.up else f"{account} is not connected: {link.why}"


def _bad_name(name: str) -> str:
    good = name and len(name) <= NAME_MOST and all(ch.isalnum() or ch in "-_." for ch in name)
    if good:
        return ""
    return f"{name!r} is no name for a stash: use letters, digits, '-', '_' and '.', {NAME_MOST} at most"


def _claim(name: str) -> str:
    return f"stash {name}"


def _why_still(name: str) -> str:
    return f"its stop orders are in the stash {name}"


def _remain(name: str, shown: list[OrderReport]) -> str:
    some = ", ".join(f"{one.side} {text(one.qty)} {one.symbol}" for one in shown[:SHOWN_MOST])
    more = ", ..." if len(shown) > SHOWN_MOST else ""
    return f"{len(shown)} orders of the stash {name} remain, and are asked to go again: {some}{more}"
