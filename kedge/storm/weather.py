"""Everything that can go wrong on the way to a venue and back, by name and greatest strength.

Strengths are chances in a thousand per occasion. A run draws which of them exist and how strong they are
(`sim/tape.py`, `Swarm`); a world with all of them at once hides as much as it finds.
"""

from __future__ import annotations

# On the way there and back, per request.
REQUESTS = {
    "request-lost": 150,
    "reply-lost": 150,  # the deed is done, the answer never comes
    "reply-broken": 100,  # a 5xx after the deed: as good as no answer
    "refused-unclear": 60,  # a 5xx before the deed
    "request-slow": 200,
    "reply-slow": 200,
    "reply-late": 60,  # after our patience
    "too-many": 60,  # 429: refused, definitely not carried out
}
# Per message on the account's private stream.
PRIVATE = {
    "message-lost-silently": 120,
    "message-lost": 40,  # and noticed by its number: the link is cut
    "message-twice": 120,
    "message-slow": 300,
    "message-overtaken": 200,
    "cum-understated": 600,  # "cancelled", told without the fills that came just before it
}
# Per turn of the crowd, about once a second.
TURNS = {
    "link-cut": 25,
    "half-open": 20,
    "book-gap": 40,
    "book-silent": 25,
    "halt": 8,
    "venue-down": 8,
    "price-jump": 30,
}
# Per question about the account.
QUESTIONS = {
    "lookup-lags": 500,
    "report-partial": 120,
    "report-fails": 80,
}
KINDS: dict[str, int] = {**REQUESTS, **PRIVATE, **TURNS, **QUESTIONS}

# What befalls the engine's own process, disk and clock: the chance in a thousand per world.
MACHINE = {
    "crash": 600,
    "crash-again": 500,
    "freeze": 300,
    "freeze-at-write": 200,  # durable, and frozen before it is sent; another engine may begin meanwhile
    "two-engines": 250,
    "disk-fails": 150,
    "disk-stalls": 200,
    "clock-skewed": 300,
}

# What a corpus of 2,000 seeds must have seen besides: rare branches of our own code and of the disk.
RARE = (
    "order-absent",
    "order-unknown",
    "key-burnt",
    "session-closed",
    "day-ended",
    "stash-restored",
    "fill-late",
    "refused-by-limit",
    "command-repeated",
    "book-stale",
    "kill-switch",
    "crash-after-send",
    "sent-after-steal",
    "fenced",
    "stopped-by-disk",
    "lease-held",
    "disk.kept-unsynced",
    "disk.lost-unsynced",
    "disk.torn-dropped",
)
# So rare that only a far larger corpus must have seen them.
RAREST = ("woken-by-late-fill",)

ALL_KINDS: tuple[str, ...] = (*KINDS, *MACHINE)
EXPECTED: tuple[str, ...] = (*ALL_KINDS, *RARE)
