"""Tasks as traders see them: how much is done, at which average, what each waits for. From a `Status`, pure.

A task is a bot at work. What its kind calls amount, price and legs is read from its parameters; a kind that
is not known here is a task with no amount.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from kedge.model.instrument import symbol_of
from kedge.model.looks import BotLook, MarketLook, SlotLook, Status
from kedge.model.numbers import ZERO, BadNumber, exact, text

AT_WORK = ("running", "paused", "stopping", "parked")
SELLBUY, SPREADS = ("peg",), ("spread",)
_FINER = Decimal("0.0001")


class TaskLine(Struct, frozen=True):
    """One task. Amount and price are zero where it has none."""

    task: str
    kind: str
    phase: str
    what: str  # "SBER", "SiZ6 / SiH7", "12 markets"
    side: str
    amount: Decimal
    done: Decimal
    average: Decimal
    price: Decimal  # the spread asked for, the bound of a sale or purchase
    now: str  # what it does, or what it waits for

    @property
    def progress(self) -> str:
        """[executed / amount] at avg."""
        at = f" at {text(self.average)}" if self.average else ""
        if self.amount:
            return f"[{text(self.done)} / {text(self.amount)}]{at}"
        return f"[{text(self.done)}]{at}" if self.done else ""


class PriceLine(Struct, frozen=True):
    """What a spread could be traded at now."""

    task: str
    far: str
    near: str
    ratio: Decimal
    sell: Decimal  # far at its ask, where we rest, less what the near leg pays to buy
    buy: Decimal
    side: str
    wanted: Decimal
    age_ns: int
    open: bool
    opens_ns: int  # when both legs trade again; 0: not known
    why: str


# ── tasks ───────────────────────────────────────────────────────────────────────────────────────


def tasks_of(status: Status, kinds: Sequence[str] = ()) -> tuple[TaskLine, ...]:
    """Those at work, of these kinds or of all."""
    return tuple(
        _READ.get(bot.kind, _other)(bot)
        for bot in status.bots
        if bot.phase in AT_WORK and (not kinds or bot.kind in kinds)
    )


def asked_for(status: Status, call: str) -> tuple[TaskLine, ...]:
    """By the name of the deed: tasks, sellbuy, spreads."""
    return tasks_of(status, {"sellbuy": SELLBUY, "spreads": SPREADS}.get(call, ()))


def _peg(bot: BotLook) -> TaskLine:
    side = str(bot.config.get("side", ""))
    slot = _slot(bot, "main")
    amount = _number(bot.config, "qty") or _number(bot.state, "qty")
    done, average = _traded(slot, side)
    bound = _number(bot.config, "limit")
    what = symbol_of(str(bot.config.get("market", "")))
    return _line(bot, what, side, amount, done, average, bound)


def _spread(bot: BotLook) -> TaskLine:
    side = str(bot.config.get("side", ""))
    far, near = _slot(bot, "far"), _slot(bot, "near")
    done, far_average = _traded(far, side)
    near_done, near_average = _traded(near, "buy" if side == "sell" else "sell")
    ratio = _number(bot.state, "ratio") or _number(bot.config, "ratio")
    average = far_average - ratio * near_average if done and near_done else ZERO
    what = f"{symbol_of(str(bot.config.get('far', '')))} / {symbol_of(str(bot.config.get('near', '')))}"
    amount, price = _number(bot.config, "qty"), _number(bot.config, "price")
    return _line(bot, what, side, amount, done, average, price)


def _orders(bot: BotLook) -> TaskLine:
    """A ladder or a stash: how many of its orders stand, and how many have traded."""
    rungs = bot.state.get("rungs") or bot.config.get("orders") or ()
    count = len(rungs) if isinstance(rungs, (list, tuple)) else 0
    traded = sum(1 for slot in bot.slots if slot.bought or slot.sold)
    markets = dict.fromkeys(symbol_of(slot.market) for slot in bot.slots if slot.market)
    what = ", ".join(markets) if len(markets) <= 3 else f"{len(markets)} markets"
    standing = sum(1 for slot in bot.slots if slot.order is not None and not slot.order.change)
    side = str(bot.config.get("side", ""))
    line = _line(bot, what, side, Decimal(count), Decimal(traded), ZERO, ZERO)
    return (
        line if bot.waits_for else _saying(line, f"{standing} of {count} orders stand, {traded} have traded")
    )


def _other(bot: BotLook) -> TaskLine:
    markets = dict.fromkeys(symbol_of(slot.market) for slot in bot.slots if slot.market)
    side, amount = str(bot.config.get("side", "")), _number(bot.config, "qty")
    done = max((slot.bought + slot.sold for slot in bot.slots), default=ZERO)
    return _line(bot, " / ".join(markets), side, amount, done, ZERO, ZERO)


_READ: dict[str, Callable[[BotLook], TaskLine]] = {
    "peg": _peg,
    "spread": _spread,
    "ladder": _orders,
    "stash": _orders,
}


def _line(
    bot: BotLook, what: str, side: str, amount: Decimal, done: Decimal, average: Decimal, price: Decimal
) -> TaskLine:
    average = average.quantize(_FINER) if average else ZERO
    return TaskLine(bot.bot, bot.kind, bot.phase, what, side, amount, done, average, price, _now(bot))


def _saying(line: TaskLine, now: str) -> TaskLine:
    return TaskLine(**{**{name: getattr(line, name) for name in line.__struct_fields__}, "now": now})


def _now(bot: BotLook) -> str:
    if bot.phase in ("parked", "paused"):
        return bot.why or bot.phase
    held = next((f"{slot.slot}: {slot.held}" for slot in bot.slots if slot.held), "")
    says = str(bot.state.get("why") or "")
    wants = next((slot.wants for slot in bot.slots if slot.wants != "nothing"), "")
    return bot.waits_for or held or says or wants or bot.last_word


# ── prices of spreads ───────────────────────────────────────────────────────────────────────────


def prices_of(status: Status) -> tuple[PriceLine, ...]:
    markets = {one.market: one for account in status.accounts for one in account.markets}
    found = [bot for bot in status.bots if bot.kind in SPREADS and bot.phase in AT_WORK]
    return tuple(line for bot in found if (line := _price(bot, markets)) is not None)


def _price(bot: BotLook, markets: dict[str, MarketLook]) -> PriceLine | None:
    far = markets.get(str(bot.config.get("far", "")))
    near = markets.get(str(bot.config.get("near", "")))
    if far is None or near is None:
        return None
    ratio = _number(bot.state, "ratio") or _number(bot.config, "ratio")
    sell = far.ask - ratio * near.ask if ratio and far.ask and near.ask else ZERO
    buy = far.bid - ratio * near.bid if ratio and far.bid and near.bid else ZERO
    is_open = far.open and near.open
    opens = [one.opens_ns for one in (far, near) if not one.open]
    why = next((f"{symbol_of(one.market)} {one.why}" for one in (far, near) if one.why), "")
    return PriceLine(
        task=bot.bot,
        far=symbol_of(far.market),
        near=symbol_of(near.market),
        ratio=ratio,
        sell=sell,
        buy=buy,
        side=str(bot.config.get("side", "")),
        wanted=_number(bot.config, "price"),
        age_ns=max(far.age_ns, near.age_ns),
        open=is_open,
        opens_ns=max(opens) if opens and all(opens) else 0,
        why=why,
    )


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _slot(bot: BotLook, name: str) -> SlotLook | None:
    return next((slot for slot in bot.slots if slot.slot == name), None)


def _traded(slot: SlotLook | None, side: str) -> tuple[Decimal, Decimal]:
    if slot is None:
        return ZERO, ZERO
    if side == "sell":
        return slot.sold, slot.sold_average
    return slot.bought, slot.bought_average


def _number(values: dict[str, Any], name: str) -> Decimal:
    try:
        return exact(str(values.get(name) or 0))
    except BadNumber:
        return ZERO
