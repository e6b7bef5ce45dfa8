"""A desk for tests of REST: the real engine (without a venue: the test fills orders), the real gate, the real
tables, the real pages. Only the exchange is played by hand.

    def test_it() -> None:
        async def run(api: Api) -> None:
            ann = await api.token("ann", "trader")
            status, body = await api.post("/main/position-actions/", {...}, token=ann)

        at_an_api(run)
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from builders import MAIN, PERP, Trial, perp
from desk_kit import Web, at_a_desk
from fake_port import FakePort
from market_kit import Gate

from kedge.desk.tables.address import file_address
from kedge.desk.tables.database import Database
from kedge.desk.tables.projection import Projection
from kedge.desk.tables.tables import Tables
from kedge.engine import look
from kedge.engine.commands import preview
from kedge.engine.effects import Errand, Place
from kedge.journal.reading import Reading
from kedge.model.events import Command, ErrandDone
from kedge.model.looks import Status
from kedge.model.records import CommandTaken, Entry, Raw
from kedge.settings import HedgeSettings, Settings
from kedge.settings.api_sections import ApiSettings

D = Decimal
PLENTY = ApiSettings(per_minute=1_000_000, burst=100_000)


class TrialPort(FakePort):
    """The engine of the tests behind the gate; its journal is a list, and `restart` survives by it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        small = perp(qty_step=D("0.001"), min_qty=D("0.001"), min_notional=D(5), tick=D("0.5"))
        self.trial = Trial(instruments=(small,), bid=46715)
        self.markets = Gate()
        self.reading = Reading.open(folder, "main")
        self.database = Database(file_address(folder / "rows.sqlite", truth=False))
        self.projection = Projection(self.database, "main")
        self.projection.open()
        self.keep()

    def entries_now(self) -> list[Entry]:
        return [Entry(n, ts_ns, record) for n, (ts_ns, record) in enumerate(self.trial.entries, 1)]

    def keep(self) -> None:
        """What is durable is told to the engine's own tables and to the desk's."""
        every = self.entries_now()
        self.reading.apply(every[self.reading.applied_seq :])
        if new := every[self.projection.seq :]:
            self.projection.apply(new)

    def fill(self, price: object = None) -> None:
        """The venue takes what was sent and fills all of it."""
        for _ in range(5):
            for place in self.trial.take(Place):
                order = self.trial.opened(place.order)
                self.trial.fill(order, order.qty, price, fee="0.01")
        self.keep()

    def close(self) -> None:
        self.reading.close()
        self.database.close()

    # ── the port ────────────────────────────────────────────────────────────────────────────────

    async def command(self, command: Command) -> CommandTaken:
        self.commands.append(command)
        self._maybe_wrong()
        known = self.trial.e.desk.commands.get(command.command_id)
        if known is not None:  # as the cell answers a repeat
            return CommandTaken(command.command_id, "", "", "", Raw(b"{}"), known[0], known[1])
        self.trial.hear(command)
        for errand in self.trial.take(Errand):
            self.trial.hear(ErrandDone(errand.command_id, True, f"{errand.verb} is done"))
        self.keep()
        taken = [record for _, record in self.trial.entries if isinstance(record, CommandTaken)]
        return next(one for one in reversed(taken) if one.command_id == command.command_id)

    def status(self) -> Status:
        self._maybe_wrong()
        e, seq = self.trial.e, len(self.trial.entries)
        return look.status(e, self.trial.now_ns, self.trial.now_ns, seq, seq)

    async def read(self, what: str, args: dict[str, object]) -> object:
        self._maybe_wrong()
        if what == "held":
            return look.positions(self.trial.e)
        if what == "open_orders":
            return look.orders(self.trial.e)
        if what == "preview":
            return preview(self.trial.e, str(args["verb"]), msgspec.json.encode(args["args"]))
        if what == "stash":
            return look.stash(self.trial.e, str(args["name"]))
        if what in ("listed", "quotes"):
            return self.markets.rows(what, {"after": "", "limit": 500, **args})
        return self.reading.read(what, args)

    async def entries(self, after_seq: int) -> AsyncIterator[Entry]:
        for entry in self.entries_now()[after_seq:]:
            yield entry


class Api:
    """Requests of programs, and the desk they are made to."""

    def __init__(self, web: Web, port: TrialPort) -> None:
        self.web, self.port = web, port

    async def token(self, name: str, group: str, role: str = "", days: int = 0) -> str:
        from kedge.desk.web import people, tokens

        def make() -> str:
            if not people.User.objects.filter(username=name).exists():
                people.add(name, group, "correct horse staple")
            return tokens.make(people.find(name), "tests", role or people.GROUPS[group], days)  # type: ignore[arg-type]

        made: str = await sync_to_async(make)()
        return made

    async def get(self, where: str, token: str = "", **headers: str) -> tuple[int, Any]:
        response = await self.raw("GET", where, token, **headers)
        return response.status_code, _body(response)

    async def post(self, where: str, body: Any, token: str = "", key: str = "") -> tuple[int, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        response = await self.raw("POST", where, token, body=body, **headers)
        return response.status_code, _body(response)

    async def raw(self, method: str, where: str, token: str = "", body: Any = None, **headers: str) -> Any:
        sent = dict(headers)
        if token:
            sent["Authorization"] = f"Bearer {token}"
        data = body if isinstance(body, bytes) else msgspec.json.encode(body) if body is not None else b""
        kind = sent.pop("Content-Type", "application/json")
        return await self.web.client.generic(method, where, data, content_type=kind, headers=sent or None)


def _body(response: Any) -> Any:
    if response.streaming:
        return response
    if "json" not in response.headers.get("Content-Type", ""):
        return response.content.decode()
    return msgspec.json.decode(response.content)


def at_an_api(
    test: Callable[[Api], Awaitable[None]],
    api: ApiSettings = PLENTY,
    hedge: HedgeSettings | None = None,
    **more: Any,
) -> None:
    chosen = Settings(api=api, hedge=hedge or HedgeSettings(market=PERP), **more)
    with tempfile.TemporaryDirectory(prefix="kedge-api-") as name:
        port = TrialPort(Path(name))

        async def run(web: Web) -> None:
            web.context.tables = Tables(port.database, "main")
            await test(Api(web, port))

        try:
            at_a_desk(run, port, chosen)
        finally:
            port.close()


__all__ = ["MAIN", "PERP", "PLENTY", "Api", "D", "TrialPort", "at_an_api"]
