"""The public topics: books, trades, tickers, klines, liquidations, each told once to all who listen.

A book topic has a number of its own (`u`) that grows by one with each message, and compares what it last told
with what there is, no more often than Bybit does for its depth. A new life of the venue begins at `u` 1, with
a snapshot: that is how clients learn that the service was restarted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import ZERO
from kedge.sim.bybit.market import INTERVALS, MarketData
from kedge.sim.bybit.news import Liquidated, News, PublicTrade
from kedge.sim.bybit.rows import inner, outer
from kedge.sim.bybit.texts import MS, Body, coins, ms, number, scaled
from kedge.sim.exchange import BookView, Exchange
from kedge.sim.testnet.bars import Bars, span_ns
from kedge.sim.testnet.bars import Feed as BarFeed
from kedge.sim.testnet.faults import Faults

# Depth to how often it is told at most.
DEPTHS = {1: 10 * MS, 50: 20 * MS, 200: 100 * MS, 1000: 200 * MS}
TICKER_NS = {"linear": 100 * MS, "inverse": 100 * MS, "spot": 50 * MS}
KLINE_NS = 1000 * MS
LIQUIDATION_NS = 500 * MS
IDLE_NS = 3000 * MS

Side = dict[Decimal, Decimal]


class Topic(Struct, frozen=True):
    """`orderbook.50.BTCUSDT` of one category, taken apart."""

    name: str
    kind: str
    key: str  # the exchange's symbol
    detail: str = ""


class _Book(Struct):
    u: int = 0
    told_ns: int = 0
    looked_ns: int = 0
    bids: Side = {}
    asks: Side = {}


class _Ticker(Struct):
    told_ns: int = 0
    body: Body = {}


def read_topic(category: str, name: str, known: dict[str, None]) -> Topic | None:
    """None: there is no such topic."""
    parts = name.split(".")
    if len(parts) == 3 and parts[0] in ("orderbook", "kline"):
        kind, detail, symbol = parts
    elif len(parts) == 2 and parts[0] in ("publicTrade", "tickers", "allLiquidation"):
        kind, detail, symbol = parts[0], "", parts[1]
    else:
        return None
    key = inner(category, symbol)
    if key not in known or (kind == "allLiquidation" and category == "spot"):
        return None
    if kind == "orderbook" and detail not in ("1", "50", "200", "1000"):
        return None
    if kind == "kline" and detail not in INTERVALS:
        return None
    return Topic(name, kind, key, detail)


class Feeds:
    def __init__(self, exchange: Exchange, data: MarketData, news: News, bars: Bars, faults: Faults) -> None:
        self._exchange = exchange
        self._data = data
        self._news = news
        self._bars = bars
        self._faults = faults
        self._books: dict[tuple[str, int], _Book] = {}
        self._tickers: dict[str, _Ticker] = {}
        self._klines: dict[tuple[str, str], tuple[int, BarFeed]] = {}
        self._liquidated_ns = 0
        # Topics that somebody listened to at the last tick; the others have stood still since.
        self._live: dict[tuple[str, str], None] = {}

    def updates(self) -> dict[str, int]:
        """Symbol to the `u` of its deepest stream, which REST books carry."""
        return {key: book.u for (key, depth), book in self._books.items() if depth == 1000}

    def attend(self, topics: Iterable[Topic]) -> None:
        """These are listened to."""
        self._live = {(topic.key, topic.name): None for topic in topics}
        for place in list(self._klines):
            if (place[0], f"kline.{place[1]}.{outer(place[0])[1]}") not in self._live:
                del self._klines[place]

    # ── a new listener ──────────────────────────────────────────────────────────────────────────

    def begin(self, topic: Topic, now_ns: int) -> Iterator[Body]:
        """What somebody is told who has just subscribed."""
        if topic.kind == "orderbook":
            book = self._book(topic)
            if not book.u or (topic.key, topic.name) not in self._live:
                self._look(topic, book)
                book.u, book.told_ns = book.u + 1, now_ns
            yield self._book_message(topic, book, "snapshot", book.bids, book.asks, now_ns)
        elif topic.kind == "tickers":
            body = self._data.ticker(topic.key, now_ns)
            known = self._tickers.setdefault(topic.key, _Ticker())
            if not known.body or (topic.key, topic.name) not in self._live:
                known.body, known.told_ns = body, now_ns
            yield _ticker_message(topic, "snapshot", known.body, now_ns)
        elif topic.kind == "kline":
            interval = INTERVALS[topic.detail]
            feed = BarFeed(self._bars, topic.key, interval)
            yield from self._kline_messages(topic, feed, now_ns)

    # ── with each tick ──────────────────────────────────────────────────────────────────────────

    def told(self, topic: Topic, now_ns: int) -> Iterator[Body]:
        """What is new of one topic, for all who listen."""
        if topic.kind == "orderbook":
            yield from self._tell_book(topic, now_ns)
        elif topic.kind == "publicTrade":
            yield from self._tell_trades(topic, now_ns)
        elif topic.kind == "tickers":
            yield from self._tell_ticker(topic, now_ns)
        elif topic.kind == "kline":
            yield from self._tell_klines(topic, now_ns)
        else:
            yield from self._tell_liquidations(topic, now_ns)

    def ended(self, now_ns: int) -> None:
        """A tick is over: what was to be told once was told."""
        self._news.trades.clear()
        if now_ns - self._liquidated_ns >= LIQUIDATION_NS:
            self._news.liquidations.clear()
            self._liquidated_ns = now_ns

    def restart(self) -> None:
        """The service was restarted: numbers begin at one, with snapshots."""
        for book in self._books.values():
            book.u, book.told_ns, book.looked_ns = 0, 0, 0

    # ── books ───────────────────────────────────────────────────────────────────────────────────

    def _book(self, topic: Topic) -> _Book:
        return self._books.setdefault((topic.key, int(topic.detail)), _Book())

    def _tell_book(self, topic: Topic, now_ns: int) -> Iterator[Body]:
        book, depth = self._book(topic), int(topic.detail)
        if book.u and now_ns - book.looked_ns < DEPTHS[depth]:
            return
        book.looked_ns = now_ns
        before_bids, before_asks = book.bids, book.asks
        self._look(topic, book)
        if not book.u:
            book.u, book.told_ns = 1, now_ns
            yield self._book_message(topic, book, "snapshot", book.bids, book.asks, now_ns)
            return
        bids, asks = _changes(before_bids, book.bids), _changes(before_asks, book.asks)
        if not (bids or asks):
            if depth == 1 and now_ns - book.told_ns >= IDLE_NS:
                book.told_ns = now_ns
                yield self._book_message(topic, book, "snapshot", book.bids, book.asks, now_ns)
            return
        book.u, book.told_ns = book.u + 1, now_ns
        if self._strikes("book_gap", topic):
            return
        if depth == 1 or self._strikes("book_snapshot", topic):
            yield self._book_message(topic, book, "snapshot", book.bids, book.asks, now_ns)
        else:
            yield self._book_message(topic, book, "delta", bids, asks, now_ns)

    def _look(self, topic: Topic, book: _Book) -> None:
        view: BookView = self._exchange.book(topic.key, int(topic.detail))
        book.bids = {level.price: level.qty for level in view.bids}
        book.asks = {level.price: level.qty for level in view.asks}

    def _book_message(
        self, topic: Topic, book: _Book, kind: str, bids: Side, asks: Side, now_ns: int
    ) -> Body:
        category, symbol = outer(topic.key)
        tick = self._news.instrument(topic.key).tick
        data = {
            "s": symbol,
            "b": [[scaled(price, tick), number(qty)] for price, qty in bids.items()],
            "a": [[scaled(price, tick), number(qty)] for price, qty in asks.items()],
            "u": book.u,
            "seq": now_ns // 1000,
        }
        at = ms(now_ns)
        if category == "spot" or topic.detail == "1":
            # Here the venue writes the time before the type: whoever reads by position will notice.
            return {"topic": topic.name, "ts": at, "type": kind, "data": data, "cts": at}
        return {"topic": topic.name, "type": kind, "ts": at, "data": data, "cts": at}

    def _strikes(self, name: str, topic: Topic) -> bool:
        symbol = outer(topic.key)[1]
        return self._faults.strikes(name, symbol=symbol, path=topic.name) is not None

    # ── the others ──────────────────────────────────────────────────────────────────────────────

    def _tell_trades(self, topic: Topic, now_ns: int) -> Iterator[Body]:
        trades = self._news.trades.get(topic.key)
        if trades:
            rows = [self._trade_row(trade) for trade in trades]
            yield {"topic": topic.name, "type": "snapshot", "ts": ms(now_ns), "data": rows}

    def _trade_row(self, trade: PublicTrade) -> Body:
        category, symbol = outer(trade.symbol)
        row: Body = {
            "T": ms(trade.time_ns),
            "s": symbol,
            "S": trade.side,
            "v": number(trade.qty),
            "p": scaled(trade.price, self._news.instrument(trade.symbol).tick),
            "i": trade.id,
            "BT": False,
            "RPI": False,
            "seq": trade.time_ns // 1000,
        }
        return row if category == "spot" else {**row, "L": trade.tick}

    def _tell_ticker(self, topic: Topic, now_ns: int) -> Iterator[Body]:
        category = outer(topic.key)[0]
        known = self._tickers.setdefault(topic.key, _Ticker())
        if known.body and now_ns - known.told_ns < TICKER_NS[category]:
            return
        body = self._data.ticker(topic.key, now_ns)
        changed = {name: value for name, value in body.items() if known.body.get(name) != value}
        if not changed:
            return
        first = not known.body
        known.body, known.told_ns = body, now_ns
        if category == "spot" or first:
            yield _ticker_message(topic, "snapshot", body, now_ns)
        else:
            yield _ticker_message(topic, "delta", {"symbol": body["symbol"], **changed}, now_ns)

    def _tell_klines(self, topic: Topic, now_ns: int) -> Iterator[Body]:
        looked, feed = self._klines.get((topic.key, topic.detail), (0, None))
        if feed is None:
            feed = BarFeed(self._bars, topic.key, INTERVALS[topic.detail])
        if now_ns - looked < KLINE_NS:
            return
        self._klines[topic.key, topic.detail] = (now_ns, feed)
        yield from self._kline_messages(topic, feed, now_ns)

    def _kline_messages(self, topic: Topic, feed: BarFeed, now_ns: int) -> Iterator[Body]:
        tick = self._news.instrument(topic.key).tick
        for bar, final in feed.told(now_ns):
            end_ns = bar.start_ns + span_ns(INTERVALS[topic.detail], bar.start_ns)
            prices = {"open": bar.open, "close": bar.close, "high": bar.high, "low": bar.low}
            row: Body = {
                "start": ms(bar.start_ns),
                "end": ms(end_ns) - 1,
                "interval": topic.detail,
                **{name: scaled(price, tick) for name, price in prices.items()},
                "volume": number(bar.volume),
                "turnover": coins(bar.turnover),
                "confirm": final,
                "timestamp": min(ms(now_ns), ms(end_ns) - 1),
            }
            yield {"topic": topic.name, "data": [row], "ts": ms(now_ns), "type": "snapshot"}

    def _tell_liquidations(self, topic: Topic, now_ns: int) -> Iterator[Body]:
        made = self._news.liquidations.get(topic.key)
        if made and now_ns - self._liquidated_ns >= LIQUIDATION_NS:
            rows = [self._liquidation_row(one) for one in made]
            yield {"topic": topic.name, "type": "snapshot", "ts": ms(now_ns), "data": rows}

    def _liquidation_row(self, one: Liquidated) -> Body:
        tick = self._news.instrument(one.symbol).tick
        return {
            "T": ms(one.time_ns),
            "s": outer(one.symbol)[1],
            "S": one.side,
            "v": number(one.qty),
            "p": scaled(one.price, tick),
        }


def _ticker_message(topic: Topic, kind: str, body: Body, now_ns: int) -> Body:
    at = ms(now_ns)
    if topic.key.startswith("spot:"):
        return {"topic": topic.name, "ts": at, "type": kind, "cs": now_ns // 1000, "data": body}
    return {"topic": topic.name, "type": kind, "data": body, "cs": now_ns // 1000, "ts": at}


def _changes(before: Side, after: Side) -> Side:
    gone = {price: ZERO for price in before if price not in after}
    return gone | {price: qty for price, qty in after.items() if before.get(price) != qty}
