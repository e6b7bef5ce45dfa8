"""The paper market a newcomer meets: BTC in four forms and ETH, with ticks and fees as venues have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from kedge.model.instrument import Instrument
from kedge.model.numbers import ONE
from kedge.sim.exchange import ExchangeConfig, Terms
from kedge.sim.market import Coin, Listing, MarketConfig

HOUR_NS = 3600 * 10**9
# A quarter with less left than this is not listed: the next one is.
LEAST_DAYS = 14

PRICES = {"BTC": Decimal(60_000), "ETH": Decimal(3_000), "SOL": Decimal(150), "BNB": Decimal(600)}
OTHER_PRICE = Decimal(100)
BETA = 0.8  # how much of the first coin's moves the others take

# Of the price: the spread of what has no funding, and the gap between levels.
SPREAD, SPREAD_DATED = Decimal("0.000004"), Decimal("0.00002")
GAP = Decimal("0.0001")
# What stands at the touch, in quote money.
TOUCH, TOUCH_DATED = Decimal(40_000), Decimal(20_000)


def newcomer(now_ns: int) -> MarketConfig:
    """Spot, perpetual, dated future and inverse perpetual on BTC, and a perpetual on ETH."""
    return market_for(
        ExchangeConfig(
            terms=(
                _spot("BTC-USD", "BTC", "0.01", "0.00001"),
                _perpetual("BTC-PERP", "BTC", "0.1", "0.001"),
                btc_future(quarter_after(now_ns)),
                _inverse("BTC-INV", "BTC", "0.5", "1"),
                _perpetual("ETH-PERP", "ETH", "0.01", "0.01"),
            ),
            insurance={"USD": Decimal(1_000_000), "BTC": Decimal(20)},
        )
    )


def market_for(exchange: ExchangeConfig) -> MarketConfig:
    """A market for any exchange (a loaded one too): coins and listings as fit its instruments."""
    bases = dict.fromkeys(terms.instrument.base for terms in exchange.terms)
    coins = tuple(
        Coin(base, PRICES.get(base, OTHER_PRICE), beta=BETA if number else 0.0)
        for number, base in enumerate(bases)
    )
    return MarketConfig(exchange, coins, tuple(listing_for(terms) for terms in exchange.terms))


def listing_for(terms: Terms) -> Listing:
    """How an instrument of its kind is usually quoted: the perpetual tightest, the dated future widest."""
    instrument = terms.instrument
    price = PRICES.get(instrument.base, OTHER_PRICE)
    perpetual = bool(terms.funding_interval_ns)
    dated = bool(instrument.expires_ns)
    spread, touch = (SPREAD_DATED, TOUCH_DATED) if dated else (SPREAD, TOUCH)
    steps = int(touch / (instrument.notional(ONE, price) * instrument.qty_step))
    return Listing(
        instrument.symbol,
        instrument.base,
        size=max(steps, 1) * instrument.qty_step,
        spread_ticks=1 if perpetual else max(int(price * spread / instrument.tick), 1),
        gap_ticks=max(int(price * GAP / instrument.tick), 2),
        trades=0.1 if dated else 0.3,
        premium=0.0003 if perpetual else 0.0,
        basis=0.06 if dated else 0.0,
    )


def _spot(symbol: str, base: str, tick: str, step: str) -> Terms:
    instrument = Instrument(
        symbol,
        "spot",
        base,
        "USD",
        "USD",
        Decimal(tick),
        Decimal(step),
        min_qty=Decimal(step),
        max_qty=Decimal(100),
        min_notional=Decimal(5),
    )
    return Terms(
        instrument,
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
        fee_asset="received",
        price_band=Decimal("0.1"),
    )


def _perpetual(symbol: str, base: str, tick: str, step: str) -> Terms:
    instrument = Instrument(
        symbol,
        "linear",
        base,
        "USD",
        "USD",
        Decimal(tick),
        Decimal(step),
        min_qty=Decimal(step),
        max_qty=Decimal(1000),
        min_notional=Decimal(5),
    )
    return _derivative(instrument, funding_interval_ns=8 * HOUR_NS)


def btc_future(expires_ns: int) -> Terms:
    """The dated future of a quarter; list the next one when this one has been delivered."""
    instrument = Instrument(
        future_symbol("BTC", expires_ns),
        "linear",
        "BTC",
        "USD",
        "USD",
        Decimal("0.1"),
        Decimal("0.001"),
        min_qty=Decimal("0.001"),
        max_qty=Decimal(500),
        min_notional=Decimal(5),
        expires_ns=expires_ns,
    )
    return _derivative(instrument)


def _inverse(symbol: str, base: str, tick: str, contract: str) -> Terms:
    instrument = Instrument(
        symbol,
        "inverse",
        base,
        "USD",
        base,
        Decimal(tick),
        Decimal(contract),
        min_qty=Decimal(contract),
        max_qty=Decimal(10_000_000),
        multiplier=ONE,
    )
    return _derivative(instrument, funding_interval_ns=8 * HOUR_NS)


def _derivative(instrument: Instrument, funding_interval_ns: int = 0) -> Terms:
    return Terms(
        instrument,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.00055"),
        leverage_max=Decimal(50),
        maintenance=Decimal("0.005"),
        funding_interval_ns=funding_interval_ns,
        price_band=Decimal("0.1"),
        market_collar=Decimal("0.05"),
    )


# ── quarters ────────────────────────────────────────────────────────────────────────────────────


def quarter_after(now_ns: int) -> int:
    """The last Friday, 08:00 UTC, of the nearest quarter that is not about to end."""
    now = datetime.fromtimestamp(now_ns // 10**9, UTC)
    year, month = now.year, (now.month - 1) // 3 * 3 + 3
    while True:
        friday = _last_friday(year, month)
        if friday - now >= timedelta(days=LEAST_DAYS):
            return int(friday.timestamp()) * 10**9
        month += 3
        if month > 12:
            year, month = year + 1, 3


def _last_friday(year: int, month: int) -> datetime:
    """Of a quarter's last month, which has thirty or thirty-one days."""
    last = datetime(year, month, 31 if month in (3, 12) else 30, 8, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() - 4) % 7)


def future_symbol(base: str, expires_ns: int) -> str:
    """Such as BTC-26MAR27. Month names are spelt here, so that no locale has a say."""
    day = datetime.fromtimestamp(expires_ns // 10**9, UTC)
    months = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
    return f"{base}-{day.day:02d}{months[day.month - 1]}{day.year % 100:02d}"
