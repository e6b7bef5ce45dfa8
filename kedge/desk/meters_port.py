"""`/metrics`, `/healthz` and `/readyz`: the answers, once for every port that gives them.

    /healthz     this process turns; whoever asks may know
    /readyz      200 when all is there, else 503; the body says what is missing
    /metrics     the numbers, for Prometheus

The last two are for this machine alone, or for who shows the token (`[metrics] token`). Without a token the
name that was asked for must be this machine's too: a page in somebody's browser must not read them by a
name of its own that leads here.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Callable

import msgspec
from aiohttp import web
from msgspec import Struct

from kedge.desk import meters
from kedge.desk.meters import Picture
from kedge.desk.parts import DeskContext, Part
from kedge.desk.tables.people import DatabaseTrouble, PeopleDatabase
from kedge.service.notify import Notifier
from kedge.service.watchdog import Watchdog
from kedge.settings import MetricsSettings, Secrets, Settings
from kedge.settings.desk_sections import LOOPBACK

PATHS = ("/metrics", "/healthz", "/readyz")
METRICS_KIND = "text/plain; version=1.0.0; charset=utf-8"

OUTBOX_S = 10.0

Look = Callable[[], Picture]


class Asked(Struct, frozen=True):
    """A request, by what decides about it: the peer's address, the Host and Authorization headers."""

    path: str
    peer: str = ""
    host: str = ""
    authorization: str = ""


class Told(Struct, frozen=True):
    status: int
    body: bytes
    kind: str = "application/json"


def answer(asked: Asked, picture: Picture, token: str = "") -> Told:
    """What one of the three paths says. Pure."""
    if asked.path == "/healthz":
        return Told(200, b'{"ok":true}')
    if asked.path not in PATHS:
        return _error(404, "there are /metrics, /healthz and /readyz")
    if wrong := _may_not(asked, token):
        return _error(401 if token else 403, wrong)
    if asked.path == "/readyz":
        ready = meters.readiness(picture)
        return Told(200 if ready.ready else 503, msgspec.json.encode(ready))
    try:
        return Told(200, meters.exposition(picture), METRICS_KIND)
    except ImportError:
        return _error(501, "metrics need prometheus-client: pip install 'kedge[desk]'")


def _may_not(asked: Asked, token: str) -> str:
    if token:
        scheme, _, shown = asked.authorization.partition(" ")
        good = scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), token.encode())
        return "" if good else "show the token: Authorization: Bearer ..."
    if is_local(asked.peer) and is_local(_name(asked.host)):
        return ""
    return "only this machine may read this; name a secret in `[metrics] token` for others"


def is_local(host: str) -> bool:
    """Whether an address or a name is this machine's own."""
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _error(status: int, says: str) -> Told:
    return Told(status, msgspec.json.encode({"error": {"says": says}}))


def token_of(chosen: MetricsSettings, secrets: Secrets) -> str:
    """Raises `SettingsWrong` where the secret that is named is not there."""
    return secrets.find(chosen.token, "[metrics] token").reveal() if chosen.token else ""


# ── a port of its own ───────────────────────────────────────────────────────────────────────────


class MetricsPort:
    """A small HTTP server. `open` raises `OSError` where the port is taken."""

    def __init__(self, listen: str, look: Look, token: str = "") -> None:
        host, _, port = listen.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._look, self._token = look, token
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        assert self._runner is not None
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def open(self) -> None:
        app = web.Application(client_max_size=1024)
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, keepalive_timeout=30)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, backlog=16).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        headers = request.headers
        asked = Asked(
            request.path, request.remote or "", headers.get("Host", ""), headers.get("Authorization", "")
        )
        told = answer(asked, self._look(), self._token)
        kept = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Type": told.kind}
        return web.Response(status=told.status, body=told.body, headers=kept)


# ── parts of the desk process ───────────────────────────────────────────────────────────────────


def parts(context: DeskContext) -> list[Part]:
    found = [Part("service", _serve_the_manager)]
    if any(_channels(context.settings)) and context.people is not None:
        found.append(Part("outbox count", _count_the_outbox))
    if context.settings.metrics.listen:
        found.append(Part("metrics", _serve_metrics))
    return found


def _channels(settings: Settings) -> tuple[object, ...]:
    return settings.telegram.token, settings.mail.server, settings.webhooks.urls


def picture_of(context: DeskContext) -> Picture:
    """What the desk process knows now."""
    link = context.link
    state = getattr(context.tables, "state", None)
    waiting, oldest_ns = context.outbox
    return Picture(
        now_ns=context.clock(),
        status=link.status,
        heard_ns=link.heard_ns,
        away=link.away,
        away_since_ns=link.away_since_ns,
        comebacks=link.restarts,
        tables_behind=-1 if state is None else state.behind,
        outbox=waiting,
        outbox_oldest_ns=oldest_ns,
        troubles=dict(context.troubles),
    )


async def _count_the_outbox(context: DeskContext) -> None:
    """How many notices wait and since when, for the numbers: asked now and then, in a thread."""
    while True:
        try:
            context.outbox = await asyncio.to_thread(waiting_notices, context.people)
        except DatabaseTrouble:
            context.outbox = (-1, 0)  # the post says it; here it is not known
        await asyncio.sleep(OUTBOX_S)


def waiting_notices(people: PeopleDatabase) -> tuple[int, int]:
    """How many wait, and since when. Raises `DatabaseTrouble`."""
    found = people.fetch("SELECT COUNT(*), MIN(made_ns) FROM outbox_notice WHERE state = 'waiting'")
    return int(found[0][0]), int(found[0][1] or 0)


async def _serve_metrics(context: DeskContext) -> None:
    chosen = context.settings.metrics
    port = MetricsPort(chosen.listen, lambda: picture_of(context), token_of(chosen, context.secrets))
    await port.open()
    try:
        context.troubles.pop("metrics", None)
        context.say(f"metrics on {port.address}/metrics")
        await asyncio.Event().wait()
    finally:
        await port.close()


async def _serve_the_manager(context: DeskContext) -> None:
    """Signs of life for systemd; and a watchdog of our own, for where there is none."""
    service = Notifier()
    watching = asyncio.get_running_loop().create_task(Watchdog("the desk").run(), name="watchdog")
    service.ready(standing(picture_of(context)))
    try:
        await service.keep(lambda: standing(picture_of(context)))
    finally:
        service.stopping()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def standing(picture: Picture) -> str:
    """One line for `systemctl status`."""
    ready = meters.readiness(picture)
    return "ready" if ready.ready else "; ".join(ready.missing)
