"""What traders ask for in their own words, made into bots: sell, buy, dump, a spread, stop orders, a nuke.

    planned(e, verb, args)   which bot that would be, and what it is in words; or why there can be none
    amend, stop              of tasks that run

A ticker becomes a market by what the accounts list; what is not said comes from the lists that people keep. A
plan changes nothing, so that it can be shown before it is agreed to. Bots are meant by the names of their
kinds and parameters, and are judged by their kinds as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_UP, Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct

from kedge.engine import lists
from kedge.engine.engine import Engine
from kedge.engine.tickers import market_called
from kedge.model import commands as c
from kedge.model import lists as known
from kedge.model.instrument import Instrument, symbol_of
from kedge.model.ledger import Position
from kedge.model.numbers import ONE, ZERO, divide, text
from kedge.model.order import Side
from kedge.model.sentences import unknown_name

SYMBOL_MOST = 24
SHOWN_MOST = 12
_CENT = Decimal("0.01")


class Plan(Struct, frozen=True):
    """A bot that is not there yet, and what it will do in one sentence."""

    add: c.BotAdd
    says: str


class Unclear(Exception):
    """It cannot be planned; the text is the sentence for the person."""


def planned(e: Engine, verb: str, args: Any) -> Plan | str:
    try:
        return PLANS[verb](e, args)
    except Unclear as why:
        return str(why)


# ── one market ──────────────────────────────────────────────────────────────────────────────────


def _sell(e: Engine, args: c.TaskTrade) -> Plan:
    return _trade(e, args, "sell")


def _buy(e: Engine, args: c.TaskTrade) -> Plan:
    return _trade(e, args, "buy")


def _trade(e: Engine, args: c.TaskTrade, side: Side) -> Plan:
    market = _market(e, args.ticker)
    if (args.sum > 0) == (args.qty > 0):
        raise Unclear(f"say either for how much ({args.ticker} 300000) or how many (100 {args.ticker})")
    how = {"qty": args.qty} if args.qty > 0 else {"money": args.sum}
    config = {"market": market, "side": side, **how, **({"limit": args.limit} if args.limit else {})}
    much = f"{text(args.qty)} of {market}" if args.qty > 0 else f"{market} for {text(args.sum)}"
    at = "ask" if side == "sell" else "bid"
    bound = f", at {text(args.limit)} or better" if args.limit else ""
    says = f"{side} {much} at the best {at}{bound}{_size(e, market, args)}"
    return _plan(e, args.name or _name(e, side, market), "peg", config, says)


def _size(e: Engine, market: str, args: c.TaskTrade) -> str:
    """What a sum comes to at the price of now, where one is known. Less than a lot is nothing to trade."""
    instrument, seen = e.desk.instrument(market), e.markets.get(market)
    price = seen.reference if seen is not None else ZERO
    if instrument is None or (args.sum > 0 and price <= 0):
        return ""
    lot = max(instrument.qty_step, instrument.min_qty)
    if args.qty > 0:
        cut = instrument.qty_at_most(args.qty)
        if cut <= 0:
            raise Unclear(f"{text(args.qty)} is less than a lot of {instrument.symbol}, which is {text(lot)}")
        return "" if cut == args.qty else f"; {text(args.qty - cut)} of it is no whole lot"
    cost = instrument.notional(ONE, price)
    cut = instrument.qty_at_most(divide(args.sum, cost))
    if cut <= 0:
        least = text((lot * cost).quantize(_CENT, ROUND_UP))
        raise Unclear(
            f"{text(args.sum)} is less than a lot of {instrument.symbol}: {least} {instrument.quote}"
        )
    return f", about {text(cut)}"


def _dump(e: Engine, args: c.TaskDump) -> Plan:
    market = _market(e, args.ticker)
    net = e.desk.net(market)
    if not net:
        raise Unclear(f"nothing is held in {market}")
    side: Side = "sell" if net > 0 else "buy"
    config = {"market": market, "side": side, "qty": abs(net)}
    says = f"{side} {text(abs(net))} of {market} at the best {'ask' if net > 0 else 'bid'}"
    return _plan(e, args.name or _name(e, "dump", market), "peg", config, f"{says}{_holders(e, market)}")


def _holders(e: Engine, market: str) -> str:
    """Bots that hold some of it keep their own count: they may trade it back."""
    held = [
        f"{row.name} {text(slot.position.qty)}"
        for row in e.desk.bots.values()
        for slot in row.slots.values()
        if slot.market == market and slot.position.qty
    ]
    outside = e.desk.account(market.partition(":")[0]).external.get(symbol_of(market), Position()).qty
    held += [f"the account {text(outside)}"] if outside else []
    return f"; held by {', '.join(held)}; bots keep their own count" if held else ""


# ── two legs ────────────────────────────────────────────────────────────────────────────────────


def _spread(e: Engine, args: c.TaskSpread) -> Plan:
    far, near = _market(e, args.far), _market(e, args.near)
    config: dict[str, Any] = {
        "far": far,
        "near": near,
        "side": args.side,
        "price": args.price,
        "qty": args.qty,
    }
    if args.ratio:
        config["ratio"] = args.ratio
    other, than = ("buy", "above") if args.side == "sell" else ("sell", "below")
    legs = f"{args.side} {text(args.qty)} of {far} and {other} {near}"
    says = f"{legs} while the spread is {than} {text(args.price)}"
    name = args.name or _name(e, "spread", far, near)
    return _plan(e, name, "spread", config, says)


# ── many levels ─────────────────────────────────────────────────────────────────────────────────


def _stops(e: Engine, args: c.TaskStops) -> Plan:
    """Buy far below the price: the whitelist less the blacklist, or what was named."""
    return _ladder(e, args, "stops", "buy", known.STOPS_LEVELS, known.STOP_BLACKLIST)


def _shorts(e: Engine, args: c.TaskStops) -> Plan:
    return _ladder(e, args, "shorts", "sell", known.SHORTS_LEVELS, known.SHORT_BLACKLIST)


def _ladder(e: Engine, args: c.TaskStops, what: str, side: Side, levels: str, blacklist: str) -> Plan:
    given = known.split(args.tickers)
    listed = given or lists.held(e, known.WHITELIST)
    if not listed:
        raise Unclear("the whitelist is empty; name tickers, or fill it: kedge list set whitelist SBER,GAZP")
    markets, skipped = _chosen(e, listed, side)
    barred = [] if given else _barred(e, markets, blacklist)
    chosen = [market for market in markets if market not in barred]
    left = _part("left out", skipped) + _part(f"on {blacklist}", _symbols(barred))
    if not chosen:
        raise Unclear(f"nothing is left to place orders for{left}")
    if args.sum < 0:
        raise Unclear("the sum must be above zero")
    steps, money = _levels(e, args.levels, levels), args.sum or lists.money(e, known.STOPS_SUM)
    minutes = _minutes(e, args.expires)
    config = {"markets": chosen, "money": money, "side": side, "levels": steps, "expires_min": minutes}
    way = "below" if side == "buy" else "above"
    says = (
        f"{len(chosen) * len(steps)} orders to {side} {_percents(steps)} {way} the price, {text(money)} each,"
        f" {_standing(minutes)}: {_some(_symbols(chosen))}{left}{_beside(e, what)}"
    )
    return _plan(e, args.name or _name(e, what), "ladder", config, says)


def _nuke(e: Engine, args: c.TaskNuke) -> Plan:
    """A sum parted among a few levels below the price of one market, in whole money."""
    market = _market(e, args.ticker)
    steps = _levels(e, args.levels, known.NUKE_LEVELS)
    each, minutes = args.sum // len(steps), _minutes(e, args.expires)
    if each <= 0:
        raise Unclear(f"Sum is too small: {text(args.sum)} for {len(steps)} orders")
    config = {"markets": [market], "money": each, "levels": steps, "expires_min": minutes, "strict": True}
    says = (
        f"{len(steps)} orders to buy {market} {_percents(steps)} below the price, {text(each)} each,"
        f" {_standing(minutes)}"
    )
    return _plan(e, args.name or _name(e, "nuke", market), "ladder", config, says)


def _chosen(e: Engine, tickers: Iterable[str], side: Side) -> tuple[list[str], list[str]]:
    """The markets that can be traded this way, and why the others cannot."""
    markets: dict[str, None] = {}
    skipped: list[str] = []
    for ticker in tickers:
        called = market_called(e, ticker)
        instrument = e.desk.instrument(called.market) if called.market else None
        if instrument is None:
            skipped.append(f"{ticker} ({called.wrong})")
        elif why := _cannot(e, called.market, instrument, side):
            skipped.append(f"{symbol_of(called.market)} ({why})")
        else:
            markets[called.market] = None
    return list(markets), skipped


def _cannot(e: Engine, market: str, instrument: Instrument, side: Side) -> str:
    if not instrument.listed:
        return "no longer listed"
    if instrument.expires_ns and e.now_ns >= instrument.expires_ns:
        return "expired"
    if side == "buy":
        return "" if instrument.can_buy else "cannot be bought"
    if not instrument.can_sell:
        return "cannot be sold"
    return "" if instrument.can_short or e.desk.net(market) > 0 else "cannot be sold short"


def _barred(e: Engine, markets: list[str], blacklist: str) -> list[str]:
    named = dict.fromkeys(market_called(e, ticker).market for ticker in lists.held(e, blacklist))
    return [market for market in markets if market in named]


def _levels(e: Engine, given: str, name: str) -> tuple[Decimal, ...]:
    if not given:
        return lists.levels(e, name)
    written = known.normal(name, known.split(given))
    if wrong := known.wrong(name, written):
        raise Unclear(wrong)
    found = known.levels(written)
    assert not isinstance(found, str), found
    return found


def _minutes(e: Engine, given: str) -> int:
    lasts_s = known.seconds(given) if given else lists.lasts_s(e, known.STOPS_EXPIRY)
    if lasts_s is None:
        raise Unclear(f"{given!r} is no time; write 120m, 8h or 7d, or the word none")
    return -(-lasts_s // 60)


def _percents(levels: tuple[Decimal, ...]) -> str:
    return f"{', '.join(text(level) for level in levels)} %"


def _standing(minutes: int) -> str:
    return f"for {minutes} min" if minutes else "until they are cancelled"


def _symbols(markets: Iterable[str]) -> list[str]:
    return [symbol_of(market) for market in markets]


def _some(words: Sequence[str]) -> str:
    more = f" and {len(words) - SHOWN_MOST} more" if len(words) > SHOWN_MOST else ""
    return ", ".join(words[:SHOWN_MOST]) + more


def _part(what: str, words: Sequence[str]) -> str:
    return f"; {what}: {_some(words)}" if words else ""


def _beside(e: Engine, what: str) -> str:
    """Orders of an earlier one stand still: that is said, as it may not be meant."""
    there = [row.name for row in e.desk.bots.values() if row.kind == "ladder" and row.phase == "running"]
    same = [name for name in there if name.startswith(f"{what}-")]
    return f"; beside {', '.join(same[:3])}, whose orders stand already" if same else ""


# ── running tasks ───────────────────────────────────────────────────────────────────────────────

# What amount, price, sum and levels are called by each kind.
_CALLED = {
    "qty": {"peg": "qty", "spread": "qty", "hedge": "qty", "pair": "qty"},
    "price": {"peg": "limit", "spread": "price", "ladder": "price"},
    "sum": {"ladder": "money"},
    "levels": {"ladder": "levels"},
}


def amended(e: Engine, args: c.TaskAmend) -> c.BotAmend | str:
    """The task's new parameters, by the names that its kind gives them."""
    row = e.desk.bots.get(args.name)
    if row is None:
        return unknown_name(args.name, e.desk.bots, "task")
    if row.phase in ("stopped", "killed"):
        return f"{args.name} is {row.phase}: {row.why or 'it has ended'}; start another task"
    steps = known.levels(known.split(args.levels)) if args.levels else None
    if isinstance(steps, str):
        return steps
    given = {"qty": args.qty, "price": args.price, "sum": args.sum, "levels": steps}
    given = {word: value for word, value in given.items() if value is not None}
    if not given:
        return "say what changes: qty, price, sum or levels"
    change: dict[str, Any] = {}
    for word, value in given.items():
        if row.kind not in _CALLED[word]:
            return f"a {row.kind} has no {word} to change; kedge bot amend changes the rest"
        change[_CALLED[word][row.kind]] = value
    if row.kind == "peg" and args.qty is not None:
        change["money"] = ZERO  # the sum was turned into an amount when it began
    return c.BotAmend(args.name, Raw(msgspec.json.encode(change)))


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _plan(e: Engine, name: str, kind: str, config: dict[str, Any], says: str) -> Plan:
    return Plan(c.BotAdd(name, kind, Raw(msgspec.json.encode(config))), says)


def _market(e: Engine, ticker: str) -> str:
    called = market_called(e, ticker)
    if called.wrong:
        raise Unclear(called.wrong)
    instrument = e.desk.instrument(called.market)
    if instrument is not None and not instrument.listed:
        raise Unclear(f"{called.market} is no longer listed")
    return called.market


def _name(e: Engine, what: str, *markets: str) -> str:
    """What it does, with what, and a number that no other bot has had."""
    symbols = [_plain(symbol_of(market)) for market in markets]
    return "-".join([what, *(symbol for symbol in symbols if symbol), str(e.desk.bots_made + 1)])


def _plain(symbol: str) -> str:
    kept = "".join(one if one.isascii() and one.isalnum() else "-" for one in symbol.lower())
    return kept.strip("-")[:SYMBOL_MOST]


PLANS: dict[str, Callable[[Engine, Any], Plan]] = {
    "task.sell": _sell,
    "task.buy": _buy,
    "task.dump": _dump,
    "task.spread": _spread,
    "task.stops": _stops,
    "task.shorts": _shorts,
    "task.nuke": _nuke,
}
