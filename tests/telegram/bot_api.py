"""Telegram's Bot API on this machine: what the real client needs of it, and what the world does to it.

async with bot_api() as api       a server at api.url for the token TOKEN
api.say("/status")                a person writes; the update waits until a poller has confirmed it
await api.heard()                 the next thing the bot did: a `Sent`
api.press(sent, "Yes, do it")     a person presses a button under it
api.faults["sendMessage"] = [...] what becomes of the next calls: ("flood", 1), ("cut",), ("fault",), ...
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "123456:AAE-planted-token-of-the-tests-0000000"
ANN, BOB, EVE, STRANGER = 1001, 1002, 1003, 6666
PATIENCE_S = 20.0


@dataclass
class Sent:
    """Something the bot did that a person sees."""

    method: str
    chat: int
    text: str = ""
    buttons: dict[str, str] = field(default_factory=dict)
    message_id: int = 0
    picture: bytes = b""


class BotApi:
    def __init__(self) -> None:
        self.url = ""
        self.updates: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.faults: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self.commands: dict[str, list[dict[str, str]]] = {}
        self.webhook: dict[str, Any] = {}
        self.now_s = 0
        self.known = True  # whether the token is
        self._seen: asyncio.Queue[Sent] = asyncio.Queue()
        self._new, self._polled = asyncio.Event(), asyncio.Event()
        self._next_update, self._next_message = 500, 1
        self._poller: asyncio.Future[None] | None = None

    # ── people ──────────────────────────────────────────────────────────────────────────────

    def say(self, text: str, user: int = ANN, chat: int | None = None, ago_s: int = 0) -> dict[str, Any]:
        message = {
            "message_id": self._number(),
            "date": self.now_s - ago_s,
            "chat": {"id": chat or user, "type": "private" if chat is None else "group"},
            "from": {"id": user, "is_bot": False, "first_name": "Somebody", "username": "not_to_be_trusted"},
            "text": text,
        }
        return self.deliver({"message": message})

    def press(self, sent: Sent, label: str, user: int = ANN) -> dict[str, Any]:
        data = next(data for shown, data in sent.buttons.items() if label in shown)
        message = {
            "message_id": sent.message_id,
            "date": self.now_s,
            "chat": {"id": sent.chat, "type": "private"},
            "text": sent.text,
        }
        if sent.picture:
            message["photo"] = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]
        query = {
            "id": str(self._number()),
            "from": {"id": user, "is_bot": False, "first_name": "Somebody"},
            "chat_instance": "1",
            "message": message,
            "data": data,
        }
        return self.deliver({"callback_query": query})

    def deliver(self, what: dict[str, Any]) -> dict[str, Any]:
        self._next_update += 1
        update = {"update_id": self._next_update, **what}
        self.updates.append(update)
        self._new.set()
        return update

    def again(self, update: dict[str, Any]) -> None:
        """Telegram has not heard that it was received."""
        if update not in self.updates:
            self.updates.insert(0, update)
        self._new.set()

    async def heard(self, *methods: str) -> Sent:
        """The next thing the bot did, of these kinds where some are named."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                sent = await self._seen.get()
                if not methods or sent.method in methods:
                    return sent

    async def until_confirmed(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.updates:
                self._polled.clear()
                await self._polled.wait()

    def quiet(self) -> bool:
        return self._seen.empty()

    # ── the server ──────────────────────────────────────────────────────────────────────────

    async def call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        form = await request.post()
        given: dict[str, Any] = {
            name: value.file.read() if isinstance(value, web.FileField) else value
            for name, value in form.items()
        }
        self.calls.append((method, given))
        if request.match_info["token"] != TOKEN or not self.known:
            return _failed(401, "Unauthorized")
        fault = self.faults[method].pop(0) if self.faults[method] else ()
        match fault:
            case ("flood", seconds):
                return _failed(429, "Too Many Requests", {"retry_after": seconds})
            case ("fault",):
                return _failed(502, "Bad Gateway")
            case ("conflict",):
                return _failed(409, "Conflict: terminated by other getUpdates request")
            case ("blocked",):
                return _failed(403, "Forbidden: bot was blocked by the user")
            case ("bad", said):
                return _failed(400, said)
            case ("cut",):
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            case ("deaf",):
                # It was done, and the answer is lost on its way.
                await self._done(method, given)
                assert request.transport is not None
                request.transport.close()
                return web.Response()
        return await self._done(method, given)

    async def _done(self, method: str, given: dict[str, Any]) -> web.Response:
        if method == "getMe":
            return _ok({"id": 123456, "is_bot": True, "first_name": "Desk", "username": "kedge_test_bot"})
        if method == "getUpdates":
            return await self._poll(given)
        if method == "setMyCommands":
            self.commands[given.get("language_code", "")] = json.loads(given["commands"])
        if method == "setWebhook":
            self.webhook = given
        if method == "deleteWebhook":
            self.webhook = {}
        if method in ("sendMessage", "sendPhoto", "editMessageText"):
            return _ok(self._shown(method, given))
        if method == "answerCallbackQuery" and given.get("text"):
            self._seen.put_nowait(Sent("toast", 0, given["text"]))
        return _ok(True)

    def _shown(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        keyboard = json.loads(given.get("reply_markup") or "{}").get("inline_keyboard", [])
        buttons = {one["text"]: one["callback_data"] for row in keyboard for one in row}
        number = int(given.get("message_id") or self._number())
        text = given.get("text") or given.get("caption") or ""
        photo = next((value for value in given.values() if isinstance(value, bytes)), b"")
        self._seen.put_nowait(Sent(method, int(given["chat_id"]), text, buttons, number, photo))
        chat = {"id": int(given["chat_id"]), "type": "private"}
        return {"message_id": number, "date": self.now_s, "chat": chat, "text": text}

    async def _poll(self, given: dict[str, Any]) -> web.Response:
        """The newest poller wins; the one before is told 409, as Telegram does."""
        offset = int(given.get("offset") or 0)
        self.updates = [one for one in self.updates if one["update_id"] >= offset]
        self._polled.set()
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(None)
        mine = self._poller = asyncio.get_running_loop().create_future()
        waited = asyncio.ensure_future(self._some_update())
        try:
            await asyncio.wait(
                [waited, mine], timeout=int(given.get("timeout") or 0), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waited.cancel()
        if mine.done():
            return _failed(409, "Conflict: terminated by other getUpdates request")
        return _ok(self.updates[: int(given.get("limit") or 100)])

    async def _some_update(self) -> None:
        while not self.updates:
            self._new.clear()
            await self._new.wait()

    def _number(self) -> int:
        self._next_message += 1
        return self._next_message


@contextlib.asynccontextmanager
async def bot_api() -> AsyncIterator[BotApi]:
    api = BotApi()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/bot{token}/{method}", api.call)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        await runner.cleanup()


def _ok(result: object) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _failed(status: int, description: str, parameters: dict[str, Any] | None = None) -> web.Response:
    body = {"ok": False, "error_code": status, "description": description}
    return web.json_response(body | ({"parameters": parameters} if parameters else {}), status=status)
