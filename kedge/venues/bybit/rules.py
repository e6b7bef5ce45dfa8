"""What Bybit allows and promises, where it is, and how patient its client is: data with a date.

From the documents of 2026-07-24. The bounds are worst cases; what is not documented says so.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from kedge.model.venue import Rules

BYBIT_RULES = Rules(
    venue="bybit",
    as_of="2026-07-24",
    # Time stamp + receive window, checked at the gateway: the request carries its own last moment.
    request_window_ns=5_000_000_000,
    # Behind the gateway everything is asynchronous and its lag is nowhere bounded: observed in milliseconds,
    # taken for ten seconds, because "not found" is believed after it.
    visibility_ns=10_000_000_000,
    skew_ns=1_000_000_000,
    bounded=True,
    # "Always unique", but for how long an id is remembered is not published.
    id_scope="open",
    amend="in_place",
    reduce_only=True,
    post_only=True,
    stops=True,
    takes=True,
    # Ten creates, ten amends and ten cancels of derivatives in any second. Five at once and five more
    # within the second stay below it whatever they are.
    requests_per_s=5,
    burst=5,
    reserve=2,
    # Quiet books are proved by the venue's repetitions, every three seconds.
    book_age_max_ns=5_000_000_000,
    fills_overlap_ns=600_000_000_000,
)


# A venue that is further ahead refuses every signed request: its receive window is five seconds.
AHEAD_MAX_NS: Final = 4_000_000_000


class Hosts(Struct, frozen=True):
    """Without a slash at the end. `trade` "": there is no order entry by WebSocket."""

    rest: str
    public: str
    private: str
    trade: str


LIVE = Hosts(
    "https://api.bybit.com",
    "wss://stream.bybit.com/v5/public",
    "wss://stream.bybit.com/v5/private",
    "wss://stream.bybit.com/v5/trade",
)
TESTNET = Hosts(
    "https://api-testnet.bybit.com",
    "wss://stream-testnet.bybit.com/v5/public",
    "wss://stream-testnet.bybit.com/v5/private",
    "wss://stream-testnet.bybit.com/v5/trade",
)
# Private streams of its own, the public ones of the live venue, orders by REST alone, kept for seven days.
DEMO = Hosts(
    "https://api-demo.bybit.com",
    "wss://stream.bybit.com/v5/public",
    "wss://stream-demo.bybit.com/v5/private",
    "",
)


def hosts_at(url: str) -> Hosts:
    """A simulator's, all on one address."""
    rest = url.rstrip("/")
    stream = rest.replace("https://", "wss://", 1).replace("http://", "ws://", 1)
    return Hosts(rest, f"{stream}/v5/public", f"{stream}/v5/private", f"{stream}/v5/trade")


# ── limits of single requests ───────────────────────────────────────────────────────────────────

INSTRUMENTS_PAGE: Final = 1000
ORDERS_PAGE: Final = 50
FILLS_PAGE: Final = 100
LOG_PAGE: Final = 50
POSITIONS_PAGE: Final = 200
BARS_PAGE: Final = 1000
TRADES_PAGE: Final = 1000
SPOT_TRADES_PAGE: Final = 60
# The venue takes 20 contracts and 10 pairs at once, and counts each of them: ten is a second's budget.
BATCH_MOST: Final = 10
# One subscription request: spot takes ten topics; the rest is bounded by 21,000 characters in all.
SPOT_TOPICS_MOST: Final = 10
TOPICS_MOST: Final = 200
# Of all topics of one public connection together, with a little left over.
TOPIC_CHARS_MOST: Final = 20_000
BOOK_DEPTH: Final = 50
DCP_LEAST_S: Final = 3
DCP_MOST_S: Final = 300

DAY_NS: Final = 86_400_000_000_000
# Executions and the transaction log are asked for in windows of at most seven days, two years back; a day
# less, because a question gets older on its way.
WINDOW_NS: Final = 7 * DAY_NS
KEPT_NS: Final = 729 * DAY_NS
# Cancelled and rejected orders without fills leave the history after a day.
CANCELLED_KEPT_NS: Final = DAY_NS

# Bars: the venue's names of intervals. Weeks and months do not fit into "a length in nanoseconds" alike:
# weeks begin on Mondays there, months are not of one length.
MINUTE_NS: Final = 60_000_000_000
INTERVALS: Final[dict[int, str]] = {
    **{minutes * MINUTE_NS: str(minutes) for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    DAY_NS: "D",
}


class Options(Struct, frozen=True):
    """Waits in seconds of the loop's time, and how far the adapter goes."""

    connect_s: float = 10.0
    request_s: float = 5.0
    question_s: float = 10.0
    heartbeat_s: float = 20.0
    # Twice the heartbeat and a little: the pong of a live line is never that late.
    silence_s: float = 45.0
    backoff_first_s: float = 0.1
    backoff_max_s: float = 30.0
    # The list of instruments is read again so often.
    instruments_s: float = 3600.0
    # Unknown symbols have it read at once, but not more often than this.
    unknown_s: float = 60.0
    # A book so quiet has its best prices watched, which the venue repeats every three seconds.
    quiet_s: float = 1.5
    # How far back a first report asks.
    history_ns: int = DAY_NS
    # Bars told when a watch begins.
    bars_first: int = 300
    pages_max: int = 1_000
