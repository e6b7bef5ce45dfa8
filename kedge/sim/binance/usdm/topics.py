"""Market streams by name: on which of the two roads they are, what each one says, and how often.

A topic is made when the first reader subscribes and dropped with the last. `live` is asked whenever the
house has settled, `paced` whenever time has passed; both give the bodies to be said, oldest first.
"""

from __future__ import annotations

from typing import Literal

from kedge.model.venue import Level
from kedge.sim.binance.house import BinanceHouse
from kedge.sim.binance.usdm.bodies import Body
from kedge.sim.binance.usdm.listings import MS, Contract, Listings, fixed, money
from kedge.sim.binance.usdm.market import MarketData, aggregate_body
from kedge.sim.testnet.bars import INTERVALS, Bar, Feed, Interval, span_ns

# Which addresses it comes by; what is not named here is never heard of.
Road = Literal["public", "market"]
TICK_NS = 10**6
SPEEDS = {"": 250 * TICK_NS, "500ms": 500 * TICK_NS, "250ms": 250 * TICK_NS, "100ms": 100 * TICK_NS}
MARK_SPEEDS = {"": 3_000 * TICK_NS, "1s": 1_000 * TICK_NS}


class Sources:
    """Where topics take their news from."""

    def __init__(self, house: BinanceHouse, listings: Listings, market: MarketData) -> None:
        self.house = house
        self.listings = listings
        self.market = market
        # The liquidations of the second that is running, by symbol: the largest of each.
        self.forced: dict[str, Body] = {}


class Topic:
    road: Road = "market"

    def __init__(self, name: str, sources: Sources, every_ns: int = 0) -> None:
        self.name = name
        self._sources = sources
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


class _OfSymbol(Topic):
    def __init__(self, name: str, sources: Sources, contract: Contract, every_ns: int = 0) -> None:
        super().__init__(name, sources, every_ns)
        self._contract = contract
        self._tape = sources.market.tape(contract.symbol)

    def _event(self, kind: str, now_ns: int) -> Body:
        return {"e": kind, "E": now_ns // MS, "s": self._contract.symbol}


# ── trades ──────────────────────────────────────────────────────────────────────────────────────


class Trades(_OfSymbol):
    """Not in the documents, and in use everywhere; clients ask for it on the public road."""

    road: Road = "public"

    def live(self, now_ns: int) -> list[Body]:
        price, qty = self._contract.price_precision, self._contract.qty_precision
        return [
            {
                "e": "trade",
                "E": now_ns // MS,
                "T": one.at_ns // MS,
                "s": self._contract.symbol,
                "t": one.trade_id,
                "p": fixed(one.price, price),
                "q": fixed(one.qty, qty),
                "X": "MARKET",
                "m": one.sold,
            }
            for one in self._tape.new_prints
        ]


class Aggregates(_OfSymbol):
    def live(self, now_ns: int) -> list[Body]:
        event = self._event("aggTrade", now_ns)
        bodies = [aggregate_body(self._contract, one) for one in self._tape.new_aggregates]
        return [event | body | {"nq": body["q"]} for body in bodies]


# ── the book ────────────────────────────────────────────────────────────────────────────────────


class BestPrices(_OfSymbol):
    road: Road = "public"
    _last: tuple[Level, ...] = ()

    def live(self, now_ns: int) -> list[Body]:
        if not self._tape.touched:
            return []
        view = self._sources.house.exchange.book(self._contract.inner, 1)
        best = (*view.bids, *view.asks)
        if best == self._last or not (view.bids and view.asks):
            return []
        self._last = best
        bid, offer = view.bids[0], view.asks[0]
        price, qty = self._contract.price_precision, self._contract.qty_precision
        return [
            {
                "e": "bookTicker",
                "u": self._tape.update_id,
                "s": self._contract.symbol,
                "b": fixed(bid.price, price),
                "B": fixed(bid.qty, qty),
                "a": fixed(offer.price, price),
                "A": fixed(offer.qty, qty),
                "T": view.venue_ns // MS,
                "E": now_ns // MS,
            }
        ]


class AllBestPrices(Topic):
    road: Road = "public"

    def __init__(self, name: str, sources: Sources) -> None:
        super().__init__(name, sources, 5_000 * TICK_NS)
        self._all = [BestPrices(name, sources, contract) for contract in sources.listings.all.values()]

    def live(self, now_ns: int) -> list[Body]:
        return [body for topic in self._all for body in topic.live(now_ns)]


class Depth(_OfSymbol):
    """Diffs: each says with `pu` which one it follows, so that a lost one is noticed by the next."""

    road: Road = "public"

    def __init__(self, name: str, sources: Sources, contract: Contract, every_ns: int) -> None:
        super().__init__(name, sources, contract, every_ns)
        self._tape.watch(name)
        self._last = self._tape.update_id

    def say(self, now_ns: int) -> list[Body]:
        diff = self._tape.take_diff(self.name)
        if diff is None:
            return []
        before, self._last = self._last, diff.last
        symbol = self._contract.symbol
        if self._sources.house.faults.strikes("book_gap", symbol=symbol, path="/public"):
            return []
        price, qty = self._contract.price_precision, self._contract.qty_precision
        return [
            {
                "e": "depthUpdate",
                "E": now_ns // MS,
                "T": now_ns // MS,
                "s": symbol,
                "U": diff.first,
                "u": diff.last,
                "pu": before,
                "b": [[fixed(p, price), fixed(q, qty)] for p, q in diff.bids.items()],
                "a": [[fixed(p, price), fixed(q, qty)] for p, q in diff.asks.items()],
            }
        ]

    def drop(self) -> None:
        self._tape.unwatch(self.name)


class Partial(_OfSymbol):
    road: Road = "public"
    levels = 20
    _seen = -1

    def say(self, now_ns: int) -> list[Body]:
        update = self._tape.update_id
        if self._seen == update:
            return []
        before, self._seen = self._seen, update
        view = self._sources.house.exchange.book(self._contract.inner, self.levels)
        levels = self._sources.market.levels
        return [
            {
                "e": "depthUpdate",
                "E": now_ns // MS,
                "T": view.venue_ns // MS,
                "s": self._contract.symbol,
                "U": max(before + 1, 1),
                "u": update,
                "pu": max(before, 0),
                "b": levels(self._contract, view.bids),
                "a": levels(self._contract, view.asks),
            }
        ]


# ── klines ──────────────────────────────────────────────────────────────────────────────────────


class Klines(_OfSymbol):
    """Four times a second where something moved; a bar that has ended is told once."""

    def __init__(self, name: str, sources: Sources, contract: Contract, interval: Interval) -> None:
        super().__init__(name, sources, contract, 250 * TICK_NS)
        self._interval: Interval = interval
        self._feed = Feed(sources.house.bars, contract.inner, interval)
        self._feed.told(sources.house.now_ns())

    def say(self, now_ns: int) -> list[Body]:
        return [self._bar(bar, final, now_ns) for bar, final in self._feed.told(now_ns)]

    def _bar(self, bar: Bar, final: bool, now_ns: int) -> Body:
        return self._event("kline", now_ns) | {"k": self._candle(bar, final)}

    def _candle(self, bar: Bar, final: bool) -> Body:
        price, qty = self._contract.price_precision, self._contract.qty_precision
        end_ns = bar.start_ns + span_ns(self._interval, bar.start_ns)
        ids = [one.trade_id for one in self._tape.prints if bar.start_ns <= one.at_ns < end_ns]
        return {
            "t": bar.start_ns // MS,
            "T": end_ns // MS - 1,
            "s": self._contract.symbol,
            "i": self._interval,
            "f": ids[0] if ids else -1,
            "L": ids[-1] if ids else -1,
            "o": fixed(bar.open, price),
            "c": fixed(bar.close, price),
            "h": fixed(bar.high, price),
            "l": fixed(bar.low, price),
            "v": fixed(bar.volume, qty),
            "n": bar.trades,
            "x": final,
            "q": fixed(bar.turnover, 5),
            "V": fixed(bar.taker_volume, qty),
            "Q": fixed(bar.taker_turnover, 5),
            "B": "0",
        }


class ContinuousKlines(Klines):
    def _bar(self, bar: Bar, final: bool, now_ns: int) -> Body:
        candle = self._candle(bar, final)
        candle.pop("s")
        return {
            "e": "continuous_kline",
            "E": now_ns // MS,
            "ps": self._contract.pair,
            "ct": self._contract.contract_type,
            "k": candle,
        }


# ── marks, tickers, liquidations ────────────────────────────────────────────────────────────────


class Marks(Topic):
    """Of one symbol, or of all as one list."""

    def __init__(self, name: str, sources: Sources, contract: Contract | None, every_ns: int) -> None:
        super().__init__(name, sources, every_ns)
        self._contract = contract

    def say(self, now_ns: int) -> list[Body]:
        if self._contract is not None:
            return [self._mark(self._contract, now_ns)]
        contracts = self._sources.listings.all.values()
        return [[self._mark(contract, now_ns) for contract in contracts]]  # type: ignore[list-item]

    def _mark(self, contract: Contract, now_ns: int) -> Body:
        report = self._sources.house.exchange.market(contract.inner)
        index = report.index or report.mark
        return {
            "e": "markPriceUpdate",
            "E": now_ns // MS,
            "s": contract.symbol,
            "p": money(report.mark),
            "ap": money(report.mark),
            "P": money(index),
            "i": money(index),
            "r": money(report.funding_rate) if report.funding_ns else "",
            "T": report.funding_ns // MS,
        }


class Tickers(Topic):
    """Of one symbol, or of all as one list; in full or small."""

    def __init__(self, name: str, sources: Sources, contract: Contract | None, small: bool) -> None:
        super().__init__(name, sources, (2_000 if contract is not None else 1_000) * TICK_NS)
        self._contract = contract
        self._small = small

    def say(self, now_ns: int) -> list[Body]:
        if self._contract is not None:
            return [self._ticker(self._contract, now_ns)]
        contracts = self._sources.listings.all.values()
        return [[self._ticker(contract, now_ns) for contract in contracts]]  # type: ignore[list-item]

    def _ticker(self, contract: Contract, now_ns: int) -> Body:
        day = self._sources.market.day(contract, now_ns)
        body: Body = {
            "e": "24hrMiniTicker" if self._small else "24hrTicker",
            "E": now_ns // MS,
            "s": contract.symbol,
        }
        if not self._small:
            body |= {"p": day["priceChange"], "P": day["priceChangePercent"], "w": day["weightedAvgPrice"]}
        body["c"] = day["lastPrice"]
        if not self._small:
            body["Q"] = day["lastQty"]
        body |= {"o": day["openPrice"], "h": day["highPrice"], "l": day["lowPrice"]}
        body |= {"v": day["volume"], "q": day["quoteVolume"]}
        if not self._small:
            body |= {"O": day["openTime"], "C": day["closeTime"]}
            body |= {"F": day["firstId"], "L": day["lastId"], "n": day["count"]}
        return body


class Forced(Topic):
    """Liquidations: of each symbol the largest of a second."""

    def __init__(self, name: str, sources: Sources, symbol: str) -> None:
        super().__init__(name, sources, 1_000 * TICK_NS)
        self._symbol = symbol

    def say(self, now_ns: int) -> list[Body]:
        return [
            {"e": "forceOrder", "E": now_ns // MS, "o": body}
            for symbol, body in self._sources.forced.items()
            if self._symbol in ("", symbol)
        ]


# ── names ───────────────────────────────────────────────────────────────────────────────────────


def topic_of(name: str, sources: Sources) -> Topic | None:
    """None for a name that nothing is ever said under: the venue takes it all the same."""
    if name.startswith("!"):
        return _of_all(name, sources)
    pair, _, kind = name.partition("@")
    kind, _, speed = kind.partition("@")
    if kind.startswith("continuousKline_"):
        return _continuous(name, sources, pair, kind.removeprefix("continuousKline_"))
    contract = sources.listings.get(pair.upper())
    if contract is None or pair != pair.lower():
        return None
    if kind == "depth" and speed in SPEEDS:
        return Depth(name, sources, contract, SPEEDS[speed])
    if kind in ("depth5", "depth10", "depth20") and speed in SPEEDS:
        partial = Partial(name, sources, contract, SPEEDS[speed])
        partial.levels = int(kind.removeprefix("depth"))
        return partial
    if kind == "markPrice" and speed in MARK_SPEEDS:
        return Marks(name, sources, contract, MARK_SPEEDS[speed])
    return None if speed else _plain(name, kind, sources, contract)


def _plain(name: str, kind: str, sources: Sources, contract: Contract) -> Topic | None:
    plain: dict[str, type[_OfSymbol]] = {
        "trade": Trades,
        "aggTrade": Aggregates,
        "bookTicker": BestPrices,
    }
    if kind in plain:
        return plain[kind](name, sources, contract)
    if kind in ("ticker", "miniTicker"):
        return Tickers(name, sources, contract, kind == "miniTicker")
    if kind == "forceOrder":
        return Forced(name, sources, contract.symbol)
    interval = kind.removeprefix("kline_")
    if kind.startswith("kline_") and interval in INTERVALS:
        return Klines(name, sources, contract, interval)
    return None


def _of_all(name: str, sources: Sources) -> Topic | None:
    if name == "!bookTicker":
        return AllBestPrices(name, sources)
    if name in ("!markPrice@arr", "!markPrice@arr@1s"):
        return Marks(name, sources, None, MARK_SPEEDS["1s" if name.endswith("@1s") else ""])
    if name in ("!ticker@arr", "!miniTicker@arr"):
        return Tickers(name, sources, None, name == "!miniTicker@arr")
    return Forced(name, sources, "") if name == "!forceOrder@arr" else None


def _continuous(name: str, sources: Sources, pair: str, interval: str) -> Topic | None:
    coin, _, kind = pair.partition("_")
    found = [
        contract
        for contract in sources.listings.all.values()
        if (contract.pair.lower(), contract.contract_type.lower()) == (coin, kind)
    ]
    if not found or interval not in INTERVALS:
        return None
    return ContinuousKlines(name, sources, found[-1], interval)
