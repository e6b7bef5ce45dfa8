"""Where Telegram's calls arrive: a small server on this machine, behind the proxy that ends TLS.

A call without the secret is a stranger's. It is answered with 200 only after what it asked for is durable:
any other answer, or none, makes Telegram call again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from aiogram.types import Update
from aiohttp import web

from kedge.settings import Secret, TelegramSettings

TakeIn = Callable[[Sequence[Update]], Awaitable[None]]

HEADER = "X-Telegram-Bot-Api-Secret-Token"
BODY_MAX = 1024 * 1024
# So many calls are worked on at once; Telegram repeats the others.
CALLS_MAX = 16


@contextlib.asynccontextmanager
async def listening(settings: TelegramSettings, secret: Secret, take_in: TakeIn) -> AsyncIterator[None]:
    """Answer calls at the path of the webhook's address. Raises `OSError` where the port is taken."""
    busy = 0
    # Calls come side by side: what one chat says is still worked on in its order.
    turn = asyncio.Lock()

    async def call(request: web.Request) -> web.Response:
        nonlocal busy
        given = request.headers.get(HEADER, "")
        if not hmac.compare_digest(given.encode(), secret.reveal().encode()):
            return web.Response(status=403)
        if busy >= CALLS_MAX:
            return web.Response(status=503)
        try:
            update = Update.model_validate_json(await request.read())
        except ValueError:
            return web.Response(status=400)
        busy += 1
        try:
            async with turn:
                await take_in([update])
        finally:
            busy -= 1
        return web.Response()

    app = web.Application(client_max_size=BODY_MAX)
    app.router.add_post(urlsplit(settings.webhook).path or "/", call)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    host, _, port = settings.listen.rpartition(":")
    try:
        await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        yield
    finally:
        await runner.cleanup()
