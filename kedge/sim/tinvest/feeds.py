"""Public streams: candles, books, trades, states and last prices of what a client subscribed to.

Books are whole each time, at most every tenth of a second, and so are candles; trades come one by one. With
`waiting_close` a candle is told once, when it has ended. Candles, books and trades together are limited to
300 in one stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from google.protobuf.message import Message
from msgspec import Struct

from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import marketdata_pb2 as pb
from kedge.sim.exchange import TradePrinted
from kedge.sim.testnet.bars import Feed, Interval
from kedge.sim.testnet.faults import Faults
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.web import Line
from kedge.sim.tinvest.board import Paper
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.limits import SUBSCRIPTIONS_MAX
from kedge.sim.tinvest.marketdata import DEPTHS, MarketData
from kedge.sim.tinvest.streams import Stream

THROTTLE_NS = 100_000_000
LOOK_NS = 1_000_000_000
SUBSCRIBE, UNSUBSCRIBE = pb.SUBSCRIPTION_ACTION_SUBSCRIBE, pb.SUBSCRIPTION_ACTION_UNSUBSCRIBE
OK = pb.SUBSCRIPTION_STATUS_SUCCESS
NO_INSTRUMENT = pb.SUBSCRIPTION_STATUS_INSTRUMENT_NOT_FOUND
NO_ACTION = pb.SUBSCRIPTION_STATUS_SUBSCRIPTION_ACTION_IS_INVALID
NO_DEPTH = pb.SUBSCRIPTION_STATUS_DEPTH_IS_INVALID
NO_INTERVAL = pb.SUBSCRIPTION_STATUS_INTERVAL_IS_INVALID
NO_ROOM = pb.SUBSCRIPTION_STATUS_LIMIT_IS_EXCEEDED
NOT_THERE = pb.SUBSCRIPTION_STATUS_SUBSCRIPTION_NOT_FOUND
# Interval of a subscription -> ours.
INTERVALS: dict[int, str] = {
    pb.SUBSCRIPTION_INTERVAL_ONE_MINUTE: "1m",
    pb.SUBSCRIPTION_INTERVAL_2_MIN: "2m",
    pb.SUBSCRIPTION_INTERVAL_3_MIN: "3m",
    pb.SUBSCRIPTION_INTERVAL_FIVE_MINUTES: "5m",
    pb.SUBSCRIPTION_INTERVAL_10_MIN: "10m",
    pb.SUBSCRIPTION_INTERVAL_FIFTEEN_MINUTES: "15m",
    pb.SUBSCRIPTION_INTERVAL_30_MIN: "30m",
    pb.SUBSCRIPTION_INTERVAL_ONE_HOUR: "1h",
    pb.SUBSCRIPTION_INTERVAL_2_HOUR: "2h",
    pb.SUBSCRIPTION_INTERVAL_4_HOUR: "4h",
    pb.SUBSCRIPTION_INTERVAL_ONE_DAY: "1d",
    pb.SUBSCRIPTION_INTERVAL_WEEK: "1w",
    pb.SUBSCRIPTION_INTERVAL_MONTH: "1M",
}


class News(Struct):
    """What the market did since streams were last told."""

    books: dict[str, None] = {}
    trades: list[TradePrinted] = []
    states: dict[str, None] = {}


class Sub(Struct):
    """One subscription. `detail` is a depth or an interval."""

    paper: Paper
    id: str
    detail: int = 0
    owing: bool = True  # something to tell
    told_ns: int = 0
    feed: Feed | None = None
    waits: bool = False
    status: int = -1


# What is subscribed to, the symbol, and the detail.
Key = tuple[str, str, int]


class MarketStream(Stream):
    ping_least_ms, ping_most_ms = 5_000, 180_000

    def __init__(
        self,
        house: TinvestHouse,
        data: MarketData,
        faults: Faults,
        line: Line,
        key: ApiKey,
        name: str,
        left: Callable[[], None],
    ) -> None:
        super().__init__(line, key, name, house.now_ns, left)
        self._house = house
        self._data = data
        self._faults = faults
        self._subs: dict[Key, Sub] = {}
        self._made = 0
        self._looked_ns = 0
        self.talks = True  # whether requests may follow the first

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    def hear(self, text: bytes, now_ns: int) -> None:
        if not self.talks:
            self._hear_once(pb.MarketDataServerSideStreamRequest.FromString(text), now_ns)
            return
        request = pb.MarketDataRequest.FromString(text)
        which = request.WhichOneof("payload")
        if which == "ping":
            self.ping(now_ns, request.ping)
        elif which == "ping_settings":
            if request.ping_settings.HasField("ping_delay_ms"):
                self.set_ping(request.ping_settings.ping_delay_ms)
        elif which == "get_my_subscriptions":
            self._list(now_ns)
        elif which is not None:
            self._subscribe(getattr(request, which), now_ns)

    def _hear_once(self, request: pb.MarketDataServerSideStreamRequest, now_ns: int) -> None:
        if request.HasField("ping_settings") and request.ping_settings.HasField("ping_delay_ms"):
            self.set_ping(request.ping_settings.ping_delay_ms)
        for field, value in request.ListFields():
            if field.name.startswith("subscribe_"):
                self._subscribe(value, now_ns)

    def _subscribe(self, request: Any, now_ns: int) -> None:
        match request:
            case pb.SubscribeCandlesRequest():
                self._candles(request, now_ns)
            case pb.SubscribeOrderBookRequest():
                self._books(request, now_ns)
            case pb.SubscribeTradesRequest():
                rows = self._plain("trade", request)
                reply = pb.SubscribeTradesResponse(
                    tracking_id=self.name,
                    trade_subscriptions=[pb.TradeSubscription(**row) for row in rows],
                    trade_source=request.trade_source or pb.TRADE_SOURCE_ALL,
                )
                self.say(pb.MarketDataResponse(subscribe_trades_response=reply), now_ns)
            case pb.SubscribeInfoRequest():
                infos = [pb.InfoSubscription(**row) for row in self._plain("info", request)]
                told = pb.SubscribeInfoResponse(tracking_id=self.name, info_subscriptions=infos)
                self.say(pb.MarketDataResponse(subscribe_info_response=told), now_ns)
            case pb.SubscribeLastPriceRequest():
                lasts = [pb.LastPriceSubscription(**row) for row in self._plain("last", request)]
                prices = pb.SubscribeLastPriceResponse(tracking_id=self.name, last_price_subscriptions=lasts)
                self.say(pb.MarketDataResponse(subscribe_last_price_response=prices), now_ns)

    def _candles(self, request: pb.SubscribeCandlesRequest, now_ns: int) -> None:
        reply = pb.SubscribeCandlesResponse(tracking_id=self.name)
        for one in request.instruments:
            wrong = 0 if one.interval in INTERVALS else NO_INTERVAL
            row, sub = self._one("candle", request, one, one.interval, wrong)
            if sub is not None:
                interval = cast(Interval, INTERVALS[one.interval])
                sub.feed = Feed(self._house.bars, sub.paper.symbol, interval)
                sub.feed.told(now_ns)
                sub.waits = request.waiting_close
            reply.candles_subscriptions.add(**row, interval=one.interval, waiting_close=request.waiting_close)
        self.say(pb.MarketDataResponse(subscribe_candles_response=reply), now_ns)

    def _books(self, request: pb.SubscribeOrderBookRequest, now_ns: int) -> None:
        reply = pb.SubscribeOrderBookResponse(tracking_id=self.name)
        for one in request.instruments:
            wrong = 0 if one.depth in DEPTHS else NO_DEPTH
            row, _ = self._one("book", request, one, one.depth, wrong)
            kind = one.order_book_type or pb.ORDERBOOK_TYPE_ALL
            reply.order_book_subscriptions.add(**row, depth=one.depth, order_book_type=kind)
        self.say(pb.MarketDataResponse(subscribe_order_book_response=reply), now_ns)

    def _plain(self, word: str, request: Any) -> list[dict[str, Any]]:
        return [self._one(word, request, one)[0] for one in request.instruments]

    def _one(
        self, word: str, request: Any, one: Any, detail: int = 0, wrong: int = 0
    ) -> tuple[dict[str, Any], Sub | None]:
        """One instrument of a request: the row of the answer, and the subscription if it is a new one."""
        paper = self._house.find_paper(one.instrument_id or one.figi)
        row: dict[str, Any] = {
            "stream_id": self.name,
            "subscription_action": request.subscription_action,
            "subscription_status": wrong or OK,
        }
        if paper is None:
            row["subscription_status"] = NO_INSTRUMENT
            return row, None
        row |= {"figi": paper.figi, "instrument_uid": paper.uid}
        row |= {"ticker": paper.ticker, "class_code": paper.class_code}
        if wrong:
            return row, None
        key = (word, paper.symbol, detail)
        if request.subscription_action == UNSUBSCRIBE:
            gone = self._subs.pop(key, None)
            row["subscription_status"] = OK if gone else NOT_THERE
            return row, None
        if request.subscription_action != SUBSCRIBE:
            row["subscription_status"] = NO_ACTION
            return row, None
        if key not in self._subs and word not in ("info", "last") and self._counted() >= SUBSCRIPTIONS_MAX:
            row["subscription_status"] = NO_ROOM
            return row, None
        self._made += 1
        sub = self._subs[key] = Sub(paper, f"{self.name[:-6]}{self._made:06d}", detail)
        row["subscription_id"] = sub.id
        return row, sub

    def _counted(self) -> int:
        return sum(word in ("candle", "book", "trade") for word, _, _ in self._subs)

    def _list(self, now_ns: int) -> None:
        """Everything subscribed to, as if it had just been."""
        candles = pb.SubscribeCandlesResponse(tracking_id=self.name)
        books = pb.SubscribeOrderBookResponse(tracking_id=self.name)
        trades = pb.SubscribeTradesResponse(tracking_id=self.name)
        infos = pb.SubscribeInfoResponse(tracking_id=self.name)
        lasts = pb.SubscribeLastPriceResponse(tracking_id=self.name)
        for (word, _, detail), sub in self._subs.items():
            row: dict[str, Any] = {"figi": sub.paper.figi, "instrument_uid": sub.paper.uid}
            row |= {"subscription_status": OK, "stream_id": self.name, "subscription_id": sub.id}
            if word == "candle":
                candles.candles_subscriptions.add(**row, interval=detail, waiting_close=sub.waits)
            elif word == "book":
                books.order_book_subscriptions.add(**row, depth=detail)
            elif word == "trade":
                trades.trade_subscriptions.add(**row)
            elif word == "info":
                infos.info_subscriptions.add(**row)
            else:
                lasts.last_price_subscriptions.add(**row)
        self.say(pb.MarketDataResponse(subscribe_candles_response=candles), now_ns)
        self.say(pb.MarketDataResponse(subscribe_order_book_response=books), now_ns)
        self.say(pb.MarketDataResponse(subscribe_trades_response=trades), now_ns)
        self.say(pb.MarketDataResponse(subscribe_info_response=infos), now_ns)
        self.say(pb.MarketDataResponse(subscribe_last_price_response=lasts), now_ns)

    # ── telling ─────────────────────────────────────────────────────────────────────────────────

    def ping_message(self, ping: common.Ping) -> Message:
        return pb.MarketDataResponse(ping=ping)

    def tell(self, news: News, now_ns: int) -> None:
        traded: dict[str, list[TradePrinted]] = {}
        for trade in news.trades:
            traded.setdefault(trade.symbol, []).append(trade)
        look = now_ns - self._looked_ns >= LOOK_NS
        if look:
            self._looked_ns = now_ns
        for (word, symbol, _), sub in self._subs.items():
            sub.owing = sub.owing or (word == "info" and symbol in news.states)
            for message in self._told(word, sub, symbol in news.books, traded.get(symbol, ()), look, now_ns):
                self.say(message, now_ns)

    def _told(
        self, word: str, sub: Sub, book: bool, trades: Sequence[TradePrinted], look: bool, now_ns: int
    ) -> Iterable[pb.MarketDataResponse]:
        if word == "book":
            sub.owing = sub.owing or book
            return self._told_book(sub, now_ns)
        if word == "candle":
            return self._told_candles(sub, now_ns)
        if word == "trade":
            return [pb.MarketDataResponse(trade=self._data.trade(sub.paper, one)) for one in trades]
        if word == "last":
            owing, sub.owing = sub.owing or bool(trades), False
            return [pb.MarketDataResponse(last_price=self._data.last_price(sub.paper))] if owing else []
        return self._told_status(sub, now_ns) if look or sub.owing else []

    def _told_book(self, sub: Sub, now_ns: int) -> list[pb.MarketDataResponse]:
        if not sub.owing or now_ns - sub.told_ns < THROTTLE_NS:
            return []
        torn = self._faults.strikes("inconsistent_book", symbol=sub.paper.symbol) is not None
        # What was torn is told whole the next time.
        sub.owing, sub.told_ns = torn, now_ns
        book = self._data.order_book(sub.paper, sub.detail, consistent=not torn)
        return [pb.MarketDataResponse(orderbook=book)]

    def _told_candles(self, sub: Sub, now_ns: int) -> list[pb.MarketDataResponse]:
        if sub.feed is None or now_ns - sub.told_ns < THROTTLE_NS:
            return []
        found = [bar for bar, final in sub.feed.told(now_ns) if bar.trades and (final or not sub.waits)]
        if found:
            sub.told_ns = now_ns
        return [pb.MarketDataResponse(candle=self._data.candle(sub.paper, sub.detail, bar)) for bar in found]

    def _told_status(self, sub: Sub, now_ns: int) -> list[pb.MarketDataResponse]:
        sub.owing = False
        status = self._house.trading_status(sub.paper, now_ns)
        if status == sub.status:
            return []
        sub.status = status
        return [pb.MarketDataResponse(trading_status=self._data.status(sub.paper, now_ns))]
