"""The paper venue on the same cards: its real client and its real server, joined by lines in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace
from paper_world import End, Pipe

from kedge.model.events import LinkUp
from kedge.model.venue import PlaceOrder, Rules
from kedge.sim.loop import StormLoop
from kedge.sim.paper import Options, PaperServer
from kedge.sim.paper.faults import Fault
from kedge.storm.window import View, Window
from kedge.venues.paper.client import PaperVenue
from kedge.venues.paper.rules import PAPER_RULES
from kedge.venues.paper.rules import Options as ClientOptions
from tests.contract.desk import KEY, SECOND, SECRET, Desk
from tests.contract.rig import Rig

NO_FEEDS = "the paper venue's dialect has no bars and no trades of others"
# The contract's name of a fault: the venue's, and its members.
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "request_lost": ("lose_request", {}),
    "request_slow": ("delay_request", {"delay_ns": 14 * SECOND}),
    "reply_lost": ("lose_reply", {}),
    "reply_late": ("delay_reply", {"delay_ns": 14 * SECOND}),
    "cut": ("cut", {"deed": True}),
    "busy": ("unavailable", {"deed": False}),
    "failed": ("unavailable", {"deed": True}),
    "too_many": ("rate_limit", {}),
}


class PaperRig(Rig):
    name = "paper"
    venue = "paper"
    symbol, other, strange = "BTC-PERP", "ETH-PERP", "NO-SUCH"
    inside, inside_other = "BTC-PERP", "ETH-PERP"
    declared: ClassVar[Mapping[str, str]] = {
        "http": "the paper venue is spoken to by one line, which carries orders and questions",
        "bars": NO_FEEDS,
        "trades": NO_FEEDS,
        "batch": "the paper venue's dialect has no batches",
        "leverage": "the paper venue's leverage is not set through the desk",
        "keys": "the paper venue has one key, without rights or addresses; its client never stops trying",
        "public_line": "the paper venue's one line carries the account and its markets",
        "stream_end": "the paper venue's stream of the account ends with its line alone",
        "shifting": "the paper venue's pages are numbered from an account's first entry, and do not shift",
        "novelty": "the paper venue and its client are of one version",
        "budget": "the paper venue's budget is kept by the engine alone",
    }

    def __init__(self, loop: StormLoop) -> None:
        super().__init__(loop)
        self._refuse = False
        self._ends: list[End] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._spoken = 0
        # The id in the answer of which half is to be lost.
        self.garble = b""
        self._begun = False
        self._folder: TemporaryDirectory[str] | None = None

    @classmethod
    def rules(cls) -> Rules:
        return PAPER_RULES

    # ── its life ────────────────────────────────────────────────────────────────────────────────

    async def join(self, *, linked: bool = True, hurry: bool = False, **setup: Any) -> Desk:
        self._begin()
        given = {"account": "paper/main", "key": KEY, "secret": SECRET, **setup}
        venue = PaperVenue(
            given["account"],
            self._connect,
            self.now_ns,
            key=given["key"],
            secret=given["secret"],
            options=ClientOptions(dead_man_ns=given.get("dead_man_ns", 0)),
        )
        desk = Desk(venue, self.loop)
        self.desks.append(desk)
        await venue.open(desk.emit)
        if linked:
            await desk.until(LinkUp)
        return desk

    async def second(self) -> Desk:
        return await self.join(account="paper/second")

    async def end(self) -> None:
        if self._begun:
            await self._stop()
        if self._folder is not None:
            self._folder.cleanup()

    async def restart(self) -> None:
        self._refuse = True
        await self._stop()
        await asyncio.sleep(2)
        self._begin()
        self._refuse = False

    def away(self, on: bool) -> None:
        self._refuse = on
        if on:
            self.cut()

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="kedge-contract-")
        state = str(Path(self._folder.name) / "paper.state")
        options = Options(state=state, market="still", key=KEY, secret=SECRET, tick_ms=100)
        self.server = PaperServer(options, self.venue_ns)
        self._window = Window(self.server.keeper.exchange, View("main", self.inside, self.symbol))
        self._window.watch(self.note, lambda *_: None, lambda *_: None)
        self._tasks.append(self.loop.create_task(self.server.run(), name="venue-ticks"))

    def tempo(self, tick_s: float) -> None:
        self.server.options = replace(self.server.options, tick_ms=round(1000 * tick_s))

    async def _stop(self) -> None:
        self._begun = False
        self.cut()
        tasks, self._tasks = self._tasks, []
        tasks[0].cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.server.close()

    async def _connect(self) -> tuple[Pipe, End]:
        self._spoken += 1
        if self._refuse:
            raise ConnectionRefusedError("nobody there")
        up, down = _Heard(self), _Said(self)
        far, near = End(down, up), End(up, down)
        self._ends.append(far)
        serving = self.server.serve_client(up, far)
        self._tasks.append(self.loop.create_task(serving, name=f"venue-line-{self._spoken}"))
        return down, near

    # ── weather ─────────────────────────────────────────────────────────────────────────────────

    def fault(self, name: str, order: PlaceOrder | None = None) -> None:
        client_id = order.client_id if order is not None else ""
        if name == "garbled":
            self.garble = client_id.encode()
            return
        kind, members = FAULTS[name]
        self.server.gateway.faults.add(Fault(kind, client_id=client_id, **members))  # type: ignore[arg-type]

    def unused(self) -> list[object]:
        armed: list[object] = [f for f in self.server.gateway.faults.armed() if f.kind != "lookup_lag"]
        return [*armed, self.garble] if self.garble else armed

    def lag(self, on: bool) -> None:
        faults = self.server.gateway.faults
        if on:
            faults.add(Fault("lookup_lag", count=0, delay_ns=2 * SECOND))
        else:
            faults.clear()

    def gap(self) -> None:
        self.server.gateway.faults.add(Fault("drop_message", op="book", symbol=self.symbol))

    def babble(self, part: str) -> None:
        for end in self._ends:
            end.write(b'{"t":"fill","fill":{"exec_id":\n')

    def slow(self, delay_ms: int) -> None:
        """Its lines in memory take no time."""

    def cut(self) -> None:
        ends, self._ends = self._ends, []
        for end in ends:
            end.close()

    def half_open(self, part: str = "") -> None:
        assert not part
        for connection in self.server.gateway.connections.values():
            connection.deaf = True

    async def mute(self, desk: Desk) -> None:
        self._refuse = True
        await asyncio.sleep(0)

    def traffic(self) -> int:
        return self._spoken

    def spoke(self) -> None:
        self._spoken += 1

    def bans(self) -> int:
        return sum(guard.counts.bans for guard in self.server.gateway.guards.values())

    # ── the market ──────────────────────────────────────────────────────────────────────────────

    @property
    def window(self) -> Window:
        return self._window

    def control(self, do: str, **members: Any) -> dict[str, Any]:
        answer = self.server.control.answer(msgspec.json.encode({"do": do, **members}))
        assert answer["ok"], answer
        return answer


class _Heard(Pipe):
    """What the client says."""

    def __init__(self, rig: PaperRig) -> None:
        super().__init__()
        self._rig = rig

    def feed(self, data: bytes) -> None:
        self._rig.spoke()
        super().feed(data)


class _Said(Pipe):
    """What the venue says; half of the answer about one order, when that was asked for."""

    def __init__(self, rig: PaperRig) -> None:
        super().__init__()
        self._rig = rig

    def feed(self, data: bytes) -> None:
        wanted = self._rig.garble
        lines = data.split(b"\n")
        for number, line in enumerate(lines):
            if wanted and wanted in line and b'"reply"' in line:
                self._rig.garble = b""
                lines[number] = line[: len(line) // 2]
        super().feed(b"\n".join(lines))
