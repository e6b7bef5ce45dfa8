"""One stream of market data: books, last prices, trading status, trades and bars of some hundred instruments.

Every message about a book is the whole book. A quiet one is not repeated; whatever else the stream says, its
pings at least, proves that nothing is held back: the books that stand are told again then, and when nothing
comes all of them are lost. A book that the venue has not told soon after the subscription is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final, cast

from msgspec.structs import replace

from kedge.model.events import BookLost, BookUpdate, Event, InstrumentSeen, MarkUpdate
from kedge.model.instrument import market_of
from kedge.model.venue import Feed
from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import marketdata_pb2 as md
from kedge.venues.silence import Refused, Silence, sentence
from kedge.venues.timing import Every
from kedge.venues.tinvest import public
from kedge.venues.tinvest import rules as limits
from kedge.venues.tinvest.asks import Asks
from kedge.venues.tinvest.feeds import Feeds
from kedge.venues.tinvest.instruments import standing_of
from kedge.venues.tinvest.rules import INTERVALS, MARKET_STREAM, SECOND_NS
from kedge.venues.tinvest.streams import Stream, report_end
from kedge.venues.tinvest.ties import Ties
from kedge.venues.tinvest.wire import Unreadable, ns_of, number, read, sane

# What one may subscribe to: what, of which symbol, of which interval.
Topic = tuple[str, str, int]
BOOK: Final = "book"
TRADES: Final = "trades"
BARS: Final = "bars"
LAST: Final = "last"
INFO: Final = "info"
CHECK_S: Final = 1.0
# A book that was told so lately need not be told again.
LATELY_NS: Final = 3 * SECOND_NS
# How long the first word about a book may take.
FIRST_S: Final = 2.0
_GOOD: Final = (md.SUBSCRIPTION_STATUS_SUCCESS, md.SUBSCRIPTION_STATUS_UNSPECIFIED)
STATUSES: Final = {
    number: name.removeprefix("SUBSCRIPTION_STATUS_").lower().replace("_", " ")
    for name, number in md.SubscriptionStatus.items()
}
_LENGTHS: Final = {one.stream: length for length, one in INTERVALS.items()}


class MarketStream:
    def __init__(
        self, ties: Ties, asks: Asks, say: Callable[[Event], None], linked: Callable[[], bool]
    ) -> None:
        self._ties = ties
        self._asks = asks
        self._say = say
        self._linked = linked
        self._account = ties.setup.account
        self._symbols: tuple[str, ...] = ()
        self._fed: tuple[Feed, ...] = ()
        self._kept: dict[str, None] = {}
        self._on: dict[Topic, None] = {}
        self._books: dict[str, BookUpdate] = {}
        self._told_ns: dict[str, int] = {}
        self._lost: dict[str, str] = {}
        self._marks: dict[str, MarkUpdate] = {}
        self._opened = False
        self._proved_ns = 0
        self._filling: asyncio.Task[None] | None = None
        self.feeds = Feeds(ties, asks, say, linked)
        self.stream = Stream("stream of markets", ties, self, MARKET_STREAM, talks=True)
        self._checks = Every(CHECK_S, self.feeds.tick)

    # ── what the account says ───────────────────────────────────────────────────────────────────

    def watch(self, symbols: Sequence[str], feeds: Sequence[Feed]) -> None:
        """Stream exactly these. The stream is opened for the first of them, and then kept."""
        self._symbols, self._fed = tuple(symbols), tuple(feeds)
        self.feeds.watch(feeds)
        kept = self._kept = dict.fromkeys(symbols)
        for about in (self._books, self._told_ns, self._lost, self._marks):
            for symbol in [one for one in about if one not in kept]:
                del about[symbol]
        if not self._opened and (symbols or feeds):
            self._opened = True
            self._checks.start()
            self.stream.open()
        elif self.stream.is_up:
            self._subscribe_what_is_wanted()
            if self._linked():
                self.feeds.tick()

    def retell(self) -> None:
        """There is a link (again): tell what stands, and close the holes."""
        for symbol in self._symbols:
            book = self._books.get(symbol)
            if book is not None:
                self._tell(symbol, book)
            else:
                self._say(BookLost(self._market(symbol), self._lost.get(symbol) or "no book yet"))
        for mark in self._marks.values():
            self._say(mark)
        if self.stream.is_up:
            self.feeds.begin()
        elif self._opened:
            self.stream.retry()

    def book(self, symbol: str) -> BookUpdate | None:
        """The book as it stands; None where it is lost, or not ours."""
        return self._books.get(symbol)

    async def close(self) -> None:
        self._checks.stop()
        if self._filling is not None:
            self._filling.cancel()
        await self.feeds.close()
        await self.stream.close()

    # ── the owner of the stream ─────────────────────────────────────────────────────────────────

    async def admit(self) -> Silence | Refused | None:
        """Nothing is asked of a stream on which nothing is wanted: it could not answer."""
        return None if self._wanted() else Silence("nothing is watched")

    def opening(self) -> bytes:
        """The first subscription, so that there is an answer to wait for."""
        self._on.clear()
        first = next(self._requests(list(self._wanted()), True))
        return first.SerializeToString()

    def heard(self, message: bytes) -> None:
        said = read(md.MarketDataResponse, message)
        if isinstance(said, Unreadable):
            self.stream.cut(said.why)
            return
        kind = said.WhichOneof("payload")
        if kind == "orderbook":
            self._book(said.orderbook)
        elif kind == "last_price":
            self._last_price(said.last_price)
        elif kind == "trade":
            self.feeds.hear_trade(self._symbol(said.trade), said.trade)
        elif kind == "candle":
            length = _LENGTHS.get(said.candle.interval, 0)
            self.feeds.hear_bar(self._symbol(said.candle), length, said.candle)
        elif kind == "trading_status":
            self._status(said.trading_status)
        elif kind not in (None, "ping"):
            self._subscribed(said)
        self._alive()
        self.stream.greeted()

    def up(self) -> None:
        ping = common.PingDelaySettings(ping_delay_ms=round(self._ties.options.ping_s * 1000))
        self.stream.say(md.MarketDataRequest(ping_settings=ping).SerializeToString())
        self._subscribe_what_is_wanted()
        if self._linked():
            self.feeds.begin()

    def down(self, why: str, refused: bool, stopped: bool) -> None:
        for symbol in self._symbols:
            self._lose(symbol, why)
        self._ties.odd("markets", f"markets are not streamed: {why}" if self._symbols else "")

    # ── subscriptions ───────────────────────────────────────────────────────────────────────────

    def _wanted(self) -> dict[Topic, None]:
        wanted: dict[Topic, None] = {}
        for kind in (BOOK, INFO, LAST):
            wanted |= {(kind, symbol, 0): None for symbol in self._symbols}
        return wanted | {(feed.kind, feed.symbol, feed.interval_ns): None for feed in self._fed}

    def _subscribe_what_is_wanted(self) -> None:
        wanted = self._wanted()
        gone = [topic for topic in self._on if topic not in wanted]
        new = [topic for topic in wanted if topic not in self._on]
        for request in [*self._requests(gone, False), *self._requests(new, True)]:
            if not self.stream.say(request.SerializeToString()):
                self.stream.cut("the venue does not read what it is asked for")
                return
        if any(kind == BOOK for kind, _, _ in new) or not all(s in self._books for s in self._symbols):
            self._fill_soon()

    def _requests(self, topics: Sequence[Topic], on: bool) -> Iterator[md.MarketDataRequest]:
        """Each names up to a hundred of one kind; what is asked for counts as done, or undone."""
        groups: dict[str, list[Topic]] = {}
        for topic in topics:
            groups.setdefault(topic[0], []).append(topic)
        for kind, group in groups.items():
            for at in range(0, len(group), limits.NAMED_MOST):
                chunk = group[at : at + limits.NAMED_MOST]
                for topic in chunk:
                    if on:
                        self._on[topic] = None
                    else:
                        self._on.pop(topic, None)
                yield _request(kind, [(self._uid(symbol), length) for _, symbol, length in chunk], on)

    def _subscribed(self, said: md.MarketDataResponse) -> None:
        """What became of a subscription: what is refused is said, everything else goes on."""
        answers: list[tuple[str, str, int]] = [
            *(
                (BOOK, row.instrument_uid, row.subscription_status)
                for row in said.subscribe_order_book_response.order_book_subscriptions
            ),
            *(
                (TRADES, row.instrument_uid, row.subscription_status)
                for row in said.subscribe_trades_response.trade_subscriptions
            ),
            *(
                (BARS, row.instrument_uid, row.subscription_status)
                for row in said.subscribe_candles_response.candles_subscriptions
            ),
            *(
                (INFO, row.instrument_uid, row.subscription_status)
                for row in said.subscribe_info_response.info_subscriptions
            ),
            *(
                (LAST, row.instrument_uid, row.subscription_status)
                for row in said.subscribe_last_price_response.last_price_subscriptions
            ),
        ]
        for kind, uid, status in answers:
            if status in _GOOD:
                continue
            symbol = self._ties.listing.symbol_of(uid)
            why = sentence(f"the venue does not stream {kind} of {symbol}: {STATUSES.get(status, status)}")
            if kind == BOOK:
                self._lose(symbol, why)
            self._ties.odd("markets", why)

    # ── books ───────────────────────────────────────────────────────────────────────────────────

    def _book(self, said: md.OrderBook) -> None:
        symbol = self._symbol(said)
        instrument = self._ties.listing.all.get(symbol)
        if instrument is None or symbol not in self._kept:
            return
        if not said.is_consistent:
            self._lose(symbol, "the venue says that its book is not consistent")
            return
        made = public.book_of(said, instrument, self._market(symbol), ns_of(said.time))
        if isinstance(made, Unreadable):
            self._lose(symbol, made.why)
        elif made.venue_ns >= (self._books[symbol].venue_ns if symbol in self._books else 0):
            self._books[symbol] = made
            self._tell(symbol, made)

    def _tell(self, symbol: str, book: BookUpdate) -> None:
        self._lost.pop(symbol, None)
        self._told_ns[symbol] = self._ties.clock()
        self._say(book)

    def _lose(self, symbol: str, why: str) -> None:
        self._books.pop(symbol, None)
        if symbol not in self._lost:
            self._lost[symbol] = why
            self._say(BookLost(self._market(symbol), sentence(why)))

    def _alive(self) -> None:
        """The venue speaks, and in order, so nothing is on its way: quiet books stand, and are told again."""
        now_ns = self._ties.clock()
        if now_ns - self._proved_ns < LATELY_NS:
            return
        self._proved_ns = now_ns
        for symbol, book in self._books.items():
            if self._told_ns.get(symbol, 0) <= now_ns - LATELY_NS:
                self._tell(symbol, book)

    def _fill_soon(self) -> None:
        if self._filling is None or self._filling.done():
            loop = asyncio.get_running_loop()
            self._filling = loop.create_task(self._fill(), name="tinvest books")
            self._filling.add_done_callback(report_end)

    async def _fill(self) -> None:
        """Ask for the books that the stream has not told."""
        await asyncio.sleep(FIRST_S)
        for symbol in self._symbols:
            instrument = self._ties.listing.all.get(symbol)
            if symbol in self._books or instrument is None or not self.stream.is_up:
                continue
            request = md.GetOrderBookRequest(instrument_id=self._uid(symbol), depth=limits.BOOK_DEPTH)
            said = await self._asks.ask(limits.BOOK, request, md.GetOrderBookResponse)
            if not isinstance(said, md.GetOrderBookResponse) or symbol in self._books:
                continue
            made = public.book_of(said, instrument, self._market(symbol), ns_of(said.orderbook_ts))
            if isinstance(made, BookUpdate) and symbol in self._kept and self.stream.is_up:
                self._books[symbol] = made
                self._tell(symbol, made)

    # ── prices and status ───────────────────────────────────────────────────────────────────────

    def _last_price(self, said: md.LastPrice) -> None:
        symbol, price = self._symbol(said), number(said.price)
        dealer = said.last_price_type == md.LAST_PRICE_DEALER
        if price == 0 or dealer or not sane(price) or symbol not in self._kept:
            return
        mark = MarkUpdate(self._market(symbol), price, last=price, venue_ns=ns_of(said.time))
        before = self._marks.get(symbol)
        if before is None or replace(before, venue_ns=mark.venue_ns) != mark:
            self._marks[symbol] = mark
            self._say(mark)

    def _status(self, said: md.TradingStatus) -> None:
        symbol = self._symbol(said)
        standing = standing_of(said.trading_status, said.market_order_available_flag)
        if self._ties.listing.stands(symbol, standing, self._ties.clock()):
            self._say(InstrumentSeen(self._account, self._ties.listing.all[symbol]))

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _symbol(self, said: md.OrderBook | md.Trade | md.Candle | md.LastPrice | md.TradingStatus) -> str:
        return self._ties.listing.symbol_of(said.instrument_uid, said.figi)

    def _uid(self, symbol: str) -> str:
        return self._ties.listing.uid_of(symbol)

    def _market(self, symbol: str) -> str:
        return market_of(self._account, symbol)


def _request(kind: str, named: Sequence[tuple[str, int]], on: bool) -> md.MarketDataRequest:
    action = md.SUBSCRIPTION_ACTION_SUBSCRIBE if on else md.SUBSCRIPTION_ACTION_UNSUBSCRIBE
    request = md.MarketDataRequest()
    if kind == BOOK:
        books = request.subscribe_order_book_request
        books.subscription_action = action
        for uid, _ in named:
            books.instruments.add(
                instrument_id=uid, depth=limits.BOOK_DEPTH, order_book_type=md.ORDERBOOK_TYPE_EXCHANGE
            )
    elif kind == TRADES:
        trades = request.subscribe_trades_request
        trades.subscription_action, trades.trade_source = action, md.TRADE_SOURCE_EXCHANGE
        for uid, _ in named:
            trades.instruments.add(instrument_id=uid)
    elif kind == BARS:
        candles = request.subscribe_candles_request
        candles.subscription_action, candles.waiting_close = action, True
        for uid, length_ns in named:
            interval = cast("md.SubscriptionInterval", INTERVALS[length_ns].stream)
            candles.instruments.add(instrument_id=uid, interval=interval)
    elif kind == INFO:
        statuses = request.subscribe_info_request
        statuses.subscription_action = action
        for uid, _ in named:
            statuses.instruments.add(instrument_id=uid)
    else:
        prices = request.subscribe_last_price_request
        prices.subscription_action = action
        for uid, _ in named:
            prices.instruments.add(instrument_id=uid)
    return request
