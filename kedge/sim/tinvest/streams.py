"""Streams: what every one of them does, and the private ones.

A stream begins with a request and an answer to it; pings follow when nothing was said for the delay that the
client asked for. How it ends is a code of the venue's: 80005 when it has lived too long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from google.protobuf.message import DecodeError, Message

from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import operations_pb2 as operations
from kedge.protos.tinvest import orders_pb2 as orders
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Line
from kedge.sim.tinvest.access import Asked, accounts_of
from kedge.sim.tinvest.desk import Said
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.operations import Operations
from kedge.sim.tinvest.shapes import stamp
from kedge.sim.tinvest.views import Views

MILLI_NS = 1_000_000
PING_USUAL_MS = 120_000
INTERNAL_ERROR = 70001


class Ping(Protocol):
    """The envelope of a ping, in each stream's own message."""

    def __call__(self, *, ping: common.Ping) -> Message: ...


class Stream:
    """One stream as the venue keeps it; a `testnet.web.Visitor`."""

    ping_least_ms, ping_most_ms = 1_000, 120_000

    def __init__(
        self, line: Line, key: ApiKey, name: str, now: Callable[[], int], left: Callable[[], None]
    ) -> None:
        self.line = line
        self.key = key
        self.name = name  # the stream's id
        self.ready = False  # it has been asked what to tell
        self._now = now
        self._left = left
        self._ping_ms = PING_USUAL_MS
        self._said_ns = now()

    # ── a visitor ───────────────────────────────────────────────────────────────────────────────

    def heard(self, text: bytes) -> None:
        try:
            self.hear(text, self._now())
        except DecodeError:
            self.line.close(INTERNAL_ERROR, "not a message of this method")

    def pinged(self, payload: bytes) -> None: ...

    def ponged(self, payload: bytes) -> None: ...

    def gone(self) -> None:
        self._left()

    # ── what streams differ in ──────────────────────────────────────────────────────────────────

    def hear(self, text: bytes, now_ns: int) -> None:
        raise NotImplementedError

    def ping_message(self, ping: common.Ping) -> Message:
        raise NotImplementedError

    # ── what they share ─────────────────────────────────────────────────────────────────────────

    def say(self, message: Message, now_ns: int) -> None:
        self._said_ns = now_ns
        self.line.say(message.SerializeToString())

    def set_ping(self, delay_ms: int) -> None:
        self._ping_ms = min(max(delay_ms, self.ping_least_ms), self.ping_most_ms)

    def beat(self, now_ns: int) -> None:
        if now_ns - self._said_ns >= self._ping_ms * MILLI_NS:
            self.ping(now_ns)

    def ping(self, now_ns: int, asked: common.PingRequest | None = None) -> None:
        ping = common.Ping(time=stamp(now_ns), stream_id=self.name)
        if asked is not None and asked.HasField("time"):
            ping.ping_request_time.CopyFrom(asked.time)
        self.say(self.ping_message(ping), now_ns)


class PrivateStream(Stream):
    """One that tells of accounts. `accounts` are the exchange's names of those it tells of."""

    def __init__(
        self, house: TinvestHouse, line: Line, key: ApiKey, name: str, left: Callable[[], None]
    ) -> None:
        super().__init__(line, key, name, house.now_ns, left)
        self.house = house
        self.accounts: dict[str, None] = {}

    def tell(self, said: Sequence[Said], now_ns: int) -> None:
        raise NotImplementedError

    def choose(self, ids: Sequence[str]) -> list[str]:
        """Follow these accounts (none: all of the token's); those that are not there."""
        own = self.house.own.ids
        asked = Asked(self.key, self._now())
        mine = {own[one]: one for one in accounts_of(self.house, asked)}
        self.ready = True
        self.accounts = {mine[one]: None for one in (ids or mine) if one in mine}
        return [one for one in ids if one not in mine]

    def mine(self, said: Sequence[Said], word: str) -> list[Said]:
        return [one for one in said if one.word == word and one.account in self.accounts]

    def subscription(self, ids: Sequence[str]) -> orders.SubscriptionResponse:
        missing = self.choose(ids)
        reply = orders.SubscriptionResponse(
            tracking_id=self.name,
            status=common.RESULT_SUBSCRIPTION_STATUS_OK,
            stream_id=self.name,
            accounts=[self.house.own.ids[one] for one in self.accounts],
        )
        if missing:
            reply.status = common.RESULT_SUBSCRIPTION_STATUS_ERROR
            reply.error.code, reply.error.message = "50004", "Account not found"
        return reply


class OrderStates(PrivateStream):
    views: Views

    def hear(self, text: bytes, now_ns: int) -> None:
        request = orders.OrderStateStreamRequest.FromString(text)
        if request.HasField("ping_delay_millis"):
            self.set_ping(request.ping_delay_millis)
        reply = orders.OrderStateStreamResponse(subscription=self.subscription(request.accounts))
        self.say(reply, now_ns)

    def ping_message(self, ping: common.Ping) -> Message:
        return orders.OrderStateStreamResponse(ping=ping)

    def tell(self, said: Sequence[Said], now_ns: int) -> None:
        for one in self.mine(said, "order"):
            self.say(self.views.streamed(one), now_ns)


class Trades(PrivateStream):
    views: Views

    def hear(self, text: bytes, now_ns: int) -> None:
        request = orders.TradesStreamRequest.FromString(text)
        if request.HasField("ping_delay_ms"):
            self.set_ping(request.ping_delay_ms)
        reply = orders.TradesStreamResponse(subscription=self.subscription(request.accounts))
        self.say(reply, now_ns)

    def ping_message(self, ping: common.Ping) -> Message:
        return orders.TradesStreamResponse(ping=ping)

    def tell(self, said: Sequence[Said], now_ns: int) -> None:
        for one in self.mine(said, "trade"):
            self.say(self.views.traded(one), now_ns)


class Positions(PrivateStream):
    asks: Operations

    def hear(self, text: bytes, now_ns: int) -> None:
        request = operations.PositionsStreamRequest.FromString(text)
        self.set_ping(_ping_of(request))
        missing = self.choose(request.accounts)
        result = operations.PositionsSubscriptionResult(tracking_id=self.name, stream_id=self.name)
        for account in self.accounts:
            result.accounts.add(account_id=self.house.own.ids[account], subscription_status=1)
        for one in missing:
            result.accounts.add(account_id=one, subscription_status=2)
        self.say(operations.PositionsStreamResponse(subscriptions=result), now_ns)
        if request.with_initial_positions:
            for account in self.accounts:
                initial = self.asks.positions_of(account)
                self.say(operations.PositionsStreamResponse(initial_positions=initial), now_ns)

    def ping_message(self, ping: common.Ping) -> Message:
        return operations.PositionsStreamResponse(ping=ping)

    def tell(self, said: Sequence[Said], now_ns: int) -> None:
        for account, symbols in _by_account(self.mine(said, "position")).items():
            data = self.asks.data_of(account, list(symbols))
            self.say(operations.PositionsStreamResponse(position=data), now_ns)


class Portfolios(PrivateStream):
    asks: Operations

    def hear(self, text: bytes, now_ns: int) -> None:
        request = operations.PortfolioStreamRequest.FromString(text)
        self.set_ping(_ping_of(request))
        missing = self.choose(request.accounts)
        result = operations.PortfolioSubscriptionResult(tracking_id=self.name, stream_id=self.name)
        for account in self.accounts:
            result.accounts.add(account_id=self.house.own.ids[account], subscription_status=1)
        for one in missing:
            result.accounts.add(account_id=one, subscription_status=2)
        self.say(operations.PortfolioStreamResponse(subscriptions=result), now_ns)
        self._show(self.accounts, now_ns)

    def ping_message(self, ping: common.Ping) -> Message:
        return operations.PortfolioStreamResponse(ping=ping)

    def tell(self, said: Sequence[Said], now_ns: int) -> None:
        self._show(_by_account(self.mine(said, "position")), now_ns)

    def _show(self, accounts: dict[str, Any], now_ns: int) -> None:
        for account in accounts:
            found = self.asks.portfolio_of(account)
            self.say(operations.PortfolioStreamResponse(portfolio=found), now_ns)


def _ping_of(request: Any) -> int:
    given = request.ping_settings
    return given.ping_delay_ms if given.HasField("ping_delay_ms") else PING_USUAL_MS


def _by_account(said: Sequence[Said]) -> dict[str, dict[str, None]]:
    """Accounts that changed, each with its instruments that did."""
    found: dict[str, dict[str, None]] = {}
    for one in said:
        found.setdefault(one.account, {}).update(dict.fromkeys(one.symbols))
    return found
