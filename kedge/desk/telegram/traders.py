"""The words of a trader's day, from what was typed to deeds: sell, buy, spreads, stop orders, stashes, lists.

What a task would do is asked of the engine before the question is put, so that people agree to what will be
done: which market, how many orders, what is left out and why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from kedge.desk import commands
from kedge.desk.commands import WordsWrong
from kedge.desk.telegram.asks import Mistyped, Order, Step, Typed, at_most_one, exactly_one, wrong
from kedge.desk.telegram.tongue import Tongue, marked
from kedge.model.looks import Preview, StashLook, Status

# What the engine says of a verb with these arguments, before it is given.
Foresee = Callable[[str, dict[str, Any]], Awaitable[Preview]]

# The word: its deed, and what is asked before it is done.
_TASKS: dict[str, tuple[str, str]] = {
    "sell": ("sell", marked("Sell?")),
    "buy": ("buy", marked("Buy?")),
    "dump": ("dump", marked("Trade the whole position away?")),
    "spreads": ("spread", marked("Start this spread?")),
    "stops": ("stops", marked("Place these stop orders?")),
    "shorts": ("shorts", marked("Place these stop orders?")),
    "nuke": ("nuke", marked("Place these stop orders?")),
}
WORDS = (*_TASKS, "amend", "list", "stash", "restore")
STASH = "stash"


class Then(Struct, frozen=True):
    """What is offered once something is done."""

    steps: tuple[Step, ...]
    question: str


async def order(typed: Typed, status: Status, foresee: Foresee, say: Tongue) -> Order:
    """Raises `Mistyped`."""
    if typed.word.name in _TASKS:
        return await _task(typed, foresee, say)
    if typed.word.name == "amend":
        args = _spoken("amend", typed, say)
        changes = ", ".join(f"{name} {value}" for name, value in args.items() if name != "name")
        question = say("Change {task}: {changes}?", task=args["name"], changes=changes)
        return Order((Step("amend", args),), question)
    if typed.word.name == "list":
        return _list(typed, say)
    if typed.word.name == "restore":
        return _restore(typed, status, say)
    return _stash(typed, status, say)


def then(typed: Typed, order: Order, say: Tongue) -> Then | None:
    """What is offered after it: saved stop orders may be cancelled."""
    if typed.word.name != "stash":
        return None
    step = order.steps[0]
    question = say("Cancel all stop orders of {account} now?", account=step.args["account"])
    return Then((Step("stash save", {**step.args, "cancel": True}),), question)


# ── one function per sort ───────────────────────────────────────────────────────────────────────


async def _task(typed: Typed, foresee: Foresee, say: Tongue) -> Order:
    name, question = _TASKS[typed.word.name]
    args = _spoken(name, typed, say)
    seen = await foresee(commands.BY_NAME[name].verb, args)
    if not seen.ok:
        raise Mistyped(seen.says)
    return Order((Step(name, args),), f"{say(question)}\n{seen.says}")


def _list(typed: Typed, say: Tongue) -> Order:
    """`/list add whitelist SBER`; the name may come first, too."""
    words = [typed.args[1], typed.args[0], *typed.args[2:]] if _is_deed(typed.args[1:2]) else list(typed.args)
    if not _is_deed(words[:1]):
        raise wrong(typed.word, say)
    name = f"list {words[0].lower()}"
    return Order((Step(name, _said(name, words[1:], typed, say)),))


def _is_deed(words: tuple[str, ...] | list[str]) -> bool:
    return bool(words) and words[0].lower() in ("add", "drop", "set")


def _stash(typed: Typed, status: Status, say: Tongue) -> Order:
    """`/stash [name] [account]`: a word with a slash is an account."""
    names = [one for one in typed.args if "/" not in one]
    accounts = [one for one in typed.args if "/" in one]
    if len(names) > 1 or len(accounts) > 1:
        raise wrong(typed.word, say)
    account = accounts[0] if accounts else _only_account(status, say)
    return Order((Step("stash save", {"name": names[0] if names else STASH, "account": account}),))


def _only_account(status: Status, say: Tongue) -> str:
    there = [one.account for one in status.accounts]
    if len(there) != 1:
        raise Mistyped(say("Say of which account: {accounts}", accounts=", ".join(there)))
    return there[0]


def _restore(typed: Typed, status: Status, say: Tongue) -> Order:
    if not status.stashes:
        raise Mistyped(say("Nothing is saved; /stash saves all stop orders."))
    one = _stash_named(at_most_one(typed, say), status.stashes, say)
    question = say(
        "Put {name} back: {count} orders on {account}?", name=one.name, count=one.orders, account=one.account
    )
    return Order((Step("stash restore", {"name": one.name}),), question)


def _stash_named(given: str, there: tuple[StashLook, ...], say: Tongue) -> StashLook:
    meant = [one for one in there if one.name == given] if given else list(there)
    if len(meant) == 1:
        return meant[0]
    names = ", ".join(one.name for one in there)
    if given:
        raise Mistyped(say("There is no stash {given}. There are: {names}", given=given, names=names))
    raise Mistyped(say("Say which stash: {names}", names=names))


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _spoken(name: str, typed: Typed, say: Tongue) -> dict[str, Any]:
    if name == "dump":
        return {"ticker": exactly_one(typed, say)}
    return _said(name, typed.args, typed, say)


def _said(name: str, words: tuple[str, ...] | list[str], typed: Typed, say: Tongue) -> dict[str, Any]:
    spoken = commands.BY_NAME[name].spoken
    assert spoken is not None, name
    try:
        return spoken(words)
    except WordsWrong:
        raise wrong(typed.word, say) from None
