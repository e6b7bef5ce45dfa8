"""Everything that can go wrong between the real adapters and the testnets, by name and greatest strength.

Most kinds are faults of the testnet's own weather (`sim/testnet/faults.py`), armed for the whole storm with
the probability that this seed drew; some are drawn once per turn. A world has some of them, never all.
"""

from __future__ import annotations

from collections.abc import Mapping

from kedge.sim.testnet.faults import Fault
from kedge.storm.weather import MACHINE

S = 1_000_000_000

# What may happen to every request or message, with its greatest chance in a thousand.
STEADY: Mapping[str, tuple[int, Fault]] = {
    "request-lost": (40, Fault("lose_request", count=0)),
    "request-slow": (60, Fault("delay_request", count=0, delay_ns=2 * S)),
    "reply-lost": (60, Fault("lose_reply", count=0)),
    "reply-slow": (60, Fault("delay_reply", count=0, delay_ns=2 * S)),
    "reply-late": (30, Fault("delay_reply", count=0, delay_ns=12 * S)),
    "reply-broken": (40, Fault("garble_reply", count=0)),
    "reply-first": (60, Fault("reply_first", count=0, delay_ns=S)),
    "error-done": (40, Fault("error", count=0, status=502, body="<html>Bad Gateway</html>", deed=True)),
    "error-undone": (40, Fault("error", count=0, status=503, body="<html>down</html>", deed=False)),
    "reset-done": (30, Fault("reset", count=0, deed=True)),
    "reset-undone": (30, Fault("reset", count=0, deed=False)),
    "socket-refused": (200, Fault("refuse_socket", count=0)),
    "frame-lost": (15, Fault("drop_frame", count=0)),
    "frame-twice": (80, Fault("duplicate_frame", count=0)),
    "frame-overtaken": (40, Fault("hold_frame", count=0, delay_ns=S)),
    "frames-stall": (30, Fault("stall", count=0, delay_ns=3 * S)),
    "cut-at-request": (15, Fault("cut", count=0, way="in", deed=True)),
    "cut-at-answer": (6, Fault("cut", count=0, way="out")),
    "lookup-lags": (500, Fault("lookup_lag", count=0, delay_ns=2 * S)),
}
# What happens once, drawn at each turn of the crowd.
TURNS = {
    "link-cut": 25,
    "half-open": 20,
    "venue-down": 8,
    "halt": 8,
    "price-jump": 30,
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
KINDS: dict[str, int] = {**{kind: most for kind, (most, _) in STEADY.items()}, **TURNS}

# What a large corpus must have seen.
EXPECTED: tuple[str, ...] = (*KINDS, *MACHINE, *RARE)
