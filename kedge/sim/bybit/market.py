"""The public REST endpoints: what is traded, books, tickers, klines, trades, funding, the time."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from kedge.model.instrument import Instrument
from kedge.model.numbers import ONE, ZERO, divide
from kedge.sim.bybit import codes, entry
from kedge.sim.bybit.news import News
from kedge.sim.bybit.pages import unescaped
from kedge.sim.bybit.params import Params, Refused
from kedge.sim.bybit.rows import RateRow, Tables, outer
from kedge.sim.bybit.texts import MS, Body, coins, ms, ms_text, number, places, scaled
from kedge.sim.testnet.bars import MINUTE_NS, Bar, Bars, Interval
from kedge.sim.testnet.house import House
from kedge.sim.testnet.listings import Listed

INTERVALS: dict[str, Interval] = {
    "1": "1m",
    "3": "3m",
    "5": "5m",
    "15": "15m",
    "30": "30m",
    "60": "1h",
    "120": "2h",
    "240": "4h",
    "360": "6h",
    "720": "12h",
    "D": "1d",
    "W": "1w",
    "M": "1M",
}
PERCENT = Decimal("1e-6")
LAUNCHED_MS = "1585526400000"


class MarketData:
    def __init__(self, house: House, tables: Tables, news: News) -> None:  # type: ignore[type-arg]
        self._house = house
        self._exchange = house.exchange
        self._tables = tables
        self._news = news
        self._bars: Bars = house.bars
        # Symbol to the second it was computed in, and what was.
        self._days: dict[str, tuple[int, Body]] = {}

    def time(self, now_ns: int) -> Body:
        """GET /v5/market/time"""
        return {"timeSecond": str(now_ns // 10**9), "timeNano": str(now_ns)}

    # ── instruments ─────────────────────────────────────────────────────────────────────────────

    def instruments(self, params: Params) -> Body:
        """GET /v5/market/instruments-info"""
        category = params.choice("category", (*codes.CATEGORIES, "option"))
        symbol, base, status = params.text("symbol"), params.text("baseCoin"), params.text("status")
        limit, cursor = params.limit(500, 1000), unescaped(params.text("cursor"))
        if symbol and category != "option" and self._house.find(category, symbol) is None:
            raise Refused(codes.No(10001, f"params error: symbol invalid {symbol}"))
        rows = []
        for number_, one in enumerate(self._house.listed(), 1):
            alike = (
                one.category == category and symbol in ("", one.name) and base in ("", one.instrument.base)
            )
            state = self.status(one)
            if alike and (status == state or (not status and (symbol or state == "Trading"))):
                body = self._spot(one, number_) if category == "spot" else self._contract(one, number_)
                rows.append((number_, body))
        if category == "spot":
            return {"category": category, "list": [body for _, body in rows]}
        start = int(cursor) if cursor.isdecimal() and len(cursor) < 9 else 0
        shown = rows[start : start + limit]
        after = str(start + limit) if start + limit < len(rows) else ""
        return {"category": category, "list": [body for _, body in shown], "nextPageCursor": after}

    def status(self, one: Listed) -> str:
        now = self._exchange.instrument(one.symbol).status
        if now == "trading":
            return "Trading"
        return "Closed" if now == "closed" else "Settling" if one.instrument.expires_ns else "PreLaunch"

    def _spot(self, one: Listed, symbol_id: int) -> Body:
        instrument = one.instrument
        most, step = number(instrument.max_qty), number(instrument.qty_step)
        return {
            "symbolId": symbol_id,
            "symbol": one.name,
            "baseCoin": instrument.base,
            "quoteCoin": instrument.quote,
            "innovation": "0",
            "symbolType": "",
            "status": self.status(one),
            "marginTrading": "utaOnly",
            "stTag": "0",
            "lotSizeFilter": {
                "basePrecision": step,
                "quotePrecision": "0.00000001",
                "minOrderQty": number(instrument.min_qty),
                "maxOrderQty": most,
                "minOrderAmt": number(instrument.min_notional),
                "maxOrderAmt": "4000000",
                "maxLimitOrderQty": most,
                "maxMarketOrderQty": number(one.market_max_qty or instrument.max_qty),
                "postOnlyMaxLimitOrderSize": most,
            },
            "priceFilter": {"tickSize": number(instrument.tick)},
            "riskParameters": {"priceLimitRatioX": "0.1", "priceLimitRatioY": "0.1"},
        }

    def _contract(self, one: Listed, symbol_id: int) -> Body:
        instrument, terms = one.instrument, one.terms
        dated, most = bool(instrument.expires_ns), number(instrument.max_qty)
        cap = number(terms.funding_cap) if not dated else ""
        kind = "Inverse" if one.category == "inverse" else "Linear"
        return {
            "symbol": one.name,
            "symbolId": symbol_id,
            "contractType": f"{kind}{'Futures' if dated else 'Perpetual'}",
            "status": self.status(one),
            "baseCoin": instrument.base,
            "quoteCoin": instrument.quote,
            "launchTime": LAUNCHED_MS,
            "deliveryTime": ms_text(instrument.expires_ns) if dated else "0",
            "deliveryFeeRate": "0" if dated else "",
            "priceScale": str(places(instrument.tick)),
            "leverageFilter": {
                "minLeverage": "1",
                "maxLeverage": scaled(terms.leverage_max, Decimal("0.01")),
                "leverageStep": "0.01",
            },
            "priceFilter": {
                "minPrice": number(instrument.tick),
                "maxPrice": number(instrument.tick * 19_999_998),
                "tickSize": number(instrument.tick),
            },
            "lotSizeFilter": {
                "maxOrderQty": most,
                "minOrderQty": number(instrument.min_qty),
                "qtyStep": number(instrument.qty_step),
                "postOnlyMaxOrderQty": most,
                "maxMktOrderQty": number(one.market_max_qty or instrument.max_qty),
                "minNotionalValue": number(instrument.min_notional) if one.category == "linear" else "0",
            },
            "unifiedMarginTrade": True,
            "fundingInterval": terms.funding_interval_ns // MINUTE_NS,
            "settleCoin": instrument.settle,
            "copyTrading": "none",
            "upperFundingRate": cap,
            "lowerFundingRate": f"-{cap}" if cap else "",
            "isPreListing": False,
            "preListingInfo": None,
            "riskParameters": {
                "priceLimitRatioX": number(terms.price_band),
                "priceLimitRatioY": number(terms.price_band),
            },
            "displayName": "",
            "symbolType": "",
        }

    # ── the book ────────────────────────────────────────────────────────────────────────────────

    def book(self, params: Params, update_of: dict[str, int], now_ns: int) -> Body:
        """GET /v5/market/orderbook; `u` is that of the 1000-level stream."""
        category = params.category()
        instrument = entry.instrument_of(self._exchange, category, params.need("symbol"))
        limit = params.limit(1 if category == "spot" else 25, 1000)
        view = self._exchange.book(instrument.symbol, limit)
        tick = instrument.tick
        return {
            "s": outer(instrument.symbol)[1],
            "b": [[scaled(level.price, tick), number(level.qty)] for level in view.bids],
            "a": [[scaled(level.price, tick), number(level.qty)] for level in view.asks],
            "ts": ms(now_ns),
            "u": update_of.get(instrument.symbol, 1),
            "seq": now_ns // 1000,
            "cts": ms(view.venue_ns),
        }

    # ── tickers ─────────────────────────────────────────────────────────────────────────────────

    def tickers(self, params: Params, now_ns: int) -> Body:
        """GET /v5/market/tickers"""
        category, symbol = params.choice("category", (*codes.CATEGORIES, "option")), params.text("symbol")
        if symbol and category != "option":
            entry.instrument_of(self._exchange, category, symbol)
        keys = [one.symbol for one in self._house.listed() if one.category == category]
        keys = [key for key in keys if symbol in ("", outer(key)[1])]
        rows = []
        for key in keys:
            body = self.ticker(key, now_ns)
            body.pop("tickDirection", None)
            rows.append({**body, **self._touch(key)} if category == "spot" else body)
        return {"category": category, "list": rows}

    def ticker(self, key: str, now_ns: int) -> Body:
        """As the stream's snapshot has it."""
        category, symbol = outer(key)
        day, market = self._day(key, now_ns), self._exchange.market(key)
        instrument = self._news.instrument(key)
        last = market.last or market.mark
        before = day["before"]
        change = (divide(last - before, before) if before else ZERO).quantize(PERCENT, ROUND_HALF_EVEN)
        common: Body = {
            "symbol": symbol,
            "lastPrice": scaled(last, instrument.tick),
            "prevPrice24h": scaled(before, instrument.tick),
            "price24hPcnt": number(change),
            "highPrice24h": scaled(max(day["high"], last), instrument.tick),
            "lowPrice24h": scaled(min(day["low"], last), instrument.tick),
            "turnover24h": coins(day["turnover"]),
            "volume24h": number(day["volume"]),
        }
        if category == "spot":
            return {**common, "usdIndexPrice": coins(market.index)}
        dated, tick = bool(instrument.expires_ns), instrument.tick
        interest = sum((max(p.qty, ZERO) for p in self._tables.positions.values() if p.symbol == key), ZERO)
        return {
            **common,
            "tickDirection": self._news.tick_of(key),
            "prevPrice1h": scaled(day["hour"], tick),
            "markPrice": coins(market.mark),
            "indexPrice": coins(market.index),
            "openInterest": number(interest),
            "openInterestValue": coins(abs(instrument.value(interest, market.mark)) if interest else ZERO),
            "fundingRate": "" if dated else number(market.funding_rate),
            "nextFundingTime": "" if dated else ms_text(market.funding_ns),
            "fundingIntervalHour": ""
            if dated
            else str(self._house.of(key).terms.funding_interval_ns // 3600 // 10**9),
            "fundingCap": "" if dated else number(self._house.of(key).terms.funding_cap),
            "predictedDeliveryPrice": "0.00" if dated else "",
            "deliveryFeeRate": "0" if dated else "",
            "deliveryTime": ms_text(instrument.expires_ns) if dated else "0",
            "basis": coins(market.mark - market.index) if dated else "",
            "basisRate": "",
            "basisRateYear": "",
            "preOpenPrice": "",
            "preQty": "",
            "curPreListingPhase": "",
            **self._touch(key),
        }

    def _touch(self, key: str) -> Body:
        book, tick = self._exchange.book(key, 1), self._news.instrument(key).tick
        bid, ask = (book.bids[0] if book.bids else None), (book.asks[0] if book.asks else None)
        return {
            "bid1Price": scaled(bid.price, tick) if bid else "",
            "bid1Size": number(bid.qty) if bid else "",
            "ask1Price": scaled(ask.price, tick) if ask else "",
            "ask1Size": number(ask.qty) if ask else "",
        }

    def _day(self, key: str, now_ns: int) -> Body:
        """The last 24 hours in numbers, computed once a second at most."""
        second = now_ns // 10**9
        known = self._days.get(key)
        if known is not None and known[0] == second:
            return known[1]
        day = self._bars.span(key, now_ns, 1440)
        found: Body = {
            "before": day.open,
            "hour": self._bars.span(key, now_ns, 60).open,
            "high": day.high,
            "low": day.low,
            "volume": day.volume,
            "turnover": day.turnover,
        }
        self._days[key] = (second, found)
        return found

    # ── the past ────────────────────────────────────────────────────────────────────────────────

    def klines(self, params: Params, now_ns: int, *, traded: bool = True) -> Body:
        """GET /v5/market/kline and, without volumes, mark-price-kline and index-price-kline."""
        category = params.text("category", "linear") or "linear"
        instrument = entry.instrument_of(self._exchange, category, params.need("symbol"))
        interval = INTERVALS.get(params.need("interval"))
        if interval is None:
            raise Refused(codes.bad("Invalid interval"))
        start, end = params.whole("start") * MS, params.whole("end") * MS
        limit = params.limit(200, 1000)
        bars = self._bars.query(
            instrument.symbol, interval, now_ns, start_ns=start, end_ns=end, limit=limit, first=False
        )
        rows = [_kline(bar, instrument, traded) for bar in reversed(bars)]
        return {"category": category, "symbol": outer(instrument.symbol)[1], "list": rows}

    def trades(self, params: Params) -> Body:
        """GET /v5/market/recent-trade, newest first"""
        category = params.category()
        instrument = entry.instrument_of(self._exchange, category, params.need("symbol"))
        limit = params.limit(60, 60) if category == "spot" else params.limit(500, 1000)
        kept = list(self._news.recent.get(instrument.symbol, ()))[-limit:]
        rows = [
            {
                "execId": trade.id,
                "symbol": outer(trade.symbol)[1],
                "price": scaled(trade.price, instrument.tick),
                "size": number(trade.qty),
                "side": trade.side,
                "time": ms_text(trade.time_ns),
                "isBlockTrade": False,
                "isRPITrade": False,
                "seq": str(trade.time_ns // 1000),
            }
            for trade in reversed(kept)
        ]
        return {"category": category, "list": rows}

    def funding(self, params: Params, now_ns: int) -> Body:
        """GET /v5/market/funding/history, newest first"""
        category = params.choice("category", ("linear", "inverse"))
        instrument = entry.instrument_of(self._exchange, category, params.need("symbol"))
        limit = params.limit(200, 200)
        start, end = params.whole("startTime"), params.whole("endTime", ms(now_ns))
        if params.text("startTime") and not params.text("endTime"):
            raise Refused(codes.bad("endTime is required with startTime"))
        rows = [r for r in self._tables.rates.values() if r.symbol == instrument.symbol]
        rows = [r for r in rows if start <= ms(r.time_ns) <= end]
        return {"category": category, "list": [_rate(row) for row in reversed(rows[-limit:])]}

    def risk_limits(self, params: Params) -> Body:
        """GET /v5/market/risk-limit: one tier for each contract"""
        category, symbol = params.choice("category", ("linear", "inverse")), params.text("symbol")
        listed = [one for one in self._house.listed() if one.category == category]
        rows = [_tier(one, number_) for number_, one in enumerate(listed, 1) if symbol in ("", one.name)]
        return {"category": category, "list": rows, "nextPageCursor": ""}


def _tier(one: Listed, number_: int) -> Body:
    terms = one.terms
    return {
        "id": number_,
        "symbol": one.name,
        "riskLimitValue": "2000000",
        "maintenanceMargin": number(terms.maintenance),
        "initialMargin": number(divide(ONE, terms.leverage_max).quantize(PERCENT)),
        "isLowestRisk": 1,
        "maxLeverage": scaled(terms.leverage_max, Decimal("0.01")),
        "mmDeduction": "",
    }


def _kline(bar: Bar, instrument: Instrument, traded: bool) -> list[str]:
    tick = instrument.tick
    prices = [scaled(price, tick) for price in (bar.open, bar.high, bar.low, bar.close)]
    row = [ms_text(bar.start_ns), *prices]
    return [*row, number(bar.volume), coins(bar.turnover)] if traded else row


def _rate(row: RateRow) -> Body:
    return {
        "symbol": outer(row.symbol)[1],
        "fundingRate": number(row.rate),
        "fundingRateTimestamp": ms_text(row.time_ns),
    }
