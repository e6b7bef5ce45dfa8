"""What is listed: some six hundred instruments, made from `board.txt` for the day that it is.

A `Paper` is one instrument with everything the venue tells of it; `terms` is what of it the exchange needs.
Inside the exchange everything is a promise carried on margin (kind "linear", futures "points"), because
shares may be sold short here: what an account owns and what money it has is told by `purse.py`, which puts
the value at which positions were entered back into money.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.numbers import HUNDRED, ONE, ZERO
from kedge.sim.exchange import Terms
from kedge.sim.testnet.listings import inside
from kedge.sim.tinvest.calendar import DAY_NS, SECOND_NS, day_of

Kind = Literal["share", "etf", "bond", "currency", "future"]

FILE = Path(__file__).with_name("board.txt")
MONTHS = "FGHJKMNQUVXZ"
QUARTERS = (3, 6, 9, 12)
# So many expiries of each future are listed.
EXPIRIES = {"q": 4, "m": 5}
PERPETUAL_YEAR = 2100
NOMINAL = Decimal(1000)
COUPON_DAYS = 182
FEES = {"share": "0.0005", "etf": "0.0005", "bond": "0.0005", "currency": "0.0005", "future": "0.00025"}
LEVERAGES = {"share": 5, "etf": 2, "bond": 4, "currency": 6, "future": 6}
# How far a limit price may be from the middle of the day's corridor.
BANDS = {"share": "0.3", "etf": "0.3", "bond": "0.2", "currency": "0.15", "future": "0.2"}
MAX_QTY = Decimal(10**12)
MARKET_COLLAR = Decimal("0.1")


class Paper(Struct, frozen=True):
    """One instrument. `key`: papers of one key move together; `price` is what the first day begins with."""

    kind: Kind
    ticker: str
    class_code: str
    name: str
    lot: int
    tick: Decimal
    price: Decimal
    schedule: str
    key: str
    currency: str = "rub"
    shortable: bool = False
    weekend: bool = False
    qualified: bool = False
    by_api: bool = True
    dividend: Decimal = ZERO  # % of the price, a year
    what: str = ""  # the currency's own code
    coupon: Decimal = ZERO  # % of the nominal, a year
    # Futures. `asset` is the underlying's name, `share` the ticker of a share it is of.
    asset: str = ""
    asset_kind: str = ""
    asset_size: Decimal = ZERO
    share: str = ""
    tick_value: Decimal = ZERO
    expires_ns: int = 0  # of futures; of bonds the maturity
    perpetual: bool = False

    @property
    def symbol(self) -> str:
        """Inside the exchange."""
        return inside(self.class_code, self.ticker)

    @property
    def uid(self) -> str:
        return uuid_of(f"instrument:{self.symbol}")

    @property
    def position_uid(self) -> str:
        return uuid_of(f"position:{self.symbol}")

    @property
    def asset_uid(self) -> str:
        return uuid_of(f"asset:{self.ticker}")

    @property
    def figi(self) -> str:
        if self.kind == "future":
            return f"FUT{_digest(self.symbol)[:9].upper()}"
        return f"BBG00{_digest(self.symbol)[:7].upper()}"

    @property
    def isin(self) -> str:
        return "" if self.kind in ("future", "currency") else f"RU{_digest(self.ticker)[:10].upper()}"

    @property
    def margin_rate(self) -> Decimal:
        """Initial margin, as a fraction of the value."""
        return ONE / LEVERAGES[self.kind]

    @property
    def owned(self) -> bool:
        """Whether it is paid for when it is bought."""
        return self.kind != "future"

    def terms(self) -> Terms:
        """For the exchange."""
        fee = Decimal(FEES[self.kind])
        return Terms(
            self._instrument(),
            maker_fee=fee,
            taker_fee=fee,
            fee_step=Decimal("0.01"),
            leverage_max=Decimal(LEVERAGES[self.kind]),
            maintenance=self.margin_rate / 2,
            market_collar=MARKET_COLLAR,
        )

    def accrued(self, now_ns: int) -> Decimal:
        """Accrued interest of one bond."""
        if self.kind != "bond":
            return ZERO
        days = COUPON_DAYS - (day_of(self.expires_ns) - day_of(now_ns)) % COUPON_DAYS
        return (NOMINAL * self.coupon * days / 36500).quantize(Decimal("0.01"))

    def _instrument(self) -> Instrument:
        future = self.kind == "future"
        lot = Decimal(self.lot)
        return Instrument(
            self.symbol,
            "points" if future else "linear",
            self.ticker,
            self.currency,
            self.currency,
            self.tick,
            lot,
            min_qty=lot,
            max_qty=MAX_QTY,
            lot=lot,
            multiplier=NOMINAL / HUNDRED if self.kind == "bond" else ONE,
            tick_value=self.tick_value,
            expires_ns=self.expires_ns if future and not self.perpetual else 0,
        )


@lru_cache(4)
def board(day: int) -> tuple[Paper, ...]:
    """Everything that is listed on this day (`calendar.day_of`)."""
    today = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()
    sections = _sections()
    shares = [_share(row) for row in sections["shares"]]
    papers = [*shares, *(_elsewhere(row) for row in sections["elsewhere"])]
    for row in sections["share futures"]:
        papers += _share_futures(row, shares, today)
    for row in sections["other futures"]:
        papers += _other_futures(row, today)
    papers += [_perpetual(row) for row in sections["perpetuals"]]
    papers += [_state_bond(row) for row in sections["state bonds"]]
    for row in sections["company bonds"]:
        papers += _company_bonds(row)
    papers += [_fund(row) for row in sections["funds"]]
    papers += [_currency(row) for row in sections["currencies"]]
    return tuple(papers)


@lru_cache(8192)
def uuid_of(name: str) -> str:
    """The same name, the same UUID."""
    found = _digest(name)
    return f"{found[:8]}-{found[8:12]}-4{found[13:16]}-8{found[17:20]}-{found[20:32]}"


# ── the file ────────────────────────────────────────────────────────────────────────────────────


@lru_cache(1)
def _sections() -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in FILE.read_text("utf-8").splitlines():
        if line.startswith("["):
            rows = found[line.strip("[]")] = []
        elif line and not line.startswith("#"):
            rows.append(line.split("|"))
    return found


def _share(row: list[str]) -> Paper:
    ticker, name, lot, tick, price, dividend, flags = row
    return Paper(
        "share",
        ticker,
        "TQBR",
        name,
        int(lot),
        Decimal(tick),
        Decimal(price),
        _schedule(flags),
        ticker,
        shortable="s" in flags,
        weekend="w" in flags,
        qualified="q" in flags,
        by_api="n" not in flags,
        dividend=Decimal(dividend),
    )


def _elsewhere(row: list[str]) -> Paper:
    ticker, name, class_code, currency, tick, price = row
    key = f"{ticker}@{class_code}"
    sizes = (1, Decimal(tick), Decimal(price))
    return Paper("share", ticker, class_code, name, *sizes, "moex_close", key, currency, by_api=False)


def _share_futures(row: list[str], shares: list[Paper], today: date) -> Iterator[Paper]:
    ticker, code, units, tick = row
    share = next(one for one in shares if one.ticker == ticker)
    for year, month in _expiries(today, "q"):
        yield Paper(
            "future",
            _future_ticker(code, year, month),
            "SPBFUT",
            f"{code}-{month}.{year % 100} {share.name}",
            1,
            Decimal(tick),
            share.price * int(units),
            "FORTS_EVENING",
            share.key,
            shortable=True,
            asset=ticker,
            asset_kind="TYPE_SECURITY",
            asset_size=Decimal(units),
            share=ticker,
            tick_value=Decimal(tick),
            expires_ns=_expiry_ns(year, month),
        )


def _other_futures(row: list[str], today: date) -> Iterator[Paper]:
    code, name, asset, kind, price, tick, worth, units, months = row
    for year, month in _expiries(today, months):
        yield Paper(
            "future",
            _future_ticker(code, year, month),
            "SPBFUT",
            f"{code}-{month}.{year % 100} {name}",
            1,
            Decimal(tick),
            Decimal(price),
            "FORTS_EVENING",
            asset,
            shortable=True,
            asset=asset,
            asset_kind=f"TYPE_{kind}",
            asset_size=Decimal(units),
            tick_value=Decimal(worth),
            expires_ns=_expiry_ns(year, month),
        )


def _perpetual(row: list[str]) -> Paper:
    ticker, name, asset, kind, price, tick, worth, units = row
    return Paper(
        "future",
        ticker,
        "SPBFUT",
        f"{ticker} {name}",
        1,
        Decimal(tick),
        Decimal(price),
        "FORTS_EVENING",
        asset,
        shortable=True,
        asset=asset,
        asset_kind=f"TYPE_{kind}",
        asset_size=Decimal(units),
        share=asset if kind == "SECURITY" else "",
        tick_value=Decimal(worth),
        expires_ns=_at_ns(date(PERPETUAL_YEAR, 1, 1)),
        perpetual=True,
    )


def _state_bond(row: list[str]) -> Paper:
    ticker, matures, coupon, price = row
    return _bond(ticker, "TQOB", f"ОФЗ {ticker[2:7]}", date.fromisoformat(matures), coupon, Decimal(price))


def _company_bonds(row: list[str]) -> Iterator[Paper]:
    issuer, count, coupon, price = row
    for number in range(1, int(count) + 1):
        name = f"{issuer} 001P-{number:02d}"
        ticker = f"RU000A10{_digest(name)[:4].upper()}"
        matures = date(2027 + number % 6, 1 + (number * 5) % 12, 3 + number * 2)
        yield _bond(ticker, "TQCB", name, matures, coupon, Decimal(price) + Decimal(number * 7 - 20) / 100)


def _bond(ticker: str, class_code: str, name: str, matures: date, coupon: str, price: Decimal) -> Paper:
    sizes = (1, Decimal("0.001"), price)
    at_ns = _at_ns(matures)
    return Paper(
        "bond", ticker, class_code, name, *sizes, "MOEX", ticker, coupon=Decimal(coupon), expires_ns=at_ns
    )


def _fund(row: list[str]) -> Paper:
    ticker, name, lot, tick, price, flags = row
    sizes = (int(lot), Decimal(tick), Decimal(price))
    schedule = _schedule(flags)
    weekend, shortable = "w" in flags, "s" in flags
    return Paper("etf", ticker, "TQTF", name, *sizes, schedule, ticker, shortable=shortable, weekend=weekend)


def _currency(row: list[str]) -> Paper:
    ticker, name, what, lot, tick, price = row
    sizes = (int(lot), Decimal(tick), Decimal(price))
    metal = what.startswith("x")
    key = {"cny": "CNY/RUB", "xau": "GOLD", "xag": "SILV"}.get(what, ticker)
    schedule = "FX_MTL" if metal else "FX"
    return Paper("currency", ticker, "CETS", name, *sizes, schedule, key, shortable=True, what=what)


def _schedule(flags: str) -> str:
    if "w" in flags:
        return "MOEX_EVENING_WEEKEND"
    return "MOEX_PLUS" if "e" in flags else "MOEX"


# ── expiries ────────────────────────────────────────────────────────────────────────────────────


def _expiries(today: date, months: str) -> Iterator[tuple[int, int]]:
    """The next years and months of a future; one that ends today is still listed."""
    year, month, found = today.year, today.month, 0
    while found < EXPIRIES[months]:
        fits = months == "m" or month in QUARTERS
        if fits and _third_thursday(year, month) >= today:
            found += 1
            yield year, month
        month += 1
        if month > 12:
            year, month = year + 1, 1


def _third_thursday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 14)


def _expiry_ns(year: int, month: int) -> int:
    """After the last trade of the main session of its last day."""
    return _at_ns(_third_thursday(year, month)) + 16 * 3600 * SECOND_NS


def _future_ticker(code: str, year: int, month: int) -> str:
    return f"{code}{MONTHS[month - 1]}{year % 10}"


def _at_ns(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_NS


@lru_cache(16384)
def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
