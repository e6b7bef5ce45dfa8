"""The smallest testnet there is, to try the toolkit on: orders by REST, news of them on a WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
from msgspec import Struct, field

from kedge.model.venue import PlaceOrder
from kedge.sim.exchange import Happening, OrderChanged
from kedge.sim.testnet import listings
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.house import House, Setup
from kedge.sim.testnet.keeper import Facts
from kedge.sim.testnet.options import Options
from kedge.sim.testnet.store import Store
from kedge.sim.testnet.web import Line, Reply, Request, Visitor

SECOND = 10**9
START_NS = 1_790_000_040 * SECOND
SYMBOL = "linear:BTCUSDT"


class ToyFacts(Facts):
    words: dict[str, str] = field(default_factory=dict)


class Extra(Struct, frozen=True):
    tif: str
    heard_ns: int


class Guest:
    """One WebSocket: it says back what it hears."""

    def __init__(self, toy: Toy, line: Line) -> None:
        self.toy = toy
        self.line = line
        self.pongs: list[bytes] = []
        self.gone_times = 0

    def heard(self, text: bytes) -> None:
        if text == b"bye":
            self.line.close(1000, "as you wish")
        elif text == b"burst":
            for _ in range(3_000):
                self.line.say(b"x" * 65_536)
        else:
            self.line.say(b"echo " + text)

    def pinged(self, payload: bytes) -> None:
        self.pongs.append(b"pinged " + payload)

    def ponged(self, payload: bytes) -> None:
        self.pongs.append(payload)

    def gone(self) -> None:
        self.gone_times += 1
        self.toy.guests.remove(self)


class Toy:
    def __init__(self, setup: Setup) -> None:
        self.house: House[ToyFacts] = House(setup, listings.bybit, ToyFacts, key_header="x-key")
        self.extras = self.house.keeper.drawer("extras", Extra, most=100)
        self.guests: list[Guest] = []
        self.learnt: list[str] = []
        self.requests: list[Request] = []
        self.restarts = 0
        self.welcomed = 0
        self.house.learners.append(self._learn)
        self.house.faults.teach("lookup_lag", "orders are not found yet")
        self.house.faults.teach("service_restart", "all lines are told so", self._restart)
        self.house.faults.teach_error("busy", Reply(503, b'{"code":-1008}', {"Retry-After": "1"}))

    def http(self, request: Request) -> Reply:
        self.requests.append(request)
        if request.path == "/raw":
            said = {"path": request.path, "query": request.query, "body": request.body.hex()}
            return Reply(200, msgspec.json.encode({**said, **request.headers}), {"X-Toy": "yes"})
        if request.path == "/order" and request.method == "POST":
            return self._place(msgspec.json.decode(request.body))
        if request.path == "/order":
            return self._find(request.query.removeprefix("client_id="))
        if request.path == "/bug":
            raise ZeroDivisionError("a fault of the venue's own")
        return Reply(404, b"{}")

    def socket(self, request: Request, line: Line) -> Visitor | Reply:
        if request.path != "/stream":
            return Reply(404, b"no such stream")
        guest = Guest(self, line)
        self.guests.append(guest)
        self.welcomed += 1
        line.say(b"welcome")
        line.ping(b"are you there")
        return guest

    def tick(self) -> None:
        self.house.step()
        self._tell(self.house.settle())

    def stats(self) -> dict[str, Any]:
        return {"refused": 0, "bans": 0}

    def close(self) -> None:
        for guest in list(self.guests):
            guest.line.close(1001, "closing")

    def _place(self, body: dict[str, str]) -> Reply:
        order = PlaceOrder(
            body["client_id"],
            SYMBOL,
            body["side"],
            Decimal(body["qty"]),
            Decimal(body["price"]),  # type: ignore[arg-type]
        )
        reply = self.house.exchange.place("main", order, self.house.now_ns())
        if reply.ok and reply.order is not None:
            self.extras.put(reply.order.venue_id, Extra("GTC", self.house.now_ns()))
        self._tell(self.house.settle())
        return Reply(200 if reply.ok else 400, msgspec.json.encode({"ok": reply.ok, "code": reply.code}))

    def _find(self, client_id: str) -> Reply:
        if self.house.faults.strikes("lookup_lag", client_id=client_id):
            return Reply(404, b"{}")
        order = self.house.exchange.order("main", client_id)
        return Reply(200, msgspec.json.encode(str(order.cum_qty))) if order else Reply(404, b"{}")

    def _learn(self, news: Any) -> None:
        for happening in news:
            if isinstance(happening, OrderChanged):
                self.learnt.append(happening.order.client_id)
                self.house.own.words[happening.order.client_id] = happening.order.state.value
                self.house.touch()

    def _tell(self, news: list[Happening]) -> None:
        for happening in news:
            if isinstance(happening, OrderChanged):
                for guest in list(self.guests):
                    guest.line.say(f"order {happening.order.client_id}".encode())

    def _restart(self, fault: Fault) -> None:
        self.restarts += 1
        for guest in self.guests:
            guest.line.say(b"restarting")


def make(setup: Setup) -> Toy:
    return Toy(setup)


def a_setup(clock: Callable[[], int] = lambda: START_NS, store: Store | None = None, **options: Any) -> Setup:
    chosen = Options(**{"market": "still", **options})
    return Setup(chosen, VenueClock(clock), lambda label: Random(f"{chosen.seed}:{label}"), store)


def an_order(client_id: str, side: str = "buy", qty: str = "0.01", price: str = "59000") -> bytes:
    return msgspec.json.encode({"client_id": client_id, "side": side, "qty": qty, "price": price})


def asked(method: str, path: str, body: bytes = b"", query: str = "", **headers: str) -> Request:
    return Request(
        method, path, query, {name.replace("_", "-"): value for name, value in headers.items()}, body
    )
