"""What anybody may ask of the market: instruments, book, trades, klines, tickers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec

from kedge.model.numbers import HUNDRED, MONEY, ZERO, divide
from kedge.model.venue import Level
from kedge.sim.binance.common import Params, Refused
from kedge.sim.binance.spot.clerk import Clerk
from kedge.sim.binance.spot.desk import Desk
from kedge.sim.binance.spot.questions import Ask, page, read_limit
from kedge.sim.binance.spot.rules import DEPTH_MAX, STATUS, fixed, limit_bodies, symbol_body
from kedge.sim.binance.spot.shapes import Body, Shapes
from kedge.sim.binance.spot.tape import Aggregate, Print
from kedge.sim.binance.weights import DAY_NS, MINUTE_NS
from kedge.sim.exchange import BookView
from kedge.sim.testnet.bars import INTERVALS, Bar, Interval, span_ns

T = TypeVar("T")
AVERAGE_MINUTES = 5
ZONE = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-9]{2}))?")
WINDOW = re.compile(r"([0-9]{1,2})([mhd])")
_names = msgspec.json.Decoder(list[str])


class MarketData:
    def __init__(self, desk: Desk, clerk: Clerk) -> None:
        self._desk = desk
        self._house = desk.house
        self._clerk = clerk

    # ── the venue ───────────────────────────────────────────────────────────────────────────────

    def ping(self, ask: Ask) -> Body:
        ask.params.all_read()
        return {}

    def time(self, ask: Ask) -> Body:
        ask.params.all_read()
        return {"serverTime": ask.shapes.at(ask.now_ns)}

    def exchange_info(self, ask: Ask) -> Body:
        params = ask.params
        chosen = self._symbols(params)
        sets = params.flag("showPermissionSets", True)
        permissions, status = params.text("permissions"), params.text("symbolStatus")
        if (permissions or status) and chosen is not None:
            raise Refused(-1128, "Combination of optional parameters invalid.")
        params.all_read()
        names = chosen if chosen is not None else self._all()
        if permissions and "SPOT" not in permissions:
            names = []
        bodies = []
        for name in names:
            instrument = self._house.exchange.instrument(self._desk.listed(name).symbol)
            if status in ("", STATUS[instrument.status]):
                bodies.append(symbol_body(name, instrument, self._desk.filters(name), sets))
        return {
            "timezone": "UTC",
            "serverTime": ask.shapes.at(ask.now_ns),
            "rateLimits": limit_bodies(),
            "exchangeFilters": [],
            "symbols": bodies,
        }

    # ── the book ────────────────────────────────────────────────────────────────────────────────

    def depth(self, ask: Ask) -> Body:
        symbol = self._symbol(ask.params)
        limit = read_limit(ask.params, 100, DEPTH_MAX)
        self._status(ask.params, symbol)
        ask.params.all_read()
        self._house.settle()
        return depth_body(self.book(symbol, limit), self._clerk.tapes[symbol].update_id)

    def book(self, symbol: str, depth: int) -> BookView:
        return self._house.exchange.book(self._desk.listed(symbol).symbol, depth)

    def book_ticker(self, ask: Ask) -> Body | list[Body]:
        return self._each(ask, self._best)

    def _best(self, symbol: str) -> Body:
        view = self.book(symbol, 1)
        bid = view.bids[0] if view.bids else Level(ZERO, ZERO)
        offer = view.asks[0] if view.asks else Level(ZERO, ZERO)
        return {
            "symbol": symbol,
            "bidPrice": fixed(bid.price),
            "bidQty": fixed(bid.qty),
            "askPrice": fixed(offer.price),
            "askQty": fixed(offer.qty),
        }

    # ── trades ──────────────────────────────────────────────────────────────────────────────────

    def trades(self, ask: Ask) -> list[Body]:
        symbol = self._symbol(ask.params)
        limit = read_limit(ask.params)
        ask.params.all_read()
        return [_print(one, ask.shapes) for one in page(list(self._clerk.tapes[symbol].prints), limit, False)]

    def old_trades(self, ask: Ask) -> list[Body]:
        symbol = self._symbol(ask.params)
        limit = read_limit(ask.params)
        since = ask.params.integer("fromId") if ask.params.has("fromId") else None
        ask.params.all_read()
        prints = [one for one in self._clerk.tapes[symbol].prints if since is None or one.trade_id >= since]
        return [_print(one, ask.shapes) for one in page(prints, limit, since is not None)]

    def aggregates(self, ask: Ask) -> list[Body]:
        params, symbol = ask.params, self._symbol(ask.params)
        since = params.integer("fromId") if params.has("fromId") else None
        start_ns, end_ns = params.time_ns("startTime"), params.time_ns("endTime")
        limit = read_limit(params)
        params.all_read()
        if since is not None and (start_ns is not None or end_ns is not None):
            raise Refused(-1128, "Combination of optional parameters invalid.")
        found = [
            one
            for one in self._clerk.tapes[symbol].aggregates
            if (since is None or one.number >= since)
            and (start_ns is None or one.at_ns >= start_ns)
            and (end_ns is None or one.at_ns <= end_ns)
        ]
        first = since is not None or start_ns is not None
        return [aggregate_body(one, ask.shapes) for one in page(found, limit, first)]

    def average(self, ask: Ask) -> Body:
        symbol = self._symbol(ask.params)
        ask.params.all_read()
        price, at_ns = self.average_of(symbol, ask.now_ns)
        return {"mins": AVERAGE_MINUTES, "price": fixed(price), "closeTime": ask.shapes.at(at_ns)}

    def average_of(self, symbol: str, now_ns: int) -> tuple[Decimal, int]:
        """(the average of the last minutes, when the last trade was)"""
        tape = self._clerk.tapes[symbol]
        price = tape.average(now_ns, AVERAGE_MINUTES)
        at_ns = tape.prints[-1].at_ns if tape.prints else now_ns
        return price or self._last(symbol), at_ns

    # ── klines ──────────────────────────────────────────────────────────────────────────────────

    def klines(self, ask: Ask) -> list[list[object]]:
        params, symbol = ask.params, self._symbol(ask.params)
        interval = read_interval(params.need("interval"))
        start_ns, end_ns = params.time_ns("startTime"), params.time_ns("endTime")
        limit = read_limit(params)
        zone = read_zone(params.text("timeZone", "0"))
        params.all_read()
        if zone:
            raise Refused(-1130, "Data sent for parameter 'timeZone' is not valid.")
        bars = self._house.bars.query(
            self._desk.listed(symbol).symbol,
            interval,
            ask.now_ns,
            start_ns=start_ns or 0,
            end_ns=end_ns or 0,
            limit=limit,
            first=start_ns is not None,
        )
        return [_kline(bar, interval, ask.shapes) for bar in bars]

    # ── tickers ─────────────────────────────────────────────────────────────────────────────────

    def price_ticker(self, ask: Ask) -> Body | list[Body]:
        return self._each(ask, lambda symbol: {"symbol": symbol, "price": fixed(self._last(symbol))})

    def day_ticker(self, ask: Ask) -> Body | list[Body]:
        mini = ask.params.text("type", "FULL")
        if mini not in ("FULL", "MINI"):
            raise Refused(-1139, "Invalid ticker type.")
        return self._each(
            ask, lambda symbol: self.day(symbol, ask.now_ns, DAY_NS, ask.shapes, mini == "MINI")
        )

    def trading_day(self, ask: Ask) -> Body | list[Body]:
        """Since midnight, UTC."""
        zone = read_zone(ask.params.text("timeZone", "0"))
        if zone:
            raise Refused(-1130, "Data sent for parameter 'timeZone' is not valid.")
        return self._span(ask, ask.now_ns % DAY_NS // MINUTE_NS * MINUTE_NS + MINUTE_NS)

    def window(self, ask: Ask) -> Body | list[Body]:
        """Over a window of the reader's choice: minutes, hours or days, a week at most."""
        size = ask.params.text("windowSize", "1d")
        match = WINDOW.fullmatch(size)
        most = {"m": 59, "h": 23, "d": 7}
        if match is None or not 1 <= int(match[1]) <= most[match[2]]:
            raise Refused(-1130, "Data sent for parameter 'windowSize' is not valid.")
        return self._span(ask, int(match[1]) * {"m": 1, "h": 60, "d": 1_440}[match[2]] * MINUTE_NS)

    def _span(self, ask: Ask, span: int) -> Body | list[Body]:
        kind = ask.params.text("type", "FULL")
        if kind not in ("FULL", "MINI"):
            raise Refused(-1139, "Invalid ticker type.")
        if not (ask.params.has("symbol") or ask.params.has("symbols")):
            raise Refused(-1128, "Combination of optional parameters invalid.")
        gone = ("prevClosePrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty")
        return self._each(
            ask,
            lambda symbol: {
                name: value
                for name, value in self.day(symbol, ask.now_ns, span, ask.shapes, kind == "MINI").items()
                if name not in gone
            },
        )

    def day(self, symbol: str, now_ns: int, span: int, shapes: Shapes, mini: bool = False) -> Body:
        """Statistics of the last day, or of another span of whole minutes."""
        key = self._desk.listed(symbol).symbol
        sums = self._house.bars.span(key, now_ns, span // 10**9 // 60)
        last, opened = self._last(symbol) or self._house.bars.minute(key, now_ns).close, sums.open
        volume, quote = sums.volume, sums.turnover
        prints, count = self._clerk.tapes[symbol].prints, sums.trades
        last_id = prints[-1].trade_id if prints else -1
        ends: Body = {
            "openTime": shapes.at(now_ns - span),
            "closeTime": shapes.at(now_ns),
            "firstId": last_id - count + 1 if prints else -1,
            "lastId": last_id,
            "count": count,
        }
        range_: Body = {
            "openPrice": fixed(opened),
            "highPrice": fixed(max(sums.high, last)),
            "lowPrice": fixed(min(sums.low, last)),
            "lastPrice": fixed(last),
            "volume": fixed(volume),
            "quoteVolume": fixed(quote),
        }
        if mini:
            return {"symbol": symbol, **range_, **ends}
        change = MONEY.subtract(last, opened)
        best = self._best(symbol)
        best.pop("symbol")
        return {
            "symbol": symbol,
            "priceChange": fixed(change),
            "priceChangePercent": f"{divide(change * HUNDRED, opened):.3f}",
            "weightedAvgPrice": fixed(divide(quote, volume) if volume else ZERO),
            "prevClosePrice": fixed(opened),
            "lastQty": fixed(prints[-1].qty if prints else ZERO),
            **best,
            **range_,
            **ends,
        }

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _last(self, symbol: str) -> Decimal:
        report = self._house.exchange.market(self._desk.listed(symbol).symbol)
        return report.last or report.mark or report.index

    def _all(self) -> list[str]:
        return [one.name for one in self._house.listed() if one.category == "spot"]

    def _symbol(self, params: Params) -> str:
        symbol = params.need("symbol")
        self._desk.listed(symbol)
        return symbol

    def _symbols(self, params: Params) -> list[str] | None:
        """The symbols that were named; None: none were."""
        if params.has("symbol"):
            if params.has("symbols"):
                raise Refused(-1128, "Combination of optional parameters invalid.")
            return [self._symbol(params)]
        if not params.has("symbols"):
            return None
        try:
            names: list[str] = _names.decode(params.need("symbols"))
        except (msgspec.DecodeError, RecursionError):
            text = "Illegal characters found in parameter 'symbols'; legal range is "
            raise Refused(
                -1100, text + '\'^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$\'.'
            ) from None
        if len(dict.fromkeys(names)) != len(names):
            raise Refused(-1151, "Symbol is present multiple times in the list.")
        for name in names:
            self._desk.listed(name)
        return names

    def _status(self, params: Params, symbol: str) -> None:
        wanted = params.text("symbolStatus")
        if not wanted:
            return
        if wanted not in STATUS.values():
            raise Refused(-1122, "Invalid symbolStatus.")
        instrument = self._house.exchange.instrument(self._desk.listed(symbol).symbol)
        if STATUS[instrument.status] != wanted:
            raise Refused(-1220, "The symbol's status does not match the requested symbolStatus.")

    def _each(self, ask: Ask, body: Callable[[str], Body]) -> Body | list[Body]:
        """One body for a symbol, a list of them for symbols or for none."""
        single = ask.params.has("symbol")
        chosen = self._symbols(ask.params)
        if single and chosen:
            self._status(ask.params, chosen[0])
        elif ask.params.has("symbolStatus"):
            wanted = ask.params.text("symbolStatus")
            exchange, names = self._house.exchange, chosen if chosen is not None else self._all()
            chosen = [
                name
                for name in names
                if STATUS[exchange.instrument(self._desk.listed(name).symbol).status] == wanted
            ]
        ask.params.all_read()
        if single and chosen:
            return body(chosen[0])
        return [body(name) for name in (chosen if chosen is not None else self._all())]


def depth_body(view: BookView, update_id: int) -> Body:
    return {"lastUpdateId": update_id, "bids": levels(view.bids), "asks": levels(view.asks)}


def levels(side: Sequence[Level]) -> list[list[str]]:
    return [[fixed(level.price), fixed(level.qty)] for level in side]


def read_interval(name: str) -> Interval:
    if name not in INTERVALS:
        raise Refused(-1120, "Invalid interval.")
    return name


def read_zone(text: str) -> int:
    """The offset in minutes; from -12:00 to +14:00."""
    match = ZONE.fullmatch(text.strip())
    minutes = int(match[2]) * 60 + int(match[3] or 0) if match else 10_000
    if match and match[1] == "-":
        minutes = -minutes
    if not -12 * 60 <= minutes <= 14 * 60:
        raise Refused(-1130, "Data sent for parameter 'timeZone' is not valid.")
    return minutes


def aggregate_body(one: Aggregate, shapes: Shapes) -> Body:
    return {
        "a": one.number,
        "p": fixed(one.price),
        "q": fixed(one.qty),
        "f": one.first,
        "l": one.last,
        "T": shapes.at(one.at_ns),
        "m": one.sold,
        "M": True,
    }


def _print(one: Print, shapes: Shapes) -> Body:
    return {
        "id": one.trade_id,
        "price": fixed(one.price),
        "qty": fixed(one.qty),
        "quoteQty": fixed(MONEY.multiply(one.price, one.qty)),
        "time": shapes.at(one.at_ns),
        "isBuyerMaker": one.sold,
        "isBestMatch": True,
    }


def _kline(bar: Bar, interval: Interval, shapes: Shapes) -> list[object]:
    return [
        shapes.at(bar.start_ns),
        fixed(bar.open),
        fixed(bar.high),
        fixed(bar.low),
        fixed(bar.close),
        fixed(bar.volume),
        shapes.at(bar.start_ns + span_ns(interval, bar.start_ns)) - 1,
        fixed(bar.turnover),
        bar.trades,
        fixed(bar.taker_volume),
        fixed(bar.taker_turnover),
        "0",
    ]
