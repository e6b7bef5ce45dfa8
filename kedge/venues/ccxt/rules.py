"""What an exchange behind ccxt promises: hardly anything, and this file says so. Data with a date.

ccxt has no word for the last moment of a request, nor for how long an order may stay invisible, so nothing is
bounded: an order that cannot be found again stays UNKNOWN until a person has looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from kedge.model.venue import Rules

CCXT_RULES = Rules(
    venue="ccxt",
    as_of="2026-11-20",
    # Kept on this side alone: nothing is sent after it.
    request_window_ns=10_000_000_000,
    visibility_ns=10_000_000_000,
    skew_ns=2_000_000_000,
    bounded=False,
    id_scope="open",
    # ccxt edits in place, or cancels and places anew under another id; which of them depends on the exchange.
    amend="none",
    reduce_only=True,
    post_only=True,
    stops=True,
    # ccxt keeps to each exchange's own pace below this; what would leave too late does not leave.
    requests_per_s=5,
    burst=5,
    reserve=2,
    # A book that no stream moves is asked for again well before.
    book_age_max_ns=15_000_000_000,
    fills_overlap_ns=600_000_000_000,
)

NS_PER_MS: Final = 1_000_000
SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS

# Where an exchange's spot and its derivatives are separate wallets, an account is one of them: ccxt has other
# names for the rest ("binanceusdm", "krakenfutures", "kucoinfutures").
OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "binance": {
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "warnOnFetchOpenOrdersWithoutSymbol": False,
    },
    "binanceusdm": {"fetchMarkets": {"types": ["linear"]}},
    "binancecoinm": {"fetchMarkets": {"types": ["inverse"]}},
    # It finds an order among the last 500 only, which is what we ask about.
    "bybit": {"fetchOrder": {"acknowledged": True}},
    "hyperliquid": {"builderFee": False},
}
# Exchanges whose own name for a client order id ccxt hands on unchanged. Elsewhere it is `clientOrderId`.
ID_PARAMS: Final[Mapping[str, str]] = {"coinbase": "client_order_id", "cryptocom": "client_oid"}
# What stands before our 32 hexadecimal digits where the exchange wants a number of 128 bits.
ID_PREFIXES: Final[Mapping[str, str]] = {"hyperliquid": "0x"}

# One page where ccxt does not say how long the exchange's are: no exchange has shorter ones.
PAGE: Final = 50
BARS_PAGE: Final = 200

TIMEFRAMES: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Options(Struct, frozen=True):
    """Waits in seconds of the loop's time, and how far the adapter goes."""

    request_s: float = 10.0
    # A deed with everything that ccxt asks before it, its turn in ccxt's queue included.
    deed_s: float = 20.0
    load_s: float = 120.0
    backoff_first_s: float = 1.0
    backoff_max_s: float = 60.0
    # Between looks at a market with live orders: while a private stream rings, and while none does.
    look_rung_s: float = 15.0
    look_s: float = 2.0
    # Between looks at a market without; also the account's sign of life.
    idle_s: float = 30.0
    # Looks at one market are at least so far apart, however often it rings.
    apart_s: float = 0.25
    failures_max: int = 3
    refresh_s: float = 3_600.0
    # A streamed book so quiet is asked for; a book that is not streamed is asked for so often.
    book_quiet_s: float = 6.0
    book_poll_s: float = 2.0
    mark_poll_s: float = 10.0
    trades_poll_s: float = 3.0
    bars_first: int = 300
    bars_retry_s: float = 2.0
    # How long after its end a bar that the exchange has not is believed empty.
    bars_settled_s: float = 60.0
    book_levels: int = 10
    symbols_max: int = 200
    pages_max: int = 500
    names_max: int = 20_000


def timeframe_ns(name: str) -> int:
    """ "5m" -> nanoseconds; 0 where it has no fixed length or does not begin at the epoch (weeks, months)."""
    count, unit = name[:-1], name[-1:]
    if not count.isdigit() or unit not in TIMEFRAMES:
        return 0
    return int(count) * TIMEFRAMES[unit] * SECOND_NS


def rules_of(exchange: str, *, derivatives: bool, stops: bool) -> Rules:
    """The rules of one exchange, as far as ccxt tells them."""
    return replace(CCXT_RULES, venue=f"ccxt-{exchange}", reduce_only=derivatives, stops=stops)
