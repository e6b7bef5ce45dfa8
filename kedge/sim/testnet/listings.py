"""What the testnets list: real names, steps, minimums and fees of Bybit and Binance, and a newcomer's money.

Inside one exchange a symbol begins with its category, for the same name may be traded in several:
"spot:BTCUSDT" and "linear:BTCUSDT" are two books. `inside` and `outside` go from one to the other.

A venue whose customers have several wallets (Binance: spot and futures) gives each an account of its own
inside the exchange: `wallet("main", "usdm")` is "main:usdm". Bybit's unified account is just "main".

The numbers are those of the venues' instrument lists in 2025 and 2026, as far as an `Instrument` can say
them; what else a list tells (limits of market orders, kind of contract) stands beside it in `Listed`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from kedge.model.instrument import Instrument, InstrumentKind
from kedge.model.numbers import ONE, ZERO
from kedge.sim.exchange import ExchangeConfig, Terms
from kedge.sim.market import MarketConfig
from kedge.sim.newcomer import HOUR_NS, future_symbol, market_for, quarter_after

Category = Literal["spot", "linear", "inverse", "usdm"]
Contract = Literal["spot", "perpetual", "quarter"]
DAY_NS = 24 * HOUR_NS


class Listed(Struct, frozen=True):
    """One instrument of a venue. `name` is what the venue calls it."""

    category: Category
    name: str
    contract: Contract
    terms: Terms
    market_max_qty: Decimal = ZERO  # 0: as much as any order

    @property
    def symbol(self) -> str:
        """Inside the exchange."""
        return self.terms.instrument.symbol

    @property
    def instrument(self) -> Instrument:
        return self.terms.instrument


class Listings(Struct, frozen=True):
    """Everything a venue lists at one moment, and what a new customer is given in each wallet."""

    venue: str
    listed: tuple[Listed, ...]
    exchange: ExchangeConfig
    wallets: dict[str, dict[str, Decimal]]

    def market(self) -> MarketConfig:
        """Coins that move together, and a market in each instrument."""
        return market_for(self.exchange)


def inside(category: str, name: str) -> str:
    return f"{category}:{name}"


def outside(symbol: str) -> tuple[str, str]:
    """Category and the venue's own name."""
    category, _, name = symbol.partition(":")
    return category, name


def wallet(account: str, name: str) -> str:
    """The account inside the exchange; the wallet "" is the account itself."""
    return f"{account}:{name}" if name else account


# ── Bybit ───────────────────────────────────────────────────────────────────────────────────────


def bybit(now_ns: int) -> Listings:
    """Spot, linear and inverse of one unified account; a dated future of each kind, of this quarter."""
    end_ns = quarter_after(now_ns)
    listed = (
        _spot("BTCUSDT", "0.01", "0.000001", "71.73956243", "5", market="35"),
        _spot("ETHUSDT", "0.01", "0.00001", "1878.2340843", "5", market="900"),
        _spot("SOLUSDT", "0.01", "0.001", "21000", "5", market="10000"),
        _linear("BTCUSDT", "0.1", "0.001", "1190", market="500"),
        _linear("ETHUSDT", "0.01", "0.01", "7240", market="4000"),
        _linear("SOLUSDT", "0.01", "0.1", "79800", market="12000"),
        _linear(future_symbol("BTCUSDT", end_ns), "0.1", "0.001", "150", market="75", end_ns=end_ns),
        _inverse("BTCUSD", "0.1", "25000000", market="5000000"),
        _inverse("ETHUSD", "0.01", "10000000", market="2000000"),
        _inverse(month_symbol("BTCUSD", end_ns), "0.5", "10000000", market="2000000", end_ns=end_ns),
    )
    exchange = ExchangeConfig(
        terms=tuple(one.terms for one in listed),
        id_scope="forever",
        post_only_cancels=True,
        insurance={"USDT": Decimal(10_000_000), "BTC": Decimal(200), "ETH": Decimal(2_000)},
        retention_ns=30 * DAY_NS,
    )
    money = {
        "USDT": Decimal(100_000),
        "BTC": Decimal(2),
        "ETH": Decimal(20),
        "SOL": Decimal(200),
    }
    return Listings("bybit", listed, exchange, {"": money})


# ── Binance ─────────────────────────────────────────────────────────────────────────────────────


def binance(now_ns: int) -> Listings:
    """Spot and USDⓈ-M futures: two wallets, one set of coins."""
    end_ns = quarter_after(now_ns)
    quarter = f"BTCUSDT_{_day(end_ns):%y%m%d}"
    listed = (
        _spot("BTCUSDT", "0.01", "0.00001", "9000", "5", market="120"),
        _spot("ETHUSDT", "0.01", "0.0001", "9000", "5", market="2400"),
        _spot("SOLUSDT", "0.01", "0.001", "90000", "5", market="40000"),
        _spot("BNBUSDT", "0.01", "0.001", "900000", "5", market="5000"),
        _usdm("BTCUSDT", "0.1", "0.001", "1000", "100", market="120"),
        _usdm("ETHUSDT", "0.01", "0.001", "10000", "20", market="2000"),
        _usdm("SOLUSDT", "0.01", "0.01", "1000000", "5", market="5000"),
        _usdm(quarter, "0.1", "0.001", "500", "5", market="60", end_ns=end_ns),
    )
    exchange = ExchangeConfig(
        terms=tuple(one.terms for one in listed),
        id_scope="open",
        post_only_cancels=False,
        leverage=Decimal(20),
        insurance={"USDT": Decimal(10_000_000)},
        retention_ns=90 * DAY_NS,
    )
    spot = {
        "USDT": Decimal(100_000),
        "BTC": Decimal(2),
        "ETH": Decimal(20),
        "SOL": Decimal(200),
        "BNB": Decimal(50),
    }
    return Listings("binance", listed, exchange, {"spot": spot, "usdm": {"USDT": Decimal(100_000)}})


# ── kinds of instruments ────────────────────────────────────────────────────────────────────────


def _spot(name: str, tick: str, step: str, most: str, least: str, *, market: str) -> Listed:
    base = name.removesuffix("USDT")
    instrument = _instrument("spot", name, "spot", base, "USDT", tick, step, most, least)
    terms = Terms(
        instrument,
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
        fee_asset="received",
        price_band=Decimal("0.1"),
    )
    return Listed("spot", name, "spot", terms, Decimal(market))


def _linear(name: str, tick: str, step: str, most: str, *, market: str, end_ns: int = 0) -> Listed:
    base = name.partition("USDT")[0]
    instrument = _instrument("linear", name, "linear", base, "USDT", tick, step, most, "5", end_ns)
    return _derivative("linear", name, instrument, market, "0.00055", "0.005")


def _usdm(name: str, tick: str, step: str, most: str, least: str, *, market: str, end_ns: int = 0) -> Listed:
    base = name.partition("USDT")[0]
    instrument = _instrument("usdm", name, "linear", base, "USDT", tick, step, most, least, end_ns)
    return _derivative("usdm", name, instrument, market, "0.0005", "0.004")


def _inverse(name: str, tick: str, most: str, *, market: str, end_ns: int = 0) -> Listed:
    base = name.partition("USD")[0]
    instrument = _instrument("inverse", name, "inverse", base, "USD", tick, "1", most, "0", end_ns)
    return _derivative("inverse", name, instrument, market, "0.00055", "0.005")


def _instrument(
    category: Category,
    name: str,
    kind: InstrumentKind,
    base: str,
    quote: str,
    tick: str,
    step: str,
    most: str,
    least: str,
    end_ns: int = 0,
) -> Instrument:
    return Instrument(
        inside(category, name),
        kind,
        base,
        quote,
        base if kind == "inverse" else quote,
        Decimal(tick),
        Decimal(step),
        min_qty=Decimal(step),
        max_qty=Decimal(most),
        min_notional=Decimal(least),
        multiplier=ONE,
        expires_ns=end_ns,
    )


def _derivative(
    category: Category, name: str, instrument: Instrument, market: str, taker: str, maintenance: str
) -> Listed:
    dated = bool(instrument.expires_ns)
    # Leverage of the largest coins in the lowest bracket; what is dated is given less, as on the venues.
    most = Decimal(25) if dated else Decimal(125) if category == "usdm" else Decimal(100)
    terms = Terms(
        instrument,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal(taker),
        leverage_max=most,
        maintenance=Decimal(maintenance),
        funding_interval_ns=0 if dated else 8 * HOUR_NS,
        price_band=Decimal("0.1"),
        market_collar=Decimal("0.05"),
    )
    return Listed(category, name, "quarter" if dated else "perpetual", terms, Decimal(market))


# ── names of quarters ───────────────────────────────────────────────────────────────────────────


def month_symbol(base: str, end_ns: int) -> str:
    """Such as BTCUSDZ26: the letters of March, June, September and December are H, M, U and Z."""
    day = _day(end_ns)
    return f"{base}{'HMUZ'[day.month // 3 - 1]}{day.year % 100:02d}"


def _day(end_ns: int) -> datetime:
    return datetime.fromtimestamp(end_ns // 10**9, UTC)
