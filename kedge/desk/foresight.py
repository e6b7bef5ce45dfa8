"""What a task would be, before it is begun: the engine's own words, and what prices make of it now.

    seen = await foresee(link.desk("web").read, "task.stops", {"tickers": "SBER,GAZP"})
    seen.preview.says      the sentence; or why there can be none
    seen.rungs             each order of a ladder
    seen.spread            the ratio and what a spread costs now
    seen.legs              prices, lots and sessions of what it trades

Nothing is done, and nothing here decides: the bot reckons by itself when it begins, from the prices of then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct

from kedge.bots.ladder import LadderConfig
from kedge.bots.rungs import at_level, lots
from kedge.client import Refused
from kedge.desk.markets import Read, listed, quoted
from kedge.model.instrument import Instrument, Market, account_of, symbol_of
from kedge.model.looks import Preview, QuoteLook
from kedge.model.numbers import ZERO, BadNumber, exact
from kedge.model.order import Side
from kedge.model.ratio import ratio_of

# Lines that a person reads before agreeing; the rest is counted.
RUNGS_SHOWN = 300
# Without a price it waits for one; the sum buys no lot; the price is too low for the level.
WhyNot = Literal["", "no price", "no lot", "too low"]


class Leg(Struct, frozen=True):
    """One market of the task, with its prices now. `quote` is None where the venue told none."""

    market: Market
    instrument: Instrument
    quote: QuoteLook | None = None

    @property
    def last(self) -> Decimal:
        """What a ladder begins from: the last price, or the middle of the book."""
        if self.quote is None:
            return ZERO
        middle = (self.quote.bid + self.quote.ask) / 2 if self.quote.bid and self.quote.ask else ZERO
        return self.quote.last or middle


class SpreadNow(Struct, frozen=True):
    """What far - ratio * near is now. `sell` is far at its ask, where we rest, less what the near leg pays
    to buy; zero where a side of a book is missing."""

    ratio: Decimal
    by_contracts: bool
    sell: Decimal
    buy: Decimal


class RungLine(Struct, frozen=True):
    """One order of a ladder. Without a quantity there is none, and `why` says so."""

    market: Market
    level: Decimal
    trigger: Decimal
    qty: Decimal
    money: Decimal
    settle: str
    why: WhyNot = ""


class Foreseen(Struct, frozen=True):
    preview: Preview
    legs: tuple[Leg, ...] = ()
    spread: SpreadNow | None = None
    rungs: tuple[RungLine, ...] = ()
    said: tuple[str, ...] = ()  # what prices could not be had, and why

    @property
    def placed(self) -> int:
        return sum(1 for rung in self.rungs if rung.qty)


async def foresee(read: Read, verb: str, args: Mapping[str, Any]) -> Foreseen:
    """Raises `Refused`, `DeskAway`."""
    preview = msgspec.convert(await read("preview", verb=verb, args=dict(args)), Preview)
    if not preview.ok:
        return Foreseen(preview)
    config = preview.config
    if preview.kind == "ladder":
        ladder = msgspec.convert(config, LadderConfig, strict=False)
        legs, said = await legs_of(read, [name for name in ladder.markets if name not in ladder.without])
        return Foreseen(preview, legs, None, rungs_of(ladder, legs), said)
    markets = [str(config[name]) for name in ("far", "near", "market") if config.get(name)]
    legs, said = await legs_of(read, markets)
    found = {leg.market: leg for leg in legs}
    far, near = found.get(str(config.get("far", ""))), found.get(str(config.get("near", "")))
    now = spread_now(far, near, _number(config.get("ratio"))) if far and near else None
    return Foreseen(preview, legs, now, (), said)


async def legs_of(read: Read, markets: Sequence[Market]) -> tuple[tuple[Leg, ...], tuple[str, ...]]:
    """These markets with their prices now, in this order; and what of that cannot be told."""
    by_account: dict[str, list[Market]] = {}
    for market in dict.fromkeys(markets):
        by_account.setdefault(account_of(market), []).append(market)
    known: dict[Market, Instrument] = {}
    quotes: dict[Market, QuoteLook] = {}
    said: list[str] = []
    for account, wanted in by_account.items():
        known |= {one.market: one.instrument for one in await listed(read, account)}
        try:
            told = await quoted(read, account, ",".join(symbol_of(market) for market in wanted))
        except Refused as refused:
            said.append(str(refused))
            continue
        quotes |= {look.market: look for look in told}
    legs = [Leg(market, known[market], quotes.get(market)) for market in markets if market in known]
    return tuple(legs), tuple(said)


# ── reckoning ───────────────────────────────────────────────────────────────────────────────────


def spread_now(far: Leg, near: Leg, given: Decimal = ZERO) -> SpreadNow:
    """By the ratio that was given, or by the one of the contracts; zero where they do not tell it."""
    ratio = given or ratio_of(far.instrument, near.instrument)
    return SpreadNow(ratio, not given, _side(far, near, ratio, "sell"), _side(far, near, ratio, "buy"))


def rungs_of(config: LadderConfig, legs: Sequence[Leg]) -> tuple[RungLine, ...]:
    """Every order of the ladder at the prices of now."""
    return tuple(_rung(config, leg, level) for leg in legs for level in config.levels)


def _rung(config: LadderConfig, leg: Leg, level: Decimal) -> RungLine:
    it, base = leg.instrument, config.price or leg.last
    if not base:
        return RungLine(leg.market, level, ZERO, ZERO, ZERO, it.settle, "no price")
    price = at_level(base, level, config.side, config.order)
    trigger, qty = it.price_at_most(price), lots(it, config.money, price)
    if not qty or trigger <= 0:
        why: WhyNot = "no lot" if trigger > 0 else "too low"
        return RungLine(leg.market, level, trigger, ZERO, ZERO, it.settle, why)
    return RungLine(leg.market, level, trigger, qty, it.notional(qty, trigger), it.settle)


def _side(far: Leg, near: Leg, ratio: Decimal, side: Side) -> Decimal:
    if far.quote is None or near.quote is None or not ratio:
        return ZERO
    ours, theirs = (far.quote.ask, near.quote.ask) if side == "sell" else (far.quote.bid, near.quote.bid)
    return ours - ratio * theirs if ours and theirs else ZERO


def _number(given: object) -> Decimal:
    try:
        return exact(str(given or 0))
    except BadNumber:
        return ZERO
