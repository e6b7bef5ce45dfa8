"""The WebSockets of the Bybit testnet: heartbeats, topics, books, trades, bars, private news, order entry."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from sim_bybit_kit import SECOND_NS, Body, Socket, World

TICK_NS = 200_000_000
Side = dict[str, str]


# ── heartbeats, signing in ──────────────────────────────────────────────────────────────────────


def test_every_family_has_a_pong_of_its_own() -> None:
    client = World().client()
    linear = client.public().send(op="ping")
    assert linear == {
        "success": True,
        "ret_msg": "pong",
        "conn_id": linear["conn_id"],
        "req_id": "",
        "op": "ping",
    }
    spot = client.public(category="spot").send(op="ping", req_id="7")
    assert (spot["op"], spot["ret_msg"], spot["req_id"]) == ("ping", "pong", "7")
    private = client.private().send(op="ping", req_id="test")
    assert (private["op"], private["req_id"]) == ("pong", "test")
    assert private["args"] == [str(client.world.ms)]
    trade = client.trade().send(op="ping")
    assert (trade["retCode"], trade["op"], trade["data"]) == (0, "pong", [str(client.world.ms)])


def test_private_lines_are_signed_in_and_cut_when_idle() -> None:
    world = World()
    client = world.client()
    line = client.socket("/v5/private")
    assert line.send(op="subscribe", args=["order"])["success"] is False
    assert line.send(op="auth", args=client.auth_args(world.ms - 1))["success"] is False
    assert line.send(op="auth", args=["nobody", world.ms + 1000, "x"])["success"] is False
    assert line.send(op="auth", args=[1])["success"] is False
    assert line.send(op="auth", args=client.auth_args())["success"] is True
    quick = client.private(query="max_active_time=45s")
    world.advance(660 * SECOND_NS, 22)
    assert (line.wire.closed, quick.wire.closed) == (1000, 1000)


def test_a_line_that_pings_lives() -> None:
    world = World()
    line = world.client().private(query="max_active_time=1m")
    for _ in range(10):
        world.advance(30 * SECOND_NS)
        line.send(op="ping")
    assert line.wire.closed is None


def test_what_is_not_a_path() -> None:
    world = World()
    with pytest.raises(AssertionError, match="404"):
        world.client().socket("/v5/public/option2")


# ── subscriptions ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("category", "args"),
    [
        ("linear", ["orderbook.2.BTCUSDT"]),
        ("linear", ["orderbook.50.NOSUCH"]),
        ("linear", ["kline.2.BTCUSDT"]),
        ("linear", ["nothing"]),
        ("linear", []),
        ("linear", [1]),
        ("linear", "tickers.BTCUSDT"),
        ("spot", ["allLiquidation.BTCUSDT"]),
        (
            "spot",
            [
                f"kline.{i}.BTCUSDT"
                for i in ("1", "3", "5", "15", "30", "60", "120", "240", "360", "720", "D")
            ],
        ),
        ("inverse", ["tickers.BTCUSDT"]),
    ],
)
def test_topics_that_are_not_there(category: str, args: object) -> None:
    line = World().client().public(category=category)
    said = line.send(op="subscribe", args=args, req_id="r")
    assert (said["success"], said["op"], said["req_id"]) == (False, "subscribe", "r")
    assert said["ret_msg"]


def test_a_topic_is_subscribed_once_and_left() -> None:
    line = World().client().public("publicTrade.BTCUSDT")
    assert line.send(op="subscribe", args=["publicTrade.BTCUSDT"])["success"] is False
    assert line.send(op="unsubscribe", args=["publicTrade.BTCUSDT"])["success"] is True
    assert line.send(op="unsubscribe", args=["publicTrade.BTCUSDT"])["success"] is False
    assert line.send(op="nonsense")["success"] is False
    line.visitor.heard(b"{not json")
    assert line.wire.said[-1]["success"] is False


def test_the_private_forms_do_not_mix() -> None:
    line = World().client().private()
    assert line.send(op="subscribe", args=["order", "execution.linear"])["success"] is False
    assert (
        line.send(op="subscribe", args=["order", "execution", "wallet", "execution.fast"])["success"] is True
    )
    assert line.send(op="subscribe", args=["no.such"])["success"] is False


# ── books ───────────────────────────────────────────────────────────────────────────────────────


def applied(book: tuple[Side, Side], message: Body) -> None:
    """A client's book, by the documents' rules."""
    for side, rows in zip(book, (message["data"]["b"], message["data"]["a"]), strict=True):
        if message["type"] == "snapshot":
            side.clear()
        for price, qty in rows:
            if qty == "0":
                del side[price]
            else:
                side[price] = qty


@pytest.mark.parametrize("category", ["linear", "spot"])
@pytest.mark.parametrize("depth", [1, 50, 200, 1000])
def test_a_book_made_of_messages_is_the_book(category: str, depth: int) -> None:
    world = World(market="synthetic")
    client = world.client()
    topic = f"orderbook.{depth}.BTCUSDT"
    line = client.public(topic, category=category)
    book: tuple[Side, Side] = ({}, {})
    updates = []
    for _ in range(40):
        world.advance(TICK_NS)
    for message in line.wire.take(topic):
        applied(book, message)
        updates.append(message["data"]["u"])
        kind = message["type"]
        assert kind == "snapshot" if depth == 1 or len(updates) == 1 else kind == "delta"
    assert updates[0] == 1
    assert all(after == before + 1 for before, after in pairwise(updates))
    view = world.net.house.exchange.book(f"{category}:BTCUSDT", depth)
    assert {Decimal(p): Decimal(q) for p, q in book[0].items()} == {x.price: x.qty for x in view.bids}
    assert {Decimal(p): Decimal(q) for p, q in book[1].items()} == {x.price: x.qty for x in view.asks}


def test_the_time_stands_before_the_type_where_the_venue_writes_it_so() -> None:
    client = World().client()
    for topic, category, first in (
        ("orderbook.50.BTCUSDT", "linear", ["topic", "type", "ts"]),
        ("orderbook.1.BTCUSDT", "linear", ["topic", "ts", "type"]),
        ("orderbook.50.BTCUSDT", "spot", ["topic", "ts", "type"]),
    ):
        (message,) = client.public(topic, category=category).wire.take(topic)
        assert list(message)[:3] == first


def test_level_one_repeats_itself_after_three_idle_seconds() -> None:
    world = World()
    line = world.client().public("orderbook.1.BTCUSDT")
    world.advance(10 * SECOND_NS, 50)
    messages = line.wire.take("orderbook.1.BTCUSDT")
    assert [m["type"] for m in messages] == ["snapshot"] * 4
    assert {m["data"]["u"] for m in messages} == {1}


def book_moves(world: World, line: Socket, times: int = 3) -> list[Body]:
    for number in range(times):
        world.now_ns += TICK_NS
        world.price("linear:BTCUSDT", str(60_010 + number))
    return line.wire.take("orderbook.50.BTCUSDT")


def test_a_gap_a_snapshot_and_a_restart() -> None:
    world = World()
    line = world.client().public("orderbook.50.BTCUSDT")
    world.fault("book_gap", path="orderbook.50", skip=1)
    assert [m["data"]["u"] for m in book_moves(world, line)] == [1, 2, 4]
    world.fault("book_snapshot", path="orderbook.50")
    assert [m["type"] for m in book_moves(world, line, 2)] == ["snapshot", "delta"]
    world.fault("service_restart", value="public")
    restarted = book_moves(world, line, 2)
    assert [(m["type"], m["data"]["u"]) for m in restarted] == [("snapshot", 1), ("delta", 2)]


def test_the_rest_book_counts_with_the_deepest_stream() -> None:
    world = World()
    client = world.client()
    line = client.public("orderbook.1000.BTCUSDT")
    for number in range(3):
        world.now_ns += TICK_NS
        world.price("linear:BTCUSDT", str(60_010 + number))
    last = line.wire.take("orderbook.1000.BTCUSDT")[-1]
    assert client.ask("/v5/market/orderbook", category="linear", symbol="BTCUSDT")["u"] == last["data"]["u"]


# ── trades, tickers, bars ───────────────────────────────────────────────────────────────────────


def test_trades_are_told_once_and_looked_up() -> None:
    world = World()
    client = world.client()
    line = client.public("publicTrade.BTCUSDT")
    client.place(orderType="Market", price=None)
    world.tick()
    (row,) = line.rows("publicTrade.BTCUSDT")
    assert (row["S"], row["v"], row["p"], row["s"]) == ("Buy", "0.01", "60000.1", "BTCUSDT")
    world.tick()
    assert line.rows("publicTrade.BTCUSDT") == []
    kept = client.ask("/v5/market/recent-trade", category="linear", symbol="BTCUSDT")["list"]
    assert kept[0]["execId"] == row["i"]


def test_linear_tickers_are_told_in_differences_and_spot_ones_whole() -> None:
    world = World()
    client = world.client()
    linear, spot = client.public("tickers.BTCUSDT"), client.public("tickers.BTCUSDT", category="spot")
    first = linear.wire.take("tickers.BTCUSDT")[0]
    assert (first["type"], first["data"]["lastPrice"]) == ("snapshot", "60000.0")
    world.now_ns += SECOND_NS
    world.price("linear:BTCUSDT", "60100")
    world.price("spot:BTCUSDT", "60100")
    deltas = linear.wire.take("tickers.BTCUSDT")
    assert {m["type"] for m in deltas} == {"delta"}
    assert deltas[0]["data"]["markPrice"] == "60100"
    assert "fundingCap" not in deltas[0]["data"]
    assert {m["type"] for m in spot.wire.take("tickers.BTCUSDT")} == {"snapshot"}


def test_a_bar_is_confirmed_once() -> None:
    world = World()
    client = world.client()
    line = client.public("kline.1.BTCUSDT")
    client.place(orderType="Market", price=None)
    world.advance(200 * SECOND_NS, 100)
    rows = line.rows("kline.1.BTCUSDT")
    final = [row for row in rows if row["confirm"]]
    assert len({row["start"] for row in final}) == len(final) == 3
    assert all(row["end"] - row["start"] == 59_999 for row in rows)
    asked = client.ask("/v5/market/kline", category="linear", symbol="BTCUSDT", interval="1", limit=10)[
        "list"
    ]
    by_start = {int(row[0]): row for row in asked}
    for row in final:
        rest = by_start[row["start"]]
        assert rest[1:6] == [row[k] for k in ("open", "high", "low", "close", "volume")]


def test_a_liquidation_is_told_to_all_and_has_no_id_of_the_clients() -> None:
    world = World()
    client = world.client()
    public, private = client.public("allLiquidation.BTCUSDT"), client.private("execution", "order")
    client.do(
        "/v5/position/set-leverage",
        category="linear",
        symbol="BTCUSDT",
        buyLeverage="100",
        sellLeverage="100",
    )
    for _ in range(15):
        client.create(orderType="Market", price=None, qty="8")
        world.advance(SECOND_NS)
    size = client.position()["size"]
    for price in range(60_000, 40_000, -500):
        world.net.house.exchange.feed("linear:BTCUSDT", world.now_ns, mark=Decimal(price))
    world.advance(SECOND_NS)
    assert client.position()["size"] == "0", size
    busts = [row for row in private.rows("execution") if row["execType"] == "BustTrade"]
    assert busts
    assert {row["orderLinkId"] for row in busts} == {""}
    assert all(row["orderId"] for row in busts)
    (row, *_) = public.rows("allLiquidation.BTCUSDT")
    assert row["S"] == "Buy"


# ── private news ────────────────────────────────────────────────────────────────────────────────


def test_the_answer_comes_before_the_news_unless_the_weather_turns_it_round() -> None:
    world = World()
    client = world.client()
    line = client.private("order")
    client.place()
    assert line.wire.said == []
    world.tick()
    assert len(line.rows("order")) == 1
    world.fault("stream_first")
    client.place()
    assert len(line.rows("order")) == 1


def test_what_one_fill_tells() -> None:
    world = World()
    client = world.client()
    line = client.private(
        "order.linear", "execution.linear", "execution.fast.linear", "position.linear", "wallet"
    )
    client.place(orderLinkId="mine", price="60000.0")
    world.price("linear:BTCUSDT", "59999")
    messages = line.wire.take()
    topics = {message["topic"] for message in messages}
    assert topics == {
        "order.linear",
        "execution.linear",
        "execution.fast.linear",
        "position.linear",
        "wallet",
    }
    by = {m["topic"]: m["data"] for m in messages}
    assert (by["execution.linear"][0]["isMaker"], by["execution.linear"][0]["orderLinkId"]) == (True, "mine")
    assert by["execution.fast.linear"][0]["orderLinkId"] == ""
    assert by["execution.fast.linear"][0]["execId"] == by["execution.linear"][0]["execId"]
    assert by["position.linear"][-1]["size"] == "0.01"
    assert by["wallet"][0]["accountType"] == "UNIFIED"
    spot = client.private("order.spot")
    client.place()
    world.tick()
    assert spot.wire.said == []


def test_two_lines_hear_the_same_and_another_account_nothing() -> None:
    world = World()
    client, other = world.client(), world.key("hedge", "hedge")
    one, two, three = client.private("order"), client.private("order"), other.private("order")
    client.place()
    world.tick()
    assert len(one.rows("order")) == len(two.rows("order")) == 1
    assert three.wire.said == []


def test_funding_is_an_execution_and_a_settlement() -> None:
    world = World()
    client = world.client()
    line = client.private("execution")
    client.place(orderType="Market", price=None, qty="0.5")
    exchange = world.net.house.exchange
    exchange.set_funding("linear:BTCUSDT", Decimal("0.0002"), world.now_ns)
    exchange.fund_now("linear:BTCUSDT", world.now_ns)
    world.tick()
    (row,) = [row for row in line.rows("execution") if row["execType"] == "Funding"]
    assert (row["side"], row["execQty"], row["execFee"]) == ("Buy", "0.5", "6")
    (kept,) = client.ask("/v5/account/transaction-log", type="SETTLEMENT")["list"]
    assert (kept["funding"], kept["change"], kept["feeRate"]) == ("-6", "-6", "0.0002")
    assert (
        client.ask("/v5/execution/list", category="linear", execType="Funding")["list"][0]["execId"]
        == row["execId"]
    )


def test_the_dead_man_switch() -> None:
    world = World()
    client = world.client()
    client.do("/v5/order/disconnected-cancel-all", product="DERIVATIVES", timeWindow=5)
    first, second = client.private("dcp.future"), client.private("dcp.future")
    order, spot = client.place(), client.place("spot")
    first.visitor.gone()
    world.advance(10 * SECOND_NS, 10)
    assert client.order(order)["orderStatus"] == "New"
    second.visitor.gone()
    world.advance(4 * SECOND_NS, 4)
    third = client.private("dcp.future")
    world.advance(10 * SECOND_NS, 10)
    assert client.order(order)["orderStatus"] == "New"
    third.visitor.gone()
    world.advance(7 * SECOND_NS, 7)
    row = client.order(order)
    assert (row["orderStatus"], row["cancelType"]) == ("Cancelled", "CancelByDCP")
    assert client.order(spot, "spot")["orderStatus"] == "New"
    assert client.ask("/v5/account/query-dcp-info")["dcpInfos"][0]["timeWindow"] == "5"


# ── order entry ─────────────────────────────────────────────────────────────────────────────────

ORDER = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "0.01",
    "price": "59000",
}


def entered(world: World, line: Socket, op: str = "order.create", **frame: object) -> Body:
    header = {"X-BAPI-TIMESTAMP": str(world.ms)}
    return line.send(**{"op": op, "header": header, "args": [ORDER], **frame})


def test_orders_are_entered_by_socket() -> None:
    world = World()
    client = world.client()
    line = client.trade()
    said = entered(world, line, reqId="one", args=[ORDER | {"orderLinkId": "ws"}])
    assert (said["retCode"], said["reqId"], said["op"]) == (0, "one", "order.create")
    assert said["header"]["X-Bapi-Limit-Status"] == "9"
    order = said["data"]["orderId"]
    assert client.order(order)["orderLinkId"] == "ws"
    which = {"category": "linear", "symbol": "BTCUSDT", "orderId": order}
    assert entered(world, line, "order.amend", args=[which | {"price": "58000"}])["retCode"] == 0
    assert entered(world, line, "order.cancel", args=[which])["retCode"] == 0
    assert entered(world, line, "order.cancel", args=[which])["retCode"] == 110010
    batch = {"category": "linear", "request": [ORDER, ORDER | {"qty": "0.0001"}]}
    said = entered(world, line, "order.create-batch", args=[batch])
    assert [verdict["code"] for verdict in said["retExtInfo"]["list"]] == [0, 10001]


def test_frames_that_are_refused() -> None:
    world = World()
    client = world.client()
    line = client.trade()
    assert line.send(op="auth", args=client.auth_args())["retCode"] == 20001
    assert entered(world, line, reqId="r")["retCode"] == 0
    assert entered(world, line, reqId="r")["retCode"] == 20006
    assert entered(world, line, reqId="r" * 37)["retCode"] == 10001
    assert entered(world, line, "order.nothing")["retCode"] == 10404
    assert entered(world, line, args=[ORDER | {"category": "option"}])["retCode"] == 10404
    assert entered(world, line, args=[ORDER, ORDER])["retCode"] == 10001
    assert entered(world, line, header={})["retCode"] == 10001
    late = {"X-BAPI-TIMESTAMP": str(world.ms - 1001), "X-BAPI-RECV-WINDOW": "1000"}
    assert entered(world, line, header=late)["retCode"] == 10002
    assert entered(world, line, header={"X-BAPI-TIMESTAMP": world.ms})["retCode"] == 0
    stranger = client.socket("/v5/trade")
    assert entered(world, stranger)["retCode"] == 10003
    assert stranger.send(op="auth", args=["paper", world.ms + 1000, "bad"])["retCode"] == 10004


def test_a_restarting_service_takes_nothing_new_on_old_lines() -> None:
    world = World()
    client = world.client()
    line = client.trade()
    world.fault("service_restart", value="trade")
    assert entered(world, line)["retCode"] == 10019
    assert entered(world, client.trade())["retCode"] == 0


@pytest.mark.parametrize("deed", [True, False])
def test_an_answer_that_says_nothing(deed: bool) -> None:
    world = World()
    client = world.client()
    line = client.trade()
    world.fault("trade_error", value="10000", deed=deed)
    assert entered(world, line, args=[ORDER | {"orderLinkId": "doubt"}])["retCode"] == 10000
    found = client.ask("/v5/order/realtime", category="linear", orderLinkId="doubt")["list"]
    assert len(found) == int(deed)


def test_rest_and_socket_share_one_budget() -> None:
    world = World()
    client = world.client()
    line = client.trade()
    for _ in range(9):
        assert client.create()["retCode"] == 0
    assert entered(world, line)["retCode"] == 0
    said = entered(world, line)
    assert said["retCode"] == 10006
    assert said["header"]["X-Bapi-Limit-Status"] == "0"
    assert client.create()["retCode"] == 10006
