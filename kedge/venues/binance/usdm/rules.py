"""What Binance USDⓈ-M allows and promises: limits, bounds and hosts as data with a date.

The bounds in words. A signed request names its moment and how long it is good for, and the gateway, then the
matching engine (-5028), refuse it afterwards: the last moment is firm. The gateway waits ten seconds for the
matching engine before it gives up (-1007), so what took effect may stay unseen for that long. Client ids are
unique among *open* orders only: a resend after a fill would be a second order, so nothing is ever resent.
"""

from __future__ import annotations

from msgspec import Struct

from kedge.model.venue import Rules
from kedge.venues.allowance import Cost, Window
from kedge.venues.venue import Setup

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS

BINANCE_USDM_RULES = Rules(
    venue="binance-usdm",
    as_of="2026-05-28",
    request_window_ns=5 * SECOND_NS,
    # The gateway's own wait for the matching engine; lookups were seen to say "does not exist" for less.
    visibility_ns=10 * SECOND_NS,
    skew_ns=SECOND_NS,
    bounded=True,
    id_scope="open",
    # PUT keeps the id and loses the place in the queue.
    amend="in_place",
    reduce_only=True,
    post_only=True,
    stops=True,
    takes=True,
    # 300 orders in 10 s and 1,200 in a minute: 60 * 18 + 100 and 10 * 18 + 100 stay below both.
    requests_per_s=18,
    burst=100,
    reserve=20,
    # Depth is only pushed when it changes; a quiet dated contract may rest for seconds.
    book_age_max_ns=20 * SECOND_NS,
    fills_overlap_ns=600 * SECOND_NS,
)

# ── limits ──────────────────────────────────────────────────────────────────────────────────────

# The names of `Cost`. What is kept back of the weight is for cancels, keep-alives and the dead-man switch.
WEIGHT, ORDERS_10S, ORDERS_1M = "weight", "orders_10s", "orders_1m"
WINDOWS: dict[str, Window] = {
    WEIGHT: Window(2_300, 60 * SECOND_NS, reserve=500),
    ORDERS_10S: Window(300, 10 * SECOND_NS),
    ORDERS_1M: Window(1_200, 60 * SECOND_NS),
}
ORDER_COST: Cost = ((ORDERS_10S, 1), (ORDERS_1M, 1))
BATCH_MOST = 5
# Conditional orders in all, over all symbols.
ALGOS_MOST = 200
STREAMS_MOST = 1_024
# A connection takes ten messages a second and closes on the eleventh.
SAYS_PER_S = 8
# Trades are kept for six months, income for three, orders for ninety days (for three days when they were
# cancelled or expired without a fill).
TRADES_KEPT_NS = 180 * DAY_NS
INCOME_KEPT_NS = 89 * DAY_NS
ORDERS_KEPT_NS = 89 * DAY_NS
# No question about history may span more.
SPAN_NS = 7 * DAY_NS - 60 * SECOND_NS

# ── hosts ───────────────────────────────────────────────────────────────────────────────────────


class Hosts(Struct, frozen=True):
    """`stream` lacks its /public, /market or /private; `account` is where a key's rights are told, or ""."""

    rest: str
    stream: str
    ws_api: str
    account: str = ""


LIVE = Hosts(
    "https://fapi.binance.com",
    "wss://fstream.binance.com",
    "wss://ws-fapi.binance.com/ws-fapi/v1",
    "https://api.binance.com",
)
# Binance calls it testnet here and demo there: it is one place.
TESTNET = Hosts(
    "https://demo-fapi.binance.com",
    "wss://fstream.binancefuture.com",
    "wss://testnet.binancefuture.com/ws-fapi/v1",
)


def hosts_of(setup: Setup) -> Hosts:
    """Where this account lives; a simulator serves everything from one address."""
    if setup.url:
        base = setup.url.rstrip("/")
        socket = base.replace("http", "ws", 1)
        return Hosts(base, socket, f"{socket}/ws-fapi/v1")
    return LIVE if setup.live else TESTNET


# ── patience ────────────────────────────────────────────────────────────────────────────────────


class Options(Struct, frozen=True):
    """Waits in seconds of the loop's time."""

    connect_s: float = 10.0
    # What must be settled before the link is up: history may have to be walked.
    greet_s: float = 60.0
    request_s: float = 11.0  # just above the gateway's own wait
    question_s: float = 10.0
    backoff_first_s: float = 0.2
    backoff_max_s: float = 30.0
    # A connection lives 24 hours; ours ends a little earlier, when it suits nobody less.
    life_s: float = 23.5 * 3_600
    # How often each line is asked whether it is alive; after three silent ones it is not.
    deeds_beat_s: float = 20.0
    stream_beat_s: float = 20.0
    market_beat_s: float = 10.0
    # A listen key lives an hour.
    keep_alive_s: float = 1_800.0
    # A question waits for room in the weight of a minute, and a little longer where many wait.
    room_s: float = 150.0
    heartbeat_s: float = 1.0
    clock_every_s: float = 60.0
    instruments_every_s: float = 3_600.0
    # While something that is watched is halted, or not listed.
    halted_every_s: float = 60.0
    # Nobody tells when somebody switches the position mode.
    mode_every_s: float = 300.0
    book_levels: int = 10
    snapshot_levels: int = 1_000
    bars_first: int = 300
    # After TRADE_LITE announced a fill, its whole story must follow.
    fill_story_s: float = 3.0
    # Money that moved without a fill is asked for together.
    income_pause_s: float = 5.0
    # All symbols' open orders are asked for at least this often, else only those of interest.
    sweep_every_s: float = 300.0
    # An errand of the stream (whose order is this?) is tried so often before the link is given up.
    errand_tries: int = 5
    # What may belong to an order that the venue does not show yet is looked at again after this.
    settle_s: float = 2.0
