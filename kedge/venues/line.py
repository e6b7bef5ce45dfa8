"""One WebSocket kept up: connect, greet, heartbeats, answers matched by id, silence noticed, anew if cut.

A `Line` knows no venue. Its owner (an adapter) says where to connect, speaks the handshake, hears every
frame, and is told `up` and `down` with a sentence. The life of a line:

    address ─► connect ─► greet ─► up ──── cut, silence, end of life ───► down ─► wait ─► address …
                 │          │                                                     ▲
                 └──────────┴── no: a sentence (back-off), or Refused (patience) ─┘

After a `Refused` it is tried a few times with growing waits, then not before `retry`. Whoever waits for an
answer when the line goes down is told `Silence`; nothing is ever sent a second time.
"""

from __future__ import annotations

import asyncio
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from kedge.venues.silence import Refused, Silence, sentence
from kedge.venues.stream import Backoff
from kedge.venues.timing import Every, Patience
from kedge.venues.wires import Headers, Mouth, NoReply, Wires

R = TypeVar("R")

# Requests waiting for their answers; the engine's own bounds are far below.
PENDING_MAX = 1_000
# Whatever the venue says, it is looked for again after this.
STAY_AWAY_MAX_S = 600.0
SHORTEST_S = 0.001


class Address(Struct, frozen=True):
    """Where to connect now. It may hold a secret (a listen key), so it is never shown."""

    url: str
    headers: Headers = ()

    def __repr__(self) -> str:
        return "Address(…)"


class Owner(Protocol):
    """Whose line it is. Everything is called from the loop; nothing may raise for what a venue can do."""

    async def address(self) -> Address | Silence | Refused:
        """Where to connect; asked before every attempt, so it may fetch a fresh key."""

    async def greet(self) -> Silence | Refused | None:
        """Log in and subscribe, with `line.ask` and `line.say`; None: the line may be used. Frames are heard
        meanwhile. What takes too long or meets a cut ends by itself."""

    def heard(self, frame: bytes) -> None:
        """One whole message: hand answers to `line.answer`; a frame that cannot be read is `line.cut`."""

    def paused(self) -> None:
        """Nothing more is at hand: tell what was gathered."""

    def beat(self) -> bytes | None:
        """The heartbeat in the venue's words; None: a ping frame of the protocol."""

    def up(self) -> None: ...

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        """`refused`: waiting does not mend it. `stopped`: it is not tried again before `retry`. Also told of
        attempts that failed."""


class LineWaits(Struct, frozen=True):
    """Waits in seconds of the loop's time; 0 switches a watch off."""

    connect_s: float = 10.0
    greet_s: float = 15.0
    heartbeat_s: float = 20.0
    # Nothing heard for so long: the line is taken for dead.
    silence_s: float = 45.0
    # The line is renewed when it is so old, before the venue cuts it.
    life_s: float = 0.0
    backoff_first_s: float = 0.1
    backoff_max_s: float = 30.0


class Line(Generic[R]):
    """`R` is what an answer is, after the owner has read it."""

    def __init__(self, name: str, wires: Wires, owner: Owner, waits: LineWaits | None = None) -> None:
        self.name = name
        self.waits = waits or LineWaits()
        self.is_up = False
        # Why it is down; "" while it is up.
        self.why = "not opened"
        # Answers that nobody waited for: repetitions, or too late.
        self.strays = 0
        self._wires = wires
        self._owner = owner
        self._task: asyncio.Task[None] | None = None
        self._retry = asyncio.Event()
        self._backoff = Backoff(self.waits.backoff_first_s, self.waits.backoff_max_s)
        self._patience = Patience()
        self._waiting: dict[int | str, asyncio.Future[R | Silence]] = {}
        self._mouth: Mouth | None = None
        self._over: asyncio.Future[Silence] | None = None
        self._heard_s = 0.0
        self._beats = Every(self.waits.heartbeat_s or 1.0, self._beat)
        self._silence_timer: asyncio.TimerHandle | None = None
        self._life_timer: asyncio.TimerHandle | None = None

    # ── verbs of the owner ──────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        assert self._task is None, f"{self.name} was opened twice"
        self._task = asyncio.get_running_loop().create_task(self._live(), name=self.name)
        self._task.add_done_callback(_report_end)

    async def close(self) -> None:
        """Hang up for good. Waiters are told `Silence`; the owner is not told `down`."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            # Ours, unless somebody cancels the closing itself.
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
        self.why = "closed"

    def retry(self) -> None:
        """A person says that what kept us out is mended: try now. A line that is up stays up."""
        if not self.is_up:
            self._retry.set()

    def cut(self, why: str) -> None:
        """This connection is of no further use (a gap, an unreadable frame): begin a new one."""
        self._hang_up(Silence(sentence(why)))

    def renew(self, why: str) -> None:
        """The venue announces its end, or ours is due: begin a new connection."""
        self._hang_up(Silence(sentence(why)))

    def excuse(self) -> None:
        """Nothing may be asked now, so that nothing is heard proves nothing: the silence begins anew."""
        self._heard_s = asyncio.get_running_loop().time()

    def say(self, frame: bytes) -> bool:
        """Send, expecting no answer; False: it certainly did not leave."""
        return self._mouth is not None and self._mouth.say(frame)

    async def ask(self, id: int | str, frame: bytes, timeout_s: float) -> R | Silence:
        """Send one request and wait for `answer(id, …)`, no longer than `timeout_s`."""
        if self._mouth is None:
            return Silence(f"not sent: {self.name} is down: {self.why}", unsent=True)
        if len(self._waiting) >= PENDING_MAX:
            return Silence(f"not sent: {PENDING_MAX} requests are waiting already", unsent=True)
        assert id not in self._waiting, f"{self.name}: id {id!r} is used twice"
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[R | Silence] = loop.create_future()
        self._waiting[id] = answered
        if not self._mouth.say(frame):
            self._waiting.pop(id, None)
            return Silence(f"not sent: {self.name} has ended", unsent=True)
        late = Silence(f"{self.name}: no answer within {timeout_s:g} s")
        timer = loop.call_later(timeout_s, _settle, answered, late)
        try:
            return await answered
        finally:
            timer.cancel()
            if self._waiting.get(id) is answered:
                del self._waiting[id]

    def answer(self, id: int | str, reply: R) -> bool:
        """The answer to `ask(id, …)` is here; False: nobody waits for it (any more)."""
        answered = self._waiting.pop(id, None)
        if answered is None or answered.done():
            self.strays += 1
            return False
        answered.set_result(reply)
        return True

    # ── its life ────────────────────────────────────────────────────────────────────────────────

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                began_s = loop.time()
                ended = await self._one_connection()
                # A venue that lets us in and throws us out at once must not be hammered.
                if loop.time() - began_s > 2 * self._backoff.max_s:
                    self._backoff.reset()
                await self._rest(ended)
        finally:
            self._hang_up(Silence("closed by this side"))

    async def _one_connection(self) -> Silence | Refused:
        """From the address to the end; returns why it ended."""
        address = await self._owner.address()
        if not isinstance(address, Address):
            return address
        over: asyncio.Future[Silence] = asyncio.get_running_loop().create_future()
        self._over = over
        ears = _Ears(self, over)
        mouth = await self._wires.socket(address.url, ears, self.waits.connect_s, address.headers)
        if isinstance(mouth, NoReply):
            return Silence(mouth.why)
        if over.done():
            mouth.close()
            return over.result()
        self._mouth = mouth
        self._heard_s = asyncio.get_running_loop().time()
        self._watch_silence()
        try:
            refused = await self._greet()
            if over.done() and not isinstance(refused, Refused):
                return over.result()
            if refused is not None:
                return refused
            self._go_up()
            return await over
        finally:
            self._hang_up(Silence("of no further use"))

    async def _greet(self) -> Silence | Refused | None:
        try:
            async with asyncio.timeout(self.waits.greet_s):
                return await self._owner.greet()
        except TimeoutError:
            return Silence(f"not let in within {self.waits.greet_s:g} s")

    def _go_up(self) -> None:
        self.is_up, self.why = True, ""
        self._patience.reset()
        self._retry.clear()
        if self.waits.heartbeat_s:
            self._beats.start()
        if self.waits.life_s:
            loop = asyncio.get_running_loop()
            self._life_timer = loop.call_later(
                self.waits.life_s, self.renew, "renewed before its end of life"
            )
        self._owner.up()

    async def _rest(self, ended: Silence | Refused) -> None:
        """Tell the owner, and wait as long as it is wise, or until somebody says `retry`."""
        refused = isinstance(ended, Refused)
        wait_s: float | None
        if isinstance(ended, Refused):
            wait_s = self._patience.next_s()
        else:
            wait_s = max(self._backoff.next_s(), min(ended.retry_ns / 1e9, STAY_AWAY_MAX_S))
        self.why = ended.why
        # What a person must mend is not about this line.
        why = ended.why if refused else f"{self.name}: {ended.why}"
        self._owner.down(why, refused, wait_s is None)
        try:
            async with asyncio.timeout(wait_s):
                await self._retry.wait()
        except TimeoutError:
            return
        self._retry.clear()
        self._patience.reset()
        self._backoff.reset()

    @property
    def quiet_ns(self) -> int:
        """How long nothing was heard on the connection there is; 0 while there is none."""
        return round((asyncio.get_running_loop().time() - self._heard_s) * 1e9) if self.is_up else 0

    # ── what the wire says ──────────────────────────────────────────────────────────────────────

    def _heard(self, frame: bytes) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        self._owner.heard(frame)

    def _hang_up(self, ended: Silence) -> None:
        """Once per connection: let go of the socket, and tell everybody who waits."""
        over, mouth = self._over, self._mouth
        self._over = self._mouth = None
        self.is_up = False
        self._beats.stop()
        for timer in (self._silence_timer, self._life_timer):
            if timer is not None:
                timer.cancel()
        if over is not None and not over.done():
            # Before the socket's own last word, which is only that we have closed it.
            self.why = ended.why
            over.set_result(ended)
        if mouth is not None:
            mouth.close()
        waiting, self._waiting = self._waiting, {}
        unheard = Silence(f"{self.name} ended before the answer: {ended.why}")
        for answered in waiting.values():
            _settle(answered, unheard)

    # ── heartbeats ──────────────────────────────────────────────────────────────────────────────

    def _beat(self) -> None:
        frame = self._owner.beat()
        if self._mouth is None:
            return
        if frame is None:
            self._mouth.ping()
        else:
            self._mouth.say(frame)

    def _watch_silence(self) -> None:
        """Ring when the silence would be too long; if something was heard meanwhile, wait for the rest."""
        silence_s = self.waits.silence_s
        if not silence_s:
            return
        loop = asyncio.get_running_loop()
        left_s = self._heard_s + silence_s - loop.time()
        # A rest too small for the loop's clock would be waited for without end.
        if left_s > SHORTEST_S:
            self._silence_timer = loop.call_later(left_s, self._watch_silence)
        else:
            self._hang_up(Silence(f"nothing heard for {silence_s:g} s"))


class _Ears(Generic[R]):
    """Listens for one connection; what an earlier one still says is not heard."""

    def __init__(self, line: Line[R], over: asyncio.Future[Silence]) -> None:
        self._line = line
        self._over = over
        # Whether these wires say when a read is through; if not, the loop's next turn is as good.
        self._says_pauses = False
        self._soon: asyncio.Handle | None = None

    def heard(self, frame: bytes) -> None:
        if self._over.done():
            return
        self._line._heard(frame)
        if not self._says_pauses and self._soon is None:
            self._soon = asyncio.get_running_loop().call_soon(self._pause)

    def paused(self) -> None:
        self._says_pauses = True
        if self._soon is not None:
            self._soon.cancel()
        self._pause()

    def ended(self, why: str) -> None:
        if not self._over.done():
            self._line._hang_up(Silence(sentence(why)))

    def _pause(self) -> None:
        self._soon = None
        if not self._over.done():
            self._line._owner.paused()


def _settle(answered: asyncio.Future[R | Silence], silence: Silence) -> None:
    if not answered.done():
        answered.set_result(silence)


def _report_end(task: asyncio.Task[None]) -> None:
    """The task ends by `close` alone; anything else is our own mistake, and nobody awaits it: say it."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        context = {"message": f"{task.get_name()} died", "exception": error, "task": task}
        task.get_loop().call_exception_handler(context)
