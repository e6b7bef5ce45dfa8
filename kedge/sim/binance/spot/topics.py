"""Market streams by name: what each one says, and how often.

A topic is made when the first reader subscribes and dropped with the last. `live` is asked whenever the
house has settled, `paced` whenever time has passed; both give the bodies to be said, oldest first.
"""

from __future__ import annotations

from kedge.model.venue import Level
from kedge.sim.binance.house import BinanceHouse
from kedge.sim.binance.spot.clerk import Clerk
from kedge.sim.binance.spot.market import MarketData, aggregate_body, depth_body
from kedge.sim.binance.spot.rules import fixed
from kedge.sim.binance.spot.shapes import Body, Shapes
from kedge.sim.binance.weights import DAY_NS, SECOND_NS
from kedge.sim.testnet.bars import INTERVALS, Bar, Feed, Interval, span_ns

HOUR_NS = 3_600 * SECOND_NS
WINDOWS = {"1h": HOUR_NS, "4h": 4 * HOUR_NS, "1d": DAY_NS}
FAST_NS, SLOW_NS = SECOND_NS // 10, SECOND_NS


class Sources:
    """Where topics take their news from."""

    def __init__(self, house: BinanceHouse, clerk: Clerk, market: MarketData) -> None:
        self.house = house
        self.clerk = clerk
        self.market = market

    def symbols(self) -> tuple[str, ...]:
        return tuple(self.clerk.tapes)


class Topic:
    def __init__(self, name: str, sources: Sources, shapes: Shapes, every_ns: int = 0) -> None:
        self.name = name
        self._sources = sources
        self._shapes = shapes
        self._every_ns = every_ns
        self._turn = sources.house.now_ns() // every_ns if every_ns else 0

    def live(self, now_ns: int) -> list[Body]:
        return []

    def paced(self, now_ns: int) -> list[Body]:
        """At every turn of its own pace."""
        if not self._every_ns or now_ns // self._every_ns == self._turn:
            return []
        self._turn = now_ns // self._every_ns
        return self.say(now_ns)

    def say(self, now_ns: int) -> list[Body]:
        return []

    def drop(self) -> None:
        """The last reader has left."""

    def _event(self, kind: str, symbol: str, now_ns: int) -> Body:
        return {"e": kind, "E": self._shapes.at(now_ns), "s": symbol}


class _OfSymbol(Topic):
    def __init__(self, name: str, sources: Sources, shapes: Shapes, symbol: str, every_ns: int = 0) -> None:
        super().__init__(name, sources, shapes, every_ns)
        self._symbol = symbol
        self._tape = sources.clerk.tapes[symbol]


class Trades(_OfSymbol):
    def live(self, now_ns: int) -> list[Body]:
        return [
            {
                **self._event("trade", self._symbol, now_ns),
                "t": one.trade_id,
                "p": fixed(one.price),
                "q": fixed(one.qty),
                "T": self._shapes.at(one.at_ns),
                "m": one.sold,
                "M": True,
            }
            for one in self._tape.new_prints
        ]


class Aggregates(_OfSymbol):
    def live(self, now_ns: int) -> list[Body]:
        event = self._event("aggTrade", self._symbol, now_ns)
        return [event | aggregate_body(one, self._shapes) for one in self._tape.new_aggregates]


class BestPrices(_OfSymbol):
    _last: tuple[Level, ...] = ()

    def live(self, now_ns: int) -> list[Body]:
        if not self._tape.touched:
            return []
        view = self._sources.market.book(self._symbol, 1)
        best = (*view.bids, *view.asks)
        if best == self._last or not (view.bids and view.asks):
            return []
        self._last = best
        bid, offer = view.bids[0], view.asks[0]
        return [
            {
                "u": self._tape.update_id,
                "s": self._symbol,
                "b": fixed(bid.price),
                "B": fixed(bid.qty),
                "a": fixed(offer.price),
                "A": fixed(offer.qty),
            }
        ]


class Depth(_OfSymbol):
    """Diffs: every update id is in exactly one event, unless one was lost by a fault."""

    def __init__(self, name: str, sources: Sources, shapes: Shapes, symbol: str, every_ns: int = 0) -> None:
        super().__init__(name, sources, shapes, symbol, every_ns)
        self._stream = f"{name}|{shapes.unit}"
        self._tape.watch(self._stream)

    def say(self, now_ns: int) -> list[Body]:
        diff = self._tape.take_diff(self._stream)
        if diff is None or self._sources.house.faults.strikes("book_gap", symbol=self._symbol, path="/ws"):
            return []
        return [
            {
                **self._event("depthUpdate", self._symbol, now_ns),
                "U": diff.first,
                "u": diff.last,
                "b": [[fixed(price), fixed(qty)] for price, qty in diff.bids.items()],
                "a": [[fixed(price), fixed(qty)] for price, qty in diff.asks.items()],
            }
        ]

    def drop(self) -> None:
        self._tape.unwatch(self._stream)


class Partial(_OfSymbol):
    levels = 20
    _seen = -1

    def say(self, now_ns: int) -> list[Body]:
        if self._seen == self._tape.update_id:
            return []
        self._seen = self._tape.update_id
        view = self._sources.market.book(self._symbol, self.levels)
        return [depth_body(view, self._tape.update_id)]


class Klines(_OfSymbol):
    """Every two seconds where something moved; a bar that has ended is told at once, and once."""

    def __init__(self, name: str, sources: Sources, shapes: Shapes, symbol: str, interval: Interval) -> None:
        super().__init__(name, sources, shapes, symbol, 2 * SECOND_NS)
        self._interval: Interval = interval
        inner = sources.house.find("spot", symbol)
        assert inner is not None
        self._feed = Feed(sources.house.bars, inner.symbol, interval)
        self._feed.told(sources.house.now_ns())

    def say(self, now_ns: int) -> list[Body]:
        return [self._bar(bar, final, now_ns) for bar, final in self._feed.told(now_ns)]

    def _bar(self, bar: Bar, final: bool, now_ns: int) -> Body:
        prints = self._tape.prints
        last_id = prints[-1].trade_id if prints and bar.trades else -1
        return {
            **self._event("kline", self._symbol, now_ns),
            "k": {
                "t": self._shapes.at(bar.start_ns),
                "T": self._shapes.at(bar.start_ns + span_ns(self._interval, bar.start_ns)) - 1,
                "s": self._symbol,
                "i": self._interval,
                "f": last_id - bar.trades + 1 if bar.trades else -1,
                "L": last_id,
                "o": fixed(bar.open),
                "c": fixed(bar.close),
                "h": fixed(bar.high),
                "l": fixed(bar.low),
                "v": fixed(bar.volume),
                "n": bar.trades,
                "x": final,
                "q": fixed(bar.turnover),
                "V": fixed(bar.taker_volume),
                "Q": fixed(bar.taker_turnover),
                "B": "0",
            },
        }


class Average(_OfSymbol):
    def say(self, now_ns: int) -> list[Body]:
        price, at_ns = self._sources.market.average_of(self._symbol, now_ns)
        event = self._event("avgPrice", self._symbol, now_ns)
        return [event | {"i": "5m", "w": fixed(price), "T": self._shapes.at(at_ns)}]


class Tickers(Topic):
    """Of one symbol or of all that changed; in full, small, or over a window."""

    symbols: tuple[str, ...] = ()
    kind = "24hrTicker"
    span = DAY_NS
    whole = False  # a list, even of one

    def say(self, now_ns: int) -> list[Body]:
        bodies = [self._ticker(symbol, now_ns) for symbol in self.symbols]
        return [bodies] if self.whole else bodies  # type: ignore[list-item]

    def _ticker(self, symbol: str, now_ns: int) -> Body:
        day = self._sources.market.day(symbol, now_ns, self.span, self._shapes)
        body = self._event(self.kind, symbol, now_ns)
        small = {
            "c": day["lastPrice"],
            "o": day["openPrice"],
            "h": day["highPrice"],
            "l": day["lowPrice"],
            "v": day["volume"],
            "q": day["quoteVolume"],
        }
        if self.kind == "24hrMiniTicker":
            return body | small
        body |= {
            "p": day["priceChange"],
            "P": day["priceChangePercent"],
            "w": day["weightedAvgPrice"],
        }
        if self.kind == "24hrTicker":
            body |= {
                "x": day["prevClosePrice"],
                "Q": day["lastQty"],
                "b": day["bidPrice"],
                "B": day["bidQty"],
                "a": day["askPrice"],
                "A": day["askQty"],
            }
        ends = {
            "O": day["openTime"],
            "C": day["closeTime"],
            "F": day["firstId"],
            "L": day["lastId"],
            "n": day["count"],
        }
        return body | small | ends


# ── names ───────────────────────────────────────────────────────────────────────────────────────

PLAIN: dict[str, type[_OfSymbol]] = {"trade": Trades, "aggTrade": Aggregates, "bookTicker": BestPrices}
SPEEDS = {"": SLOW_NS, "1000ms": SLOW_NS, "100ms": FAST_NS}


def topic_of(name: str, sources: Sources, shapes: Shapes) -> Topic | None:
    """None for a name that nothing is ever said under: the venue takes it all the same."""
    if name.startswith("!"):
        return _of_all(name, sources, shapes)
    pair, _, kind = name.partition("@")
    symbol = pair.upper()
    if pair != pair.lower() or symbol not in sources.clerk.tapes:
        return None
    kind, _, speed = kind.partition("@")
    if kind in PLAIN and not speed:
        return PLAIN[kind](name, sources, shapes, symbol)
    if kind == "avgPrice" and not speed:
        return Average(name, sources, shapes, symbol, SLOW_NS)
    if kind == "depth" and speed in SPEEDS:
        return Depth(name, sources, shapes, symbol, SPEEDS[speed])
    if kind in ("depth5", "depth10", "depth20") and speed in SPEEDS:
        partial = Partial(name, sources, shapes, symbol, SPEEDS[speed])
        partial.levels = int(kind.removeprefix("depth"))
        return partial
    interval = kind.removeprefix("kline_")
    if kind.startswith("kline_") and interval in INTERVALS and not speed:
        return Klines(name, sources, shapes, symbol, interval)
    return None if speed else _ticker(name, kind, sources, shapes, (symbol,))


def _of_all(name: str, sources: Sources, shapes: Shapes) -> Topic | None:
    kind, _, rest = name.removeprefix("!").partition("@")
    if rest.partition("@")[0] != "arr":
        return None
    topic = _ticker(name, kind, sources, shapes, sources.symbols())
    if topic is not None:
        topic.whole = True
    return topic


def _ticker(
    name: str, kind: str, sources: Sources, shapes: Shapes, symbols: tuple[str, ...]
) -> Tickers | None:
    window = kind.removeprefix("ticker_")
    if kind not in ("ticker", "miniTicker") and (window == kind or window not in WINDOWS):
        return None
    topic = Tickers(name, sources, shapes, SLOW_NS)
    topic.symbols = symbols
    if kind == "miniTicker":
        topic.kind = "24hrMiniTicker"
    elif window != kind:
        topic.kind, topic.span = f"{window}Ticker", WINDOWS[window]
    return topic
