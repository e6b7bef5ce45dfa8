"""The spot side of the venue: REST, the WebSocket API and market streams over one clerk and one desk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kedge.sim.binance.common import Refused, encode, refused
from kedge.sim.binance.house import BinanceHouse
from kedge.sim.binance.spot.clerk import Clerk
from kedge.sim.binance.spot.deeds import Deeds
from kedge.sim.binance.spot.desk import Desk
from kedge.sim.binance.spot.lists import Lists
from kedge.sim.binance.spot.market import MarketData
from kedge.sim.binance.spot.methods import methods
from kedge.sim.binance.spot.questions import Questions
from kedge.sim.binance.spot.rest import NOT_FOUND, Rest
from kedge.sim.binance.spot.rules import RAW_PER_5_MINUTES, WEIGHT_PER_MINUTE
from kedge.sim.binance.spot.streams import Streams
from kedge.sim.binance.spot.topics import Sources
from kedge.sim.binance.spot.wsapi import Api
from kedge.sim.binance.weights import Attempts, Weights
from kedge.sim.exchange import Happening
from kedge.sim.testnet.faults import BadFault, Fault
from kedge.sim.testnet.web import Line, Reply, Request, Visitor

API_PATH = "/ws-api/v3"
# Errors in the venue's words, for the fault `error` and for `api_error`.
ERRORS: dict[str, tuple[int, int, str]] = {
    "spot_unknown": (500, -1000, "An unknown error occurred while processing the request."),
    "spot_disconnected": (500, -1001, "Internal error; unable to process your request. Please try again."),
    "spot_unexpected": (
        500,
        -1006,
        "An unexpected response was received from the message bus. Execution status unknown.",
    ),
    "spot_timeout": (
        504,
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    ),
    "spot_overloaded": (
        503,
        -1008,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
    ),
}
FIREWALL = Reply(403, b"<html><head><title>403 Forbidden</title></head></html>", kind="text/html")


class SpotTestnet:
    def __init__(self, house: BinanceHouse) -> None:
        self._house = house
        self.clerk = Clerk(house)
        desk = Desk(house, self.clerk)
        market = MarketData(desk, self.clerk)
        questions = Questions(desk, self.clerk)
        lists = Lists(desk, self.clerk)
        known = methods(market, questions, Deeds(desk, questions, lists), lists)
        self._weights = Weights(WEIGHT_PER_MINUTE, raw_per_5_minutes=RAW_PER_5_MINUTES)
        self._attempts = Attempts()
        self._rest = Rest(house, self.clerk, known, self._weights)
        self._api = Api(house, self.clerk, known, self._weights)
        self._streams = Streams(Sources(house, self.clerk, market))
        self.clerk.wake()
        self._teach()

    # ── what comes in ───────────────────────────────────────────────────────────────────────────

    def http(self, request: Request) -> Reply:
        return self._rest.answer(request)

    def socket(self, request: Request, line: Line) -> Visitor | Reply:
        now_ns = self._house.now_ns()
        first = request.path.lstrip("/").partition("/")[0]
        if first not in ("ws", "stream", "ws-api"):
            return NOT_FOUND
        try:
            self._attempts.take(request.peer, now_ns)
            if request.path.rstrip("/") == API_PATH:
                return self._api.open(request, line)
        except Refused as no:
            return refused(no)
        return NOT_FOUND if first == "ws-api" else self._streams.open(request, line)

    # ── what has happened ───────────────────────────────────────────────────────────────────────

    def learn(self, news: Sequence[Happening]) -> None:
        self.clerk.learn(news)

    def tell(self) -> None:
        events, self.clerk.events = self.clerk.events, []
        self._api.tell(events)
        self._streams.tell()
        for tape in self.clerk.tapes.values():
            tape.told()

    def tick(self) -> None:
        self._streams.tick()
        self._api.tick()

    def stats(self) -> dict[str, Any]:
        return {
            "refused": self._weights.refused,
            "bans": self._weights.bans,
            "streams": len(self._streams.readers),
            "callers": len(self._api.callers),
        }

    def close(self) -> None:
        self._streams.close()
        self._api.close()

    # ── the weather ─────────────────────────────────────────────────────────────────────────────

    def _teach(self) -> None:
        faults = self._house.faults
        faults.teach(
            "terminate_user_stream",
            "spot subscriptions to the account (empty: all) end with eventStreamTerminated",
            self._terminate,
        )
        faults.teach("server_shutdown", "spot sockets are told, and closed after delay_ns", self._shut_down)
        for name, (status, code, text) in ERRORS.items():
            faults.teach_error(name, Reply(status, encode({"code": code, "msg": text})))
        faults.teach_error("firewall", FIREWALL)

    def _terminate(self, fault: Fault) -> None:
        if not self._api.terminate(fault.account):
            raise BadFault(f"Nobody is subscribed to {fault.account or 'any account'}.")

    def _shut_down(self, fault: Fault) -> None:
        self._streams.shut_down(fault.delay_ns)
        self._api.shut_down(fault.delay_ns)
