"""What Binance spot allows and promises, as data with a date: bounds, hosts, weights, intervals.

From the venue's documents as of 2026-07-21 (`docs/reference/venues-binance.md` says where each comes from).
"""

from __future__ import annotations

from msgspec import Struct

from kedge.model.venue import Rules
from kedge.venues.venue import Setup

S = 1_000_000_000
NS_PER_MS = 1_000_000

BINANCE_SPOT_RULES = Rules(
    venue="binance",
    as_of="2026-07-21",
    # `timestamp` + `recvWindow`, checked on arrival and again right before the matching engine. Small,
    # because the whole of it is waited for when an answer is lost.
    request_window_ns=3 * S,
    # The gateway gives up on the engine after 10 s (-1007): until then a deed may be done and not be shown.
    visibility_ns=12 * S,
    # A timestamp may be ahead of the venue's clock by less than this.
    skew_ns=1 * S,
    bounded=True,
    # An id may be used again once its order has ended: sending twice is never safe here.
    id_scope="open",
    # The venue can only make an order smaller in place (docs/why/amend.md says why that is not used).
    amend="none",
    reduce_only=False,
    post_only=True,
    stops=True,
    takes=True,
    # The documents' account may have 50 unfilled orders placed in 10 s; cancels count in nothing but weight.
    # The adapter keeps the exact count as well, and answers "unsent" when it is reached.
    requests_per_s=8,
    burst=16,
    reserve=6,
    # A quiet symbol's book does not change for minutes; the line is asked every few seconds whether it lives.
    book_age_max_ns=10 * S,
    fills_overlap_ns=600 * S,
)


class Hosts(Struct, frozen=True):
    """`rest` without a path; `streams` up to "/stream"; `ws_api` whole. `rights`: whether /sapi is there."""

    rest: str
    streams: str
    ws_api: str
    rights: bool = False


LIVE = Hosts(
    "https://api.binance.com",
    "wss://stream.binance.com:9443/stream",
    "wss://ws-api.binance.com:443/ws-api/v3",
    rights=True,
)
TESTNET = Hosts(
    "https://testnet.binance.vision",
    "wss://stream.testnet.binance.vision/stream",
    "wss://ws-api.testnet.binance.vision/ws-api/v3",
)
DEMO = Hosts(
    "https://demo-api.binance.com",
    "wss://demo-stream.binance.com/stream",
    "wss://demo-ws-api.binance.com/ws-api/v3",
)


def hosts_of(setup: Setup) -> Hosts:
    """Where this account is: a simulator's one address, or the venue's own."""
    if setup.url:
        base = setup.url.rstrip("/")
        socket = "ws" + base.removeprefix("http")
        return Hosts(base, f"{socket}/stream", f"{socket}/ws-api/v3")
    if setup.live:
        return LIVE
    return DEMO if setup.demo else TESTNET


# ── weights, of 6000 a minute for each address ──────────────────────────────────────────────────

WEIGHT = "weight"
ORDERS = "orders"
WEIGHT_PER_MINUTE = 6_000
# The rest is for orders and cancels; and other programs behind the same address have some, too.
WEIGHT_RESERVE = 1_500
ORDERS_PER_10S = 50

W_TIME = 1
W_EXCHANGE_INFO = 20
W_ACCOUNT = 20
W_RIGHTS = 1
W_ORDER = 4
W_OPEN_ORDERS = 6
W_OPEN_ORDERS_ALL = 80
W_ALL_ORDERS = 20
W_MY_TRADES = 20
W_KLINES = 2
W_TRADES = 25
W_DEED = 1
W_SOCKET = 2
# Depth: levels a side to weight.
DEPTH_LEVELS = 5_000
W_DEPTH: dict[int, int] = {100: 5, 500: 25, 1_000: 50, 5_000: 250}

PAGE_MOST = 1_000
CLIENT_ID_MOST = 36

# ── streams ─────────────────────────────────────────────────────────────────────────────────────

STREAMS_PER_LINE = 1_024
# Five messages a second may come in on one line: these, the heartbeats, and the pongs.
MESSAGES_PER_S = 2.5
# SUBSCRIBE takes many streams at once; a message stays small.
STREAMS_PER_MESSAGE = 100

MINUTE_NS = 60 * S
INTERVALS: dict[int, str] = {
    1 * S: "1s",
    1 * MINUTE_NS: "1m",
    3 * MINUTE_NS: "3m",
    5 * MINUTE_NS: "5m",
    15 * MINUTE_NS: "15m",
    30 * MINUTE_NS: "30m",
    60 * MINUTE_NS: "1h",
    120 * MINUTE_NS: "2h",
    240 * MINUTE_NS: "4h",
    360 * MINUTE_NS: "6h",
    480 * MINUTE_NS: "8h",
    720 * MINUTE_NS: "12h",
    1_440 * MINUTE_NS: "1d",
}


class Options(Struct, frozen=True):
    """Waits in seconds of the loop's time."""

    connect_s: float = 10.0
    request_s: float = 12.0  # longer than the venue's own 10 s, so that its -1007 is heard
    # The streams' line is asked for its subscriptions, those of the WS API for the time: a line that says
    # nothing to that for so long is dead. The venue's own pings are answered below, and prove nothing to us.
    stream_beat_s: float = 3.0
    stream_silence_s: float = 8.0
    session_beat_s: float = 10.0
    session_silence_s: float = 25.0
    backoff_first_s: float = 0.25
    backoff_max_s: float = 20.0
    # The venue cuts every line after 24 hours: renewed before, at an hour of our choosing.
    renew_s: float = 23.5 * 3_600
    refresh_instruments_s: float = 3_600.0
    # A question waits for room in the weight of a minute, and a little longer where many wait.
    room_s: float = 150.0
    # All symbols' trades are asked for at least this often, else those where something has happened.
    sweep_every_s: float = 300.0
    book_levels: int = 20
    bars_first: int = 300
