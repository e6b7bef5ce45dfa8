"""What the paper venue allows and promises (docs/reference/paper-dialect.md, sections 4 and 8), and how
patient its client is.
"""

from __future__ import annotations

from msgspec import Struct

from kedge.model.venue import Rules

PAPER_RULES = Rules(
    venue="paper",
    as_of="2026-11-20",
    request_window_ns=5_000_000_000,
    # A deed is visible to questions at once; the margin is for `lookup_lag` faults of up to two seconds.
    visibility_ns=2_000_000_000,
    skew_ns=1_000_000_000,
    # `valid_until_ns` is enforced by the venue at the moment of the deed.
    bounded=True,
    id_scope="forever",
    amend="in_place",
    reduce_only=True,
    post_only=True,
    stops=True,
    takes=True,
    ends="all",
    # The venue's own budget for deeds is 20 a second with 40 at once; the margin is for requests that
    # bunch up on the way.
    requests_per_s=18,
    burst=36,
    reserve=10,
    # Every watched book is told at least once a second.
    book_age_max_ns=5_000_000_000,
    # Cursors are exact, so the overlap is a belt beside braces.
    fills_overlap_ns=60_000_000_000,
)


class Options(Struct, frozen=True):
    """Waits in seconds of the loop's time."""

    connect_s: float = 5.0
    request_s: float = 3.0
    heartbeat_s: float = 1.0
    silence_s: float = 3.0
    backoff_first_s: float = 0.1
    backoff_max_s: float = 5.0
    book_levels: int = 10
    # Have the venue cancel everything when this desk was silent for so long; 0 leaves the switch alone.
    dead_man_ns: int = 0
