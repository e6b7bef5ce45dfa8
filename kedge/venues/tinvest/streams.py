"""One stream of T-Invest kept up: open, greet, pings, silence noticed, anew if it ends.

No stream of the venue numbers its messages, repeats what was missed, or lives for ever (80005). So a stream
proves nothing about what came before it was up; whoever owns it asks for that. What it does prove is that
nothing is held back: the venue pings as often as it was asked to, and one that does not is dead.

After a refusal that waiting does not mend it is tried a few times with growing waits, then not before
`retry`.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from kedge.venues.calls import OK, CallMouth, CallSaid, StreamAsk
from kedge.venues.silence import Refused, Silence, sentence
from kedge.venues.stream import Backoff
from kedge.venues.timing import Patience
from kedge.venues.tinvest.errors import fault_of
from kedge.venues.tinvest.rules import SECOND_NS, Method
from kedge.venues.tinvest.ties import Ties
from kedge.venues.tinvest.wire import PACKAGE
from kedge.venues.wires import NoReply

# A rest too small for the loop's clock would be waited for without end.
SHORTEST_S = 0.001


class Owner(Protocol):
    """Whose stream it is. Everything is called from the loop."""

    async def admit(self) -> Silence | Refused | None:
        """What has to be in order before an attempt; None: it is."""

    def opening(self) -> bytes:
        """The first message. What it is answered with makes the owner call `greeted`, or `cut`."""

    def heard(self, message: bytes) -> None: ...

    def up(self) -> None: ...

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        """Also told of attempts that failed. `stopped`: it is not tried again before `retry`."""


class Stream:
    """`talks`: more is said than the first message."""

    def __init__(self, name: str, ties: Ties, owner: Owner, method: Method, talks: bool = False) -> None:
        self.name = name
        self.is_up = False
        # Why it is down; "" while it is up.
        self.why = "not opened"
        self._ties = ties
        self._owner = owner
        self._method = method
        self._talks = talks
        self._task: asyncio.Task[None] | None = None
        self._retry = asyncio.Event()
        options = ties.options
        self._backoff = Backoff(options.backoff_first_s, options.backoff_max_s)
        self._patience = Patience()
        self._mouth: CallMouth | None = None
        self._over: asyncio.Future[Silence | Refused] | None = None
        self._greeted: asyncio.Future[None] | None = None
        self._silence_timer: asyncio.TimerHandle | None = None
        self._heard_s = 0.0

    # ── what the owner says ─────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        assert self._task is None, "opened twice"
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._live(), name=f"tinvest {self.name}")
        self._task.add_done_callback(report_end)

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        self._hang_up(Silence("closed by this side"))

    def greeted(self) -> None:
        """The venue has let us in."""
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_result(None)

    def cut(self, why: str) -> None:
        """This connection is of no use any more."""
        self._hang_up(Silence(sentence(why)))

    def retry(self) -> None:
        """Somebody says that what was in the way is gone."""
        self._retry.set()

    def say(self, message: bytes) -> bool:
        return self._mouth is not None and self._mouth.say(message)

    @property
    def quiet_ns(self) -> int:
        """How long nothing was heard on the connection there is; 0 while there is none."""
        return round((asyncio.get_running_loop().time() - self._heard_s) * 1e9) if self.is_up else 0

    # ── its life ────────────────────────────────────────────────────────────────────────────────

    async def _live(self) -> None:
        while True:
            ended = await self._connection()
            was_up, self.is_up = self.is_up, False
            if was_up:
                self._backoff.reset()
            await self._rest(ended)

    async def _connection(self) -> Silence | Refused:
        """From the first question to the last word."""
        refused = await self._owner.admit()
        if refused is not None:
            return refused
        loop = asyncio.get_running_loop()
        over: asyncio.Future[Silence | Refused] = loop.create_future()
        greeted: asyncio.Future[None] = loop.create_future()
        self._over, self._greeted = over, greeted
        path = f"/{PACKAGE}.{self._method.service}/{self._method.name}"
        ask = StreamAsk(path, self._owner.opening(), self._ties.metadata, self._talks)
        try:
            mouth = await self._ties.calls.stream(
                self._ties.host, ask, _Ears(self, over), self._ties.options.connect_s
            )
            if isinstance(mouth, NoReply):
                return Silence(sentence(mouth.why), unsent=True)
            self._mouth = mouth
            if not over.done():
                refused = await self._greet(over, greeted)
                if refused is not None:
                    return refused
            if not over.done():
                self._go_up()
            return await over
        finally:
            self._hang_up(Silence("of no further use"))

    async def _greet(
        self, over: asyncio.Future[Silence | Refused], greeted: asyncio.Future[None]
    ) -> Silence | None:
        """Until the venue has let us in, or the stream is over."""
        over.add_done_callback(lambda _: self.greeted())
        try:
            async with asyncio.timeout(self._ties.options.greet_s):
                await greeted
        except TimeoutError:
            return Silence(f"not let in within {self._ties.options.greet_s:g} s")
        return None

    def _go_up(self) -> None:
        self.is_up, self.why = True, ""
        self._patience.reset()
        self._retry.clear()
        self._heard_s = asyncio.get_running_loop().time()
        self._watch_silence()
        self._owner.up()

    async def _rest(self, ended: Silence | Refused) -> None:
        """Tell the owner, and wait as long as it is wise, or until somebody says `retry`."""
        wait_s: float | None
        if isinstance(ended, Refused):
            wait_s = self._patience.next_s()
        else:
            wait_s = max(self._backoff.next_s(), ended.retry_ns / SECOND_NS)
        refused = isinstance(ended, Refused)
        self.why = ended.why if refused else f"{self.name}: {ended.why}"
        self._owner.down(self.why, refused, wait_s is None)
        try:
            async with asyncio.timeout(wait_s):
                await self._retry.wait()
        except TimeoutError:
            return
        self._retry.clear()
        self._patience.reset()
        self._backoff.reset()

    # ── what the venue says ─────────────────────────────────────────────────────────────────────

    def _ended(self, how: CallSaid | NoReply) -> None:
        if isinstance(how, NoReply):
            self._hang_up(Silence(sentence(how.why)))
        elif how.status == OK:
            self._hang_up(Silence("the venue ended the stream"))
        else:
            fault = fault_of(how)
            if fault.meaning == "locked":
                self._hang_up(Refused(fault.why))
            else:
                crowded_ns = round(self._ties.options.crowded_s * SECOND_NS)
                wait_ns = crowded_ns if fault.meaning in ("crowded", "rate") else 0
                self._hang_up(Silence(fault.why, retry_ns=max(wait_ns, fault.retry_ns)))

    def _hang_up(self, ended: Silence | Refused) -> None:
        """Once per connection."""
        over, mouth = self._over, self._mouth
        self._over = self._mouth = None
        if self._silence_timer is not None:
            self._silence_timer.cancel()
            self._silence_timer = None
        if over is not None and not over.done():
            over.set_result(ended)
        if mouth is not None:
            mouth.close()

    def _watch_silence(self) -> None:
        """Ring when the silence would be too long; if something was heard meanwhile, wait for the rest."""
        loop = asyncio.get_running_loop()
        silence_s = self._ties.options.silence_s
        left_s = self._heard_s + silence_s - loop.time()
        if left_s > SHORTEST_S:
            self._silence_timer = loop.call_later(left_s, self._watch_silence)
        else:
            self._hang_up(Silence(f"nothing heard for {silence_s:g} s"))


class _Ears:
    """Listens for one connection; what an earlier one still says is not heard."""

    def __init__(self, stream: Stream, over: asyncio.Future[Silence | Refused]) -> None:
        self._stream = stream
        self._over = over

    def heard(self, message: bytes) -> None:
        if not self._over.done():
            self._stream._heard_s = asyncio.get_running_loop().time()
            self._stream._owner.heard(message)

    def ended(self, how: CallSaid | NoReply) -> None:
        if not self._over.done():
            self._stream._ended(how)


def report_end(task: asyncio.Task[None]) -> None:
    """Nobody awaits it, so our own mistake in it is said here."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        context = {"message": f"{task.get_name()} died", "exception": error, "task": task}
        task.get_loop().call_exception_handler(context)
