"""MarketDataService: candles, prices, books, trades and states, as they are asked for one by one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from kedge.model.venue import Level
from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import marketdata_pb2 as pb
from kedge.sim.exchange import TradePrinted
from kedge.sim.testnet.bars import Bar, Interval, span_ns
from kedge.sim.tinvest.access import Asked, paper_of
from kedge.sim.tinvest.board import Paper
from kedge.sim.tinvest.calendar import DAY_NS, MINUTE_NS, midnight_ns
from kedge.sim.tinvest.calendar import day_of as moscow_day
from kedge.sim.tinvest.codes import Refused
from kedge.sim.tinvest.house import NORMAL_TRADING, TinvestHouse
from kedge.sim.tinvest.instruments import since
from kedge.sim.tinvest.judge import Judge
from kedge.sim.tinvest.shapes import nanoseconds, quotation, stamp

DEPTHS = (1, 10, 20, 30, 40, 50)
PRICES_MAX = 3000
LIMIT_MAX = 2400
HOUR_NS = 60 * MINUTE_NS
# Interval of the protocol -> ours, and how long a period may be asked for.
CANDLES: dict[int, tuple[str, int]] = {
    pb.CANDLE_INTERVAL_1_MIN: ("1m", DAY_NS),
    pb.CANDLE_INTERVAL_2_MIN: ("2m", DAY_NS),
    pb.CANDLE_INTERVAL_3_MIN: ("3m", DAY_NS),
    pb.CANDLE_INTERVAL_5_MIN: ("5m", 7 * DAY_NS),
    pb.CANDLE_INTERVAL_10_MIN: ("10m", 7 * DAY_NS),
    pb.CANDLE_INTERVAL_15_MIN: ("15m", 21 * DAY_NS),
    pb.CANDLE_INTERVAL_30_MIN: ("30m", 21 * DAY_NS),
    pb.CANDLE_INTERVAL_HOUR: ("1h", 92 * DAY_NS),
    pb.CANDLE_INTERVAL_2_HOUR: ("2h", 92 * DAY_NS),
    pb.CANDLE_INTERVAL_4_HOUR: ("4h", 92 * DAY_NS),
    pb.CANDLE_INTERVAL_DAY: ("1d", 6 * 366 * DAY_NS),
    pb.CANDLE_INTERVAL_WEEK: ("1w", 5 * 366 * DAY_NS),
    pb.CANDLE_INTERVAL_MONTH: ("1M", 10 * 366 * DAY_NS),
}


class MarketData:
    def __init__(self, house: TinvestHouse, judge: Judge) -> None:
        self._house = house
        self._judge = judge

    # ── methods ─────────────────────────────────────────────────────────────────────────────────

    def candles(self, asked: Asked, request: pb.GetCandlesRequest) -> pb.GetCandlesResponse:
        paper = paper_of(self._house, request.instrument_id, request.figi)
        if request.interval not in CANDLES:
            raise Refused(30011)
        word, longest_ns = CANDLES[request.interval]
        interval = cast(Interval, word)
        start_ns, end_ns = nanoseconds(since(request)), nanoseconds(request.to) or asked.now_ns
        if not start_ns and not request.limit:
            raise Refused(30001)
        if end_ns < start_ns:
            raise Refused(30012)
        if start_ns and not request.limit and end_ns - start_ns > longest_ns:
            raise Refused(30014)
        limit = min(request.limit or LIMIT_MAX, LIMIT_MAX)
        bars = self._house.bars.query(
            paper.symbol, interval, asked.now_ns, start_ns=start_ns, end_ns=end_ns, limit=limit
        )
        rows = [
            pb.HistoricCandle(
                **self._bar(paper, bar),
                time=stamp(bar.start_ns),
                is_complete=bar.start_ns + span_ns(interval, bar.start_ns) <= asked.now_ns,
                candle_source=pb.CANDLE_SOURCE_EXCHANGE,
            )
            for bar in bars
            if bar.start_ns < end_ns
        ]
        return pb.GetCandlesResponse(candles=rows)

    def last_prices(self, asked: Asked, request: pb.GetLastPricesRequest) -> pb.GetLastPricesResponse:
        names = [*request.instrument_id, *request.figi]
        if len(names) > PRICES_MAX:
            raise Refused(30218)
        papers: Iterable[Paper] = (paper_of(self._house, one) for one in names)
        if not names:
            papers = (paper for paper in self._house.papers() if paper.by_api)
        return pb.GetLastPricesResponse(last_prices=[self.last_price(paper) for paper in papers])

    def book(self, asked: Asked, request: pb.GetOrderBookRequest) -> pb.GetOrderBookResponse:
        paper = paper_of(self._house, request.instrument_id, request.figi)
        if not 0 < request.depth <= DEPTHS[-1]:
            raise Refused(30032)
        view = self._house.exchange.book(paper.symbol, request.depth)
        low, high = self._judge.corridor(paper)
        last = self.last_price(paper)
        return pb.GetOrderBookResponse(
            figi=paper.figi,
            depth=request.depth,
            bids=self._levels(paper, view.bids),
            asks=self._levels(paper, view.asks),
            last_price=last.price,
            close_price=quotation(paper.price),
            limit_up=quotation(high),
            limit_down=quotation(low),
            instrument_uid=paper.uid,
            ticker=paper.ticker,
            class_code=paper.class_code,
            last_price_ts=last.time,
            close_price_ts=stamp(midnight_ns(moscow_day(asked.now_ns))),
            orderbook_ts=stamp(asked.now_ns),
        )

    def trading_status(
        self, asked: Asked, request: pb.GetTradingStatusRequest
    ) -> pb.GetTradingStatusResponse:
        paper = paper_of(self._house, request.instrument_id, request.figi)
        return self._trading_status(paper, asked.now_ns)

    def trading_statuses(
        self, asked: Asked, request: pb.GetTradingStatusesRequest
    ) -> pb.GetTradingStatusesResponse:
        papers = [paper_of(self._house, one) for one in request.instrument_id]
        rows = [self._trading_status(paper, asked.now_ns) for paper in papers]
        return pb.GetTradingStatusesResponse(trading_statuses=rows)

    def last_trades(self, asked: Asked, request: pb.GetLastTradesRequest) -> pb.GetLastTradesResponse:
        """Of the last hour."""
        paper = paper_of(self._house, request.instrument_id, request.figi)
        start_ns = max(nanoseconds(since(request)), asked.now_ns - HOUR_NS)
        end_ns = nanoseconds(request.to) or asked.now_ns
        found = [
            self.trade(paper, trade)
            for trade in self._house.prints.last(paper.symbol)
            if start_ns <= trade.venue_ns <= end_ns
        ]
        return pb.GetLastTradesResponse(trades=found)

    def close_prices(self, asked: Asked, request: pb.GetClosePricesRequest) -> pb.GetClosePricesResponse:
        rows = []
        for one in request.instruments:
            paper = paper_of(self._house, one.instrument_id)
            rows.append(
                pb.InstrumentClosePriceResponse(
                    figi=paper.figi,
                    instrument_uid=paper.uid,
                    ticker=paper.ticker,
                    class_code=paper.class_code,
                    price=quotation(paper.price),
                    time=stamp(midnight_ns(moscow_day(asked.now_ns))),
                )
            )
        return pb.GetClosePricesResponse(close_prices=rows)

    # ── parts that streams tell, too ────────────────────────────────────────────────────────────

    def last_price(self, paper: Paper) -> pb.LastPrice:
        report = self._house.exchange.market(paper.symbol)
        tape = self._house.prints.last(paper.symbol, 1)
        return pb.LastPrice(
            figi=paper.figi,
            price=quotation(report.last or report.mark),
            time=stamp(tape[-1].venue_ns if tape else self._house.own.began_ns),
            ticker=paper.ticker,
            class_code=paper.class_code,
            instrument_uid=paper.uid,
            last_price_type=pb.LAST_PRICE_EXCHANGE,
        )

    def order_book(self, paper: Paper, depth: int, *, consistent: bool) -> pb.OrderBook:
        """One push. What is not consistent has lost its best levels."""
        view = self._house.exchange.book(paper.symbol, depth)
        low, high = self._judge.corridor(paper)
        begin = 0 if consistent else 1
        return pb.OrderBook(
            figi=paper.figi,
            depth=depth,
            is_consistent=consistent,
            bids=self._levels(paper, view.bids[begin:]),
            asks=self._levels(paper, view.asks),
            time=stamp(self._house.now_ns()),
            limit_up=quotation(high),
            limit_down=quotation(low),
            instrument_uid=paper.uid,
            order_book_type=pb.ORDERBOOK_TYPE_EXCHANGE,
            ticker=paper.ticker,
            class_code=paper.class_code,
        )

    def trade(self, paper: Paper, trade: TradePrinted) -> pb.Trade:
        buys = trade.side == "buy"
        return pb.Trade(
            figi=paper.figi,
            direction=pb.TRADE_DIRECTION_BUY if buys else pb.TRADE_DIRECTION_SELL,
            price=quotation(trade.price),
            quantity=int(trade.qty) // paper.lot,
            time=stamp(trade.venue_ns),
            instrument_uid=paper.uid,
            trade_source=pb.TRADE_SOURCE_EXCHANGE,
            ticker=paper.ticker,
            class_code=paper.class_code,
        )

    def candle(self, paper: Paper, interval: int, bar: Bar) -> pb.Candle:
        return pb.Candle(
            **self._bar(paper, bar),
            figi=paper.figi,
            interval=interval,  # type: ignore[arg-type]
            time=stamp(bar.start_ns),
            last_trade_ts=stamp(self._house.now_ns()),
            instrument_uid=paper.uid,
            ticker=paper.ticker,
            class_code=paper.class_code,
            candle_source_type=pb.CANDLE_SOURCE_EXCHANGE,
        )

    def status(self, paper: Paper, now_ns: int) -> pb.TradingStatus:
        found = self._trading_status(paper, now_ns)
        return pb.TradingStatus(
            figi=paper.figi,
            trading_status=found.trading_status,
            time=stamp(now_ns),
            limit_order_available_flag=found.limit_order_available_flag,
            market_order_available_flag=found.market_order_available_flag,
            instrument_uid=paper.uid,
            ticker=paper.ticker,
            class_code=paper.class_code,
        )

    def _trading_status(self, paper: Paper, now_ns: int) -> pb.GetTradingStatusResponse:
        status = self._house.trading_status(paper, now_ns)
        trades = status == NORMAL_TRADING and paper.by_api
        return pb.GetTradingStatusResponse(
            figi=paper.figi,
            trading_status=cast(common.SecurityTradingStatus, status),
            limit_order_available_flag=trades,
            market_order_available_flag=trades,
            api_trade_available_flag=paper.by_api,
            instrument_uid=paper.uid,
            bestprice_order_available_flag=trades,
            ticker=paper.ticker,
            class_code=paper.class_code,
        )

    def _levels(self, paper: Paper, levels: Iterable[Level]) -> list[pb.Order]:
        return [
            pb.Order(price=quotation(level.price), quantity=int(level.qty) // paper.lot) for level in levels
        ]

    def _bar(self, paper: Paper, bar: Bar) -> dict[str, Any]:
        bought = int(bar.taker_volume) // paper.lot
        volume = int(bar.volume) // paper.lot
        return {
            "open": quotation(bar.open),
            "high": quotation(bar.high),
            "low": quotation(bar.low),
            "close": quotation(bar.close),
            "volume": volume,
            "volume_buy": bought,
            "volume_sell": volume - bought,
        }
