"""The REST client against a small server that misbehaves: keys, retries, errors, streams, and the shell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from fake_port import a_status

import kedge
from kedge import client
from kedge.client import DeskAway, Refused, http
from kedge.client.http import HttpDesk
from kedge.model import frames
from kedge.model.commands import BotPause
from kedge.model.events import Tick
from kedge.model.records import Entry, Noted

TOKEN = "kedge_test-token"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def with_a_desk(answer: Answer, run: Callable[[HttpDesk], Awaitable[None]]) -> None:
    async def both() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        async with TestServer(app) as server:
            where = str(server.make_url("")).rstrip("/")
            async with client.connect(where, token=TOKEN) as desk:
                await run(desk)

    asyncio.run(both())


def taken(key: str, ok: bool = True, says: str = "done") -> dict[str, Any]:
    made = {"command_id": key, "actor": "pi:ann", "via": "api", "verb": "bot.pause", "args": {}}
    return {"type": "CommandTaken", **made, "ok": ok, "says": says}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "AGAIN_S", 0.0)


def test_a_command_keeps_its_key_over_broken_lines() -> None:
    keys: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        keys.append(request.headers["Idempotency-Key"])
        body = await request.json()
        assert body == {"verb": "bot.pause", "args": {"name": "b"}}
        if len(keys) == 1:
            assert request.transport is not None
            request.transport.abort()  # taken, and the answer lost
        if len(keys) == 2:
            error = {"code": "away", "says": "the engine is stopping", "command_id": keys[0]}
            return web.json_response({"error": error}, status=503)
        return web.json_response(taken(keys[0]))

    async def run(desk: HttpDesk) -> None:
        done = await desk.do(BotPause("b"))
        assert (done.ok, done.command_id) == (True, keys[0])
        assert len(keys) == 3
        assert len(set(keys)) == 1

    with_a_desk(answer, run)


def test_a_desk_that_stays_away_gives_the_key_back() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Idempotency-Key", "")
        return web.json_response({"error": {"code": "away", "says": "gone", "command_id": key}}, status=503)

    async def run(desk: HttpDesk) -> None:
        with pytest.raises(DeskAway, match="gone") as away:
            await desk.command("desk.kill", command_id="my-own-key")
        assert away.value.command_id == "my-own-key"
        with pytest.raises(DeskAway, match="gone"):
            await desk.status()

    with_a_desk(answer, run)
    with pytest.raises(DeskAway, match="no desk answers") as nobody:
        asyncio.run(to_nobody())
    assert nobody.value.command_id == "", "it was never sent"


async def to_nobody() -> None:
    async with client.connect("http://127.0.0.1:1", token=TOKEN) as desk:
        await desk.command("desk.kill")


def test_errors_are_those_of_the_gate() -> None:
    answers: list[tuple[int, Any]] = []

    async def answer(_: web.Request) -> web.StreamResponse:
        status, body = answers.pop(0)
        return web.json_response(body, status=status) if body else web.Response(status=status, text="<p>")

    async def run(desk: HttpDesk) -> None:
        for status, fault in ((400, "usage"), (401, "denied"), (403, "denied"), (404, "missing")):
            answers.append((status, {"error": {"code": "x", "says": f"no: {status}"}}))
            with pytest.raises(Refused, match=f"no: {status}") as refused:
                await desk.orders()
            assert refused.value.fault == fault
        no = taken("k", ok=False, says="there is no bot")
        answers.append((409, {"error": {"code": "refused", "says": "there is no bot", "taken": no}}))
        with pytest.raises(Refused, match="there is no bot") as refused:
            await desk.command("bot.pause", name="b")
        assert refused.value.taken is not None
        answers.append((418, None))
        with pytest.raises(Refused, match="answered 418"):
            await desk.ping()
        answers.extend([(429, {"error": {"says": "slowly"}}), (200, {"rows": [{"qty": "0.05"}]})])
        assert await desk.fills(bot="b", since_ns=5) == [{"qty": "0.05"}]
        for wrong, says in ((desk.do(Tick()), "not a command"),):
            with pytest.raises(Refused, match=says):
                await wrong
        with pytest.raises(Refused, match="at the gate alone"):
            desk.tap("Tick")

    with_a_desk(answer, run)


def test_rows_and_status_come_in_the_types_of_the_gate() -> None:
    seen: list[tuple[str, dict[str, str]]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append((request.path, dict(request.query)))
        if request.path.endswith("/status"):
            return web.Response(body=bytes(frames.to_raw(a_status())), content_type="application/json")
        return web.Response(
            text='{"rows": [{"price": 0.1000000000000000000001}]}', content_type="application/json"
        )

    async def run(desk: HttpDesk) -> None:
        assert await desk.status() == a_status()
        rows = await desk.read("position_minutes", bot="b", limit=5)
        assert rows == [{"price": Decimal("0.1000000000000000000001")}]
        assert seen[1] == ("/api/v1/position-minutes", {"bot": "b", "limit": "5"})
        assert TOKEN not in repr(desk)

    with_a_desk(answer, run)


def test_the_tail_reads_events_and_says_when_it_breaks() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.query["after"] == "6"
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        note = json.dumps([7, 5, {"type": "Noted", "level": "info", "text": "hello"}])
        await stream.write(b"retry: 1000\n\n: still here\n\n")
        await stream.write(f"id: 7\nevent: entry\ndata: {note}\n\n".encode())
        return stream

    async def run(desk: HttpDesk) -> None:
        found: list[Entry] = []

        async def read() -> None:
            async for entry in desk.tail(after=6):
                found.append(entry)

        with pytest.raises(DeskAway, match="ended the stream"):
            await read()
        assert [(entry.seq, entry.record) for entry in found] == [(7, Noted("info", "hello"))]

    with_a_desk(answer, run)


def test_an_address_and_a_token_go_together() -> None:
    async def run(*args: Any, **named: Any) -> None:
        async with client.connect(*args, **named):
            raise AssertionError("connected")

    for args, named, says in (
        (("http://x",), {}, "asks for a token"),
        (("/home",), {"token": "x"}, "goes with an address"),
        (("http://user:pass@x",), {"token": "x"}, "no address"),
    ):
        with pytest.raises(Refused, match=says) as refused:
            asyncio.run(run(*args, **named))
        assert "pass" not in str(refused.value)


def test_the_shell_hedges_over_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[Any] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            bodies.append(await request.json())
            known = {"position_id": "p-1", "bot": "hedge-x", "says": "running", "command_id": "k"}
            return web.json_response({"action": "open", **known})
        if request.path.endswith("/positions/"):
            number = request.query["page"]
            return web.json_response({"results": [{"id": number}], "next": "x" if number == "1" else None})
        return web.json_response({"rate": 46608.0})

    async def run(desk: HttpDesk) -> None:
        monkeypatch.setenv("KEDGE_DESK", desk.where)
        monkeypatch.setenv("KEDGE_TOKEN", TOKEN)
        await asyncio.to_thread(by_hand)
        # In a notebook a loop runs already; the shell then works beside it.
        assert await asyncio.to_thread(in_a_loop) == {"rate": Decimal("46608.0")}

    with_a_desk(answer, run)
    assert bodies == [
        {"action": "open", "sum_btc": "0.05", "comment": "by hand"},
        {"action": "open", "preorder": "1234"},
        {"action": "close", "position_id": "p-1"},
    ]


def by_hand() -> None:
    assert kedge.open_hedge(0.05, comment="by hand").position_id == "p-1"
    assert kedge.open_hedge(preorder=1234).bot == "hedge-x"
    assert kedge.close_hedge("p-1").says == "running"
    assert [row["id"] for row in kedge.positions()] == ["1", "2"]


def in_a_loop() -> Any:
    async def inside() -> Any:
        return kedge.market_data()

    return asyncio.run(inside())


def test_the_shell_is_loaded_when_it_is_asked_for() -> None:
    assert callable(kedge.market_data)
    with pytest.raises(AttributeError, match="no attribute 'tea'"):
        _ = kedge.tea
