"""Over REST: a desk anywhere, as far as a token allows. The same verbs as at the gate.

    async with kedge.client.connect("https://desk.example:8321", token="kedge_...") as desk:
        await desk.command("bot.stop", name="hedge-1")
        for row in await desk.orders(state="open"): ...
        async for entry in desk.tail(): ...

A command goes with an `Idempotency-Key`; where the line breaks before the answer it is sent again under the
same key, and the desk does it once. What only the gate has (`tap`) is refused in one sentence.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec
from msgspec import Struct

from kedge.client.shared import ASKS_MAX, DeskAway, Refused, Row, new_command_id
from kedge.model.commands import COPY_IN, VERBS
from kedge.model.events import Event
from kedge.model.looks import Status
from kedge.model.records import CommandTaken, Entry

T = TypeVar("T")

ANSWER_S = 30.0
# Told to come back later, it waits so long at most, and gives up after as many tries as for a broken line.
LATER_MOST_S = 10.0
AGAIN_S = 0.3
# What one answer may be at most, and one event of a stream.
ANSWER_BYTES = 64 * 1024 * 1024
EVENT_BYTES = 16 * 1024 * 1024
# The desk says that it is there so often; silence for longer is a broken line.
SILENCE_S = 45.0
PAGES_MOST = 1000

_FAULTS = {400: "usage", 401: "denied", 403: "denied", 404: "missing", 405: "usage", 409: "refused"}

_body = msgspec.json.Encoder(decimal_format="string")
# Numbers are read in their own digits.
_json = msgspec.json.Decoder(float_hook=Decimal)


class HttpDesk:
    """One desk by its address; made by `connect`. Requests may be made side by side."""

    def __init__(self, where: str, token: str, *, tls: ssl.SSLContext | None = None) -> None:
        self.where = where.rstrip("/")
        self._token = token
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        parts = urlsplit(where)
        if not parts.hostname or parts.query or parts.username:
            raise Refused(f"{parts.scheme}://{parts.hostname or ''} is no address of a desk", "usage")
        if not token:
            raise Refused("a desk by REST asks for a token: make one on its page API tokens", "usage")

    def __repr__(self) -> str:
        return f"HttpDesk({self.where!r})"

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    # ── commands ────────────────────────────────────────────────────────────────────────────────

    async def command(self, verb: str, /, *, command_id: str = "", **args: Any) -> CommandTaken:
        """Have something done; returns when it is durable. Raises `Refused`, `DeskAway`."""
        return await self._ask_to(verb, args, command_id)

    async def do(self, command: Struct, *, command_id: str = "") -> CommandTaken:
        """The same with a typed argument: `await desk.do(BotPause("hedge-1"))`."""
        verb = next((verb for verb, shape in VERBS.items() if type(command) is shape), "")
        if not verb:
            raise Refused(f"{type(command).__name__} is not a command", "usage")
        return await self._ask_to(verb, command, command_id)

    async def _ask_to(self, verb: str, args: Any, command_id: str) -> CommandTaken:
        body = {"verb": verb, "args": args}
        answer = await self.post("/api/v1/commands", body, command_id=command_id)
        return msgspec.json.decode(_body.encode(answer), type=CommandTaken)

    async def reload(self, *, command_id: str = "") -> str:
        """Have the desk follow its bots file again; what was done, in one sentence."""
        return str((await self.post("/api/v1/reload", {}, command_id=command_id))["says"])

    async def backup(self, target: str | Path, *, command_id: str = "") -> str:
        """Have a verified copy written while the desk runs; the path made (on the desk's machine)."""
        said = await self.post("/api/v1/backup", {"target": str(target)}, command_id=command_id)
        return str(said["says"]).removeprefix(COPY_IN)

    async def open_hedge(
        self, sum_btc: Decimal | None, *, comment: str = "", preorder: str = "", command_id: str = ""
    ) -> Row:
        """Open a hedge; without a sum, the preorder's own."""
        said = {"sum_btc": sum_btc, "comment": comment, "preorder": preorder}
        body = {"action": "open"} | {name: value for name, value in said.items() if value not in (None, "")}
        return _opened(await self.post("/main/position-actions/", body, command_id=command_id))

    async def close_hedge(self, position_id: str, *, command_id: str = "") -> Row:
        body = {"action": "close", "position_id": position_id}
        return _opened(await self.post("/main/position-actions/", body, command_id=command_id))

    # ── looking ─────────────────────────────────────────────────────────────────────────────────

    async def status(self) -> Status:
        return msgspec.convert(await self.get("/api/v1/status"), Status)

    async def read(self, what: str, /, **filters: object) -> Any:
        """Rows by name: orders, fills, positions, decisions, notes, commands, cash, story."""
        asked = {name: _plain(value) for name, value in filters.items() if value is not None}
        return (await self.get(f"/api/v1/{what.replace('_', '-')}", asked))["rows"]

    async def orders(self, **filters: object) -> list[Row]:
        return list(await self.read("orders", **filters))

    async def fills(self, **filters: object) -> list[Row]:
        return list(await self.read("fills", **filters))

    async def positions(self, **filters: object) -> list[Row]:
        return list(await self.read("positions", **filters))

    async def decisions(self, **filters: object) -> list[Row]:
        return list(await self.read("decisions", **filters))

    async def notes(self, **filters: object) -> list[Row]:
        return list(await self.read("notes", **filters))

    async def ping(self) -> None:
        await self.get("/api/v1/ping")

    async def tail(self, after: int = -1) -> AsyncIterator[Entry]:
        """Journal entries after a sequence number (-1: from now on), then new ones as they become durable.

        Raises `DeskAway` when the line breaks; go on from the last `seq` seen.
        """
        async for name, data in self.live("entries", after=after):
            if name == "entry":
                yield msgspec.json.decode(data, type=Entry)

    def tap(self, *kinds: str) -> AsyncIterator[Event]:
        raise Refused("taps are at the gate alone: connect to the desk's home on its own machine", "usage")

    async def live(self, *topics: str, after: int = -1) -> AsyncIterator[tuple[str, bytes]]:
        """The live stream: (name, JSON) as it comes; topics are entries and status. Raises `DeskAway`."""
        asked = {"topics": ",".join(topics or ("entries",)), "after": str(after)}
        quiet = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_S, sock_read=SILENCE_S)
        try:
            async with self._open().get(self._url("/api/v1/live"), params=asked, timeout=quiet) as answer:
                if answer.status != 200:
                    raise _error(answer.status, await _whole(answer))
                async for event in _events(answer):
                    yield event
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise DeskAway(f"the stream from {self.where} broke off") from None
        raise DeskAway(f"{self.where} ended the stream")

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    async def get(self, path: str, asked: Mapping[str, str] | None = None) -> Any:
        """JSON by GET, with numbers in their own digits. Raises `Refused`, `DeskAway`."""
        return await self._request("GET", path, asked, None, "")

    async def post(self, path: str, body: Any, *, command_id: str = "") -> Any:
        """JSON by POST under an idempotency key, asked again where the answer was lost."""
        return await self._request("POST", path, None, _body.encode(body), command_id or new_command_id())

    async def pages(self, path: str, asked: Mapping[str, str]) -> list[Row]:
        """All `results` of a list that comes in pages."""
        found: list[Row] = []
        for number in range(1, PAGES_MOST + 1):
            page = await self.get(path, {**asked, "page": str(number)})
            found += page["results"]
            if not page["next"]:
                break
        return found

    async def _request(
        self, method: str, path: str, asked: Mapping[str, str] | None, body: bytes | None, key: str
    ) -> Any:
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"} if body is not None else {}
        why, sent = "", False
        for attempt in range(ASKS_MAX):
            if attempt:
                await asyncio.sleep(AGAIN_S)
            try:
                status, later_s, raw = await self._once(method, path, asked, body, headers)
            except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
                why = f"no desk answers at {self.where} ({_short(error)})"
                continue
            except (aiohttp.ClientError, TimeoutError) as error:
                why, sent = f"the line to {self.where} broke ({_short(error)})", True
                continue
            if status == 429 and attempt + 1 < ASKS_MAX:
                await asyncio.sleep(min(later_s, LATER_MOST_S))
                continue
            if status < 300:
                return _read(raw, self.where)
            told = _error(status, raw)
            if isinstance(told, DeskAway) and body is not None:
                why, sent = str(told), sent or bool(told.command_id)
                continue
            raise told
        raise DeskAway(why, key if sent and body is not None else "")

    async def _once(
        self,
        method: str,
        path: str,
        asked: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> tuple[int, float, bytes]:
        request = self._open().request(method, self._url(path), params=asked, data=body, headers=headers)
        async with request as answer:
            later = answer.headers.get("Retry-After", "")
            raw = await _whole(answer)
            return answer.status, float(later) if later.isdigit() else AGAIN_S, raw

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls if self._tls is not None else True),
                headers={"Authorization": f"Bearer {self._token}", "Accept": "application/json"},
                timeout=aiohttp.ClientTimeout(total=ANSWER_S),
                read_bufsize=EVENT_BYTES,
            )
        return self._session

    def _url(self, path: str) -> str:
        return self.where + path


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _error(status: int, raw: bytes) -> Refused | DeskAway:
    """What the desk said, as the gate's client would raise it."""
    says, command_id, taken = f"the desk answered {status}", "", None
    try:
        told = msgspec.json.decode(raw, type=_Told).error
        says, command_id, taken = told.says, told.command_id, told.taken
    except msgspec.DecodeError:
        pass  # a proxy's page: the number says enough
    if status >= 500 and status != 501:
        return DeskAway(says, command_id)
    return Refused(says, _FAULTS.get(status, "busy" if status == 429 else "refused"), taken)


class _Error(Struct):
    says: str
    command_id: str = ""
    taken: CommandTaken | None = None


class _Told(Struct):
    error: _Error


def _read(raw: bytes, where: str) -> Any:
    try:
        return _json.decode(raw)
    except msgspec.DecodeError:
        raise DeskAway(f"what answers at {where} is no desk") from None


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    found = bytearray()
    async for chunk in answer.content.iter_any():
        found += chunk
        if len(found) > ANSWER_BYTES:
            raise Refused(f"the answer is longer than {ANSWER_BYTES} bytes; ask for less", "usage")
    return bytes(found)


async def _events(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, bytes]]:
    name, data = "message", b""
    async for line in answer.content:
        text = line.rstrip(b"\r\n")
        if text.startswith(b"event:"):
            name = text[6:].strip().decode()
        elif text.startswith(b"data:"):
            data += text[5:].strip()
        elif not text and data:
            yield name, data
            name, data = "message", b""


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _opened(answer: Row) -> Row:
    return {name: answer[name] for name in ("position_id", "bot", "says", "command_id")}


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
