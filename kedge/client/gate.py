"""Through the gate: over its unix socket or over TLS, with everything a desk can do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from kedge import home as homes
from kedge import settings
from kedge.client.address import FarGate, Gate, open_gate
from kedge.client.shared import ASKS_MAX, DeskAway, Refused, Row, new_command_id
from kedge.model import frames
from kedge.model.commands import COPY_IN, VERBS
from kedge.model.events import Event
from kedge.model.frames import Answer, Dropped, Ended, Failed, Hello, Line, Seen, Welcome
from kedge.model.looks import Status
from kedge.model.records import CommandTaken, Entry, ErrandEnded

T = TypeVar("T")

HELLO_S = 10.0
# A backup of a large journal takes its time.
ERRAND_S = 3600.0

# Numbers in parameters go over exactly, as digits.
_params = msgspec.json.Encoder(decimal_format="number")


def socket_of(where: str | Path | None) -> Path:
    """The gate of a home, by the cell its settings name. Raises `SettingsWrong` where that is unclear."""
    home = homes.find(where)
    return home.root if home.root.suffix == ".sock" else home.socket(settings.cell_of(home))


class Desk:
    """One conversation with a desk; made by `connect`. Requests may be made side by side."""

    def __init__(self, path: Gate, via: str, of: str = "") -> None:
        self.path, self.via, self.of = path, via, of
        self._line: _Conversation | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> Welcome:
        """Connect if there is no connection; what the desk said to greet us. Raises `DeskAway`, `Refused`."""
        async with self._opening:
            if self._line is None or self._line.broken:
                await self.close()
                self._line = await _Conversation.begin(self.path, self.via)
            return self._line.welcome

    async def close(self) -> None:
        if self._line is not None:
            await self._line.close()
            self._line = None

    # ── commands ────────────────────────────────────────────────────────────────────────────────

    async def command(self, verb: str, /, *, command_id: str = "", of: str = "", **args: Any) -> CommandTaken:
        """Have something done; returns when it is durable. Raises `Refused`, `DeskAway`.

        `args` are the fields of the verb's struct in `kedge.model.commands`; `of` is the person for whom.
        """
        return await self._ask_to(verb, Raw(_params.encode(args)), command_id, of)

    async def do(self, command: Struct, *, command_id: str = "", of: str = "") -> CommandTaken:
        """The same with a typed argument: `await desk.do(BotPause("hedge-1"))`."""
        verb = next((verb for verb, shape in VERBS.items() if type(command) is shape), "")
        if not verb:
            raise Refused(f"{type(command).__name__} is not a command", "usage")
        return await self._ask_to(verb, Raw(_params.encode(command)), command_id, of)

    async def _ask_to(self, verb: str, args: Raw, command_id: str, of: str) -> CommandTaken:
        key, person = command_id or new_command_id(), of or self.of
        why, sent = "", False
        for _ in range(ASKS_MAX):
            try:
                await self.open()
                assert self._line is not None
                sent = True
                ask = self._line.ask
                taken = await ask(lambda here: frames.Do(here, key, verb, args, person), CommandTaken)
            except DeskAway as away:
                # Nothing is known of the command now; the same id makes asking again harmless.
                why = str(away)
                continue
            if not taken.ok:
                raise Refused(taken.says, "refused", taken)
            return taken
        raise DeskAway(why, key if sent else "")

    async def reload(self, *, command_id: str = "", of: str = "") -> str:
        """Have the desk follow its bots file again; what was done, in one sentence."""
        return await self._errand("desk.reload", {}, command_id, of)

    async def backup(self, target: str | Path, *, command_id: str = "", of: str = "") -> str:
        """Have a verified copy written while the desk runs; the path made (on the desk's machine)."""
        said = await self._errand("desk.backup", {"target": str(target)}, command_id, of)
        return said.removeprefix(COPY_IN)

    async def _errand(self, verb: str, args: dict[str, str], command_id: str, of: str) -> str:
        """Have it begun, and wait for its end, which the journal tells: also of one that has ended before."""
        key = command_id or new_command_id()
        await self._ask_to(verb, Raw(_params.encode(args)), key, of)
        rows = await self._ask(
            lambda here: frames.Read(here, "commands", {"text": key, "limit": 1}), list[Row]
        )
        try:
            async with asyncio.timeout(ERRAND_S):
                async for entry in self.tail(rows[0]["seq"] if rows else 0):
                    record = entry.record
                    if isinstance(record, ErrandEnded) and record.command_id == key:
                        if not record.ok:
                            raise Refused(record.says)
                        return record.says
        except TimeoutError:
            raise DeskAway(f"{verb} is still under way; its end will be in the notes", key) from None
        raise DeskAway(f"the desk did not say what came of {verb}", key)

    # ── looking ─────────────────────────────────────────────────────────────────────────────────

    async def status(self) -> Status:
        return await self._ask(frames.Status, Status)

    async def read(self, what: str, /, **filters: object) -> Any:
        """Rows by name: orders, fills, positions, decisions, notes, commands, cash, story."""
        return await self._ask(lambda here: frames.Read(here, what, filters), object)

    async def orders(self, **filters: object) -> list[Row]:
        return await self._rows("orders", filters)

    async def fills(self, **filters: object) -> list[Row]:
        return await self._rows("fills", filters)

    async def positions(self, **filters: object) -> list[Row]:
        return await self._rows("positions", filters)

    async def decisions(self, **filters: object) -> list[Row]:
        return await self._rows("decisions", filters)

    async def notes(self, **filters: object) -> list[Row]:
        return await self._rows("notes", filters)

    async def _rows(self, what: str, filters: dict[str, object]) -> list[Row]:
        return await self._ask(lambda here: frames.Read(here, what, filters), list[Row])

    async def ping(self) -> None:
        await self._ask(frames.Ping, str)

    def tail(self, after: int = 0) -> AsyncIterator[Entry]:
        """Journal entries after a sequence number, then new ones as they become durable, without end.

        Raises `DeskAway` when the line breaks; go on from the last `seq` seen.
        """
        return self._stream(frames.Tail(1, after))

    def tap(self, *kinds: str) -> AsyncIterator[Event]:
        """Live events by name ("BookUpdate", "FillNews"; none named: all). Lossy when read slowly."""
        return self._stream(frames.Tap(1, kinds))

    async def _stream(self, request: frames.Tail | frames.Tap) -> AsyncIterator[Any]:
        # A line of its own: who reads a stream slowly must not hold up their other requests.
        line = await _Conversation.begin(self.path, self.via, ear=False)
        try:
            async for item in line.stream(request):
                yield item
        finally:
            await line.close()

    async def _ask(self, request: Callable[[int], frames.Request], shape: type[T]) -> T:
        await self.open()
        assert self._line is not None
        return await self._line.ask(request, shape)


class _Conversation:
    """One connection: sends requests, hands each reply to whoever asked."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._ids = 0
        self._asked: dict[int, asyncio.Future[Raw]] = {}
        self._why = ""
        self.welcome = Welcome(0, "", "", "")
        self._ear: asyncio.Task[None] | None = None

    @property
    def broken(self) -> bool:
        return bool(self._why)

    @classmethod
    async def begin(cls, path: Gate, via: str, ear: bool = True) -> _Conversation:
        try:
            async with asyncio.timeout(HELLO_S):
                reader, writer = await open_gate(path)
        except TimeoutError:
            raise DeskAway(f"no desk answers at {path}") from None
        line = cls(reader, writer)
        try:
            async with asyncio.timeout(HELLO_S):
                await line._greet(via, path.token if isinstance(path, FarGate) else "")
        except TimeoutError:
            await line.close()
            raise DeskAway(f"something holds {path} open but does not answer; is the engine stuck?") from None
        except (DeskAway, Refused, asyncio.CancelledError):
            await line.close()
            raise
        if ear:
            line._ear = asyncio.get_running_loop().create_task(line._listen(), name="kedge client")
        return line

    async def _greet(self, via: str, token: str) -> None:
        with contextlib.suppress(OSError):
            self._writer.write(frames.pack(Hello(frames.PROTOCOL, via, token)))
            await self._writer.drain()
        reply = await self._reply()
        if isinstance(reply, Welcome):
            self.welcome = reply
            return
        if isinstance(reply, Failed):
            raise _raised(reply)
        raise DeskAway(reply.says if isinstance(reply, Dropped) else "the desk did not greet us")

    async def ask(self, request: Callable[[int], frames.Request], shape: type[T]) -> T:
        here = self._id()
        answer: asyncio.Future[Raw] = asyncio.get_running_loop().create_future()
        self._asked[here] = answer
        try:
            await self._send(request(here))
            raw = await answer
        finally:
            del self._asked[here]
            if answer.done() and not answer.cancelled():
                answer.exception()  # looked at, even where sending has failed first
        return msgspec.json.decode(raw, type=shape)

    async def stream(self, request: frames.Tail | frames.Tap) -> AsyncIterator[Any]:
        """For a conversation without an ear: what the stream says, until its end."""
        await self._send(request)
        while True:
            match await self._reply():
                case Line(entry=entry):
                    yield entry
                case Seen(event=event):
                    yield event
                case Failed() as failed:
                    raise _raised(failed)
                case Dropped(says=says):
                    raise DeskAway(says)
                case Ended():
                    return

    async def close(self) -> None:
        self._break("the conversation was closed")
        if self._ear is not None:
            self._ear.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ear
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    # ── the line ────────────────────────────────────────────────────────────────────────────────

    def _id(self) -> int:
        if self._why:
            raise DeskAway(self._why)
        self._ids += 1
        return self._ids

    async def _send(self, frame: frames.Frame) -> None:
        line = frames.pack(frame)
        if len(line) > self.welcome.request_bytes_max:
            raise Refused(
                f"the request has {len(line)} bytes; the desk takes {self.welcome.request_bytes_max}", "usage"
            )
        try:
            self._writer.write(line)
            await self._writer.drain()
        except OSError:
            self._break("the desk hung up")
            raise DeskAway(self._why) from None

    async def _reply(self) -> frames.Reply:
        try:
            line = await self._reader.readline()
        except (OSError, ValueError):
            line = b""
        if not line.endswith(b"\n"):
            raise DeskAway("the desk hung up")
        try:
            return frames.read_reply(line)
        except frames.BadFrame as bad:
            raise DeskAway(str(bad)) from None

    async def _listen(self) -> None:
        try:
            while True:
                self._hear(await self._reply())
        except DeskAway as away:
            self._break(str(away))

    def _hear(self, reply: frames.Reply) -> None:
        match reply:
            case Answer(id=here, result=result):
                if (answer := self._asked.get(here)) and not answer.done():
                    answer.set_result(result)
            case Failed(id=here):
                self._failed(here, _raised(reply))
            case Dropped(says=says):
                raise DeskAway(says)

    def _failed(self, here: int, failed: Exception) -> None:
        if answer := self._asked.get(here):
            if not answer.done():
                answer.set_exception(failed)
        elif here == 0:
            raise DeskAway(str(failed))

    def _break(self, why: str) -> None:
        if self._why:
            return
        self._why = why
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(DeskAway(why))


def _raised(failed: Failed) -> Exception:
    return DeskAway(failed.says) if failed.fault == "away" else Refused(failed.says, failed.fault)
