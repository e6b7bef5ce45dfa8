"""Everything that can go wrong between the real adapters and the testnets, by name and greatest strength.

    on the net     drawn for every request, connection and frame (`wires.py`)
    at the venue   what only a venue can do wrong, armed with the chance that this seed drew
    at turns       once in a while

A world has some of them, never all. Strengths are chances in a thousand per occasion.
"""

from __future__ import annotations

from collections.abc import Mapping

from kedge.sim.testnet.faults import Fault
from kedge.storm.weather import MACHINE

S = 1_000_000_000
MS = 1_000_000

NET: Mapping[str, int] = {
    "http.refused": 60,
    "http.lost": 40,
    "http.reset": 40,
    "http.busy": 40,
    "http.failed": 40,
    "http.unheard": 60,
    "http.late": 30,
    "socket.refused": 150,
    "socket.unanswered": 80,
    "frame.dropped": 15,
    "frame.doubled": 80,
    "frame.slow": 40,
    "frame.cut": 6,
    "frame.half_open": 3,
    "sent.dropped": 40,
    "sent.slow": 60,
    "sent.cut": 20,
    "sent.half_open": 8,
}
# Where a request has no last moment of its own.
CALLS: Mapping[str, int] = {"http.slow": 150}
# A venue knows some of these names and not others.
VENUE: Mapping[str, tuple[int, Fault]] = {
    "lookup_lag": (500, Fault("lookup_lag", count=0, delay_ns=8 * S)),
    "late_match": (200, Fault("late_match", count=0, delay_ns=300 * MS)),
    "cancel_race": (150, Fault("cancel_race", count=0)),
    "stream_first": (300, Fault("stream_first", count=0)),
    "shifting_cursor": (500, Fault("shifting_cursor", count=0)),
    "book_gap": (60, Fault("book_gap", count=0)),
    "book_snapshot": (60, Fault("book_snapshot", count=0)),
    "usdm_unknown": (80, Fault("usdm_unknown", count=0, deed=True)),
    "usdm_timeout": (80, Fault("usdm_timeout", count=0, deed=False)),
    "kill_refuses": (300, Fault("kill_refuses", count=0)),
    "inconsistent_book": (60, Fault("inconsistent_book", count=0)),
    "limits_loading": (100, Fault("limits_loading", count=0)),
    "usdm_overload": (80, Fault("usdm_overload", count=0)),
}
TURNS = {
    "link-cut": 25,
    "half-open": 10,
    "venue-down": 8,
    "halt": 8,
    "price-jump": 30,
    "user-stream-ends": 12,
    "service-restarts": 10,
}
# Struck at a turn, where the venue knows the name.
STRIKES: Mapping[str, tuple[Fault, ...]] = {
    "user-stream-ends": (
        Fault("terminate_user_stream"),
        Fault("stream_cut", path="OrdersStreamService"),
        Fault("usdm_expire_keys", account="all"),
        Fault("service_restart", value="private"),
    ),
    "service-restarts": (
        Fault("server_shutdown", delay_ns=S),
        Fault("service_restart", value="public"),
        Fault("stream_cut"),
        Fault("service_restart", value="trade"),
    ),
}

RARE = (
    "order-absent",
    "order-unknown",
    "fill-late",
    "command-repeated",
    "book-stale",
    "crash-after-send",
    "lease-held",
)
RAREST: tuple[str, ...] = ()
KINDS: dict[str, int] = {**NET, **CALLS, **{kind: most for kind, (most, _) in VENUE.items()}, **TURNS}
# What a large corpus must have seen.
EXPECTED: tuple[str, ...] = (*KINDS, *MACHINE, *RARE)
