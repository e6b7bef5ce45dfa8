"""Figures that people ask for: equity, profit by day and week, exposure per asset. Pure.

Made from a `Status`, from rows of the tables (as structs or as plain data) and from nothing else; the web
and Telegram show the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from kedge.model.instrument import Instrument, account_of, symbol_of
from kedge.model.looks import Status
from kedge.model.numbers import ZERO, divide

DAY_NS = 86_400 * 1_000_000_000
WEEK_DAYS = 7

_BASE = re.compile(r"^([A-Z0-9]+?)(?:[-/_:].*|USDT.*|USDC.*|USD.*|PERP.*|EUR|BTC)?$")
# What people count in stands first.
MONEY_FIRST = ("USDT", "USDC", "USD", "EUR", "RUB", "BTC", "ETH")


class Money(Struct, frozen=True):
    """One asset that profit is counted in: everything since the journal began, and the latest spans."""

    asset: str
    equity: Decimal  # balances and open profit
    realised: Decimal
    unrealised: Decimal
    day: Decimal | None = None  # realised since midnight UTC; None while nobody knows
    week: Decimal | None = None  # realised in seven days, today included

    @property
    def total(self) -> Decimal:
        return self.realised + self.unrealised


class Leg(Struct, frozen=True):
    market: str
    bot: str  # "" is what others did on the account
    slot: str
    qty: Decimal  # in units of the base asset, signed
    worth: Decimal = ZERO  # at the mark, signed, in `quote`
    quote: str = ""


class Exposure(Struct, frozen=True):
    """What the desk holds of one asset over all venues, long and short against each other."""

    asset: str
    net: Decimal
    long: Decimal
    short: Decimal
    notional: Decimal  # of the net, at the mark, in quote money of whatever kind
    legs: tuple[Leg, ...]
    worth: dict[str, Decimal] = {}  # the same per quote asset: dollars and roubles are not added up

    @property
    def hedged(self) -> Decimal:
        """How much of it stands against something else."""
        return min(self.long, -self.short)


def moneys(status: Status, days: Iterable[Mapping[str, Any]] | None = None) -> list[Money]:
    """Per asset in which there is money or profit. `days`: rows of that table, this week's at least."""
    spans = None if days is None else spans_of(days, status.now_ns)
    assets: dict[str, None] = dict.fromkeys([*status.realised, *status.unrealised])
    held: dict[str, Decimal] = {}
    for account in status.accounts:
        for asset, amount in account.balances.items():
            held[asset] = held.get(asset, ZERO) + amount
    assets |= {asset: None for asset, amount in held.items() if amount}
    found = [_money(status, asset, held.get(asset, ZERO), spans) for asset in assets]
    return sorted(found, key=lambda money: (_rank(money.asset), money.asset))


def spans_of(days: Iterable[Mapping[str, Any]], now_ns: int) -> dict[str, tuple[Decimal, Decimal]]:
    """Asset to the profit that was taken today and in a week, fees and funding in that asset included."""
    today = now_ns // DAY_NS
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for row in days:
        asset, ago = str(row["settle"]), today - _day_number(row["day"])
        gain = Decimal(str(row["profit"]))
        day, week = found.get(asset, (ZERO, ZERO))
        found[asset] = (day + gain if ago == 0 else day, week + gain if ago < WEEK_DAYS else week)
    return found


def exposures(
    held: Iterable[Mapping[str, Any]], instruments: Mapping[str, Instrument] | None = None
) -> list[Exposure]:
    """From rows of `held` (positions as the engine has them now). `instruments` by market, where known."""
    legs: dict[str, list[Leg]] = {}
    for row in held:
        market = str(row["market"])
        if not Decimal(str(row["qty"])):
            continue
        instrument = (instruments or {}).get(market)
        asset = instrument.base if instrument else base_of(market)
        legs.setdefault(asset, []).append(_leg(row, market, instrument))
    found = [_exposure(asset, tuple(some)) for asset, some in legs.items()]
    return sorted(found, key=lambda one: (-abs(one.notional), one.asset))


def instrument_of(row: Mapping[str, Any]) -> Instrument:
    """A row of the table `instruments`, as the model has it; what it does not tell has its default."""
    given = {name: row[name] for name in Instrument.__struct_fields__ if name in row}
    return msgspec.convert(msgspec.to_builtins(given), Instrument, strict=False)


def base_qty(qty: Decimal, mark: Decimal, instrument: Instrument | None) -> Decimal:
    """A position in units of its base asset: contracts of an inverse future are quote money."""
    if instrument is None or instrument.kind in ("bond", "points"):
        return qty
    if instrument.kind == "inverse":
        return divide(qty * instrument.multiplier, mark) if mark else ZERO
    return qty * instrument.multiplier


def worth_of(qty: Decimal, mark: Decimal, instrument: Instrument | None) -> Decimal:
    """The same in quote money, signed."""
    if instrument is None:
        return qty * mark
    size = instrument.notional(qty, mark) if mark else ZERO
    return -size if qty < 0 else size


def base_of(market: str) -> str:
    """The asset a symbol begins with, where nobody has told the instrument: BTC-PERP, BTCUSDT, BTC/USDT."""
    symbol = symbol_of(market) or market
    match = _BASE.match(symbol.upper())
    return match[1] if match and match[1] else symbol


def urgent_about(need: str, status: Status) -> tuple[str, str]:
    """What a sentence of `needs` is about: ("bot", its name), ("order", ..), ("account", ..), ("", "")."""
    if need.startswith("the kill switch"):
        return "kill", ""
    words = re.findall(r"[\w./@:+-]+", need)
    tidy = [word.rstrip(".:") for word in words]
    for bot in status.bots:
        if bot.bot in tidy:
            return "bot", bot.bot
    for account in status.accounts:
        if any(word == account.account or account_of(word) == account.account for word in tidy):
            return "account", account.account
    return "", ""


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _money(
    status: Status, asset: str, balance: Decimal, spans: Mapping[str, tuple[Decimal, Decimal]] | None
) -> Money:
    open_profit = status.unrealised.get(asset, ZERO)
    day, week = (None, None) if spans is None else spans.get(asset, (ZERO, ZERO))
    return Money(
        asset, balance + open_profit, status.realised.get(asset, ZERO), open_profit, day=day, week=week
    )


def _leg(row: Mapping[str, Any], market: str, instrument: Instrument | None) -> Leg:
    """One position. Of coins that were bought, those paid as the fee are not held any more."""
    qty, mark = Decimal(str(row["qty"])), Decimal(str(row.get("mark") or 0))
    if instrument is not None and instrument.kind == "spot":
        qty -= Decimal(str((row.get("fees") or {}).get(instrument.base, 0)))
    quote = instrument.quote if instrument else ""
    amount, worth = base_qty(qty, mark, instrument), worth_of(qty, mark, instrument)
    return Leg(market, str(row["bot"]), str(row["slot"]), amount, worth, quote)


def _exposure(asset: str, legs: tuple[Leg, ...]) -> Exposure:
    long = sum((leg.qty for leg in legs if leg.qty > 0), ZERO)
    short = sum((leg.qty for leg in legs if leg.qty < 0), ZERO)
    worth: dict[str, Decimal] = {}
    for leg in legs:
        worth[leg.quote] = worth.get(leg.quote, ZERO) + leg.worth
    return Exposure(asset, long + short, long, short, sum(worth.values(), ZERO), legs, worth)


def _rank(asset: str) -> int:
    return MONEY_FIRST.index(asset) if asset in MONEY_FIRST else len(MONEY_FIRST)


def _day_number(day: object) -> int:
    """Days since 1970, from a number of days or from 2026-11-20."""
    if isinstance(day, int):
        return day
    year, month, date = (int(part) for part in str(day).split("-"))
    shifted = year - (month <= 2)
    era, of_era = divmod(shifted, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + date - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
