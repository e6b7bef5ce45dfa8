"""Tasks, prices of spreads, stashes and lists on a phone: from a `Status` and rows, pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kedge.desk.screens import about, span
from kedge.desk.screens_tasks import minutes_to
from kedge.desk.tasks import PriceLine, TaskLine, asked_for, prices_of
from kedge.desk.telegram.phone import Answer, card, clean, two
from kedge.desk.telegram.views import Eyes
from kedge.model.looks import Status
from kedge.model.numbers import text

# A list shows so many of its items here; all of them are on the page.
ITEMS_SHOWN = 60


def tasks(now: Status, eyes: Eyes, call: str = "tasks") -> Answer:
    lines = asked_for(now, call)
    if not lines:
        nothing = {
            "sellbuy": eyes.say("Nothing is being sold or bought."),
            "spreads": eyes.say("No spread is at work."),
        }
        return Answer(nothing.get(call, eyes.say("No bot is at work.")))
    return Answer(eyes.say("At work:"), tuple(_task(one) for one in lines))


def sprices(now: Status, eyes: Eyes) -> Answer:
    """Those that trade now first; of the others, in how many minutes they open."""
    lines = prices_of(now)
    if not lines:
        return Answer(eyes.say("No spread is at work."))
    open_ = [_price(one, eyes) for one in lines if one.open]
    closed = [_closed(one, eyes) for one in lines if not one.open]
    head = eyes.say("Prices of spreads: {count}", count=len(lines))
    return Answer(head, (*open_, *([eyes.say("Not trading:")] if closed else []), *closed))


def stashes(now: Status, eyes: Eyes) -> Answer:
    if not now.stashes:
        return Answer(eyes.say("Nothing is saved; /stash saves all stop orders."))
    blocks = tuple(
        card(one.name, f"{one.account}: {one.orders}", eyes.when(one.saved_ns), one.says)
        for one in now.stashes
    )
    return Answer(eyes.say("Saved stop orders"), blocks)


def lists(rows: Sequence[Mapping[str, Any]], eyes: Eyes) -> Answer:
    return Answer(eyes.say("Lists"), tuple(_list(row, eyes) for row in rows))


# ── parts ───────────────────────────────────────────────────────────────────────────────────────


def _task(one: TaskLine) -> str:
    price = f" ({text(one.price)})" if one.price else ""
    phase = "" if one.phase == "running" else f" {one.phase}"
    what = f"{one.side} {one.what}{price}".strip()
    return card(f"{one.task}{phase}", what, one.progress, one.now)


def _price(one: PriceLine, eyes: Eyes) -> str:
    """Of the side that is wanted; the other one below it."""
    say = eyes.say
    lines = {
        "sell": two(say("sell at"), about(one.sell) if one.sell else "-"),
        "buy": two(say("buy at"), about(one.buy) if one.buy else "-"),
    }
    first = "buy" if one.side == "buy" else "sell"
    other = "sell" if first == "buy" else "buy"
    aged = say("{time} old", time=span(one.age_ns)) if one.age_ns else ""
    head = card(f"{one.far} - {about(one.ratio)} {one.near}", one.why)
    wanted = two(f"{say('wanted')} {say(first)}", about(one.wanted))
    return "\n".join(part for part in (head, lines[first], lines[other], wanted, aged) if part)


def _closed(one: PriceLine, eyes: Eyes) -> str:
    if one.opens_ns:
        says = eyes.say("opens in {count} min", count=minutes_to(one.opens_ns, eyes.now_ns))
    else:
        says = one.why or eyes.say("closed")
    return card(f"{one.far} / {one.near}", says)


def _list(row: Mapping[str, Any], eyes: Eyes) -> str:
    items = [clean(item) for item in str(row["items"]).split(", ") if item]
    more = len(items) - ITEMS_SHOWN
    shown = ", ".join(items[:ITEMS_SHOWN]) or eyes.say("nothing")
    return card(str(row["name"]), shown, eyes.say("and {count} more", count=more) if more > 0 else "")
