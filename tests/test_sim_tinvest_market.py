"""What the T-Invest testnet lists, when it trades, and what it tells of the market."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tinvest_kit import (
    BUY,
    CANCELLED,
    FILLED,
    HOUR_NS,
    MINUTE_NS,
    NEW,
    SECOND_NS,
    START_NS,
    TAKE_PROFIT,
    Ear,
    Refusal,
    World,
    number,
)

from kedge.protos.tinvest import instruments_pb2 as instruments
from kedge.protos.tinvest import marketdata_pb2 as market
from kedge.protos.tinvest import orders_pb2 as orders
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.tinvest.board import board
from kedge.sim.tinvest.calendar import day_of, next_ns, phase_at, spans_of, works

MONDAY = day_of(START_NS)


def stamp(ns: int) -> Timestamp:
    return Timestamp(seconds=ns // SECOND_NS, nanos=ns % SECOND_NS)


def moment(text: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(text).timestamp()) * SECOND_NS


# ── the calendar ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("schedule", "at", "kind"),
    [
        ("FORTS_EVENING", "2026-11-23T08:55:00+03:00", "auction"),
        ("FORTS_EVENING", "2026-11-23T09:00:00+03:00", "morning"),
        ("FORTS_EVENING", "2026-11-23T13:59:59+03:00", "main"),
        ("FORTS_EVENING", "2026-11-23T14:00:00+03:00", "clearing"),
        ("FORTS_EVENING", "2026-11-23T14:05:00+03:00", "main"),
        ("FORTS_EVENING", "2026-11-23T18:55:00+03:00", "clearing"),
        ("FORTS_EVENING", "2026-11-23T19:05:00+03:00", "evening"),
        ("FORTS_EVENING", "2026-11-23T23:50:00+03:00", "closed"),
        ("MOEX_EVENING_WEEKEND", "2026-11-23T07:30:00+03:00", "morning"),
        ("MOEX_EVENING_WEEKEND", "2026-11-22T12:00:00+03:00", "weekend"),
        ("MOEX_PLUS", "2026-11-22T12:00:00+03:00", "closed"),
        ("MOEX", "2026-11-23T20:00:00+03:00", "closed"),
        ("MOEX", "2026-11-04T12:00:00+03:00", "closed"),  # a holiday, a Wednesday
        ("ALWAYS", "2026-11-22T03:00:00+03:00", "main"),
    ],
)
def test_every_moment_has_its_phase(schedule: str, at: str, kind: str) -> None:
    assert phase_at(schedule, moment(at)).kind == kind


def test_phases_follow_one_another_without_a_gap() -> None:
    for schedule in ("MOEX", "MOEX_PLUS", "MOEX_EVENING_WEEKEND", "FORTS_EVENING", "FX"):
        now_ns, end_ns = START_NS, START_NS + 20 * 24 * HOUR_NS
        while now_ns < end_ns:
            phase = phase_at(schedule, now_ns)
            assert phase.end_ns > now_ns
            assert phase_at(schedule, phase.end_ns - 1).kind == phase.kind
            now_ns = phase.end_ns
        for day in range(MONDAY, MONDAY + 20):
            spans = spans_of(schedule, day)
            assert all(one.end_ns <= two.start_ns for one, two in pairwise(spans))
    assert not works(day_of(moment("2027-01-01T12:00:00+03:00")))
    assert next_ns("FORTS_EVENING", "weekend", START_NS) == 0


def test_what_the_clock_says_is_what_the_schedule_tells() -> None:
    world = World()
    request = instruments.TradingSchedulesRequest(
        exchange="forts_evening", to=stamp(START_NS + 6 * 24 * HOUR_NS)
    )
    getattr(request, "from").CopyFrom(stamp(START_NS))
    found = world.call("InstrumentsService/TradingSchedules", request, instruments.TradingSchedulesResponse)
    (schedule,) = found.exchanges
    assert [day.is_trading_day for day in schedule.days] == [True] * 5 + [False] * 2
    monday = schedule.days[0]
    assert monday.date.seconds == moment("2026-11-23T00:00:00+00:00") // SECOND_NS
    assert monday.clearing_start_time == stamp(moment("2026-11-23T14:00:00+03:00"))
    assert monday.clearing_end_time == stamp(moment("2026-11-23T14:05:00+03:00"))
    assert monday.evening_end_time == stamp(moment("2026-11-23T23:50:00+03:00"))
    kinds = [one.type.rpartition("_")[2] for one in monday.intervals]
    assert kinds == ["morning", "main", "main", "evening"]
    request.to.CopyFrom(stamp(START_NS + 15 * 24 * HOUR_NS))
    with pytest.raises(Refusal, match="30002"):
        world.call("InstrumentsService/TradingSchedules", request, instruments.TradingSchedulesResponse)


# ── sessions ────────────────────────────────────────────────────────────────────────────────────


def test_outside_its_session_nothing_is_placed_and_the_price_waits_for_the_opening() -> None:
    world = World()
    world.until("2026-11-24T02:00:00+03:00")
    with pytest.raises(Refusal, match="30079"):
        world.post("SBER", BUY, 1, "302.14")
    world.price("TQBR:SBER", "310")
    world.until("2026-11-24T10:00:01+03:00")
    world.tick()
    assert number(world.post("SBER", BUY, 1).executed_order_price) == Decimal("310.01")


def test_orders_end_with_the_day_and_not_with_the_clearing() -> None:
    world = World()
    share, future = world.post("SBER", BUY, 1, "300"), world.post("SRZ6", BUY, 1, "30000")
    bond = world.post("SU26238RMFS4", BUY, 1, "584")
    world.until("2026-11-23T14:01:00+03:00")
    with pytest.raises(Refusal, match="30079"):
        world.post("SRZ6", BUY, 1, "30000")
    assert world.post("SBER", BUY, 1).execution_report_status == FILLED
    assert world.state(future.order_id).execution_report_status == NEW
    # Nothing trades in a clearing, whatever the price does.
    world.price("SPBFUT:SRZ6", "29000")
    assert world.state(future.order_id).execution_report_status == NEW
    world.until("2026-11-23T14:06:00+03:00")
    world.tick()
    assert world.state(future.order_id).execution_report_status == FILLED
    world.until("2026-11-23T18:45:00+03:00")
    assert world.state(bond.order_id).execution_report_status == CANCELLED
    assert world.state(share.order_id).execution_report_status == NEW
    world.until("2026-11-23T23:51:00+03:00")
    assert world.state(share.order_id).execution_report_status == CANCELLED
    assert world.active() == []


def test_a_day_that_is_skipped_ends_what_was_good_for_it() -> None:
    world = World()
    order = world.post("SBER", BUY, 1, "300")
    world.advance(48 * HOUR_NS)
    assert world.active() == []
    assert world.post("SBER", BUY, 1, "300").order_id != order.order_id


def test_stops_wait_over_the_night_and_fire_at_the_opening() -> None:
    world = World()
    world.post_stop("SBER", BUY, 10, "290", TAKE_PROFIT)
    world.until("closed")
    world.price("TQBR:SBER", "280")
    world.advance(MINUTE_NS)
    assert len(world.stops()) == 1
    world.until("2026-11-24T10:00:01+03:00")
    world.tick()
    assert world.stops() == []
    assert world.held("SBER") == 10


def test_on_weekends_only_some_instruments_trade() -> None:
    world = World(now_ns=moment("2026-11-22T12:00:00+03:00"))
    assert world.post("SBER", BUY, 1).execution_report_status == FILLED
    for ticker in ("SRZ6", "AKRN", "SU26238RMFS4", "CNYRUB_TOM"):
        with pytest.raises(Refusal, match="30079"):
            world.post(ticker, BUY, 1)


def test_with_sessions_always_nothing_closes_before_or_after_a_restart(tmp_path: Path) -> None:
    night = moment("2026-11-22T03:00:00+03:00")
    world = World(tmp_path / "venue.db", now_ns=night, sessions="always")
    order = world.post("SRZ6", BUY, 1, "30000")
    world.advance(24 * HOUR_NS)
    world.restart()
    assert world.state(order.order_id).execution_report_status == NEW
    world.fault("sessions", value="calendar")
    with pytest.raises(Refusal, match="30079"):
        world.post("SRZ6", BUY, 1, "30000")
    world.restart()
    with pytest.raises(Refusal, match="30079"):
        world.post("SRZ6", BUY, 1, "30000")
    world.fault("sessions", value="always")
    world.tick()
    world.tick()
    assert world.post("SRZ6", BUY, 1).execution_report_status == FILLED


def test_another_word_of_the_command_line_is_obeyed_after_a_restart(tmp_path: Path) -> None:
    night = moment("2026-11-22T03:00:00+03:00")
    world = World(tmp_path / "venue.db", now_ns=night)
    with pytest.raises(Refusal, match="30079"):
        world.post("SBER", BUY, 1)
    world.kill()
    world = World(tmp_path / "venue.db", now_ns=night + SECOND_NS, sessions="always")
    assert world.post("SBER", BUY, 1).execution_report_status == FILLED


def test_a_halt_is_a_halt() -> None:
    world = World()
    exchange = world.net.house.exchange
    rows = [market.InfoInstrument(instrument_id=world.uid("SBER"))]
    asked = market.SubscribeInfoRequest(subscription_action=1, instruments=rows)
    ear = listen(world, market.MarketDataRequest(subscribe_info_request=asked))
    world.tick()
    ear.take()
    exchange.halt("TQBR:SBER", True, world.now_ns)
    world.tick()
    (told,) = ear.take("trading_status")
    assert (told.trading_status, told.market_order_available_flag) == (4, False)
    with pytest.raises(Refusal, match="30079"):
        world.post("SBER", BUY, 1)
    request = market.GetTradingStatusRequest(instrument_id=world.uid("SBER"))
    found = world.call("MarketDataService/GetTradingStatus", request, market.GetTradingStatusResponse)
    assert (found.trading_status, found.limit_order_available_flag) == (4, False)
    exchange.halt("TQBR:SBER", False, world.now_ns)
    world.tick()
    assert world.post("SBER", BUY, 1).execution_report_status == FILLED


# ── instruments ─────────────────────────────────────────────────────────────────────────────────


def test_the_board_has_some_six_hundred_instruments_with_names_and_numbers_of_their_own() -> None:
    papers = board(MONDAY)
    assert 570 <= len(papers) <= 630
    for name in ("symbol", "uid", "figi", "position_uid"):
        assert len({getattr(paper, name) for paper in papers}) == len(papers)
    assert all(paper.price % paper.tick == 0 for paper in papers)
    counts = {kind: sum(paper.kind == kind for paper in papers) for kind in ("share", "future", "bond")}
    assert min(counts.values()) > 130
    tickers = [paper.ticker for paper in papers]
    assert [ticker for ticker in dict.fromkeys(tickers) if tickers.count(ticker) > 1] == ["T", "MOEX"] or [
        "MOEX",
        "T",
    ]


def test_a_quarter_ends_and_the_next_one_is_listed(tmp_path: Path) -> None:
    world = World(tmp_path / "venue.db")
    bought = world.post("SRZ6", BUY, 1)
    assert bought.lots_executed == 1
    world.until("2026-12-18T10:00:00+03:00")
    world.tick()
    assert world.held("SRZ6") == 0
    tickers = {paper.ticker for paper in world.net.house.everything()}
    assert "SRZ6" not in tickers
    assert "SRZ7" in tickers
    world.tick()
    assert world.post("SRZ7", BUY, 1).lots_executed == 1
    world.restart()
    assert world.held("SRZ7") == 1
    assert world.net.house.paper("SPBFUT:SRZ6").ticker == "SRZ6"


def test_futures_stand_above_their_shares_by_the_time_that_is_left() -> None:
    prices = World(market="still").net.house.exchange
    share = prices.market("TQBR:GAZP").mark * 100
    marks = [prices.market(f"SPBFUT:GZ{code}").mark for code in ("Z6", "H7", "M7", "U7")]
    assert share < marks[0] < marks[1] < marks[2] < marks[3]
    # A share that pays in July: its September future is below what carry alone would give.
    sber = [prices.market(f"SPBFUT:SR{code}").mark for code in ("M7", "U7")]
    assert sber[1] < sber[0]


def test_instruments_are_found_by_every_name_they_have() -> None:
    world = World()
    (share,) = [one for one in world.shares() if one.ticker == "SBER"]
    by = instruments.InstrumentRequest
    for request in (
        by(id_type=3, id=share.uid),
        by(id_type=1, id=share.figi),
        by(id_type=2, class_code="TQBR", id="SBER"),
        by(id_type=4, id=share.position_uid),
    ):
        found = world.call("InstrumentsService/GetInstrumentBy", request, instruments.InstrumentResponse)
        assert found.instrument.uid == share.uid
    with pytest.raises(Refusal, match="30013"):
        world.call("InstrumentsService/ShareBy", by(id_type=2, id="SBER"), instruments.ShareResponse)
    with pytest.raises(Refusal, match="50002"):
        world.call("InstrumentsService/BondBy", by(id_type=3, id=share.uid), instruments.BondResponse)
    find = instruments.FindInstrumentRequest(query="сбер банк", instrument_kind=5)
    found = world.call("InstrumentsService/FindInstrument", find, instruments.FindInstrumentResponse)
    assert [one.ticker for one in found.instruments if one.ticker.startswith("SR")] == [
        "SRZ6",
        "SRH7",
        "SRM7",
        "SRU7",
    ]


def test_an_instrument_may_disappear_from_the_lists() -> None:
    world = World()
    uid = world.uid("VTBR")
    world.fault("listed", symbol="TQBR:VTBR", value="off")
    assert "VTBR" not in [one.ticker for one in world.shares()]
    request = instruments.InstrumentRequest(id_type=3, id=uid)
    with pytest.raises(Refusal, match="50002"):
        world.call("InstrumentsService/GetInstrumentBy", request, instruments.InstrumentResponse)
    world.fault("listed", symbol="TQBR:VTBR", value="on")
    assert "VTBR" in [one.ticker for one in world.shares()]


def test_margins_dividends_coupons_and_interest_are_told() -> None:
    world = World()
    future = instruments.GetFuturesMarginRequest(instrument_id=world.uid("SRZ6"))
    margin = world.call("InstrumentsService/GetFuturesMargin", future, instruments.GetFuturesMarginResponse)
    mark = world.net.house.exchange.market("SPBFUT:SRZ6").mark
    assert abs(number(margin.initial_margin_on_buy) - mark / 6) < 1
    future.instrument_id = world.uid("SBER")
    with pytest.raises(Refusal, match="30041"):
        world.call("InstrumentsService/GetFuturesMargin", future, instruments.GetFuturesMarginResponse)
    paid = instruments.GetDividendsRequest(instrument_id=world.uid("SBER"))
    (dividend,) = world.call(
        "InstrumentsService/GetDividends", paid, instruments.GetDividendsResponse
    ).dividends
    assert number(dividend.dividend_net) == Decimal("33.2365")
    bond = instruments.GetAccruedInterestsRequest(
        instrument_id=world.uid("SU26238RMFS4"), to=stamp(START_NS + 24 * HOUR_NS)
    )
    getattr(bond, "from").CopyFrom(stamp(START_NS))
    rows = world.call(
        "InstrumentsService/GetAccruedInterests", bond, instruments.GetAccruedInterestsResponse
    ).accrued_interests
    assert number(rows[1].value) - number(rows[0].value) in (Decimal("0.19"), Decimal("0.20"))
    coupons = instruments.GetBondCouponsRequest(instrument_id=world.uid("SU26238RMFS4"))
    told = world.call("InstrumentsService/GetBondCoupons", coupons, instruments.GetBondCouponsResponse)
    assert number(told.events[0].pay_one_bond) == Decimal("35.40")


# ── market data ─────────────────────────────────────────────────────────────────────────────────


def listen(world: World, request: Any) -> Ear:
    return world.stream("MarketDataStreamService/MarketDataStream", market.MarketDataResponse, request)


def books(world: World, *tickers: str, depth: int = 10, action: int = 1) -> market.MarketDataRequest:
    rows = [market.OrderBookInstrument(instrument_id=world.uid(one), depth=depth) for one in tickers]
    asked = market.SubscribeOrderBookRequest(subscription_action=action, instruments=rows)
    return market.MarketDataRequest(subscribe_order_book_request=asked)


def test_books_are_whole_each_time_and_come_when_they_change() -> None:
    world = World()
    ear = listen(world, books(world, "SBER"))
    (answer,) = ear.take("subscribe_order_book_response")
    assert answer.order_book_subscriptions[0].subscription_status == 1
    world.tick()
    (book,) = ear.take("orderbook")
    assert book.is_consistent
    assert (number(book.bids[0].price), number(book.asks[0].price)) == (Decimal("302.14"), Decimal("302.16"))
    world.advance(SECOND_NS)
    assert ear.take("orderbook") == []
    world.post("SBER", BUY, 1, "302.15")
    world.advance(SECOND_NS)
    (book,) = ear.take("orderbook")
    assert (number(book.bids[0].price), book.bids[0].quantity, len(book.bids)) == (Decimal("302.15"), 1, 6)


def test_books_are_throttled_and_may_be_torn() -> None:
    world = World()
    ear = listen(world, books(world, "SBER"))
    world.tick()
    ear.take()
    for number_ in range(4):
        world.post("SBER", BUY, 1, f"30{number_}")
        world.advance(25_000_000)
    assert len(ear.take("orderbook")) == 1
    world.fault("inconsistent_book", symbol="TQBR:SBER")
    world.post("SBER", BUY, 1, "302.15")
    world.advance(SECOND_NS, 5)
    torn, whole = ear.take("orderbook")
    assert (torn.is_consistent, whole.is_consistent) == (False, True)
    assert number(torn.bids[0].price) < number(whole.bids[0].price) == Decimal("302.15")


def test_subscriptions_are_judged_one_by_one() -> None:
    world = World(only=())
    ear = listen(world, books(world, "SBER", depth=7))
    assert ear.take()[0].order_book_subscriptions[0].subscription_status == 4
    ear.send(books(world, "GAZP", action=2))
    assert ear.take()[0].order_book_subscriptions[0].subscription_status == 9
    rows = [market.OrderBookInstrument(instrument_id="nothing", depth=10)]
    asked = market.SubscribeOrderBookRequest(subscription_action=1, instruments=rows)
    ear.send(market.MarketDataRequest(subscribe_order_book_request=asked))
    assert ear.take()[0].order_book_subscriptions[0].subscription_status == 2
    every = [paper.uid for paper in world.net.house.everything()]
    rows = [market.OrderBookInstrument(instrument_id=one, depth=1) for one in every]
    asked = market.SubscribeOrderBookRequest(subscription_action=1, instruments=rows)
    ear.send(market.MarketDataRequest(subscribe_order_book_request=asked))
    statuses = [one.subscription_status for one in ear.take()[0].order_book_subscriptions]
    assert (statuses.count(1), statuses.count(6)) == (300, len(every) - 300)


def test_trades_candles_last_prices_and_states_are_told() -> None:
    world = World()
    uid = world.uid("SBER")
    ear = listen(world, books(world, "SBER", action=2))
    sub = market.MarketDataRequest
    row = market.TradeInstrument(instrument_id=uid)
    ear.send(
        sub(subscribe_trades_request=market.SubscribeTradesRequest(subscription_action=1, instruments=[row]))
    )
    for waits in (False, True):
        candle = market.CandleInstrument(instrument_id=uid, interval=5 if waits else 1)
        asked = market.SubscribeCandlesRequest(
            subscription_action=1, instruments=[candle], waiting_close=waits
        )
        ear.send(sub(subscribe_candles_request=asked))
    info = market.SubscribeInfoRequest(
        subscription_action=1, instruments=[market.InfoInstrument(instrument_id=uid)]
    )
    last = market.SubscribeLastPriceRequest(
        subscription_action=1, instruments=[market.LastPriceInstrument(instrument_id=uid)]
    )
    ear.send(sub(subscribe_info_request=info))
    ear.send(sub(subscribe_last_price_request=last))
    world.tick()
    said = ear.take()
    assert [one.trading_status for one in said if isinstance(one, market.TradingStatus)] == [5]
    world.post("SBER", BUY, 25)
    world.advance(SECOND_NS)
    said = ear.take()
    (trade,) = [one for one in said if isinstance(one, market.Trade)]
    assert (trade.quantity, number(trade.price), trade.direction) == (25, Decimal("302.16"), 1)
    (candle,) = [one for one in said if isinstance(one, market.Candle)]
    assert (candle.interval, candle.volume, number(candle.close)) == (1, 25, Decimal("302.16"))
    assert [number(one.price) for one in said if isinstance(one, market.LastPrice)] == [Decimal("302.16")]
    world.until("2026-11-23T18:41:00+03:00")
    world.tick()
    states = [one.trading_status for one in ear.take("trading_status")]
    assert states[-1] == 9  # the closing auction


def test_candles_are_history_with_what_was_traded_in_lots() -> None:
    world = World()
    world.post("GAZP", BUY, 7)
    request = market.GetCandlesRequest(
        instrument_id=world.uid("GAZP"), interval=1, to=stamp(world.now_ns + SECOND_NS)
    )
    getattr(request, "from").CopyFrom(stamp(world.now_ns - 2 * HOUR_NS))
    rows = world.call("MarketDataService/GetCandles", request, market.GetCandlesResponse).candles
    assert len(rows) > 60
    assert (rows[-1].volume, rows[-1].is_complete) == (7, False)
    assert all(row.is_complete for row in rows[:-1])
    getattr(request, "from").CopyFrom(stamp(world.now_ns - 30 * HOUR_NS))
    with pytest.raises(Refusal, match="30014"):
        world.call("MarketDataService/GetCandles", request, market.GetCandlesResponse)
    request.interval = 14
    with pytest.raises(Refusal, match="30011"):
        world.call("MarketDataService/GetCandles", request, market.GetCandlesResponse)
    request.interval = 9  # ten minutes
    rows = world.call("MarketDataService/GetCandles", request, market.GetCandlesResponse).candles
    assert all(row.time.seconds % 600 == 0 for row in rows)


def test_last_prices_trades_and_books_are_asked_for() -> None:
    world = World(only=())
    world.post("SBER", BUY, 3)
    uid = world.uid("SBER")
    prices = world.call(
        "MarketDataService/GetLastPrices", market.GetLastPricesRequest(), market.GetLastPricesResponse
    ).last_prices
    assert len(prices) > 500
    assert {number(one.price) for one in prices if one.instrument_uid == uid} == {Decimal("302.16")}
    trades = market.GetLastTradesRequest(instrument_id=uid, to=stamp(world.now_ns))
    found = world.call("MarketDataService/GetLastTrades", trades, market.GetLastTradesResponse).trades
    assert [one.quantity for one in found] == [3]
    request = market.GetOrderBookRequest(instrument_id=uid, depth=1)
    book = world.call("MarketDataService/GetOrderBook", request, market.GetOrderBookResponse)
    assert (len(book.bids), number(book.limit_down)) == (1, Decimal("211.51"))
    request.depth = 51
    with pytest.raises(Refusal, match="30032"):
        world.call("MarketDataService/GetOrderBook", request, market.GetOrderBookResponse)


def test_prices_wander_by_themselves_and_the_same_seed_wanders_the_same_way() -> None:
    first, second = World(market="synthetic", only=()), World(market="synthetic", only=())
    for world in (first, second):
        world.advance(20 * SECOND_NS, 100)
    marks = [
        [world.net.house.exchange.market(paper.symbol).mark for paper in world.net.house.everything()]
        for world in (first, second)
    ]
    assert marks[0] == marks[1]
    assert marks[0] != [paper.price for paper in first.net.house.everything()]
    assert first.net.house.exchange.faults() == []


def test_a_file_of_prices_is_played(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("0,TQBR:SBER,300\n5,TQBR:SBER,305.5\n")
    world = World(market=str(path))
    world.advance(SECOND_NS)
    assert world.net.house.exchange.market("TQBR:SBER").mark == Decimal(300)
    world.advance(5 * SECOND_NS)
    assert world.net.house.exchange.market("TQBR:SBER").mark == Decimal("305.5")


def test_without_a_market_only_clients_meet() -> None:
    world = World(market="none", sessions="always")
    bid = world.post("SBER", BUY, 5, "302.10")
    assert world.post("SBER", BUY, 1).execution_report_status == CANCELLED
    world.net.house.add_key(ApiKey("second", "", "other"))
    world.token = "second"
    request = world.order("SBER", 2, 5, "302.10", confirm_margin_trade=True)
    request.account_id = world.net.house.own.ids["other"]
    world.call("OrdersService/PostOrder", request, orders.PostOrderResponse)
    world.token = "paper"
    assert world.state(bid.order_id).execution_report_status == FILLED
