"""T-Invest's wire, instruments and account rows: numbers, keys, prices in points and in money, costs."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.instrument import Instrument
from kedge.model.order import State
from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import instruments_pb2 as ins
from kedge.protos.tinvest import marketdata_pb2 as md
from kedge.protos.tinvest import operations_pb2 as ops
from kedge.protos.tinvest import orders_pb2 as pb
from kedge.protos.tinvest import stoporders_pb2 as stops
from kedge.venues.tinvest import account, instruments, public
from kedge.venues.tinvest.account import Alias, Told, order_of
from kedge.venues.tinvest.instruments import Listed, Listing
from kedge.venues.tinvest.wire import (
    Pace,
    Unreadable,
    client_id_of,
    key_of,
    money,
    number,
    pace_of,
    quotation,
    read,
    stamp,
)

SECOND_NS = 10**9
# Monday 2026-11-23, 12:00 in Moscow.
NOW_NS = 1_795_424_400 * SECOND_NS
D = Decimal


# ── numbers, keys, headers ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "units", "nano"),
    [  # from the venue's page on its types
        ("114.25", 114, 250_000_000),
        ("-200.20", -200, -200_000_000),
        ("-0.01", 0, -10_000_000),
        ("0", 0, 0),
        ("0.000000001", 0, 1),
    ],
)
def test_a_quotation_is_units_and_billionths_of_one_sign(text: str, units: int, nano: int) -> None:
    made = quotation(D(text))
    assert (made.units, made.nano) == (units, nano)
    assert number(made) == D(text)
    assert number(money(D(text), "rub")) == D(text)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=9))
def test_numbers_come_back_as_they_went(value: Decimal) -> None:
    back = number(quotation(value))
    assert back == value
    assert "E+" not in str(back)


def test_finer_than_a_billionth_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError):
        quotation(D("0.0000000001"))


def test_keys_are_dashed_there_and_plain_here() -> None:
    ours = "0000002a000001000000070000000001"
    assert key_of(ours) == "0000002a-0000-0100-0000-070000000001"
    assert client_id_of(key_of(ours)) == ours
    assert client_id_of("somebody's own") == "somebody's own"
    assert client_id_of("") == ""


def test_the_headers_of_limits() -> None:
    said = {
        "x-ratelimit-limit": "300, 300;w=60",
        "x-ratelimit-remaining": "299",
        "x-ratelimit-reset": "20",
    }
    assert pace_of(said) == Pace(300, 299, 20 * SECOND_NS)
    assert pace_of({"x-ratelimit-remaining": "many"}) == Pace()


def test_what_cannot_be_read_is_said() -> None:
    assert isinstance(read(pb.OrderState, b"\xff\xff\xff"), Unreadable)


# ── instruments ─────────────────────────────────────────────────────────────────────────────────

COMMON = {
    "api_trade_available_flag": True,
    "buy_available_flag": True,
    "sell_available_flag": True,
    "real_exchange": common.REAL_EXCHANGE_MOEX,
    "currency": "rub",
}


def a_share(**members: object) -> ins.Share:
    step = quotation(D("0.01"))
    given_: dict[str, object] = {
        "ticker": "SBER",
        "class_code": "TQBR",
        "uid": "u-sber",
        "figi": "F",
        "lot": 10,
    }
    return ins.Share(**{**COMMON, **given_, "min_price_increment": step, "exchange": "MOEX_PLUS", **members})  # type: ignore[arg-type]


def a_future(**members: object) -> ins.Future:
    given_: dict[str, object] = {
        "ticker": "RIZ6",
        "class_code": "SPBFUT",
        "uid": "u-ri",
        "figi": "FUTRTS",
        "lot": 1,
        "min_price_increment": quotation(D(10)),
        "min_price_increment_amount": quotation(D("16.15434")),
        "basic_asset": "RTS",
        "basic_asset_size": quotation(D(1)),
        "initial_margin_on_buy": money(D("30000.5"), "rub"),
        "initial_margin_on_sell": money(D(31000), "rub"),
        "last_trade_date": stamp(1_797_465_600 * SECOND_NS),  # 2026-12-17
        "exchange": "FORTS_EVENING",
    }
    return ins.Future(**{**COMMON, **given_, **members})  # type: ignore[arg-type]


def a_bond(**members: object) -> ins.Bond:
    given_: dict[str, object] = {
        "ticker": "SU26238RMFS4",
        "class_code": "TQOB",
        "uid": "u-bond",
        "lot": 1,
        "min_price_increment": quotation(D("0.001")),
        "nominal": money(D(1000), "rub"),
        "exchange": "MOEX",
    }
    return ins.Bond(**{**COMMON, **given_, **members})  # type: ignore[arg-type]


def a_listing() -> Listing:
    listing = Listing()
    rows = instruments.read_shares(ins.SharesResponse(instruments=[a_share()]))
    rows += instruments.read_bonds(ins.BondsResponse(instruments=[a_bond()]))
    rows += instruments.read_futures(ins.FuturesResponse(instruments=[a_future()]))
    listing.learn(rows, None, NOW_NS)
    return listing


def test_instruments_of_each_kind() -> None:
    listing = a_listing()
    share, bond, future = (listing.all[s] for s in ("SBER", "SU26238RMFS4", "RIZ6"))
    assert (share.kind, share.lot, share.qty_step, share.can_short) == ("spot", 10, 10, False)
    assert (bond.kind, bond.value(D(2), D("58.5"))) == ("bond", D(1170))
    # The venue's formula: price / min_price_increment * min_price_increment_amount.
    assert future.value(D(1), D(112_340)) == D(112_340) / 10 * D("16.15434")
    assert (future.asset, future.buy_margin, future.sell_margin) == ("RTS", D("30000.5"), D(31000))
    # It trades on its last day, until midnight in Moscow.
    assert future.expires_ns == (1_797_465_600 + 21 * 3_600) * SECOND_NS


def test_currencies_are_priced_for_their_nominal() -> None:
    row = ins.Currency(
        ticker="JPYRUB_TOM",
        class_code="CETS",
        uid="u-jpy",
        lot=1000,
        iso_currency_name="jpy",
        nominal=money(D(100), "jpy"),
        min_price_increment=quotation(D("0.0001")),
        **COMMON,  # type: ignore[arg-type]
    )
    (made,) = instruments.read_currencies(ins.CurrenciesResponse(instruments=[row]))
    assert made.instrument.base == "JPY"
    assert made.instrument.value(D(1000), D("58.2")) == D(582)


@pytest.mark.parametrize(
    "members",
    [
        {"class_code": "TQTD"},
        {"api_trade_available_flag": False},
        {"min_price_increment": quotation(D(0))},
        {"real_exchange": common.REAL_EXCHANGE_OTC},
        {"lot": 0},
    ],
)
def test_only_what_trades_on_the_main_boards_is_listed(members: dict[str, object]) -> None:
    assert instruments.read_shares(ins.SharesResponse(instruments=[a_share(**members)])) == []


def test_bonds_of_another_money_and_futures_without_a_value_are_left_out() -> None:
    foreign = a_bond(nominal=money(D(1000), "usd"))
    assert instruments.read_bonds(ins.BondsResponse(instruments=[foreign])) == []
    worthless = a_future(min_price_increment_amount=quotation(D(0)))
    assert instruments.read_futures(ins.FuturesResponse(instruments=[worthless])) == []


def test_one_ticker_twice_is_told_apart_by_its_board_and_nothing_is_forgotten() -> None:
    listing = Listing()
    one = instruments.read_bonds(ins.BondsResponse(instruments=[a_bond()]))
    two = instruments.read_bonds(ins.BondsResponse(instruments=[a_bond(class_code="TQCB", uid="u-2")]))
    listing.learn([*one, *two], None, NOW_NS)
    assert list(listing.all) == ["SU26238RMFS4", "SU26238RMFS4@TQCB"]
    listing.learn(two, None, NOW_NS)
    assert not listing.is_listed("SU26238RMFS4")
    assert listing.is_listed("SU26238RMFS4@TQCB")
    assert listing.symbol_of("u-2") == "SU26238RMFS4@TQCB"
    assert listing.symbol_of("?", "", "YNDX", "TQBR") == "YNDX@TQBR"
    assert listing.uid_of("NOSUCH") == ""


def test_a_halt_is_one_only_while_the_instrument_should_trade() -> None:
    listing = a_listing()
    shut = instruments.standing_of(common.SECURITY_TRADING_STATUS_BREAK_IN_TRADING, False)
    assert listing.stands("SBER", shut, NOW_NS)
    assert listing.all["SBER"].status == "halted"
    night_ns = NOW_NS + 13 * 3_600 * SECOND_NS
    assert listing.refresh(night_ns) == ["SBER"]
    assert listing.all["SBER"].status == "trading"  # it is closed, which is not a halt
    assert not listing.all["SBER"].is_open(night_ns)


# ── orders ──────────────────────────────────────────────────────────────────────────────────────


def an_order(**members: object) -> pb.OrderState:
    given_: dict[str, object] = {
        "order_id": "17",
        "order_request_id": "0000002a-0000-0100-0000-070000000001",
        "execution_report_status": pb.EXECUTION_REPORT_STATUS_FILL,
        "lots_requested": 2,
        "lots_executed": 2,
        "direction": pb.ORDER_DIRECTION_BUY,
        "order_type": pb.ORDER_TYPE_LIMIT,
        "instrument_uid": "u-sber",
        "initial_security_price": money(D("302.5"), "rub"),
        "initial_order_price": money(D(6050), "rub"),
        "executed_commission": money(D("3.03"), "rub"),
        "order_date": stamp(NOW_NS),
        "stages": [
            pb.OrderStage(
                price=money(D("302.4"), "rub"), quantity=2, trade_id="T1", execution_time=stamp(NOW_NS + 5)
            )
        ],
    }
    return pb.OrderState(**{**given_, **members})  # type: ignore[arg-type]


def told(row: pb.OrderState, aliases: dict[str, Alias] | None = None) -> Told:
    made = order_of(row, a_listing(), aliases or {})
    assert isinstance(made, Told), made
    return made


def test_an_order_with_its_trades_and_its_commission() -> None:
    made = told(an_order())
    assert made.order.client_id == "0000002a000001000000070000000001"
    assert (made.order.qty, made.order.cum_qty, made.order.state) == (20, 20, State.FILLED)
    assert (made.order.price, made.order.venue_ns) == (D("302.5"), NOW_NS + 5)
    (fill,) = made.fills
    assert (fill.exec_id, fill.qty, fill.price) == ("SBER:T1:b", 20, D("302.4"))
    (fee,) = made.cash
    assert (fee.cash_id, fee.kind, fee.amount) == ("fee:17", "fee", D("-3.03"))
    live = told(an_order(execution_report_status=pb.EXECUTION_REPORT_STATUS_NEW, lots_executed=1))
    assert (live.order.state, live.cash) == (State.OPEN, ())


@pytest.mark.parametrize(
    ("status", "executed", "state"),
    [
        (pb.EXECUTION_REPORT_STATUS_NEW, 0, State.OPEN),
        (pb.EXECUTION_REPORT_STATUS_PARTIALLYFILL, 1, State.OPEN),
        (pb.EXECUTION_REPORT_STATUS_CANCELLED, 1, State.CANCELLED),
        (pb.EXECUTION_REPORT_STATUS_CANCELLED, 2, State.FILLED),
        (pb.EXECUTION_REPORT_STATUS_REJECTED, 0, State.REJECTED),
        (pb.EXECUTION_REPORT_STATUS_REJECTED, 1, State.CANCELLED),
        (pb.EXECUTION_REPORT_STATUS_FILL, 2, State.FILLED),
        (pb.EXECUTION_REPORT_STATUS_UNSPECIFIED, 0, None),
    ],
)
def test_states(status: int, executed: int, state: State | None) -> None:
    assert account.state_of(status, 2, executed) is state


def test_prices_of_futures_and_bonds_are_read_in_whatever_they_are_told() -> None:
    """Points, or money: the order's value says which. A future at 112,340 points is 181,478.45556 roubles."""
    for price in (D(112_340), D(112_340) / 10 * D("16.154340")):
        value = D(112_340) / 10 * D("16.154340") * 2
        row = an_order(
            instrument_uid="u-ri",
            initial_security_price=money(price.quantize(D("1e-9")), "rub"),
            initial_order_price=money(value.quantize(D("1e-9")), "rub"),
            stages=[
                pb.OrderStage(
                    price=money(price.quantize(D("1e-9")), "rub"),
                    quantity=2,
                    trade_id="T",
                    execution_time=stamp(NOW_NS),
                )
            ],
        )
        made = told(row)
        assert (made.order.price, made.fills[0].price) == (112_340, 112_340)
    for price in (D("58.461"), D("584.61")):
        row = an_order(
            instrument_uid="u-bond",
            initial_security_price=money(price, "rub"),
            initial_order_price=money(D("1169.22"), "rub"),
            stages=[
                pb.OrderStage(
                    price=money(price, "rub"), quantity=2, trade_id="T", execution_time=stamp(NOW_NS)
                )
            ],
            executed_order_price=money(D("1236.52"), "rub"),
        )
        made = told(row)
        assert (made.order.price, made.fills[0].price) == (D("58.461"), D("58.461"))
        assert {one.cash_id: one.amount for one in made.cash}["aci:17"] == D("-67.30")


def test_accrued_interest_of_what_was_sold_is_received() -> None:
    row = an_order(
        instrument_uid="u-bond",
        direction=pb.ORDER_DIRECTION_SELL,
        initial_security_price=money(D(60), "rub"),
        initial_order_price=money(D(1200), "rub"),
        stages=[
            pb.OrderStage(price=money(D(60), "rub"), quantity=2, trade_id="T", execution_time=stamp(NOW_NS))
        ],
        executed_order_price=money(D(1200), "rub"),
        total_order_amount=money(D("1260") - D("3.03"), "rub"),
    )
    assert {one.cash_id: one.amount for one in told(row).cash}["aci:17"] == D(60)


@pytest.mark.parametrize(
    "members",
    [
        {"direction": 0},
        {"lots_requested": 0},
        {"execution_report_status": 0, "lots_executed": 0},
    ],
)
def test_an_order_that_makes_no_sense_is_unreadable(members: dict[str, object]) -> None:
    assert isinstance(order_of(an_order(**members), a_listing(), {}), Unreadable)


def test_a_trade_without_a_number_is_not_booked_and_said() -> None:
    stage = pb.OrderStage(price=money(D(1), "rub"), quantity=2, execution_time=stamp(NOW_NS))
    made = told(an_order(stages=[stage]))
    assert made.fills == ()
    assert "order 17: trade ''" in made.odd


def test_what_was_a_stop_order_is_told_under_its_number() -> None:
    made = told(an_order(), {"17": Alias("S1", "mine", "take_limit")})
    assert (made.order.client_id, made.order.venue_id, made.order.kind) == ("mine", "stop:S1", "take_limit")
    assert (made.fills[0].client_id, made.fills[0].venue_id) == ("mine", "stop:S1")


def test_the_streams_trades_count_in_pieces() -> None:
    row = pb.OrderStateStreamResponse.OrderState(
        order_id="17",
        order_request_id="0000002a-0000-0100-0000-070000000001",
        execution_report_status=pb.EXECUTION_REPORT_STATUS_PARTIALLYFILL,
        lots_requested=2,
        lots_executed=1,
        direction=pb.ORDER_DIRECTION_BUY,
        order_type=pb.ORDER_TYPE_LIMIT,
        instrument_uid="u-sber",
        order_price=money(D("302.5"), "rub"),
        created_at=stamp(NOW_NS),
        trades=[pb.OrderTrade(date_time=stamp(NOW_NS), price=quotation(D(302)), quantity=10, trade_id="T")],
    )
    made = account.news_of(row, a_listing(), {})
    assert isinstance(made, Told)
    assert (made.fills[0].qty, made.order.cum_qty) == (10, 10)
    row.trades[0].quantity = 100
    odd = account.news_of(row, a_listing(), {})
    assert isinstance(odd, Told)
    assert odd.fills == ()
    assert "more than was executed" in odd.odd


def test_the_cause_says_whether_an_order_has_expired() -> None:
    said = pb.OrderStateStreamResponse
    for cause, tif, state in (
        (said.CAUSE_CANCELLED_BY_EXCHANGE, pb.TIME_IN_FORCE_DAY, State.EXPIRED),
        (said.CAUSE_CANCELLED_BY_CLIENT, pb.TIME_IN_FORCE_DAY, State.CANCELLED),
        (said.CAUSE_CANCELLED_BY_CLIENT, pb.TIME_IN_FORCE_FILL_AND_KILL, State.CANCELLED),
        (said.CAUSE_UNSPECIFIED, pb.TIME_IN_FORCE_FILL_AND_KILL, State.EXPIRED),
    ):
        row = said.OrderState(
            order_id="1",
            execution_report_status=pb.EXECUTION_REPORT_STATUS_CANCELLED,
            lots_requested=2,
            direction=pb.ORDER_DIRECTION_SELL,
            status_info=cause,
            time_in_force=tif,
            instrument_uid="u-sber",
            created_at=stamp(NOW_NS),
        )
        made = account.news_of(row, a_listing(), {})
        assert isinstance(made, Told)
        assert made.order.state is state


# ── stop orders and positions ───────────────────────────────────────────────────────────────────


def test_stop_orders_of_bonds_are_told_in_money_and_of_futures_in_points() -> None:
    for uid, price, traded in (("u-bond", D("526.15"), D("52.615")), ("u-ri", D(90_000), D(90_000))):
        row = stops.StopOrder(
            stop_order_id="S1",
            lots_requested=2,
            direction=stops.STOP_ORDER_DIRECTION_BUY,
            order_type=stops.STOP_ORDER_TYPE_TAKE_PROFIT,
            exchange_order_type=stops.EXCHANGE_ORDER_TYPE_LIMIT,
            status=stops.STOP_ORDER_STATUS_ACTIVE,
            price=money(price, "rub"),
            stop_price=money(price, "rub"),
            instrument_uid=uid,
            create_date=stamp(NOW_NS),
        )
        made = account.stop_of(row, a_listing())
        assert isinstance(made, account.Stop)
        assert (made.kind, made.price, made.trigger, made.is_waiting) == ("take_limit", traded, traded, True)
        assert account.report_of(made, "").state is State.OPEN


def test_positions_and_balances_add_what_is_blocked() -> None:
    said = ops.PositionsResponse(
        money=[money(D(100), "rub"), money(D(5), "usd")],
        blocked=[money(D("20.5"), "rub")],
        securities=[ops.PositionsSecurities(instrument_uid="u-sber", balance=30, blocked=10)],
        futures=[ops.PositionsFutures(instrument_uid="u-ri", balance=-3)],
    )
    listing = a_listing()
    assert {p.symbol: p.qty for p in account.positions_of(said, listing)} == {"SBER": 40, "RIZ6": -3}
    assert [(b.asset, b.total, b.free) for b in account.balances_of(said)] == [
        ("RUB", D("120.5"), D(100)),
        ("USD", D(5), D(5)),
    ]
    nothing = account.positions_of(ops.PositionsResponse(), listing)
    assert {p.symbol: p.qty for p in nothing} == {"SBER": 0}


# ── markets ─────────────────────────────────────────────────────────────────────────────────────


def a_book(*rows: tuple[str, int, str, int]) -> md.OrderBook:
    bids = [md.Order(price=quotation(D(bid)), quantity=qty) for bid, qty, _, _ in rows]
    asks = [md.Order(price=quotation(D(ask)), quantity=qty) for _, _, ask, qty in rows]
    return md.OrderBook(bids=bids, asks=asks)


def test_books_count_in_lots_and_impossible_ones_are_refused() -> None:
    share: Instrument = a_listing().all["SBER"]
    made = public.book_of(a_book(("300", 5, "301", 6), ("299", 1, "302", 2)), share, "m", 7)
    assert not isinstance(made, Unreadable)
    assert (made.bids[0].qty, made.asks[1].qty, made.venue_ns) == (50, 20, 7)
    for rows, why in (
        ([("301", 1, "301", 1)], "crossed"),
        ([("299", 1, "301", 1), ("300", 1, "302", 1)], "out of order"),
        ([("300", 0, "301", 0)], "out of range"),
    ):
        bad = public.book_of(a_book(*rows), share, "m", 7)  # type: ignore[arg-type]
        assert isinstance(bad, Unreadable)
        assert why in bad.why


def test_trades_without_numbers_are_counted() -> None:
    row = md.Trade(direction=md.TRADE_DIRECTION_BUY, price=quotation(D(300)), quantity=1, time=stamp(NOW_NS))
    counting = public.Counting()
    live = [counting.named(row, D(10)) for _ in range(3)]
    past = public.trades_told(md.GetLastTradesResponse(trades=[row, row, row]), D(10))
    assert live == past
    assert len({trade.trade_id for trade in past}) == 3


def test_bars_lie_on_the_grid_of_utc_and_running_ones_are_left_out() -> None:
    day_ns = 86_400 * SECOND_NS
    row = md.HistoricCandle(
        open=quotation(D(1)),
        high=quotation(D(3)),
        low=quotation(D(1)),
        close=quotation(D(2)),
        volume=7,
        time=stamp(1_795_392_000 * SECOND_NS + 7 * 3_600 * SECOND_NS),
        is_complete=True,
    )
    (bar,) = public.bars_told([row], day_ns, D(10))
    assert (bar.start_ns, bar.volume, bar.close) == (1_795_392_000 * SECOND_NS, 70, 2)
    row.is_complete = False
    assert public.bars_told([row], day_ns, D(10)) == ()


def test_a_row_of_the_lists_keeps_where_it_trades() -> None:
    (row,) = instruments.read_shares(ins.SharesResponse(instruments=[a_share(weekend_flag=True)]))
    assert isinstance(row, Listed)
    assert (row.section, row.weekend, row.board) == ("moex_plus", True, "TQBR")
