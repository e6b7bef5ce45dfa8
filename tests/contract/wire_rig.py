"""Venues that are spoken to by HTTP and WebSocket: a real adapter, a real testnet, a net in memory between.

A venue is added by a subclass that names its testnet, its paths and its words, and one line in `rigs.py`.
"""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections.abc import Callable
from random import Random  # storm-ok: seeded by its label
from typing import Any, ClassVar

import msgspec

from kedge.model.events import LinkUp
from kedge.model.venue import PlaceOrder, Rules
from kedge.sim.loop import StormLoop
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.control import Control
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.faulty import Faulty
from kedge.sim.testnet.hand import Hand
from kedge.sim.testnet.house import Hosted
from kedge.sim.testnet.house import Setup as HouseSetup
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.options import Options
from kedge.sim.testnet.store import Store
from kedge.sim.testnet.web import Reply, Testnet
from kedge.storm.window import View, Window
from kedge.storm.wires import SimWires, Socket, on_loop
from kedge.venues.registry import VENUES, rules_of
from kedge.venues.venue import Setup, Venue
from tests.contract.desk import KEY, SECOND, SECRET, Desk
from tests.contract.rig import Rig
from tests.contract.wires import Porch, Script

HOST = "venue.contract"


class WireRig(Rig):
    wallet: ClassVar[str]  # inside the exchange, of the account "main"
    # Where the line for orders goes.
    path: ClassVar[str]
    # Paths of the lines that carry markets.
    public: ClassVar[tuple[str, ...]]
    # The path of the line that carries the account.
    private: ClassVar[str]
    # Makes the account's stream end by the venue's own doing.
    ending: ClassVar[Fault]
    # One change of a book is never told.
    gap_of_book: ClassVar[Fault] = Fault("book_gap")

    def __init__(self, loop: StormLoop) -> None:
        super().__init__(loop)
        self.script: Script = Script(self)
        self.wires: list[SimWires] = []
        self.tick_s = 0.1
        self._store = Store("")
        self._down = False
        self._lives = 0
        self._ticking: asyncio.TimerHandle | None = None
        # The desk's machine is off: nobody's connections reach the venue.
        self._unplugged = False
        self._hosted: Hosted | None = None

    @classmethod
    def rules(cls) -> Rules:
        rules = rules_of(VENUES[cls.venue])
        assert isinstance(rules, Rules)
        return rules

    # ── the venue's words: `Dialect` ────────────────────────────────────────────────────────────

    @staticmethod
    @abstractmethod
    def testnet(setup: HouseSetup) -> Hosted:
        """The venue's simulator."""

    @abstractmethod
    def is_answer(self, frame: bytes) -> bool: ...

    @abstractmethod
    def refusal(self, name: str, frame: bytes) -> bytes: ...

    @abstractmethod
    def too_many(self) -> Reply: ...

    @property
    def order_path(self) -> str:
        return self.path

    @abstractmethod
    def hurried(self) -> Any:
        """The adapter's options with hours made minutes."""

    # ── its life ────────────────────────────────────────────────────────────────────────────────

    async def join(self, *, linked: bool = True, hurry: bool = False, **setup: Any) -> Desk:
        if self._ticking is None:
            self._tick()
        given = {"account": f"{self.venue}/main", "key": KEY, "secret": SECRET, "url": f"http://{HOST}"}
        wires = SimWires(self._door, self.script)
        self.wires.append(wires)
        if self.by_http:
            self._shut_orders()
        more = {"options": self.hurried()} if hurry else {}
        venue = self.adapter(Setup(**{**given, **setup}), wires, **more)
        desk = Desk(venue, self.loop)
        self.desks.append(desk)
        await venue.open(desk.emit)
        if linked:
            await desk.until(LinkUp)
        return desk

    def adapter(self, setup: Setup, wires: SimWires, **more: Any) -> Venue:
        return VENUES[self.venue].make()(setup, wires, self.now_ns, **more)

    async def second(self) -> Desk:
        self.control("key", key=f"{KEY}2", secret=f"{SECRET}2", account="second")
        return await self.join(account=f"{self.venue}/second", key=f"{KEY}2", secret=f"{SECRET}2")

    async def end(self) -> None:
        self._down = True
        if self._ticking is not None:
            self._ticking.cancel()
        await asyncio.sleep(1)
        self.hosted.house.close()

    async def restart(self) -> None:
        self.away(True)
        await asyncio.sleep(2)
        self._begin()
        self.away(False)

    def away(self, on: bool) -> None:
        self._down = on
        if on:
            self.cut()

    @property
    def hosted(self) -> Hosted:
        """The venue; it begins when it is first needed, by the clock of then."""
        return self._begun()

    def _begun(self) -> Hosted:
        if self._hosted is None:
            self._begin()
        assert self._hosted is not None
        return self._hosted

    def _begin(self) -> None:
        self._lives += 1
        setup = HouseSetup(self.testnet_options(), VenueClock(self.venue_ns), self._dice, self._store)
        self._hosted = self.testnet(setup)
        house = self._hosted.house
        self._window = self.look(self._hosted)
        self._window.watch(self.note, lambda *_: None, lambda *_: None)
        hand = Hand(self.hosted, Faulty(self.hosted, house.faults, on_loop))
        self._control = Control(hand, on_loop)
        self._porch = Porch(self.hosted, self, self.script)

    def testnet_options(self) -> Options:
        return Options(market="still", key=KEY, secret=SECRET)

    def look(self, hosted: Hosted) -> Window:
        """The venue's truth by the desk's names."""
        return Window(hosted.house.exchange, View(self.wallet, self.inside, self.symbol))

    def _dice(self, label: str) -> Random:  # storm-ok: seeded by its label
        return Random(f"{label}:{self._lives}")  # storm-ok: seeded by its label

    def _door(self, host: str) -> Testnet | None:
        if host != HOST or self._down or self._unplugged:
            return None
        self._begun()
        return self._porch

    def _tick(self) -> None:
        if not self._down:
            self.hosted.tick()
        self._ticking = self.loop.call_later(self.tick_s, self._tick)

    def tempo(self, tick_s: float) -> None:
        self.tick_s = tick_s

    def _shut_orders(self) -> None:
        self.script.shut = lambda url: self.order_path in url

    # ── weather ─────────────────────────────────────────────────────────────────────────────────

    def fault(self, name: str, order: PlaceOrder | None = None) -> None:
        self.script.strikes.append((name, order.client_id.encode() if order is not None else b""))

    def slow(self, delay_ms: int) -> None:
        self.script.delay = delay_ms * 1_000_000

    def unused(self) -> list[object]:
        return list(self.script.strikes)

    def lag(self, on: bool) -> None:
        if on:
            self.hosted.house.faults.arm(Fault("lookup_lag", count=0, delay_ns=2 * SECOND))
        else:
            self.hosted.house.faults.clear()

    def gap(self) -> None:
        self.hosted.house.faults.arm(self.gap_of_book)

    def strike(self, fault: Fault) -> None:
        """A fault that the venue itself understands."""
        self.hosted.house.faults.arm(fault)

    def cut(self) -> None:
        for socket in self._sockets(lambda url: True):
            socket.cut()

    def half_open(self, part: str = "") -> None:
        for socket in self._sockets(lambda url: not part or any(path in url for path in self.public)):
            socket.half_open()

    def babble(self, part: str) -> None:
        self._say(part, b'{"topic":"execution","data":[{"execId":')

    def say_news(self, part: str) -> None:
        """The venue says what it never said before: a kind of message newer than this adapter."""
        self._say(part, self.novelty(part))

    @abstractmethod
    def novelty(self, part: str) -> bytes:
        """Such a message, well-formed, in the venue's envelope."""

    def _say(self, part: str, frame: bytes) -> None:
        chosen = self._sockets(lambda url: any(path in url for path in self._paths(part)))
        assert chosen, f"no {part} line is open"
        for socket in chosen:
            socket.say(frame)

    def _paths(self, part: str) -> tuple[str, ...]:
        return self.public if part == "public" else (self.private,)

    def cut_public(self) -> None:
        for socket in self._sockets(lambda url: any(path in url for path in self.public)):
            socket.cut()

    async def mute(self, desk: Desk) -> None:
        self._unplugged = True
        await asyncio.sleep(0)

    def questions_fail(self, on: bool) -> None:
        self.script.fails = "/" if on else ""

    def question_fails(self, path: str) -> None:
        """Questions of this path by HTTP are answered with 502; "": none."""
        self.script.fails = path

    def questions_of_report(self, asked: list[str]) -> list[str]:
        """The paths among what was asked, each once."""
        targets = [one.split()[1] for one in asked if one.startswith("GET ")]
        return list(dict.fromkeys(target.partition("?")[0] for target in targets))

    def shift(self) -> None:
        """Pages are numbered from the newest row, so that each new row moves them all."""
        faults = self.hosted.house.faults
        if "shifting_cursor" in faults.known():
            faults.arm(Fault("shifting_cursor", count=0))

    def traffic(self) -> int:
        return self.script.traffic

    def asked(self, text: str) -> int:
        """How often something that holds this text was asked."""
        return sum(text in one for one in self.script.asked)

    def bans(self) -> int:
        return int(self.hosted.stats()["bans"])

    def _sockets(self, chosen: Callable[[str], bool]) -> list[Socket]:
        return [one for wires in self.wires for one in list(wires.sockets.values()) if chosen(one.url)]

    # ── the market ──────────────────────────────────────────────────────────────────────────────

    @property
    def window(self) -> Window:
        self._begun()
        return self._window

    def control(self, do: str, **members: Any) -> dict[str, Any]:
        self._begun()
        answer = self._control.answer(msgspec.json.encode({"do": do, **members}))
        assert answer["ok"], answer
        return answer

    def let_in(self, **rights: Any) -> None:
        """The main key, with these rights from now on."""
        self.hosted.house.add_key(ApiKey(KEY, SECRET, "main", **rights))
        self.hosted.house.settle()


def request_of(frame: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(frame)
    return found
