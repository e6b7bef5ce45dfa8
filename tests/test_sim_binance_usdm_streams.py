"""Streams of the futures testnet: books that chain, bars that end once, three roads, keys, limits."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from usdm_kit import BTC, HOUR_NS, MS, SECOND_NS, Ears, World

from kedge.sim.testnet.web import Request

MINUTE_NS = 60 * SECOND_NS


def rest_book(world: World) -> tuple[int, dict[str, dict[str, str]]]:
    shown = world.public("v1/depth", symbol=BTC, limit=1000)
    return shown["lastUpdateId"], {"b": dict(shown["bids"]), "a": dict(shown["asks"])}


def applied(book: dict[str, dict[str, str]], event: dict[str, Any]) -> None:
    for side in ("b", "a"):
        for price, qty in event[side]:
            if Decimal(qty):
                book[side][price] = qty
            else:
                book[side].pop(price, None)


# ── the book ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("speed", ["", "@100ms", "@500ms"])
def test_a_local_book_kept_by_the_documents_is_the_venues(speed: str) -> None:
    world = World()
    ears = world.open(f"/public/ws/btcusdt@depth{speed}")
    world.move(BTC, "60010")
    world.pass_time(SECOND_NS)
    last, book = rest_book(world)
    for step, price in enumerate(("60005", "59000", "60020", "61000")):
        world.move(BTC, price)
        if step % 2:
            world.pass_time(SECOND_NS)
    world.pass_time(SECOND_NS)
    events = [e for e in ears.events("depthUpdate") if e["u"] >= last]
    assert events[0]["U"] <= last <= events[0]["u"]
    for before, after in pairwise(events):
        assert after["pu"] == before["u"] < after["U"] <= after["u"]
    for event in events:
        applied(book, event)
    assert (events[-1]["u"], book) == rest_book(world)


def test_a_lost_update_is_noticed_by_the_next() -> None:
    world = World()
    ears = world.open("/public/ws/btcusdt@depth@100ms")
    for number in range(4):
        if number == 2:
            world.fault("book_gap", path="/public")
        world.move(BTC, str(60_010 + number))
        world.pass_time(SECOND_NS)
    events = ears.events("depthUpdate")
    chained = [after["pu"] == before["u"] for before, after in pairwise(events)]
    assert (len(events), chained) == (3, [True, False])


def test_the_best_prices_are_told_when_they_change() -> None:
    world = World()
    ears = world.open("/public/ws/btcusdt@bookTicker")
    world.net.tick()
    world.move(BTC, "60010")
    last = ears.events("bookTicker")[-1]
    assert (last["b"], last["a"]) == ("60009.90", "60010.10")
    assert last["u"] == rest_book(world)[0]
    told = len(ears.frames)
    world.place(price="50000")
    assert len(ears.frames) == told


def test_the_top_of_the_book_is_told_whole() -> None:
    world = World()
    ears = world.open("/public/ws/btcusdt@depth5@100ms")
    world.move(BTC, "60010")
    world.pass_time(SECOND_NS)
    event = ears.events("depthUpdate")[-1]
    assert len(event["b"]) == len(event["a"]) == 5
    assert event["b"][0][0] == "60009.90"


# ── the market ──────────────────────────────────────────────────────────────────────────────────


def test_trades_are_numbered_without_a_gap() -> None:
    world = World()
    sockets = [world.open("/market/ws/btcusdt@aggTrade"), world.open("/public/ws/btcusdt@trade")]
    world.market("BUY", "4")
    world.market("SELL", "0.010")
    events = [frame for ears in sockets for frame in ears.frames]
    trades = [e for e in events if e["e"] == "trade"]
    numbers = [e["t"] for e in trades]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    aggregates = [e for e in events if e["e"] == "aggTrade"]
    assert sum(Decimal(e["q"]) for e in aggregates) == Decimal("4.010")
    assert [e["a"] for e in aggregates] == list(
        range(aggregates[0]["a"], aggregates[0]["a"] + len(aggregates))
    )
    assert [e["m"] for e in aggregates] == [False, False, False, True]
    mine = world.get("v1/userTrades", symbol=BTC)
    assert [f["id"] for f in mine] == numbers
    public = world.public("v1/trades", symbol=BTC)
    assert [t["id"] for t in public] == numbers
    assert [t["id"] for t in world.public("v1/historicalTrades", symbol=BTC, fromId=numbers[1])] == numbers[
        1:
    ]
    assert [t["a"] for t in world.public("v1/aggTrades", symbol=BTC)] == [e["a"] for e in aggregates]


def test_a_bar_is_final_once() -> None:
    world = World()
    world.pass_time(MINUTE_NS - world.real_ns % MINUTE_NS)
    ears = world.open("/market/ws/btcusdt@kline_1m")
    world.market("BUY", "0.010")
    world.pass_time(3 * MINUTE_NS + SECOND_NS, 30)
    bars = [frame["k"] for frame in ears.events("kline")]
    final = [bar for bar in bars if bar["x"]]
    assert [bar["t"] for bar in final] == [final[0]["t"] + 60_000 * n for n in range(3)]
    assert (final[0]["v"], final[0]["n"], final[0]["f"]) == ("0.010", 1, final[0]["L"])
    assert (final[1]["v"], final[1]["o"], final[1]["c"]) == ("0.000", final[0]["c"], final[0]["c"])
    rows = world.public("v1/klines", symbol=BTC, interval="1m", startTime=final[0]["t"], limit=3)
    assert [row[0] for row in rows] == [bar["t"] for bar in final]
    assert [row[4] for row in rows] == [bar["c"] for bar in final]


def test_marks_and_tickers_come_at_their_pace() -> None:
    world = World()
    names = "btcusdt@markPrice/btcusdt@markPrice@1s/!markPrice@arr@1s/btcusdt@ticker/!miniTicker@arr"
    ears = world.open("/market/stream", f"streams={names}/btcusdt_perpetual@continuousKline_1m")
    world.pass_time(6 * SECOND_NS, 60)
    count = {name: sum(f["stream"] == name for f in ears.frames) for name in names.split("/")}
    assert list(count.values()) == [2, 6, 6, 3, 6]
    lists = [f["data"] for f in ears.frames if f["stream"] == "!markPrice@arr@1s"]
    assert [m["s"] for m in lists[0]] == list(world.usdm.listings.all)
    day = next(f["data"] for f in ears.frames if f["stream"] == "btcusdt@ticker")
    assert day["c"] == world.public("v1/ticker/24hr", symbol=BTC)["lastPrice"]


# ── roads ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "switch", "heard"),
    [
        ("/public", "", ["depthUpdate"]),
        ("/market", "", ["aggTrade"]),
        ("/private", "", []),
        ("/fstream", "", ["depthUpdate"]),
        ("/fstream", "unrouted=all", ["aggTrade", "depthUpdate"]),
        ("/fstream", "unrouted=none", []),
    ],
)
def test_each_road_has_its_own(path: str, switch: str, heard: list[str]) -> None:
    world = World(*[switch] if switch else [])
    ears = world.open(f"{path}/ws/btcusdt@depth/btcusdt@aggTrade")
    world.market("BUY", "0.010")
    world.pass_time(SECOND_NS)
    assert sorted(dict.fromkeys(ears.kinds())) == heard


def test_a_path_that_is_no_stream() -> None:
    world = World()
    for path in ("/public", "/public/nothing", "/market"):
        found = world.net.socket(Request("GET", path, "", {}, b""), Ears())
        assert getattr(found, "status", 0) == 404


def test_subscriptions_are_made_and_ended_live() -> None:
    world = World()
    ears = world.open("/public/ws")
    assert ears.tell(method="SUBSCRIBE", params=["btcusdt@depth@100ms"], id=1) == {"result": None, "id": 1}
    assert ears.tell(method="LIST_SUBSCRIPTIONS", id=2)["result"] == ["btcusdt@depth@100ms"]
    world.move(BTC, "60010")
    world.pass_time(SECOND_NS)
    assert ears.events("depthUpdate")
    assert ears.tell(method="SET_PROPERTY", params=["combined", True], id=3)["result"] is None
    assert ears.tell(method="GET_PROPERTY", params=["combined"], id=4)["result"] is True
    world.move(BTC, "60000")
    world.pass_time(SECOND_NS)
    assert ears.frames[-1]["stream"] == "btcusdt@depth@100ms"
    ears.tell(method="UNSUBSCRIBE", params=["btcusdt@depth@100ms"], id=5)
    before = len(ears.frames)
    world.move(BTC, "60010")
    world.pass_time(SECOND_NS)
    assert len(ears.frames) == before


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", 3),
        ("[]", 3),
        ('{"id":1}', 2),
        ('{"method":"DANCE","id":1}', 2),
        ('{"method":"SUBSCRIBE","params":["a"]}', 2),
        ('{"method":"SUBSCRIBE","params":"a","id":1}', 2),
        ('{"method":"SET_PROPERTY","params":["colour",true],"id":1}', 0),
        ('{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}', 1),
        ('{"method":"GET_PROPERTY","params":[],"id":1}', 2),
        ('{"method":"GET_PROPERTY","params":["a","b"],"id":1}', 2),
    ],
)
def test_frames_that_are_no_requests(frame: str, code: int) -> None:
    ears = World().open("/public/ws")
    assert ears.visitor is not None
    ears.visitor.heard(frame.encode())
    assert ears.frames[0]["code"] == code
    assert ears.closed is None


def test_names_that_do_not_exist_are_taken() -> None:
    world = World()
    names = ["nope@depth", "btcusdt@dance", "BTCUSDT@depth", "btcusdt@kline_7m", "!dance@arr", ""]
    ears = world.open("/public/ws")
    assert ears.tell(method="SUBSCRIBE", params=names, id=1) == {"result": None, "id": 1}
    world.move(BTC, "60010")
    world.pass_time(SECOND_NS)
    assert len(ears.frames) == 1


# ── life of a socket ────────────────────────────────────────────────────────────────────────────


def test_pings_every_three_minutes_and_ten_to_answer() -> None:
    world = World()
    ears, silent = world.open("/public/ws"), world.open("/public/ws")
    for _ in range(60):
        world.pass_time(30 * SECOND_NS)
        if ears.pings and ears.visitor is not None:
            ears.visitor.ponged(ears.pings[-1])
    assert len(ears.pings) == 10
    assert ears.closed is None
    assert silent.closed is not None


def test_a_day_is_the_end() -> None:
    world = World()
    ears = world.open("/public/ws")
    for _ in range(24 * 20):
        world.pass_time(3 * MINUTE_NS)
        if ears.pings and ears.visitor is not None and ears.closed is None:
            ears.visitor.ponged(ears.pings[-1])
    assert ears.closed is not None


def test_ten_messages_a_second_and_no_more() -> None:
    world = World()
    ears = world.open("/public/ws")
    for number in range(10):
        ears.tell(method="LIST_SUBSCRIPTIONS", id=number)
    assert ears.closed is None
    ears.tell(method="LIST_SUBSCRIPTIONS", id=11)
    assert ears.closed is not None
    assert ears.closed[0] == 1008


def test_a_thousand_and_twenty_four_streams() -> None:
    world = World()
    ears = world.open("/public/ws")
    ears.tell(method="SUBSCRIBE", params=[f"s{n}@depth" for n in range(1024)], id=1)
    assert ears.closed is None
    ears.tell(method="SUBSCRIBE", params=["btcusdt@depth"], id=2)
    assert ears.closed is not None


# ── the private road ────────────────────────────────────────────────────────────────────────────


def key_of(world: World, method: str = "POST") -> Any:
    return json.loads(world.reply(method, "v1/listenKey").body)


def test_a_key_is_one_for_an_hour_and_kept_by_asking() -> None:
    world = World()
    key = key_of(world)
    assert key_of(world) == key
    assert len(key["listenKey"]) == 64
    world.pass_time(50 * MINUTE_NS)
    assert key_of(world, "PUT") == key
    world.pass_time(50 * MINUTE_NS)
    assert key_of(world) == key
    world.pass_time(61 * MINUTE_NS)
    assert key_of(world, "PUT")["code"] == -1125
    assert key_of(world) != key


def test_a_key_that_runs_out_is_told_and_then_there_is_silence() -> None:
    world = World()
    ears = world.listen()
    world.pass_time(HOUR_NS)
    assert ears.kinds() == ["listenKeyExpired"]
    world.place()
    assert ears.kinds() == ["listenKeyExpired"]
    assert ears.closed is None
    fresh = key_of(world)["listenKey"]
    ears.tell(method="SUBSCRIBE", params=[fresh], id=1)
    world.place()
    assert ears.kinds()[-1] == "ORDER_TRADE_UPDATE"


def test_a_fault_may_end_a_key() -> None:
    world = World()
    ears = world.listen()
    world.fault("usdm_expire_keys", account="main")
    world.net.tick()
    assert ears.kinds() == ["listenKeyExpired"]


def test_a_key_that_is_given_back_closes_its_streams() -> None:
    world = World()
    ears = world.listen()
    assert key_of(world, "DELETE") == {}
    assert ears.closed is not None
    assert key_of(world, "PUT")["code"] == -1125


def test_keys_by_query_with_the_events_that_are_wanted() -> None:
    world = World()
    key = key_of(world)["listenKey"]
    some = world.open("/private/ws", f"listenKey={key}&events=ACCOUNT_UPDATE/TRADE_LITE")
    wrapped = world.open("/private/stream", f"listenKey={key}&events=ORDER_TRADE_UPDATE")
    one = world.open("/private/ws")
    one.tell(method="SUBSCRIBE", params=[f"{key}@ORDER_TRADE_UPDATE"], id=1)
    nobody = world.open("/public/ws/" + key)
    world.market("BUY", "0.010")
    assert some.kinds() == ["TRADE_LITE", "ACCOUNT_UPDATE"]
    assert [(f["stream"], f["data"]["o"]["X"]) for f in wrapped.frames] == [(key, "NEW"), (key, "FILLED")]
    assert one.kinds()[1:] == ["ORDER_TRADE_UPDATE"] * 2
    assert nobody.frames == []


def test_nobody_hears_what_is_not_his() -> None:
    world = World()
    world.add_key("rival", "rival")
    mine = world.listen()
    world.key = "rival"
    theirs = world.listen()
    world.place()
    assert (mine.frames, len(theirs.frames)) == ([], 1)


def test_the_order_of_one_fill() -> None:
    """The light message first, then the account, then the order; all speak of one trade."""
    world = World()
    ears = world.listen()
    world.market("BUY", "0.010")
    assert ears.kinds() == ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]
    light, order = ears.frames[1], ears.frames[3]["o"]
    assert (light["t"], light["i"], light["l"], light["L"]) == (
        order["t"],
        order["i"],
        order["l"],
        order["L"],
    )
    assert Decimal(order["n"]) > 0


def test_without_the_light_message_where_it_is_switched_off() -> None:
    world = World("trade_lite=false")
    ears = world.listen()
    world.market("BUY", "0.010")
    assert "TRADE_LITE" not in ears.kinds()


def test_news_is_told_before_the_answer_and_stamped_in_order() -> None:
    world = World()
    ears = world.listen()
    world.place()
    assert ears.frames[0]["o"]["X"] == "NEW"
    for _ in range(3):
        world.pass_time(SECOND_NS)
        world.market("BUY", "0.010")
    stamps = [frame["E"] for frame in ears.frames]
    assert stamps == sorted(stamps)
    assert stamps[-1] == world.real_ns // MS


def test_goodbye() -> None:
    world = World()
    sockets = [world.listen(), world.api(), world.open("/public/ws")]
    world.net.close()
    assert all(ears.closed is not None for ears in sockets)
