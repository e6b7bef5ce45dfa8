"""Market data of the Binance spot testnet: REST answers, streams, the book that can be kept from both."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spot_kit import BTC, MS, SECOND, Line, Socket, Spot

from kedge.sim.binance.weights import DAY_NS
from kedge.sim.testnet.web import Request


def stream(spot: Spot, *names: str) -> Socket:
    return spot.socket("/stream", "streams=" + "/".join(names))


class Book:
    """A local book, kept as the documents say."""

    def __init__(self) -> None:
        self.update_id = 0
        self.sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}

    def begin(self, snapshot: Any) -> None:
        self.update_id = snapshot["lastUpdateId"]
        self.sides = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}

    def apply(self, event: Any) -> bool:
        """False where something was missed."""
        if event["u"] <= self.update_id:
            return True
        if event["U"] > self.update_id + 1:
            return False
        for side in ("b", "a"):
            for price, qty in event[side]:
                self.sides[side][price] = qty
                if Decimal(qty) == 0:
                    del self.sides[side][price]
        self.update_id = event["u"]
        return True

    def same_as(self, snapshot: Any) -> bool:
        return (
            self.update_id == snapshot["lastUpdateId"]
            and self.sides["b"] == dict(snapshot["bids"])
            and self.sides["a"] == dict(snapshot["asks"])
        )


# ── the book ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("speed", ["@100ms", ""])
def test_a_book_is_kept_from_a_snapshot_and_its_changes(speed: str) -> None:
    spot = Spot("synthetic")
    socket = spot.socket(f"/ws/btcusdt@depth{speed}")
    spot.wait(SECOND)
    book = Book()
    book.begin(spot.ask("GET", "/api/v3/depth", symbol=BTC, limit=5000))
    told = 0
    for _ in range(60):
        spot.wait(200 * MS)
        for event in socket.take():
            assert event["e"] == "depthUpdate"
            assert book.apply(event)
            told += 1
    spot.net.house.exchange.halt(f"spot:{BTC}", True, spot.now_ns)
    spot.wait(2 * SECOND)
    assert all(book.apply(event) for event in socket.take())
    assert book.same_as(spot.ask("GET", "/api/v3/depth", symbol=BTC, limit=5000))
    assert told > 10


def test_events_follow_each_other_until_one_is_lost() -> None:
    spot = Spot()
    socket = spot.socket("/ws/btcusdt@depth@100ms")
    ends = []
    for number in range(6):
        if number == 3:
            spot.arm("book_gap", symbol=BTC)
        spot.move(str(60_000 + number))
        spot.wait()
        ends += [(event["U"], event["u"]) for event in socket.take()]
    gaps = [after[0] - before[1] for before, after in itertools.pairwise(ends)]
    assert len(ends) == 5
    assert gaps.count(1) == 3
    assert max(gaps) > 1


def test_the_best_levels_are_said_again_and_again() -> None:
    spot = Spot()
    partial, best = spot.socket("/ws/btcusdt@depth5@100ms"), spot.socket("/ws/btcusdt@bookTicker")
    spot.move("60010")
    spot.wait()
    [event] = partial.take()
    assert (len(event["bids"]), event["bids"][0][0]) == (5, "60009.99000000")
    told = best.take()[-1]
    assert list(told) == ["u", "s", "b", "B", "a", "A"]
    assert (told["b"], told["a"]) == ("60009.99000000", "60010.01000000")
    spot.wait()
    assert partial.take() == []
    ticker = spot.ask("GET", "/api/v3/ticker/bookTicker", symbol=BTC)
    assert (ticker["bidPrice"], ticker["askPrice"]) == (told["b"], told["a"])


# ── trades ──────────────────────────────────────────────────────────────────────────────────────


def test_trades_of_one_taker_at_one_price_are_one_aggregate() -> None:
    spot = Spot()
    for number in range(3):
        spot.order(price="60000", quantity="0.1", newClientOrderId=f"m{number}")
    socket = stream(spot, "btcusdt@trade", "btcusdt@aggTrade")
    spot.add_key("taker", "taker")
    spot.key, spot.secret = "taker", "secret"
    spot.order("SELL", "MARKET", quantity="0.3")
    said = socket.take()
    trades = [one["data"] for one in said if one["stream"] == "btcusdt@trade"]
    [whole] = [one["data"] for one in said if one["stream"] == "btcusdt@aggTrade"]
    ids = [one["t"] for one in trades]
    assert ids == [ids[0], ids[0] + 1, ids[0] + 2]
    assert (whole["q"], whole["f"], whole["l"], whole["m"]) == ("0.30000000", ids[0], ids[2], True)
    assert all(one["m"] for one in trades), "the buyer was the maker"
    rows = spot.ask("GET", "/api/v3/trades", symbol=BTC, limit=3)
    assert [row["id"] for row in rows] == ids
    assert [
        row["id"] for row in spot.ask("GET", "/api/v3/historicalTrades", symbol=BTC, fromId=ids[1])
    ] == ids[1:]
    [row] = spot.ask("GET", "/api/v3/aggTrades", symbol=BTC, fromId=whole["a"])
    assert (row["a"], row["f"], row["l"]) == (whole["a"], ids[0], ids[2])
    assert spot.ask("GET", "/api/v3/avgPrice", symbol=BTC)["price"] == "60000.00000000"


# ── bars and tickers ────────────────────────────────────────────────────────────────────────────


def test_a_bar_is_final_once() -> None:
    spot = Spot()
    spot.now_ns += 60 * SECOND - spot.now_ns % (60 * SECOND)
    spot.wait()
    socket = spot.socket("/ws/btcusdt@kline_1m")
    for number in range(70):
        if number % 10 == 0:
            spot.order(type="MARKET", quantity="0.001")
        spot.wait(SECOND)
    bars = [one["k"] for one in socket.take()]
    [final] = [bar for bar in bars if bar["x"]]
    assert (final["t"] % 60_000, final["T"] - final["t"], final["n"]) == (0, 59_999, 6)
    assert final["L"] - final["f"] == final["n"] - 1
    rows = spot.ask("GET", "/api/v3/klines", symbol=BTC, interval="1m", startTime=final["t"], limit=1)
    assert [rows[0][0], rows[0][1], rows[0][4], rows[0][5], rows[0][8]] == [
        final["t"],
        final["o"],
        final["c"],
        final["v"],
        final["n"],
    ]


def test_history_is_paged_and_whole() -> None:
    spot = Spot()
    first = spot.ask("GET", "/api/v3/klines", symbol=BTC, interval="5m", limit=1000)
    assert len(first) > 500
    assert all(after[0] - before[0] == 300_000 for before, after in itertools.pairwise(first))
    again = spot.ask("GET", "/api/v3/klines", symbol=BTC, interval="5m", startTime=first[3][0], limit=2)
    assert again == first[3:5]
    assert spot.ask("GET", "/api/v3/klines", symbol=BTC, interval="7m")[1] == -1120
    assert spot.ask("GET", "/api/v3/klines", symbol=BTC, interval="1h", timeZone="15:00")[1] == -1130


def test_the_day_in_numbers() -> None:
    spot = Spot()
    socket = stream(spot, "btcusdt@ticker", "btcusdt@miniTicker", "!miniTicker@arr", "btcusdt@ticker_1h")
    spot.order(type="MARKET", quantity="0.01")
    spot.wait(SECOND)
    said = {one["stream"]: one["data"] for one in socket.take()}
    assert said["btcusdt@ticker"]["c"] == "60000.01000000"
    assert said["btcusdt@miniTicker"]["e"] == "24hrMiniTicker"
    assert len(said["!miniTicker@arr"]) == 4
    assert said["btcusdt@ticker_1h"]["C"] - said["btcusdt@ticker_1h"]["O"] == 3_600_000
    day = spot.ask("GET", "/api/v3/ticker/24hr", symbol=BTC)
    assert (day["lastPrice"], day["closeTime"] - day["openTime"]) == ("60000.01000000", 86_400_000)
    assert "bidPrice" not in spot.ask("GET", "/api/v3/ticker/24hr", symbol=BTC, type="MINI")
    hour = spot.ask("GET", "/api/v3/ticker", symbol=BTC, windowSize="1h")
    assert (hour["closeTime"] - hour["openTime"], "bidPrice" in hour) == (3_600_000, False)
    assert spot.ask("GET", "/api/v3/ticker", symbol=BTC, windowSize="60m")[1] == -1130
    assert spot.ask("GET", "/api/v3/ticker/tradingDay", symbols='["BTCUSDT"]')[0]["symbol"] == BTC
    both = spot.ask("GET", "/api/v3/ticker/price", symbols='["BTCUSDT","ETHUSDT"]')
    assert [one["symbol"] for one in both] == ["BTCUSDT", "ETHUSDT"]
    assert len(spot.ask("GET", "/api/v3/ticker/price")) == 4
    assert spot.ask("GET", "/api/v3/ticker/price", symbols='["BTCUSDT","BTCUSDT"]')[1] == -1151
    assert spot.ask("GET", "/api/v3/ticker/price", symbols="BTC")[1] == -1100


def test_instruments_have_all_that_is_needed_to_trade_them() -> None:
    spot = Spot()
    info = spot.ask("GET", "/api/v3/exchangeInfo", symbols='["BTCUSDT","BNBUSDT"]')
    assert [one["symbol"] for one in info["symbols"]] == ["BTCUSDT", "BNBUSDT"]
    filters = {one["filterType"]: one for one in info["symbols"][0]["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert filters["LOT_SIZE"]["stepSize"] == "0.00001000"
    assert filters["NOTIONAL"]["minNotional"] == "5.00000000"
    assert filters["MARKET_LOT_SIZE"]["maxQty"] == "120.00000000"
    assert {one["rateLimitType"] for one in info["rateLimits"]} == {
        "REQUEST_WEIGHT",
        "ORDERS",
        "RAW_REQUESTS",
    }
    assert spot.ask("GET", "/api/v3/exchangeInfo", permissions="MARGIN")["symbols"] == []


# ── sockets ─────────────────────────────────────────────────────────────────────────────────────


def test_streams_are_joined_and_left_by_message() -> None:
    spot = Spot()
    socket = spot.socket("/ws")
    assert socket.send(method="SUBSCRIBE", params=["btcusdt@trade", "nope@nothing"], id=1) == {
        "result": None,
        "id": 1,
    }
    assert socket.send(method="LIST_SUBSCRIPTIONS", id="a") == {
        "result": ["btcusdt@trade", "nope@nothing"],
        "id": "a",
    }
    spot.wait(SECOND)
    assert socket.send(method="SET_PROPERTY", params=["combined", True], id=2) == {"result": None, "id": 2}
    assert socket.send(method="GET_PROPERTY", params=["combined"], id=3) == {"result": True, "id": 3}
    spot.order(type="MARKET", quantity="0.01")
    assert [one["stream"] for one in socket.take()] == ["btcusdt@trade"]
    spot.wait(SECOND)
    socket.send(method="UNSUBSCRIBE", params=["btcusdt@trade"], id=4)
    spot.order(type="MARKET", quantity="0.01")
    assert socket.take() == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"{", 3),
        (b"[]", 3),
        (b"{}", 2),
        (b'{"method":"SING","id":1}', 2),
        (b'{"method":"SUBSCRIBE","params":"x","id":1}', 2),
        (b'{"method":"SUBSCRIBE","params":[1],"id":1}', 2),
        (b'{"method":"LIST_SUBSCRIPTIONS","id":1.5}', 2),
        (b'{"method":"SET_PROPERTY","params":[1],"id":1}', 2),
        (b'{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1),
        (b'{"method":"GET_PROPERTY","params":["colour"],"id":1}', 0),
        (b'{"method":"GET_PROPERTY","params":["combined",1],"id":1}', 2),
    ],
)
def test_messages_that_are_no_requests(message: bytes, code: int) -> None:
    socket = Spot().socket("/ws")
    socket.visitor.heard(message)
    [answer] = socket.take()
    assert answer["code"] == code


def subscription(name: str) -> bytes:
    return b'{"method":"SUBSCRIBE","params":["%s"],"id":1}' % name.encode()


@given(st.binary(max_size=60) | st.text(max_size=40).map(subscription))
def test_no_message_breaks_a_stream(message: bytes) -> None:
    READER.visitor.heard(message)
    assert len(READER.take()) == 1
    SHARED.wait(SECOND)
    for payload in READER.line.pings:
        READER.visitor.ponged(payload)
    READER.line.pings.clear()


SHARED = Spot()
READER = SHARED.socket("/ws")


def test_a_socket_is_pinged_and_must_answer() -> None:
    spot = Spot()
    good, deaf = spot.socket("/ws/btcusdt@trade"), spot.socket("/ws/btcusdt@trade")
    for _ in range(5):
        spot.wait(20 * SECOND)
        if good.line.pings:
            good.visitor.ponged(good.line.pings[-1])
        deaf.visitor.ponged(b"")  # Nobody asked for that one.
    assert len(good.line.pings) == 5
    assert good.line.closed is None
    assert deaf.line.closed == (1008, "Pong timeout")
    spot.wait(DAY_NS)
    assert good.line.closed == (1001, "Going away")


def test_five_messages_a_second_are_enough() -> None:
    spot = Spot()
    socket = spot.socket("/ws")
    for number in range(5):
        assert socket.send(method="LIST_SUBSCRIPTIONS", id=number) is not None
    assert socket.send(method="LIST_SUBSCRIPTIONS", id=6) is None
    assert socket.line.closed == (1008, "Too many requests")


def test_three_hundred_sockets_in_five_minutes_are_enough() -> None:
    spot = Spot()
    spot.now_ns += 300 * SECOND - spot.now_ns % (300 * SECOND)
    for _ in range(300):
        spot.socket("/ws/btcusdt@trade")
    reply: Any = spot.net.socket(Request("GET", "/ws", "", {}, b""), Line())
    assert reply.status == 429
    spot.now_ns += 300 * SECOND
    spot.socket("/ws/btcusdt@trade")


def test_the_server_says_when_it_goes() -> None:
    spot = Spot()
    raw, combined, api = spot.socket("/ws"), spot.socket("/stream"), spot.api()
    spot.arm("server_shutdown", delay_ns=5 * SECOND)
    assert raw.take()[0]["e"] == "serverShutdown"
    assert combined.take()[0]["stream"] == "!serverShutdown"
    assert api.take()[0]["event"]["e"] == "serverShutdown"
    spot.wait(4 * SECOND)
    assert raw.line.closed is None
    spot.wait(SECOND)
    assert raw.line.closed == combined.line.closed == api.line.closed == (1001, "Going away")


def test_who_leaves_is_forgotten() -> None:
    spot = Spot()
    sockets = [spot.socket("/ws/btcusdt@depth"), spot.api()]
    assert (spot.net.spot.stats()["streams"], spot.net.spot.stats()["callers"]) == (1, 1)
    for socket in sockets:
        socket.visitor.gone()
    assert (spot.net.spot.stats()["streams"], spot.net.spot.stats()["callers"]) == (0, 0)
    spot.move("60100")
    spot.wait(SECOND)
