"""What T-Invest allows and promises, where it is, and how patient its client is: data with a date.

From the public contract 1.43 and the venue's documents of 2026. The bounds are worst cases; what is not
documented says so in docs/reference/venues-tinvest.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from kedge.model.instrument import Sector
from kedge.model.venue import Rules
from kedge.venues.allowance import Window

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
HOUR_NS: Final = 60 * MINUTE_NS
DAY_NS: Final = 24 * HOUR_NS

TINVEST_RULES = Rules(
    venue="tinvest",
    as_of="2026-11-20",
    request_window_ns=5 * SECOND_NS,
    # How long a new order may be missing from a lookup is nowhere said: observed well below a second.
    visibility_ns=10 * SECOND_NS,
    skew_ns=2 * SECOND_NS,
    # A request has no last moment. But its key works once, for a month at least.
    bounded=False,
    burns=True,
    id_scope="forever",
    # Replacing is a cancel and a new order under another number, and it may do the one without the other.
    amend="none",
    reduce_only=False,
    post_only=False,
    stops=True,
    takes=True,
    ends="stops",
    day_orders=True,
    # 300 new orders and 100 cancels a minute; the adapter counts both by themselves.
    requests_per_s=3,
    burst=10,
    reserve=4,
    # 50 a minute of everything about stop orders; ten are left for cancels and questions.
    stops_per_min=40,
    # Books are told when they change; a quiet one is proved by the stream's pings, every five seconds.
    book_age_max_ns=20 * SECOND_NS,
    # Orders that ended are listed until the end of the day.
    fills_overlap_ns=600 * SECOND_NS,
)


# ── where ───────────────────────────────────────────────────────────────────────────────────────

LIVE: Final = "https://invest-public-api.tinkoff.ru:443"
SANDBOX: Final = "https://sandbox-invest-public-api.tinkoff.ru:443"

# The classes whose instruments are listed, by what they are.
BOARDS: Final[Mapping[Sector, tuple[str, ...]]] = {
    "share": ("TQBR",),
    "etf": ("TQTF",),
    "bond": ("TQOB", "TQCB"),
    "currency": ("CETS",),
    "future": ("SPBFUT",),
}


# ── limits ──────────────────────────────────────────────────────────────────────────────────────

# Requests in any minute, by what the venue counts together; `reserve` is for deeds. The address as a whole
# should not ask more than 50 times a second.
WINDOWS: Final[Mapping[str, Window]] = {
    "address": Window(50, SECOND_NS, 15),
    "instruments": Window(200, MINUTE_NS),
    "users": Window(100, MINUTE_NS),
    "operations": Window(200, MINUTE_NS),
    "marketdata": Window(600, MINUTE_NS),
    "post": Window(300, MINUTE_NS),
    "cancel": Window(100, MINUTE_NS),
    "get_orders": Window(200, MINUTE_NS),
    "orders": Window(100, MINUTE_NS, 10),
    "stops": Window(50, MINUTE_NS, 5),
    "sandbox": Window(200, MINUTE_NS, 50),
}


class Method(Struct, frozen=True):
    """One method: its service and name, what it counts in, and what the sandbox calls it (there all of these
    count in one window). `patience`: how many times the usual time its answer may take."""

    service: str
    name: str
    window: str
    sandbox: str = ""
    patience: int = 1


ACCOUNTS: Final = Method("UsersService", "GetAccounts", "users", "GetSandboxAccounts")
INFO: Final = Method("UsersService", "GetInfo", "users")
MARGIN: Final = Method("UsersService", "GetMarginAttributes", "users")

SHARES: Final = Method("InstrumentsService", "Shares", "instruments", patience=3)
BONDS: Final = Method("InstrumentsService", "Bonds", "instruments", patience=3)
ETFS: Final = Method("InstrumentsService", "Etfs", "instruments", patience=3)
CURRENCIES: Final = Method("InstrumentsService", "Currencies", "instruments", patience=3)
FUTURES: Final = Method("InstrumentsService", "Futures", "instruments", patience=3)
SCHEDULES: Final = Method("InstrumentsService", "TradingSchedules", "instruments")
FUTURES_MARGIN: Final = Method("InstrumentsService", "GetFuturesMargin", "instruments")

CANDLES: Final = Method("MarketDataService", "GetCandles", "marketdata")
LAST_PRICES: Final = Method("MarketDataService", "GetLastPrices", "marketdata")
BOOK: Final = Method("MarketDataService", "GetOrderBook", "marketdata")
LAST_TRADES: Final = Method("MarketDataService", "GetLastTrades", "marketdata")
STATUSES: Final = Method("MarketDataService", "GetTradingStatuses", "marketdata")

POST: Final = Method("OrdersService", "PostOrder", "post", "PostSandboxOrder")
CANCEL: Final = Method("OrdersService", "CancelOrder", "cancel", "CancelSandboxOrder")
ORDER: Final = Method("OrdersService", "GetOrderState", "orders", "GetSandboxOrderState")
ORDERS: Final = Method("OrdersService", "GetOrders", "get_orders", "GetSandboxOrders")

POST_STOP: Final = Method("StopOrdersService", "PostStopOrder", "stops", "PostSandboxStopOrder")
CANCEL_STOP: Final = Method("StopOrdersService", "CancelStopOrder", "stops", "CancelSandboxStopOrder")
STOPS: Final = Method("StopOrdersService", "GetStopOrders", "stops", "GetSandboxStopOrders")

POSITIONS: Final = Method("OperationsService", "GetPositions", "operations", "GetSandboxPositions")
PORTFOLIO: Final = Method("OperationsService", "GetPortfolio", "operations", "GetSandboxPortfolio")

OPEN_SANDBOX: Final = Method("SandboxService", "OpenSandboxAccount", "sandbox")
PAY_IN: Final = Method("SandboxService", "SandboxPayIn", "sandbox")
# Play money of an account that is opened in the sandbox.
SANDBOX_ROUBLES: Final = 10_000_000

ORDER_STREAM: Final = Method("OrdersStreamService", "OrderStateStream", "")
POSITION_STREAM: Final = Method("OperationsStreamService", "PositionsStream", "")
MARKET_STREAM: Final = Method("MarketDataStreamService", "MarketDataStream", "")


# ── limits of single requests ───────────────────────────────────────────────────────────────────

# Books, candles and trades of one stream together: 300, with a few left over.
SUBSCRIPTIONS_MOST: Final = 290
# Instruments named in one subscription, one question for last prices, one for statuses.
NAMED_MOST: Final = 100
PRICES_MOST: Final = 1_000
# Streams of market data; the venue gives 16 to a user.
STREAMS_MOST: Final = 8
BOOK_DEPTH: Final = 10
# A schedule is asked for up to 14 days.
SCHEDULE_DAYS: Final = 8
# Trades are remembered for an hour.
TRADES_KEPT_NS: Final = HOUR_NS


class Interval(Struct, frozen=True):
    """A length of bars: the venue's numbers for history and stream, and how many one question brings."""

    candles: int
    stream: int
    page: int


# The venue has 5, 10 and 30 seconds in history only; two and four hours are not laid on UTC's grid, weeks and
# months are not of one length.
INTERVALS: Final[Mapping[int, Interval]] = {
    MINUTE_NS: Interval(1, 1, 1_440),
    2 * MINUTE_NS: Interval(6, 6, 720),
    3 * MINUTE_NS: Interval(7, 7, 480),
    5 * MINUTE_NS: Interval(2, 2, 2_016),
    10 * MINUTE_NS: Interval(8, 8, 1_008),
    15 * MINUTE_NS: Interval(3, 3, 2_016),
    30 * MINUTE_NS: Interval(9, 9, 1_008),
    HOUR_NS: Interval(4, 4, 2_160),
    DAY_NS: Interval(5, 5, 2_190),
}


class Options(Struct, frozen=True):
    """Waits in seconds of the loop's time, and how far the adapter goes."""

    connect_s: float = 10.0
    deed_s: float = 5.0
    question_s: float = 10.0
    greet_s: float = 15.0
    # The streams are asked to ping so often, and are dead after so long without a word.
    ping_s: float = 5.0
    silence_s: float = 16.0
    backoff_first_s: float = 0.2
    backoff_max_s: float = 30.0
    # After "too many streams": the venue counts them anew every two minutes.
    crowded_s: float = 30.0
    # The list of instruments is read again so often, and for an unknown symbol not more often than this.
    instruments_s: float = 6 * 3_600.0
    unknown_s: float = 60.0
    # Bars told when a watch begins.
    bars_first: int = 300
    # The order that burns the key of a stop order ends by itself after so long.
    burn_s: float = 300.0
    # How long cancelling everything may wait for the venue's limits, all in all.
    cancel_all_s: float = 600.0
