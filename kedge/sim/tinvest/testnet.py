"""T-Invest as a `Testnet`: one user's accounts on the Moscow Exchange, by the messages of its gRPC.

A call of gRPC is an HTTP request whose path names the method and whose body is one message; a stream is a
socket that speaks messages. So this is the seam of all testnets, with three words of its own:

    Reply.headers   "grpc-status" and "grpc-message" (the venue's numeric code) where it is not OK; `message`
                    is the sentence; x-tracking-id and x-ratelimit-* are there always
    Line.close      with a code of the venue's (80005), or one of WebSockets' (1001: the venue goes away)
    Visitor.heard   a stream's first message, and those that follow where the client may go on talking

Streams are told with the tick after the deed; the fault `stream_first` turns that round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError, Message

from kedge.sim.exchange import BookChanged, Happening, StatusChanged, TradePrinted
from kedge.sim.testnet.house import Setup
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Line, Reply, Request, Visitor
from kedge.sim.tinvest import codes
from kedge.sim.tinvest.access import Asked, sign_in, user_of
from kedge.sim.tinvest.board import uuid_of
from kedge.sim.tinvest.codes import No, Refused
from kedge.sim.tinvest.desk import Desk, Said
from kedge.sim.tinvest.feeds import MarketStream, News
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.instruments import Instruments
from kedge.sim.tinvest.judge import Judge
from kedge.sim.tinvest.limits import STREAMS as STREAMS_MAX
from kedge.sim.tinvest.limits import Allowance, Limits
from kedge.sim.tinvest.marketdata import MarketData
from kedge.sim.tinvest.methods import STREAMS, Desks, methods, short_name
from kedge.sim.tinvest.operations import Operations
from kedge.sim.tinvest.orders import Orders, Parts
from kedge.sim.tinvest.purse import Purse
from kedge.sim.tinvest.rows import Tables
from kedge.sim.tinvest.sandbox import Sandbox
from kedge.sim.tinvest.stoporders import StopOrders
from kedge.sim.tinvest.stops import Stops
from kedge.sim.tinvest.streams import (
    OrderStates,
    Portfolios,
    Positions,
    PrivateStream,
    Stream,
    Trades,
)
from kedge.sim.tinvest.switches import teach
from kedge.sim.tinvest.users import Users
from kedge.sim.tinvest.views import Views

GOING_AWAY = 1001
LIFETIME = 80005
NEWS_MAX = 100_000


class TinvestTestnet:
    def __init__(self, setup: Setup, only: Sequence[str] = ()) -> None:
        """`only`: some of the board, by ticker or by what moves together: for storms and tests."""
        house = self._house = TinvestHouse(setup, only)
        self.tables = Tables(house.keeper)
        self.purse = Purse(house, self.tables)
        self.limits = Limits()
        faults = house.faults
        judge = Judge(house, self.purse, faults)
        self.desk = Desk(house, self.tables, judge, faults)
        self.stops = Stops(house, self.tables, self.desk)
        self.views = Views(house)
        self.data = MarketData(house, judge)
        self.asks = Operations(house, self.tables, self.purse, faults)
        parts = Parts(house, self.tables, self.desk, judge, self.purse, self.views, faults, self._settle)
        self._methods = methods(
            Desks(
                Users(house, self.purse),
                Instruments(house),
                self.data,
                Orders(parts),
                StopOrders(parts, self.stops),
                self.asks,
                Sandbox(house, self.purse),
            )
        )
        self._streams: dict[int, Stream] = {}
        self._paths: dict[int, str] = {}
        self._made = self._tracked = 0
        self._news = News()
        teach(house, self._end_streams)
        # The market quotes now that everybody listens.
        house.step()
        self._settle()

    @property
    def house(self) -> TinvestHouse:
        return self._house

    # ── a testnet ───────────────────────────────────────────────────────────────────────────────

    def http(self, request: Request) -> Reply:
        """One call; what it did is on disk before the reply is returned."""
        now_ns = self._house.now_ns()
        self._house.exchange.advance(now_ns)
        headers = {"x-tracking-id": self._tracking()}
        try:
            message = self._call(request, now_ns, headers)
        except Refused as refused:
            self._settle()
            reply = refusal(refused.no, headers)
        else:
            self._settle()
            if hasattr(message, "response_metadata"):
                message.response_metadata.tracking_id = headers["x-tracking-id"]
            reply = Reply(200, message.SerializeToString(), headers, "application/grpc")
        if self.desk.said and self._house.faults.strikes("stream_first") is not None:
            self._tell_private(now_ns)
        return reply

    def socket(self, request: Request, line: Line) -> Visitor | Reply:
        headers = {"x-tracking-id": self._tracking()}
        try:
            key = sign_in(self._house, request)
            name = short_name(request.path)
            if name not in STREAMS:
                raise Refused(12001)
            service = name.partition("/")[0]
            mine = [
                one
                for number, one in self._streams.items()
                if user_of(one.key) == user_of(key) and self._paths[number].startswith(service)
            ]
            if len(mine) >= self._house.own.limits.get(service, STREAMS_MAX[service]):
                raise Refused(80001)
        except Refused as refused:
            return refusal(refused.no, headers)
        self._made += 1
        self._paths[self._made] = name
        stream = self._streams[self._made] = self._stream(name, line, key, self._made)
        return stream

    def tick(self) -> None:
        house = self._house
        now_ns = house.now_ns()
        house.step()
        self._settle()
        self.desk.end_day(now_ns)
        self.desk.arrive(now_ns)
        self.stops.look(now_ns)
        self._settle()
        self._tell_private(now_ns)
        self._tell_public(now_ns)
        for stream in list(self._streams.values()):
            if stream.ready or isinstance(stream, MarketStream):
                stream.beat(now_ns)

    def close(self) -> None:
        self._settle()
        for stream in list(self._streams.values()):
            stream.line.close(GOING_AWAY, "")

    def stats(self) -> dict[str, Any]:
        return {
            "refused": self.limits.refused,
            "streams": {name: list(self._paths.values()).count(name) for name in STREAMS},
            "orders": len(self.tables.orders),
            "active_orders": len(self.tables.live),
            "stops": len(self.tables.stops),
            "active_stops": sum(len(one) for one in self.tables.waiting.values()),
            "instruments": len(self._house.papers()),
            "sessions": self._house.own.sessions,
            "accounts": dict(self._house.own.ids),
        }

    # ── calls ───────────────────────────────────────────────────────────────────────────────────

    def _call(self, request: Request, now_ns: int, headers: dict[str, str]) -> Message:
        """Raises `Refused`."""
        key = sign_in(self._house, request)
        name = short_name(request.path)
        method = self._methods.get(name)
        if method is None:
            raise Refused(12001)
        service, _, word = name.partition("/")
        allowance: Allowance = self.limits.ask(user_of(key), service, word, self._house.own.limits, now_ns)
        headers.update(allowance.headers())
        if allowance.left < 0:
            headers["x-ratelimit-remaining"] = "0"
            raise Refused(80002)
        try:
            asked = method.request.FromString(request.body)
        except DecodeError:
            raise Refused(70001) from None
        return method.answer(Asked(key, now_ns, service == "SandboxService"), asked)

    def _tracking(self) -> str:
        self._tracked += 1
        return self._uuid("tracking", self._tracked)

    def _uuid(self, word: str, number: int) -> str:
        """Another one in each life of the venue."""
        return uuid_of(f"{word}:{self._house.keeper.birth}:{self._house.life}:{number}")

    # ── streams ─────────────────────────────────────────────────────────────────────────────────

    def _stream(self, name: str, line: Line, key: ApiKey, number: int) -> Stream:
        house, called = self._house, self._uuid("stream", number)

        def left() -> None:
            self._streams.pop(number, None)
            self._paths.pop(number, None)

        word = name.partition("/")[2]
        if word.startswith("MarketData"):
            stream = MarketStream(house, self.data, house.faults, line, key, called, left)
            stream.talks = STREAMS[name]
            return stream
        if word in ("OrderStateStream", "TradesStream"):
            told = OrderStates if word == "OrderStateStream" else Trades
            private = told(house, line, key, called, left)
            private.views = self.views
            return private
        kept = Positions if word == "PositionsStream" else Portfolios
        owner = kept(house, line, key, called, left)
        owner.asks = self.asks
        return owner

    def _end_streams(self, path: str, account: str) -> int:
        """The venue ends streams that have lived too long."""
        chosen = [
            one
            for number, one in self._streams.items()
            if self._paths[number].startswith(path) and account in ("", one.key.account)
        ]
        for one in chosen:
            one.line.close(LIFETIME, codes.SENTENCES[LIFETIME])
        return len(chosen)

    # ── what is told ────────────────────────────────────────────────────────────────────────────

    def _settle(self) -> None:
        self._note(self._house.settle())

    def _note(self, news: Sequence[Happening]) -> None:
        for happening in news:
            if isinstance(happening, BookChanged):
                self._news.books[happening.symbol] = None
            elif isinstance(happening, TradePrinted) and len(self._news.trades) < NEWS_MAX:
                self._news.trades.append(happening)
            elif isinstance(happening, StatusChanged):
                self._news.states[happening.symbol] = None

    def _tell_private(self, now_ns: int) -> None:
        said: list[Said] = []
        while self.desk.said:
            said.append(self.desk.said.popleft())
        if not said:
            return
        for stream in list(self._streams.values()):
            if isinstance(stream, PrivateStream) and stream.ready:
                stream.tell(said, now_ns)

    def _tell_public(self, now_ns: int) -> None:
        news, self._news = self._news, News()
        for stream in list(self._streams.values()):
            if isinstance(stream, MarketStream):
                stream.tell(news, now_ns)


def refusal(no: No, headers: dict[str, str]) -> Reply:
    """A call that is refused, in the venue's words."""
    return Reply(
        200,
        b"",
        {**headers, "grpc-status": str(no.status), "grpc-message": str(no.code), "message": no.text},
        "application/grpc",
    )


def make(setup: Setup) -> TinvestTestnet:
    """What `kedge sim tinvest` and storms start."""
    return TinvestTestnet(setup)
