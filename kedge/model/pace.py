"""So many in any minute: when the next one may go, from when the last ones went.

A list of times, oldest first, is all the memory it needs. Used to the full at once, then one for one as each
leaves the minute: never more than allowed in any sixty seconds, and never idle while something waits.
"""

from __future__ import annotations

MINUTE_NS = 60_000_000_000
# A little more than a minute: what was sent late must not arrive early beside what follows it.
WINDOW_NS = MINUTE_NS + 250_000_000


def wait_ns(sent_ns: list[int], most: int, now_ns: int, window_ns: int = WINDOW_NS) -> int:
    """How long the next one has to wait; 0: it may go. Forgets what has left the minute."""
    while sent_ns and sent_ns[0] <= now_ns - window_ns:
        sent_ns.pop(0)
    if len(sent_ns) < most:
        return 0
    return sent_ns[len(sent_ns) - most] + window_ns - now_ns
