"""The engine's one door for people and programs: commands in, records out, views, live taps.

A `Door` talks with callers whose name and role are established; how they were let in (by the kernel's word,
or with a token) is a listener's business: `runtime/gate_unix.py`, `runtime/gate_tcp.py`.

What the door guarantees the engine: it never waits for a caller. Every queue has an end; a caller who
does not read is told so and cut off. What it guarantees the caller: every request gets exactly one
`Answer` or `Failed`, unless the conversation breaks; then a command asked again under the same id is
done once and answered the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import msgspec
from msgspec import Raw, Struct

from kedge import __version__
from kedge.model import frames
from kedge.model.commands import VERBS, Role, covers
from kedge.model.events import Command
from kedge.model.frames import Answer, Dropped, Ended, Failed, Fault, Frame, Hello, Line, Seen, Welcome
from kedge.model.sentences import mistake, unknown_name
from kedge.runtime.port import EngineAway, EnginePort
from kedge.settings import GateSettings

# Commands being carried out for all callers together, connected or not.
COMMANDS_MAX = 256
# A status is shared by all who ask within this time: a poller cannot busy the engine.
STATUS_SHARED_S = 0.05
# Lines handed to the transport at once.
WRITE_BYTES = 64 * 1024

# One place in so many is not given to callers from other machines.
KEPT_HERE = 4
# What the desk's own commands came by; no caller may say that of theirs.
OWN_VIA = ("schedule", "file")
_MAY: dict[Role, str] = {"look": "only look", "trade": "look and trade", "admin": "do everything"}

OnBug = Callable[[BaseException], None]
Work = Coroutine[Any, Any, None]


class Guest(Struct, frozen=True):
    """Who comes in, as the listener has found out; and what they said first, where it had to hear that."""

    name: str
    role: Role = "admin"
    hello: Hello | None = None


class Door:
    """Talks with callers whose names are known. The engine is reached through the port alone."""

    def __init__(self, port: EnginePort, cell: str, bounds: GateSettings, on_bug: OnBug) -> None:
        self.port, self.cell, self.bounds, self.on_bug = port, cell, bounds, on_bug
        self._callers: dict[int, _Caller] = {}
        self._numbers = 0
        self._commands: dict[int, asyncio.Task[None]] = {}
        self._status: tuple[float, Raw] | None = None
        self._shut = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, who: Guest) -> None:
        """Talk with one caller until they leave or are dropped. `reader` must bound its lines itself."""
        # However many come from elsewhere, there is room on the machine itself: for the kill switch.
        kept = self.bounds.clients_max // KEPT_HERE if who.hello is not None else 0
        if self._shut or len(self._callers) >= self.bounds.clients_max - kept:
            full = f"the desk already talks with {len(self._callers)} callers; try again later"
            await self.turn_away(writer, Failed(0, "away" if self._shut else "busy", self._shut or full))
            return
        self._numbers += 1
        number = self._numbers
        caller = self._callers[number] = _Caller(self, number, reader, writer, who)
        try:
            await caller.talk()
        finally:
            del self._callers[number]

    async def turn_away(self, writer: asyncio.StreamWriter, failed: Failed) -> None:
        """One sentence, and the end."""
        try:
            writer.write(frames.pack(failed))
            async with asyncio.timeout(self.bounds.farewell_s):
                await writer.drain()
        except OSError:
            pass  # they did not stay to hear it
        await _close(writer)

    async def close(self, why: str = "the desk is stopping") -> None:
        """Tell every caller and take no more. Commands already taken are still carried out."""
        self._shut = why
        callers = list(self._callers.values())
        for caller in callers:
            caller.drop(why)
        for caller in callers:
            await caller.gone.wait()

    def send_away(self, whom: Callable[[Guest], bool], why: str) -> int:
        """Break off with some callers; how many. Commands already taken are still carried out."""
        some = [caller for caller in self._callers.values() if whom(caller.who)]
        for caller in some:
            caller.drop(why)
        return len(some)

    def status(self) -> Raw:
        now = asyncio.get_running_loop().time()
        if self._status is None or now - self._status[0] > STATUS_SHARED_S:
            self._status = (now, frames.to_raw(self.port.status()))
        return self._status[1]

    @property
    def full(self) -> bool:
        """Whether no further command can be taken now."""
        return len(self._commands) >= COMMANDS_MAX

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold a command's task to its end, whether or not its caller stays."""
        self._numbers += 1
        number = self._numbers
        self._commands[number] = task

        def ended(_: asyncio.Task[None]) -> None:
            del self._commands[number]
            self._status = None  # who asks after a command sees what it did

        task.add_done_callback(ended)


class _Caller:
    """One conversation: an ear that reads requests, a pen that writes answers, tasks between them."""

    def __init__(
        self,
        door: Door,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        who: Guest,
    ) -> None:
        self._door, self._bounds, self._number = door, door.bounds, number
        self.who, self._via = who, ""
        self._reader, self._writer = reader, writer
        self._out: deque[bytes] = deque()
        self._out_bytes = 0
        self._more = asyncio.Event()  # something to write, or the end
        self._room = asyncio.Event()  # the queue has become shorter
        self._over = asyncio.Event()  # the conversation ends; nothing further is queued
        self.gone = asyncio.Event()
        self._requests: dict[int, asyncio.Task[None]] = {}
        self._streams: dict[int, asyncio.Task[None]] = {}
        self._deeds: dict[int, asyncio.Task[None]] = {}

    async def talk(self) -> None:
        ear = self._task(self._listen(), "ear")
        pen = self._task(self._write(), "pen")
        for task in (ear, pen):
            task.add_done_callback(self._hung_up)
        try:
            await self._over.wait()
        finally:
            self._over.set()
            self._more.set()
            self._room.set()
            ear.cancel()
            # Commands are left alone: once the engine has one, it is done or refused, never half.
            for task in (*self._streams.values(), *self._requests.values()):
                task.cancel()
            await self._last_words(pen)
            await _close(self._writer)
            self.gone.set()

    def drop(self, why: str) -> None:
        """Break off: what was not read is thrown away, the reason is the last line."""
        if self._over.is_set():
            return
        self._out.clear()
        self._out_bytes = 0
        self._put(frames.pack(Dropped(why)))
        self._over.set()
        self._more.set()

    # ── hearing ─────────────────────────────────────────────────────────────────────────────────

    async def _listen(self) -> None:
        if not await self._greet():
            return
        while (line := await self._line()) is not None:
            try:
                request = frames.read_request(line)
            except frames.BadFrame as bad:
                await self._fail(bad.id, "malformed", str(bad))
                continue
            if why := self._not_theirs(request):
                await self._fail(request.id, "denied", why)
            elif why := self._no_room(request):
                await self._fail(request.id, "busy", why)
            else:
                self._begin(request)

    async def _greet(self) -> bool:
        bounds, hello = self._bounds, self.who.hello
        if hello is None:
            try:
                async with asyncio.timeout(bounds.hello_s):
                    line = await self._line()
            except TimeoutError:
                return await self._fail(0, "protocol", f"nothing was said for {bounds.hello_s:g} s")
            if line is None:
                return False
            greeted = greeting(line)
            if isinstance(greeted, Failed):
                return await self._fail(0, greeted.fault, greeted.says)
            hello = greeted
        self._via = hello.via
        limits = (frames.REQUEST_BYTES_MAX, bounds.requests_max, bounds.streams_max)
        return await self._say(Welcome(frames.PROTOCOL, self._door.cell, __version__, self.who.name, *limits))

    async def _line(self) -> bytes | None:
        """The next line; None at the end of the conversation (a half line is nothing)."""
        try:
            line = await self._reader.readline()
        except ValueError:
            self.drop(f"a line may have at most {frames.REQUEST_BYTES_MAX} bytes")
            return None
        except OSError:
            return None
        return line if line.endswith(b"\n") else None

    def _not_theirs(self, request: frames.Request) -> str:
        what, needed = frames.role_needed(request)
        if covers(self.who.role, needed):
            return ""
        return f"{self.who.name} may {_MAY[self.who.role]}; {what} takes the role {needed}"

    def _no_room(self, request: frames.Request) -> str:
        bounds, here = self._bounds, request.id
        if here in self._requests or here in self._streams or here in self._deeds:
            return f"request {here} is still being worked on; use a new id"
        if isinstance(request, (frames.Tail, frames.Tap)):
            full = len(self._streams) >= bounds.streams_max
            return f"a caller may have {bounds.streams_max} streams at once; stop one first" if full else ""
        if len(self._requests) + len(self._deeds) >= bounds.requests_max:
            return f"a caller may have {bounds.requests_max} requests in flight; wait for an answer"
        if isinstance(request, frames.Do) and self._door.full:
            return f"the desk is carrying out {COMMANDS_MAX} commands already; try again"
        return ""

    # ── doing ───────────────────────────────────────────────────────────────────────────────────

    def _begin(self, request: frames.Request) -> None:
        kept = self._requests
        if isinstance(request, (frames.Tail, frames.Tap)):
            kept = self._streams
        elif isinstance(request, frames.Do):
            kept = self._deeds
        task = self._task(self._act(request), f"{type(request).__name__} {request.id}")
        kept[request.id] = task
        if kept is self._deeds:
            self._door.keep(task)

        def ended(done: asyncio.Task[None]) -> None:
            del kept[request.id]
            if not done.cancelled() and (bug := done.exception()) is not None:
                self._bug(request.id, bug)

        task.add_done_callback(ended)

    async def _act(self, request: frames.Request) -> None:
        try:
            await self._answer(request)
        except EngineAway as away:
            await self._fail(request.id, "away", str(away))

    async def _answer(self, request: frames.Request) -> None:
        port, here = self._door.port, request.id
        match request:
            case frames.Do():
                await self._do(request)
            case frames.Status():
                await self._say(Answer(here, self._door.status()))
            case frames.Read(what=what, args=args):
                await self._asked(here, "usage", port.read(what, args))
            case frames.Ping():
                await self._say(Answer(here, Raw(b'"pong"')))
            case frames.Stop(stream=stream):
                await self._stop(here, stream)
            case frames.Tail(after=after):
                await self._flow(here, port.entries(after), lambda entry: Line(here, entry))
            case frames.Tap(kinds=kinds):
                await self._flow(here, port.tap(kinds), lambda event: Seen(here, event))

    async def _do(self, request: frames.Do) -> None:
        shape = VERBS.get(request.verb)
        if shape is None:
            await self._fail(request.id, "usage", unknown_name(request.verb, VERBS, "command"))
            return
        try:
            msgspec.json.decode(request.args, type=shape)
        except msgspec.DecodeError as error:
            await self._fail(request.id, "usage", mistake(error, shape, request.verb))
            return
        actor = f"{self.who.name}:{request.of}" if request.of else self.who.name
        command = Command(request.command_id, actor, self._via, request.verb, request.args)
        taken = await self._door.port.command(command)
        await self._say(Answer(request.id, frames.to_raw(taken)))

    async def _asked(self, here: int, fault: Fault, question: Awaitable[object]) -> None:
        try:
            result = await question
        except ValueError as wrong:
            await self._fail(here, fault, str(wrong))
            return
        await self._say(Answer(here, frames.to_raw(result)))

    async def _stop(self, here: int, stream: int) -> None:
        task = self._streams.get(stream)
        if task is None:
            await self._fail(here, "usage", f"there is no stream {stream}")
            return
        task.cancel()
        await self._say(Ended(stream, "stopped as asked"))
        await self._say(Answer(here, Raw(b"null")))

    async def _flow(self, here: int, items: AsyncIterator[Any], frame: Callable[[Any], Frame]) -> None:
        try:
            async for item in items:
                if not await self._say(frame(item)):
                    return
            await self._say(Ended(here, "there is no more"))
        finally:
            # An iterator that holds something (a subscription, a file) gives it back now, not when collected.
            aclose = getattr(items, "aclose", None)
            if aclose is not None:
                await aclose()

    def _bug(self, here: int, bug: BaseException) -> None:
        """Our own mistake: the caller gets an answer all the same, the supervisor gets the mistake."""
        failed = Failed(here, "bug", f"a fault of Kedge's own ({type(bug).__name__}); the desk has noted it")
        self._put(frames.pack(failed))
        self._door.on_bug(bug)

    # ── answering ───────────────────────────────────────────────────────────────────────────────

    async def _fail(self, here: int, fault: Fault, says: str) -> bool:
        """Say what is wrong; always False, so that who gives up can return it."""
        await self._say(Failed(here, fault, says))
        return False

    async def _say(self, frame: Frame) -> bool:
        """Queue a line for this caller, waiting a bounded time for room; False once they are gone."""
        line = frames.pack(frame)
        if len(line) > frames.LINE_BYTES_MAX:
            line = frames.pack(
                Failed(getattr(frame, "id", 0), "refused", "the answer is too long; ask for less")
            )
        while not self._over.is_set() and self._queue_full(len(line)):
            self._room.clear()
            try:
                async with asyncio.timeout(self._bounds.slow_s):
                    await self._room.wait()
            except TimeoutError:
                self.drop(f"you read too slowly: {len(self._out)} lines waited for {self._bounds.slow_s:g} s")
        if self._over.is_set():
            return False
        self._put(line)
        return True

    def _queue_full(self, bytes_more: int) -> bool:
        """A line that is longer than the queue's bound may still go alone."""
        if not self._out:
            return False
        over = self._out_bytes + bytes_more > self._bounds.queue_bytes_max
        return over or len(self._out) >= self._bounds.queue_lines_max

    def _put(self, line: bytes) -> None:
        if not self._over.is_set():
            self._out.append(line)
            self._out_bytes += len(line)
            self._more.set()

    async def _write(self) -> None:
        while True:
            while self._out:
                if self._writer.is_closing():
                    return  # they have left; uvloop would raise at a word to them
                self._writer.write(self._next_lines())
                self._room.set()
                try:
                    await self._writer.drain()
                except OSError:
                    return
            if self._over.is_set():
                return
            self._more.clear()
            await self._more.wait()

    def _next_lines(self) -> bytes:
        lines = [self._out.popleft()]
        size = len(lines[0])
        while self._out and size + len(self._out[0]) <= WRITE_BYTES:
            size += len(self._out[0])
            lines.append(self._out.popleft())
        self._out_bytes -= size
        return b"".join(lines)

    async def _last_words(self, pen: asyncio.Task[None]) -> None:
        """Let the pen finish what is queued, but not for ever."""
        try:
            async with asyncio.timeout(self._bounds.farewell_s):
                await pen
        except TimeoutError:
            self._writer.transport.abort()

    # ── tasks ───────────────────────────────────────────────────────────────────────────────────

    def _task(self, work: Work, what: str) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work, name=f"gate {self._number} {what}")

    def _hung_up(self, task: asyncio.Task[None]) -> None:
        """The ear or the pen has ended: so does the conversation."""
        self._over.set()
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._door.on_bug(bug)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def greeting(line: bytes) -> Hello | Failed:
    """What a first line says, or why the talk ends with it."""
    try:
        hello = frames.read_hello(line)
    except frames.BadFrame as bad:
        return Failed(0, "malformed", str(bad))
    if hello.protocol != frames.PROTOCOL:
        says = (
            f"this desk (Kedge {__version__}) speaks protocol {frames.PROTOCOL}, the caller"
            f" {hello.protocol}; use the same version on both sides"
        )
        return Failed(0, "protocol", says)
    if hello.via in OWN_VIA:
        return Failed(0, "denied", f"`via` {hello.via} is the desk's own; choose another word")
    return hello
