"""One channel's way out: takes what waits, puts it together, keeps to the pace, tries again.

Channels do not wait for each other: each has its own task, its own pace and its own back-off. What is not
delivered stays in the outbox, so that ending at any moment loses nothing; a message that was taken while we
were cut off is sent again under the same key.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence

from kedge.desk.notices import SECOND_NS
from kedge.desk.post.messages import Message, pack
from kedge.desk.post.outbox import Outbox, Waiting
from kedge.desk.post.sender import Sender, Verdict

Clock = Callable[[], int]
Trouble = Callable[[str, str], None]

# Another process may have put something into the outbox.
POLL_S = 5.0
SEND_S = 60.0
AGAIN_MOST_S = 300.0
MINUTE_S = 60.0


class Delivery:
    """`trouble(channel, why)` is told what is wrong with the channel now, "" when it is well."""

    def __init__(
        self,
        outbox: Outbox,
        sender: Sender,
        clock: Clock,
        trouble: Trouble,
        *,
        per_minute: int,
        gather_s: float,
    ) -> None:
        self._outbox, self._sender, self._clock, self._trouble = outbox, sender, clock, trouble
        self._gather_ns = int(gather_s * SECOND_NS)
        self._per_minute = per_minute
        self._sent_s: deque[float] = deque(maxlen=per_minute)
        self._failed = 0
        self.woken = asyncio.Event()

    async def run(self) -> None:
        while True:
            wait_s = await self.once()
            if wait_s > 0:
                self.woken.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        # In back-off nothing new makes it faster.
                        await (asyncio.Event() if self._failed else self.woken).wait()

    async def once(self) -> float:
        """Send what may be sent now; how long to wait before the next look."""
        waiting = await asyncio.to_thread(self._outbox.waiting, self._sender.channel)
        if not waiting:
            return POLL_S
        if (hold_s := self._hold_s(waiting)) > 0:
            return hold_s
        if (pace_s := self._pace_s()) > 0:
            return pace_s
        message = pack([one.notice for one in waiting])
        verdict = await self._tried(message)
        channel, now_ns = self._sender.channel, self._clock()
        if verdict.state == "sent":
            await asyncio.to_thread(self._outbox.delivered, channel, message.notices, now_ns)
            self._well()
            return 0
        if verdict.state == "never":
            await asyncio.to_thread(self._outbox.dead, channel, message.notices, verdict.why, now_ns)
            self._trouble(channel, verdict.why)
            self._failed = 0
            return 0
        await asyncio.to_thread(self._outbox.troubled, channel, message.notices, verdict.why)
        self._failed += 1
        self._trouble(channel, verdict.why)
        return max(verdict.wait_s, min(2.0 ** min(self._failed, 10), AGAIN_MOST_S))

    async def _tried(self, message: Message) -> Verdict:
        self._sent_s.append(asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(SEND_S):
                return await self._sender.send(message)
        except TimeoutError:
            return Verdict("later", f"no answer within {SEND_S:g} s")

    def _well(self) -> None:
        self._failed = 0
        self._trouble(self._sender.channel, "")

    def _hold_s(self, waiting: Sequence[Waiting]) -> float:
        """Fills wait for each other; what is more urgent goes at once, and takes them along."""
        if any(one.notice.kind != "fill" for one in waiting):
            return 0.0
        due_ns = min(one.made_ns for one in waiting) + self._gather_ns
        return max(0, due_ns - self._clock()) / SECOND_NS

    def _pace_s(self) -> float:
        if len(self._sent_s) < self._per_minute:
            return 0.0
        return self._sent_s[0] + MINUTE_S - asyncio.get_running_loop().time()
