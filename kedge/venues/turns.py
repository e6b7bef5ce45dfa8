"""Whose turn it is to ask a venue: deeds now or not at all, questions in the order they came.

Deeds (orders, cancels) never wait: where there is no room in the allowance, or a ban holds, they are told how
long there would be to wait. Questions wait for room behind those that came earlier, up to a bound.
"""

from __future__ import annotations

import asyncio

from kedge.venues.allowance import Allowance, Cost
from kedge.venues.silence import Silence, sentence
from kedge.venues.venue import Clock

SECOND_NS = 1_000_000_000
# Questions that wait for room at one time; whoever asks more is told so.
WAITING_MAX = 200
# What has to wait for less is nobody's trouble.
WAIT_TOLD_NS = 2 * SECOND_NS


class Turns:
    def __init__(self, allowance: Allowance, clock: Clock) -> None:
        self.allowance = allowance
        self._clock = clock
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._waits_until_ns = 0

    @property
    def waits_for_room(self) -> str:
        """Why a question is not sent yet, where the allowance holds it up; "" where nothing does."""
        now_ns = self._clock()
        left_ns = self._waits_until_ns - now_ns
        if left_ns < WAIT_TOLD_NS:
            return ""
        wants = "patience to return" if self.allowance.banned_ns(now_ns) else "request allowance"
        return f"waiting {-(-left_ns // SECOND_NS)} s for the venue's {wants}"

    def claim(self, cost: Cost, deed: bool) -> Silence | None:
        """Take what it costs, now or not at all."""
        now_ns = self._clock()
        wait_ns = self.allowance.wait_ns(cost, deed, now_ns)
        if wait_ns:
            why = f"not sent: {self.allowance.excuse(wait_ns, now_ns)}"
            return Silence(sentence(why), unsent=True, retry_ns=wait_ns)
        self.allowance.take(cost, now_ns)
        return None

    async def claim_in_turn(self, cost: Cost, room_s: float, ban_s: float) -> Silence | None:
        """Wait for room behind earlier questions: `room_s` at most, `ban_s` where a ban holds."""
        if self._waiting >= WAITING_MAX:
            return Silence(f"not sent: {WAITING_MAX} questions are waiting already", unsent=True)
        self._waiting += 1
        began_ns = self._clock()
        try:
            async with self._turn:
                while True:
                    refused = self.claim(cost, False)
                    if refused is None:
                        return None
                    now_ns = self._clock()
                    patience_s = ban_s if self.allowance.banned_ns(now_ns) else room_s
                    if refused.retry_ns > began_ns + round(patience_s * SECOND_NS) - now_ns:
                        return refused
                    self._waits_until_ns = self._clock() + refused.retry_ns
                    await asyncio.sleep(refused.retry_ns / SECOND_NS)
        finally:
            self._waiting -= 1
            self._waits_until_ns = 0
