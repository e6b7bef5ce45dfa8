"""How far the venue's clock is from ours, judged by the quickest of the recent answers. Pure.

A venue refuses what comes after its last moment by its own clock. If that clock is behind ours, it may still
carry out what we have given up for dead, so such a venue is not traded with. One that is ahead refuses too
early, which is harmless and is only said.
"""

from __future__ import annotations

MS = 1_000_000


class Skew:
    """`allowed_ns` is what `Rules.skew_ns` has in its bounds."""

    def __init__(self, allowed_ns: int) -> None:
        assert allowed_ns > 0
        self.allowed_ns = allowed_ns
        # The venue's clock less ours.
        self.skew_ns = 0
        # The round trip of the answer that is believed, and of the last one.
        self.rtt_ns = 0
        self.last_rtt_ns = 0

    def measured(self, sent_ns: int, venue_ns: int, now_ns: int) -> None:
        """A question left at `sent_ns`, the venue read its clock, and the answer is here `now_ns`."""
        rtt_ns = self.last_rtt_ns = max(1_000, now_ns - sent_ns)
        # A slow answer says little. The yardstick loosens with every answer, so that it cannot stick.
        if self.rtt_ns and rtt_ns > self.rtt_ns:
            self.rtt_ns += self.rtt_ns // 8 + 1
            return
        self.rtt_ns = rtt_ns
        self.skew_ns = venue_ns - (sent_ns + rtt_ns // 2)

    def forget(self) -> None:
        """Begin anew: the clock of this machine was set, or the way to the venue is another one."""
        self.skew_ns = self.rtt_ns = self.last_rtt_ns = 0

    @property
    def known(self) -> bool:
        """Whether an answer was quick enough to prove that the skew is within the bounds, or is not."""
        return 0 < self.rtt_ns <= 2 * self.allowed_ns

    @property
    def fault(self) -> str:
        """Why this venue's answers prove nothing, or ""."""
        if self.skew_ns >= -self.allowed_ns:
            return ""
        return (
            f"the venue's clock is {_length(-self.skew_ns)} behind ours, so its answers prove nothing: "
            "set this machine's clock by a time server"
        )

    @property
    def oddity(self) -> str:
        """What is worth saying and keeps nobody from trading, or ""."""
        if self.skew_ns <= self.allowed_ns:
            return ""
        return (
            f"the venue's clock is {_length(self.skew_ns)} ahead of ours, so it may refuse requests as too "
            "late: set this machine's clock by a time server"
        )


def _length(ns: int) -> str:
    return f"{ns // MS} ms" if ns < 10_000 * MS else f"{ns // (1_000 * MS)} s"
