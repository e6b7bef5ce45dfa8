"""The deeds of a trader's day: tasks, stop orders, stashes, lists. Words come in the order that is natural.

`SBER 300000` is a sum and `100 SBER` an amount: where the number stands decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from kedge.desk.deed import Deed, WordsWrong, verb_deed
from kedge.model.numbers import ZERO, BadNumber, exact, text

_NUMBER = re.compile(r"[+-]?[\d_]*[.,]?\d+\Z")


class _Ask(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class NoWords(_Ask, frozen=True):
    """No arguments."""


class ListsAsk(_Ask, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=1000, description="At most so many.")] = 200


class StashShowAsk(_Ask, frozen=True):
    name: Annotated[str, Meta(description="The stash.")]


# ── as people say it ────────────────────────────────────────────────────────────────────────────


def trade_words(words: Sequence[str]) -> dict[str, Any]:
    """`SBER 300000` or `100 SBER`, and a bound behind it: `100 SBER 250.5`."""
    if len(words) not in (2, 3):
        raise WordsWrong
    first, second = as_number(words[0]), as_number(words[1])
    if (first is None) == (second is None):
        raise WordsWrong
    bound = {"limit": _wanted(words[2])} if len(words) == 3 else {}
    if first is not None:
        return {"ticker": words[1], "qty": first, **bound}
    return {"ticker": words[0], "sum": second, **bound}


def nuke_words(words: Sequence[str]) -> dict[str, Any]:
    """`SBER 400000`; the sum may come first, too."""
    if len(words) != 2:
        raise WordsWrong
    first, second = as_number(words[0]), as_number(words[1])
    if (first is None) == (second is None):
        raise WordsWrong
    return {"ticker": words[0] if first is None else words[1], "sum": first or second}


def spread_words(words: Sequence[str]) -> dict[str, Any]:
    """`SiZ6 SiH7 120.5 10`, then buy or sell, then the ratio."""
    sides = [word.lower() for word in words if word.lower() in ("buy", "sell")]
    rest = [word for word in words if word.lower() not in ("buy", "sell")]
    if len(rest) not in (4, 5) or len(sides) > 1:
        raise WordsWrong
    price = as_number(rest[2], signed=True)
    if price is None:
        raise WordsWrong
    made: dict[str, Any] = {"far": rest[0], "near": rest[1], "price": price, "qty": _wanted(rest[3])}
    if len(rest) == 5:
        made["ratio"] = _wanted(rest[4])
    return {**made, "side": sides[0]} if sides else made


def ladder_words(words: Sequence[str]) -> dict[str, Any]:
    """Tickers; a number is the sum for each order. Nothing at all: as the lists say."""
    sums = [one for word in words if (one := as_number(word)) is not None]
    tickers = [word for word in words if as_number(word) is None]
    if len(sums) > 1:
        raise WordsWrong
    made: dict[str, Any] = {"tickers": " ".join(tickers)} if tickers else {}
    return {**made, "sum": sums[0]} if sums else made


def amend_words(words: Sequence[str]) -> dict[str, Any]:
    """`sell-sber-7 qty=50 price=250.5`."""
    if len(words) < 2:
        raise WordsWrong
    made: dict[str, Any] = {"name": words[0]}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        name = {"amount": "qty"}.get(name.lower(), name.lower())
        if not equals or name in made or name not in ("qty", "price", "sum", "levels"):
            raise WordsWrong
        if name == "levels":
            made[name] = value
            continue
        number = as_number(value, signed=True)
        if number is None:
            raise WordsWrong
        made[name] = number
    return made


def list_words(words: Sequence[str]) -> dict[str, Any]:
    """The name of the list, then its items."""
    if not words:
        raise WordsWrong
    return {"name": words[0].lower(), "items": " ".join(words[1:])}


def items_words(words: Sequence[str]) -> dict[str, Any]:
    if len(words) < 2:
        raise WordsWrong
    return list_words(words)


def as_number(word: str, signed: bool = False) -> str | None:
    """A number as people type it, with a comma or a point; None where it is none, or not above zero."""
    if not _NUMBER.match(word):
        return None
    try:
        found = exact(word.replace("_", "").replace(",", "."))
    except BadNumber:
        return None
    return text(found) if signed or found > ZERO else None


def _wanted(word: str) -> str:
    number = as_number(word)
    if number is None:
        raise WordsWrong
    return number


# ── the deeds ───────────────────────────────────────────────────────────────────────────────────

TASK_DEEDS: tuple[Deed, ...] = (
    Deed(
        "tasks",
        "Tasks at work: how far they are, at which average, what they wait for.",
        NoWords,
        call="tasks",
    ),
    Deed("sellbuy", "The tasks that sell or buy, and their progress.", NoWords, call="sellbuy"),
    verb_deed(
        "sell",
        "task.sell",
        "Sell at the best ask, following it: an amount, or for a sum.",
        trade_words,
        "<ticker> <sum> or <amount> <ticker>",
    ),
    verb_deed(
        "buy",
        "task.buy",
        "Buy at the best bid, following it: an amount, or for a sum.",
        trade_words,
        "<ticker> <sum> or <amount> <ticker>",
    ),
    verb_deed("dump", "task.dump", "Trade the whole position of a market away, at the best ask or bid."),
    Deed("spreads", "The spreads at work, and their progress.", NoWords, call="spreads"),
    Deed(
        "sprices",
        "The prices of all spreads now; of those not trading, when they open.",
        NoWords,
        call="sprices",
    ),
    verb_deed(
        "spread",
        "task.spread",
        "Trade a future against its share or another future at a spread.",
        spread_words,
        "<far> <near> <price> <amount> [buy or sell] [ratio]",
    ),
    verb_deed(
        "stops",
        "task.stops",
        "Buy far below the price, by stop orders: the whitelist less the blacklist, or named tickers.",
        ladder_words,
        "[tickers] [sum]",
    ),
    verb_deed(
        "shorts",
        "task.shorts",
        "Sell far above the price, by stop orders: the whitelist less the blacklist, or named tickers.",
        ladder_words,
        "[tickers] [sum]",
    ),
    verb_deed(
        "nuke",
        "task.nuke",
        "Buy a few per cent below the price of one ticker, a sum parted among the levels.",
        nuke_words,
        "<ticker> <sum>",
    ),
    verb_deed(
        "amend",
        "task.amend",
        "Change the amount or price of a running task, or the sum and levels of its orders.",
        amend_words,
        "<task> [qty=...] [price=...] [sum=...] [levels=...]",
    ),
    verb_deed(
        "stop", "task.stop", "Stop every task, or those of one kind: each balances what it holds and ends."
    ),
    Deed("stashes", "The stop orders that were saved, by name.", NoWords, call="stashes"),
    Deed("stash show", "The orders of a stash.", StashShowAsk, read="stash"),
    verb_deed("stash save", "stash.save", "Save every stop order of an account under a name."),
    verb_deed("stash restore", "stash.restore", "Put the orders of a stash back as they were."),
    verb_deed("stash drop", "stash.drop", "Forget a stash; orders that stand stay."),
    Deed("lists", "The lists that people keep: tickers, levels, sums.", ListsAsk, read="lists"),
    verb_deed(
        "list set", "list.set", "Have a list hold these items and no others.", list_words, "<list> [items]"
    ),
    verb_deed("list add", "list.add", "Add items to a list.", items_words, "<list> <items>"),
    verb_deed("list drop", "list.drop", "Take items out of a list.", items_words, "<list> <items>"),
)

TASK_FIELDS: dict[str, str] = {
    "ticker": "What: SBER; where several accounts list it, like tinvest/main:SBER.",
    "sum": "For how much money; for `stops` and `shorts`, for how much each order.",
    "qty": "How many, in pieces or contracts.",
    "limit": "Never sell below it (or buy above it); 0 is no limit.",
    "far": "The leg that is worked: a future.",
    "near": "The leg that is evened out at once: its share, or another future.",
    "price": "The price.",
    "side": "What is done on the far leg: buy or sell.",
    "ratio": "Units of the near leg for one of the far leg; 0: as the contracts say.",
    "tickers": "What to place orders for, with commas between; empty: the whitelist less the blacklist.",
    "levels": "Per cents, with commas between, like 15,20,25; empty: as the list says.",
    "expires": "How long the orders stand: 120m, 8h, 7d, or none; empty: as the list says.",
    "items": "What it holds, with commas or spaces between.",
    "cancel": "Then cancel them all.",
}

_OF_TASKS = ("sell", "buy", "dump", "spread", "stops", "shorts", "nuke")
TASK_OWN_FIELDS: dict[tuple[str, str], str] = {
    **{(deed, "name"): "What the task is called; empty: a name is made." for deed in _OF_TASKS},
    ("amend", "name"): "The task.",
    ("amend", "price"): "Its new price: of a spread, the spread; of a sale or purchase, its limit.",
    ("amend", "qty"): "Its new amount, what is done already included.",
    ("amend", "sum"): "Its new sum for each order.",
    ("amend", "levels"): "Its new levels.",
    ("spread", "price"): "The spread, far - ratio * near, that it must be better than.",
    ("spread", "qty"): "How much of the far leg.",
    ("stop", "kind"): "Only tasks of this kind: peg, spread, ladder, ...",
    **{(f"stash {what}", "name"): "The stash." for what in ("save", "restore", "drop")},
    **{(f"list {what}", "name"): "The list." for what in ("set", "add", "drop")},
}
