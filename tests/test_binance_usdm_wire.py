"""Binance USDⓈ-M's words, read and written as its documents have them."""

from __future__ import annotations

import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kedge.model.events import BookUpdate
from kedge.model.order import State
from kedge.model.venue import Answer, Balance, Cash, Fill, Level, OrderReport, PlaceOrder, Trade
from kedge.venues.binance.errors import Failure, failure_of
from kedge.venues.binance.sign import query_of, signed_params, signed_query, signer_of
from kedge.venues.binance.usdm import asks, feeds, mends, pushes, rules, wire
from kedge.venues.binance.usdm.asking import frame_of
from kedge.venues.books import Change
from kedge.venues.venue import Setup

EXAMPLES = json.loads((Path(__file__).parent / "data/binance/usdm/examples.json").read_text())
ID = "00000001" + "000002" + "00000003" + "0000000004"
MS = 1_000_000


def example(name: str, at: int = 0) -> bytes:
    return msgspec.json.encode(EXAMPLES[name][at])


# ── every example of the documents ──────────────────────────────────────────────────────────────

REPLIES: list[tuple[str, Any]] = [
    *[
        (name, wire.Order)
        for name in ("new_order", "modify_order", "cancel_order", "query_order", "open_order")
    ],
    *[(name, list[wire.Order]) for name in ("open_orders", "all_orders")],
    *[(name, list[wire.Algo]) for name in ("open_algos", "all_algos")],
    ("new_algo", wire.Algo),
    ("query_algo", wire.Algo),
    ("cancel_algo", wire.AlgoDone),
    ("user_trades", list[wire.Trade]),
    ("positions", list[wire.Position]),
    ("balances", list[wire.Wallet]),
    ("income", list[wire.Income]),
    ("position_mode", wire.PositionMode),
    ("listen_key", wire.ListenKey),
    ("exchange_info", feeds.ExchangeInfo),
    ("klines", list[feeds.KlineRow]),
    ("depth", feeds.Snapshot),
]


@pytest.mark.parametrize(("name", "kind"), REPLIES, ids=[name for name, _ in REPLIES])
def test_replies_of_the_documents_are_read(name: str, kind: Any) -> None:
    for at in range(len(EXAMPLES[name])):
        assert not isinstance(wire.read(example(name, at), kind), wire.Unreadable)


WS_REPLIES: list[tuple[str, Any]] = [
    *[
        (name, wire.Order)
        for name in ("ws_order_place", "ws_order_modify", "ws_order_cancel", "ws_order_status")
    ],
    ("ws_algo_place", wire.Algo),
    ("ws_algo_cancel", wire.AlgoDone),
]


@pytest.mark.parametrize(("name", "kind"), WS_REPLIES, ids=[name for name, _ in WS_REPLIES])
def test_ws_replies_of_the_documents_are_read(name: str, kind: Any) -> None:
    reply = wire.read(example(name, 1), wire.WsReply)
    assert isinstance(reply, wire.WsReply)
    assert reply.status == 200
    assert not isinstance(wire.read(reply.result, kind), wire.Unreadable)


def test_ws_refusals_of_the_documents_are_read() -> None:
    replies = [wire.read(example("ws_general", at), wire.WsReply) for at in (2, 3)]
    refused, revoked = replies
    assert isinstance(refused, wire.WsReply)
    assert refused.error == wire.Refusal(
        -1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."
    )
    assert isinstance(revoked, wire.WsReply)
    assert (revoked.id, revoked.status) == (None, 401)


PUSHES = [
    ("push_order", pushes.OrderEvent),
    ("push_trade_lite", pushes.TradeLite),
    ("push_algo", pushes.AlgoEvent),
    ("push_account", pushes.AccountEvent),
    ("push_config", pushes.ConfigEvent),
    ("push_margin_call", pushes.MarginCall),
    ("push_trigger_reject", pushes.TriggerReject),
    ("push_key_expired", pushes.KeyExpired),
    ("push_grid", pushes.Foreign),
    ("push_strategy", pushes.Foreign),
]


@pytest.mark.parametrize(("name", "kind"), PUSHES, ids=[name for name, _ in PUSHES])
def test_pushes_of_the_documents_are_read_bare_and_wrapped(name: str, kind: type) -> None:
    for payload in EXAMPLES[name]:
        assert isinstance(pushes.read_push(msgspec.json.encode(payload)), kind)
        wrapped = {"stream": "listenKey", "data": payload}
        assert isinstance(pushes.read_push(msgspec.json.encode(wrapped)), kind)


STREAMS = [
    ("stream_depth", feeds.Depth),
    ("stream_touch", feeds.Touch),
    ("stream_agg_trade", feeds.AggTrade),
    ("stream_mark", feeds.Mark),
    ("stream_kline", feeds.Kline),
    ("stream_contract", feeds.Contract),
]


@pytest.mark.parametrize(("name", "kind"), STREAMS, ids=[name for name, _ in STREAMS])
def test_streams_of_the_documents_are_read_bare_and_wrapped(name: str, kind: type) -> None:
    assert isinstance(feeds.read_told(example(name)), kind)
    wrapped = {"stream": "a@b", "data": EXAMPLES[name][0]}
    assert isinstance(feeds.read_told(msgspec.json.encode(wrapped)), kind)


def test_subscriptions_of_the_documents() -> None:
    asked, answered = EXAMPLES["subscriptions"][:2]
    assert msgspec.json.decode(asks.subscribe(1, asked["params"])) == asked
    assert feeds.read_told(msgspec.json.encode(answered)) == feeds.Said(1)
    off = EXAMPLES["subscriptions"][2]
    assert msgspec.json.decode(asks.subscribe(312, off["params"], on=False)) == off
    assert feeds.read_told(example("subscriptions", 5)) == feeds.Said(3, listed=("btcusdt@aggTrade",))
    refused = {"code": 2, "msg": "Invalid request: too many parameters", "id": 4}
    assert feeds.read_told(msgspec.json.encode(refused)) == feeds.Said(4, refused["msg"])
    nested = feeds.read_told(b'{"error":{"code":2,"msg":"no"},"id":5}')
    assert isinstance(nested, feeds.Said)
    assert '"no"' in nested.why


# ── signatures ──────────────────────────────────────────────────────────────────────────────────

SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"


def test_the_vector_of_the_documents() -> None:
    signer = signer_of(SECRET)
    assert not isinstance(signer, str)
    params = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "1",
        "price": "9000",
        "timeInForce": "GTC",
        "recvWindow": 5000,
        "timestamp": 1591702613943,
    }
    signature = "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"
    assert signed_query(params, signer) == f"{query_of(params)}&signature={signature}"


def test_ws_requests_are_signed_in_the_order_of_names() -> None:
    signer = signer_of(SECRET)
    assert not isinstance(signer, str)
    params = {**asks.cancel("BTCUSDT", ID).params, "timestamp": 5, "apiKey": "k", "recvWindow": 1000}
    payload = f"apiKey=k&origClientOrderId={ID}&recvWindow=1000&symbol=BTCUSDT&timestamp=5"
    signature = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    signed = signed_params(params, signer)
    assert signed["signature"] == signature
    frame = msgspec.json.decode(frame_of(7, "order.cancel", dict(signed)))
    assert (frame["id"], frame["method"], frame["params"]["timestamp"]) == (7, "order.cancel", 5)


# ── what we say ─────────────────────────────────────────────────────────────────────────────────


def order(**members: Any) -> PlaceOrder:
    made = {
        "client_id": ID,
        "symbol": "BTCUSDT",
        "side": "buy",
        "qty": Decimal("0.010"),
        "price": Decimal(9000),
    }
    return PlaceOrder(**(made | members))


def test_a_limit_order() -> None:
    ask = asks.place(order(tif="post_only", reduce_only=True))
    assert isinstance(ask, asks.Ask)
    assert (ask.method, ask.path, ask.ws) == ("POST", "/fapi/v1/order", "order.place")
    assert ask.params == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTX",
        "quantity": "0.01",
        "price": "9000",
        "newClientOrderId": ID,
        "reduceOnly": "true",
    }


@pytest.mark.parametrize(("tif", "says"), [("gtc", "GTC"), ("ioc", "IOC"), ("fok", "FOK")])
def test_what_ends_at_once_answers_with_its_end(tif: Any, says: str) -> None:
    ask = asks.place(order(tif=tif))
    assert isinstance(ask, asks.Ask)
    assert ask.params["timeInForce"] == says
    assert ("newOrderRespType" in ask.params) == (tif != "gtc")


def test_a_market_order_has_neither_price_nor_time_in_force() -> None:
    ask = asks.place(order(kind="market", price=Decimal(0), side="sell"))
    assert isinstance(ask, asks.Ask)
    assert "price" not in ask.params
    assert "timeInForce" not in ask.params
    assert (ask.params["type"], ask.params["side"]) == ("MARKET", "SELL")


def test_stops_go_by_the_algo_endpoints_under_our_own_id() -> None:
    ask = asks.place(order(kind="stop", price=Decimal(0), trigger_price=Decimal(8000), trigger_by="mark"))
    assert isinstance(ask, asks.Ask)
    assert (ask.path, ask.ws) == ("/fapi/v1/algoOrder", "algoOrder.place")
    assert ask.params == {
        "algoType": "CONDITIONAL",
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "STOP_MARKET",
        "quantity": "0.01",
        "triggerPrice": "8000",
        "workingType": "MARK_PRICE",
        "clientAlgoId": ID,
    }
    limited = asks.place(order(kind="stop_limit", trigger_price=Decimal(8000), tif="post_only"))
    assert isinstance(limited, asks.Ask)
    assert limited.params["workingType"] == "CONTRACT_PRICE"
    assert (limited.params["type"], limited.params["price"]) == ("STOP", "9000")
    assert limited.params["timeInForce"] == "GTX"
    assert asks.place(order(kind="stop", trigger_by="index")) == asks.NO_INDEX


def test_takes_are_the_venues_take_profits() -> None:
    take = asks.place(order(kind="take", price=Decimal(0), trigger_price=Decimal(8000)))
    limited = asks.place(order(kind="take_limit", trigger_price=Decimal(8000)))
    assert isinstance(take, asks.Ask)
    assert isinstance(limited, asks.Ask)
    assert (take.params["type"], take.params.get("price")) == ("TAKE_PROFIT_MARKET", None)
    assert (limited.params["type"], limited.params["price"]) == ("TAKE_PROFIT", "9000")


def test_an_amend_says_the_side_and_the_whole_quantity_again() -> None:
    ask = asks.modify(ID, "BTCUSDT", "sell", Decimal("9001.50"), Decimal("1.000"))
    assert (ask.method, ask.ws) == ("PUT", "order.modify")
    assert ask.params == {
        "symbol": "BTCUSDT",
        "origClientOrderId": ID,
        "side": "SELL",
        "quantity": "1",
        "price": "9001.5",
    }


def test_a_batch_is_one_request_with_the_orders_as_text() -> None:
    ask = asks.place_batch([order(), order(client_id="0" * 32, kind="market")])
    rows = json.loads(str(ask.params["batchOrders"]))
    assert [row["newClientOrderId"] for row in rows] == [ID, "0" * 32]
    assert query_of(ask.params).startswith("batchOrders=%5B%7B%22symbol%22")


def test_all_is_two_requests() -> None:
    assert [ask.path for ask in asks.cancel_all("BTCUSDT")] == [
        "/fapi/v1/allOpenOrders",
        "/fapi/v1/algoOpenOrders",
    ]


def test_questions_weigh_what_the_documents_say() -> None:
    weighed = {
        asks.open_orders().cost[0][1]: 40,
        asks.open_algos("BTCUSDT").cost[0][1]: 1,
        asks.depth("BTCUSDT", 1000).cost[0][1]: 20,
        asks.depth("BTCUSDT", 50).cost[0][1]: 2,
        asks.klines("BTCUSDT", "1m", 0, 1, 1500).cost[0][1]: 10,
        asks.income(0, 1, 1).cost[0][1]: 30,
    }
    assert all(said == wanted for said, wanted in weighed.items())


# ── orders and fills ────────────────────────────────────────────────────────────────────────────


def read_order(**members: Any) -> wire.Order:
    read = wire.read(msgspec.json.encode(EXAMPLES["query_order"][0] | members), wire.Order)
    assert isinstance(read, wire.Order)
    return read


def test_an_order_in_our_words() -> None:
    said = read_order(
        clientOrderId=ID,
        origType="LIMIT",
        type="LIMIT",
        price="9300.10",
        executedQty="0.10",
        status="PARTIALLY_FILLED",
    )
    assert wire.order_report(said) == OrderReport(
        client_id=ID,
        venue_id="1917641",
        symbol="BTCUSDT",
        side="buy",
        qty=Decimal("0.40"),
        price=Decimal("9300.10"),
        cum_qty=Decimal("0.10"),
        state=State.OPEN,
        venue_ns=1579276756075 * MS,
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("NEW", State.OPEN),
        ("FILLED", State.FILLED),
        ("CANCELED", State.CANCELLED),
        ("REJECTED", State.REJECTED),
        ("EXPIRED", State.EXPIRED),
        ("EXPIRED_IN_MATCH", State.EXPIRED),
    ],
)
def test_statuses(status: str, state: State) -> None:
    report = wire.order_report(read_order(status=status))
    assert isinstance(report, OrderReport)
    assert report.state is state


def test_a_status_that_is_not_known_is_not_guessed() -> None:
    assert isinstance(wire.order_report(read_order(status="SLEEPING")), wire.Unreadable)


def pushed(**members: Any) -> pushes.OrderPush:
    event = EXAMPLES["push_order"][0]
    event = event | {"o": event["o"] | members}
    said = pushes.read_push(msgspec.json.encode(event))
    assert isinstance(said, pushes.OrderEvent)
    return said.order


def test_a_fill_of_the_stream_carries_its_fee() -> None:
    o = pushed(
        c=ID, x="TRADE", X="PARTIALLY_FILLED", l="0.4", L="100.5", t=77, n="0.02", N="BNB", m=True, S="BUY"
    )
    assert pushes.push_fill(o, ID) == Fill(
        exec_id="BTCUSDT-77-b",
        client_id=ID,
        venue_id="8886774",
        symbol="BTCUSDT",
        side="buy",
        qty=Decimal("0.4"),
        price=Decimal("100.5"),
        fee=Decimal("0.02"),
        fee_asset="BNB",
        venue_ns=1568879465650 * MS,
        maker=True,
    )


def test_no_fill_is_made_of_nothing() -> None:
    assert pushes.push_fill(pushed(), ID) is None
    assert pushes.push_fill(pushed(x="TRADE", l="1", L="5", t=0), ID) is None
    assert pushes.push_fill(pushed(x="TRADE", l="1", L="0", t=4), ID) is None


def test_a_fill_without_commission_has_none() -> None:
    o = pushed(x="TRADE", l="1", L="5", t=4, n=None, N=None)
    fill = pushes.push_fill(o, ID)
    assert fill is not None
    assert (fill.fee, fill.fee_asset) == (Decimal(0), "")


@pytest.mark.parametrize(
    ("client_id", "execution", "kind"),
    [
        ("autoclose-1700000000000", "TRADE", "liquidation"),
        ("whatever", "CALCULATED", "liquidation"),
        ("adl_autoclose", "TRADE", "adl"),
        ("settlement_autoclose-17", "TRADE", "delivery"),
        (ID, "TRADE", "trade"),
    ],
)
def test_orders_of_the_venues_own_making(client_id: str, execution: str, kind: str) -> None:
    assert wire.fill_kind(client_id, execution) == kind


def test_the_stream_and_the_trade_list_name_a_fill_alike() -> None:
    trades = wire.read(example("user_trades"), list[wire.Trade])
    assert isinstance(trades, list)
    fill = wire.trade_fill(trades[0], ID, "trade")
    told = pushes.push_fill(pushed(x="TRADE", l="0.002", L="7819.01", t=698759, S="SELL"), ID)
    assert told is not None
    assert fill.exec_id == told.exec_id == "BTCUSDT-698759-s"
    assert (fill.fee, fill.fee_asset, fill.qty) == (Decimal("0.07819010"), "USDT", Decimal("0.002"))


def test_money_that_moved_without_a_fill() -> None:
    rows = wire.read(example("income"), list[wire.Income])
    assert isinstance(rows, list)
    transfer, commission = map(wire.cash_of, rows)
    assert commission is None
    assert transfer == Cash(
        "TRANSFER-9689322392-USDT-", "transfer", "USDT", Decimal("-0.375"), 1570608000000 * MS, ""
    )


def test_positions_and_balances() -> None:
    rows = wire.read(example("positions", 1), list[wire.Position])
    assert isinstance(rows, list)
    assert [wire.position_of(row).qty for row in rows] == [Decimal(30), Decimal(-1)]
    wallets = wire.read(example("balances"), list[wire.Wallet])
    assert isinstance(wallets, list)
    assert wire.balance_of(wallets[0]) == Balance("USDT", Decimal("122607.35137903"), Decimal("23.72469206"))


def test_a_stop_that_waits_and_one_that_has_triggered() -> None:
    algo = EXAMPLES["query_algo"][0] | {"algoStatus": "NEW", "clientAlgoId": ID}
    waits = wire.read(msgspec.json.encode(algo), wire.Algo)
    assert isinstance(waits, wire.Algo)
    report = wire.algo_report(waits)
    assert report is not None
    assert (report.client_id, report.state, report.kind) == (ID, State.OPEN, "take_limit")
    assert (report.venue_id, report.price) == ("algo-2146760", Decimal(750))
    for number in (88937381063, "88937381063"):
        gone = wire.read(msgspec.json.encode(algo | {"actualOrderId": number}), wire.Algo)
        assert isinstance(gone, wire.Algo)
        assert wire.number_of(gone.actual_order_id) == 88937381063
        assert wire.algo_report(gone) is None


# ── markets ─────────────────────────────────────────────────────────────────────────────────────


def test_an_instrument_takes_the_narrower_of_its_bounds() -> None:
    info = wire.read(example("exchange_info"), feeds.ExchangeInfo)
    assert isinstance(info, feeds.ExchangeInfo)
    (one,) = feeds.instruments_of(info)
    assert (one.symbol, one.base, one.quote, one.settle) == ("BLZUSDT", "BLZ", "USDT", "USDT")
    assert (one.tick, one.qty_step, one.min_qty) == (Decimal("0.0001"), Decimal(1), Decimal(1))
    assert (one.max_qty, one.min_notional) == (Decimal(590119), Decimal("5.0"))
    assert (one.expires_ns, one.status, one.kind) == (0, "trading", "linear")


def test_a_dated_contract_ends_and_an_odd_one_hides_no_other() -> None:
    symbol = EXAMPLES["exchange_info"][0]["symbols"][0]
    dated = symbol | {"symbol": "BTCUSDT_261225", "deliveryDate": 1798185600000, "status": "SETTLING"}
    stepless = symbol | {"symbol": "ODD", "filters": symbol["filters"][1:]}
    info = wire.read(msgspec.json.encode({"symbols": [{"symbol": 5}, stepless, dated]}), feeds.ExchangeInfo)
    assert isinstance(info, feeds.ExchangeInfo)
    (one,) = feeds.instruments_of(info)
    assert (one.symbol, one.expires_ns, one.status) == ("BTCUSDT_261225", 1798185600000 * MS, "halted")


def change(first: int, last: int, prev: int) -> Change:
    return Change([], [], last, first, prev)


@pytest.mark.parametrize(
    ("seq", "said", "fresh", "wanted"),
    [
        (100, change(90, 99, 89), True, "skip"),  # before the snapshot
        (100, change(95, 105, 94), True, "apply"),  # spans it
        (100, change(100, 100, 99), True, "apply"),
        (100, change(103, 105, 102), True, "gap"),  # the snapshot is too old
        (100, change(101, 105, 100), True, "apply"),  # follows it to the number
        (100, change(101, 105, 100), False, "apply"),
        (100, change(101, 105, 99), False, "gap"),  # U follows, pu does not: a change was lost
        (100, change(95, 100, 94), False, "skip"),  # a repetition
        (100, change(95, 105, 94), False, "gap"),
    ],
)
def test_the_rule_of_the_book(seq: int, said: Change, fresh: bool, wanted: str) -> None:
    assert feeds.follows(seq, said, fresh) == wanted


def update(*prices: str) -> BookUpdate:
    bids = tuple(Level(Decimal(p), Decimal(1)) for p in prices[: len(prices) // 2])
    asks_ = tuple(Level(Decimal(p), Decimal(1)) for p in prices[len(prices) // 2 :])
    return BookUpdate("a:BTCUSDT", bids, asks_, 1)


def touch(seq: int, bid: str, ask: str) -> feeds.Touch:
    return feeds.Touch("BTCUSDT", 5, seq, bid, "7", ask, "8")


def test_the_touch_runs_ahead_of_the_book() -> None:
    touches = feeds.Touches()
    assert not touches.heard(touch(101, "10", "11"))  # no book yet
    touches.over("BTCUSDT", update("10", "9", "12", "13"))
    touches.book_at("BTCUSDT", 100)
    assert touches.heard(touch(101, "11", "12.5"))
    laid = touches.over("BTCUSDT")
    assert laid is not None
    assert [level.price for level in laid.bids] == [Decimal(11), Decimal(10)]
    assert [level.price for level in laid.asks] == [Decimal("12.5"), Decimal(13)]
    assert laid.bids[0].qty == 7
    assert not touches.heard(touch(101, "11", "12"))  # a repetition
    assert not touches.heard(touch(105, "12", "12"))  # crossed
    touches.book_at("BTCUSDT", 101)
    assert touches.over("BTCUSDT", update("10", "9", "12", "13")) == update("10", "9", "12", "13")
    touches.forget("BTCUSDT")
    assert touches.over("BTCUSDT") is None


def test_marks_trades_and_bars() -> None:
    told = feeds.read_told(example("stream_mark"))
    assert isinstance(told, feeds.Mark)
    mark = feeds.mark_of(told, "a:BTCUSDT")
    assert mark is not None
    assert (mark.mark, mark.funding_rate) == (Decimal("11794.15000000"), Decimal("0.00038167"))
    dated = feeds.read_told(msgspec.json.encode(EXAMPLES["stream_mark"][0] | {"r": "", "T": 0}))
    assert isinstance(dated, feeds.Mark)
    zero = feeds.mark_of(dated, "a:BTCUSDT")
    assert zero is not None
    assert zero.funding_rate == 0
    aggregated = feeds.read_told(example("stream_agg_trade"))
    assert isinstance(aggregated, feeds.AggTrade)
    assert feeds.trade_of(aggregated) == Trade(
        "5933014", "sell", Decimal("0.001"), Decimal(100), 123456785 * MS
    )
    kline = feeds.read_told(example("stream_kline"))
    assert isinstance(kline, feeds.Kline)
    assert not kline.candle.closed
    assert feeds.bar_of(kline).volume == 1000
    rows = wire.read(example("klines"), list[feeds.KlineRow])
    assert isinstance(rows, list)
    assert feeds.bar_of_row(rows[0]).high == Decimal("0.80000000")


# ── refusals ────────────────────────────────────────────────────────────────────────────────────

UNKNOWN_503 = "Unknown error, please check your request or try again later."
CLASSES = [
    (503, 0, UNKNOWN_503, Answer.UNKNOWN),
    (503, -1000, UNKNOWN_503, Answer.UNKNOWN),
    (503, 0, "Service Unavailable.", Answer.REJECTED),
    (503, -1008, "Request throttled by system-level protection.", Answer.REJECTED),
    (408, -1007, "Timeout waiting for response from backend server.", Answer.UNKNOWN),
    (400, -1006, "An unexpected response was received from the message bus.", Answer.UNKNOWN),
    (400, -1007, "Timeout", Answer.UNKNOWN),
    (400, -1001, "Internal error", Answer.UNKNOWN),
    (500, 0, "", Answer.UNKNOWN),
    (502, 0, "", Answer.UNKNOWN),
    (200, 0, "", Answer.UNKNOWN),
    (429, -1003, "Too many requests", Answer.REJECTED),
    (418, -1003, "IP banned until 1700000100000", Answer.REJECTED),
    (400, -1021, "Timestamp for this request is outside of the recvWindow.", Answer.REJECTED),
    (400, -2019, "Margin is insufficient.", Answer.REJECTED),
    (400, -4116, "clientOrderId is duplicated", Answer.UNKNOWN),
    (400, -5022, "the Post Only order will be rejected.", Answer.REJECTED),
    (400, -5028, "Timestamp for this request is outside of the ME recvWindow.", Answer.REJECTED),
    (400, -2021, "Order would immediately trigger.", Answer.REJECTED),
    (400, -4164, "Order's notional must be no smaller than 5.0", Answer.REJECTED),
    (400, -2011, "Unknown order sent.", Answer.REJECTED),
    (400, -4120, "Order type not supported for this endpoint.", Answer.REJECTED),
]


@pytest.mark.parametrize(("status", "code", "text", "answer"), CLASSES)
def test_the_class_of_a_refusal(status: int, code: int, text: str, answer: Answer) -> None:
    body = msgspec.json.encode({"code": code, "msg": text}) if code or text else b"<html>"
    failure = failure_of(status, body, {}, 0)
    assert mends.class_of(failure) is answer


def test_refusals_say_how_to_mend_them() -> None:
    said = mends.sentence(Failure(400, -2019, "Margin is insufficient."))
    assert said.startswith("there is not enough margin")
    assert "-2019" in said
    assert "hedge mode" in mends.sentence(Failure(400, -4061, "Order's position side does not match"))
    assert "reduce-only" in mends.sentence(Failure(400, -2026, "ReduceOnly"))


# ── hosts ───────────────────────────────────────────────────────────────────────────────────────


def test_hosts() -> None:
    assert rules.hosts_of(Setup("a", live=True)).rest == "https://fapi.binance.com"
    assert rules.hosts_of(Setup("a")).rest == "https://demo-fapi.binance.com"
    sim = rules.hosts_of(Setup("a", url="http://127.0.0.1:8001/", live=True))
    assert sim == rules.Hosts(
        "http://127.0.0.1:8001", "ws://127.0.0.1:8001", "ws://127.0.0.1:8001/ws-fapi/v1"
    )
